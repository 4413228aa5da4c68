// Which pixels are lights, whose patches are seen one by one.
#pragma once

#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/passage.h"
#include "synthetic_focus/picture.h"

namespace synthetic_focus {

// How far a pixel is a light, from 0 to 1.
struct Light {
    int x;
    float share;
};

// A pixel is a light where its patch is so much brighter than what it falls upon, the darkest of
// the blocks of pixels around, that the patch's rim shows.
class Lights {
  public:
    // coc: (height, width) the radii that the pixels are blurred by. frame: where the picture lies.
    Lights(const Picture& picture, const Buffer<float>& coc, const Passage& passage,
           const Frame& frame, int threads, const AbortFlag* abort);

    // Those of a row, ordered by x.
    const std::vector<Light>& row(int y) const { return rows_[static_cast<std::size_t>(y)]; }
    // Calls use(begin, end) for the columns of a row that lie where all is black around.
    template <typename Use>
    void each_black(int y, const Use& use) const {
        const int row = block(frame_.y + y) - first_row_;
        for (int column = 0; column < columns_; ++column) {
            if (darkest_[index(column, row)] > 0.0f) continue;
            const auto [begin, end] = columns(column);
            use(begin, end);
        }
    }
    // How far something at a pixel is one; brightness: the sum of its colours.
    float share(int x, int y, float coc, float brightness) const;

  private:
    static constexpr int kSide = 16;
    struct Range {
        int begin;
        int end;
    };
    struct Brightness {
        float mean;
        float most;
    };

    static int block(int at);
    Range columns(int column) const;
    Range rows(int row) const;
    std::size_t index(int column, int row) const;
    Brightness brightness(const Picture& picture, Range columns, Range rows) const;
    std::vector<Light> found(const Picture& picture, const float* coc, int y) const;
    float least_excess(const Passage::Row& row, float x, float darkest) const;

    Passage passage_;
    Frame frame_;
    int width_;
    int height_;
    int first_column_;  // of the blocks, which lie at fixed places of the frame
    int first_row_;
    int columns_;
    int block_rows_;
    std::vector<Brightness> blocks_;
    std::vector<float> darkest_;  // of the blocks around each, by mean brightness
    std::vector<std::vector<Light>> rows_;
};

}  // namespace synthetic_focus
