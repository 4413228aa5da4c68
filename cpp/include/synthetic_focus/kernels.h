// The inner loops, compiled once for every instruction set and chosen at run time.
//
// A patch is scattered as its rows' ends: +v where a run of pixels starts, -v after it ends. A
// running sum along the row then gives the light of all patches at once. The sums are float64: in
// float32 a light of 1e6 leaves a streak of 0.06 behind it.
//
// A cell has 4 or 8 numbers: premultiplied colour and coverage (R, G, B, coverage) of an opaque
// picture, (R, G, B, A, coverage, 0, 0, 0) of one with alpha.
#pragma once

#include <cstdint>

#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

template <int N>
struct Sample {
    float value[N];
    std::int32_t x;
    std::int32_t rows;   // index in SpanRows::first of the patch's row through the sample
    std::int32_t reach;  // rows above and below
};

// Where each patch's rows of spans begin: row `dy` of a sample's patch is
// spans[first[sample.rows + dy]] up to spans[first[sample.rows + dy + 1]].
struct SpanRows {
    const std::uint32_t* first;
    const Span* spans;
};

// Columns that a scatter has written to.
struct Columns {
    int begin;
    int end;
};

// A pixel of the result while layers are added to it, nearest first.
//
// Layers that follow each other closely are parts of one surface: their coverages add up, and what
// is missing to 1 is open to the next. A layer after a gap is another surface, behind: it shows in
// what the nearer surfaces leave open, whatever their parts do beyond.
struct PixelState {
    float light[4];     // so far, premultiplied by `shown`
    float open;         // what the surfaces before the present one leave open
    float covered;      // sum of the coverages of the present surface
    float shown;        // sum of all shares shown
    std::int16_t at;    // the last layer that covered something
    std::int16_t last;  // the last layer that can be seen from here
};

template <int N>
struct Kernels {
    // Adds the ends of row `dy` of every sample's patch to `cells`, which has width + 2 cells.
    void (*scatter)(double* cells, int width, const Sample<N>* samples, int count, int dy,
                    const SpanRows& rows, Columns& touched);
    // Integrates the touched cells of `layer`, shows of it what nearer layers leave free, and
    // clears the cells.
    void (*composite)(double* cells, int width, const Columns& touched, int layer,
                      PixelState* pixels);
};

template <int N>
const Kernels<N>& kernels();

}  // namespace synthetic_focus
