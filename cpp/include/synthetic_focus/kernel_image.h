// A picture of an opening as the shape of patches.
#pragma once

#include <vector>

#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

class KernelImage {
  public:
    explicit KernelImage(const ApertureShape& shape);

    bool empty() const { return sums_.empty(); }
    int reach(double radius) const;
    // Appends the pixels of the row `dy` below the patch's middle, as spans that add up to 1 over
    // all rows.
    void append_row(double radius, bool behind, int dy, std::vector<Span>& spans) const;

  private:
    double sum(double x, double y) const;

    int width_ = 0;
    int height_ = 0;
    std::vector<double> sums_;  // (height + 1, width + 1) of everything above and to the left
};

}  // namespace synthetic_focus
