#include "synthetic_focus/bright.h"

#include <cmath>

#include "synthetic_focus/smooth.h"

namespace synthetic_focus {
namespace {

constexpr float kFarBrighter = 8.0f;  // than `kBrighter`: wholly another surface's
constexpr float kLightFolds = 0.3f;   // than `kLightFold`: surely two surfaces'
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

}  // namespace

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

void gather_lights(const Picture& picture, const BrightRuns& runs, int threads,
                   const AbortFlag* abort, Surfaces& surfaces) {
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

std::vector<std::vector<Dimmed>> dimmed_lights(const Picture& picture, const BrightRuns& runs,
                                               int reach, int threads, const AbortFlag* abort) {
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

}  // namespace synthetic_focus
