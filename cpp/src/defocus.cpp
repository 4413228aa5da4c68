#include "synthetic_focus/defocus.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/coarse.h"
#include "synthetic_focus/grids.h"
#include "synthetic_focus/kernels.h"
#include "synthetic_focus/layers.h"
#include "synthetic_focus/lights.h"
#include "synthetic_focus/passage.h"
#include "synthetic_focus/span_table.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {
namespace {

// Layers in front of this circle of confusion can hide a sharp pixel.
constexpr float kInFrontOfSharp = -1.0f;
constexpr float kUncovered = 1e-3f;
// A taller band repeats less work for each row of it; only a few columns at once must fit a cache.
constexpr int kCellBytesPerBand = 2560 * 1024;
constexpr int kMostRowsPerBand = 32;
constexpr int kColumnsAtOnce = 16;
constexpr std::size_t kAhead = 2;  // so many rows ahead numbers are fetched

struct Survey {
    bool opaque = true;
    float largest = 0.0f;      // radius as given
    Buffer<float> brightness;  // (height, width)
};

// The largest magnitude of some numbers as its bits, which order magnitudes as the numbers do:
// those of infinity or more where one is not finite. Several at once, since a running maximum
// waits for the one before.
std::int32_t largest_bits(const float* values, std::size_t count) {
    std::array<std::int32_t, 16> most{};
    const auto larger = [](std::int32_t bits, float value) {
        const std::int32_t size = std::bit_cast<std::int32_t>(value) & 0x7fffffff;
        return std::max(bits, size);
    };
    std::size_t i = 0;
    for (; i + most.size() <= count; i += most.size()) {
        for (std::size_t k = 0; k < most.size(); ++k) most[k] = larger(most[k], values[i + k]);
    }
    for (; i < count; ++i) most[0] = larger(most[0], values[i]);
    return *std::max_element(most.begin(), most.end());
}

bool all_opaque(const float* pixels, int count) {
    int others = 0;
    for (int i = 0; i < count; ++i) others += pixels[4 * i + 3] != 1.0f ? 1 : 0;
    return others == 0;
}

template <int Channels>
void sum_colours(const float* pixels, int count, float* sums) {
    for (int i = 0; i < count; ++i) {
        const float* const pixel = pixels + i * Channels;
        sums[i] = pixel[0] + pixel[1] + pixel[2];
    }
}

// Throws BadPixel for the first number of a row that is not finite.
void refuse_row(const Picture& picture, int y) {
    for (int x = 0; x < picture.width; ++x) {
        const float* pixel = picture.pixel(x, y);
        for (int c = 0; c < picture.channels; ++c) {
            if (!std::isfinite(pixel[c])) throw BadPixel("image", x, y, pixel[c]);
        }
        const float coc = picture.radius(x, y);
        if (!std::isfinite(coc)) throw BadPixel("coc", x, y, coc);
    }
}

// Looks at every input pixel once: is it a number, is it opaque, how bright, how large do circles
// get?
Survey survey(const Picture& picture, const Settings& settings) {
    Survey all;
    all.brightness.resize(picture.index(0, picture.height));
    std::vector<Survey> parts(static_cast<std::size_t>(settings.threads));
    const auto width = static_cast<std::size_t>(picture.width);
    const auto channels = static_cast<std::size_t>(picture.channels);
    constexpr auto kInfinite = std::bit_cast<std::int32_t>(std::numeric_limits<float>::infinity());
    parallel_for(picture.height, settings.threads, settings.abort, [&](int y, int thread) {
        Survey& seen = parts[static_cast<std::size_t>(thread)];
        const float* const pixels = picture.pixel(0, y);
        const std::int32_t light = largest_bits(pixels, width * channels);
        const std::int32_t coc = largest_bits(picture.coc + picture.index(0, y), width);
        if (std::max(light, coc) >= kInfinite) refuse_row(picture, y);
        if (seen.opaque && channels == 4) seen.opaque = all_opaque(pixels, picture.width);
        seen.largest = std::max(seen.largest, std::bit_cast<float>(coc));
        float* const brightness = all.brightness.data() + picture.index(0, y);
        if (channels == 4) {
            sum_colours<4>(pixels, picture.width, brightness);
        } else {
            sum_colours<3>(pixels, picture.width, brightness);
        }
    });
    for (const Survey& part : parts) {
        all.opaque = all.opaque && part.opaque;
        all.largest = std::max(all.largest, part.largest);
    }
    return all;
}

// How much of a piece is drawn: of a light the light finely, and what it covers as all around it,
// so that the coverages of one surface add up.
struct Amount {
    float light;
    float cover;  // its opacity too

