#include "synthetic_focus/hidden.h"

#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "synthetic_focus/colour.h"
#include "synthetic_focus/mixture.h"
#include "synthetic_focus/smooth.h"

namespace synthetic_focus {
namespace {

constexpr float kWholeFold = 2.0f;     // what is hidden is wholly there from this step on
constexpr float kSameSurface = 0.25f;  // where a surface is followed, its next pixel differs less
// A hidden surface is needed this many pixels far from its edge, per pixel that the circles differ
// by.
constexpr float kReachPerFold = 1.4143f;

constexpr int kFillSamples = 8;
constexpr int kFewest = 2;           // of them tell a surface from a light upon it
constexpr float kOnlyEdges = 0.05f;  // the trust in less
// A surface goes on along its lines: the way along which it differs less than across is trusted
// more.
constexpr int kTextureSamples = 6;
constexpr float kAgree = 0.03f;  // of the power: what two ends of one surface differ by anyway
constexpr float kEven = 0.01f;   // of the power: differences that are no line
constexpr float kMostTrust = 16.0f;

// Walks along a row or a column and remembers the surfaces that went behind nearer ones.
class Walker {
  public:
    // One place on, to the place `at` of the walk; `last` was before.
    void step(int at, float last, float here) {
        latest_.step(here);
        deepest_.step(here);
        if (std::fabs(last - here) <= kFold) return;
        if (last > here) {
            latest_ = {last, 1, (at - fold_) / 2};
            if (deepest_.distance == 0 || last > deepest_.coc) deepest_ = {last, 1, kEndless};
        }
        fold_ = at;
    }
    // Distances to the surface that went behind last and to the deepest one; 0: none.
    std::uint16_t latest() const { return static_cast<std::uint16_t>(latest_.distance); }
    std::uint16_t deepest() const { return static_cast<std::uint16_t>(deepest_.distance); }
    bool idle() const { return (latest_.distance | deepest_.distance) == 0; }

  private:
    static constexpr int kEndless = 4096;
    struct Surface {
        float coc = 0.0f;
        int distance = 0;
        int reach = 0;  // a thing is assumed to go on as far as it is seen: small things end soon

        void step(float here) {
            if (distance == 0) return;
            ++distance;
            const float fold = coc - here;
            if (fold <= kFold || distance > reach ||
                static_cast<float>(distance) > kReachPerFold * fold + 2.0f) {
                distance = 0;
            }
        }
    };
    Surface latest_;
    Surface deepest_;
    int fold_ = -1;  // where the last one was
};

enum Direction { kLeft, kRight, kUp, kDown };

// Distances to what went behind in one direction; 0: nothing.
struct Distances {
    std::uint16_t latest;
    std::uint16_t deepest;
};

constexpr int kBlock = 64;

// What goes behind upward and downward, in blocks of so many columns, of which only those have been
// written where there is something.
class Columns {
  public:
    Columns(const Picture& picture, const Buffer<float>& coc, const Buffer<std::uint8_t>& folds,
            int threads, const AbortFlag* abort)
        : width_(static_cast<std::size_t>(picture.width)),
          blocks_((width_ + kBlock - 1) / kBlock),
          some_{std::vector<char>(blocks_ * static_cast<std::size_t>(picture.height)),
                std::vector<char>(blocks_ * static_cast<std::size_t>(picture.height))} {
        for (auto& distances : distances_) {
            distances = std::make_unique_for_overwrite<Distances[]>(coc.size());
        }
        parallel_for(static_cast<int>(blocks_), threads, abort, [&](int block, int) {
            const auto b = static_cast<std::size_t>(block);
            sweep(kUp, b, 0, picture.height, 1, coc, folds);
            sweep(kDown, b, picture.height - 1, -1, -1, coc, folds);
        });
    }

    bool some(Direction direction, int x, int y) const {
        return some_[direction - kUp][static_cast<std::size_t>(y) * blocks_ +
                                      static_cast<std::size_t>(x / kBlock)] != 0;
    }
    Distances at(Direction direction, int x, int y) const {
        if (!some(direction, x, y)) return {0, 0};
        return distances_[direction - kUp]
                         [static_cast<std::size_t>(y) * width_ + static_cast<std::size_t>(x)];
    }

