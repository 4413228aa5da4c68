#include "synthetic_focus/defocus.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <deque>

#include "synthetic_focus/kernels.h"
#include "synthetic_focus/layers.h"
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
constexpr int kColumnsAtOnce = 32;

// The index in [0, size) that a mirrored picture shows at `i`. Mirrored borders do not darken.
struct Mirrored {
    int at;
    bool turned;  // left is right there
};
Mirrored mirrored(int i, int size) {
    const int period = 2 * size;
    const int at = ((i % period) + period) % period;
    return at < size ? Mirrored{at, false} : Mirrored{period - 1 - at, true};
}

struct Survey {
    bool opaque = true;
    float largest = 0.0f;  // radius as given
};

// Looks at every input pixel once: is it a number, is it opaque, how large do circles get?
Survey survey(const Picture& picture, const Settings& settings) {
    std::vector<Survey> parts(static_cast<std::size_t>(settings.threads));
    parallel_for(picture.height, settings.threads, settings.abort, [&](int y, int thread) {
        Survey& seen = parts[static_cast<std::size_t>(thread)];
        for (int x = 0; x < picture.width; ++x) {
            const float* pixel = picture.pixel(x, y);
            for (int c = 0; c < picture.channels; ++c) {
                if (!std::isfinite(pixel[c])) throw BadPixel("image", x, y, pixel[c]);
            }
            const float coc = picture.coc[picture.index(x, y)];
            if (!std::isfinite(coc)) throw BadPixel("coc", x, y, coc);
            if (picture.channels == 4 && pixel[3] != 1.0f) seen.opaque = false;
            seen.largest = std::max(seen.largest, std::fabs(coc));
        }
    });
    Survey all;
    for (const Survey& part : parts) {
        all.opaque = all.opaque && part.opaque;
        all.largest = std::max(all.largest, part.largest);
    }
    return all;
}

struct Segment {
    int layer;
    int begin;  // of its runs
    int end;
    int reach;  // rows above and below
    int left;   // columns that its patches touch
    int right;
};

// The blurred pieces of one row, layer by layer.
struct RowSamples {
    std::vector<float> values;
    std::vector<Run> runs;
    std::vector<Segment> segments;  // nearest layer first
};

// What gathering a row needs, kept from row to row.
struct Gathering {
    struct Part {
        int x;
        std::int16_t layer;
        std::int8_t mirrored;
        float share;
        float coverage;
        const float* light;
        SpanTable::Entry entry;
    };
    std::vector<Part> parts;                  // from left to right
    std::deque<std::array<float, 4>> dimmed;  // light that they have instead of the picture's
    std::vector<int> order;                   // of the parts, by layer and x
    std::vector<int> layer_ends;              // where each layer's parts end in that order
};

// What rendering a band needs, kept from band to band.
struct Workspace {
    struct Columns {
        int begin;
        int end;
    };
    // The runs of a row that belong to one layer.
    struct Source {
        int row;  // counted from the band's first
        const float* values;
        const Run* next;
        const Run* end;
    };
    std::vector<double> cells;  // all zero between layers
    std::vector<PixelState> state;
    std::vector<std::size_t> next_segment;  // by source row
    std::vector<Source> sources;            // of the present layer
    std::vector<Columns> touched;           // by row of the band, counted from its first cell
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
    const Item& take() { return *at_++; }

  private:
    typename std::vector<Item>::const_iterator at_;
    const std::vector<Item>& row_;
};

Sampling sampling(Quality quality) {
    switch (quality) {
        case Quality::kDraft:
            return {{1.0, 1}, 8};
        case Quality::kNormal:
            return {{1.5, 4}, 8};
        case Quality::kBest:
            return {{0.5, 16}, 10};
    }
    return {{1.5, 4}, 8};
}

template <int N>
class Renderer {
  public:
    Renderer(const Picture& picture, const Surfaces& surfaces, const ApertureShape& shape,
             const Settings& settings, float largest)
        : picture_(picture),
          surfaces_(surfaces),
          settings_(settings),
          layers_(largest),
          table_(shape, settings.frame, sampling(settings.quality), largest, picture.width) {
        parallel_for(picture.height, settings.threads, settings.abort, [&](int y, int) {
            for (int x = 0; x < picture.width; ++x) {
                const float coc = surfaces.coc[picture.index(x, y)];
                if (std::fabs(coc) > kSharp) table_.mark(x, y, coc);
            }
            for (const auto* rows : {&surfaces.front, &surfaces.hidden}) {
                for (const Piece& piece : (*rows)[static_cast<std::size_t>(y)]) {
                    table_.mark(piece.x, y, piece.coc);
                }
            }
        });
        table_.build(settings.threads, settings.abort);
    }

