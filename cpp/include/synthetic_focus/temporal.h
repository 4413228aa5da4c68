// One frame's estimates averaged with those of the frames before and after it, along the optical
// flow: the paper's section 4.2, equations 7 and 8.
#pragma once

#include <cstdint>
#include <vector>

namespace synthetic_focus {

constexpr int kMaxFrames = 16;

// At most kMaxFrames consecutive frames of one size. All pixels row by row.
struct Window {
    int width;
    int height;
    int current;                            // which of the frames is averaged
    std::vector<const std::uint8_t*> grey;  // one a frame
    std::vector<const float*> values;       // one a frame
    std::vector<const float*> gains;        // one a frame, three channels; null where unknown
    std::vector<const float*> forward;      // one between neighbours, dx and dy, to the later frame
    std::vector<const float*> backward;     // the same, to the earlier frame
};

struct Averaging {
    std::vector<float> shares;  // what a frame counts, one a frame
    float largest_mismatch;     // px: a step whose way there and back ends farther off is no match
    float largest_change;       // of grey: what has changed more is another thing
    float value_scale;  // differences of values and of gains that divide an outlier's weight
    float gain_scale;   // by e
    int threads;
};

// values: (height, width) out; gains: (height, width, 3) out, only if the current frame has gains:
// 0 where the current frame's is 0.
void average_over_time(const Window& window, const Averaging& averaging, float* values,
                       float* gains);

}  // namespace synthetic_focus
