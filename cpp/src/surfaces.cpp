#include "synthetic_focus/surfaces.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "synthetic_focus/smooth.h"

namespace synthetic_focus {
namespace {

// Neighbours whose circles of confusion differ by more than their distance belong to two surfaces:
// the lens folds the picture over there.
constexpr float kFold = 1.0f;
constexpr float kEvenStep = 0.5f;  // up to here there is surely none
// What follows from that comes in gradually, so that nothing pops as a step grows: pixels are
// wholly parted, and what is hidden is wholly there, from these steps on.
constexpr float kPartedFold = 1.25f;
constexpr float kWholeFold = 2.0f;
// The light of a pixel this many times as bright as the darkest one beside it is not that one's
// surface's, wholly from the second ratio on.
constexpr float kBrighter = 3.0f;
constexpr float kFarBrighter = 8.0f;
// Radii that differ by less are one surface's, surely two surfaces' from the second on.
constexpr float kLightFold = 0.05f;
constexpr float kLightFolds = 0.3f;
// The edge of a light is gathered as far as its patch, `kPatch` times the squared radius as large
// as a pixel, is bright beside what it falls upon: and among pixels whose radii differ by this part
// of them at most, not by the second.
constexpr float kPatch = 0.1f;
constexpr float kOneLight = 0.15f;
constexpr float kNotOneLight = 0.3f;
// A light that is this many times as bright as all that is around it, so many pixels wide and more,
// is not there once more in the mirror beyond the border.
constexpr float kBesideBorder = 10.0f;
constexpr int kAroundLight = 8;
constexpr float kSameSurface = 0.25f;  // where a surface is followed, its next pixel differs less
constexpr int kWindow =
    3;  // half the side of the neighbourhood that a mixed pixel is compared with
// A hidden surface is needed this many pixels far from its edge, per pixel that the circles differ
// by.
constexpr float kReachPerFold = 1.4143f;
constexpr float kAllOfIt = 0.98f;
constexpr float kTooLittle = 0.1f;
constexpr float kDoubt =
    0.002f;  // colours this alike (squared, relative) cannot tell two surfaces apart
// A step of the map is soft where it is this high within the window, steeper than a slanted
// surface, and no two neighbours share this much of it.
constexpr float kSoftStep = 2.0f;
constexpr float kSoftSlope = 0.4f;
constexpr float kSharpJump = 0.55f;

constexpr int kFillSamples = 8;
constexpr int kFewest = 2;           // of them tell a surface from a light upon it
constexpr float kOnlyEdges = 0.05f;  // the trust in less
// A surface goes on along its lines: the way along which it differs less than across is trusted
// more.
constexpr int kTextureSamples = 6;
constexpr float kAgree = 0.03f;  // of the power: what two ends of one surface differ by anyway
constexpr float kEven = 0.01f;   // of the power: differences that are no line
constexpr float kMostTrust = 16.0f;

using Colour = std::array<float, 4>;

float dot(const Colour& a, const Colour& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}
Colour minus(const Colour& a, const Colour& b) {
    return {a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]};
}

// Of the light alone: opacity does not change with the exposure.
float light_power(const Colour& c) { return c[0] * c[0] + c[1] * c[1] + c[2] * c[2]; }

float brightness(const Colour& c) { return c[0] + c[1] + c[2]; }
float brightness(const Picture& picture, int x, int y) {
    return picture.brightness[picture.index(x, y)];
}

// Without alpha the fourth is 0, so that all four grow with the exposure.
Colour colour(const Picture& picture, int x, int y) {
    const float* pixel = picture.pixel(x, y);
    return {pixel[0], pixel[1], pixel[2], picture.channels == 4 ? pixel[3] : 0.0f};
}

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

// The brightness of the darkest pixel of the nine around one, at least 0: what a light there falls
// upon.
float darkest_around(const Picture& picture, int x, int y) {
    float darkest = std::numeric_limits<float>::max();
    const int left = std::max(0, x - 1);
    const int right = std::min(picture.width - 1, x + 1);
    for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
        for (int u = left; u <= right; ++u) darkest = std::min(darkest, brightness(picture, u, v));
    }
    return std::max(0.0f, darkest);
}

