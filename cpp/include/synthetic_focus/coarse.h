// Coarser grids, for what is blurred so far that their cells do not show.
//
// A cell of each grid is two cells of the next finer one wide and high; those of the finest are the
// picture's pixels. Grids lie at fixed places of the frame, so that no crop moves them.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/pupil.h"
#include "synthetic_focus/span_table.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {

// Which part of a piece passes to the next coarser grid, by how many cells its patch is large:
// gradually, so that nothing pops.
class Passage {
  public:
    explicit Passage(const ApertureShape& shape) : narrowest_(narrowest(shape)) {}

    // cell: pixels a side, of the grid that it leaves.
    float part(float coc, int cell) const {
        const float cells = std::fabs(coc) * (narrowest_ / static_cast<float>(cell));
        const float t = std::clamp((cells - kFrom) * (1.0f / (kTo - kFrom)), 0.0f, 1.0f);
        return t * t * (3.0f - 2.0f * t);
    }
    // Smaller radii do not pass. Infinite where nothing does.
    float least(int cell) const { return kFrom * static_cast<float>(cell) / narrowest_; }
    // The pixels a side of the coarsest grid that anything of such radii passes to.
    int coarsest(float largest) const {
        int cell = 1;
        while (largest > least(cell)) cell *= 2;
        return cell;
    }
    // How much steeper than a disc's the rims of patches are, at most.
    float rim() const { return 1.0f / narrowest_; }

  private:
    static constexpr float kFrom = 8.0f;
    static constexpr float kTo = 12.0f;
    float narrowest_;
};

// (height, width) Of the picture's pixels, the part that is drawn on coarser grids: none of lights,
// whose patches' rims would show the cells, nor of what lies beside them or at a fold, where the
// sum of all patches must be right to the light of a lamp. `frame` is where the picture lies.
Buffer<float> coarse_parts(const Picture& picture, const Surfaces& surfaces, const Passage& passage,
                           const Frame& frame, int threads, const AbortFlag* abort);

// What is drawn on a coarse grid or passes on from it: one piece a cell.
template <int N>
struct CoarsePieces {
    int cell;  // pixels a side
    int x;     // of the first cell, in cells from the frame's top left
    int y;
    int width;
    int height;
    Buffer<float> values;  // (height, width, N) as those of a sample: light, then coverage
    Buffer<float> coc;     // (height, width) 0 where there is nothing
    Buffer<float> parts;   // (height, width) that pass on; of the coarsest grid none, and empty
};

// Those of the grids with cells of 2, 4, 8, ... pixels, up to `margin` pixels beyond the picture,
// where it is a mirror. parts: what coarse_parts has found. largest: radius.
template <int N>
std::vector<CoarsePieces<N>> coarse_pieces(const Picture& picture, const Surfaces& surfaces,
                                           const Buffer<float>& parts, const Passage& passage,
                                           float largest, int margin, const Frame& frame,
                                           int threads, const AbortFlag* abort);

}  // namespace synthetic_focus