    void render(float* result) {
        const int margin = table_.margin();
        rows_.resize(static_cast<std::size_t>(picture_.height + 2 * margin));
        const auto threads = static_cast<std::size_t>(settings_.threads);
        std::vector<Gathering> gatherings(threads);
        parallel_for(static_cast<int>(rows_.size()), settings_.threads, settings_.abort,
                     [&](int row, int thread) {
                         Gathering& gathering = gatherings[static_cast<std::size_t>(thread)];
                         gather_row(row - margin, gathering);
                         sort_row(gathering, rows_[static_cast<std::size_t>(row)]);
                     });
        const int row_bytes = table_.stride() * N * static_cast<int>(sizeof(double));
        const int band = std::clamp(kCellBytesPerBand / row_bytes, 1, kMostRowsPerBand);
        const int bands = (picture_.height + band - 1) / band;
        std::vector<Workspace> workspaces(threads);
        parallel_for(bands, settings_.threads, settings_.abort, [&](int i, int thread) {
            render_band(i * band, std::min(picture_.height, (i + 1) * band),
                        workspaces[static_cast<std::size_t>(thread)], result);
        });
    }

  private:
    static constexpr int kLightChannels = N == 4 ? 3 : 4;

    const RowSamples& row(int y) const {
        return rows_[static_cast<std::size_t>(y + table_.margin())];
    }

    // The parts of the row `y`, which may lie up to the margin outside of the picture, from left to
    // right.
    void gather_row(int y, Gathering& gathering) const {
        gathering.parts.clear();
        gathering.dimmed.clear();
        const auto [inner_y, upside_down] = mirrored(y, picture_.height);
        const int outside_y = y < 0 ? -y : std::max(0, y - picture_.height + 1);
        Listed front(surfaces_.front[static_cast<std::size_t>(inner_y)]);
        Listed hidden(surfaces_.hidden[static_cast<std::size_t>(inner_y)]);
        Listed dimmed(surfaces_.dimmed[static_cast<std::size_t>(inner_y)]);
        const auto gather = [&](int x, int inner_x, bool turned) {
            const int outside_x = x < 0 ? -x : std::max(0, x - picture_.width + 1);
            const int mirrors = table_.symmetric() ? 0 : (turned ? 1 : 0) + (upside_down ? 2 : 0);
            const Dimmed* dim = nullptr;
            if (outside_x > 0 || outside_y > 0) {
                dimmed.seek(inner_x);
                if (dimmed.here(inner_x)) dim = &dimmed.take();
            }
            const auto add = [&](float coc, float coverage, const float* light, float yields) {
                if (static_cast<float>(outside_x) > table_.extent() * std::fabs(coc) + 1.0f) return;
                const SpanTable::Entry& entry = table_.entry(inner_x, inner_y, coc);
                if (outside_y > entry.rows) return;
                const Layers::Share share = layers_.share(coc, yields);
                if (dim != nullptr) {
                    const float alpha = kLightChannels == 4 ? light[3] * dim->alpha : 0.0f;
                    light =
                        gathering.dimmed
                            .emplace_back(std::array{light[0] * dim->light, light[1] * dim->light,
                                                     light[2] * dim->light, alpha})
                            .data();
                }
                const auto push = [&](int layer, float part) {
                    gathering.parts.push_back({x, static_cast<std::int16_t>(layer),
                                               static_cast<std::int8_t>(mirrors), part, coverage,
                                               light, entry});
                };
                if (share.next < 1.0f) push(share.layer, 1.0f - share.next);
                if (share.next > 0.0f) push(share.layer + 1, share.next);
            };
            front.seek(inner_x);
            if (front.here(inner_x)) {
                const Piece& piece = front.take();
                add(piece.coc, piece.coverage, piece.light, 0.0f);
            } else {
                const float coc = surfaces_.coc[picture_.index(inner_x, inner_y)];
                if (std::fabs(coc) > kSharp) add(coc, 1.0f, picture_.pixel(inner_x, inner_y), 0.0f);
            }
            hidden.seek(inner_x);
            while (hidden.here(inner_x)) {
                const Piece& piece = hidden.take();
                add(piece.coc, piece.coverage, piece.light, piece.yields);
            }
        };
        const auto gather_mirrored = [&](int begin, int end) {
            for (int x = begin; x < end; ++x) {
                const auto [inner_x, turned] = mirrored(x, picture_.width);
                gather(x, inner_x, turned);
            }
        };
        gather_mirrored(-table_.margin(), 0);
        for (int x = 0; x < picture_.width; ++x) gather(x, x, false);
        gather_mirrored(picture_.width, picture_.width + table_.margin());
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
        sorted.values.resize(parts.size() * N);
        float* values = sorted.values.data();
        for (std::size_t i = 0; i < parts.size(); ++i, values += N) {
            const Gathering::Part& part = parts[static_cast<std::size_t>(gathering.order[i])];
            for (int c = 0; c < kLightChannels; ++c) values[c] = part.share * part.light[c];
            values[kLightChannels] = part.share * part.coverage;
            const SpanTable::Entry& entry = part.entry;
            const bool same_layer =
                !sorted.segments.empty() && sorted.segments.back().layer == part.layer;
            if (!same_layer) {
                const int begin = static_cast<int>(sorted.runs.size());
                sorted.segments.push_back({part.layer, begin, begin, 0, part.x, part.x});
            }
            Segment& segment = sorted.segments.back();
            segment.reach = std::max<int>(segment.reach, entry.rows);
            segment.left = std::min(segment.left, part.x - entry.columns);
            segment.right = std::max(segment.right, part.x + entry.columns + 1);
            Run* run = same_layer ? &sorted.runs.back() : nullptr;
            if (run != nullptr && run->patch == entry.patch && run->x + run->count == part.x &&
                run->count < Run::kMost && (run->mirrored | part.mirrored) == 0) {
                ++run->count;
                continue;
            }
            sorted.runs.push_back(
                {part.x, static_cast<int>(i), entry.patch, entry.rows, 1, part.mirrored});
            ++segment.end;
        }
    }