// The radius that the light of a pixel is drawn with. A pixel that a lamp fills by a tenth has the
// lamp's light, though the map gives it to the wall just behind: with the wall's radius it would
// be a ring around the lamp's patch. So the radii around count as the light there (squared, since
// the brightest pixels are the least mixed), as far as the pixel is brighter than its surface.
float lights_radius(const Picture& picture, int x, int y) {
    const float here = picture.radius(x, y);
    const float own = brightness(picture, x, y);
    const int left = std::max(0, x - 1);
    const int right = std::min(picture.width - 1, x + 1);
    const int top = std::max(0, y - 1);
    const int bottom = std::min(picture.height - 1, y + 1);
    const float darkest = darkest_around(picture, x, y);
    if (own <= kBrighter * darkest) return here;
    float power = 0.0f;
    float shift = 0.0f;
    for (int v = top; v <= bottom; ++v) {
        for (int u = left; u <= right; ++u) {
            const float light = std::max(0.0f, brightness(picture, u, v));
            const float step = picture.radius(u, v) - here;
            const float size = std::fabs(step);
            power += light * light;
            if (size <= kLightFold) continue;
            shift += light * light * step * smooth(size, kLightFold, kLightFolds);
        }
    }
    const float stands_out = 1.0f - smooth(darkest / own, 1.0f / kFarBrighter, 1.0f / kBrighter);
    // What is in focus stays as it is.
    const float blurred = smooth(std::fabs(here), kSharp, 2.0f * kSharp);
    return here + stands_out * blurred * shift / power;
}

struct Range {
    float least = std::numeric_limits<float>::max();
    float most = std::numeric_limits<float>::lowest();

    void add(float value) {
        least = std::min(least, value);
        most = std::max(most, value);
    }
    void add(const Range& other) {
        least = std::min(least, other.least);
        most = std::max(most, other.most);
    }
};

// How light and radii range in runs of the picture's rows, so that places without lights are passed
// over.
class Runs {
  public:
    Runs(const Picture& picture, int threads, const AbortFlag* abort)
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

// Which part of a pixel's light lies nearer to the next column and row than to its own.
struct Move {
    float x;  // -1/2 to 1/2, to the left or to the right
    float y;
};

// A pixel that a light fills in part has its light at the side of the light: of a straight edge
// that leaves 1 - a of the pixel dark, (1 - a) / 2 off its middle. Where the light's neighbours
// have their own light, m pixels off on average, tells a: m = 1 / (1 + a). Far brighter than white,
// a patch that is drawn round the pixel's middle instead has a rim as far outside.
Move lights_move(const Picture& picture, int x, int y) {
    const float here = picture.radius(x, y);
    const float own = brightness(picture, x, y);
    if (x == 0 || y == 0 || x + 1 == picture.width || y + 1 == picture.height) return {0, 0};
    if (std::fabs(here) <= 2.0f * kSharp) return {0, 0};
    const float darkest = darkest_around(picture, x, y);
    const float upon = darkest * (1.0f + kPatch * here * here);
    if (own <= kBrighter * upon) return {0, 0};
    float light = 0.0f;
    float along = 0.0f;
    float down = 0.0f;
    std::array<std::array<float, 3>, 3> one{};  // whether a neighbour is of the same light
    for (int v = -1; v <= 1; ++v) {
        for (int u = -1; u <= 1; ++u) {
            const float there = picture.radius(x + u, y + v);
            const float same = (1.0f - smooth(std::fabs(there - here), kOneLight * std::fabs(here),
                                              kNotOneLight * std::fabs(here))) *
                               smooth(std::fabs(there), 2.0f * kSharp, 4.0f * kSharp);
            one[static_cast<std::size_t>(v + 1)][static_cast<std::size_t>(u + 1)] = same;
            const float part = same * std::max(0.0f, brightness(picture, x + u, y + v) - darkest);
            light += part;
            along += part * static_cast<float>(u);
            down += part * static_cast<float>(v);
        }
    }
    const auto off = [&](float sum) {
        const float mean = std::fabs(sum) / (light + 1e-30f);
        return mean > 0.5f ? std::copysign(1.0f - 0.5f / mean, sum) : 0.0f;
    };
    const auto column = static_cast<std::size_t>(along > 0.0f ? 2 : 0);
    const auto row = static_cast<std::size_t>(down > 0.0f ? 2 : 0);
    const float amount = (1.0f - smooth(upon / own, 1.0f / kFarBrighter, 1.0f / kBrighter)) *
                         std::min({one[1][1], one[1][column], one[row][1], one[row][column]});
    return {amount * off(along), amount * off(down)};
}

// Moves the light at lights' edges to where in their pixels it lies, by giving a part of it to the
// neighbours.
void gather_lights(const Picture& picture, const Runs& runs, int threads, const AbortFlag* abort,
                   Surfaces& surfaces) {
    struct Edge {
        int x;
        Move move;
    };
    std::vector<std::vector<Edge>> edges(static_cast<std::size_t>(picture.height));
    const auto none = [](int, int) { return false; };
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        runs.each_bright(picture, y, 1, kBrighter, kPatch, none, [&](int x) {
            const Move move = lights_move(picture, x, y);
            if (move.x == 0.0f && move.y == 0.0f) return;
            edges[static_cast<std::size_t>(y)].push_back({x, move});
        });
    });
    const auto channels = static_cast<std::size_t>(picture.channels);
    surfaces.copies.resize(static_cast<std::size_t>(picture.height));
    const auto writable = [&](int x, int y) {
        std::vector<float>& copy = surfaces.copies[static_cast<std::size_t>(y)];
        if (copy.empty()) {
            const float* const row = picture.pixel(0, y);
            copy.assign(row, row + static_cast<std::size_t>(picture.width) * channels);
            surfaces.rows[static_cast<std::size_t>(y)] = copy.data();
        }
        return copy.data() + static_cast<std::size_t>(x) * channels;
    };
    for (int y = 0; y < picture.height; ++y) {
        for (const auto& [x, move] : edges[static_cast<std::size_t>(y)]) {
            const int column = x + (move.x > 0.0f ? 1 : -1);
            const int row = y + (move.y > 0.0f ? 1 : -1);
            const float right = std::fabs(move.x);
            const float down = std::fabs(move.y);
            const float* const light = picture.pixel(x, y);
            float* const own = writable(x, y);
            const auto give = [&](int u, int v, float part) {
                if (part == 0.0f) return;
                float* const to = writable(u, v);
                for (std::size_t c = 0; c < 3; ++c) {
                    to[c] += part * light[c];
                    own[c] -= part * light[c];
                }
            };
            give(column, y, right * (1.0f - down));
            give(x, row, (1.0f - right) * down);
            give(column, row, right * down);
        }
    }
}

