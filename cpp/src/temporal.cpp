#include "synthetic_focus/temporal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

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

// As differences from one corner: where all are alike the result is exactly that.
template <typename Result, typename Value>
Result smooth_of(const Corners& corners, const Value& value) {
    const Result first = value(corners.at[0]);
    Result sum = first;
    for (int i = 1; i < 4; ++i) sum += corners.share[i] * (value(corners.at[i]) - first);
    return sum;
}

template <typename T>
float smooth(const T* plane, const Corners& corners) {
    return smooth_of<float>(corners,
                            [plane](std::ptrdiff_t at) { return static_cast<float>(plane[at]); });
}

using Way = float __attribute__((vector_size(8)));  // dx, dy

Way smooth_way(const float* flow, const Corners& corners) {
    return smooth_of<Way>(corners, [flow](std::ptrdiff_t at) {
        Way way;
        std::memcpy(&way, flow + 2 * at, sizeof way);
        return way;
    });
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
    Way place;  // x, y
    Corners corners;
    float weight = 1;

    Trace(const Window& window, float x, float y) : place{x, y}, corners(window, x, y) {}

    // To the next frame on the way, along the flow there; `back` is the flow from there.
    void step(const Window& window, const float* out, const float* back, float largest_mismatch) {
        const Way way = smooth_way(out, corners);
        place += way;
        const float x = place[0], y = place[1];
        if (!(x >= 0 && y >= 0 && x <= static_cast<float>(window.width - 1) &&
              y <= static_cast<float>(window.height - 1))) {
            weight = 0;
            return;
        }
        corners = Corners(window, x, y);
        const Way off = way + smooth_way(back, corners);
        const float mismatch =
            (off[0] * off[0] + off[1] * off[1]) / (largest_mismatch * largest_mismatch);
        weight *= std::max(0.0F, 1 - mismatch);
    }
};

// Neighbours in a row, which are followed through one frame after the other: frames are many, and a
// processor reads ahead in few places at once.
struct Strip {
    static constexpr int kColumns = 64;
    struct Point {
        Samples disparity;
        std::array<Samples, 3> light;
        float grey;
        bool clipped;
    };
    std::array<Point, kColumns> points;
    std::vector<Trace> traces;

    void average(const Window& window, const Averaging& averaging, int row, int begin, int end,
                 float* values, float* gains) {
        const std::ptrdiff_t first = std::ptrdiff_t{row} * window.width + begin;
        const int current = window.current;
        for (int i = 0; i < end - begin; ++i) {
            Point& point = points[i];
            point.disparity.count = 0;
            point.disparity.add(window.values[current][first + i], averaging.shares[current]);
            point.grey = window.grey[current][first + i];
            point.clipped = false;
            for (int c = 0; gains != nullptr && c < 3; ++c) {
                const float gain = window.gains[current][(first + i) * 3 + c];
                point.light[c].count = 0;
                if (gain > 0) point.light[c].add(gain, averaging.shares[current]);
                point.clipped |= gain > 0;
            }
        }
        for (const int way : {-1, 1}) {
            traces.clear();
            for (int x = begin; x < end; ++x) {
                traces.emplace_back(window, static_cast<float>(x), static_cast<float>(row));
            }
            for (int frame = current + way;
                 frame >= 0 && frame < static_cast<int>(window.values.size()); frame += way) {
                go_on(window, averaging, frame, way);
            }
        }
        for (int i = 0; i < end - begin; ++i) {
            Point& point = points[i];
            values[first + i] = point.disparity.average(averaging.value_scale);
            for (int c = 0; gains != nullptr && c < 3; ++c) {
                Samples& light = point.light[c];
                gains[(first + i) * 3 + c] =
                    light.count > 0 ? light.average(averaging.gain_scale) : 0;
            }
        }
    }

  private:
    // To a frame, from the one before on the way.
    void go_on(const Window& window, const Averaging& averaging, int frame, int way) {
        const int between = std::min(frame, frame - way);
        const float* const out = way < 0 ? window.backward[between] : window.forward[between];
        const float* const back = way < 0 ? window.forward[between] : window.backward[between];
        for (std::size_t i = 0; i < traces.size(); ++i) {
            Trace& trace = traces[i];
            if (!(trace.weight > 0)) continue;
            trace.step(window, out, back, averaging.largest_mismatch);
            if (!(trace.weight > 0)) continue;
            Point& point = points[i];
            const Corners& there = trace.corners;
            const float change =
                (smooth(window.grey[frame], there) - point.grey) / averaging.largest_change;
            const float weight =
                trace.weight * averaging.shares[frame] * std::max(0.0F, 1 - change * change);
            if (!(weight > 0)) continue;
            point.disparity.add(hard_at_edges(window.values[frame], there, averaging.value_scale),
                                weight);
            if (!point.clipped || window.gains[frame] == nullptr) continue;
            for (int c = 0; c < 3; ++c) {
                const float gain = clipped_gain(window.gains[frame], there, c);
                // What was not clipped says nothing about a light that now is.
                if (point.light[c].count > 0 && gain > 0) point.light[c].add(gain, weight);
            }
        }
    }
};

}  // namespace

void average_over_time(const Window& window, const Averaging& averaging, float* values,
                       float* gains) {
    std::vector<Strip> strips(static_cast<std::size_t>(averaging.threads));
    parallel_for(window.height, averaging.threads, nullptr, [&](int row, int thread) {
        for (int begin = 0; begin < window.width; begin += Strip::kColumns) {
            const int end = std::min(window.width, begin + Strip::kColumns);
            strips[static_cast<std::size_t>(thread)].average(window, averaging, row, begin, end,
                                                             values, gains);
        }
    });
}

}  // namespace synthetic_focus