    Amount times(float part) const { return {part * light, part * cover}; }
};

// What gathering a row needs, kept from row to row.
struct Gathering {
    struct Part {
        int x;
        std::int16_t layer;
        std::int8_t mirrored;
        Amount amount;
        float coverage;
        const float* light;
        SpanTable::Entry entry;
    };
    std::vector<Part> parts;                  // from left to right
    std::deque<std::array<float, 4>> dimmed;  // light that they have instead of the picture's
    std::vector<int> order;                   // of the parts, by layer and x
    std::vector<int> layer_ends;              // where each layer's parts end in that order
    // By column, of the picture's own pixels.
    Buffer<Layers::Share> shares;
    Buffer<std::int32_t> slots;
    // Of the row, before it is known how many they are.
    std::vector<Run> runs;
    std::vector<Segment> segments;
};

// What rendering a band needs, kept from band to band.
struct Workspace {
    struct Columns {
        int begin = std::numeric_limits<int>::max();
        int end = 0;

        bool empty() const { return begin >= end; }
        void add(int from, int to) {
            begin = std::min(begin, from);
            end = std::max(end, to);
        }
    };
    // The runs of a row that belong to one layer.
    struct Source {
        int row;  // counted from the band's first
        const float* values;
        const Run* next;
        const Run* end;
    };
    // The band's rows of one grid.
    struct Rows {
        int begin;
        int end;
        std::vector<double, OnLines<double>> cells;  // all zero between layers
        std::vector<Columns> touched;                // by row, counted from its first cell
        std::vector<std::size_t> next_segment;       // by source row

        int count() const { return end - begin; }
        double* row(int y, std::size_t size) {
            return cells.data() + static_cast<std::size_t>(y - begin) * size;
        }
        Columns& touched_at(int y) { return touched[static_cast<std::size_t>(y - begin)]; }
    };
    Buffer<PixelState> state;
    std::vector<Rows> grids;
    std::vector<Source> sources;  // of the present layer
};

// What is listed of a row of surfaces, met from left to right.
template <typename Item>
class Listed {
  public:
    explicit Listed(const std::vector<Item>& row) : at_(row.begin()), row_(row) {}

    // Goes on to those at `x`; moving to the left is allowed, and slow.
    void seek(int x) {
        if (at_ != row_.begin() && (at_ - 1)->x >= x) at_ = row_.begin();
        while (at_ != row_.end() && at_->x < x) ++at_;
    }
    bool here(int x) const { return at_ != row_.end() && at_->x == x; }
    // Where the next one is.
    int next() const { return at_ != row_.end() ? at_->x : std::numeric_limits<int>::max(); }
    const Item& take() { return *at_++; }

  private:
    typename std::vector<Item>::const_iterator at_;
    const std::vector<Item>& row_;
};

// Renders a picture in light of one colour, whose circles of confusion are given: all channels or,
// with two numbers a cell, one.
template <int N>
class Renderer {
  public:
    // Marks the patches that it needs in the grids' tables, which are to be built then.
    // channel: the first that is rendered.
    Renderer(const Picture& picture, std::size_t channel, const Surfaces& surfaces,
             const Circles& circles, const std::optional<Lights>& lights, const Passage& passage,
             const Settings& settings, float largest, Grids& grids)
        : picture_(picture),
          channel_(channel),
          surfaces_(surfaces),
          circles_(circles),
          lights_(lights),
          settings_(settings),
          layers_(largest),
          grids_(grids.all) {
        if (!grids.coarse.empty()) {
            parts_ = coarse_parts(picture, surfaces, circles, *lights, passage, settings.frame,
                                  settings.threads, settings.abort);
            pieces_ = coarse_pieces<N>(picture, channel, circles, parts_, passage, grids.coarse,
                                       settings.frame, settings.threads, settings.abort);
        }
        mark_patches();
    }

    void render(float* result) {
        const auto threads = static_cast<std::size_t>(settings_.threads);
        std::vector<Gathering> gatherings(threads);
        for (std::size_t i = 0; i < grids_.size(); ++i) {
            Grid& grid = grids_[i];
            parallel_for(static_cast<int>(grid.rows.size()), settings_.threads, settings_.abort,
                         [&](int row, int thread) {
                             Gathering& gathering = gatherings[static_cast<std::size_t>(thread)];
                             if (i == 0) {
                                 gather_row(row - grid.rows_before, gathering);
                             } else {
                                 gather_coarse_row(i, row, gathering);
                             }
                             sort_row(gathering, grid.rows[static_cast<std::size_t>(row)]);
                         });
        }
        const auto row_bytes = static_cast<int>(grids_[0].row_size<N>() * sizeof(double));
        const int band = std::clamp(kCellBytesPerBand / row_bytes, 1, kMostRowsPerBand);
        const int bands = (picture_.height + band - 1) / band;
        std::vector<Workspace> workspaces(threads);
        parallel_for(bands, settings_.threads, settings_.abort, [&](int i, int thread) {
            render_band(i * band, std::min(picture_.height, (i + 1) * band),
                        workspaces[static_cast<std::size_t>(thread)], result);
        });
    }