  private:
    void sweep(Direction direction, std::size_t block, int first, int last, int step,
               const Buffer<float>& coc, const Buffer<std::uint8_t>& folds) {
        const std::size_t begin = block * kBlock;
        const std::size_t count = std::min<std::size_t>(kBlock, width_ - begin);
        std::array<Walker, kBlock> walkers;
        const auto folded = [&](const std::uint8_t* row) {
            return std::memchr(row, 1, count) != nullptr;
        };
        bool idle = true;
        std::size_t before = static_cast<std::size_t>(first) * width_ + begin;
        bool folds_before = false;
        for (int y = first; y != last; y += step) {
            const std::size_t row = static_cast<std::size_t>(y) * width_ + begin;
            const bool folds_here = folded(folds.data() + row);
            if (!idle || folds_here || folds_before) {
                idle = true;
                const int place = step > 0 ? y - first : first - y;
                for (std::size_t i = 0; i < count; ++i) {
                    Walker& walker = walkers[i];
                    walker.step(place, coc[before + i], coc[row + i]);
                    idle = idle && walker.idle();
                    distances_[direction - kUp][row + i] = {walker.latest(), walker.deepest()};
                }
                some_[direction - kUp][static_cast<std::size_t>(y) * blocks_ + block] = !idle;
            }
            folds_before = folds_here;
            before = row;
        }
    }

    std::size_t width_;
    std::size_t blocks_;
    std::array<std::vector<char>, 2> some_;
    std::array<std::unique_ptr<Distances[]>, 2> distances_;
};

constexpr std::array<std::array<int, 2>, 4> kSteps{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

struct Continued {
    Colour colour;
    float trust;
};

// The colour of a surface that is seen in gaps only: of its pixels around, a rather dark one, since
// those that are in part of another surface or a light are no measure.
Colour around(const Picture& picture, const Buffer<float>& coc, int x, int y) {
    const float own = coc[picture.index(x, y)];
    constexpr int kHalf = kFillSamples / 2;
    std::vector<Colour> seen;
    for (int v = std::max(0, y - kHalf); v <= std::min(picture.height - 1, y + kHalf); ++v) {
        for (int u = std::max(0, x - kHalf); u <= std::min(picture.width - 1, x + kHalf); ++u) {
            if (coc[picture.index(u, v)] > own - kSameSurface)
                seen.push_back(colour(picture, u, v));
        }
    }
    const auto chosen = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
    std::nth_element(seen.begin(), chosen, seen.end(), [](const Colour& a, const Colour& b) {
        return brightness(a) < brightness(b);
    });
    return *chosen;
}

// Continues the surface at (x, y), away from what hides it: its colour without lights, and how far
// that is to be believed.
Continued continued(const Picture& picture, const Buffer<float>& coc,
                    const Buffer<std::uint8_t>& folds, int x, int y, std::array<int, 2> step) {
    float across = 0.0f;  // squared differences to neighbours beside the way,
    float along = 0.0f;   // and on it
    float power = 0.0f;
    float last = coc[picture.index(x, y)];
    std::array<Colour, kFillSamples> seen;  // ordered by brightness
    int count = 0;
    for (int i = 0; i < kFillSamples + 2 && count < kFillSamples; ++i) {
        const int u = x + i * step[0];
        const int v = y + i * step[1];
        if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) break;
        const std::size_t at = picture.index(u, v);
        if (std::fabs(coc[at] - last) > kSameSurface) break;
        last = coc[at];
        if (i < kFillSamples && folds[at] != 0) continue;
        const Colour c = colour(picture, u, v);
        if (i < kTextureSamples) {
            const auto differ = [&](int a, int b) {
                if (a < 0 || b < 0 || a >= picture.width || b >= picture.height) return 0.0f;
                if (std::fabs(coc[picture.index(a, b)] - coc[at]) > kSameSurface) return 0.0f;
                const Colour d = minus(colour(picture, a, b), c);
                return dot(d, d);
            };
            across += 0.5f * (differ(u + step[1], v + step[0]) + differ(u - step[1], v - step[0]));
            along += differ(u + step[0], v + step[1]);
            power += light_power(c);
        }
        auto k = static_cast<std::size_t>(count++);
        for (; k > 0 && brightness(seen[k - 1]) > brightness(c); --k) seen[k] = seen[k - 1];
        seen[k] = c;
    }
    if (count < kFewest) return {around(picture, coc, x, y), kOnlyEdges};
    // The darker half stands for the surface; what is far brighter than that is a light upon it.
    const float limit = 3.0f * brightness(seen[static_cast<std::size_t>((count - 1) / 2)]);
    Colour mean{};
    int used = 0;
    for (int i = 0; i < count; ++i) {
        const Colour& c = seen[static_cast<std::size_t>(i)];
        if (i > (count - 1) / 2 && brightness(c) > limit) break;
        for (std::size_t k = 0; k < 4; ++k) mean[k] += c[k];
        ++used;
    }
    for (float& value : mean) value /= static_cast<float>(used);
    const float even = kEven * power + 1e-12f;
    const float trust = (across + even) / (along + even);
    return {mean, std::clamp(trust, 1.0f / kMostTrust, kMostTrust)};
}

// `continued` as it was for the same place last time.
struct Remembered {
    int x = -1;
    int y = -1;
    Continued surface{};
};

// The surfaces around a pixel that may go on behind it.
struct Fills {
    struct Source {
        int x;
        int y;
        int distance;
        std::size_t direction;
        float coc;
        Remembered* memory;
    };
    std::array<Source, 8> sources;
    std::size_t count = 0;

