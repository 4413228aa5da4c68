#include "synthetic_focus/span_table.h"

#include <algorithm>
#include <cmath>

#include "synthetic_focus/kernel_image.h"

namespace synthetic_focus {
namespace {

constexpr int kOutlineSamples = 2048;
constexpr int kOutlineSamplesOfCell = 160;
constexpr int kCellsAcross = 96;
// Pieces of work whose patches wait to be added to the table's.
constexpr int kPiecesAtOnce = 256;
// Of a coarsely drawn patch's rings, in all: at most this many radii.
constexpr double kScalesDrawnCoarsely = 3.4;

// A pixel of the picture is a square of light already, and the patch's rows and columns widen it by
// another one. The radius makes up for that, so that the patch's variance is the lens's, r^2 / 4.
float drawn_radius(float radius) {
    const float widened = std::clamp((radius - 0.7f) / 0.5f, 0.0f, 1.0f) / 3.0f;
    return std::sqrt(radius * radius - widened);
}

// The parts of a weight in the cell where a span's end lies and in the next one; they add up to it
// exactly.
End make_end(int at, float weight, float fraction) {
    if (fraction < 0.5f) {
        const float first = weight * (1.0f - fraction);
        return {at, first, weight - first};
    }
    const float second = weight * fraction;
    return {at, weight - second, second};
}

void append_ends(const Span& span, int row_begin, std::vector<End>& ends) {
    if (span.left_fraction == 0.0f && span.right_fraction == 0.0f && span.right == span.left + 1) {
        ends.push_back({row_begin + span.left, span.weight, -span.weight});
        return;
    }
    ends.push_back(make_end(row_begin + span.left, span.weight, span.left_fraction));
    ends.push_back(make_end(row_begin + span.right, -span.weight, span.right_fraction));
}

}  // namespace

float largest_stretch(const ApertureShape& shape) {
    const double across = std::max(1.0, 1.0 / shape.squeeze);
    return static_cast<float>(across * (1.0 + std::abs(shape.astigmatism)) *
                              (1.0 + shape.swirl / 2.0));
}

// Patches as one thread builds them: indices count from its own vectors' begin.
struct Built {
    std::vector<std::uint32_t> rows;
    std::vector<End> ends;
    std::vector<std::pair<std::size_t, SpanTable::Entry>> entries;
};

Field::Field(const Frame& frame, bool varies, int cell)
    : frame_(frame),
      side_(varies ? std::max(8.0 / cell, static_cast<double>(std::max(frame.width, frame.height)) /
                                              kCellsAcross)
                   : static_cast<double>(std::max(frame.width, frame.height))),
      columns_(static_cast<int>(std::ceil(frame.width / side_))),
      rows_(static_cast<int>(std::ceil(frame.height / side_))) {}

int Field::place_in(int position, int size, int cells) const {
    const int inside = std::clamp(position, 0, size - 1);
    return std::min(cells - 1, static_cast<int>(inside / side_));
}

Place Field::place(int cell) const {
    const double half_diagonal = std::hypot(frame_.width, frame_.height) / 2.0;
    const double x = std::min<double>(frame_.width, (cell % columns_ + 0.5) * side_);
    const double y = std::min<double>(frame_.height, (cell / columns_ + 0.5) * side_);
    return {(x - frame_.width / 2.0) / half_diagonal, (y - frame_.height / 2.0) / half_diagonal,
            frame_.width / 2.0 / half_diagonal, frame_.height / 2.0 / half_diagonal};
}

SpanTable::SpanTable(const ApertureShape& shape, const Frame& frame, const Sampling& sampling,
                     float largest, int width, int cell, int room)
    : shape_(shape),
      field_(frame, shape.varies_over_frame(), cell),
      edges_(sampling.edges),
      extent_(largest_stretch(shape)),
      symmetric_(shape.blades == 0 && shape.kernel.empty() && !shape.varies_over_frame()),
      width_(width),
      cell_(cell),
      room_(room),
      // On coarser grids no lights are drawn.
      kinds_(cell == 1 && std::max(shape.behind.size(), shape.front.size()) > 1 ? 2 : 1),
      radii_(sampling.radii - (shape.varies_over_frame() ? 2 : 0) - (cell > 1 ? 1 : 0),
             std::max(kSharp, largest)),
      margin_(static_cast<int>(std::ceil(radii_.radius(radii_.count() - 1) * extent_ /
                                         static_cast<float>(cell))) +
              1),
      states_(static_cast<std::size_t>(field_.cells() * 2 * kinds_) *
              static_cast<std::size_t>(radii_.count())) {
    for (int x = 0; x < width; ++x) field_columns_.push_back(field_.column(x));
}

template <typename AppendRow>
void SpanTable::add_patch(std::vector<Span>& spans, Built& built, std::size_t slot, int reach,
                          const AppendRow& append) const {
    Entry entry{static_cast<std::int32_t>(built.rows.size()) + reach,
                static_cast<std::int16_t>(reach), 0};
    for (int dy = -reach; dy <= reach; ++dy) {
        built.rows.push_back(static_cast<std::uint32_t>(built.ends.size()));
        spans.clear();
        append(dy, spans);
        for (const Span& span : spans) {
            append_ends(span, dy * stride(), built.ends);
            const int columns = std::max(-span.left, span.right + 1);
            entry.columns = std::max(entry.columns, static_cast<std::int16_t>(columns));
        }
    }
    built.rows.push_back(static_cast<std::uint32_t>(built.ends.size()));
    built.entries.emplace_back(slot, entry);
}

double SpanTable::bytes_of_marked() const {
    // A row of a disc is one span, or several where its ends lie slantwise.
    const double of_row = 2.0 * sizeof(End) * (1.0 + 0.5 / edges_.columns_per_sample);
    const auto rings = [](const std::vector<Ring>& all, Drawn drawn) {
        double scales = 0.0;
        for (const Ring& ring : all) scales += double{ring.scale};
        return drawn == Drawn::kFinely ? scales : std::min(kScalesDrawnCoarsely, scales);
    };
    const auto radii = static_cast<std::size_t>(radii_.count());
    const auto kinds = static_cast<std::size_t>(kinds_);
    double bytes = 0.0;
    for (std::size_t first = 0; first < states_.size(); first += radii) {
        const auto& shapes = first / (kinds * radii) % 2 != 0 ? shape_.behind : shape_.front;
        const double spans =
            of_row * rings(shapes, first / radii % kinds == 0 ? Drawn::kCoarsely : Drawn::kFinely);
        for (std::size_t i = 0; i < radii; ++i) {
            if (states_[first + i].load(std::memory_order_relaxed) == 0) continue;
            const double rows = 2.0 * extent_ * radii_.radius(static_cast<int>(i)) / cell_ + 1.0;
            bytes += rows * (shape_.kernel.empty() ? spans : rows * 2.0 * sizeof(End));
        }
    }
    return bytes;
}

void SpanTable::leave(char bits) {
    for (std::atomic<char>& state : states_) {
        state.store(static_cast<char>(state.load(std::memory_order_relaxed) & bits),
                    std::memory_order_relaxed);
    }
}

void SpanTable::keep_needs_only() {
    rows_.clear();
    ends_.clear();
    leave(kNeeded);
}

void SpanTable::add(std::vector<Built>& drawn, int threads, const AbortFlag* abort) {
    std::vector<std::size_t> first_rows;
    std::vector<std::size_t> first_ends;
    std::size_t row_count = rows_.size();
    std::size_t end_count = ends_.size();
    for (const Built& built : drawn) {
        first_rows.push_back(row_count);
        first_ends.push_back(end_count);
        row_count += built.rows.size();
        end_count += built.ends.size();
    }
    rows_.resize(row_count);
    ends_.resize(end_count);
    parallel_for(static_cast<int>(drawn.size()), threads, abort, [&](int index, int) {
        const auto i = static_cast<std::size_t>(index);
        Built& built = drawn[i];
        const auto first_end = static_cast<std::uint32_t>(first_ends[i]);
        std::uint32_t* const rows = rows_.data() + first_rows[i];
        for (std::size_t k = 0; k < built.rows.size(); ++k) rows[k] = first_end + built.rows[k];
        std::copy(built.ends.begin(), built.ends.end(), ends_.data() + first_ends[i]);
        for (const auto& [at, entry] : built.entries) {
            entries_[at] = {entry.patch + static_cast<std::int32_t>(first_rows[i]), entry.rows,
                            entry.columns};
            states_[at] = kNeeded | kBuilt;
        }
        built.rows.clear();
        built.ends.clear();
        built.entries.clear();
    });
}

void SpanTable::build(int every, int threads, const AbortFlag* abort) {
    const auto radii = static_cast<std::size_t>(radii_.count());
    const auto step = static_cast<std::size_t>(every);
    const bool complete =
        std::none_of(states_.begin(), states_.end(), [](const std::atomic<char>& state) {
            return state.load(std::memory_order_relaxed) == kNeeded;
        });
    if (complete) return;
    entries_.resize(states_.size());
    if (ends_.empty()) {
        ends_.reserve(static_cast<std::size_t>(bytes_of_marked() / sizeof(End) / every));
    }
    if (step > 1) {
        for (std::size_t at = 0; at < states_.size(); ++at) {
            if (states_[at] != 0) states_[at - at % radii % step] = kNeeded;
        }
    }
    const bool varies = shape_.varies_over_frame();
    const KernelImage kernel(shape_);
    // A piece of work: the radii of one cell, or of one size where there is only one cell.
    const std::size_t kinds = static_cast<std::size_t>(kinds_);
    const std::size_t piece = varies ? 2 * kinds * radii : 16;
    const int pieces = static_cast<int>((states_.size() + piece - 1) / piece);
    const Outlines outlines(shape_, varies ? 240 : 720);
    std::vector<Patch> uniform(2);
    if (!varies && kernel.empty()) {
        for (const bool behind : {false, true}) {
            uniform[behind ? 1 : 0] = outlines.patch(behind, {}, kOutlineSamples);
        }
    }
    const auto draw = [&](int index, Built& built) {
        const std::size_t begin = static_cast<std::size_t>(index) * piece;
        const std::size_t end = std::min(states_.size(), begin + piece);
        std::vector<Patch> own(2);
        std::vector<Span> spans;
        for (std::size_t at = begin; at < end; ++at) {
            if (states_[at].load(std::memory_order_relaxed) != kNeeded) continue;
            if (at % radii % step != 0) continue;
            const bool behind = at / (kinds * radii) % 2 != 0;
            const bool coarsely = at / radii % kinds == 0;
            const float lens = std::max(kSharp, radii_.radius(static_cast<int>(at % radii)));
            const float radius = drawn_radius(lens) / static_cast<float>(cell_);
            if (!kernel.empty()) {
                add_patch(spans, built, at, kernel.reach(radius),
                          [&](int dy, std::vector<Span>& row) {
                              kernel.append_row(radius, behind, dy, row);
                          });
                continue;
            }
            Patch& patch = (varies ? own : uniform)[behind ? 1 : 0];
            if (patch.empty()) {
                const int cell = static_cast<int>(at / (2 * kinds * radii));
                patch = outlines.patch(behind, field_.place(cell), kOutlineSamplesOfCell);
            }
            const std::vector<double> weights =
                drawn_weights(patch, radius, coarsely ? Drawn::kCoarsely : Drawn::kFinely);
            add_patch(spans, built, at, reach(patch, radius), [&](int dy, std::vector<Span>& row) {
                append_row(patch, weights, radius, dy, edges_, row);
            });
        }
    };
    std::vector<Built> drawn(static_cast<std::size_t>(std::min(pieces, kPiecesAtOnce)));
    for (int first = 0; first < pieces; first += kPiecesAtOnce) {
        drawn.resize(static_cast<std::size_t>(std::min(pieces - first, kPiecesAtOnce)));
        parallel_for(static_cast<int>(drawn.size()), threads, abort,
                     [&](int i, int) { draw(first + i, drawn[static_cast<std::size_t>(i)]); });
        add(drawn, threads, abort);
    }
    if (step > 1) {
        for (std::size_t at = 0; at < entries_.size(); ++at) {
            entries_[at] = entries_[at - at % radii % step];
        }
    }
}

}  // namespace synthetic_focus
