#include "synthetic_focus/lights.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "synthetic_focus/parallel.h"

namespace synthetic_focus {
namespace {

// The rim of a disc shows where the disc's pixel is brighter than what is around it by so much of
// that, times its squared radius, and wholly from the second on: a cell of two pixels then softens
// it by less than a 500th of display white. Rings that are drawn as fewer show far less.
constexpr float kLight = 0.02f;
constexpr float kWholeLight = 2.0f;  // times that
constexpr float kRings = 8.0f;       // times that
// A light of the first radius in pixels is drawn no more finely than all else; of the second, as
// finely as it should.
constexpr float kSmall = 5.0f;
constexpr float kLarge = 7.0f;

}  // namespace

Lights::Lights(const Picture& picture, const Buffer<float>& coc, const Passage& passage,
               const Frame& frame, int threads, const AbortFlag* abort)
    : passage_(passage),
      frame_(frame),
      width_(picture.width),
      height_(picture.height),
      first_column_(block(frame.x)),
      first_row_(block(frame.y)),
      columns_(block(frame.x + picture.width - 1) - first_column_ + 1),
      block_rows_(block(frame.y + picture.height - 1) - first_row_ + 1),
      blocks_(index(0, block_rows_)),
      around_(blocks_.size()),
      rows_(static_cast<std::size_t>(picture.height)) {
    parallel_for(block_rows_, threads, abort, [&](int row, int) {
        for (int column = 0; column < columns_; ++column) {
            blocks_[index(column, row)] = brightness(picture, columns(column), rows(row));
        }
    });
    for (int row = 0; row < block_rows_; ++row) {
        for (int column = 0; column < columns_; ++column) {
            Around& around = around_[index(column, row)];
            float count = 0.0f;
            for (int v = std::max(0, row - 1); v <= std::min(block_rows_ - 1, row + 1); ++v) {
                for (int u = std::max(0, column - 1); u <= std::min(columns_ - 1, column + 1);
                     ++u) {
                    const float mean = blocks_[index(u, v)].mean;
                    around.black = around.black || mean == 0.0f;
                    around.mean += mean;
                    count += 1.0f;
                }
            }
            around.mean /= count;
        }
    }
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        rows_[static_cast<std::size_t>(y)] = found(picture, coc.data() + picture.index(0, y), y);
    });
}

Lights::Shares Lights::shares(int x, int y, float coc, float brightness) const {
    const float around =
        around_[index(block(frame_.x + x) - first_column_, block(frame_.y + y) - first_row_)].mean;
    const Passage::Row row = passage_.row(static_cast<float>(frame_.y + y) + 0.5f);
    const float least = least_excess(row, static_cast<float>(frame_.x + x) + 0.5f, around);
    const float radius = std::max(passage_.least(1), std::fabs(coc));
    const float excess = brightness - around;
    const auto share = [excess](float from) {
        if (!(excess > from)) return 0.0f;
        const float to = kWholeLight * from;
        return excess < to ? (excess - from) / (to - from) : 1.0f;
    };
    const float large = std::clamp((std::fabs(coc) - kSmall) / (kLarge - kSmall), 0.0f, 1.0f);
    const float from = least * radius * radius;
    return {share(from), large * share(kRings * from)};
}

std::vector<Lights::Light> Lights::found(const Picture& picture, const float* coc, int y) const {
    std::vector<Light> lights;
    const float smallest = passage_.least(1);
    const Passage::Row places = passage_.row(static_cast<float>(frame_.y + y) + 0.5f);
    const float* const row = picture.brightness + picture.index(0, y);
    const int block_row = block(frame_.y + y) - first_row_;
    for (int column = 0; column < columns_; ++column) {
        const auto [begin, end] = columns(column);
        const float around = around_[index(column, block_row)].mean;
        const auto least = [&](int x) {
            return least_excess(places, static_cast<float>(frame_.x + x) + 0.5f, around);
        };
        // Patches grow narrower from the frame's middle outward.
        const float lowest = std::min(least(begin), least(end - 1)) * smallest * smallest;
        if (blocks_[index(column, block_row)].most - around <= lowest) continue;
        for (int x = begin; x < end; ++x) {
            if (row[x] - around <= lowest) continue;
            const Shares found = shares(x, y, coc[x], row[x]);
            if (found.seen > 0.0f) lights.push_back({x, found});
        }
    }
    return lights;
}

// What a patch must be brighter by for its rim to show, over its squared radius.
float Lights::least_excess(const Passage::Row& row, float x, float around) const {
    return kLight * around * row.narrowest(x) / passage_.steepest();
}

int Lights::block(int at) { return rounded_down(at, kSide); }

Lights::Range Lights::columns(int column) const {
    const int begin = (first_column_ + column) * kSide - frame_.x;
    return {std::max(0, begin), std::min(width_, begin + kSide)};
}

Lights::Range Lights::rows(int row) const {
    const int begin = (first_row_ + row) * kSide - frame_.y;
    return {std::max(0, begin), std::min(height_, begin + kSide)};
}

std::size_t Lights::index(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
}

Lights::Brightness Lights::brightness(const Picture& picture, Range columns, Range rows) const {
    std::array<float, kSide> sums{};
    std::array<float, kSide> most{};
    const auto count = static_cast<std::size_t>(columns.end - columns.begin);
    for (int y = rows.begin; y < rows.end; ++y) {
        const float* const row = picture.brightness + picture.index(columns.begin, y);
        for (std::size_t i = 0; i < count; ++i) {
            const float light = std::max(0.0f, row[i]);
            sums[i] += light;
            most[i] = std::max(most[i], light);
        }
    }
    Brightness all{0.0f, 0.0f};
    for (std::size_t i = 0; i < count; ++i) {
        all.mean += sums[i];
        all.most = std::max(all.most, most[i]);
    }
    all.mean /= static_cast<float>(count) * static_cast<float>(rows.end - rows.begin);
    return all;
}

}  // namespace synthetic_focus
