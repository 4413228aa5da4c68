// A picture through a lens: depth-ordered scatter with saturating coverage.
#pragma once

#include <string>

#include "synthetic_focus/parallel.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/pupil.h"
#include "synthetic_focus/span_table.h"

namespace synthetic_focus {

enum class Quality { kDraft, kNormal, kBest };

struct Settings {
    Frame frame;
    Quality quality = Quality::kNormal;
    bool refine_edges = true;
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
