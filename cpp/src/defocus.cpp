#include "synthetic_focus/defocus.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "synthetic_focus/kernels.h"
#include "synthetic_focus/layers.h"
#include "synthetic_focus/span_table.h"

namespace synthetic_focus {
namespace {

// Up to here a patch lies within its own pixel, which passes untouched.
constexpr float kSharp = 0.5f;
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
    float largest = 0.0f;
    std::vector<char> used_behind;
    std::vector<char> used_front;
};

float clamped(float coc) { return std::clamp(coc, -kMaxRadius, kMaxRadius); }

// Looks at every input pixel once: is it a number, is it opaque, which radii are there?
Survey survey(const Picture& picture, const Settings& settings) {
    const int indices = radius_indices(kMaxRadius);
    std::vector<Survey> rows(static_cast<std::size_t>(settings.threads));
    for (Survey& row : rows) {
        row.used_behind.resize(static_cast<std::size_t>(indices));
        row.used_front.resize(static_cast<std::size_t>(indices));
    }
    parallel_for(picture.height, settings.threads, settings.abort, [&](int y, int thread) {
        Survey& seen = rows[static_cast<std::size_t>(thread)];
        const std::size_t start =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width);
        const auto channels = static_cast<std::size_t>(picture.channels);
        const float* pixel = picture.pixels + start * channels;
        const float* coc = picture.coc + start;
        for (int x = 0; x < picture.width; ++x, pixel += channels) {
            for (std::size_t c = 0; c < channels; ++c) {
                if (!std::isfinite(pixel[c])) throw BadPixel("image", x, y, pixel[c]);
            }
            if (!std::isfinite(coc[x])) throw BadPixel("coc", x, y, coc[x]);
            if (channels == 4 && pixel[3] != 1.0f) seen.opaque = false;
            const float c = clamped(coc[x]);
            const float radius = std::fabs(c);
            if (radius <= kSharp) continue;
            seen.largest = std::max(seen.largest, radius);
            std::vector<char>& used = c > 0.0f ? seen.used_behind : seen.used_front;
            used[static_cast<std::size_t>(radius_index(radius))] = 1;
        }
    });
    Survey all = std::move(rows.front());
    for (std::size_t i = 1; i < rows.size(); ++i) {
        all.opaque = all.opaque && rows[i].opaque;
        all.largest = std::max(all.largest, rows[i].largest);
        for (std::size_t k = 0; k < all.used_front.size(); ++k) {
            all.used_behind[k] = static_cast<char>(all.used_behind[k] | rows[i].used_behind[k]);
            all.used_front[k] = static_cast<char>(all.used_front[k] | rows[i].used_front[k]);
        }
    }
    return all;
}

template <int N>
struct Segment {
    int layer;
    int begin;
    int end;
    int reach;
};

// The blurred pixels of one row, layer by layer.
template <int N>
struct RowSamples {
    std::vector<Sample<N>> samples;
    std::vector<Segment<N>> segments;  // nearest layer first
};

EdgeSampling edge_sampling(Quality quality) {
    switch (quality) {
        case Quality::kDraft:
            return {1.0, 1};
        case Quality::kNormal:
            return {1.25, 4};
        case Quality::kBest:
            return {0.5, 16};
    }
    return {1.25, 4};
}

template <int N>
class Renderer {
  public:
    Renderer(const Picture& picture, const ApertureShape& shape, const Settings& settings,
             const Survey& seen)
        : picture_(picture),
          settings_(settings),
          layers_(seen.largest),
          table_(shape, seen.used_behind, seen.used_front, edge_sampling(settings.quality),
                 settings.threads, settings.abort),
          margin_(static_cast<int>(std::ceil(seen.largest * 1.5f)) + 1) {}

    void render(float* result) {
        const int rows = picture_.height + 2 * margin_;
        rows_.resize(static_cast<std::size_t>(rows));
        parallel_for(rows, settings_.threads, settings_.abort,
                     [&](int row, int) { gather_row(row - margin_); });
        const int row_bytes = (picture_.width + 2) * N * static_cast<int>(sizeof(double));
        const int band = std::clamp(kCellBytesPerBand / row_bytes, 1, 16);
        const int bands = (picture_.height + band - 1) / band;
        parallel_for(bands, settings_.threads, settings_.abort, [&](int i, int) {
            render_band(i * band, std::min(picture_.height, (i + 1) * band), result);
        });
    }