    void render_band(int begin, int end, Workspace& space, float* result) const {
        const int width = picture_.width;
        const int height = end - begin;
        const auto row_cells = static_cast<std::size_t>(table_.stride()) * N;
        space.cells.resize(row_cells * static_cast<std::size_t>(height));
        space.state.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
        space.touched.resize(static_cast<std::size_t>(height));
        for (int y = begin; y < end; ++y) start_row(y, state_row(space, y - begin));
        const Band band{space.cells.data(), height, table_.stride(), table_.pad()};
        const int first_row = begin - table_.margin();
        const int last_row = end + table_.margin();
        space.next_segment.assign(static_cast<std::size_t>(last_row - first_row), 0);
        for (int layer = 0; layer <= layers_.count(); ++layer) {
            std::fill(space.touched.begin(), space.touched.end(),
                      Workspace::Columns{table_.stride(), 0});
            space.sources.clear();
            for (int y = first_row; y < last_row; ++y) {
                const RowSamples& samples = row(y);
                std::size_t& at = space.next_segment[static_cast<std::size_t>(y - first_row)];
                if (at >= samples.segments.size() || samples.segments[at].layer != layer) continue;
                const Segment& segment = samples.segments[at++];
                const int from = std::max(begin, y - segment.reach);
                const int to = std::min(end, y + segment.reach + 1);
                if (from >= to) continue;
                const Run* const runs = samples.runs.data();
                space.sources.push_back(
                    {y - begin, samples.values.data(), runs + segment.begin, runs + segment.end});
                for (int k = from - begin; k < to - begin; ++k) {
                    Workspace::Columns& columns = space.touched[static_cast<std::size_t>(k)];
                    columns.begin = std::min(columns.begin, segment.left + band.pad);
                    columns.end = std::max(columns.end, segment.right + band.pad);
                }
            }
            scatter(band, space.sources);
            for (int k = 0; k < height; ++k) {
                const Workspace::Columns& columns = space.touched[static_cast<std::size_t>(k)];
                if (columns.begin >= columns.end) continue;
                kernels<N>().composite(band.cells + static_cast<std::size_t>(k) * row_cells,
                                       columns.begin, columns.end, band.pad, width, layer,
                                       state_row(space, k));
            }
        }
        for (int y = begin; y < end; ++y) finish_row(y, state_row(space, y - begin), result);
    }

    // A few columns of all rows in turn, so that the cells of their patches' ends stay in the
    // first-level cache.
    void scatter(const Band& band, std::vector<Workspace::Source>& sources) const {
        for (int limit = -table_.margin() + kColumnsAtOnce; !sources.empty();
             limit += kColumnsAtOnce) {
            check(settings_.abort);
            std::size_t left = 0;
            for (Workspace::Source& source : sources) {
                const Run* end = source.next;
                while (end != source.end && end->x < limit) ++end;
                if (end != source.next) {
                    kernels<N>().scatter(band, source.row, source.values, source.next,
                                         static_cast<int>(end - source.next), table_.patches());
                }
                source.next = end;
                if (end != source.end) sources[left++] = source;
            }
            sources.resize(left);
        }
    }

    PixelState* state_row(Workspace& space, int row) const {
        return space.state.data() + static_cast<std::ptrdiff_t>(row) * picture_.width;
    }

    void start_row(int y, PixelState* pixels) const {
        const auto sharp_layer = static_cast<std::int16_t>(layers_.layer(kInFrontOfSharp));
        for (int x = 0; x < picture_.width; ++x) {
            const int last = layers_.layer(surfaces_.backdrop(picture_.index(x, y))) + 1;
            pixels[x] = {{}, 1.0f, 0.0f, 0.0f, 0, static_cast<std::int16_t>(last)};
        }
        each_sharp(y, [&](int x) { pixels[x].last = sharp_layer; });
    }