// How much of the lights within `reach` of the border the mirror beyond shows: no light comes
// twice.
std::vector<std::vector<Dimmed>> dimmed_lights(const Picture& picture, const Runs& runs, int reach,
                                               int threads, const AbortFlag* abort) {
    std::vector<std::vector<Dimmed>> rows(static_cast<std::size_t>(picture.height));
    const auto inside = [reach](int at, int size) { return at >= reach && at < size - reach; };
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const bool inner = inside(y, picture.height);
        const auto skip = [&](int first, int end) {
            return inner && inside(first, picture.width) && inside(end - 1, picture.width);
        };
        runs.each_bright(picture, y, kAroundLight, kBesideBorder, 0.0f, skip, [&](int x) {
            // The quarter of what is around where the least is most; `enough` ends the search.
            const auto most_of_quarters = [&](float enough, const auto& value) {
                float most = 0.0f;
                for (const int down : {-2, 2}) {
                    for (const int right : {-2, 2}) {
                        float least = std::numeric_limits<float>::max();
                        for (int i = 0; i <= kAroundLight / 2; ++i) {
                            const int v = std::clamp(y + i * down, 0, picture.height - 1);
                            for (int k = 0; k <= kAroundLight / 2; ++k) {
                                const int u = std::clamp(x + k * right, 0, picture.width - 1);
                                least = std::min(least, value(u, v));
                            }
                        }
                        most = std::max(most, least);
                        if (most >= enough) return most;
                    }
                }
                return most;
            };
            const float own = brightness(picture, x, y);
            const float light = most_of_quarters(
                own / kBesideBorder, [&](int u, int v) { return brightness(picture, u, v); });
            if (kBesideBorder * light >= own) return;
            const float part = kBesideBorder * light / own;
            const float alpha = colour(picture, x, y)[3];
            float covered = 1.0f;
            if (alpha > 0.0f) {
                covered = std::min(1.0f, most_of_quarters(alpha, [&](int u, int v) {
                                             return colour(picture, u, v)[3];
                                         }) / alpha);
            }
            rows[static_cast<std::size_t>(y)].push_back({x, part, part + (1.0f - part) * covered});
        });
    });
    return rows;
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
Buffer<std::uint8_t> find_folds(const Picture& picture, const Runs& runs, bool refine_edges,
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

// One of the two surfaces that meet in a pixel's neighbourhood.
struct Side {
    Colour sum{};
    float coc_sum = 0.0f;
    float weight = 0.0f;
    float power_sum = 0.0f;
    float variance = 0.0f;
    Colour mean{};
    Colour most{};
    float coc = 0.0f;

    void add(const Colour& colour, float radius, float w) {
        for (std::size_t c = 0; c < 4; ++c) {
            sum[c] += w * colour[c];
            most[c] = std::max(most[c], colour[c]);
        }
        coc_sum += w * radius;
        power_sum += w * dot(colour, colour);
        weight += w;
    }
    void finish() {
        if (weight <= 0.0f) return;
        for (std::size_t c = 0; c < 4; ++c) mean[c] = sum[c] / weight;
        coc = coc_sum / weight;
        variance = std::max(0.0f, power_sum / weight - dot(mean, mean));
    }
};

struct Mixture {
    float parted = 1.0f;  // how far the two are two
    float nearer = 1.0f;  // share of the nearer surface
    float near_coc = 0.0f;
    float far_coc = 0.0f;
    Colour front{};  // premultiplied by that share
    Colour far{};
};

bool is_behind(const Picture& picture, int x, int y) {
    const float here = picture.radius(x, y);
    for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
            if (here - picture.radius(u, v) > kFold) return true;
        }
    }
    return false;
}

