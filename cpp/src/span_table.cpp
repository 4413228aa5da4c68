#include "synthetic_focus/span_table.h"

#include <algorithm>
#include <cmath>

#include "synthetic_focus/kernel_image.h"
#include "synthetic_focus/picture.h"

namespace synthetic_focus {
namespace {

constexpr int kOutlineSamples = 2048;
constexpr int kOutlineSamplesOfCell = 160;
constexpr int kCellsAcross = 96;
constexpr double kTableBytes = 300e6;

struct Built {
    std::vector<std::uint32_t> first;
    std::vector<Span> spans;
    std::vector<std::pair<std::size_t, SpanTable::Entry>> entries;
};

// A pixel of the picture is a square of light already, and the patch's rows and columns widen it by
// another one. The radius makes up for that, so that the patch's variance is the lens's, r^2 / 4.
float drawn_radius(float radius) {
    const float widened = std::clamp((radius - 0.7f) / 0.5f, 0.0f, 1.0f) / 3.0f;
    return std::sqrt(radius * radius - widened);
}

template <typename AppendRow>
SpanTable::Entry add_patch(Built& built, int reach, const AppendRow& append) {
    const SpanTable::Entry entry{static_cast<std::int32_t>(built.first.size()) + reach, reach};
    for (int dy = -reach; dy <= reach; ++dy) {
        built.first.push_back(static_cast<std::uint32_t>(built.spans.size()));
        append(dy);
    }
    built.first.push_back(static_cast<std::uint32_t>(built.spans.size()));
    return entry;
}

float largest_stretch(const ApertureShape& shape) {
    const double across = std::max(1.0, 1.0 / shape.squeeze);
    return static_cast<float>(across * (1.0 + std::abs(shape.astigmatism)) *
                              (1.0 + shape.swirl / 2.0));
}

}  // namespace

Field::Field(const Frame& frame, bool varies)
    : frame_(frame),
      side_(varies ? std::max(8.0, static_cast<double>(std::max(frame.width, frame.height)) /
                                       kCellsAcross)
                   : static_cast<double>(std::max(frame.width, frame.height))),
      columns_(static_cast<int>(std::ceil(frame.width / side_))),
      rows_(static_cast<int>(std::ceil(frame.height / side_))) {}

int Field::cell(int x, int y) const {
    const auto at = [&](int position, int size, int cells) {
        const int inside = std::clamp(position, 0, size - 1);
        return std::min(cells - 1, static_cast<int>(inside / side_));
    };
    return at(y + frame_.y, frame_.height, rows_) * columns_ +
           at(x + frame_.x, frame_.width, columns_);
}

Place Field::place(int cell) const {
    const double half_diagonal = std::hypot(frame_.width, frame_.height) / 2.0;
    const double x = std::min<double>(frame_.width, (cell % columns_ + 0.5) * side_);
    const double y = std::min<double>(frame_.height, (cell / columns_ + 0.5) * side_);
    return {(x - frame_.width / 2.0) / half_diagonal, (y - frame_.height / 2.0) / half_diagonal,
            frame_.width / 2.0 / half_diagonal, frame_.height / 2.0 / half_diagonal};
}

Radii::Radii(float steps_per_pixel, float even_up_to, float largest)
    : steps_per_pixel_(steps_per_pixel), even_up_to_(even_up_to), count_(index(largest) + 1) {}

int Radii::index(float radius) const {
    if (radius <= even_up_to_) return static_cast<int>(std::lround(radius * steps_per_pixel_));
    const float even = even_up_to_ * steps_per_pixel_;
    return static_cast<int>(std::lround(even * (1.0f + std::log(radius / even_up_to_))));
}

float Radii::radius(int index) const {
    const float even = even_up_to_ * steps_per_pixel_;
    if (static_cast<float>(index) <= even) return static_cast<float>(index) / steps_per_pixel_;
    return even_up_to_ * std::exp(static_cast<float>(index) / even - 1.0f);
}

SpanTable::SpanTable(const ApertureShape& shape, const Frame& frame, const EdgeSampling& sampling,
                     float largest)
    : shape_(shape),
      field_(frame, shape.varies_over_frame()),
      sampling_(sampling),
      extent_(largest_stretch(shape)),
      largest_(std::max(kSharp, largest)),
      radii_(shape.varies_over_frame() ? Radii(8.0f, 32.0f, largest_)
                                       : Radii(32.0f, 64.0f, largest_)),
      used_(static_cast<std::size_t>(field_.cells()) * 2 *
            static_cast<std::size_t>(radii_.count())) {}

std::size_t SpanTable::slot(int x, int y, float coc) const {
    const auto cell = static_cast<std::size_t>(field_.cell(x, y));
    // A piece of surface that is in focus has the patch of the largest sharp pixel.
    const int radius = radii_.index(std::max(kSharp, std::fabs(coc)));
    return (cell * 2 + (coc > 0.0f ? 1 : 0)) * static_cast<std::size_t>(radii_.count()) +
           static_cast<std::size_t>(radius);
}

void SpanTable::mark(int x, int y, float coc) {
    std::atomic<char>& used = used_[slot(x, y, coc)];
    if (used.load(std::memory_order_relaxed) == 0) used.store(1, std::memory_order_relaxed);
}

// Every how many radii get a patch of their own, so that the table fits into memory. Only a noisy
// map under a shape that varies over the field needs more than every one.
int SpanTable::step_that_fits() const {
    const auto radii = static_cast<std::size_t>(radii_.count());
    double bytes = 0.0;
    for (std::size_t at = 0; at < used_.size(); ++at) {
        if (used_[at].load(std::memory_order_relaxed) == 0) continue;
        const double rows = 2.0 * extent_ * radii_.radius(static_cast<int>(at % radii)) + 1.0;
        const double spans =
            shape_.kernel.empty() ? 1.5 * static_cast<double>(shape_.behind.size()) : rows;
        bytes += rows * spans * sizeof(Span);
    }
    return static_cast<int>(std::ceil(std::max(1.0, bytes / kTableBytes)));
}

void SpanTable::build(int threads, const AbortFlag* abort) {
    const auto radii = static_cast<std::size_t>(radii_.count());
    entries_.resize(used_.size());
    const auto step = static_cast<std::size_t>(step_that_fits());
    if (step > 1) {
        for (std::size_t at = 0; at < used_.size(); ++at) {
            if (used_[at] != 0) used_[at - at % radii % step] = 1;
        }
    }
    const bool varies = shape_.varies_over_frame();
    const KernelImage kernel(shape_);
    // A piece of work: the radii of one cell, or of one size where there is only one cell.
    const std::size_t piece = varies ? 2 * radii : 16;
    const int pieces = static_cast<int>((used_.size() + piece - 1) / piece);
    std::vector<Built> all(static_cast<std::size_t>(pieces));
    const Outlines outlines(shape_, varies ? 240 : 720);
    std::vector<Patch> uniform(2);
    if (!varies && kernel.empty()) {
        for (const bool behind : {false, true}) {
            uniform[behind ? 1 : 0] = outlines.patch(behind, {}, kOutlineSamples);
        }
    }
    parallel_for(pieces, threads, abort, [&](int index, int) {
        Built& built = all[static_cast<std::size_t>(index)];
        const std::size_t begin = static_cast<std::size_t>(index) * piece;
        const std::size_t end = std::min(used_.size(), begin + piece);
        std::vector<Patch> own(2);
        for (std::size_t at = begin; at < end; ++at) {
            if (used_[at].load(std::memory_order_relaxed) == 0 || at % radii % step != 0) continue;
            const bool behind = at / radii % 2 != 0;
            const float radius =
                drawn_radius(std::max(kSharp, radii_.radius(static_cast<int>(at % radii))));
            if (!kernel.empty()) {
                built.entries.emplace_back(at, add_patch(built, kernel.reach(radius), [&](int dy) {
                                               kernel.append_row(radius, behind, dy, built.spans);
                                           }));
                continue;
            }
            Patch& patch = (varies ? own : uniform)[behind ? 1 : 0];
            if (patch.empty()) {
                const int cell = static_cast<int>(at / (2 * radii));
                patch = outlines.patch(behind, field_.place(cell), kOutlineSamplesOfCell);
            }
            const double gain = 1.0 / patch_area(patch, radius);
            built.entries.emplace_back(at, add_patch(built, reach(patch, radius), [&](int dy) {
                                           append_row(patch, radius, dy, gain, sampling_,
                                                      built.spans);
                                       }));
        }
    });
    for (const Built& built : all) {
        const auto row_offset = static_cast<std::int32_t>(first_.size());
        const auto span_offset = static_cast<std::uint32_t>(spans_.size());
        for (const std::uint32_t first : built.first) first_.push_back(span_offset + first);
        spans_.insert(spans_.end(), built.spans.begin(), built.spans.end());
        for (const auto& [at, entry] : built.entries) {
            entries_[at] = {entry.rows + row_offset, entry.reach};
        }
    }
    if (step > 1) {
        for (std::size_t at = 0; at < entries_.size(); ++at)
            entries_[at] = entries_[at - at % radii % step];
    }
}

}  // namespace synthetic_focus