    void add(const Picture& picture, const Buffer<float>& coc, int x, int y, int distance,
             std::size_t direction, Remembered* memory) {
        sources[count++] = {x, y, distance, direction, coc[picture.index(x, y)], memory};
    }
    float closest() const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < count; ++i) {
            if (sources[i].distance < sources[best].distance) best = i;
        }
        return sources[best].coc;
    }
    float farthest() const {
        float most = sources[0].coc;
        for (std::size_t i = 1; i < count; ++i) most = std::max(most, sources[i].coc);
        return most;
    }
    // The surface at about this circle of confusion, as its sources around continue it. Two that
    // face each other and are alike are the more likely what lies between them.
    Side blend(const Picture& picture, const Buffer<float>& coc_map,
               const Buffer<std::uint8_t>& folds, float coc, float alike) const {
        std::array<const Continued*, kSteps.size()> ends{};
        const auto each = [&](const auto& use) {
            for (std::size_t i = 0; i < count; ++i) {
                if (std::fabs(sources[i].coc - coc) <= alike) use(sources[i]);
            }
        };
        each([&](const Source& source) {
            Remembered& memory = *source.memory;
            if (memory.x != source.x || memory.y != source.y) {
                memory = {source.x, source.y,
                          continued(picture, coc_map, folds, source.x, source.y,
                                    kSteps[source.direction])};
            }
            ends[source.direction] = &memory.surface;
        });
        std::array<float, 2> agreement{1.0f, 1.0f};  // along rows, along columns
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const Continued* const first = ends[2 * axis];
            const Continued* const second = ends[2 * axis + 1];
            if (first == nullptr || second == nullptr) continue;
            const float power = light_power(first->colour) + light_power(second->colour) + 1e-12f;
            const float differ = light_power(minus(first->colour, second->colour)) / power;
            agreement[axis] = 2.0f * kAgree / (kAgree + differ);
        }
        Side side;
        each([&](const Source& source) {
            const Continued& surface = source.memory->surface;
            const auto distance = static_cast<float>(source.distance);
            const float trust = surface.trust * agreement[source.direction / 2];
            side.add(surface.colour, source.coc, trust / (distance * distance));
        });
        side.finish();
        return side;
    }
};

// What filling a row needs, kept from row to row.
struct Filling {
    // What goes behind to the left and to the right.
    struct Row {
        std::vector<Distances> distances;
        std::vector<char> some;  // whether there is any, by block of columns
    };
    std::array<Row, 2> along;
    std::vector<std::array<Remembered, 8>> memories;  // by column
};

// What goes behind along a row, in the direction from `first` on. Folds are few: from one to the
// next nothing need be looked at.
void walk_row(const float* coc, const std::uint8_t* folds, int width, int step,
              Filling::Row& along) {
    along.distances.assign(static_cast<std::size_t>(width), {0, 0});
    along.some.assign(static_cast<std::size_t>((width + kBlock - 1) / kBlock), 0);
    const int first = step > 0 ? 0 : width - 1;
    Walker walker;
    for (int i = 1; i < width; ++i) {
        const int x = first + i * step;
        if (walker.idle() && folds[x] == 0 && folds[x - step] == 0) continue;
        walker.step(i, coc[x - step], coc[x]);
        along.distances[static_cast<std::size_t>(x)] = {walker.latest(), walker.deepest()};
        if (!walker.idle()) along.some[static_cast<std::size_t>(x / kBlock)] = 1;
    }
}

}  // namespace

