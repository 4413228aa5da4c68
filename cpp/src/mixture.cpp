#include "synthetic_focus/mixture.h"

#include <cmath>

#include "synthetic_focus/smooth.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {
namespace {

// Half the side of the neighbourhood that a mixed pixel is compared with.
constexpr int kWindow = 3;
constexpr float kPartedFold = 1.25f;  // pixels are wholly parted from this step on
constexpr float kAllOfIt = 0.98f;
constexpr float kTooLittle = 0.1f;
// Colours this alike (squared, relative) cannot tell two surfaces apart.
constexpr float kDoubt = 0.002f;

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

}  // namespace

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

}  // namespace synthetic_focus
