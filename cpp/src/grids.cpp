#include "synthetic_focus/grids.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "synthetic_focus/kept.h"

namespace synthetic_focus {
namespace {

constexpr double kBytesOfPatches = 300e6;  // of one picture at most, in all grids
constexpr std::size_t kBytesKept = 100'000'000;

Sampling sampling(Quality quality) {
    switch (quality) {
        case Quality::kDraft:
            return {{1.0, 1}, 8};
        case Quality::kNormal:
            return {{1.5, 4}, 8};
        case Quality::kBest:
            return {{0.5, 16}, 10};
    }
    return {{1.5, 4}, 8};
}

Kept<GridsKey, Grids>& kept() {
    static Kept<GridsKey, Grids> grids(kBytesKept);
    return grids;
}

// To a sixteenth of a power of two: the largest circle changes from frame to frame.
float rounded_up(float radius) {
    constexpr std::int32_t kStep = 1 << 19;
    const std::int32_t bits = std::bit_cast<std::int32_t>(std::max(kSharp, radius));
    return std::min(kMaxRadius, std::bit_cast<float>((bits + kStep - 1) & -kStep));
}

}  // namespace

Grids::Grids(const Picture& picture, const ApertureShape& shape, const Passage& passage,
             const Settings& settings, float largest) {
    const Frame& frame = settings.frame;
    const int coarsest = passage.coarsest(largest);
    const Sampling drawn = sampling(settings.quality);
    // A patch of the coarsest grid begins up to ten cells farther off, rounding and all, and up to
    // two more where it is made fine.
    const int room = 12 * coarsest;
    all.push_back({frame, 0, SpanTable(shape, frame, drawn, largest, picture.width, 1, room), {}});
    const int margin = all[0].table.margin();
    all[0].rows_before = margin;
    all[0].rows.resize(static_cast<std::size_t>(picture.height + 2 * margin));
    coarse = coarse_places(picture, frame, coarsest, margin);
    for (const auto& [cell, x, y, width, height] : coarse) {
        const Frame place{(frame.width + cell - 1) / cell, (frame.height + cell - 1) / cell, x, y};
        all.push_back(
            {place, 0, SpanTable(shape, place, drawn, largest, width, cell, room / cell), {}});
        all.back().rows.resize(static_cast<std::size_t>(height));
    }
}

void Grids::build_patches(int threads, const AbortFlag* abort) {
    const auto bytes = [this] {
        double sum = 0.0;
        for (const Grid& grid : all) sum += grid.table.bytes_of_marked();
        return sum;
    };
    double marked = bytes();
    if (marked > kBytesOfPatches) {
        for (Grid& grid : all) grid.table.keep_needs_only();
        marked = bytes();
    }
    // Only a noisy map under a shape that varies over the field needs more than every one.
    const int every = static_cast<int>(std::ceil(std::max(1.0, marked / kBytesOfPatches)));
    for (Grid& grid : all) grid.table.build(every, threads, abort);
}

KeptGrids::KeptGrids(const Picture& picture, const ApertureShape& shape, const Passage& passage,
                     const Settings& settings, float largest)
    : key_{shape,          settings.frame,   picture.width,
           picture.height, settings.quality, rounded_up(largest)},
      grids_(kept().take(key_)) {
    if (grids_ == nullptr) {
        grids_ = std::make_unique<Grids>(picture, shape, passage, settings, key_.largest);
    }
}

void KeptGrids::keep() {
    std::size_t bytes = 0;
    for (Grid& grid : grids_->all) {
        grid.table.forget_needs();
        for (RowSamples& row : grid.rows) row = {};
        bytes += grid.table.bytes();
    }
    kept().put(std::move(key_), std::move(grids_), bytes);
}

}  // namespace synthetic_focus
