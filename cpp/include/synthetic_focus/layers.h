// Depth layers: which pixels hide which.
#pragma once

#include <algorithm>
#include <cmath>

namespace synthetic_focus {

// Layers stand at fixed circles of confusion, nearest first, so that neither the picture's content
// nor its crop moves them. They are half a pixel apart at the focal plane and 1/8 of the radius far
// from it. A pixel belongs to one, and passes over to the next one gradually, so that nothing pops.
class Layers {
  public:
    explicit Layers(float largest_radius)
        : middle_(static_cast<int>(position(largest_radius)) + 1) {}

    int count() const { return 2 * middle_ + 2; }
    struct Share {
        int layer;   // the nearer of two
        float next;  // what belongs to the one behind it
    };
    // behind: by how many layers it is put farther back than it is, at most 1.
    [[gnu::always_inline]] Share share(float coc, float behind = 0.0f) const {  // in long loops
        const float at =
            std::copysign(position(std::fabs(coc)), coc) + static_cast<float>(middle_) + behind;
        const int layer = static_cast<int>(at);
        const float passed =
            (at - static_cast<float>(layer) - (1.0f - kPassage)) * (1.0f / kPassage);
        return {layer, std::clamp(passed, 0.0f, 1.0f)};
    }
    int layer(float coc) const { return share(coc).layer; }

  private:
    static constexpr float kPassage = 0.2f;
    static float position(float radius) { return 6.0f * (std::sqrt(1.0f + radius / 1.5f) - 1.0f); }
    int middle_;
};

}  // namespace synthetic_focus