struct Parting {
    float nearer;  // share of the nearer surface
    float doubt;   // 0: colours tell the surfaces apart; 1: they do not, and `nearer` is the guess
};

Parting part(const Colour& own, const Side& near, const Side& far, float guess) {
    const Colour contrast = minus(near.mean, far.mean);
    const float power = dot(contrast, contrast);
    const float seen = dot(minus(own, far.mean), contrast);
    const float level = light_power(near.mean) + light_power(far.mean);
    const float position = std::clamp(seen / (power + 1e-12f), 0.0f, 1.0f);
    Colour residual = minus(own, far.mean);
    for (std::size_t c = 0; c < 4; ++c) residual[c] -= position * contrast[c];
    // Colours tell the surfaces apart as far as these are even, and the pixel lies between them.
    const float doubt =
        kDoubt * level + near.variance + far.variance + 3.0f * dot(residual, residual) + 1e-12f;
    return {std::clamp((seen + guess * doubt) / (power + doubt), 0.0f, 1.0f),
            doubt / (power + doubt)};
}

Mixture unmix(const Picture& picture, const Buffer<std::uint8_t>& folds, int x, int y) {
    const float here = picture.radius(x, y);
    float nearest = here;
    float farthest = here;
    for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
            nearest = std::min(nearest, picture.radius(u, v));
            farthest = std::max(farthest, picture.radius(u, v));
        }
    }
    const float middle = 0.5f * (nearest + farthest);
    const Colour own = colour(picture, x, y);
    Side near;
    Side far;
    Side near_mixed;
    Side far_mixed;
    for (int v = std::max(0, y - kWindow); v <= std::min(picture.height - 1, y + kWindow); ++v) {
        for (int u = std::max(0, x - kWindow); u <= std::min(picture.width - 1, x + kWindow); ++u) {
            const float radius = picture.radius(u, v);
            const bool fold = folds[picture.index(u, v)] != 0;
            const float distance2 = static_cast<float>((u - x) * (u - x) + (v - y) * (v - y));
            const float w = 1.0f / ((0.25f + distance2) * (0.25f + distance2));
            const Colour c = colour(picture, u, v);
            if (radius < middle) {
                (fold ? near_mixed : near).add(c, radius, w);
            } else {
                (fold ? far_mixed : far).add(c, radius, w);
            }
        }
    }
    for (Side* side : {&near, &far, &near_mixed, &far_mixed}) side->finish();
    Mixture mixture;
    mixture.parted = smooth(std::max(here - nearest, farthest - here), kFold, kPartedFold);
    mixture.near_coc = nearest;
    mixture.far_coc = farthest;
    if (far.weight <= 0.0f) far = far_mixed;
    if (near.weight <= 0.0f) {
        // A thing without an inside: its purest pixel is the one that differs most from what is
        // behind.
        float most = -1.0f;
        for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
            for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
                if (picture.radius(u, v) >= middle) continue;
                const Colour c = colour(picture, u, v);
                const Colour d = minus(c, far.mean);
                if (dot(d, d) > most) {
                    most = dot(d, d);
                    near.mean = c;
                    near.coc = picture.radius(u, v);
                }
            }
        }
    }
    const float guess = here < middle ? 1.0f : 0.0f;
    Parting parting = part(own, near, far, guess);
    if (near_mixed.weight > 0.0f && (guess == 0.0f || parting.doubt > 0.5f)) {
        // A strip too thin to have an inside may lie between the two.
        const Parting strip = part(own, near_mixed, far, guess);
        if (strip.doubt < 0.5f * parting.doubt) {
            parting = strip;
            near = near_mixed;
        }
    }
    if (parting.doubt > 0.5f && guess == 0.0f) {
        // Of several things before it, the nearest need not be the one that covers the pixel.
        for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
            for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
                if (picture.radius(u, v) > here - kFold) continue;
                Side beside;
                beside.add(colour(picture, u, v), picture.radius(u, v), 1.0f);
                beside.finish();
                const Parting other = part(own, beside, far, guess);
                if (other.doubt < 0.1f * parting.doubt) {
                    parting = other;
                    near = beside;
                }
            }
        }
    }
    mixture.nearer = parting.nearer;
    mixture.near_coc = near.coc;
    mixture.far_coc = far.coc;
    if (here < middle) {
        mixture.near_coc = here;
    } else {
        mixture.far_coc = here;
    }
    if (mixture.nearer > kAllOfIt) mixture.nearer = 1.0f;
    if (mixture.nearer < 1.0f - kAllOfIt) mixture.nearer = 0.0f;
    // What a pixel has beyond the nearer surface's share, such as a light beside it, belongs to the
    // other, which is no brighter than it is seen to be.
    const float far_share = 1.0f - mixture.nearer;
    for (std::size_t c = 0; c < 4; ++c) {
        mixture.far[c] = far.mean[c];
        if (far_share >= kTooLittle) {
            const float most = std::max(0.0f, 2.0f * mixture.nearer * near.mean[c]);
            const float front = std::clamp(own[c] - far_share * far.mean[c], 0.0f, most);
            mixture.far[c] = std::min((own[c] - front) / far_share, std::max(own[c], far.most[c]));
        }
        mixture.front[c] = own[c] - far_share * mixture.far[c];
    }
    return mixture;
}

