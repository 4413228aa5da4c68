// What lies hidden behind what the picture shows.
#pragma once

#include <cstdint>
#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/picture.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {

// Whether the lens's points that see a hidden piece are those that the thing before it hides it
// from, as far as pixels tell. On one side of the focus both patches grow the same way from their
// edge: what the nearer one leaves open, the visible part of the farther surface shows in whole.
// On two sides they grow towards each other, and both parts show.
float yields_behind(float nearer, float farther);

// Finds what lies hidden behind each pixel: the farther parts of pixels that show two surfaces
// (`edges`, by row), and surfaces around that go on behind it. folds: 1 where two surfaces meet.
void fill(const Picture& picture, const Buffer<std::uint8_t>& folds,
          const std::vector<std::vector<Piece>>& edges, int threads, const AbortFlag* abort,
          Surfaces& surfaces);

}  // namespace synthetic_focus