  private:
    // Which parts of a row's pixels are drawn on coarser grids; null: none.
    const float* parts(int y) const {
        return parts_.empty() ? nullptr : parts_.data() + picture_.index(0, y);
    }

    // Calls use(x, coc, left) for the pieces of a row of the coarse grid `i`, with what is left of
    // them there.
    template <typename Use>
    void each_piece(std::size_t i, int y, const Use& use) const {
        const CoarsePieces<N>& pieces = pieces_[i - 1];
        const auto row = static_cast<std::size_t>(y) * static_cast<std::size_t>(pieces.width);
        const float* const coc = pieces.coc.data() + row;
        const float* const parts = pieces.parts.empty() ? nullptr : pieces.parts.data() + row;
        for (int x = 0; x < pieces.width; ++x) {
            const float left = parts == nullptr ? 1.0f : 1.0f - parts[x];
            if (coc[x] != 0.0f && left > 0.0f) use(x, coc[x], left);
        }
    }

    void mark_patches() {
        SpanTable& table = grids_[0].table;
        std::vector<Buffer<std::int32_t>> scratch(
            static_cast<std::size_t>(settings_.threads),
            Buffer<std::int32_t>(static_cast<std::size_t>(picture_.width)));
        parallel_for(picture_.height, settings_.threads, settings_.abort, [&](int y, int thread) {
            std::int32_t* const slots = scratch[static_cast<std::size_t>(thread)].data();
            const float* const coc = circles_.coc.data() + picture_.index(0, y);
            const float* const coarse = parts(y);
            table.slots(y, coc, slots);
            for (int x = 0; x < picture_.width; ++x) {
                if (coarse != nullptr && coarse[x] == 1.0f) continue;
                if (std::fabs(coc[x]) > kSharp) table.mark(slots[x]);
            }
            for (const Lights::Light& light : lights(y)) {
                if (light.shares.ringed == 0.0f) continue;
                table.mark(table.slot(light.x, y, coc[light.x], Drawn::kFinely));
            }
            for (const auto* rows : {&circles_.front, &circles_.hidden}) {
                for (const Piece& piece : (*rows)[static_cast<std::size_t>(y)]) {
                    each_drawn(y, piece, [&](Drawn drawn, const Amount&) {
                        table.mark(table.slot(piece.x, y, piece.coc, drawn));
                    });
                }
            }
        });
        for (std::size_t i = 1; i < grids_.size(); ++i) {
            SpanTable& coarse = grids_[i].table;
            parallel_for(pieces_[i - 1].height, settings_.threads, settings_.abort,
                         [&](int y, int) {
                             each_piece(i, y, [&](int x, float coc, float) {
                                 coarse.mark(coarse.slot(x, y, coc, Drawn::kCoarsely));
                             });
                         });
        }
    }

    // The lights of a row that are drawn otherwise than what is around them.
    const std::vector<Lights::Light>& lights(int y) const {
        static const std::vector<Lights::Light> none;
        return grids_[0].table.tells_lights() ? lights_->row(y) : none;
    }

    // Calls use(drawn, amount) for the ways in which a piece of the picture's row y is drawn.
    template <typename Use>
    void each_drawn(int y, const Piece& piece, const Use& use) const {
        if (!grids_[0].table.tells_lights()) {
            use(Drawn::kCoarsely, Amount{1.0f, 1.0f});
            return;
        }
        const float brightness = piece.light[0] + piece.light[1] + piece.light[2];
        each_drawn(lights_->shares(piece.x, y, piece.coc, brightness).ringed, use);
    }
    // light: how far it is one.
    template <typename Use>
    static void each_drawn(float light, const Use& use) {
        use(Drawn::kCoarsely, Amount{1.0f - light, 1.0f});
        if (light > 0.0f) use(Drawn::kFinely, Amount{light, 0.0f});
    }