// Walks along a row or a column and remembers the surfaces that went behind nearer ones.
class Walker {
  public:
    // One place on, to the place `at` of the walk; `last` was before.
    void step(int at, float last, float here) {
        latest_.step(here);
        deepest_.step(here);
        if (std::fabs(last - here) <= kFold) return;
        if (last > here) {
            latest_ = {last, 1, (at - fold_) / 2};
            if (deepest_.distance == 0 || last > deepest_.coc) deepest_ = {last, 1, kEndless};
        }
        fold_ = at;
    }
    // Distances to the surface that went behind last and to the deepest one; 0: none.
    std::uint16_t latest() const { return static_cast<std::uint16_t>(latest_.distance); }
    std::uint16_t deepest() const { return static_cast<std::uint16_t>(deepest_.distance); }
    bool idle() const { return (latest_.distance | deepest_.distance) == 0; }

  private:
    static constexpr int kEndless = 4096;
    struct Surface {
        float coc = 0.0f;
        int distance = 0;
        int reach = 0;  // a thing is assumed to go on as far as it is seen: small things end soon

        void step(float here) {
            if (distance == 0) return;
            ++distance;
            const float fold = coc - here;
            if (fold <= kFold || distance > reach ||
                static_cast<float>(distance) > kReachPerFold * fold + 2.0f) {
                distance = 0;
            }
        }
    };
    Surface latest_;
    Surface deepest_;
    int fold_ = -1;  // where the last one was
};

enum Direction { kLeft, kRight, kUp, kDown };

// Distances to what went behind in one direction; 0: nothing.
struct Distances {
    std::uint16_t latest;
    std::uint16_t deepest;
};

constexpr int kBlock = 64;

// What goes behind upward and downward, in blocks of so many columns, of which only those have been
// written where there is something.
class Columns {
  public:
    Columns(const Picture& picture, const Buffer<float>& coc, const Buffer<std::uint8_t>& folds,
            int threads, const AbortFlag* abort)
        : width_(static_cast<std::size_t>(picture.width)),
          blocks_((width_ + kBlock - 1) / kBlock),
          some_{std::vector<char>(blocks_ * static_cast<std::size_t>(picture.height)),
                std::vector<char>(blocks_ * static_cast<std::size_t>(picture.height))} {
        for (auto& distances : distances_) {
            distances = std::make_unique_for_overwrite<Distances[]>(coc.size());
        }
        parallel_for(static_cast<int>(blocks_), threads, abort, [&](int block, int) {
            const auto b = static_cast<std::size_t>(block);
            sweep(kUp, b, 0, picture.height, 1, coc, folds);
            sweep(kDown, b, picture.height - 1, -1, -1, coc, folds);
        });
    }

    bool some(Direction direction, int x, int y) const {
        return some_[direction - kUp][static_cast<std::size_t>(y) * blocks_ +
                                      static_cast<std::size_t>(x / kBlock)] != 0;
    }
    Distances at(Direction direction, int x, int y) const {
        if (!some(direction, x, y)) return {0, 0};
        return distances_[direction - kUp]
                         [static_cast<std::size_t>(y) * width_ + static_cast<std::size_t>(x)];
    }