  private:
    static constexpr int kLightChannels = N == 4 ? 3 : 4;

    const RowSamples<N>& row(int y) const { return rows_[static_cast<std::size_t>(y + margin_)]; }

    // The samples of the row `y`, which may lie up to the margin outside of the picture.
    void gather_row(int y) {
        const int inner_y = mirrored(y, picture_.height);
        const int outside_y = y < 0 ? -y : std::max(0, y - picture_.height + 1);
        const auto width = static_cast<std::size_t>(picture_.width);
        const float* coc = picture_.coc + static_cast<std::size_t>(inner_y) * width;
        const float* pixels = picture_.pixels + static_cast<std::size_t>(inner_y) * width *
                                                    static_cast<std::size_t>(picture_.channels);
        std::vector<std::vector<Sample<N>>> buckets(static_cast<std::size_t>(layers_.count() + 1));
        for (int x = -margin_; x < picture_.width + margin_; ++x) {
            const int inner_x = mirrored(x, picture_.width);
            const float c = clamped(coc[inner_x]);
            const float radius = std::fabs(c);
            if (radius <= kSharp) continue;
            const int outside_x = x < 0 ? -x : std::max(0, x - picture_.width + 1);
            const SpanTable::Entry entry = table_.entry(radius_index(radius), c > 0.0f);
            if (outside_y > entry.reach || static_cast<float>(outside_x) > 1.5f * radius + 1.0f)
                continue;
            const Layers::Share share = layers_.share(c);
            const float* pixel = pixels + inner_x * picture_.channels;
            if (share.next < 1.0f) push(buckets, share.layer, 1.0f - share.next, x, entry, pixel);
            if (share.next > 0.0f) push(buckets, share.layer + 1, share.next, x, entry, pixel);
        }
        RowSamples<N>& gathered = rows_[static_cast<std::size_t>(y + margin_)];
        std::size_t total = 0;
        for (const auto& bucket : buckets) total += bucket.size();
        gathered.samples.reserve(total);
        for (std::size_t layer = 0; layer < buckets.size(); ++layer) {
            const std::vector<Sample<N>>& bucket = buckets[layer];
            if (bucket.empty()) continue;
            int reach = 0;
            for (const Sample<N>& sample : bucket) reach = std::max(reach, sample.reach);
            const int begin = static_cast<int>(gathered.samples.size());
            gathered.samples.insert(gathered.samples.end(), bucket.begin(), bucket.end());
            gathered.segments.push_back(
                {static_cast<int>(layer), begin, static_cast<int>(gathered.samples.size()), reach});
        }
    }

    void push(std::vector<std::vector<Sample<N>>>& buckets, int layer, float share, int x,
              const SpanTable::Entry& entry, const float* pixel) const {
        Sample<N> sample{};
        for (int c = 0; c < kLightChannels; ++c) sample.value[c] = share * pixel[c];
        sample.value[kLightChannels] = share;
        sample.x = x;
        sample.rows = entry.rows;
        sample.reach = entry.reach;
        buckets[static_cast<std::size_t>(layer)].push_back(sample);
    }