    // The parts of a row of the coarse grid `i`, from left to right.
    void gather_coarse_row(std::size_t i, int y, Gathering& gathering) const {
        gathering.parts.clear();
        gathering.dimmed.clear();
        const CoarsePieces<N>& pieces = pieces_[i - 1];
        const SpanTable& table = grids_[i].table;
        const int cell = pieces.cell;
        const Frame& frame = settings_.frame;
        // Whether the middle of a cell lies beyond the picture; both count half pixels.
        const auto outside = [cell](int at, int begin, int size) {
            const int middle = (2 * at + 1) * cell;
            return middle < 2 * begin || middle > 2 * (begin + size);
        };
        const bool upside_down = outside(pieces.y + y, frame.y, picture_.height);
        // Cells of the picture.
        const int first = (frame.x - pieces.x * cell) / cell;
        const int last = (frame.x + picture_.width - pieces.x * cell) / cell;
        const float* const values =
            pieces.values.data() +
            static_cast<std::size_t>(y) * static_cast<std::size_t>(pieces.width) * N;
        each_piece(i, y, [&](int x, float coc, float left) {
            const SpanTable::Entry& entry = table.entry(table.slot(x, y, coc, Drawn::kCoarsely));
            const int reach = entry.columns + 2;  // which making the cells fine widens
            if (x + reach < first || x - reach > last) return;
            const bool turned = outside(pieces.x + x, frame.x, picture_.width);
            const int mirrors = table.symmetric() ? 0 : (turned ? 1 : 0) + (upside_down ? 2 : 0);
            const float* const light = values + x * N;
            push(gathering, x, mirrors, layers_.share(coc), {left, left}, light[kLights<N>], light,
                 entry);
        });
    }

    // Adds the parts of a piece in its two layers.
    static void push(Gathering& gathering, int x, int mirrors, const Layers::Share& share,
                     const Amount& amount, float coverage, const float* light,
                     const SpanTable::Entry& entry) {
        const auto put = [&](int layer, float part) {
            gathering.parts.push_back({x, static_cast<std::int16_t>(layer),
                                       static_cast<std::int8_t>(mirrors), amount.times(part),
                                       coverage, light, entry});
        };
        if (share.next < 1.0f) put(share.layer, 1.0f - share.next);
        if (share.next > 0.0f) put(share.layer + 1, share.next);
    }

    // The parts of the row `y`, which may lie up to the margin outside of the picture, from left to
    // right.
    void gather_row(int y, Gathering& gathering) const {
        const SpanTable& table = grids_[0].table;
        gathering.parts.clear();
        gathering.dimmed.clear();
        const int width = picture_.width;
        const auto [inner_y, upside_down] = mirrored(y, picture_.height);
        const int outside_y = y < 0 ? -y : std::max(0, y - picture_.height + 1);
        const float* const coc = circles_.coc.data() + picture_.index(0, inner_y);
        gathering.shares.resize(static_cast<std::size_t>(width));
        gathering.slots.resize(static_cast<std::size_t>(width));
        Layers::Share* const shares = gathering.shares.data();
        std::int32_t* const slots = gathering.slots.data();
        const Layers layers = layers_;  // a copy, which writing shares cannot change
        for (int x = 0; x < width; ++x) shares[x] = layers.share(coc[x]);
        table.slots(inner_y, coc, slots);
        const float* const pixels = picture_.pixel(0, inner_y);
        Listed front(circles_.front[static_cast<std::size_t>(inner_y)]);
        Listed hidden(circles_.hidden[static_cast<std::size_t>(inner_y)]);
        Listed bright(lights(inner_y));
        Listed dimmed(surfaces_.dimmed[static_cast<std::size_t>(inner_y)]);
        const float* const coarse = parts(inner_y);
        const auto left = [coarse](int inner_x) {
            return coarse == nullptr ? 1.0f : 1.0f - coarse[inner_x];
        };
        const auto gather = [&](int x, int inner_x, bool turned) {
            const int outside_x = x < 0 ? -x : std::max(0, x - width + 1);
            const int mirrors = table.symmetric() ? 0 : (turned ? 1 : 0) + (upside_down ? 2 : 0);
            const Dimmed* dim = nullptr;
            if (outside_x > 0 || outside_y > 0) {
                dimmed.seek(inner_x);
                if (dimmed.here(inner_x)) dim = &dimmed.take();
            }
            const auto add = [&](float radius, const Layers::Share& share, std::int32_t slot,
                                 const Amount& amount, float coverage, const float* light) {
                const float reach = table.extent() * std::fabs(radius) + 1.0f;
                if (static_cast<float>(outside_x) > reach) return;
                const SpanTable::Entry& entry = table.entry(slot);
                if (outside_y > entry.rows) return;
                if (dim != nullptr) {
                    const float alpha = kLights<N> == 4 ? light[3] * dim->alpha : 0.0f;
                    light =
                        gathering.dimmed
                            .emplace_back(std::array{light[0] * dim->light, light[1] * dim->light,
                                                     light[2] * dim->light, alpha})
                            .data();
                }
                push(gathering, x, mirrors, share, amount, coverage, light + channel_, entry);
            };
            const auto add_piece = [&](const Piece& piece, float yields) {
                each_drawn(inner_y, piece, [&](Drawn drawn, const Amount& amount) {
                    add(piece.coc, layers_.share(piece.coc, yields),
                        table.slot(inner_x, inner_y, piece.coc, drawn), amount, piece.coverage,
                        piece.light.data());
                });
            };
            front.seek(inner_x);
            bright.seek(inner_x);
            const float light = bright.here(inner_x) ? bright.take().shares.ringed : 0.0f;
            if (front.here(inner_x)) {
                add_piece(front.take(), 0.0f);
            } else if (std::fabs(coc[inner_x]) > kSharp && left(inner_x) > 0.0f) {
                each_drawn(light, [&](Drawn drawn, const Amount& amount) {
                    const std::int32_t slot =
                        drawn == Drawn::kCoarsely
                            ? slots[inner_x]
                            : table.slot(inner_x, inner_y, coc[inner_x], drawn);
                    add(coc[inner_x], shares[inner_x], slot, amount.times(left(inner_x)), 1.0f,
                        pixels + inner_x * picture_.channels);
                });
            }
            hidden.seek(inner_x);
            while (hidden.here(inner_x)) {
                const Piece& piece = hidden.take();
                add_piece(piece, piece.yields);
            }
        };
        const auto gather_mirrored = [&](int begin, int end) {
            for (int x = begin; x < end; ++x) {
                const auto [inner_x, turned] = mirrored(x, width);
                gather(x, inner_x, turned);
            }
        };
        gather_mirrored(-table.margin(), 0);
        front.seek(0);
        hidden.seek(0);
        bright.seek(0);
        for (int x = 0; x < width; ++x) {
            // Most pixels are the picture's own, inside of it.
            const int end =
                outside_y > 0 ? x : std::min({width, front.next(), hidden.next(), bright.next()});
            for (; x < end; ++x) {
                if (std::fabs(coc[x]) <= kSharp || left(x) == 0.0f) continue;
                push(gathering, x, 0, shares[x], {left(x), left(x)}, 1.0f,
                     pixels + x * picture_.channels + channel_, table.entry(slots[x]));
            }
            if (x < width) gather(x, x, false);
        }
        gather_mirrored(width, width + table.margin());
    }

