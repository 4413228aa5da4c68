#include "synthetic_focus/coarse.h"

#include <array>
#include <cstdint>
#include <cstdlib>

#include "synthetic_focus/kernels.h"

namespace synthetic_focus {
namespace {

// So many steps along rows and columns from where nothing may pass nothing does, and so many
// everything: as far as large cells widen a patch, so that it ends no farther off than it would.
constexpr int kBeside = 6;
constexpr int kOff = 10;
constexpr int kStep = Surfaces::kEven / kOff;  // what a step counts beside how even radii are

// Which part of each piece of a grid passes to the next coarser one, by its radius and how far off
// it is from where nothing may: mark(y, free) fills a row with 0 there, with kEven where all may.
template <typename Mark>
Buffer<float> passing(const CoarsePlace& grid, const Buffer<float>& coc, const Passage& passage,
                      int threads, const AbortFlag* abort, const Mark& mark) {
    const int rows = grid.height;
    const auto width = static_cast<std::size_t>(grid.width);
    const auto begin = [width](int y) { return static_cast<std::size_t>(y) * width; };
    const auto closer = [](std::uint8_t* to, const std::uint8_t* from, std::size_t count,
                           int steps) {
        for (std::size_t i = 0; i < count; ++i) {
            to[i] = std::min(to[i], static_cast<std::uint8_t>(from[i] + steps * kStep));
        }
    };
    Buffer<std::uint8_t> along(coc.size());  // what is off along rows, in kStep
    std::vector<Buffer<std::uint8_t>> scratch(static_cast<std::size_t>(threads),
                                              Buffer<std::uint8_t>(width));
    parallel_for(rows, threads, abort, [&](int y, int thread) {
        std::uint8_t* const own = scratch[static_cast<std::size_t>(thread)].data();
        mark(y, own);
        std::uint8_t* const to = along.data() + begin(y);
        std::copy_n(own, width, to);
        for (std::size_t steps = 1; steps < std::min<std::size_t>(kOff, width); ++steps) {
            closer(to, own + steps, width - steps, static_cast<int>(steps));
            closer(to + steps, own, width - steps, static_cast<int>(steps));
        }
    });
    Buffer<float> parts(coc.size());
    parallel_for(rows, threads, abort, [&](int y, int thread) {
        std::uint8_t* const off = scratch[static_cast<std::size_t>(thread)].data();
        std::copy_n(along.data() + begin(y), width, off);
        for (int v = std::max(0, y - kOff + 1); v < std::min(rows, y + kOff); ++v) {
            closer(off, along.data() + begin(v), width, std::abs(v - y));
        }
        const auto cell = static_cast<float>(grid.cell);
        const auto middle = [cell](int at) { return (static_cast<float>(at) + 0.5f) * cell; };
        const Passage::Row pass = passage.row(middle(grid.y + y));
        const float* const radii = coc.data() + begin(y);
        float* const to = parts.data() + begin(y);
        for (std::size_t x = 0; x < width; ++x) {
            const float steps = static_cast<float>(off[x] - kBeside * kStep);
            to[x] = pass.part(middle(grid.x + static_cast<int>(x)), radii[x], cell) *
                    std::clamp(steps * (1.0f / ((kOff - kBeside) * kStep)), 0.0f, 1.0f);
        }
    });
    return parts;
}

// Weights of eight cells side by side, or below each other, for the coarse cell between the middle
// two, from the outside inwards. Sharing a piece by two coarse cells widens its patch, as does
// making cells fine again, and a large cell itself: the outer weights take just that variance off.
constexpr int kTaps = 8;
using Weights = std::array<float, kTaps / 2>;
constexpr Weights kWeights{-7.0f / 256, -21.0f / 256, 25.0f / 256, 131.0f / 256};
// For means of what must not be weighed negatively.
constexpr Weights kMagnitudes{7.0f / 256, 21.0f / 256, 25.0f / 256, 131.0f / 256};

template <typename At>
auto weighed(const Weights& weights, const At& at) {
    const auto pair = [&](std::size_t i) { return weights[i] * (at(i) + at(kTaps - 1 - i)); };
    return (pair(0) + pair(1)) + (pair(2) + pair(3));
}

// A row of a grid's pieces: each number is multiplied by the part of the piece that passes on.
template <int N>
struct PassingRow {
    Buffer<float> values;
    Buffer<float> part;    // of the area
    Buffer<float> radius;  // times that part

