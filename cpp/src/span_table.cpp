#include "synthetic_focus/span_table.h"

#include <algorithm>
#include <cmath>

namespace synthetic_focus {
namespace {

constexpr float kStepsPerPixel = 32.0f;
constexpr float kEvenUpTo = 64.0f;
constexpr float kStepsPerE = kStepsPerPixel * kEvenUpTo;
constexpr int kEvenSteps = static_cast<int>(kStepsPerPixel * kEvenUpTo);
constexpr int kOutlineSamples = 2048;

struct Built {
    std::vector<std::uint32_t> first;
    std::vector<Span> spans;
    int reach = 0;
};

// A pixel of the picture is a square of light already, and the patch's rows and columns widen it by
// another one. The radius makes up for that, so that the patch's variance is the lens's: r^2 / 4.
float drawn_radius(float radius) {
    const float widened = std::clamp((radius - 0.7f) / 0.5f, 0.0f, 1.0f) / 3.0f;
    return std::sqrt(radius * radius - widened);
}

Built build(const Patch& patch, float lens_radius, const EdgeSampling& sampling) {
    const float radius = drawn_radius(lens_radius);
    Built built;
    built.reach = reach(patch, radius);
    const double gain = 1.0 / patch_area(patch, radius);
    for (int dy = -built.reach; dy <= built.reach; ++dy) {
        built.first.push_back(static_cast<std::uint32_t>(built.spans.size()));
        append_row(patch, radius, dy, gain, sampling, built.spans);
    }
    built.first.push_back(static_cast<std::uint32_t>(built.spans.size()));
    return built;
}

}  // namespace

int radius_index(float radius) {
    if (radius <= kEvenUpTo) return static_cast<int>(std::lround(radius * kStepsPerPixel));
    return kEvenSteps + static_cast<int>(std::lround(kStepsPerE * std::log(radius / kEvenUpTo)));
}

float indexed_radius(int index) {
    if (index <= kEvenSteps) return static_cast<float>(index) / kStepsPerPixel;
    return kEvenUpTo * std::exp(static_cast<float>(index - kEvenSteps) / kStepsPerE);
}

int radius_indices(float largest) { return radius_index(largest) + 1; }

SpanTable::SpanTable(const ApertureShape& shape, const std::vector<char>& used_behind,
                     const std::vector<char>& used_front, const EdgeSampling& sampling, int threads,
                     const AbortFlag* abort) {
    for (const bool behind : {false, true}) {
        const std::vector<char>& used = behind ? used_behind : used_front;
        std::vector<Entry>& entries = entries_[behind ? 1 : 0];
        entries.resize(used.size());
        const Patch patch = make_patch(shape, behind, 0.0, 0.0, 0.0, 0.0, kOutlineSamples);
        std::vector<Built> built(used.size());
        parallel_for(static_cast<int>(used.size()), threads, abort, [&](int i, int) {
            const auto at = static_cast<std::size_t>(i);
            if (used[at] != 0) built[at] = build(patch, indexed_radius(i), sampling);
        });
        for (std::size_t i = 0; i < used.size(); ++i) {
            if (used[i] == 0) continue;
            const auto offset = static_cast<std::uint32_t>(spans_.size());
            entries[i] = {static_cast<std::int32_t>(first_.size()) + built[i].reach,
                          built[i].reach};
            for (const std::uint32_t first : built[i].first) first_.push_back(offset + first);
            spans_.insert(spans_.end(), built[i].spans.begin(), built[i].spans.end());
        }
    }
}

}  // namespace synthetic_focus
