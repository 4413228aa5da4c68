#include "synthetic_focus/surfaces.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "synthetic_focus/bright.h"
#include "synthetic_focus/hidden.h"
#include "synthetic_focus/mixture.h"

namespace synthetic_focus {
namespace {

constexpr float kEvenStep = 0.5f;  // of neighbours' radii: up to here there is surely no fold
// A step of the map is soft where it is this high within the window, steeper than a slanted
// surface, and no two neighbours share this much of it.
constexpr float kSoftStep = 2.0f;
constexpr float kSoftSlope = 0.4f;
constexpr float kSharpJump = 0.55f;
constexpr int kWindow = 3;    // half the side of the window
constexpr int kColumns = 64;  // that are gone through at a time

// A copy of the map in which soft steps, as blurred or resampled maps have them, are steps again:
// no pixel is left at a depth between two surfaces, where nothing is.
Buffer<float> sharpened(const Picture& picture, int threads, const AbortFlag* abort) {
    Buffer<float> result(picture.index(0, picture.height));
    const auto width = static_cast<std::size_t>(picture.width);
    std::vector<Buffer<float>> scratch(static_cast<std::size_t>(threads), Buffer<float>(width));
    parallel_for(picture.height, threads, abort, [&](int y, int thread) {
        const float* row = picture.coc + picture.index(0, y);
        std::copy(row, row + width, result.data() + picture.index(0, y));
        const float* above = y > 0 ? row - width : row;
        const float* below = y + 1 < picture.height ? row + width : row;
        const auto slope = [=](std::size_t x, std::size_t left, std::size_t right) {
            const float across =
                std::max(std::fabs(row[x] - row[left]), std::fabs(row[x] - row[right]));
            const float down = std::max(std::fabs(row[x] - above[x]), std::fabs(row[x] - below[x]));
            return std::max(across, down);
        };
        Buffer<float>& slopes = scratch[static_cast<std::size_t>(thread)];
        for (std::size_t x = 1; x + 1 < width; ++x) slopes[x] = slope(x, x - 1, x + 1);
        slopes[0] = slope(0, 0, std::min<std::size_t>(1, width - 1));
        slopes[width - 1] = slope(width - 1, std::max<std::size_t>(1, width - 1) - 1, width - 1);
        for (int x = 0; x < picture.width; ++x) {
            if (slopes[static_cast<std::size_t>(x)] <= kSoftSlope) continue;
            const float here = picture.radius(x, y);
            float nearest = here;
            float farthest = here;
            float jump = 0.0f;
            for (int v = std::max(0, y - kWindow); v <= std::min(picture.height - 1, y + kWindow);
                 ++v) {
                float last = picture.radius(std::max(0, x - kWindow), v);
                for (int u = std::max(0, x - kWindow);
                     u <= std::min(picture.width - 1, x + kWindow); ++u) {
                    const float there = picture.radius(u, v);
                    nearest = std::min(nearest, there);
                    farthest = std::max(farthest, there);
                    jump = std::max(jump, std::fabs(there - last));
                    last = there;
                    if (v > 0 && v > y - kWindow) {
                        jump = std::max(jump, std::fabs(there - picture.radius(u, v - 1)));
                    }
                }
            }
            const float range = farthest - nearest;
            if (range < kSoftStep || jump > kSharpJump * range) continue;
            result[picture.index(x, y)] = here - nearest < farthest - here ? nearest : farthest;
        }
    });
    return result;
}

// By how much the radius of each pixel of a row differs from one of its eight neighbours', at most.
class Steps {
  public:
    explicit Steps(int width)
        : steps_(static_cast<std::size_t>(width)),
          least_(steps_.size() + 2),
          most_(steps_.size() + 2) {}

    const float* of_row(const Picture& picture, int y) {
        const std::size_t width = steps_.size();
        const float* row = picture.coc + picture.index(0, y);
        const float* above = y > 0 ? row - width : row;
        const float* below = y + 1 < picture.height ? row + width : row;
        // With the border's column once more on both sides.
        float* const least = least_.data();
        float* const most = most_.data();
        for (std::size_t x = 0; x < width; ++x) {
            least[x + 1] = std::min(row[x], std::min(above[x], below[x]));
            most[x + 1] = std::max(row[x], std::max(above[x], below[x]));
        }
        least[0] = least[1];
        most[0] = most[1];
        least[width + 1] = least[width];
        most[width + 1] = most[width];
        float* const steps = steps_.data();
        for (std::size_t x = 0; x < width; ++x) {
            const float nearest = std::min(least[x], std::min(least[x + 1], least[x + 2]));
            const float farthest = std::max(most[x], std::max(most[x + 1], most[x + 2]));
            steps[x] = std::max(row[x] - nearest, farthest - row[x]);
        }
        return steps;
    }

