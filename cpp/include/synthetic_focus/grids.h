// The cells that a picture's patches are scattered on, and the tables of those patches.
#pragma once

#include <memory>
#include <vector>

#include "synthetic_focus/buffer.h"
#include "synthetic_focus/coarse.h"
#include "synthetic_focus/defocus.h"
#include "synthetic_focus/kernels.h"
#include "synthetic_focus/passage.h"
#include "synthetic_focus/span_table.h"

namespace synthetic_focus {

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
    Buffer<float> values;
    std::vector<Run> runs;
    std::vector<Segment> segments;  // nearest layer first
};

// Cells of one size, and what is scattered on them.
struct Grid {
    Frame place;      // in cells; its first cell's row and column are 0
    int rows_before;  // of pieces, before row 0
    SpanTable table;
    std::vector<RowSamples> rows;  // of the colour that is rendered

    // Numbers in a row of cells of N each.
    template <int N>
    std::size_t row_size() const {
        return static_cast<std::size_t>(table.stride()) * N;
    }
};

// The picture's own cells and the coarser ones, which all colours share.
struct Grids {
    std::vector<CoarsePlace> coarse;
    std::vector<Grid> all;  // the picture's, then those

    Grids(const Picture& picture, const ApertureShape& shape, const Passage& passage,
          const Settings& settings, float largest);

    // The patches that were marked since the last picture.
    void build_patches(int threads, const AbortFlag* abort);
};

// What grids depend on.
struct GridsKey {
    ApertureShape shape;
    Frame frame;
    int width;
    int height;
    Quality quality;
    float largest;

    bool operator==(const GridsKey&) const = default;
};

// A shot's frames have one lens, and making its patches is a good part of a frame's time.
class KeptGrids {
  public:
    KeptGrids(const Picture& picture, const ApertureShape& shape, const Passage& passage,
              const Settings& settings, float largest);

    Grids& operator*() { return *grids_; }

    // To be called when the picture is done; what is stopped on the way is not kept.
    void keep();

  private:
    GridsKey key_;
    std::unique_ptr<Grids> grids_;
};

}  // namespace synthetic_focus
