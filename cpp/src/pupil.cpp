#include "synthetic_focus/pupil.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace synthetic_focus {
namespace {

constexpr double kPi = std::numbers::pi;
// The least area of a coarsely drawn ring from `outer` inward, of a patch's: levels differ most at
// the rim. A little less, since twelfths add up to it.
double least_area(double outer) {
    constexpr double kAlmost = 0.999;
    if (outer * outer > 0.67) return kAlmost / 6.0;
    return outer * outer > 0.4 ? kAlmost / 4.0 : 1.0;
}

// Distance from the centre to the blade's edge in the direction `angle`: straight blades bulge
// toward the circle through their corners.
double blade_radius(const ApertureShape& shape, double angle) {
    if (shape.blades == 0) return 1.0;
    const double sector = 2.0 * kPi / shape.blades;
    const double from_corner = angle - sector * std::floor(angle / sector);
    const double straight = std::cos(sector / 2.0) / std::cos(from_corner - sector / 2.0);
    return straight + shape.curvature * (1.0 - straight);
}

// The opening as it is stretched at the field position (x, y).
std::vector<Point> stretched(const ApertureShape& shape, const std::vector<Point>& opening,
                             bool behind, const Place& place) {
    const double x = place.x;
    const double y = place.y;
    const double rho2 = x * x + y * y;
    const double side = behind ? 1.0 : -1.0;
    const double stretch = 1.0 + shape.swirl * rho2 / 2.0;
    const double radial = (1.0 + side * shape.astigmatism * rho2) / stretch;
    const double tangential = (1.0 - side * shape.astigmatism * rho2) * stretch;
    const double rho = std::sqrt(rho2);
    const Point out = rho > 0.0 ? Point{x / rho, y / rho} : Point{1.0, 0.0};
    std::vector<Point> points(opening.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
        const double along = (opening[i].x * out.x + opening[i].y * out.y) * radial;
        const double across = (opening[i].y * out.x - opening[i].x * out.y) * tangential;
        points[i] = {along * out.x - across * out.y, along * out.y + across * out.x};
    }
    return points;
}

Interval both(Interval a, Interval b) { return {std::max(a.low, b.low), std::min(a.high, b.high)}; }

// The columns that the masks let through in the row `y` of the pupil: the second pupil of the cat's
// eye, and the barndoors. They stand before the lens, so a point off to the right sees them slid to
// the left.
struct Masks {
    Point slide;
    double radius_x;
    bool cat_eye;
    Interval columns{-1e9, 1e9};
    Interval rows{-1e9, 1e9};

    Masks(const ApertureShape& shape, const Place& place)
        : slide{-shape.cat_eye * place.x / shape.squeeze, -shape.cat_eye * place.y},
          radius_x(1.0 / shape.squeeze),
          cat_eye(shape.cat_eye != 0.0) {
        if (shape.barndoors == 0.0) return;
        const double u = place.half_width > 0.0 ? place.x / place.half_width : 0.0;
        const double v = place.half_height > 0.0 ? place.y / place.half_height : 0.0;
        const double keep_x = radius_x * (1.0 - shape.barndoors * std::min(1.0, u * u));
        const double keep_y = 1.0 - shape.barndoors * std::min(1.0, v * v);
        if (u > 0.0) columns.high = keep_x;
        if (u < 0.0) columns.low = -keep_x;
        if (v > 0.0) rows.high = keep_y;
        if (v < 0.0) rows.low = -keep_y;
    }

