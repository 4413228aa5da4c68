// When a piece of the picture is drawn on coarser grids: by how large its patch is, and how steep.
#pragma once

#include <algorithm>
#include <cmath>

#include "synthetic_focus/pupil.h"
#include "synthetic_focus/smooth.h"
#include "synthetic_focus/span_table.h"

namespace synthetic_focus {

// Which part of a piece passes to the next coarser grid, by how many cells its patch is wide where
// it is narrowest: gradually, so that nothing pops.
class Passage {
  public:
    // frame: in pixels.
    Passage(const ApertureShape& shape, const Frame& frame);

    // Along a row of the frame, in pixels from its top left.
    class Row {
      public:
        // cell: pixels a side, of the grid that it leaves.
        float part(float x, float coc, float cell) const {
            return smooth(std::fabs(coc) * narrowest(x) / cell, kFrom, kTo);
        }
        // Half the width of the narrowest patch, in radii.
        float narrowest(float x) const {
            const float across = (x - middle_) * per_pixel_;
            const float rho2 = std::min(1.0f, across * across + down2_);
            const float aside = std::min(1.0f, std::max(across * across * doors_across_, doors_));
            return widest_ * (1.0f - cat_eye_ * std::sqrt(rho2)) * (1.0f - barndoors_ * aside) *
                   (1.0f - astigmatism_ * rho2) / (1.0f + swirl_ * rho2);
        }

      private:
        friend class Passage;
        float widest_;
        float cat_eye_;
        float barndoors_;
        float astigmatism_;
        float swirl_;
        float middle_;
        float per_pixel_;
        float down2_;
        float doors_across_;
        float doors_;
    };
    Row row(float y) const;

    // Smaller radii pass nowhere. Infinite where nothing does.
    float least(int cell) const { return kFrom * static_cast<float>(cell) / row_.widest_; }
    // The pixels a side of the coarsest grid that anything of such radii passes to.
    int coarsest(float largest) const {
        int cell = 1;
        while (largest > least(cell)) cell *= 2;
        return cell;
    }
    // How much steeper the rims of patches are than those of a disc of as much light, at most.
    float steepest() const { return steepest_; }

  private:
    static constexpr float kFrom = 8.0f;
    static constexpr float kTo = 12.0f;
    Row row_;  // what all have in common
    float half_height_;
    float steepest_;
};

}  // namespace synthetic_focus