  private:
    void sweep(Direction direction, std::size_t block, int first, int last, int step,
               const Buffer<float>& coc, const Buffer<std::uint8_t>& folds) {
        const std::size_t begin = block * kBlock;
        const std::size_t count = std::min<std::size_t>(kBlock, width_ - begin);
        std::array<Walker, kBlock> walkers;
        const auto folded = [&](const std::uint8_t* row) {
            return std::memchr(row, 1, count) != nullptr;
        };
        bool idle = true;
        std::size_t before = static_cast<std::size_t>(first) * width_ + begin;
        bool folds_before = false;
        for (int y = first; y != last; y += step) {
            const std::size_t row = static_cast<std::size_t>(y) * width_ + begin;
            const bool folds_here = folded(folds.data() + row);
            if (!idle || folds_here || folds_before) {
                idle = true;
                const int place = step > 0 ? y - first : first - y;
                for (std::size_t i = 0; i < count; ++i) {
                    Walker& walker = walkers[i];
                    walker.step(place, coc[before + i], coc[row + i]);
                    idle = idle && walker.idle();
                    distances_[direction - kUp][row + i] = {walker.latest(), walker.deepest()};
                }
                some_[direction - kUp][static_cast<std::size_t>(y) * blocks_ + block] = !idle;
            }
            folds_before = folds_here;
            before = row;
        }
    }

    std::size_t width_;
    std::size_t blocks_;
    std::array<std::vector<char>, 2> some_;
    std::array<std::unique_ptr<Distances[]>, 2> distances_;
};

constexpr std::array<std::array<int, 2>, 4> kSteps{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

struct Continued {
    Colour colour;
    float trust;
};

// The colour of a surface that is seen in gaps only: of its pixels around, a rather dark one, since
// those that are in part of another surface or a light are no measure.
Colour around(const Picture& picture, const Buffer<float>& coc, int x, int y) {
    const float own = coc[picture.index(x, y)];
    constexpr int kHalf = kFillSamples / 2;
    std::vector<Colour> seen;
    for (int v = std::max(0, y - kHalf); v <= std::min(picture.height - 1, y + kHalf); ++v) {
        for (int u = std::max(0, x - kHalf); u <= std::min(picture.width - 1, x + kHalf); ++u) {
            if (coc[picture.index(u, v)] > own - kSameSurface)
                seen.push_back(colour(picture, u, v));
        }
    }
    const auto chosen = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
    std::nth_element(seen.begin(), chosen, seen.end(), [](const Colour& a, const Colour& b) {
        return brightness(a) < brightness(b);
    });
    return *chosen;
}

// Continues the surface at (x, y), away from what hides it: its colour without lights, and how far
// that is to be believed.
Continued continued(const Picture& picture, const Buffer<float>& coc,
                    const Buffer<std::uint8_t>& folds, int x, int y, std::array<int, 2> step) {
    float across = 0.0f;  // squared differences to neighbours beside the way,
    float along = 0.0f;   // and on it
    float power = 0.0f;
    float last = coc[picture.index(x, y)];
    std::array<Colour, kFillSamples> seen;  // ordered by brightness
    int count = 0;
    for (int i = 0; i < kFillSamples + 2 && count < kFillSamples; ++i) {
        const int u = x + i * step[0];
        const int v = y + i * step[1];
        if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) break;
        const std::size_t at = picture.index(u, v);
        if (std::fabs(coc[at] - last) > kSameSurface) break;
        last = coc[at];
        if (i < kFillSamples && folds[at] != 0) continue;
        const Colour c = colour(picture, u, v);
        if (i < kTextureSamples) {
            const auto differ = [&](int a, int b) {
                if (a < 0 || b < 0 || a >= picture.width || b >= picture.height) return 0.0f;
                if (std::fabs(coc[picture.index(a, b)] - coc[at]) > kSameSurface) return 0.0f;
                const Colour d = minus(colour(picture, a, b), c);
                return dot(d, d);
            };
            across += 0.5f * (differ(u + step[1], v + step[0]) + differ(u - step[1], v - step[0]));
            along += differ(u + step[0], v + step[1]);
            power += light_power(c);
        }
        auto k = static_cast<std::size_t>(count++);
        for (; k > 0 && brightness(seen[k - 1]) > brightness(c); --k) seen[k] = seen[k - 1];
        seen[k] = c;
    }
    if (count < kFewest) return {around(picture, coc, x, y), kOnlyEdges};
    // The darker half stands for the surface; what is far brighter than that is a light upon it.
    const float limit = 3.0f * brightness(seen[static_cast<std::size_t>((count - 1) / 2)]);
    Colour mean{};
    int used = 0;
    for (int i = 0; i < count; ++i) {
        const Colour& c = seen[static_cast<std::size_t>(i)];
        if (i > (count - 1) / 2 && brightness(c) > limit) break;
        for (std::size_t k = 0; k < 4; ++k) mean[k] += c[k];
        ++used;
    }
    for (float& value : mean) value /= static_cast<float>(used);
    const float even = kEven * power + 1e-12f;
    const float trust = (across + even) / (along + even);
    return {mean, std::clamp(trust, 1.0f / kMostTrust, kMostTrust)};
}

