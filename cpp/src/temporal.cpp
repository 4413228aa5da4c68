#include "synthetic_focus/temporal.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "synthetic_focus/parallel.h"

namespace synthetic_focus {
namespace {

// The four pixels around a place, and how much each counts.
struct Corners {
    std::array<std::ptrdiff_t, 4> at;
    std::array<float, 4> share;

    Corners(const Window& window, float x, float y) {
        const int left = std::clamp(static_cast<int>(x), 0, std::max(0, window.width - 2));
        const int top = std::clamp(static_cast<int>(y), 0, std::max(0, window.height - 2));
        const std::ptrdiff_t right = window.width > 1 ? 1 : 0;
        const std::ptrdiff_t below = window.height > 1 ? window.width : 0;
        at[0] = std::ptrdiff_t{top} * window.width + left;
        at[1] = at[0] + right;
        at[2] = at[0] + below;
        at[3] = at[2] + right;
        const float u = x - static_cast<float>(left), v = y - static_cast<float>(top);
        share = {(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v};
    }
};

template <typename T>
float smooth(const T* plane, const Corners& corners, std::ptrdiff_t stride = 1,
             std::ptrdiff_t channel = 0) {
    // As differences from one corner: where all are alike the result is exactly that.
    const auto value = [&](int i) {
        return static_cast<float>(plane[corners.at[i] * stride + channel]);
    };
    const float first = value(0);
    float sum = first;
    for (int i = 1; i < 4; ++i) sum += corners.share[i] * (value(i) - first);
    return sum;
}

// A value of the map: between neighbours that are farther apart than `edge` runs an edge, and a
// mean of the two would be the value of nothing.
float hard_at_edges(const float* plane, const Corners& corners, float edge) {
    float low = plane[corners.at[0]], high = low;
    int nearest = 0;
    for (int i = 1; i < 4; ++i) {
        const float value = plane[corners.at[i]];
        low = std::min(low, value);
        high = std::max(high, value);
        if (corners.share[i] > corners.share[nearest]) nearest = i;
    }
    return high - low > edge ? plane[corners.at[nearest]] : smooth(plane, corners);
}

// The mean gain of the corners that are clipped; 0 if none is.
float clipped_gain(const float* gains, const Corners& corners, std::ptrdiff_t channel) {
    float first = 0, sum = 0, shares = 0;
    for (int i = 0; i < 4; ++i) {
        const float gain = gains[corners.at[i] * 3 + channel];
        if (!(gain > 0)) continue;
        if (!(shares > 0)) first = gain;
        sum += corners.share[i] * (gain - first);
        shares += corners.share[i];
    }
    return shares > 0 ? first + sum / shares : 0;
}

// Values of one point in several frames with their weights, the current frame's first.
struct Samples {
    struct One {
        float value, weight;
    };
    std::array<One, kMaxFrames> all;
    int count = 0;

    void add(float value, float weight) { all[count++] = {value, weight}; }

    // Equation 8, with the weights of equation 7 times those of the outlier test: of each value's
    // median distance from all, itself among them. Puts them in order.
    float average(float scale) {
        const float now = all[0].value;
        if (count == 1) return now;
        for (int i = 1; i < count; ++i) {
            const One one = all[i];
            int place = i;
            for (; place > 0 && all[place - 1].value > one.value; --place) {
                all[place] = all[place - 1];
            }
            all[place] = one;
        }
        // The nearest of a value are neighbours in this order, and move up with it.
        const int nearest = count / 2 + 1;
        int first = 0;
        float sum = 0, weights = 0;
        for (int i = 0; i < count; ++i) {
            const float value = all[i].value;
            while (first + nearest < count &&
                   all[first + nearest].value - value < value - all[first].value) {
                ++first;
            }
            const float below = value - all[first].value;
            const float above = all[first + nearest - 1].value - value;
            float median = std::max(below, above);
            if (count % 2 == 0) {
                // With the next farthest of them, which is the other end or beside this one.
                const float inner = below > above ? value - all[first + 1].value
                                                  : all[first + nearest - 2].value - value;
                median = (median + std::max(std::min(below, above), inner)) / 2;
            }
            const float w = all[i].weight * std::exp(-median / scale);
            weights += w;
            // As differences from the current value: a constant stays what it is.
            sum += w * (value - now);
        }
        // All may be outliers, so far from each other that no weight is left.
        return weights > 0 ? now + sum / weights : now;
    }
};

// Where a point of the current frame is in another one, as far as it can be followed.
struct Trace {
    float x, y;
    float weight = 1;