    // Orders the parts by layer and joins neighbours with the same patch to runs.
    void sort_row(Gathering& gathering, RowSamples& sorted) const {
        const std::vector<Gathering::Part>& parts = gathering.parts;
        std::vector<int>& ends = gathering.layer_ends;
        ends.assign(static_cast<std::size_t>(layers_.count() + 1), 0);
        for (const Gathering::Part& part : parts) ++ends[static_cast<std::size_t>(part.layer)];
        int sum = 0;
        for (int& end : ends) {
            const int count = end;
            end = sum;
            sum += count;
        }
        gathering.order.resize(parts.size());
        for (std::size_t i = 0; i < parts.size(); ++i) {
            int& next = ends[static_cast<std::size_t>(parts[i].layer)];
            gathering.order[static_cast<std::size_t>(next++)] = static_cast<int>(i);
        }
        gathering.runs.clear();
        gathering.segments.clear();
        sorted.values.resize(parts.size() * N);
        float* values = sorted.values.data();
        int at = 0;
        for (int layer = 0; layer <= layers_.count(); ++layer) {
            const int end = ends[static_cast<std::size_t>(layer)];
            if (at == end) continue;
            const auto begin = static_cast<int>(gathering.runs.size());
            Segment segment{layer,
                            begin,
                            begin,
                            0,
                            std::numeric_limits<int>::max(),
                            std::numeric_limits<int>::min()};
            Run run{};
            for (; at < end; ++at, values += N) {
                const Gathering::Part& part =
                    parts[static_cast<std::size_t>(gathering.order[static_cast<std::size_t>(at)])];
                for (int c = 0; c < std::min(3, kLights<N>); ++c) {
                    values[c] = part.amount.light * part.light[c];
                }
                if (kLights<N> == 4) values[3] = part.amount.cover * part.light[3];
                values[kLights<N>] = part.amount.cover * part.coverage;
                for (int c = kLights<N> + 1; c < N; ++c) values[c] = 0.0f;
                const SpanTable::Entry& entry = part.entry;
                segment.reach = std::max<int>(segment.reach, entry.rows);
                segment.left = std::min(segment.left, part.x - entry.columns);
                segment.right = std::max(segment.right, part.x + entry.columns + 1);
                if (run.patch == entry.patch && run.x + run.count == part.x && run.count > 0 &&
                    run.count < Run::kMost && (run.mirrored | part.mirrored) == 0) {
                    ++run.count;
                    continue;
                }
                if (run.count > 0) gathering.runs.push_back(run);
                run = {part.x, at, entry.patch, entry.rows, 1, part.mirrored};
            }
            gathering.runs.push_back(run);
            segment.end = static_cast<int>(gathering.runs.size());
            gathering.segments.push_back(segment);
        }
        sorted.runs.assign(gathering.runs.begin(), gathering.runs.end());
        sorted.segments.assign(gathering.segments.begin(), gathering.segments.end());
    }