    void resize(std::size_t count) {
        values.resize(count * N);
        part.resize(count);
        radius.resize(count);
    }
};

// Reads a finer grid's rows, its cells counted from the frame's top left.
template <int N>
class PixelRows {
  public:
    // channel: the first that is read.
    PixelRows(const Picture& picture, std::size_t channel, const Circles& circles,
              const Buffer<float>& parts, const Frame& frame)
        : picture_(picture), channel_(channel), circles_(circles), parts_(parts), frame_(frame) {}

    void read(int first, int count, int y, PassingRow<N>& row) const {
        const int inner_y = mirrored(y - frame_.y, picture_.height).at;
        const float* const parts = parts_.data() + picture_.index(0, inner_y);
        const float* const coc = circles_.coc.data() + picture_.index(0, inner_y);
        const float* const pixels = picture_.pixel(0, inner_y) + channel_;
        float* values = row.values.data();
        const auto put = [&](int i, int x) {
            const float part = parts[x];
            const float* const pixel = pixels + x * picture_.channels;
            float* const to = values + i * N;
            for (int c = 0; c < kLights<N>; ++c) to[c] = part * pixel[c];
            to[kLights<N>] = part;
            for (int c = kLights<N> + 1; c < N; ++c) to[c] = 0.0f;
            row.part[static_cast<std::size_t>(i)] = part;
            row.radius[static_cast<std::size_t>(i)] = part * coc[x];
        };
        const auto put_mirrored = [&](int begin, int end) {
            for (int i = begin; i < end; ++i) {
                put(i, mirrored(first + i - frame_.x, picture_.width).at);
            }
        };
        const int begin = std::clamp(frame_.x - first, 0, count);
        const int end = std::clamp(frame_.x + picture_.width - first, begin, count);
        put_mirrored(0, begin);
        for (int i = begin; i < end; ++i) put(i, first + i - frame_.x);
        put_mirrored(end, count);
    }

  private:
    const Picture& picture_;
    std::size_t channel_;
    const Circles& circles_;
    const Buffer<float>& parts_;
    const Frame& frame_;
};

template <int N>
class PieceRows {
  public:
    explicit PieceRows(const CoarsePieces<N>& pieces) : pieces_(pieces) {}

    void read(int first, int count, int y, PassingRow<N>& row) const {
        std::fill_n(row.values.begin(), count * N, 0.0f);
        std::fill_n(row.part.begin(), count, 0.0f);
        std::fill_n(row.radius.begin(), count, 0.0f);
        if (y < pieces_.y || y >= pieces_.y + pieces_.height) return;
        const auto begin =
            static_cast<std::size_t>(y - pieces_.y) * static_cast<std::size_t>(pieces_.width);
        for (int i = std::max(0, pieces_.x - first);
             i < std::min(count, pieces_.x + pieces_.width - first); ++i) {
            const std::size_t at = begin + static_cast<std::size_t>(first + i - pieces_.x);
            const float part = pieces_.parts[at];
            if (part == 0.0f) continue;
            const float* const from = pieces_.values.data() + at * N;
            const auto to = static_cast<std::size_t>(i);
            for (std::size_t c = 0; c < N; ++c) row.values[to * N + c] = part * from[c];
            row.part[to] = part * std::max(0.0f, from[kLights<N>]);
            row.radius[to] = row.part[to] * pieces_.coc[at];
        }
    }