  private:
    Buffer<float> steps_;
    Buffer<float> least_;
    Buffer<float> most_;
};

// 1 where one of the eight neighbours belongs to another surface. On the way the map is copied to
// `coc`, where refine_edges gives the light at the edges of lights the radius of the light.
Buffer<std::uint8_t> find_folds(const Picture& picture, const BrightRuns& runs, bool refine_edges,
                                int threads, const AbortFlag* abort, Surfaces& surfaces) {
    Buffer<std::uint8_t> folds(picture.index(0, picture.height));
    Buffer<float>& coc = surfaces.circles.coc;
    coc.resize(folds.size());
    surfaces.even.resize(folds.size());
    std::vector<Steps> scratch(static_cast<std::size_t>(threads), Steps(picture.width));
    parallel_for(picture.height, threads, abort, [&](int y, int thread) {
        const float* const steps = scratch[static_cast<std::size_t>(thread)].of_row(picture, y);
        const std::size_t begin = picture.index(0, y);
        std::uint8_t* const fold = folds.data() + begin;
        std::uint8_t* const even_at = surfaces.even.data() + begin;
        for (int x = 0; x < picture.width; ++x) {
            const float even =
                std::clamp((kFold - steps[x]) * (1.0f / (kFold - kEvenStep)), 0.0f, 1.0f);
            fold[x] = steps[x] > kFold ? 1 : 0;
            even_at[x] = static_cast<std::uint8_t>(static_cast<int>(even * Surfaces::kEven));
        }
        std::copy(picture.coc + begin, picture.coc + begin + picture.width, coc.data() + begin);
        if (!refine_edges) return;
        const auto even = [&](int first, int end) {
            int uneven = 0;
            for (int x = first; x < end; ++x) uneven += steps[x] > kLightFold ? 1 : 0;
            return uneven == 0;
        };
        runs.each_bright(picture, y, 1, kBrighter, 0.0f, even, [&](int x) {
            if (steps[x] <= kLightFold) return;
            coc[begin + static_cast<std::size_t>(x)] = lights_radius(picture, x, y);
        });
    });
    return folds;
}

bool is_behind(const Picture& picture, int x, int y) {
    const float here = picture.radius(x, y);
    for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
            if (here - picture.radius(u, v) > kFold) return true;
        }
    }
    return false;
}

Buffer<std::int16_t> distances_to_folds(const Picture& picture, const Buffer<std::uint8_t>& folds,
                                        int threads, const AbortFlag* abort) {
    Buffer<std::int16_t> distances(folds.size());
    constexpr std::int16_t kFar = 4 * static_cast<std::int16_t>(kMaxRadius);
    const auto closer = [](std::int16_t& here, std::int16_t beside) {
        here = std::min(here, static_cast<std::int16_t>(beside + 1));
    };
    const auto width = static_cast<std::size_t>(picture.width);
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const std::size_t row = picture.index(0, y);
        const std::uint8_t* const fold = folds.data() + row;
        std::int16_t* const at = distances.data() + row;
        const auto next_fold = [&](int x) {
            const void* const found = std::memchr(fold + x, 1, width - static_cast<std::size_t>(x));
            return found == nullptr
                       ? picture.width + kFar
                       : static_cast<int>(static_cast<const std::uint8_t*>(found) - fold);
        };
        int last = -kFar;
        for (int x = 0; x < picture.width; ++x) {
            const int next = next_fold(x);
            const int end = std::min(next, picture.width);
            for (; x < end; ++x) {
                at[x] =
                    static_cast<std::int16_t>(std::min(std::min(x - last, next - x), int{kFar}));
            }
            if (x < picture.width) at[x] = 0;
            last = x;
        }
    });
    parallel_for((picture.width + kColumns - 1) / kColumns, threads, abort, [&](int block, int) {
        const std::size_t begin = static_cast<std::size_t>(block) * kColumns;
        const std::size_t count = std::min<std::size_t>(kColumns, width - begin);
        const auto pass = [&](int y, int from) {
            std::int16_t* const at = distances.data() + picture.index(0, y) + begin;
            const std::int16_t* const beside = distances.data() + picture.index(0, from) + begin;
            for (std::size_t i = 0; i < count; ++i) closer(at[i], beside[i]);
        };
        for (int y = 1; y < picture.height; ++y) pass(y, y - 1);
        for (int y = picture.height - 2; y >= 0; --y) pass(y, y + 1);
    });
    return distances;
}

}  // namespace