    Interval at(double y) const {
        if (y < rows.low || y > rows.high) return {0.0, 0.0};
        if (!cat_eye) return columns;
        const double d = y - slide.y;
        const double half = radius_x * std::sqrt(std::max(0.0, 1.0 - d * d));
        return both(columns, {slide.x - half, slide.x + half});
    }
};

// Left and right edge of the polygon in each of `rows` rows from `top` on.
std::vector<Interval> chords(const std::vector<Point>& points, double top, double step, int rows) {
    std::vector<Interval> result(static_cast<std::size_t>(rows), Interval{1e9, -1e9});
    for (std::size_t i = 0; i < points.size(); ++i) {
        Point a = points[i];
        Point b = points[(i + 1) % points.size()];
        if (a.y > b.y) std::swap(a, b);
        const int first = std::max(0, static_cast<int>(std::ceil((a.y - top) / step)));
        const int last = std::min(rows - 1, static_cast<int>(std::floor((b.y - top) / step)));
        for (int row = first; row <= last; ++row) {
            const double t = b.y > a.y ? (top + row * step - a.y) / (b.y - a.y) : 0.0;
            const double x = a.x + t * (b.x - a.x);
            Interval& chord = result[static_cast<std::size_t>(row)];
            chord = {std::min(chord.low, x), std::max(chord.high, x)};
        }
    }
    return result;
}

Span make_span(double left, double right, double weight) {
    const double l = std::floor(left + 0.5);
    const double r = std::floor(right + 0.5);
    return {static_cast<float>(left + 0.5 - l), static_cast<float>(right + 0.5 - r),
            static_cast<float>(weight), static_cast<std::int16_t>(l), static_cast<std::int16_t>(r)};
}

}  // namespace

Outline::Outline(std::vector<Interval> rows, double top, double step, bool behind)
    : samples_per_unit_(1.0 / step) {
    const int samples = static_cast<int>(rows.size()) - 1;
    int first = samples + 1;
    int last = -1;
    for (int i = 0; i <= samples; ++i) {
        if (rows[static_cast<std::size_t>(i)].empty()) continue;
        first = std::min(first, i);
        last = i;
    }
    if (last < first) rows[static_cast<std::size_t>(first = last = samples / 2)] = {0.0, 0.0};
    // The outline ends in a point beyond its first and its last row.
    const auto close = [&rows](int end, int neighbour) {
        const Interval& beside = rows[static_cast<std::size_t>(neighbour)];
        const double middle = (beside.low + beside.high) / 2.0;
        if (end != neighbour) rows[static_cast<std::size_t>(end)] = {middle, middle};
        return end;
    };
    first = close(std::max(0, first - 1), first);
    last = close(std::min(samples, last + 1), last);
    top_ = top + first * step;
    bottom_ = top + last * step;
    integral_.resize(static_cast<std::size_t>(last - first + 1));
    Edges sum{0.0, 0.0};
    for (int i = first; i < last; ++i) {
        const Interval& a = rows[static_cast<std::size_t>(i)];
        const Interval& b = rows[static_cast<std::size_t>(i + 1)];
        integral_[static_cast<std::size_t>(i - first)] = sum;
        sum.left += 0.5 * step * (a.low + b.low);
        sum.right += 0.5 * step * (a.high + b.high);
    }
    integral_.back() = sum;
    if (behind) return;
    std::vector<Edges> turned(integral_.size());
    const Edges total = integral_.back();
    for (std::size_t i = 0; i < integral_.size(); ++i) {
        const Edges& from = integral_[integral_.size() - 1 - i];
        turned[i] = {from.right - total.right, from.left - total.left};
    }
    integral_ = std::move(turned);
    top_ = -top_;
    bottom_ = -bottom_;
    std::swap(top_, bottom_);
}

double Outline::area() const { return integral_.back().right - integral_.back().left; }

Outline::Edges Outline::integral(double y) const {
    const double at =
        std::clamp((y - top_) * samples_per_unit_, 0.0, static_cast<double>(integral_.size() - 1));
    const std::size_t i = std::min(static_cast<std::size_t>(at), integral_.size() - 2);
    const double t = at - static_cast<double>(i);
    const Edges& a = integral_[i];
    const Edges& b = integral_[i + 1];
    return {a.left + t * (b.left - a.left), a.right + t * (b.right - a.right)};
}

Outlines::Outlines(const ApertureShape& shape, int vertices)
    : shape_(shape), opening_(static_cast<std::size_t>(vertices)) {
    for (std::size_t i = 0; i < opening_.size(); ++i) {
        const double angle = 2.0 * kPi * static_cast<double>(i) / vertices;
        const double r = blade_radius(shape, angle);
        opening_[i] = {r * std::cos(angle + shape.rotation) / shape.squeeze,
                       -r * std::sin(angle + shape.rotation)};
    }
}

