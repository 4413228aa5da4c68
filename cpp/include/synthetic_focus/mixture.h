// Pixels that show two surfaces.
#pragma once

#include <algorithm>
#include <cstdint>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/colour.h"
#include "synthetic_focus/picture.h"

namespace synthetic_focus {

// A surface as some pixels show it.
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

// What the pixel (x, y) shows of the two surfaces that meet in its neighbourhood. folds: 1 where
// two do.
Mixture unmix(const Picture& picture, const Buffer<std::uint8_t>& folds, int x, int y);

}  // namespace synthetic_focus
