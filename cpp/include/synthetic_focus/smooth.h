// What comes in gradually.
#pragma once

#include <algorithm>

namespace synthetic_focus {

// From 0 at `from` to 1 at `to`, without a kink at either.
inline float smooth(float value, float from, float to) {
    const float t = std::clamp((value - from) / (to - from), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

}  // namespace synthetic_focus
