// Included by kernels_*.cpp with KERNELS_NAMESPACE set, each compiled for another instruction set.
// It must include nothing that has inline functions: the linker could choose the copy that an old
// processor cannot run.
#include "synthetic_focus/kernels.h"

namespace synthetic_focus::KERNELS_NAMESPACE {
namespace {

using Light = double __attribute__((vector_size(32)));
using LightF = float __attribute__((vector_size(16)));
using LightU = double __attribute__((vector_size(32), aligned(8)));
using LightFU = float __attribute__((vector_size(16), aligned(4)));

constexpr double kNothing = 1e-7;  // coverage below this is rounding
// Layers up to 1 apart are one surface; from 3 on they are two.
constexpr float kSameSurface = 1.0f;
constexpr float kPassage = 2.0f;
constexpr float kSomething = 0.01f;  // less coverage does not connect a surface's layers
constexpr float kFull =
    1.01f;  // curved surfaces' patches leave up to 1 % open, which nothing fills

inline Light wide(const float* values) {
    return __builtin_convertvector(*reinterpret_cast<const LightFU*>(values), Light);
}

inline void add(double* cell, Light value) {
    LightU* target = reinterpret_cast<LightU*>(cell);
    *target = *target + value;
}

inline void add(double* cell, Light a, double weight_a, Light b, double weight_b) {
    LightU* target = reinterpret_cast<LightU*>(cell);
    *target = *target + a * weight_a + b * weight_b;
}

// One row of the patches of `count` neighbours, all within the row of cells: a neighbour's end lies
// one cell on, so that each cell gets this sample's larger part and the last one's spill in one go.
template <int N>
inline void scatter_inside(double* cells, const float* values, int count, int left, int right,
                           const Span& span) {
    const double weight = span.weight;
    const double start_spill = weight * span.left_fraction;
    const double start = weight - start_spill;
    const double end_spill = -weight * span.right_fraction;
    const double end = -weight - end_spill;
    double* starts = cells + static_cast<long>(left) * N;
    double* ends = cells + static_cast<long>(right) * N;
    for (int part = 0; part < N; part += 4) {
        Light last{};
        for (int i = 0; i < count; ++i) {
            const long at = static_cast<long>(i) * N + part;
            const Light value = wide(values + at);
            add(starts + at, value, start, last, start_spill);
            add(ends + at, value, end, last, end_spill);
            last = value;
        }
        const long at = static_cast<long>(count) * N + part;
        add(starts + at, last * start_spill);
        add(ends + at, last * end_spill);
    }
}

// The same where patches reach beyond the row.
template <int N>
void scatter_clipped(double* cells, int width, const float* values, int count, int left, int right,
                     const Span& span) {
    for (int i = 0; i < count; ++i, ++left, ++right, values += N) {
        if (right < 0 || left >= width) continue;
        const int begin = left < 0 ? 0 : left;
        const double start_spill = left < 0 ? 0.0 : span.left_fraction;
        for (int part = 0; part < N; part += 4) {
            const Light value = wide(values + part) * static_cast<double>(span.weight);
            double* cell = cells + static_cast<long>(begin) * N + part;
            add(cell, value * (1.0 - start_spill));
            add(cell + N, value * start_spill);
            if (right >= width) continue;
            cell = cells + static_cast<long>(right) * N + part;
            add(cell, value * (static_cast<double>(span.right_fraction) - 1.0));
            add(cell + N, value * -static_cast<double>(span.right_fraction));
        }
    }
}

template <int N>
void scatter(double* cells, int width, const float* values, const Run* runs, int count, Rows dy,
             const SpanRows& rows, Columns* touched) {
    const long row_cells = static_cast<long>(width + 2) * N;
    for (const Run* run = runs; run != runs + count; ++run) {
        const int first = dy.begin < -run->reach ? -run->reach : dy.begin;
        const int last = dy.end > run->reach + 1 ? run->reach + 1 : dy.end;
        const std::uint32_t* row_spans = rows.first + run->rows;
        const float* run_values = values + static_cast<long>(run->begin) * N;
        for (int row = first; row < last; ++row) {
            double* row_begin = cells + (row - dy.begin) * row_cells;
            Columns& columns = touched[row - dy.begin];
            const Span* spans_end = rows.spans + row_spans[row + 1];
            for (const Span* span = rows.spans + row_spans[row]; span != spans_end; ++span) {
                const int left = run->x + span->left;
                const int right = run->x + span->right;
                if (left >= width || right + run->count <= 0) continue;
                if (left >= 0 && right + run->count <= width + 1) {
                    scatter_inside<N>(row_begin, run_values, run->count, left, right, *span);
                } else {
                    scatter_clipped<N>(row_begin, width, run_values, run->count, left, right,
                                       *span);
                }
                const int begin = left < 0 ? 0 : left;
                const int end = right + run->count + 1;
                columns.begin = begin < columns.begin ? begin : columns.begin;
                columns.end = end > columns.end ? end : columns.end;
            }
        }
    }
}

template <int N>
void composite(double* cells, int width, const Columns& touched, int layer, PixelState* pixels) {
    constexpr int kChannels = N == 4 ? 3 : 4;
    Light sum[N / 4] = {};
    const int end = touched.end < width ? touched.end : width;
    for (int x = touched.begin; x < end; ++x) {
        for (int k = 0; k < N / 4; ++k) {
            LightU* cell = reinterpret_cast<LightU*>(cells + static_cast<long>(x) * N + 4 * k);
            sum[k] = sum[k] + *cell;
            *cell = Light{};
        }
        const double coverage = N == 4 ? sum[0][3] : sum[N / 4 - 1][0];
        PixelState& pixel = pixels[x];
        if (coverage < kNothing || layer > pixel.last) continue;
        const float apart = (static_cast<float>(layer - pixel.at) - kSameSurface) / kPassage;
        if (apart > 0.0f && pixel.covered > 0.0f) {
            const float open = pixel.covered * kFull < 1.0f ? 1.0f - pixel.covered * kFull : 0.0f;
            const float kept = apart < 1.0f ? pixel.covered * (1.0f - apart) : 0.0f;
            pixel.open *= open / (1.0f - kept > 1e-3f ? 1.0f - kept : 1e-3f);
            pixel.covered = kept;
        }
        const float added = static_cast<float>(coverage);
        if (added > kSomething) pixel.at = static_cast<std::int16_t>(layer);
        const float free = pixel.covered < 1.0f ? 1.0f - pixel.covered : 0.0f;
        const float share = pixel.open * (added < free ? added : free);
        pixel.covered += added;
        pixel.shown += share;
        const LightF light = __builtin_convertvector(sum[0] * (share / coverage), LightF);
        for (int c = 0; c < kChannels; ++c) pixel.light[c] += light[c];
    }
    // Runs that end beyond the row, and the cell that takes nothing, have left their ends here.
    for (int i = width * N; i < (width + 2) * N; ++i) cells[i] = 0.0;
}

}  // namespace

extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
const Kernels<4> kOpaque{scatter<4>, composite<4>};
const Kernels<8> kWithAlpha{scatter<8>, composite<8>};

}  // namespace synthetic_focus::KERNELS_NAMESPACE
