// The patches of all radii of a picture, as rows of spans, where the shape is the same all over the
// frame.
#pragma once

#include <cstdint>
#include <vector>

#include "synthetic_focus/kernels.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

// Radii are rounded to 1/32 pixel up to 64 pixels and to 1/2048 of themselves beyond.
int radius_index(float radius);
float indexed_radius(int index);
int radius_indices(float largest);  // number of indices up to this radius

class SpanTable {
  public:
    // Builds the patches whose radius index is marked in `used_behind` or `used_front`.
    SpanTable(const ApertureShape& shape, const std::vector<char>& used_behind,
              const std::vector<char>& used_front, const EdgeSampling& sampling, int threads,
              const AbortFlag* abort);

    SpanRows rows() const { return {first_.data(), spans_.data()}; }
    struct Entry {
        std::int32_t rows;
        std::int32_t reach;
    };
    Entry entry(int index, bool behind) const {
        return entries_[behind ? 1 : 0][static_cast<std::size_t>(index)];
    }

  private:
    std::vector<Entry> entries_[2];
    std::vector<std::uint32_t> first_;
    std::vector<Span> spans_;
};

}  // namespace synthetic_focus