    void render_band(int begin, int end, Workspace& space, float* result) const {
        space.state.resize(static_cast<std::size_t>(picture_.width) *
                           static_cast<std::size_t>(end - begin));
        for (int y = begin; y < end; ++y) start_row(y, state_row(space, y - begin));
        start_grids(begin, end, space);
        const SpanTable& table = grids_[0].table;
        Workspace::Rows& rows = space.grids[0];
        for (int layer = 0; layer <= layers_.count(); ++layer) {
            for (std::size_t i = grids_.size(); i-- > 0;) {
                scatter_layer(grids_[i], layer, space, space.grids[i]);
                if (i + 1 < grids_.size()) refine(i, space);
            }
            for (int y = begin; y < end; ++y) {
                Workspace::Columns& columns = rows.touched_at(y);
                if (columns.empty()) continue;
                kernels<N>().composite(rows.row(y, grids_[0].row_size<N>()), columns.begin,
                                       columns.end, table.pad(), picture_.width, layer,
                                       state_row(space, y - begin));
                columns = {};
            }
        }
        for (int y = begin; y < end; ++y) finish_row(y, state_row(space, y - begin), result);
    }

    // Each grid's rows that the band's lie between.
    void start_grids(int begin, int end, Workspace& space) const {
        space.grids.resize(grids_.size());
        for (std::size_t i = 0; i < grids_.size(); ++i) {
            const Grid& grid = grids_[i];
            Workspace::Rows& rows = space.grids[i];
            rows.begin = begin;
            rows.end = end;
            const auto count = static_cast<std::size_t>(end - begin);
            rows.cells.resize(grid.row_size<N>() * count);
            rows.touched.assign(count, {});
            rows.next_segment.assign(count + 2 * static_cast<std::size_t>(grid.table.margin()), 0);
            if (i + 1 == grids_.size()) break;
            const int coarser = grids_[i + 1].place.y;
            begin = ((begin + grid.place.y - 1) >> 1) - coarser;
            end = ((end + grid.place.y) >> 1) + 1 - coarser;
        }
    }

    // Adds the cells of the grid `i` + 1 to those of the grid `i`, and clears them.
    void refine(std::size_t i, Workspace& space) const {
        const Grid& grid = grids_[i];
        const Grid& coarse = grids_[i + 1];
        Workspace::Rows& rows = space.grids[i];
        Workspace::Rows& from = space.grids[i + 1];
        const std::size_t size = coarse.row_size<N>();
        // A column c of coarse cells, counted from their first as `touched` is, is the columns
        // 2 c + shift and the next one here.
        const int shift =
            2 * (coarse.place.x - coarse.table.pad()) - (grid.place.x - grid.table.pad());
        for (int y = rows.begin; y < rows.end; ++y) {
            const int at = y + grid.place.y;
            const int near = (at >> 1) - coarse.place.y;
            const int far = at % 2 == 0 ? near - 1 : near + 1;
            Workspace::Columns columns = from.touched_at(near);
            columns.add(from.touched_at(far).begin, from.touched_at(far).end);
            if (columns.empty()) continue;
            double* const to = rows.row(y, grid.row_size<N>());
            kernels<N>().refine(from.row(near, size), from.row(far, size), columns.begin,
                                columns.end, to + static_cast<std::ptrdiff_t>(shift) * N);
            rows.touched_at(y).add(2 * (columns.begin - 1) + shift, 2 * columns.end + shift);
        }
        for (int y = from.begin; y < from.end; ++y) {
            Workspace::Columns& columns = from.touched_at(y);
            if (columns.empty()) continue;
            double* const row = from.row(y, size);
            std::fill(row + columns.begin * N, row + columns.end * N, 0.0);
            columns = {};
        }
    }