    // Calls use(x) for the pixels of a row that are in focus and show one surface.
    template <typename Use>
    void each_sharp(int y, const Use& use) const {
        Listed front(surfaces_.front[static_cast<std::size_t>(y)]);
        for (int x = 0; x < picture_.width; ++x) {
            if (std::fabs(surfaces_.coc[picture_.index(x, y)]) > kSharp) continue;
            front.seek(x);
            if (!front.here(x)) use(x);
        }
    }

    void finish_row(int y, const PixelState* pixels, float* result) const {
        const auto channels = static_cast<std::size_t>(picture_.channels);
        float* row = result + picture_.index(0, y) * channels;
        for (int x = 0; x < picture_.width; ++x) {
            const float* source = picture_.pixel(x, y);
            const PixelState& pixel = pixels[x];
            float* out = row + static_cast<std::size_t>(x) * channels;
            out[channels - 1] = 1.0f;
            // A ring's patch leaves its own pixel empty: where nothing else lands, the source
            // stays.
            const float own = std::max(0.0f, kUncovered - pixel.shown);
            for (std::size_t c = 0; c < kLightChannels; ++c) {
                out[c] = (pixel.light[c] + own * source[c]) / (pixel.shown + own);
            }
        }
        each_sharp(y, [&](int x) {
            const float* source = picture_.pixel(x, y);
            const PixelState& pixel = pixels[x];
            const float free = std::max(0.0f, 1.0f - pixel.shown);
            for (std::size_t c = 0; c < kLightChannels; ++c) {
                row[static_cast<std::size_t>(x) * channels + c] =
                    pixel.shown == 0.0f ? source[c] : pixel.light[c] + free * source[c];
            }
        });
    }

    const Picture& picture_;
    const Surfaces& surfaces_;
    const Settings& settings_;
    Layers layers_;
    SpanTable table_;
    std::vector<RowSamples> rows_;
};

void render(const Picture& picture, const Surfaces& surfaces, const ApertureShape& shape,
            const Settings& settings, const Survey& seen, float* result) {
    if (seen.opaque) {
        Renderer<4>(picture, surfaces, shape, settings, seen.largest).render(result);
    } else {
        Renderer<8>(picture, surfaces, shape, settings, seen.largest).render(result);
    }
}

// The same surfaces for light whose circles of confusion are larger behind the focal plane by
// `part`, and smaller in front of it.
Surfaces refocused(const Surfaces& surfaces, float part) {
    Surfaces result = surfaces;
    const auto refocus = [part](float& coc) {
        coc = std::clamp(coc + part * std::fabs(coc), -kMaxRadius, kMaxRadius);
    };
    for (float& coc : result.coc) refocus(coc);
    for (auto* rows : {&result.front, &result.hidden}) {
        for (std::vector<Piece>& row : *rows) {
            for (Piece& piece : row) refocus(piece.coc);
        }
    }
    return result;
}

}  // namespace

void defocus(const Picture& given, const ApertureShape& shape, const Settings& settings,
             float* result) {
    Survey seen = survey(given, settings);
    Picture picture = given;
    std::vector<float> limited;
    if (seen.largest > kMaxRadius) {
        limited.assign(given.coc, given.coc + given.index(0, given.height));
        for (float& coc : limited) coc = std::clamp(coc, -kMaxRadius, kMaxRadius);
        picture.coc = limited.data();
        seen.largest = kMaxRadius;
    }
    const auto reach =
        static_cast<int>(std::ceil(seen.largest * largest_stretch(shape) *
                                   (1.0f + std::fabs(static_cast<float>(shape.chromatic)))));
    const Surfaces surfaces =
        find_surfaces(picture, settings.refine_edges, reach, settings.threads, settings.abort);
    picture.rows = surfaces.rows.data();
    if (shape.chromatic == 0.0) {
        render(picture, surfaces, shape, settings, seen, result);
        return;
    }
    const auto part = static_cast<float>(shape.chromatic);
    const auto channels = static_cast<std::size_t>(picture.channels);
    const std::size_t size = picture.index(0, picture.height) * channels;
    seen.largest = std::min(kMaxRadius, seen.largest * (1.0f + std::fabs(part)));
    render(picture, surfaces, shape, settings, seen, result);  // green, and alpha
    std::vector<float> other(size);
    for (const auto& [channel, shift] : {std::pair<std::size_t, float>{0, part}, {2, -part}}) {
        render(picture, refocused(surfaces, shift), shape, settings, seen, other.data());
        for (std::size_t i = channel; i < size; i += channels) result[i] = other[i];
    }
}

}  // namespace synthetic_focus
