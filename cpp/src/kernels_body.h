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

template <int N>
struct Cell {
    Light part[N / 4];
};

template <int N>
inline void add(double* cells, int i, const Cell<N>& value) {
    for (int k = 0; k < N / 4; ++k) {
        LightU* cell = reinterpret_cast<LightU*>(cells + static_cast<long>(i) * N + 4 * k);
        *cell = *cell + value.part[k];
    }
}

// One end of the runs of neighbouring samples. Neighbours' ends mostly fall into neighbouring
// cells, so the fraction that spills into the next cell waits in a register for the next sample's.
template <int N>
struct End {
    Cell<N> waiting{};
    int at;

    explicit End(int nowhere) : at(nowhere) {}

    void put(double* cells, int i, float fraction, const Cell<N>& value) {
        Cell<N> now;
        if (i != at) {
            add<N>(cells, at, waiting);
            for (int k = 0; k < N / 4; ++k) waiting.part[k] = Light{};
        }
        for (int k = 0; k < N / 4; ++k) {
            const Light spill = value.part[k] * static_cast<double>(fraction);
            now.part[k] = value.part[k] - spill + waiting.part[k];
            waiting.part[k] = spill;
        }
        add<N>(cells, i, now);
        at = i + 1;
    }
    void finish(double* cells) { add<N>(cells, at, waiting); }
};

template <int N>
void scatter(double* cells, int width, const Sample<N>* samples, int count, int dy,
             const SpanRows& rows, Columns& touched) {
    const int distance = dy < 0 ? -dy : dy;
    bool more = true;
    for (std::uint32_t pass = 0; more; ++pass) {
        more = false;
        End<N> starts(width + 1);
        End<N> ends(width + 1);
        for (int s = 0; s < count; ++s) {
            const Sample<N>& sample = samples[s];
            if (distance > sample.reach) continue;
            const std::uint32_t* row = rows.first + sample.rows + dy;
            const std::uint32_t index = row[0] + pass;
            if (index >= row[1]) continue;
            more |= index + 1 < row[1];
            const Span& span = rows.spans[index];
            int left = sample.x + span.left;
            const int right = sample.x + span.right;
            if (left >= width || right < 0) continue;
            Cell<N> value;
            for (int k = 0; k < N / 4; ++k) {
                const LightF f = *reinterpret_cast<const LightFU*>(sample.value + 4 * k);
                value.part[k] =
                    __builtin_convertvector(f, Light) * static_cast<double>(span.weight);
            }
            float fraction = span.left_fraction;
            if (left < 0) {
                left = 0;
                fraction = 0.0f;
            }
            starts.put(cells, left, fraction, value);
            touched.begin = left < touched.begin ? left : touched.begin;
            touched.end = right + 2 > touched.end ? right + 2 : touched.end;
            if (right >= width) continue;
            for (int k = 0; k < N / 4; ++k) value.part[k] = -value.part[k];
            ends.put(cells, right, span.right_fraction, value);
        }
        starts.finish(cells);
        ends.finish(cells);
    }
}

template <int N>
void composite(double* cells, int width, const Columns& touched, int layer, PixelState* pixels) {
    constexpr int kChannels = N == 4 ? 3 : 4;
    Cell<N> sum{};
    const int end = touched.end < width ? touched.end : width;
    for (int x = touched.begin; x < end; ++x) {
        for (int k = 0; k < N / 4; ++k) {
            LightU* cell = reinterpret_cast<LightU*>(cells + static_cast<long>(x) * N + 4 * k);
            sum.part[k] = sum.part[k] + *cell;
            *cell = Light{};
        }
        const double coverage = N == 4 ? sum.part[0][3] : sum.part[N / 4 - 1][0];
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
        const LightF light = __builtin_convertvector(sum.part[0] * (share / coverage), LightF);
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
