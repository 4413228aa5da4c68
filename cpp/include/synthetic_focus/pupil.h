// The shape of a blurred point: from the aperture's parameters to rows of pixels.
#pragma once

#include <cstdint>
#include <vector>

namespace synthetic_focus {

// One outline of the patch, scaled by `scale` and filled with `weight`; a patch is a sum of these.
struct Ring {
    float scale;
    float weight;

    bool operator==(const Ring&) const = default;
};

struct ApertureShape {
    int blades = 0;
    double curvature = 1.0;
    double rotation = 0.0;  // radians, counter-clockwise as seen in the picture
    double squeeze = 1.0;
    double cat_eye = 0.0;
    double swirl = 0.0;
    double barndoors = 0.0;
    double astigmatism = 0.0;
    double chromatic = 0.0;
    std::vector<Ring> behind{{1.0f, 1.0f}};
    std::vector<Ring> front{{1.0f, 1.0f}};
    // A picture of the opening instead of the outline; empty: none.
    std::vector<float> kernel;
    int kernel_width = 0;
    int kernel_height = 0;

    bool operator==(const ApertureShape&) const = default;
    bool varies_over_frame() const {
        return cat_eye != 0.0 || swirl != 0.0 || barndoors != 0.0 || astigmatism != 0.0;
    }
};

// Part of one row of a patch: `weight` from one fractional column to another, relative to the pixel
// that it belongs to. A run that starts at column `left` + `left_fraction` covers 1 - left_fraction
// of the pixel `left`.
struct Span {
    float left_fraction;
    float right_fraction;
    float weight;
    std::int16_t left;
    std::int16_t right;
};

// How finely the outline's slanted edges are sampled within a pixel row.
struct EdgeSampling {
    double columns_per_sample;  // a row is cut into this many columns of outline per sample...
    int most;                   // ...but into no more samples than this
};

// Where in the field, in units of half the frame's diagonal from the frame's middle, y down.
struct Place {
    double x = 0.0;
    double y = 0.0;
    double half_width = 0.0;  // the frame's
    double half_height = 0.0;
};

struct Point {
    double x;
    double y;
};

struct Interval {
    double low;
    double high;
    bool empty() const { return !(low < high); }
};

// A row-convex outline of unit radius: the integrals, from its top downward, of the columns of its
// left and right edges. Integrals, so that the rows of a patch of any radius add up to its exact
// area.
class Outline {
  public:
    // rows: the columns within it in evenly spaced rows, `step` apart from `top` on.
    // behind: in front of the focal plane the patch is turned by 180 degrees.
    Outline(std::vector<Interval> rows, double top, double step, bool behind);

    double top() const { return top_; }
    double bottom() const { return bottom_; }
    double area() const;
    struct Edges {
        double left;
        double right;
    };
    Edges integral(double y) const;

  private:
    double top_;
    double bottom_;
    double samples_per_unit_;
    std::vector<Edges> integral_;
};

struct RingOutline {
    Outline outline;
    Ring ring;
};
using Patch = std::vector<RingOutline>;

// Works out the patches of one aperture at any place of the field.
class Outlines {
  public:
    // vertices: of the polygon that stands for the opening.
    Outlines(const ApertureShape& shape, int vertices);
    // samples: how many rows each outline is cut into.
    Patch patch(bool behind, const Place& place, int samples) const;

  private:
    ApertureShape shape_;
    std::vector<Point> opening_;  // of radius 1, y down
};

// How finely patches are drawn: those of lights as they are seen, others as their sum is.
enum class Drawn { kCoarsely, kFinely };

// The weights that a patch's outlines are drawn with at this radius, of a light of 1 in all.
// Coarsely drawn, rings that are small parts of the patch become one, and what lies between them
// has the weight 0.
std::vector<double> drawn_weights(const Patch& patch, double radius, Drawn drawn);
// The rows that a patch of this radius reaches above and below its pixel.
int reach(const Patch& patch, double radius);
// Appends the spans of the row `dy` below the pixel. weights: of drawn_weights.
void append_row(const Patch& patch, const std::vector<double>& weights, double radius, int dy,
                const EdgeSampling& sampling, std::vector<Span>& spans);

}  // namespace synthetic_focus
