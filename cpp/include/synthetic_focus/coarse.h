// Coarser grids, for what is blurred so far that their cells do not show.
//
// A cell of each grid is two cells of the next finer one wide and high; those of the finest are the
// picture's pixels. Grids lie at fixed places of the frame, so that no crop moves them.
#pragma once

#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/lights.h"
#include "synthetic_focus/passage.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/span_table.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {

// (height, width) Of the picture's pixels, the part that is drawn on coarser grids: none of lights,
// whose patches' rims would show the cells, nor of what lies beside them or at a fold, where the
// sum of all patches must be right to the light of a lamp. `frame` is where the picture lies.
Buffer<float> coarse_parts(const Picture& picture, const Surfaces& surfaces, const Circles& circles,
                           const Lights& lights, const Passage& passage, const Frame& frame,
                           int threads, const AbortFlag* abort);

// Where a coarse grid lies.
struct CoarsePlace {
    int cell;  // pixels a side
    int x;     // of the first cell, in cells from the frame's top left
    int y;
    int width;
    int height;
};

// Those of the grids with cells of 2, 4, 8, ... up to `coarsest` pixels, up to `margin` pixels
// beyond the picture, where it is a mirror.
std::vector<CoarsePlace> coarse_places(const Picture& picture, const Frame& frame, int coarsest,
                                       int margin);

// What is drawn on a coarse grid or passes on from it: one piece a cell.
template <int N>
struct CoarsePieces : CoarsePlace {
    Buffer<float> values;  // (height, width, N) as those of a sample: light, then coverage
    Buffer<float> coc;     // (height, width) 0 where there is nothing
    Buffer<float> parts;   // (height, width) that pass on; of the coarsest grid none, and empty
};

// parts: what coarse_parts has found. channel: the picture's first that is read.
template <int N>
std::vector<CoarsePieces<N>> coarse_pieces(const Picture& picture, std::size_t channel,
                                           const Circles& circles, const Buffer<float>& parts,
                                           const Passage& passage,
                                           const std::vector<CoarsePlace>& places,
                                           const Frame& frame, int threads, const AbortFlag* abort);

}  // namespace synthetic_focus
