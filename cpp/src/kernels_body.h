// Included by kernels_*.cpp with KERNELS_NAMESPACE and KERNELS_LANES, the doubles of a register,
// set, each compiled for another instruction set. It must include nothing that has inline
// functions: the linker could choose the copy that an old processor cannot run.
#include "synthetic_focus/kernels.h"

namespace synthetic_focus::KERNELS_NAMESPACE {
namespace {

// As many as are added at once: one cell or two of four numbers, half a cell of eight or all of it.
template <int N>
struct Lanes {
    static constexpr int kCount = KERNELS_LANES;
    using Sum = double __attribute__((vector_size(8 * KERNELS_LANES)));
    using SumU = double __attribute__((vector_size(8 * KERNELS_LANES), aligned(8)));
};
// Two cells of two: more would lie in two lines of the cache mostly.
template <>
struct Lanes<2> {
    static constexpr int kCount = 4;
    using Sum = Part<4>::Sum;
    using SumU = Part<4>::SumU;
};

constexpr double kNothing = 1e-7;  // coverage below this is rounding
// Layers up to 3 apart are one surface, or one just behind the edge of another, which shows in what
// that leaves open; from 5 on they are two, and nothing is known of how their edges lie.
constexpr float kSameSurface = 3.0f;
constexpr float kPassage = 2.0f;
constexpr float kSomething = 0.01f;  // less coverage does not connect a surface's layers
constexpr float kFull =
    1.01f;  // curved surfaces' patches leave up to 1 % open, which nothing fills

template <int N>
typename Part<N>::Sum wide(const float* values) {
    using Values = typename Part<N>::Values;
    return __builtin_convertvector(*reinterpret_cast<const Values*>(values), typename Part<N>::Sum);
}

template <int N>
void add(double* cell, typename Part<N>::Sum value) {
    auto* target = reinterpret_cast<typename Part<N>::SumU*>(cell);
    *target = *target + value;
}

// The patches of `Count` neighbours: an end of the next one lies one cell on, so that each cell
// gets one's first part and the last one's second part in one go. Products of two floats are exact
// in double, so every instruction set comes to the same sums.
template <int N, int Count>
void scatter_run(double* cells, long base, const float* values, const End* begin, const End* end) {
    constexpr int kLanes = Lanes<N>::kCount;
    using Sum = typename Lanes<N>::Sum;
    using SumU = typename Lanes<N>::SumU;
    constexpr int kTouched = (Count + 1) * N;
    // Of two numbers a cell what lanes are over adds nothing to the cells behind.
    constexpr bool kEnds = N >= 4 && kTouched % kLanes != 0;
    constexpr int kWhole = kEnds ? kTouched / kLanes : (kTouched - 1) / kLanes + 1;
    using Four = Part<4>::Sum;
    const auto four = [values](int at) {
        if (at >= 0 && at + 4 <= Count * N) return wide<4>(values + at);
        Four some{};
        for (int i = 0; i < 4; ++i) {
            if (at + i >= 0 && at + i < Count * N) some[i] = values[at + i];
        }
        return some;
    };
    const auto lanes = [&four](int at) {
        if constexpr (kLanes == 4) {
            return four(at);
        } else {
            return __builtin_shufflevector(four(at), four(at + 4), 0, 1, 2, 3, 4, 5, 6, 7);
        }
    };
    Sum here[kWhole];
    Sum before[kWhole];
    for (int i = 0; i < kWhole; ++i) {
        here[i] = lanes(i * kLanes);
        before[i] = lanes(i * kLanes - N);
    }
    const Four last = four(Count * N - 4);
    double* const own = cells + base * N;
    for (const End* at = begin; at != end; ++at) {
        double* cell = own + static_cast<long>(at->at) * N;
        const double first = at->first;
        const double second = at->second;
        for (int i = 0; i < kWhole; ++i) {
            SumU* target = reinterpret_cast<SumU*>(cell + i * kLanes);
            if ((i + 1) * kLanes <= N) {
                *target = *target + here[i] * first;
            } else if (i * kLanes >= Count * N) {
                *target = *target + before[i] * second;
            } else {
                *target = *target + (here[i] * first + before[i] * second);
            }
        }
        if (kEnds) add<4>(cell + kTouched - 4, last * second);
    }
}

// The patch of a sample beyond the border, which is a mirror. Turned left to right, what begins at
// a cell ends before the one as far on the other side.
template <int N>
void scatter_mirrored(const Band& band, long base, const float* values, const Run& run, int above,
                      int below, const Patches& patches) {
    for (int dy = -above; dy <= below; ++dy) {
        const int from = run.mirrored & 2 ? -dy : dy;
        const std::uint32_t* row = patches.rows + run.patch + from;
        for (const End* at = patches.ends + row[0]; at != patches.ends + row[1]; ++at) {
            const long column = at->at - static_cast<long>(from) * band.stride;
            const bool turned = run.mirrored & 1;
            const double first = turned ? -at->second : at->first;
            const double second = turned ? -at->first : at->second;
            const long cell = base + dy * band.stride + (turned ? -column : column);
            for (int part = 0; part < N; part += Part<N>::kNumbers) {
                const auto value = wide<N>(values + part);
                add<N>(band.cells + cell * N + part, value * first);
                add<N>(band.cells + (cell + 1) * N + part, value * second);
            }
        }
    }
}

template <int N>
constexpr decltype(&scatter_run<N, 1>) kScatterRun[Run::kMost] = {
    scatter_run<N, 1>, scatter_run<N, 2>, scatter_run<N, 3>, scatter_run<N, 4>,
    scatter_run<N, 5>, scatter_run<N, 6>, scatter_run<N, 7>, scatter_run<N, 8>};

template <int N>
void scatter(const Band& band, int row, const float* values, const Run* runs, int count,
             const Patches& patches) {
    for (const Run* run = runs; run != runs + count; ++run) {
        const int above = row < run->reach ? row : run->reach;
        const int below = band.rows - 1 - row < run->reach ? band.rows - 1 - row : run->reach;
        if (above + below < 0) continue;
        const End* first = patches.ends + patches.rows[run->patch - above];
        const End* last = patches.ends + patches.rows[run->patch + below + 1];
        const long base = static_cast<long>(row) * band.stride + band.pad + run->x;
        const float* value = values + static_cast<long>(run->begin) * N;
        if (run->mirrored != 0) {
            scatter_mirrored<N>(band, base, value, *run, above, below, patches);
            continue;
        }
        kScatterRun<N>[run->count - 1](band.cells, base, value, first, last);
    }
}

// Twice as many cells between whose middles values change evenly: what a step between two large
// cells adds to the steps between the small ones. Halves and quarters are exact, so that every
// instruction set comes to the same sums.
template <int N>
void refine(const double* near, const double* far, int begin, int end, double* cells) {
    using Sum = typename Part<N>::Sum;
    using SumU = typename Part<N>::SumU;
    const auto blended = [near, far](int at) {
        const SumU a = *reinterpret_cast<const SumU*>(near + at);
        const SumU b = *reinterpret_cast<const SumU*>(far + at);
        return Sum(a + 0.25 * (b - a));
    };
    for (int part = 0; part < N; part += Part<N>::kNumbers) {
        Sum here = blended((begin - 1) * N + part);
        for (int at = begin; at <= end; ++at) {
            const Sum next = blended(at * N + part);
            double* const cell = cells + static_cast<long>(2 * (at - 1)) * N + part;
            add<N>(cell, 0.5 * here);
            add<N>(cell + N, 0.25 * (here + next));
            here = next;
        }
    }
}

template <int N>
void composite(double* cells, int begin, int end, int pad, int width, int layer,
               PixelState* pixels) {
    constexpr int kNumbers = Part<N>::kNumbers;
    using Sum = typename Part<N>::Sum;
    Sum sum[N / kNumbers] = {};
    for (int at = begin; at < end; ++at) {
        for (int k = 0; k < N / kNumbers; ++k) {
            auto* cell = reinterpret_cast<typename Part<N>::SumU*>(
                cells + static_cast<long>(at) * N + kNumbers * k);
            sum[k] = sum[k] + *cell;
            *cell = Sum{};
        }
        const int x = at - pad;
        if (x < 0 || x >= width) continue;
        const double coverage = sum[kLights<N> / kNumbers][kLights<N> % kNumbers];
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
        const auto light =
            __builtin_convertvector(sum[0] * (share / coverage), typename Part<N>::Values);
        for (int c = 0; c < kLights<N>; ++c) pixel.light[c] += light[c];
    }
}

}  // namespace

extern const Kernels<2> kOneColour;
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
const Kernels<2> kOneColour{scatter<2>, refine<2>, composite<2>};
const Kernels<4> kOpaque{scatter<4>, refine<4>, composite<4>};
const Kernels<8> kWithAlpha{scatter<8>, refine<8>, composite<8>};

}  // namespace synthetic_focus::KERNELS_NAMESPACE