  private:
    const CoarsePieces<N>& pieces_;
};

// The pieces of a grid twice as coarse as the one whose rows are given.
template <int N, typename Rows>
void gather(const Rows& rows, CoarsePieces<N>& grid, int threads, const AbortFlag* abort) {
    constexpr int kStrip = 32;  // so many rows in turn, since they share the finer ones
    struct Scratch {
        std::array<PassingRow<N>, kTaps> rows;
        PassingRow<N> sum;
    };
    std::vector<Scratch> all(static_cast<std::size_t>(threads));
    const int first = 2 * grid.x - (kTaps / 2 - 1);
    const int count = 2 * grid.width + kTaps - 2;
    const auto width = static_cast<std::size_t>(grid.width);
    grid.values.resize(width * static_cast<std::size_t>(grid.height) * N);
    grid.coc.resize(width * static_cast<std::size_t>(grid.height));
    const auto row_at = [](int y) { return static_cast<std::size_t>(y & (kTaps - 1)); };
    parallel_for((grid.height + kStrip - 1) / kStrip, threads, abort, [&](int strip, int thread) {
        Scratch& scratch = all[static_cast<std::size_t>(thread)];
        for (PassingRow<N>& row : scratch.rows) row.resize(static_cast<std::size_t>(count));
        PassingRow<N>& sum = scratch.sum;
        sum.resize(static_cast<std::size_t>(count));
        const int end = std::min(grid.height, (strip + 1) * kStrip);
        int read = 2 * (grid.y + strip * kStrip) - (kTaps / 2 - 1);
        for (int y = strip * kStrip; y < end; ++y) {
            const int top = 2 * (grid.y + y) - (kTaps / 2 - 1);
            for (; read < top + kTaps; ++read) {
                rows.read(first, count, read, scratch.rows[row_at(read)]);
            }
            // The eight rows as one.
            const auto add_rows = [&](const Weights& weights,
                                      Buffer<float> PassingRow<N>::* member) {
                std::array<const float*, kTaps> from;
                for (int i = 0; i < kTaps; ++i) {
                    from[static_cast<std::size_t>(i)] =
                        (scratch.rows[row_at(top + i)].*member).data();
                }
                Buffer<float>& to = sum.*member;
                float* const out = to.data();
                for (std::size_t at = 0; at < to.size(); ++at) {
                    out[at] = weighed(weights, [&from, at](std::size_t i) { return from[i][at]; });
                }
            };
            add_rows(kWeights, &PassingRow<N>::values);
            add_rows(kMagnitudes, &PassingRow<N>::part);
            add_rows(kMagnitudes, &PassingRow<N>::radius);

            // Then eight columns.
            float* const values = grid.values.data() + static_cast<std::size_t>(y) * width * N;
            float* const coc = grid.coc.data() + static_cast<std::size_t>(y) * width;
            for (std::size_t x = 0; x < width; ++x) {
                for (std::size_t c = 0; c < N; c += Part<N>::kNumbers) {
                    using Values = typename Part<N>::Values;
                    const float* const left = sum.values.data() + 2 * x * N + c;
                    *reinterpret_cast<Values*>(values + x * N + c) =
                        weighed(kWeights, [left](std::size_t i) {
                            return *reinterpret_cast<const Values*>(left + i * N);
                        });
                }
            }
            const float* const parts = sum.part.data();
            const float* const radii = sum.radius.data();
            for (std::size_t x = 0; x < width; ++x) {
                const float part =
                    weighed(kMagnitudes, [&](std::size_t i) { return parts[2 * x + i]; });
                const float radius =
                    weighed(kMagnitudes, [&](std::size_t i) { return radii[2 * x + i]; });
                coc[x] = part > 0.0f ? radius / part : 0.0f;
            }
        }
    });
}

}  // namespace

Buffer<float> coarse_parts(const Picture& picture, const Surfaces& surfaces, const Circles& circles,
                           const Lights& lights, const Passage& passage, const Frame& frame,
                           int threads, const AbortFlag* abort) {
    const auto mark = [&](int y, std::uint8_t* free) {
        std::copy_n(surfaces.even.data() + picture.index(0, y), picture.width, free);
        // Before black the least that a light loses or gains shows.
        lights.each_black(
            y, [&](int begin, int end) { std::fill(free + begin, free + end, std::uint8_t{0}); });
        for (const auto& [x, shares] : lights.row(y)) {
            const auto left = static_cast<int>((1.0f - shares.seen) * Surfaces::kEven);
            free[x] = std::min(free[x], static_cast<std::uint8_t>(left));
        }
        // Beyond the border they are darker than the picture.
        for (const Dimmed& light : surfaces.dimmed[static_cast<std::size_t>(y)]) free[light.x] = 0;
    };
    return passing({1, frame.x, frame.y, picture.width, picture.height}, circles.coc, passage,
                   threads, abort, mark);
}

std::vector<CoarsePlace> coarse_places(const Picture& picture, const Frame& frame, int coarsest,
                                       int margin) {
    std::vector<CoarsePlace> places;
    // Beyond what is needed, cells are read that lie twice a cell farther off on each grid.
    const int around = margin + 7 * coarsest;
    for (int cell = 2; cell <= coarsest; cell *= 2) {
        const int x = rounded_down(frame.x - around, cell);
        const int y = rounded_down(frame.y - around, cell);
        places.push_back({cell, x, y, rounded_down(frame.x + picture.width + around, cell) + 1 - x,
                          rounded_down(frame.y + picture.height + around, cell) + 1 - y});
    }
    return places;
}

template <int N>
std::vector<CoarsePieces<N>> coarse_pieces(const Picture& picture, std::size_t channel,
                                           const Circles& circles, const Buffer<float>& parts,
                                           const Passage& passage,
                                           const std::vector<CoarsePlace>& places,
                                           const Frame& frame, int threads,
                                           const AbortFlag* abort) {
    std::vector<CoarsePieces<N>> grids;
    for (const CoarsePlace& place : places) {
        CoarsePieces<N> grid{place, {}, {}, {}};
        if (grids.empty()) {
            gather(PixelRows<N>(picture, channel, circles, parts, frame), grid, threads, abort);
        } else {
            gather(PieceRows<N>(grids.back()), grid, threads, abort);
        }
        if (place.cell < places.back().cell) {
            // Where a cell is not full, something lies that does not pass.
            const auto mark = [&grid](int y, std::uint8_t* free) {
                const float* const values =
                    grid.values.data() + static_cast<std::ptrdiff_t>(y) * grid.width * N;
                for (int x = 0; x < grid.width; ++x) {
                    const float covered = values[x * N + kLights<N>];
                    const float full = std::clamp(10.0f * covered - 9.0f, 0.0f, 1.0f);
                    free[x] = static_cast<std::uint8_t>(static_cast<int>(full * Surfaces::kEven));
                }
            };
            grid.parts = passing(grid, grid.coc, passage, threads, abort, mark);
        }
        grids.push_back(std::move(grid));
    }
    return grids;
}

template std::vector<CoarsePieces<2>> coarse_pieces(const Picture&, std::size_t, const Circles&,
                                                    const Buffer<float>&, const Passage&,
                                                    const std::vector<CoarsePlace>&, const Frame&,
                                                    int, const AbortFlag*);
template std::vector<CoarsePieces<4>> coarse_pieces(const Picture&, std::size_t, const Circles&,
                                                    const Buffer<float>&, const Passage&,
                                                    const std::vector<CoarsePlace>&, const Frame&,
                                                    int, const AbortFlag*);
template std::vector<CoarsePieces<8>> coarse_pieces(const Picture&, std::size_t, const Circles&,
                                                    const Buffer<float>&, const Passage&,
                                                    const std::vector<CoarsePlace>&, const Frame&,
                                                    int, const AbortFlag*);

}  // namespace synthetic_focus