// `continued` as it was for the same place last time.
struct Remembered {
    int x = -1;
    int y = -1;
    Continued surface{};
};

// The surfaces around a pixel that may go on behind it.
struct Fills {
    struct Source {
        int x;
        int y;
        int distance;
        std::size_t direction;
        float coc;
        Remembered* memory;
    };
    std::array<Source, 8> sources;
    std::size_t count = 0;

    void add(const Picture& picture, const Buffer<float>& coc, int x, int y, int distance,
             std::size_t direction, Remembered* memory) {
        sources[count++] = {x, y, distance, direction, coc[picture.index(x, y)], memory};
    }
    float closest() const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < count; ++i) {
            if (sources[i].distance < sources[best].distance) best = i;
        }
        return sources[best].coc;
    }
    float farthest() const {
        float most = sources[0].coc;
        for (std::size_t i = 1; i < count; ++i) most = std::max(most, sources[i].coc);
        return most;
    }
    // The surface at about this circle of confusion, as its sources around continue it. Two that
    // face each other and are alike are the more likely what lies between them.
    Side blend(const Picture& picture, const Buffer<float>& coc_map,
               const Buffer<std::uint8_t>& folds, float coc, float alike) const {
        std::array<const Continued*, kSteps.size()> ends{};
        const auto each = [&](const auto& use) {
            for (std::size_t i = 0; i < count; ++i) {
                if (std::fabs(sources[i].coc - coc) <= alike) use(sources[i]);
            }
        };
        each([&](const Source& source) {
            Remembered& memory = *source.memory;
            if (memory.x != source.x || memory.y != source.y) {
                memory = {source.x, source.y,
                          continued(picture, coc_map, folds, source.x, source.y,
                                    kSteps[source.direction])};
            }
            ends[source.direction] = &memory.surface;
        });
        std::array<float, 2> agreement{1.0f, 1.0f};  // along rows, along columns
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const Continued* const first = ends[2 * axis];
            const Continued* const second = ends[2 * axis + 1];
            if (first == nullptr || second == nullptr) continue;
            const float power = light_power(first->colour) + light_power(second->colour) + 1e-12f;
            const float differ = light_power(minus(first->colour, second->colour)) / power;
            agreement[axis] = 2.0f * kAgree / (kAgree + differ);
        }
        Side side;
        each([&](const Source& source) {
            const Continued& surface = source.memory->surface;
            const auto distance = static_cast<float>(source.distance);
            const float trust = surface.trust * agreement[source.direction / 2];
            side.add(surface.colour, source.coc, trust / (distance * distance));
        });
        side.finish();
        return side;
    }
};

void put(std::vector<Piece>& pieces, int x, float coc, float coverage, const Colour& light,
         float yields) {
    pieces.push_back({x, coc, coverage, {light[0], light[1], light[2], light[3]}, yields});
}

// Whether the lens's points that see a hidden piece are those that the thing before it hides it
// from, as far as pixels tell. On one side of the focus both patches grow the same way from their
// edge: what the nearer one leaves open, the visible part of the farther surface shows in whole.
// On two sides they grow towards each other, and both parts show.
float yields_behind(float nearer, float farther) {
    return std::clamp(std::copysign(nearer, nearer * farther), 0.0f, 1.0f);
}

// What filling a row needs, kept from row to row.
struct Filling {
    // What goes behind to the left and to the right.
    struct Row {
        std::vector<Distances> distances;
        std::vector<char> some;  // whether there is any, by block of columns
    };
    std::array<Row, 2> along;
    std::vector<std::array<Remembered, 8>> memories;  // by column
};

// What goes behind along a row, in the direction from `first` on. Folds are few: from one to the
// next nothing need be looked at.
void walk_row(const float* coc, const std::uint8_t* folds, int width, int step,
              Filling::Row& along) {
    along.distances.assign(static_cast<std::size_t>(width), {0, 0});
    along.some.assign(static_cast<std::size_t>((width + kBlock - 1) / kBlock), 0);
    const int first = step > 0 ? 0 : width - 1;
    Walker walker;
    for (int i = 1; i < width; ++i) {
        const int x = first + i * step;
        if (walker.idle() && folds[x] == 0 && folds[x - step] == 0) continue;
        walker.step(i, coc[x - step], coc[x]);
        along.distances[static_cast<std::size_t>(x)] = {walker.latest(), walker.deepest()};
        if (!walker.idle()) along.some[static_cast<std::size_t>(x / kBlock)] = 1;
    }
}

