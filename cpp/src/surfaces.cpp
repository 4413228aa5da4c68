#include "synthetic_focus/surfaces.h"

#include <array>
#include <cmath>
#include <limits>

namespace synthetic_focus {
namespace {

// Neighbours whose circles of confusion differ by more than their distance belong to two surfaces:
// the lens folds the picture over there.
constexpr float kFold = 1.0f;
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
constexpr float kOnlyEdges = 0.05f;

using Colour = std::array<float, 4>;

float dot(const Colour& a, const Colour& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}
Colour minus(const Colour& a, const Colour& b) {
    return {a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]};
}

Colour colour(const Picture& picture, int x, int y) {
    const float* pixel = picture.pixel(x, y);
    return {pixel[0], pixel[1], pixel[2], picture.channels == 4 ? pixel[3] : 1.0f};
}

// A copy of the map in which soft steps, as blurred or resampled maps have them, are steps again:
// no pixel is left at a depth between two surfaces, where nothing is.
std::vector<float> sharpened(const Picture& picture, int threads, const AbortFlag* abort) {
    std::vector<float> result(picture.index(0, picture.height));
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        for (int x = 0; x < picture.width; ++x) {
            const float here = picture.radius(x, y);
            result[picture.index(x, y)] = here;
            const float slope = std::max(
                {std::fabs(here - picture.radius(std::max(0, x - 1), y)),
                 std::fabs(here - picture.radius(std::min(picture.width - 1, x + 1), y)),
                 std::fabs(here - picture.radius(x, std::max(0, y - 1))),
                 std::fabs(here - picture.radius(x, std::min(picture.height - 1, y + 1)))});
            if (slope <= kSoftSlope) continue;
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

std::vector<std::uint8_t> find_folds(const Picture& picture, int threads, const AbortFlag* abort) {
    std::vector<std::uint8_t> folds(picture.index(0, picture.height));
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        for (int x = 0; x < picture.width; ++x) {
            const float here = picture.radius(x, y);
            bool fold = false;
            for (int v = std::max(0, y - 1); v <= std::min(picture.height - 1, y + 1); ++v) {
                for (int u = std::max(0, x - 1); u <= std::min(picture.width - 1, x + 1); ++u) {
                    fold |= std::fabs(picture.radius(u, v) - here) > kFold;
                }
            }
            folds[picture.index(x, y)] = fold ? 1 : 0;
        }
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
    float coc = 0.0f;

    void add(const Colour& colour, float radius, float w) {
        for (std::size_t c = 0; c < 4; ++c) sum[c] += w * colour[c];
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
    float nearer = 1.0f;  // share of the nearer surface
    float near_coc = 0.0f;
    float far_coc = 0.0f;
    Colour front{};  // premultiplied by that share
    Colour far{};
};

Mixture unmix(const Picture& picture, const std::vector<std::uint8_t>& folds, int x, int y) {
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
    mixture.near_coc = near.coc;
    mixture.far_coc = far.coc;
    const Colour contrast = minus(near.mean, far.mean);
    const float power = dot(contrast, contrast);
    const float guess = here < middle ? 1.0f : 0.0f;
    const float seen = dot(minus(own, far.mean), contrast);
    const float level = dot(near.mean, near.mean) + dot(far.mean, far.mean);
    const float position = std::clamp(seen / (power + 1e-12f), 0.0f, 1.0f);
    Colour residual = minus(own, far.mean);
    for (std::size_t c = 0; c < 4; ++c) residual[c] -= position * contrast[c];
    // Colours tell the surfaces apart as far as these are even, and the pixel lies between them.
    const float doubt =
        kDoubt * level + near.variance + far.variance + 3.0f * dot(residual, residual) + 1e-12f;
    mixture.nearer = std::clamp((seen + guess * doubt) / (power + doubt), 0.0f, 1.0f);
    if (here < middle) {
        mixture.near_coc = here;
    } else {
        mixture.far_coc = here;
    }
    if (mixture.nearer > kAllOfIt) mixture.nearer = 1.0f;
    if (mixture.nearer < 1.0f - kAllOfIt) mixture.nearer = 0.0f;
    // What a pixel has beyond the nearer surface's share, such as a light beside it, belongs to the
    // other.
    const float far_share = 1.0f - mixture.nearer;
    for (std::size_t c = 0; c < 4; ++c) {
        const float rest = own[c] - far_share * far.mean[c];
        mixture.front[c] = rest;
        mixture.far[c] = far.mean[c];
        if (far_share < kTooLittle) continue;
        mixture.front[c] =
            std::clamp(rest, 0.0f, std::max(0.0f, 2.0f * mixture.nearer * near.mean[c]));
        if (mixture.front[c] != rest) mixture.far[c] = (own[c] - mixture.front[c]) / far_share;
    }
    return mixture;
}

// Walks along a row or a column and remembers the surfaces that went behind nearer ones.
class Walker {
  public:
    explicit Walker(float first) : last_(first) {}

    void step(float here) {
        latest_.step(here);
        deepest_.step(here);
        if (last_ - here > kFold) {
            latest_ = {last_, 1, run_ / 2};
            if (deepest_.distance == 0 || last_ > deepest_.coc) deepest_ = {last_, 1, kEndless};
        }
        run_ = std::fabs(last_ - here) > kFold ? 1 : run_ + 1;
        last_ = here;
    }
    // Distances to the surface that went behind last and to the deepest one; 0: none.
    std::uint16_t latest() const { return static_cast<std::uint16_t>(latest_.distance); }
    std::uint16_t deepest() const { return static_cast<std::uint16_t>(deepest_.distance); }

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
    float last_;
    int run_ = 1;
};

enum Direction { kLeft, kRight, kUp, kDown };

using Distances = std::vector<std::uint16_t>;

struct Behind {
    std::array<Distances, 4> latest;
    std::array<Distances, 4> deepest;

    void note(Direction direction, std::size_t at, const Walker& walker) {
        latest[direction][at] = walker.latest();
        deepest[direction][at] = walker.deepest();
    }
};

Behind walk(const Picture& picture, const std::vector<float>& coc, int threads,
            const AbortFlag* abort) {
    Behind behind;
    const std::size_t size = picture.index(0, picture.height);
    for (Distances& distances : behind.latest) distances.resize(size);
    for (Distances& distances : behind.deepest) distances.resize(size);
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const std::size_t begin = picture.index(0, y);
        const std::size_t end = picture.index(0, y + 1);
        Walker from_left(coc[begin]);
        for (std::size_t at = begin; at < end; ++at) {
            from_left.step(coc[at]);
            behind.note(kLeft, at, from_left);
        }
        Walker from_right(coc[end - 1]);
        for (std::size_t at = end; at-- > begin;) {
            from_right.step(coc[at]);
            behind.note(kRight, at, from_right);
        }
    });
    constexpr int kBlock = 64;
    const int blocks = (picture.width + kBlock - 1) / kBlock;
    parallel_for(blocks, threads, abort, [&](int block, int) {
        const int begin = block * kBlock;
        const int end = std::min(picture.width, begin + kBlock);
        auto sweep = [&](Direction direction, int first, int last, int step) {
            std::vector<Walker> walkers;
            for (int x = begin; x < end; ++x) walkers.emplace_back(coc[picture.index(x, first)]);
            for (int y = first; y != last; y += step) {
                std::size_t at = picture.index(begin, y);
                for (Walker& walker : walkers) {
                    walker.step(coc[at]);
                    behind.note(direction, at++, walker);
                }
            }
        };
        sweep(kUp, 0, picture.height, 1);
        sweep(kDown, picture.height - 1, -1, -1);
    });
    return behind;
}

constexpr std::array<std::array<int, 2>, 4> kSteps{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

struct Continued {
    Colour colour;
    float trust;
};

// Continues the surface at (x, y), away from what hides it: its colour without lights.
Continued continued(const Picture& picture, const std::vector<float>& coc,
                    const std::vector<std::uint8_t>& folds, int x, int y, std::array<int, 2> step) {
    const float own = coc[picture.index(x, y)];
    auto brightness = [](const Colour& c) { return c[0] + c[1] + c[2]; };
    std::array<Colour, kFillSamples> seen;  // ordered by brightness
    int count = 0;
    for (int i = 0; i < kFillSamples + 2 && count < kFillSamples; ++i) {
        const int u = x + i * step[0];
        const int v = y + i * step[1];
        if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) break;
        const std::size_t at = picture.index(u, v);
        if (std::fabs(coc[at] - own) > kFold + 0.2f * static_cast<float>(i)) break;
        if (i < kFillSamples && folds[at] != 0) continue;
        const Colour c = colour(picture, u, v);
        auto k = static_cast<std::size_t>(count++);
        for (; k > 0 && brightness(seen[k - 1]) > brightness(c); --k) seen[k] = seen[k - 1];
        seen[k] = c;
    }
    if (count == 0) {
        // Only edges there: the darkest of them is the least likely to be a light.
        Colour darkest = colour(picture, x, y);
        for (int i = 1; i < kFillSamples / 2; ++i) {
            const int u = x + i * step[0];
            const int v = y + i * step[1];
            if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) break;
            const Colour c = colour(picture, u, v);
            if (coc[picture.index(u, v)] > own - kFold && brightness(c) < brightness(darkest))
                darkest = c;
        }
        return {darkest, kOnlyEdges};
    }
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
    return {mean, 1.0f};
}

// The surfaces around a pixel that may go on behind it.
struct Fills {
    struct Source {
        int x;
        int y;
        int distance;
        std::size_t direction;
        float coc;
    };
    std::array<Source, 8> sources;
    std::size_t count = 0;

