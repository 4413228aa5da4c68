// A picture through a lens: depth-ordered scatter with saturating coverage.
#pragma once

#include <string>

#include "synthetic_focus/parallel.h"
#include "synthetic_focus/pupil.h"

namespace synthetic_focus {

// Larger circles of confusion are rendered as this one. 4096 pixels of picture are blurred to
// nothing by it.
inline constexpr float kMaxRadius = 1024.0f;

enum class Quality { kDraft, kNormal, kBest };

struct Picture {
    const float* pixels;  // (height, width, channels) scene-linear, premultiplied
    const float* coc;  // (height, width) signed radius in pixels, positive behind the focal plane
    int width;
    int height;
    int channels;  // 3 or 4
};

struct Frame {
    int width;
    int height;
    int x;  // where the picture's left top pixel sits in the frame
    int y;
};

struct Settings {
    Frame frame;
    Quality quality = Quality::kNormal;
    int threads = 1;
    const AbortFlag* abort = nullptr;
};

// A pixel that is not a finite number.
class BadPixel : public std::runtime_error {
  public:
    BadPixel(const char* where, int x, int y, float value)
        : std::runtime_error(std::string(where) + " is " + std::to_string(value) +
                             " at x=" + std::to_string(x) + ", y=" + std::to_string(y)) {}
};

// Writes the blurred picture to `result`, shaped as `picture.pixels`. Throws BadPixel and Aborted.
void defocus(const Picture& picture, const ApertureShape& shape, const Settings& settings,
             float* result);

}  // namespace synthetic_focus
