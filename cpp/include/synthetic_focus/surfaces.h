// What a picture and its circles of confusion say about the scene: which surface every pixel shows,
// how much of it, and what lies hidden behind.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/colour.h"
#include "synthetic_focus/picture.h"

namespace synthetic_focus {

// Neighbours whose circles of confusion differ by more than their distance belong to two surfaces:
// the lens folds the picture over there. What follows from that comes in gradually, so that nothing
// pops as a step grows.
constexpr float kFold = 1.0f;

// A piece of surface one pixel large that is not simply the picture's pixel: the nearer part of a
// pixel that shows two surfaces, or a part of a surface that is hidden from the camera's centre.
struct Piece {
    int x;
    float coc;
    float coverage;
    Colour light;  // premultiplied by the coverage
    // 1: where the lens sees both it and its own surface's visible part, that part shows.
    float yields;
};

// A light near the border, as the mirror beyond that shows it: parts of its light and its opacity.
struct Dimmed {
    int x;
    float light;
    float alpha;
};

// How far out of focus everything is, in light of one colour.
struct Circles {
    Buffer<float> coc;  // (height, width) of the nearest surface
    std::vector<std::vector<Piece>>
        front;  // by row, ordered by x: they stand for the picture's pixel
    std::vector<std::vector<Piece>> hidden;  // by row, ordered by x: they lie behind it
};

struct Surfaces {
    static constexpr int kEven = 120;

    // The picture's rows, those whose lights' edges were gathered in a copy.
    std::vector<const float*> rows;
    std::vector<std::vector<float>> copies;
    Circles circles;
    std::vector<std::vector<Dimmed>> dimmed;  // by row, ordered by x
    // (height, width) How even radii are around a pixel, from 0 where two surfaces meet to kEven.
    Buffer<std::uint8_t> even;
    // (height, width) Steps along rows and columns to the next place where two surfaces meet: never
    // less than the straight distance.
    Buffer<std::int16_t> to_fold;

    // Within a smooth surface nothing shows from behind this circle of confusion; coc: its own.
    float backdrop(std::size_t at, float coc) const {
        const float radius = std::fabs(coc);
        if (static_cast<float>(to_fold[at]) <= 1.4143f * (radius + 2.0f)) return kMaxRadius;
        return coc + std::max(1.0f, 0.35f * radius);
    }
};

// refine_edges: whether the map's edges are moved to the picture's. reach: of the largest patch, in
// pixels: so far from the border the picture shows in the mirror beyond it.
Surfaces find_surfaces(const Picture& picture, bool refine_edges, int reach, int threads,
                       const AbortFlag* abort);

// The same in light whose circles of confusion are larger behind the focal plane by `part`, and
// smaller in front of it.
Circles refocused(const Circles& circles, float part, int threads, const AbortFlag* abort);

}  // namespace synthetic_focus
