// The patches that a picture needs, as rows of spans.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "synthetic_focus/kernels.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

// Where the picture lies in the frame that the lens sees.
struct Frame {
    int width;
    int height;
    int x;  // of the picture's top left pixel
    int y;
};

// The places of the frame for which a shape is worked out: one for all where the shape does not
// vary.
class Field {
  public:
    Field(const Frame& frame, bool varies);

    int cells() const { return columns_ * rows_; }
    int cell(int x,
             int y) const;        // of a pixel of the picture; beyond the frame, that of its border
    Place place(int cell) const;  // of its middle

  private:
    Frame frame_;
    double side_;
    int columns_;
    int rows_;
};

// Radii are rounded: evenly up to a size, and to a constant part of themselves beyond.
class Radii {
  public:
    Radii(float steps_per_pixel, float even_up_to, float largest);
    int count() const { return count_; }
    int index(float radius) const;
    float radius(int index) const;

  private:
    float steps_per_pixel_;
    float even_up_to_;
    int count_;
};

class SpanTable {
  public:
    SpanTable(const ApertureShape& shape, const Frame& frame, const EdgeSampling& sampling,
              float largest);

    // First mark what is needed, from any thread, ...
    void mark(int x, int y, float coc);
    // ... then build it.
    void build(int threads, const AbortFlag* abort);

    struct Entry {
        std::int32_t rows;
        std::int32_t reach;
    };
    Entry entry(int x, int y, float coc) const { return entries_[slot(x, y, coc)]; }
    SpanRows rows() const { return {first_.data(), spans_.data()}; }
    // No patch reaches farther than this many radii.
    float extent() const { return extent_; }

  private:
    std::size_t slot(int x, int y, float coc) const;
    int step_that_fits() const;

    ApertureShape shape_;
    Field field_;
    EdgeSampling sampling_;
    float extent_;
    float largest_;
    Radii radii_;
    std::vector<std::atomic<char>> used_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> first_;
    std::vector<Span> spans_;
};

}  // namespace synthetic_focus