Patch Outlines::patch(bool behind, const Place& place, int samples) const {
    const std::vector<Point> points = stretched(shape_, opening_, behind, place);
    const auto [low, high] = std::minmax_element(
        points.begin(), points.end(), [](const Point& a, const Point& b) { return a.y < b.y; });
    const double top = low->y;
    const double step = (high->y - top) / samples;
    const std::vector<Interval> whole = chords(points, top, step, samples + 1);
    const Masks masks(shape_, place);
    Patch patch;
    for (const Ring& ring : behind ? shape_.behind : shape_.front) {
        const double scale = ring.scale;
        std::vector<Interval> rows(whole.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            rows[i] = both({scale * whole[i].low, scale * whole[i].high},
                           masks.at(scale * (top + static_cast<double>(i) * step)));
        }
        patch.push_back({Outline(std::move(rows), scale * top, scale * step, behind), ring});
    }
    return patch;
}

std::vector<double> drawn_weights(const Patch& patch, double radius, Drawn drawn) {
    std::vector<double> weights(patch.size(), 0.0);
    double level = 0.0;    // how bright a ring is
    double outside = 0.0;  // the same of the one drawn before
    std::size_t first = 0;
    double light_of_group = 0.0;
    double area_of_group = 0.0;
    double light = 0.0;
    for (std::size_t i = 0; i < patch.size(); ++i) {
        const double outer = patch[i].ring.scale;
        const double inner = i + 1 < patch.size() ? double{patch[i + 1].ring.scale} : 0.0;
        const double area = outer * outer - inner * inner;
        level += patch[i].ring.weight;
        light_of_group += area * level;
        area_of_group += area;
        const bool wide = drawn == Drawn::kFinely ||
                          area_of_group >= least_area(patch[first].ring.scale) ||
                          i + 1 == patch.size();
        if (!wide) continue;
        const double mean = light_of_group / area_of_group;
        weights[first] = mean - outside;
        light += weights[first] * patch[first].outline.area();
        outside = mean;
        first = i + 1;
        light_of_group = area_of_group = 0.0;
    }
    for (double& weight : weights) weight /= light * radius * radius;
    return weights;
}

int reach(const Patch& patch, double radius) {
    double extent = 0.0;
    for (const auto& [outline, ring] : patch) {
        extent = std::max({extent, -outline.top(), outline.bottom()});
    }
    return static_cast<int>(std::ceil(extent * radius - 0.5));
}

void append_row(const Patch& patch, const std::vector<double>& weights, double radius, int dy,
                const EdgeSampling& sampling, std::vector<Span>& spans) {
    const double whole = *std::max_element(weights.begin(), weights.end());
    for (std::size_t ring = 0; ring < patch.size(); ++ring) {
        const Outline& outline = patch[ring].outline;
        const double weight = weights[ring];
        const double top = std::max(dy - 0.5, outline.top() * radius);
        const double bottom = std::min(dy + 0.5, outline.bottom() * radius);
        if (weight == 0.0 || !(bottom > top)) continue;
        const auto integral = [&](double y) { return outline.integral(y / radius); };
        // The mean columns of what lies between two integrals.
        const auto columns = [&](const Outline::Edges& upper, const Outline::Edges& lower,
                                 double height) {
            const double scale = radius * radius / height;
            return Outline::Edges{(lower.left - upper.left) * scale,
                                  (lower.right - upper.right) * scale};
        };
        const Outline::Edges first = integral(top);
        const Outline::Edges last = integral(bottom);
        int cuts = 1;
        if (sampling.most > 1) {
            const double half = (bottom - top) / 2.0;
            const Outline::Edges middle = integral(top + half);
            const Outline::Edges upper = columns(first, middle, half);
            const Outline::Edges lower = columns(middle, last, half);
            const double ramp = 2.0 * std::max(std::abs(upper.left - lower.left),
                                               std::abs(upper.right - lower.right));
            // A faint step shows less of how its edge is drawn.
            const double seen = ramp * std::min(1.0, std::abs(weight) / whole);
            cuts = std::clamp(static_cast<int>(std::ceil(seen / sampling.columns_per_sample)), 1,
                              sampling.most);
        }
        const double height = (bottom - top) / cuts;
        Outline::Edges above = first;
        for (int i = 1; i <= cuts; ++i) {
            const Outline::Edges below = i == cuts ? last : integral(top + i * height);
            const Outline::Edges edges = columns(above, below, height);
            spans.push_back(make_span(edges.left, edges.right, weight * height));
            above = below;
        }
    }
}

}  // namespace synthetic_focus
