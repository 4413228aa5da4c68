// Pixels that are much brighter than what is around them: where their light lies.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

#include "synthetic_focus/colour.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {

// The light of a pixel this many times as bright as the darkest one beside it is not that one's
// surface's.
constexpr float kBrighter = 3.0f;
// Radii that differ by less are one surface's.
constexpr float kLightFold = 0.05f;

// How light and radii range in runs of the picture's rows, so that places without lights are passed
// over.
class BrightRuns {
  public:
    BrightRuns(const Picture& picture, int threads, const AbortFlag* abort)
        : width_(picture.width),
          height_(picture.height),
          count_((picture.width + kRun - 1) / kRun),
          seen_(index(0, picture.height)) {
        parallel_for(picture.height, threads, abort, [&](int y, int) {
            for (int run = 0; run < count_; ++run) {
                const int begin = run * kRun;
                const int count = std::min(kRun, width_ - begin);
                const float* const light = picture.brightness + picture.index(begin, y);
                const float* const radius = picture.coc + picture.index(begin, y);
                seen_[index(run, y)] = {range(light, count), range(radius, count)};
            }
        });
    }

    // Calls use(x) for the pixels of a row that may be lights: those more than `ratio` times as
    // bright as the darkest one within one run and `rows` rows around, for patches of the radius
    // that is least there. Runs that skip(first, end) names are passed over.
    template <typename Skip, typename Use>
    void each_bright(const Picture& picture, int y, int rows, float ratio, float patch,
                     const Skip& skip, const Use& use) const {
        for (int run = 0; run < count_; ++run) {
            const int end = std::min(width_, (run + 1) * kRun);
            if (skip(run * kRun, end)) continue;
            Run around;
            for (int v = std::max(0, y - rows); v <= std::min(height_ - 1, y + rows); ++v) {
                for (int u = std::max(0, run - 1); u <= std::min(count_ - 1, run + 1); ++u) {
                    around.light.add(seen_[index(u, v)].light);
                    around.radius.add(seen_[index(u, v)].radius);
                }
            }
            const float radius = std::max({0.0f, around.radius.least, -around.radius.most});
            const float least =
                ratio * std::max(0.0f, around.light.least) * (1.0f + patch * radius * radius);
            if (seen_[index(run, y)].light.most <= least) continue;
            for (int x = run * kRun; x < end; ++x) {
                if (brightness(picture, x, y) > least) use(x);
            }
        }
    }

  private:
    static constexpr int kRun = 32;
    struct Range {
        float least = std::numeric_limits<float>::max();
        float most = std::numeric_limits<float>::lowest();

        void add(const Range& other) {
            least = std::min(least, other.least);
            most = std::max(most, other.most);
        }
    };
    using Line = std::array<float, kRun>;
    struct Run {
        Range light;
        Range radius;
    };

    // Of the first `count` numbers; halves are compared, many pairs at once.
    static Range range(const float* values, int count) {
        Line least;
        std::fill(std::copy_n(values, count, least.begin()), least.end(), values[0]);
        Line most = least;
        for (std::size_t half = kRun / 2; half > 0; half /= 2) {
            for (std::size_t i = 0; i < half; ++i) {
                least[i] = std::min(least[i], least[i + half]);
                most[i] = std::max(most[i], most[i + half]);
            }
        }
        return {least[0], most[0]};
    }

    std::size_t index(int run, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(count_) +
               static_cast<std::size_t>(run);
    }

    int width_;
    int height_;
    int count_;
    std::vector<Run> seen_;
};

// The radius that the light of a pixel is drawn with. A pixel that a lamp fills by a tenth has the
// lamp's light, though the map gives it to the wall just behind: with the wall's radius it would
// be a ring around the lamp's patch. So the radii around count as the light there (squared, since
// the brightest pixels are the least mixed), as far as the pixel is brighter than its surface.
float lights_radius(const Picture& picture, int x, int y);

// Moves the light at lights' edges to where in their pixels it lies, by giving a part of it to the
// neighbours.
void gather_lights(const Picture& picture, const BrightRuns& runs, int threads,
                   const AbortFlag* abort, Surfaces& surfaces);

// How much of the lights within `reach` of the border the mirror beyond shows, by row, ordered by
// x: no light comes twice.
std::vector<std::vector<Dimmed>> dimmed_lights(const Picture& picture, const BrightRuns& runs,
                                               int reach, int threads, const AbortFlag* abort);

}  // namespace synthetic_focus
