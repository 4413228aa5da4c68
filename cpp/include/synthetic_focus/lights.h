// Which pixels are lights, whose patches are seen one by one.
#pragma once

#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/passage.h"
#include "synthetic_focus/picture.h"

namespace synthetic_focus {

// A pixel is a light where its patch is so much brighter than what is around the pixel, on average
// over blocks of pixels, that the patch's rim shows.
class Lights {
  public:
    // How far something is one, from 0 to 1: how far its rim is seen, and its rings.
    struct Shares {
        float seen;
        float ringed;
    };

    // coc: (height, width) the radii that the pixels are blurred by. frame: where the picture lies.
    Lights(const Picture& picture, const Buffer<float>& coc, const Passage& passage,
           const Frame& frame, int threads, const AbortFlag* abort);

    // Those of a row, ordered by x.
    struct Light {
        int x;
        Shares shares;
    };
    const std::vector<Light>& row(int y) const { return rows_[static_cast<std::size_t>(y)]; }
    // Calls use(begin, end) for the columns of a row that lie beside where all is black.
    template <typename Use>
    void each_black(int y, const Use& use) const {
        const int row = block(frame_.y + y) - first_row_;
        for (int column = 0; column < columns_; ++column) {
            if (!around_[index(column, row)].black) continue;
            const auto [begin, end] = columns(column);
            use(begin, end);
        }
    }
    // Of something at a pixel; brightness: the sum of its colours.
    Shares shares(int x, int y, float coc, float brightness) const;

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
    struct Around {
        float mean = 0.0f;
        bool black = false;  // somewhere
    };

    static int block(int at);
    Range columns(int column) const;
    Range rows(int row) const;
    std::size_t index(int column, int row) const;
    Brightness brightness(const Picture& picture, Range columns, Range rows) const;
    std::vector<Light> found(const Picture& picture, const float* coc, int y) const;
    float least_excess(const Passage::Row& row, float x, float around) const;

    Passage passage_;
    Frame frame_;
    int width_;
    int height_;
    int first_column_;  // of the blocks, which lie at fixed places of the frame
    int first_row_;
    int columns_;
    int block_rows_;
    std::vector<Brightness> blocks_;
    std::vector<Around> around_;  // each block, itself among them
    std::vector<std::vector<Light>> rows_;
};

}  // namespace synthetic_focus
