// Colours of the picture's pixels, as surfaces are told apart by.
#pragma once

#include <array>

#include "synthetic_focus/picture.h"

namespace synthetic_focus {

using Colour = std::array<float, 4>;

inline float dot(const Colour& a, const Colour& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}
inline Colour minus(const Colour& a, const Colour& b) {
    return {a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]};
}

// Of the light alone: opacity does not change with the exposure.
inline float light_power(const Colour& c) { return c[0] * c[0] + c[1] * c[1] + c[2] * c[2]; }

inline float brightness(const Colour& c) { return c[0] + c[1] + c[2]; }
inline float brightness(const Picture& picture, int x, int y) {
    return picture.brightness[picture.index(x, y)];
}

// Without alpha the fourth is 0, so that all four grow with the exposure.
inline Colour colour(const Picture& picture, int x, int y) {
    const float* pixel = picture.pixel(x, y);
    return {pixel[0], pixel[1], pixel[2], picture.channels == 4 ? pixel[3] : 0.0f};
}

}  // namespace synthetic_focus
