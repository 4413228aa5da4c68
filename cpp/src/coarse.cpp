#include "synthetic_focus/coarse.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace synthetic_focus {
namespace {

// So many steps along rows and columns from where nothing may pass nothing does, and so many
// everything: as far as large cells widen a patch, so that it ends no farther off than it would.
constexpr int kBeside = 6;
constexpr int kOff = 10;
constexpr int kStep = Surfaces::kEven / kOff;  // what a step counts beside how even radii are
// A pixel is a light where its patch is so bright beside what it falls upon: the squared radius
// times this, wholly from the second on. A cell of two pixels then softens the patch's rim by less
// than a 500th of display white. Where all around is black, everything is.
constexpr float kLight = 0.02f;
constexpr float kWholeLight = 0.04f;

// The whole number that `at` over `by` is not below, of negative ones too.
int rounded_down(int at, int by) { return at >= 0 ? at / by : -((by - 1 - at) / by); }

// What a light falls upon: the darkest of the blocks around, by mean brightness.
class Blocks {
  public:
    Blocks(const Picture& picture, const Frame& frame, int threads, const AbortFlag* abort)
        : picture_(picture),
          frame_(frame),
          first_column_(block(frame.x)),
          first_row_(block(frame.y)),
          columns_(block(frame.x + picture.width - 1) - first_column_ + 1),
          rows_(block(frame.y + picture.height - 1) - first_row_ + 1),
          brightness_(index(0, rows_)) {
        parallel_for(rows_, threads, abort, [&](int row, int) {
            for (int column = 0; column < columns_; ++column) {
                brightness_[index(column, row)] = brightness(columns(column), rows(row));
            }
        });
    }

    // Calls use(begin, end, brightest, darkest) for the blocks of the picture's row y: their
    // columns, the brightest pixel among them, and what it falls upon.
    template <typename Use>
    void each(int y, const Use& use) const {
        const int row = block(frame_.y + y) - first_row_;
        for (int column = 0; column < columns_; ++column) {
            float darkest = std::numeric_limits<float>::max();
            for (int v = std::max(0, row - 1); v <= std::min(rows_ - 1, row + 1); ++v) {
                for (int u = std::max(0, column - 1); u <= std::min(columns_ - 1, column + 1);
                     ++u) {
                    darkest = std::min(darkest, brightness_[index(u, v)].mean);
                }
            }
            const auto [begin, end] = columns(column);
            use(begin, end, brightness_[index(column, row)].most, darkest);
        }
    }

  private:
    static constexpr int kSide = 16;
    struct Brightness {
        float mean;
        float most;
    };
    struct Range {
        int begin;
        int end;
    };

    // Blocks lie at fixed places of the frame.
    static int block(int at) { return rounded_down(at, kSide); }
    Range columns(int column) const {
        const int begin = (first_column_ + column) * kSide - frame_.x;
        return {std::max(0, begin), std::min(picture_.width, begin + kSide)};
    }
    Range rows(int row) const {
        const int begin = (first_row_ + row) * kSide - frame_.y;
        return {std::max(0, begin), std::min(picture_.height, begin + kSide)};
    }
    std::size_t index(int column, int row) const {
        return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
               static_cast<std::size_t>(column);
    }
    Brightness brightness(Range columns, Range rows) const {
        std::array<float, kSide> sums{};
        std::array<float, kSide> most{};
        const auto count = static_cast<std::size_t>(columns.end - columns.begin);
        for (int y = rows.begin; y < rows.end; ++y) {
            const float* const row = picture_.brightness + picture_.index(columns.begin, y);
            for (std::size_t i = 0; i < count; ++i) {
                const float light = std::max(0.0f, row[i]);
                sums[i] += light;
                most[i] = std::max(most[i], light);
            }
        }
        Brightness all{0.0f, 0.0f};
        for (std::size_t i = 0; i < count; ++i) {
            all.mean += sums[i];
            all.most = std::max(all.most, most[i]);
        }
        all.mean /= static_cast<float>(count) * static_cast<float>(rows.end - rows.begin);
        return all;
    }