Surfaces find_surfaces(const Picture& given, bool refine_edges, int reach, int threads,
                       const AbortFlag* abort) {
    Surfaces surfaces;
    Picture picture = given;
    Buffer<float> sharp;
    if (refine_edges) {
        sharp = sharpened(given, threads, abort);
        picture.coc = sharp.data();
    }
    for (int y = 0; y < picture.height; ++y) surfaces.rows.push_back(picture.pixel(0, y));
    const BrightRuns runs(picture, threads, abort);
    surfaces.dimmed = dimmed_lights(picture, runs, reach, threads, abort);
    const Buffer<std::uint8_t> folds =
        find_folds(picture, runs, refine_edges, threads, abort, surfaces);
    if (refine_edges) gather_lights(picture, runs, threads, abort, surfaces);
    picture.rows = surfaces.rows.data();
    surfaces.circles.front.resize(static_cast<std::size_t>(picture.height));
    surfaces.circles.hidden.resize(static_cast<std::size_t>(picture.height));
    std::vector<std::vector<Piece>> edges(static_cast<std::size_t>(picture.height));
    if (refine_edges) {
        parallel_for(picture.height, threads, abort, [&](int y, int) {
            const auto row = static_cast<std::size_t>(y);
            for (int x = 0; x < picture.width; ++x) {
                const std::size_t at = picture.index(x, y);
                if (folds[at] == 0) continue;
                if (std::fabs(surfaces.circles.coc[at]) <= kSharp && !is_behind(picture, x, y))
                    continue;
                Mixture mixture = unmix(picture, folds, x, y);
                const float own = surfaces.circles.coc[at];
                const float near_coc = own + mixture.parted * (mixture.near_coc - own);
                const float far_coc = own + mixture.parted * (mixture.far_coc - own);
                surfaces.circles.coc[at] = mixture.nearer >= 0.5f ? near_coc : far_coc;
                if (mixture.nearer == 0.0f || mixture.nearer == 1.0f) continue;
                const float far_share = 1.0f - mixture.nearer * (1.0f - mixture.parted);
                for (float& value : mixture.far) value *= far_share;
                surfaces.circles.front[row].push_back(
                    {x, near_coc, mixture.nearer, mixture.front, 0.0f});
                edges[row].push_back({x, far_coc, far_share, mixture.far,
                                      mixture.nearer * yields_behind(near_coc, far_coc)});
            }
        });
    }
    fill(picture, folds, edges, threads, abort, surfaces);
    surfaces.to_fold = distances_to_folds(picture, folds, threads, abort);
    return surfaces;
}

Circles refocused(const Circles& circles, float part, int threads, const AbortFlag* abort) {
    const auto other = [part](float coc) {
        return std::clamp(coc + part * std::fabs(coc), -kMaxRadius, kMaxRadius);
    };
    const std::size_t height = circles.front.size();
    const std::size_t width = circles.coc.size() / height;
    Circles result;
    result.coc.resize(circles.coc.size());
    result.front.resize(height);
    result.hidden.resize(height);
    parallel_for(static_cast<int>(height), threads, abort, [&](int row, int) {
        const auto y = static_cast<std::size_t>(row);
        for (std::size_t i = y * width; i < (y + 1) * width; ++i) {
            result.coc[i] = other(circles.coc[i]);
        }
        for (auto rows : {&Circles::front, &Circles::hidden}) {
            std::vector<Piece>& pieces = (result.*rows)[y];
            pieces = (circles.*rows)[y];
            for (Piece& piece : pieces) piece.coc = other(piece.coc);
        }
    });
    return result;
}

}  // namespace synthetic_focus
