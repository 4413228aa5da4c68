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

// Samples side by side in a row that have the same patch.
struct Run {
    std::int32_t x;      // of the first
    std::int32_t begin;  // its index among the row's values
    std::int32_t count;
    std::int32_t rows;   // index in SpanRows::first of the patch's row through the samples
    std::int32_t reach;  // rows above and below
};

// Where each patch's rows of spans begin: row `dy` of a run's patch is
// spans[first[run.rows + dy]] up to spans[first[run.rows + dy + 1]].
struct SpanRows {
    const std::uint32_t* first;
    const Span* spans;
};

struct Rows {
    int begin;
    int end;
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

// N numbers a cell.
template <int N>
struct Kernels {
    // Adds the ends of the rows dy.begin up to dy.end of every run's patches to as many rows of
    // `cells`, each of width + 2 cells, and widens what is noted as touched of each. A sample has N
    // values: its cell's numbers.
    void (*scatter)(double* cells, int width, const float* values, const Run* runs, int count,
                    Rows dy, const SpanRows& rows, Columns* touched);
    // Integrates the touched cells of `layer`, shows of it what nearer layers leave free, and
    // clears the cells.
    void (*composite)(double* cells, int width, const Columns& touched, int layer,
                      PixelState* pixels);
};

template <int N>
const Kernels<N>& kernels();

}  // namespace synthetic_focus