    // To the next frame on the way, along the flow there; `back` is the flow from there.
    void step(const Window& window, const float* out, const float* back, float largest_mismatch) {
        const Corners here(window, x, y);
        const float dx = smooth(out, here, 2, 0), dy = smooth(out, here, 2, 1);
        x += dx;
        y += dy;
        if (!(x >= 0 && y >= 0 && x <= static_cast<float>(window.width - 1) &&
              y <= static_cast<float>(window.height - 1))) {
            weight = 0;
            return;
        }
        const Corners there(window, x, y);
        const float back_x = dx + smooth(back, there, 2, 0);
        const float back_y = dy + smooth(back, there, 2, 1);
        const float mismatch =
            (back_x * back_x + back_y * back_y) / (largest_mismatch * largest_mismatch);
        weight *= std::max(0.0F, 1 - mismatch);
    }
};

}  // namespace

void average_over_time(const Window& window, const Averaging& averaging, float* values,
                       float* gains) {
    const int count = static_cast<int>(window.values.size());
    const int current = window.current;
    parallel_for(window.height, averaging.threads, nullptr, [&](int row, int) {
        for (int column = 0; column < window.width; ++column) {
            const std::ptrdiff_t here = std::ptrdiff_t{row} * window.width + column;
            Samples disparity;
            disparity.add(window.values[current][here], averaging.shares[current]);
            std::array<Samples, 3> light;
            bool clipped = false;
            for (int c = 0; gains != nullptr && c < 3; ++c) {
                const float gain = window.gains[current][here * 3 + c];
                gains[here * 3 + c] = 0;
                if (gain > 0) light[c].add(gain, averaging.shares[current]);
                clipped |= gain > 0;
            }
            const float grey = window.grey[current][here];
            for (const int way : {-1, 1}) {
                Trace trace{static_cast<float>(column), static_cast<float>(row)};
                for (int frame = current + way; frame >= 0 && frame < count; frame += way) {
                    const int between = std::min(frame, frame - way);
                    const float* out = way < 0 ? window.backward[between] : window.forward[between];
                    const float* back =
                        way < 0 ? window.forward[between] : window.backward[between];
                    trace.step(window, out, back, averaging.largest_mismatch);
                    if (!(trace.weight > 0)) break;
                    const Corners there(window, trace.x, trace.y);
                    const float change =
                        (smooth(window.grey[frame], there) - grey) / averaging.largest_change;
                    const float weight = trace.weight * averaging.shares[frame] *
                                         std::max(0.0F, 1 - change * change);
                    if (!(weight > 0)) continue;
                    disparity.add(hard_at_edges(window.values[frame], there, averaging.value_scale),
                                  weight);
                    if (!clipped || window.gains[frame] == nullptr) continue;
                    for (int c = 0; c < 3; ++c) {
                        const float gain = clipped_gain(window.gains[frame], there, c);
                        // What was not clipped says nothing about a light that now is.
                        if (light[c].count > 0 && gain > 0) light[c].add(gain, weight);
                    }
                }
            }
            values[here] = disparity.average(averaging.value_scale);
            for (int c = 0; clipped && c < 3; ++c) {
                if (light[c].count > 0) {
                    gains[here * 3 + c] = light[c].average(averaging.gain_scale);
                }
            }
        }
    });
}

}  // namespace synthetic_focus
