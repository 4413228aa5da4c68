// What takes one look at each value of a map, on several threads.
#pragma once

#include <cstddef>

namespace synthetic_focus {

// Whether no value is infinite or not a number.
bool all_finite(const float* values, std::size_t count, int threads);

// A picture of depth as the host or a file has it: rows of pixels of any step, in values.
struct DepthPicture {
    const float* values;
    int width;
    int height;
    std::ptrdiff_t row_step;
    std::ptrdiff_t pixel_step;
};

// What depth values stand for: start + (value - first) * slope.
struct DepthLine {
    float first;
    float slope;
    float start;
};

// Disparity in dioptres, 0 to 1000, of a picture whose values stand for disparity, or for distance
// in metres; not a number where a value is none, or infinite. Whether all are known.
bool disparity_of_line(const DepthPicture& depth, const DepthLine& line, bool distance,
                       float* disparity, int threads);
// The same of a picture in metres, where 0 and less is unknown and infinity is infinitely far.
bool disparity_of_metres(const DepthPicture& depth, float* disparity, int threads);

// (focus - disparity) * scale of each value, the difference less `range` and 0 within it. Whether
// all are finite.
bool coc_of_disparity(const float* disparity, std::size_t count, float focus, float range,
                      float scale, float* coc, int threads);

}  // namespace synthetic_focus
