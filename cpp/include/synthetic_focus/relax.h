// Values that are as alike their neighbours as weights between them say.
#pragma once

#include <cstdint>

namespace synthetic_focus {

// Maps of one size, row by row.
struct Net {
    int width;
    int height;
    const std::uint8_t* free;  // whether a value may change
    const float* across;       // >= 0, how a pixel is tied to the next in its row
    const float* down;         // the same to the one below
    const float* prior;        // what it is tied to by `pull` besides
    float pull;                // >= 0
};

// Brings the free values, in place, to where sum w_ij (u_i - u_j)^2 + sum pull (u_i - prior_i)^2 is
// least, by `sweeps` sweeps of successive over-relaxation there and back. A value that is tied to
// nothing stays.
void relax(const Net& net, int sweeps, float* values);

}  // namespace synthetic_focus