// Finds what lies hidden behind each pixel: the farther parts of pixels that show two surfaces
// (`edges`), and surfaces around that go on behind it.
void fill(const Picture& picture, const Buffer<std::uint8_t>& folds,
          const std::vector<std::vector<Piece>>& edges, int threads, const AbortFlag* abort,
          Surfaces& surfaces) {
    const Columns columns(picture, surfaces.circles.coc, folds, threads, abort);
    const auto fill_row = [&](int y, Filling& filling) {
        auto& [along, memories] = filling;
        const std::vector<Piece>& edge_row = edges[static_cast<std::size_t>(y)];
        std::vector<Piece>& hidden = surfaces.circles.hidden[static_cast<std::size_t>(y)];
        const std::size_t begin = picture.index(0, y);
        for (const Direction direction : {kLeft, kRight}) {
            walk_row(surfaces.circles.coc.data() + begin, folds.data() + begin, picture.width,
                     direction == kLeft ? 1 : -1, along[direction]);
        }
        auto edge = edge_row.begin();
        const auto nothing_in_block = [&](int x) {
            const auto block = static_cast<std::size_t>(x / kBlock);
            return along[kLeft].some[block] == 0 && along[kRight].some[block] == 0 &&
                   !columns.some(kUp, x, y) && !columns.some(kDown, x, y) &&
                   (edge == edge_row.end() || edge->x >= x + kBlock);
        };
        for (int x = 0; x < picture.width; ++x) {
            if (x % kBlock == 0 && nothing_in_block(x)) {
                x += kBlock - 1;
                continue;
            }
            const std::array<Distances, 4> distances{
                along[kLeft].distances[static_cast<std::size_t>(x)],
                along[kRight].distances[static_cast<std::size_t>(x)], columns.at(kUp, x, y),
                columns.at(kDown, x, y)};
            Fills fills;
            for (std::size_t d = 0; d < 4; ++d) {
                const auto look = [&](int distance, std::size_t memory) {
                    if (distance == 0) return;
                    // Along a row one place of memory serves all its pixels.
                    const auto column = static_cast<std::size_t>(d < kUp ? 0 : x);
                    fills.add(picture, surfaces.circles.coc, x + distance * kSteps[d][0],
                              y + distance * kSteps[d][1], distance, d,
                              &memories[column][2 * d + memory]);
                };
                const auto [latest, deepest] = distances[d];
                look(latest, 0);
                if (deepest != latest) look(deepest, 1);
            }
            const float own = surfaces.circles.coc[begin + static_cast<std::size_t>(x)];
            float shown = own;
            const bool mixed = edge != edge_row.end() && edge->x == x;
            if (mixed) {
                hidden.push_back(*edge);
                shown = edge++->coc;
            }
            if (fills.count == 0) continue;
            const auto add = [&](float coc, float alike) {
                Side side = fills.blend(picture, surfaces.circles.coc, folds, coc, alike);
                const float there = smooth(side.coc - own, kFold, kWholeFold);
                if (there == 0.0f) return;
                for (float& value : side.mean) value *= there;
                put(hidden, x, side.coc, there, side.mean, yields_behind(own, side.coc));
            };
            const float farthest = fills.farthest();
            const float alike = std::max(kFold, 0.25f * (farthest - own));
            if (!mixed) {
                shown = fills.closest();
                add(shown, alike);
            }
            if (farthest > shown + alike) add(farthest, alike);
        }
    };
    std::vector<Filling> fillings(static_cast<std::size_t>(threads));
    constexpr int kStrip = 32;  // so many rows in turn, since they remember each other's surfaces
    parallel_for((picture.height + kStrip - 1) / kStrip, threads, abort,
                 [&](int strip, int thread) {
                     Filling& filling = fillings[static_cast<std::size_t>(thread)];
                     filling.memories.resize(static_cast<std::size_t>(picture.width));
                     const int end = std::min(picture.height, (strip + 1) * kStrip);
                     for (int y = strip * kStrip; y < end; ++y) fill_row(y, filling);
                 });
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
    parallel_for((picture.width + kBlock - 1) / kBlock, threads, abort, [&](int block, int) {
        const std::size_t begin = static_cast<std::size_t>(block) * kBlock;
        const std::size_t count = std::min<std::size_t>(kBlock, width - begin);
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
    const Runs runs(picture, threads, abort);
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
                put(surfaces.circles.front[row], x, near_coc, mixture.nearer, mixture.front, 0.0f);
                put(edges[row], x, far_coc, far_share, mixture.far,
                    mixture.nearer * yields_behind(near_coc, far_coc));
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
