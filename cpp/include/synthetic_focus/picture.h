// The arrays that the kernels work on. Caller's buffers: nothing here owns pixels.
#pragma once

#include <cstddef>

#include "synthetic_focus/parallel.h"

namespace synthetic_focus {

// Larger circles of confusion are rendered as this one. It blurs any picture to nothing.
inline constexpr float kMaxRadius = 1024.0f;
// Up to here a patch lies within its own pixel, which passes untouched.
inline constexpr float kSharp = 0.5f;

struct Picture {
    const float* pixels;  // (height, width, channels) scene-linear, premultiplied
    // (height, width) signed radius in pixels, positive behind the focal plane, at most kMaxRadius
    const float* coc;
    int width;
    int height;
    int channels;                        // 3 or 4
    const float* const* rows = nullptr;  // where there are any, they stand for `pixels`

    std::size_t index(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
               static_cast<std::size_t>(x);
    }
    const float* pixel(int x, int y) const {
        const auto at = static_cast<std::size_t>(channels);
        if (rows != nullptr) return rows[y] + static_cast<std::size_t>(x) * at;
        return pixels + index(x, y) * at;
    }
    float radius(int x, int y) const { return coc[index(x, y)]; }
};

}  // namespace synthetic_focus
