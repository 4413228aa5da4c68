// The patches that a picture needs, as rows of spans.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/kernels.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

// Where the picture lies in the frame that the lens sees.
struct Frame {
    int width;
    int height;
    int x;  // of the picture's top left pixel
    int y;

    bool operator==(const Frame&) const = default;
};

// The places of the frame for which a shape is worked out: one for all where the shape does not
// vary.
class Field {
  public:
    // cell: pixels a side of what the frame counts.
    Field(const Frame& frame, bool varies, int cell);

    int cells() const { return columns_ * rows_; }
    int columns() const { return columns_; }
    // Of a pixel of the picture; beyond the frame, that of its border.
    int column(int x) const { return place_in(x + frame_.x, frame_.width, columns_); }
    int row(int y) const { return place_in(y + frame_.y, frame_.height, rows_); }
    Place place(int cell) const;  // of its middle

  private:
    int place_in(int position, int size, int cells) const;

    Frame frame_;
    double side_;
    int columns_;
    int rows_;
};

// Radii are rounded: evenly up to 8 pixels, and to a constant part of themselves beyond.
class Radii {
  public:
    // 2^precision steps up to 8 pixels, as many from there to 24, to 56, and so on.
    Radii(int precision, float largest)
        : shift_(23 - precision), base_(bits(kEven)), count_(index(largest) + 2) {}

    int count() const { return count_; }
    // The steps are those of a float number's highest bits.
    int index(float radius) const {
        return (bits(radius + kEven) - base_ + (1 << (shift_ - 1))) >> shift_;
    }
    float radius(int index) const {
        return std::bit_cast<float>(base_ + (index << shift_)) - kEven;
    }
    // Beyond 8 pixels every other one.
    int coarse(int index) const { return index < 1 << (23 - shift_) ? index : (index + 1) & ~1; }

  private:
    static constexpr float kEven = 8.0f;
    static std::int32_t bits(float value) { return std::bit_cast<std::int32_t>(value); }

    int shift_;
    std::int32_t base_;
    int count_;
};

// How finely patches are drawn.
struct Sampling {
    EdgeSampling edges;
    int radii;  // precision of `Radii`; shapes that vary over the frame get a quarter of it
};

// No patch of this shape reaches farther than so many radii.
float largest_stretch(const ApertureShape& shape);

struct Built;

class SpanTable {
  public:
    // width: of the picture.
    // cell: pixels a side; the frame and the width count cells, radii pixels. room: columns that a
    // row of cells has beyond what its own patches reach.
    SpanTable(const ApertureShape& shape, const Frame& frame, const Sampling& sampling,
              float largest, int width, int cell, int room);

    // Whether lights have patches of their own, drawn finely.
    bool tells_lights() const { return kinds_ > 1; }
    // No patch reaches farther than this many radii.
    float extent() const { return extent_; }
    // Whether all patches are their own mirror images.
    bool symmetric() const { return symmetric_; }
    // Cells beyond the picture from which a patch can reach into it.
    int margin() const { return margin_; }
    // A row of cells has this many before the picture's and after, for what such pixels' patches
    // reach.
    int pad() const { return 2 * margin_ + 2 + room_; }
    // Even, so that two cells lie alike in every row.
    int stride() const { return (width_ + 2 * pad() + 1) & ~1; }

    // Which patch a pixel of the picture has, in slots for all places, kinds and radii. Where
    // lights have none of their own all are drawn alike.
    std::int32_t slot(int x, int y, float coc, Drawn drawn) const {
        return radius_slot(radii_, kinds_, place(x, y), coc, drawn);
    }
    // Those of a row of pixels, coarsely drawn.
    void slots(int y, const float* coc, std::int32_t* slots) const {
        if (field_.cells() > 1) {
            for (int x = 0; x < width_; ++x) slots[x] = slot(x, y, coc[x], Drawn::kCoarsely);
            return;
        }
        const Radii radii = radii_;  // copies, which writing slots cannot change
        const int kinds = kinds_;
        const int width = width_;
        for (int x = 0; x < width; ++x) {
            slots[x] = radius_slot(radii, kinds, 0, coc[x], Drawn::kCoarsely);
        }
    }
    // For every picture first mark what is needed, from any thread, ...
    void mark(std::int32_t slot) {
        std::atomic<char>& state = states_[static_cast<std::size_t>(slot)];
        const char now = state.load(std::memory_order_relaxed);
        if ((now & kNeeded) == 0) {
            state.store(static_cast<char>(now | kNeeded), std::memory_order_relaxed);
        }
    }
    // ... then build what of it is not there from pictures before. every: so many radii share a
    // patch, for memory.
    void build(int every, int threads, const AbortFlag* abort);
    // About, of all that is needed or built.
    double bytes_of_marked() const;
    // Ends a picture.
    void forget_needs() { leave(kBuilt); }
    std::size_t bytes() const {
        return states_.size() * (sizeof(states_[0]) + sizeof(Entry)) +
               rows_.size() * sizeof(std::uint32_t) + ends_.size() * sizeof(End);
    }
    // Lets go of what is built; to be called before `build` only.
    void keep_needs_only();

    struct Entry {
        std::int32_t patch = 0;    // of its row through the pixel
        std::int16_t rows = 0;     // that it reaches above and below
        std::int16_t columns = 0;  // and to both sides, at most
    };
    const Entry& entry(std::int32_t slot) const { return entries_[static_cast<std::size_t>(slot)]; }
    Patches patches() const { return {rows_.data(), ends_.data()}; }

  private:
    // Of the field.
    std::int32_t place(int x, int y) const {
        if (field_.cells() == 1) return 0;
        return field_.row(y) * field_.columns() + field_columns_[static_cast<std::size_t>(x)];
    }
    static std::int32_t radius_slot(const Radii& radii, int kinds, std::int32_t place, float coc,
                                    Drawn drawn) {
        // A piece of surface that is in focus has the patch of the largest sharp pixel.
        const int radius = radii.index(std::max(kSharp, std::fabs(coc)));
        const std::int32_t side = place * 2 + (coc > 0.0f ? 1 : 0);
        if (kinds == 1) return side * radii.count() + radius;
        if (drawn == Drawn::kFinely) return (2 * side + 1) * radii.count() + radius;
        return 2 * side * radii.count() + radii.coarse(radius);
    }
    void leave(char bits);  // of all states
    template <typename AppendRow>
    void add_patch(std::vector<Span>& spans, Built& built, std::size_t slot, int reach,
                   const AppendRow& append) const;
    // Adds what was drawn to the table, and empties it.
    void add(std::vector<Built>& drawn, int threads, const AbortFlag* abort);

    ApertureShape shape_;
    Field field_;
    EdgeSampling edges_;
    float extent_;
    bool symmetric_;
    int width_;
    int cell_;
    int room_;
    int kinds_;  // of patches of a radius: coarsely drawn and, of rings, finely
    Radii radii_;
    int margin_;
    std::vector<int> field_columns_;  // by the picture's columns
    static constexpr char kNeeded = 1;
    static constexpr char kBuilt = 2;
    std::vector<std::atomic<char>> states_;  // by slot, these two
    std::vector<Entry> entries_;
    Buffer<std::uint32_t> rows_;
    Buffer<End> ends_;
};

}  // namespace synthetic_focus
