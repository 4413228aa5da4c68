#include "synthetic_focus/passage.h"

#include <cmath>
#include <numbers>

namespace synthetic_focus {
namespace {

float steepest_of(const ApertureShape& shape) {
    double most = 1.0;
    for (const auto* rings : {&shape.behind, &shape.front}) {
        double steps = 0.0;
        double light = 0.0;
        for (const Ring& ring : *rings) {
            steps += std::abs(ring.weight);
            light += ring.weight * ring.scale * ring.scale;
        }
        most = std::max(most, steps / light);
    }
    return static_cast<float>(most);
}

}  // namespace

Passage::Passage(const ApertureShape& shape, const Frame& frame)
    : half_height_(static_cast<float>(frame.height) / 2.0f), steepest_(steepest_of(shape)) {
    const double across = std::min(1.0, 1.0 / shape.squeeze);
    const double blades = shape.blades == 0 ? 1.0 : std::cos(std::numbers::pi / shape.blades);
    // Of a picture of the opening nothing is known.
    row_.widest_ = shape.kernel.empty() ? static_cast<float>(across * blades) : 0.0f;
    // A mask that stands in the way of a part of a patch takes half of that off its half width.
    row_.cat_eye_ = static_cast<float>(shape.cat_eye) / 2.0f;
    row_.barndoors_ = static_cast<float>(shape.barndoors) / 2.0f;
    row_.astigmatism_ = static_cast<float>(std::abs(shape.astigmatism));
    row_.swirl_ = static_cast<float>(shape.swirl) / 2.0f;
    row_.middle_ = static_cast<float>(frame.width) / 2.0f;
    const float half_diagonal = std::hypot(row_.middle_, half_height_);
    row_.per_pixel_ = 1.0f / half_diagonal;
    row_.doors_across_ = half_diagonal * half_diagonal / (row_.middle_ * row_.middle_);
    row_.down2_ = 0.0f;
    row_.doors_ = 0.0f;
}

Passage::Row Passage::row(float y) const {
    Row row = row_;
    const float down = y - half_height_;
    row.down2_ = down * down * row.per_pixel_ * row.per_pixel_;
    row.doors_ = down * down / (half_height_ * half_height_);
    return row;
}

}  // namespace synthetic_focus