    void scatter_layer(const Grid& grid, int layer, Workspace& space, Workspace::Rows& rows) const {
        const SpanTable& table = grid.table;
        const int first = rows.begin - table.margin();
        space.sources.clear();
        for (int y = std::max(first, -grid.rows_before); y < rows.end + table.margin(); ++y) {
            const auto row = static_cast<std::size_t>(y + grid.rows_before);
            if (row >= grid.rows.size()) break;
            const RowSamples& samples = grid.rows[row];
            std::size_t& at = rows.next_segment[static_cast<std::size_t>(y - first)];
            if (at >= samples.segments.size() || samples.segments[at].layer != layer) continue;
            const Segment& segment = samples.segments[at++];
            const int from = std::max(rows.begin, y - segment.reach);
            const int to = std::min(rows.end, y + segment.reach + 1);
            if (from >= to) continue;
            const Run* const runs = samples.runs.data();
            space.sources.push_back(
                {y - rows.begin, samples.values.data(), runs + segment.begin, runs + segment.end});
            for (int k = from; k < to; ++k) {
                rows.touched_at(k).add(segment.left + table.pad(), segment.right + table.pad());
            }
        }
        scatter({rows.cells.data(), rows.count(), table.stride(), table.pad()}, table,
                space.sources);
    }

    // A few columns of all rows in turn, so that the cells of their patches' ends stay in the
    // first-level cache.
    void scatter(const Band& band, const SpanTable& table,
                 std::vector<Workspace::Source>& sources) const {
        const int first = -table.margin();
        int next = std::numeric_limits<int>::max();  // where there is anything to scatter
        for (const Workspace::Source& source : sources) next = std::min(next, source.next->x);
        while (!sources.empty()) {
            check(settings_.abort);
            const int limit = first + ((next - first) / kColumnsAtOnce + 1) * kColumnsAtOnce;
            next = std::numeric_limits<int>::max();
            std::size_t left = 0;
            for (std::size_t i = 0; i < sources.size(); ++i) {
                // A row's few numbers are too short a way for the processor to see them coming.
                if (i + kAhead < sources.size()) fetch(sources[i + kAhead]);
                Workspace::Source& source = sources[i];
                const Run* end = source.next;
                while (end != source.end && end->x < limit) ++end;
                if (end != source.next) {
                    kernels<N>().scatter(band, source.row, source.values, source.next,
                                         static_cast<int>(end - source.next), table.patches());
                }
                source.next = end;
                if (end == source.end) continue;
                next = std::min(next, end->x);
                sources[left++] = source;
            }
            sources.resize(left);
        }
    }

    static void fetch(const Workspace::Source& source) {
        constexpr std::size_t kLine = 64;
        const auto* const values = reinterpret_cast<const char*>(
            source.values + static_cast<std::ptrdiff_t>(source.next->begin) * N);
        for (std::size_t at = 0; at <= kColumnsAtOnce * N * sizeof(float); at += kLine) {
            __builtin_prefetch(values + at);
        }
        __builtin_prefetch(source.next + kLine / sizeof(Run));
    }

    PixelState* state_row(Workspace& space, int row) const {
        return space.state.data() + static_cast<std::ptrdiff_t>(row) * picture_.width;
    }

