// The arrays that the kernels work on. Caller's buffers: nothing here owns pixels.
#pragma once

#include <cstddef>

#include "synthetic_focus/parallel.h"

namespace synthetic_focus {

// Larger circles of confusion are rendered as this one. It blurs any picture to nothing.
inline constexpr float kMaxRadius = 1024.0f;
// Up to here a patch lies within its own pixel, which passes untouched.
inline constexpr float kSharp = 0.5f;

// The whole number that `at` over `by` is not below, of negative ones too.
inline int rounded_down(int at, int by) { return at >= 0 ? at / by : -((by - 1 - at) / by); }

// The index in [0, size) that a mirrored picture shows at `i`. Mirrored borders do not darken.
struct Mirrored {
    int at;
    bool turned;  // left is right there
};
inline Mirrored mirrored(int i, int size) {
    const int period = 2 * size;
    const int at = ((i % period) + period) % period;
    return at < size ? Mirrored{at, false} : Mirrored{period - 1 - at, true};
}

struct Picture {
    const float* pixels;  // (height, width, channels) scene-linear, premultiplied
    // (height, width) signed radius in pixels, positive behind the focal plane, at most kMaxRadius
    const float* coc;
    int width;
    int height;
    int channels;                        // 3 or 4
    const float* const* rows = nullptr;  // where there are any, they stand for `pixels`
    const float* brightness = nullptr;   // (height, width) of `pixels`, the sum of their colours

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