    const Picture& picture_;
    Frame frame_;
    int first_column_;
    int first_row_;
    int columns_;
    int rows_;
    std::vector<Brightness> brightness_;
};

// Which part of each piece of a grid passes to the next coarser one, by its radius and how far off
// it is from where nothing may: mark(y, free) fills a row with 0 there, with kEven where all may.
template <typename Mark>
Buffer<float> passing(int columns, int rows, const Buffer<float>& coc, int cell,
                      const Passage& passage, int threads, const AbortFlag* abort,
                      const Mark& mark) {
    const auto width = static_cast<std::size_t>(columns);
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
        const Passage pass = passage;  // a copy, which writing parts cannot change
        const float* const radii = coc.data() + begin(y);
        float* const to = parts.data() + begin(y);
        for (std::size_t x = 0; x < width; ++x) {
            const float steps = static_cast<float>(off[x] - kBeside * kStep);
            to[x] = pass.part(radii[x], cell) *
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

using Four = float __attribute__((vector_size(16), aligned(4)));

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
    PixelRows(const Picture& picture, const Surfaces& surfaces, const Buffer<float>& parts,
              const Frame& frame)
        : picture_(picture), surfaces_(surfaces), parts_(parts), frame_(frame) {}

    void read(int first, int count, int y, PassingRow<N>& row) const {
        const int inner_y = mirrored(y - frame_.y, picture_.height).at;
        const float* const parts = parts_.data() + picture_.index(0, inner_y);
        const float* const coc = surfaces_.coc.data() + picture_.index(0, inner_y);
        const float* const pixels = picture_.pixel(0, inner_y);
        float* values = row.values.data();
        const auto put = [&](int i, int x) {
            const float part = parts[x];
            const float* const pixel = pixels + x * picture_.channels;
            float* const to = values + i * N;
            for (int c = 0; c < kLightChannels; ++c) to[c] = part * pixel[c];
            to[kLightChannels] = part;
            for (int c = kLightChannels + 1; c < N; ++c) to[c] = 0.0f;
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
    static constexpr int kLightChannels = N == 4 ? 3 : 4;
    const Picture& picture_;
    const Surfaces& surfaces_;
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
            row.part[to] = part * std::max(0.0f, from[N == 4 ? 3 : 4]);
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
                for (std::size_t c = 0; c < N; c += 4) {
                    const float* const left = sum.values.data() + 2 * x * N + c;
                    *reinterpret_cast<Four*>(values + x * N + c) =
                        weighed(kWeights, [left](std::size_t i) {
                            return *reinterpret_cast<const Four*>(left + i * N);
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

Buffer<float> coarse_parts(const Picture& picture, const Surfaces& surfaces, const Passage& passage,
                           const Frame& frame, int threads, const AbortFlag* abort) {
    const Blocks blocks(picture, frame, threads, abort);
    const auto mark = [&](int y, std::uint8_t* free) {
        const std::size_t row = picture.index(0, y);
        const float* const coc = surfaces.coc.data() + row;
        const float* const brightness = picture.brightness + row;
        std::copy_n(surfaces.even.data() + row, picture.width, free);
        const float least = passage.least(1);
        blocks.each(y, [&](int begin, int end, float brightest, float darkest) {
            const float light = kLight * darkest / passage.rim();
            if (brightest < light * least * least) return;
            for (int x = begin; x < end; ++x) {
                const float radius = std::max(least, std::fabs(coc[x]));
                const float from = light * radius * radius;
                const float to = from * (kWholeLight / kLight);
                if (brightness[x] < from) continue;
                const float left = brightness[x] < to ? (to - brightness[x]) / (to - from) : 0.0f;
                free[x] = std::min(free[x], static_cast<std::uint8_t>(left * Surfaces::kEven));
            }
        });
        // Beyond the border they are darker than the picture.
        for (const Dimmed& light : surfaces.dimmed[static_cast<std::size_t>(y)]) free[light.x] = 0;
    };
    return passing(picture.width, picture.height, surfaces.coc, 1, passage, threads, abort, mark);
}

template <int N>
std::vector<CoarsePieces<N>> coarse_pieces(const Picture& picture, const Surfaces& surfaces,
                                           const Buffer<float>& parts, const Passage& passage,
                                           float largest, int margin, const Frame& frame,
                                           int threads, const AbortFlag* abort) {
    std::vector<CoarsePieces<N>> grids;
    const int coarsest = passage.coarsest(largest);
    // Beyond what is needed, cells are read that lie twice a cell farther off on each grid.
    const int around = margin + 7 * coarsest;
    for (int cell = 2; cell <= coarsest; cell *= 2) {
        CoarsePieces<N> grid{};
        grid.cell = cell;
        grid.x = rounded_down(frame.x - around, cell);
        grid.y = rounded_down(frame.y - around, cell);
        grid.width = rounded_down(frame.x + picture.width + around, cell) + 1 - grid.x;
        grid.height = rounded_down(frame.y + picture.height + around, cell) + 1 - grid.y;
        if (grids.empty()) {
            gather(PixelRows<N>(picture, surfaces, parts, frame), grid, threads, abort);
        } else {
            gather(PieceRows<N>(grids.back()), grid, threads, abort);
        }
        if (cell < coarsest) {
            // Where a cell is not full, something lies that does not pass.
            const auto mark = [&grid](int y, std::uint8_t* free) {
                const float* const values =
                    grid.values.data() + static_cast<std::ptrdiff_t>(y) * grid.width * N;
                for (int x = 0; x < grid.width; ++x) {
                    const float covered = values[x * N + (N == 4 ? 3 : 4)];
                    const float full = std::clamp(10.0f * covered - 9.0f, 0.0f, 1.0f);
                    free[x] = static_cast<std::uint8_t>(static_cast<int>(full * Surfaces::kEven));
                }
            };
            grid.parts =
                passing(grid.width, grid.height, grid.coc, cell, passage, threads, abort, mark);
        }
        grids.push_back(std::move(grid));
    }
    return grids;
}

template std::vector<CoarsePieces<4>> coarse_pieces(const Picture&, const Surfaces&,
                                                    const Buffer<float>&, const Passage&, float,
                                                    int, const Frame&, int, const AbortFlag*);
template std::vector<CoarsePieces<8>> coarse_pieces(const Picture&, const Surfaces&,
                                                    const Buffer<float>&, const Passage&, float,
                                                    int, const Frame&, int, const AbortFlag*);

}  // namespace synthetic_focus