    void add(const Picture& picture, const std::vector<float>& coc, int x, int y, int distance,
             std::size_t direction) {
        sources[count++] = {x, y, distance, direction, coc[picture.index(x, y)]};
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
    // The surface at about this circle of confusion, as its sources around continue it.
    Side blend(const Picture& picture, const std::vector<float>& coc_map,
               const std::vector<std::uint8_t>& folds, float coc, float alike) const {
        Side side;
        for (std::size_t i = 0; i < count; ++i) {
            const Source& source = sources[i];
            if (std::fabs(source.coc - coc) > alike) continue;
            const Continued surface =
                continued(picture, coc_map, folds, source.x, source.y, kSteps[source.direction]);
            const auto distance = static_cast<float>(source.distance);
            side.add(surface.colour, source.coc, surface.trust / (distance * distance));
        }
        side.finish();
        return side;
    }
};

void put(std::vector<Piece>& pieces, int x, float coc, float coverage, const Colour& light) {
    pieces.push_back({x, coc, coverage, {light[0], light[1], light[2], light[3]}});
}

}  // namespace

Surfaces find_surfaces(const Picture& given, bool refine_edges, int threads,
                       const AbortFlag* abort) {
    Surfaces surfaces;
    Picture picture = given;
    std::vector<float> sharp;
    if (refine_edges) {
        sharp = sharpened(given, threads, abort);
        picture.coc = sharp.data();
    }
    const std::size_t size = picture.index(0, picture.height);
    surfaces.coc.resize(size);
    surfaces.backdrop.resize(size, std::numeric_limits<float>::infinity());
    surfaces.front.resize(static_cast<std::size_t>(picture.height));
    surfaces.hidden.resize(static_cast<std::size_t>(picture.height));
    const std::vector<std::uint8_t> folds = find_folds(picture, threads, abort);
    std::vector<std::vector<Piece>> edges(static_cast<std::size_t>(picture.height));
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const auto row = static_cast<std::size_t>(y);
        for (int x = 0; x < picture.width; ++x) {
            const std::size_t at = picture.index(x, y);
            surfaces.coc[at] = picture.radius(x, y);
            if (!refine_edges || folds[at] == 0) continue;
            const Mixture mixture = unmix(picture, folds, x, y);
            surfaces.coc[at] = mixture.nearer >= 0.5f ? mixture.near_coc : mixture.far_coc;
            if (mixture.nearer == 0.0f || mixture.nearer == 1.0f) continue;
            put(surfaces.front[row], x, mixture.near_coc, mixture.nearer, mixture.front);
            put(edges[row], x, mixture.far_coc, 1.0f, mixture.far);
        }
    });
    const Behind behind = walk(picture, surfaces.coc, threads, abort);
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const auto row = static_cast<std::size_t>(y);
        std::size_t edge = 0;
        for (int x = 0; x < picture.width; ++x) {
            const std::size_t at = picture.index(x, y);
            Fills fills;
            for (std::size_t d = 0; d < 4; ++d) {
                const auto look = [&](int distance) {
                    if (distance == 0) return;
                    fills.add(picture, surfaces.coc, x + distance * kSteps[d][0],
                              y + distance * kSteps[d][1], distance, d);
                };
                look(behind.latest[d][at]);
                if (behind.deepest[d][at] != behind.latest[d][at]) look(behind.deepest[d][at]);
            }
            float shown = surfaces.coc[at];
            const bool mixed = edge < edges[row].size() && edges[row][edge].x == x;
            if (mixed) {
                surfaces.hidden[row].push_back(edges[row][edge]);
                shown = edges[row][edge++].coc;
            }
            if (fills.count == 0) continue;
            const auto fill = [&](float coc, float alike) {
                const Side side = fills.blend(picture, surfaces.coc, folds, coc, alike);
                put(surfaces.hidden[row], x, side.coc, 1.0f, side.mean);
            };
            const float farthest = fills.farthest();
            const float alike = std::max(kFold, 0.25f * (farthest - surfaces.coc[at]));
            if (!mixed) {
                shown = fills.closest();
                fill(shown, alike);
            }
            if (farthest > shown + alike) fill(farthest, alike);
        }
    });
    // Distance to the next fold, in steps along rows and columns: never less than the straight one.
    std::vector<std::uint16_t> distance(size);
    constexpr std::uint16_t kFar = 4 * static_cast<std::uint16_t>(kMaxRadius);
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        const std::size_t row = picture.index(0, y);
        std::uint16_t d = kFar;
        for (std::size_t x = 0; x < static_cast<std::size_t>(picture.width); ++x) {
            d = folds[row + x] ? std::uint16_t{0}
                               : static_cast<std::uint16_t>(std::min<int>(kFar, d + 1));
            distance[row + x] = d;
        }
        for (std::size_t x = static_cast<std::size_t>(picture.width); x-- > 0;) {
            d = folds[row + x] ? std::uint16_t{0}
                               : static_cast<std::uint16_t>(std::min<int>(kFar, d + 1));
            distance[row + x] = std::min(distance[row + x], d);
            d = distance[row + x];
        }
    });
    const auto width = static_cast<std::size_t>(picture.width);
    for (int y = 1; y < picture.height; ++y) {
        const std::size_t row = picture.index(0, y);
        for (std::size_t x = 0; x < width; ++x) {
            distance[row + x] = static_cast<std::uint16_t>(
                std::min<int>(distance[row + x], distance[row + x - width] + 1));
        }
    }
    for (int y = picture.height - 2; y >= 0; --y) {
        const std::size_t row = picture.index(0, y);
        for (std::size_t x = 0; x < width; ++x) {
            distance[row + x] = static_cast<std::uint16_t>(
                std::min<int>(distance[row + x], distance[row + x + width] + 1));
        }
    }
    parallel_for(picture.height, threads, abort, [&](int y, int) {
        for (int x = 0; x < picture.width; ++x) {
            const std::size_t at = picture.index(x, y);
            const float radius = std::fabs(surfaces.coc[at]);
            if (static_cast<float>(distance[at]) > 1.4143f * (radius + 2.0f)) {
                surfaces.backdrop[at] = surfaces.coc[at] + std::max(1.0f, 0.35f * radius);
            }
        }
    });
    return surfaces;
}

}  // namespace synthetic_focus
