// The shape of a blurred point: from the aperture's parameters to rows of pixels.
#pragma once

#include <cstdint>
#include <vector>

namespace synthetic_focus {

// One outline of the patch, scaled by `scale` and filled with `weight`; a patch is a sum of these.
struct Ring {
    float scale;
    float weight;
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

// A row-convex outline of unit radius: the integrals, from its top downward, of the columns of its
// left and right edges. Integrals, so that the rows of a patch of any radius add up to its exact
// area.
class Outline {
  public:
    // opening: the polygon of radius 1, y down; samples: how many rows it is cut into.
    Outline(const ApertureShape& shape, const std::vector<Point>& opening, bool behind,
            double scale, const Place& place, int samples);

    double top() const { return top_; }
    double bottom() const { return bottom_; }
    double area() const;
    struct Edges {
        double left;
        double right;
    };
    Edges integral(double y) const;

  private:
    double top_ = 0.0;
    double bottom_ = 0.0;
    double samples_per_unit_ = 0.0;
    std::vector<Edges> integral_;
};

struct WeightedOutline {
    Outline outline;
    double weight;
};
using Patch = std::vector<WeightedOutline>;

// Works out the patches of one aperture at any place of the field.
class Outlines {
  public:
    // vertices: of the polygon that stands for the opening.
    Outlines(const ApertureShape& shape, int vertices);
    Patch patch(bool behind, const Place& place, int samples) const;

  private:
    ApertureShape shape_;
    std::vector<Point> opening_;  // of radius 1, y down
};

// The rows that a patch of this radius reaches above and below its pixel.
int reach(const Patch& patch, double radius);
// What the spans' lengths times weights add up to over all rows: the patch's light before scaling.
double patch_area(const Patch& patch, double radius);
// Appends the spans of the row `dy` below the pixel, their weights multiplied by `gain`.
void append_row(const Patch& patch, double radius, int dy, double gain,
                const EdgeSampling& sampling, std::vector<Span>& spans);

}  // namespace synthetic_focus
