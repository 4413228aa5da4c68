#include "synthetic_focus/defocus.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "synthetic_focus/kernels.h"
#include "synthetic_focus/layers.h"
#include "synthetic_focus/span_table.h"
#include "synthetic_focus/surfaces.h"

namespace synthetic_focus {
namespace {

// Layers in front of this circle of confusion can hide a sharp pixel.
constexpr float kInFrontOfSharp = -1.0f;
constexpr float kUncovered = 1e-3f;
constexpr int kCellBytesPerBand = 512 * 1024;  // half of a usual second-level cache

// The index in [0, size) that a mirrored picture shows at `i`. Mirrored borders neither darken nor
// lose light.
int mirrored(int i, int size) {
    const int period = 2 * size;
    const int at = ((i % period) + period) % period;
    return at < size ? at : period - 1 - at;
}

struct Survey {
    bool opaque = true;
    float largest = 0.0f;  // radius
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
            seen.largest = std::max(seen.largest, std::fabs(picture.radius(x, y)));
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
    int reach;
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
        int layer;
        int x;
        SpanTable::Entry entry;
        float values[8];
    };
    std::vector<Part> parts;
    std::vector<int> order;       // of the parts, by layer and x
    std::vector<int> layer_ends;  // where each layer's parts end in that order
};

EdgeSampling edge_sampling(Quality quality) {
    switch (quality) {
        case Quality::kDraft:
            return {1.0, 1};
        case Quality::kNormal:
            return {1.5, 4};
        case Quality::kBest:
            return {0.5, 16};
    }
    return {1.5, 4};
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
          table_(shape, settings.frame, edge_sampling(settings.quality), largest),
          margin_(static_cast<int>(std::ceil(largest * table_.extent())) + 1) {
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
        const int rows = picture_.height + 2 * margin_;
        rows_.resize(static_cast<std::size_t>(rows));
        std::vector<Gathering> gatherings(static_cast<std::size_t>(settings_.threads));
        parallel_for(rows, settings_.threads, settings_.abort, [&](int row, int thread) {
            Gathering& gathering = gatherings[static_cast<std::size_t>(thread)];
            gather_row(row - margin_, gathering);
            sort_row(gathering, rows_[static_cast<std::size_t>(row)]);
        });
        const int row_bytes = (picture_.width + 2) * N * static_cast<int>(sizeof(double));
        const int band = std::clamp(kCellBytesPerBand / row_bytes, 1, 16);
        const int bands = (picture_.height + band - 1) / band;
        parallel_for(bands, settings_.threads, settings_.abort, [&](int i, int) {
            render_band(i * band, std::min(picture_.height, (i + 1) * band), result);
        });
    }

  private:
    static constexpr int kLightChannels = N == 4 ? 3 : 4;

    const RowSamples& row(int y) const { return rows_[static_cast<std::size_t>(y + margin_)]; }

    // The parts of the row `y`, which may lie up to the margin outside of the picture, from left to
    // right.
    void gather_row(int y, Gathering& gathering) const {
        gathering.parts.clear();
        const int inner_y = mirrored(y, picture_.height);
        const int outside_y = y < 0 ? -y : std::max(0, y - picture_.height + 1);
        const std::vector<Piece>& front = surfaces_.front[static_cast<std::size_t>(inner_y)];
        const std::vector<Piece>& hidden = surfaces_.hidden[static_cast<std::size_t>(inner_y)];
        const auto before = [](const Piece& piece, int column) { return piece.x < column; };
        auto front_piece = front.begin();
        auto hidden_piece = hidden.begin();
        int last_inner = -1;
        for (int x = -margin_; x < picture_.width + margin_; ++x) {
            const int inner_x = mirrored(x, picture_.width);
            const int outside_x = x < 0 ? -x : std::max(0, x - picture_.width + 1);
            const auto add = [&](float coc, float coverage, const float* light) {
                if (static_cast<float>(outside_x) > table_.extent() * std::fabs(coc) + 1.0f) return;
                const SpanTable::Entry entry = table_.entry(inner_x, inner_y, coc);
                if (outside_y > entry.reach) return;
                const Layers::Share share = layers_.share(coc);
                if (share.next < 1.0f) {
                    push(gathering, share.layer, 1.0f - share.next, x, entry, coverage, light);
                }
                if (share.next > 0.0f) {
                    push(gathering, share.layer + 1, share.next, x, entry, coverage, light);
                }
            };
            if (inner_x <= last_inner) {  // mirrored: pieces are found by search, else by going on
                front_piece = std::lower_bound(front.begin(), front.end(), inner_x, before);
                hidden_piece = std::lower_bound(hidden.begin(), hidden.end(), inner_x, before);
            }
            last_inner = inner_x;
            while (front_piece != front.end() && front_piece->x < inner_x) ++front_piece;
            while (hidden_piece != hidden.end() && hidden_piece->x < inner_x) ++hidden_piece;
            if (front_piece != front.end() && front_piece->x == inner_x) {
                add(front_piece->coc, front_piece->coverage, front_piece->light);
            } else {
                const float coc = surfaces_.coc[picture_.index(inner_x, inner_y)];
                if (std::fabs(coc) > kSharp) add(coc, 1.0f, picture_.pixel(inner_x, inner_y));
            }
            for (auto piece = hidden_piece; piece != hidden.end() && piece->x == inner_x; ++piece) {
                add(piece->coc, piece->coverage, piece->light);
            }
        }
    }

    void push(Gathering& gathering, int layer, float share, int x, const SpanTable::Entry& entry,
              float coverage, const float* light) const {
        Gathering::Part& part = gathering.parts.emplace_back();
        part.layer = layer;
        part.x = x;
        part.entry = entry;
        for (int c = 0; c < kLightChannels; ++c) part.values[c] = share * light[c];
        part.values[kLightChannels] = share * coverage;
        for (int c = kLightChannels + 1; c < N; ++c) part.values[c] = 0.0f;
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
            std::copy_n(part.values, N, values);
            const bool same_layer =
                !sorted.segments.empty() && sorted.segments.back().layer == part.layer;
            if (!same_layer) {
                const int begin = static_cast<int>(sorted.runs.size());
                sorted.segments.push_back({part.layer, begin, begin, 0});
            }
            Segment& segment = sorted.segments.back();
            segment.reach = std::max(segment.reach, part.entry.reach);
            Run* run = same_layer ? &sorted.runs.back() : nullptr;
            if (run != nullptr && run->rows == part.entry.rows && run->x + run->count == part.x) {
                ++run->count;
                continue;
            }
            sorted.runs.push_back(
                {part.x, static_cast<int>(i), 1, part.entry.rows, part.entry.reach});
            ++segment.end;
        }
    }