float yields_behind(float nearer, float farther) {
    return std::clamp(std::copysign(nearer, nearer * farther), 0.0f, 1.0f);
}

void fill(const Picture& picture, const Buffer<std::uint8_t>& folds,
          const std::vector<std::vector<Piece>>& edges, int threads, const AbortFlag* abort,
          Surfaces& surfaces) {
    const Columns columns(picture, surfaces.circles.coc, folds, threads, abort);
    const auto fill_row = [&](int y, Filling& filling) {
        auto& [along, memories] = filling;
        const std::vector<Piece>& edge_row = edges[static_cast<std::size_t>(y)];
        std::vector<Piece>& hidden = surfaces.circles.hidden[static_cast<std::size_t>(y)];
        const std::size_t begin = picture.index(0, y);
        for (const Direction direction : {kLeft, kRight}) {
            walk_row(surfaces.circles.coc.data() + begin, folds.data() + begin, picture.width,
                     direction == kLeft ? 1 : -1, along[direction]);
        }
        auto edge = edge_row.begin();
        const auto nothing_in_block = [&](int x) {
            const auto block = static_cast<std::size_t>(x / kBlock);
            return along[kLeft].some[block] == 0 && along[kRight].some[block] == 0 &&
                   !columns.some(kUp, x, y) && !columns.some(kDown, x, y) &&
                   (edge == edge_row.end() || edge->x >= x + kBlock);
        };
        for (int x = 0; x < picture.width; ++x) {
            if (x % kBlock == 0 && nothing_in_block(x)) {
                x += kBlock - 1;
                continue;
            }
            const std::array<Distances, 4> distances{
                along[kLeft].distances[static_cast<std::size_t>(x)],
                along[kRight].distances[static_cast<std::size_t>(x)], columns.at(kUp, x, y),
                columns.at(kDown, x, y)};
            Fills fills;
            for (std::size_t d = 0; d < 4; ++d) {
                const auto look = [&](int distance, std::size_t memory) {
                    if (distance == 0) return;
                    // Along a row one place of memory serves all its pixels.
                    const auto column = static_cast<std::size_t>(d < kUp ? 0 : x);
                    fills.add(picture, surfaces.circles.coc, x + distance * kSteps[d][0],
                              y + distance * kSteps[d][1], distance, d,
                              &memories[column][2 * d + memory]);
                };
                const auto [latest, deepest] = distances[d];
                look(latest, 0);
                if (deepest != latest) look(deepest, 1);
            }
            const float own = surfaces.circles.coc[begin + static_cast<std::size_t>(x)];
            float shown = own;
            const bool mixed = edge != edge_row.end() && edge->x == x;
            if (mixed) {
                hidden.push_back(*edge);
                shown = edge++->coc;
            }
            if (fills.count == 0) continue;
            const auto add = [&](float coc, float alike) {
                Side side = fills.blend(picture, surfaces.circles.coc, folds, coc, alike);
                const float there = smooth(side.coc - own, kFold, kWholeFold);
                if (there == 0.0f) return;
                for (float& value : side.mean) value *= there;
                hidden.push_back({x, side.coc, there, side.mean, yields_behind(own, side.coc)});
            };
            const float farthest = fills.farthest();
            const float alike = std::max(kFold, 0.25f * (farthest - own));
            if (!mixed) {
                shown = fills.closest();
                add(shown, alike);
            }
            if (farthest > shown + alike) add(farthest, alike);
        }
    };
    std::vector<Filling> fillings(static_cast<std::size_t>(threads));
    constexpr int kStrip = 32;  // so many rows in turn, since they remember each other's surfaces
    parallel_for((picture.height + kStrip - 1) / kStrip, threads, abort,
                 [&](int strip, int thread) {
                     Filling& filling = fillings[static_cast<std::size_t>(thread)];
                     filling.memories.resize(static_cast<std::size_t>(picture.width));
                     const int end = std::min(picture.height, (strip + 1) * kStrip);
                     for (int y = strip * kStrip; y < end; ++y) fill_row(y, filling);
                 });
}

}  // namespace synthetic_focus