    void start_row(int y, PixelState* pixels) const {
        const auto sharp_layer = static_cast<std::int16_t>(layers_.layer(kInFrontOfSharp));
        const std::size_t begin = picture_.index(0, y);
        constexpr int kAtOnce = 64;
        std::array<std::int16_t, kAtOnce> last;
        for (int from = 0; from < picture_.width; from += kAtOnce) {
            const int count = std::min(kAtOnce, picture_.width - from);
            for (int i = 0; i < count; ++i) {
                const std::size_t at = begin + static_cast<std::size_t>(from + i);
                last[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(
                    layers_.layer(surfaces_.backdrop(at, circles_.coc[at])) + 1);
            }
            for (int i = 0; i < count; ++i) {
                pixels[from + i] = {{}, 1.0f, 0.0f, 0.0f, 0, last[static_cast<std::size_t>(i)]};
            }
        }
        each_sharp(y, [&](int x) { pixels[x].last = sharp_layer; });
    }

    // Calls use(x) for the pixels of a row that are in focus and show one surface.
    template <typename Use>
    void each_sharp(int y, const Use& use) const {
        Listed front(circles_.front[static_cast<std::size_t>(y)]);
        for (int x = 0; x < picture_.width; ++x) {
            if (std::fabs(circles_.coc[picture_.index(x, y)]) > kSharp) continue;
            front.seek(x);
            if (!front.here(x)) use(x);
        }
    }

    void finish_row(int y, const PixelState* pixels, float* result) const {
        const auto channels = static_cast<std::size_t>(picture_.channels);
        float* row = result + picture_.index(0, y) * channels;
        const float* const sources = picture_.pixel(0, y);
        for (std::size_t x = 0; x < static_cast<std::size_t>(picture_.width); ++x) {
            const float* source = sources + x * channels;
            const PixelState& pixel = pixels[x];
            // A ring's patch leaves its own pixel empty: where nothing else lands, the source
            // stays.
            const float own = std::max(0.0f, kUncovered - pixel.shown);
            const float shown = pixel.shown + own;
            float* out = row + x * channels;
            for (std::size_t c = 0; c < kLights<N>; ++c) {
                out[channel_ + c] = (pixel.light[c] + own * source[channel_ + c]) / shown;
            }
            if (kLights<N> == 3 && channels == 4) out[3] = 1.0f;
        }
        each_sharp(y, [&](int x) {
            const float* source = picture_.pixel(x, y);
            const PixelState& pixel = pixels[x];
            const float free = std::max(0.0f, 1.0f - pixel.shown);
            for (std::size_t c = 0; c < kLights<N>; ++c) {
                const float own = source[channel_ + c];
                row[static_cast<std::size_t>(x) * channels + channel_ + c] =
                    pixel.shown == 0.0f ? own : pixel.light[c] + free * own;
            }
        });
    }

    const Picture& picture_;
    std::size_t channel_;
    const Surfaces& surfaces_;
    const Circles& circles_;
    const std::optional<Lights>& lights_;  // where anything is drawn otherwise than they
    const Settings& settings_;
    Layers layers_;
    std::vector<Grid>& grids_;
    Buffer<float> parts_;                  // empty: nothing passes to coarser grids
    std::vector<CoarsePieces<N>> pieces_;  // of the coarser grids, the finest first
};

// largest: radius of any colour.
template <int N>
void render(const Picture& picture, const Surfaces& surfaces, const ApertureShape& shape,
            const Settings& settings, float largest, float* result) {
    const int threads = settings.threads;
    const AbortFlag* const abort = settings.abort;
    const Passage passage(shape, settings.frame);
    KeptGrids kept(picture, shape, passage, settings, largest);
    Grids& grids = *kept;
    std::optional<Lights> lights;
    if (!grids.coarse.empty() || grids.all[0].table.tells_lights()) {
        lights.emplace(picture, surfaces.circles.coc, passage, settings.frame, threads, abort);
    }
    const auto shift = static_cast<float>(shape.chromatic);
    // Colours whose circles differ are rendered one by one; opacity goes with green.
    std::optional<Renderer<N>> whole;
    std::deque<Circles> circles;
    std::deque<Renderer<2>> colours;
    const auto add = [&](std::size_t channel, const Circles& own) {
        colours.emplace_back(picture, channel, surfaces, own, lights, passage, settings, largest,
                             grids);
    };
    if (shift == 0.0f || N == 8) {
        whole.emplace(picture, 0, surfaces, surfaces.circles, lights, passage, settings, largest,
                      grids);
    } else {
        add(1, surfaces.circles);
    }
    if (shift != 0.0f) {
        for (const std::size_t channel : {0, 2}) {
            circles.push_back(
                refocused(surfaces.circles, channel == 0 ? shift : -shift, threads, abort));
            add(channel, circles.back());
        }
    }
    grids.build_patches(threads, abort);
    if (whole) whole->render(result);
    for (Renderer<2>& colour : colours) colour.render(result);
    if (!whole && picture.channels == 4) {
        const std::size_t end = 4 * picture.index(0, picture.height);
        for (std::size_t i = 3; i < end; i += 4) result[i] = 1.0f;
    }
    kept.keep();
}

}  // namespace

void defocus(const Picture& given, const ApertureShape& shape, const Settings& settings,
             float* result) {
    Survey seen = survey(given, settings);
    Picture picture = given;
    picture.brightness = seen.brightness.data();
    std::vector<float> limited;
    if (seen.largest > kMaxRadius) {
        limited.assign(given.coc, given.coc + given.index(0, given.height));
        for (float& coc : limited) coc = std::clamp(coc, -kMaxRadius, kMaxRadius);
        picture.coc = limited.data();
        seen.largest = kMaxRadius;
    }
    const float of_any_colour =
        seen.largest * (1.0f + std::fabs(static_cast<float>(shape.chromatic)));
    const auto reach = static_cast<int>(std::ceil(of_any_colour * largest_stretch(shape)));
    const Surfaces surfaces =
        find_surfaces(picture, settings.refine_edges, reach, settings.threads, settings.abort);
    picture.rows = surfaces.rows.data();
    const float largest = std::min(kMaxRadius, of_any_colour);
    if (seen.opaque) {
        render<4>(picture, surfaces, shape, settings, largest, result);
    } else {
        render<8>(picture, surfaces, shape, settings, largest, result);
    }
}

}  // namespace synthetic_focus