    void render_band(int begin, int end, float* result) const {
        const int width = picture_.width;
        const int height = end - begin;
        const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        std::vector<PixelState> state(pixels);
        const auto row_cells = static_cast<std::size_t>(width + 2) * N;
        std::vector<double> cells(row_cells * static_cast<std::size_t>(height));
        const int sharp_layer = layers_.layer(kInFrontOfSharp);
        for (int y = begin; y < end; ++y) {
            for (int x = 0; x < width; ++x) {
                const float backdrop = surfaces_.backdrop[picture_.index(x, y)];
                int seen = std::isfinite(backdrop) ? layers_.layer(backdrop) + 1 : layers_.count();
                if (is_sharp(x, y)) seen = sharp_layer;
                PixelState& pixel = state[static_cast<std::size_t>((y - begin) * width + x)];
                pixel = {{}, 1.0f, 0.0f, 0.0f, 0, static_cast<std::int16_t>(seen)};
            }
        }
        const int first_row = std::max(-margin_, begin - margin_);
        const int last_row = std::min(picture_.height + margin_, end + margin_);
        std::vector<std::size_t> cursor(static_cast<std::size_t>(last_row - first_row));
        std::vector<Columns> touched(static_cast<std::size_t>(height));
        for (int layer = 0; layer <= layers_.count(); ++layer) {
            std::fill(touched.begin(), touched.end(), Columns{width + 2, 0});
            for (int y = first_row; y < last_row; ++y) {
                const RowSamples& source = row(y);
                std::size_t& at = cursor[static_cast<std::size_t>(y - first_row)];
                if (at >= source.segments.size() || source.segments[at].layer != layer) continue;
                const Segment& segment = source.segments[at++];
                check(settings_.abort);
                const int from = std::max(begin, y - segment.reach);
                const int to = std::min(end, y + segment.reach + 1);
                if (from >= to) continue;
                const auto k = static_cast<std::size_t>(from - begin);
                kernels<N>().scatter(cells.data() + k * row_cells, width, source.values.data(),
                                     source.runs.data() + segment.begin,
                                     segment.end - segment.begin, {from - y, to - y}, table_.rows(),
                                     touched.data() + k);
            }
            for (int y = begin; y < end; ++y) {
                const auto k = static_cast<std::size_t>(y - begin);
                if (touched[k].begin >= touched[k].end) continue;
                kernels<N>().composite(cells.data() + k * row_cells, width, touched[k], layer,
                                       state.data() + k * static_cast<std::size_t>(width));
            }
        }
        for (int y = begin; y < end; ++y) {
            finish_row(y, state.data() + static_cast<std::size_t>((y - begin) * width), result);
        }
    }

    bool is_sharp(int x, int y) const {
        if (std::fabs(surfaces_.coc[picture_.index(x, y)]) > kSharp) return false;
        const std::vector<Piece>& front = surfaces_.front[static_cast<std::size_t>(y)];
        const auto before = [](const Piece& piece, int column) { return piece.x < column; };
        const auto piece = std::lower_bound(front.begin(), front.end(), x, before);
        return piece == front.end() || piece->x != x;
    }

    void finish_row(int y, const PixelState* pixels, float* result) const {
        const auto channels = static_cast<std::size_t>(picture_.channels);
        for (int x = 0; x < picture_.width; ++x) {
            const float* source = picture_.pixel(x, y);
            const PixelState& pixel = pixels[x];
            float* out = result + picture_.index(x, y) * channels;
            out[channels - 1] = 1.0f;
            if (is_sharp(x, y)) {
                const float free = std::max(0.0f, 1.0f - pixel.shown);
                for (std::size_t c = 0; c < kLightChannels; ++c) {
                    out[c] = pixel.shown == 0.0f ? source[c] : pixel.light[c] + free * source[c];
                }
            } else {
                // A ring's patch leaves its own pixel empty: where nothing else lands, the source
                // stays.
                const float own = std::max(0.0f, kUncovered - pixel.shown);
                for (std::size_t c = 0; c < kLightChannels; ++c) {
                    out[c] = (pixel.light[c] + own * source[c]) / (pixel.shown + own);
                }
            }
        }
    }

    const Picture& picture_;
    const Surfaces& surfaces_;
    const Settings& settings_;
    Layers layers_;
    SpanTable table_;
    int margin_;
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

void defocus(const Picture& picture, const ApertureShape& shape, const Settings& settings,
             float* result) {
    Survey seen = survey(picture, settings);
    const Surfaces surfaces =
        find_surfaces(picture, settings.refine_edges, settings.threads, settings.abort);
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
