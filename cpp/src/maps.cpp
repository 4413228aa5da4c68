#include "synthetic_focus/maps.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "synthetic_focus/parallel.h"

namespace synthetic_focus {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;  // values: less is not worth a thread
constexpr std::uint32_t kExponent = 0x7f800000;
constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
constexpr float kNearest = 1000.0f;  // dioptres: nothing is nearer than a millimetre

// As a number, so that loops which add them up look at many values in one step.
std::uint32_t is_unfinite(float value) {
    return (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent ? 1 : 0;
}

// Calls work(begin, end) for pieces of [0, count), each of so many values that it is worth a
// thread. Whether none of them returned a fault.
template <typename Work>
bool in_pieces(std::size_t count, std::size_t values_each, int threads, const Work& work) {
    const std::size_t each =
        std::max<std::size_t>(1, kPiece / std::max<std::size_t>(1, values_each));
    std::atomic<bool> good{true};
    parallel_for(static_cast<int>((count + each - 1) / each), threads, nullptr, [&](int i, int) {
        const std::size_t begin = static_cast<std::size_t>(i) * each;
        if (work(begin, std::min(count, begin + each)) != 0) good = false;
    });
    return good;
}

// disparity_of(value, unknown) of each value of the picture.
template <typename DisparityOf>
bool read_depth(const DepthPicture& depth, float* disparity, int threads,
                const DisparityOf& disparity_of) {
    const auto width = static_cast<std::size_t>(depth.width);
    const auto height = static_cast<std::size_t>(depth.height);
    return in_pieces(height, width, threads, [&](std::size_t begin, std::size_t end) {
        std::uint32_t unknown = 0;
        for (std::size_t y = begin; y < end; ++y) {
            const float* in = depth.values + static_cast<std::ptrdiff_t>(y) * depth.row_step;
            float* out = disparity + y * width;
            const auto read_row = [&](std::ptrdiff_t step) {
                for (int x = 0; x < depth.width; ++x) out[x] = disparity_of(in[x * step], unknown);
            };
            // A step that is known makes loops of many values at a time.
            depth.pixel_step == 1 ? read_row(1) : read_row(depth.pixel_step);
        }
        return unknown;
    });
}

// Of what is no number, which only absurd ranges come to, the farthest.
float limited(float disparity) { return std::min(std::max(0.0f, disparity), kNearest); }

}  // namespace

bool all_finite(const float* values, std::size_t count, int threads) {
    return in_pieces(count, 1, threads, [&](std::size_t begin, std::size_t end) {
        std::uint32_t found = 0;
        for (std::size_t i = begin; i < end; ++i) found |= is_unfinite(values[i]);
        return found;
    });
}

bool disparity_of_line(const DepthPicture& depth, const DepthLine& line, bool distance,
                       float* disparity, int threads) {
    const auto at = [line](float value) { return (value - line.first) * line.slope + line.start; };
    const auto known_or = [](float value, float read, std::uint32_t& unknown) {
        const std::uint32_t bad = is_unfinite(value);
        unknown |= bad;
        return bad != 0 ? kUnknown : limited(read);
    };
    if (!distance) {
        return read_depth(depth, disparity, threads, [=](float value, std::uint32_t& unknown) {
            return known_or(value, at(value), unknown);
        });
    }
    return read_depth(depth, disparity, threads, [=](float value, std::uint32_t& unknown) {
        // Farther than the line goes back is nearer than the nearest: the end holds.
        return known_or(value, 1.0f / std::max(at(value), 1.0f / kNearest), unknown);
    });
}

bool disparity_of_metres(const DepthPicture& depth, float* disparity, int threads) {
    return read_depth(depth, disparity, threads, [](float value, std::uint32_t& unknown) {
        const bool known = value > 0.0f;
        unknown |= known ? 0U : 1U;
        return known ? limited(1.0f / value) : kUnknown;
    });
}

bool coc_of_disparity(const float* disparity, std::size_t count, float focus, float range,
                      float scale, float* coc, int threads) {
    return in_pieces(count, 1, threads, [&](std::size_t begin, std::size_t end) {
        std::uint32_t found = 0;
        for (std::size_t i = begin; i < end; ++i) {
            // The difference first: a product with a rounded offset would blur the focal plane.
            const float off = focus - disparity[i];
            const float beyond = std::fabs(off) - range;
            coc[i] = beyond < 0.0f ? 0.0f : std::copysign(beyond, off) * scale;
            found |= is_unfinite(coc[i]);
        }
        return found;
    });
}

}  // namespace synthetic_focus
