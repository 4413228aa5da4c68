// The inner loops, compiled once for every instruction set and chosen at run time.
//
// A patch is scattered as its rows' ends: +v where a run of pixels starts, -v after it ends. A
// running sum along the row then gives the light of all patches at once. The sums are float64: in
// float32 a light of 1e6 leaves a streak of 0.06 behind it.
//
// A cell has 2, 4 or 8 numbers: premultiplied light and coverage, which are (R, G, B, coverage) of
// an opaque picture, (R, G, B, A, coverage, 0, 0, 0) of one with alpha, and a colour and the
// coverage where one colour is rendered by itself.
#pragma once

#include <cstdint>

namespace synthetic_focus {

// What one end of a row of a patch adds to two neighbouring cells, as parts of the sample's value.
// The parts of all ends of a patch's row add up to exactly 0, in float as in double.
struct End {
    std::int32_t
        at;  // the first cell, from the sample's own: rows down times the stride, plus columns
    float first;
    float second;
};

// Samples side by side in a row that have the same patch.
struct Run {
    static constexpr int kMost = 8;  // so many values stay in registers

    std::int32_t x;      // of the first, from the picture's left border
    std::int32_t begin;  // its index among the row's values
    std::int32_t patch;  // index in Patches::rows of the patch's row through the samples
    std::int16_t reach;  // rows above and below
    std::int8_t count;
    std::int8_t mirrored;  // 1: its patch is turned left to right, 2: upside down, 3: both
};

// Row `dy` of a run's patch is ends[rows[run.patch + dy]] up to ends[rows[run.patch + dy + 1]].
struct Patches {
    const std::uint32_t* rows;
    const End* ends;
};

// Rows of cells, with `pad` cells before and after those of the picture: what patches reach.
struct Band {
    double* cells;
    int rows;
    int stride;
    int pad;
};

// A pixel of the result while layers are added to it, nearest first.
//
// Layers that follow each other closely are parts of one surface, or of one just behind its edge:
// their coverages add up, and what is missing to 1 is open to the next. A layer after a gap is
// another surface, behind: it shows in what the nearer surfaces leave open, whatever their parts do
// beyond.
struct PixelState {
    float light[4];     // so far, premultiplied by `shown`
    float open;         // what the surfaces before the present one leave open
    float covered;      // sum of the coverages of the present surface
    float shown;        // sum of all shares shown
    std::int16_t at;    // the last layer that covered something
    std::int16_t last;  // the last layer that can be seen from here
};

// Of N numbers so many are light; the next one is coverage.
template <int N>
constexpr int kLights = N == 2   ? 1
                        : N == 4 ? 3
                                 : 4;

// A cell of two or four numbers, or half a cell of eight.
template <int N>
struct Part {
    static constexpr int kNumbers = 4;
    using Sum = double __attribute__((vector_size(32)));
    using SumU = double __attribute__((vector_size(32), aligned(8)));
    using Values = float __attribute__((vector_size(16), aligned(4)));
};
template <>
struct Part<2> {
    static constexpr int kNumbers = 2;
    using Sum = double __attribute__((vector_size(16)));
    using SumU = double __attribute__((vector_size(16), aligned(8)));
    using Values = float __attribute__((vector_size(8), aligned(4)));
};

// N numbers a cell.
template <int N>
struct Kernels {
    // Adds the ends of the patches of all runs of a source row, which is the band's row `row` or
    // lies above or below it. A sample has N values: its cell's numbers.
    void (*scatter)(const Band& band, int row, const float* values, const Run* runs, int count,
                    const Patches& patches);
    // Adds the columns [begin, end) of two rows of cells twice as large, `near` weighing three
    // quarters, to those in their place.
    void (*refine)(const double* near, const double* far, int begin, int end, double* cells);
    // Integrates the cells [begin, end) of a row, counted from its first cell, shows of them what
    // nearer layers leave free in the row's pixels, and clears them.
    void (*composite)(double* cells, int begin, int end, int pad, int width, int layer,
                      PixelState* pixels);
};

template <int N>
const Kernels<N>& kernels();

}  // namespace synthetic_focus
