#include "synthetic_focus/kernel_image.h"

#include <algorithm>
#include <cmath>

namespace synthetic_focus {

KernelImage::KernelImage(const ApertureShape& shape)
    : width_(shape.kernel_width), height_(shape.kernel_height) {
    if (shape.kernel.empty()) return;
    const auto stride = static_cast<std::size_t>(width_) + 1;
    sums_.resize(stride * (static_cast<std::size_t>(height_) + 1));
    for (std::size_t y = 0; y < static_cast<std::size_t>(height_); ++y) {
        double row = 0.0;
        for (std::size_t x = 0; x < static_cast<std::size_t>(width_); ++x) {
            row += static_cast<double>(shape.kernel[y * static_cast<std::size_t>(width_) + x]);
            sums_[(y + 1) * stride + x + 1] = sums_[y * stride + x + 1] + row;
        }
    }
}

int KernelImage::reach(double radius) const {
    const double half = radius * height_ / std::max(width_, height_);
    return std::max(0, static_cast<int>(std::ceil(half - 0.5)));
}

// The light above and to the left of a point, in pixels of the kernel.
double KernelImage::sum(double x, double y) const {
    const double u = std::clamp(x, 0.0, static_cast<double>(width_));
    const double v = std::clamp(y, 0.0, static_cast<double>(height_));
    const auto i = std::min(static_cast<std::size_t>(u), static_cast<std::size_t>(width_ - 1));
    const auto j = std::min(static_cast<std::size_t>(v), static_cast<std::size_t>(height_ - 1));
    const double s = u - static_cast<double>(i);
    const double t = v - static_cast<double>(j);
    const std::size_t stride = static_cast<std::size_t>(width_) + 1;
    const double* at = sums_.data() + j * stride + i;
    return (1 - t) * ((1 - s) * at[0] + s * at[1]) +
           t * ((1 - s) * at[stride] + s * at[stride + 1]);
}

void KernelImage::append_row(double radius, bool behind, int dy, std::vector<Span>& spans) const {
    const double pixels =
        std::max(width_, height_) / (2.0 * radius);  // of the kernel, per picture pixel
    const double side = behind ? 1.0 : -1.0;
    const int half = static_cast<int>(std::ceil(radius * width_ / std::max(width_, height_) - 0.5));
    const auto row = [&](double edge) { return height_ / 2.0 + side * edge * pixels; };
    const auto column = [&](double edge) { return width_ / 2.0 + side * edge * pixels; };
    const double top = row(dy - 0.5);
    const double bottom = row(dy + 0.5);
    const double total = sums_.back();
    const std::size_t row_begin = spans.size();
    for (int dx = -std::max(0, half); dx <= std::max(0, half); ++dx) {
        const double left = column(dx - 0.5);
        const double right = column(dx + 0.5);
        const double light =
            sum(right, bottom) - sum(left, bottom) - sum(right, top) + sum(left, top);
        if (light <= 0.0) continue;
        const auto weight = static_cast<float>(light / total);
        if (spans.size() > row_begin && spans.back().weight == weight && spans.back().right == dx) {
            ++spans.back().right;
            continue;
        }
        spans.push_back(
            {0.0f, 0.0f, weight, static_cast<std::int16_t>(dx), static_cast<std::int16_t>(dx + 1)});
    }
}

}  // namespace synthetic_focus