    void render_band(int begin, int end, float* result) const {
        const int width = picture_.width;
        const int height = end - begin;
        const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        std::vector<float> light(pixels * kLightChannels);
        std::vector<float> covered(pixels);
        std::vector<float> shown(pixels);
        std::vector<std::uint8_t> last(pixels, 255);
        const auto row_cells = static_cast<std::size_t>(width + 2) * N;
        std::vector<double> cells(row_cells * static_cast<std::size_t>(height));
        const int sharp_layer = layers_.layer(kInFrontOfSharp);
        for (int y = begin; y < end; ++y) {
            for (int x = 0; x < width; ++x) {
                if (is_sharp(x, y)) {
                    last[static_cast<std::size_t>((y - begin) * width + x)] =
                        static_cast<std::uint8_t>(sharp_layer);
                }
            }
        }
        const int first_row = std::max(-margin_, begin - margin_);
        const int last_row = std::min(picture_.height + margin_, end + margin_);
        std::vector<std::size_t> cursor(static_cast<std::size_t>(last_row - first_row));
        std::vector<Columns> touched(static_cast<std::size_t>(height));
        for (int layer = 0; layer <= layers_.count(); ++layer) {
            std::fill(touched.begin(), touched.end(), Columns{width + 2, 0});
            for (int y = first_row; y < last_row; ++y) {
                const RowSamples<N>& source = row(y);
                std::size_t& at = cursor[static_cast<std::size_t>(y - first_row)];
                if (at >= source.segments.size() || source.segments[at].layer != layer) continue;
                const Segment<N>& segment = source.segments[at++];
                check(settings_.abort);
                const int from = std::max(begin, y - segment.reach);
                const int to = std::min(end, y + segment.reach + 1);
                for (int target = from; target < to; ++target) {
                    const auto k = static_cast<std::size_t>(target - begin);
                    kernels<N>().scatter(
                        cells.data() + k * row_cells, width, source.samples.data() + segment.begin,
                        segment.end - segment.begin, target - y, table_.rows(), touched[k]);
                }
            }
            for (int y = begin; y < end; ++y) {
                const auto k = static_cast<std::size_t>(y - begin);
                if (touched[k].begin >= touched[k].end) continue;
                const std::size_t row_start = k * static_cast<std::size_t>(width);
                kernels<N>().composite(
                    cells.data() + k * row_cells, width, touched[k], layer,
                    {light.data() + row_start * kLightChannels, covered.data() + row_start,
                     shown.data() + row_start, last.data() + row_start});
            }
        }
        for (int y = begin; y < end; ++y) {
            const std::size_t row_start =
                static_cast<std::size_t>(y - begin) * static_cast<std::size_t>(width);
            finish_row(y, light.data() + row_start * kLightChannels, shown.data() + row_start,
                       result);
        }
    }

    bool is_sharp(int x, int y) const {
        return std::fabs(picture_.coc[static_cast<std::size_t>(y) *
                                          static_cast<std::size_t>(picture_.width) +
                                      static_cast<std::size_t>(x)]) <= kSharp;
    }

    void finish_row(int y, const float* light, const float* shown, float* result) const {
        const auto channels = static_cast<std::size_t>(picture_.channels);
        for (int x = 0; x < picture_.width; ++x) {
            const std::size_t at =
                (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture_.width) +
                 static_cast<std::size_t>(x)) *
                channels;
            const float* source = picture_.pixels + at;
            const float* added = light + static_cast<std::size_t>(x) * kLightChannels;
            float* out = result + at;
            out[channels - 1] = 1.0f;
            if (is_sharp(x, y)) {
                const float free = std::max(0.0f, 1.0f - shown[x]);
                for (std::size_t c = 0; c < kLightChannels; ++c) {
                    out[c] = shown[x] == 0.0f ? source[c] : added[c] + free * source[c];
                }
            } else {
                // A ring's patch leaves its own pixel empty: where nothing else lands either, the
                // source stays.
                const float own = std::max(0.0f, kUncovered - shown[x]);
                for (std::size_t c = 0; c < kLightChannels; ++c) {
                    out[c] = (added[c] + own * source[c]) / (shown[x] + own);
                }
            }
        }
    }

    Picture picture_;
    Settings settings_;
    Layers layers_;
    SpanTable table_;
    int margin_;
    std::vector<RowSamples<N>> rows_;
};

}  // namespace

void defocus(const Picture& picture, const ApertureShape& shape, const Settings& settings,
             float* result) {
    const Survey seen = survey(picture, settings);
    if (seen.opaque) {
        Renderer<4>(picture, shape, settings, seen).render(result);
    } else {
        Renderer<8>(picture, shape, settings, seen).render(result);
    }
}

}  // namespace synthetic_focus
