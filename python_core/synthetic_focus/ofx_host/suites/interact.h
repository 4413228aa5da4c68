// Interacts (the overlay on a host's viewer), and the interact and draw suites.
#pragma once

#include <string>
#include <vector>

#include "binary.h"
#include "effect.h"

namespace ofx_host {

// One thing that an overlay drew, with the pen it was drawn with.
struct Stroke {
    int primitive;  // OfxDrawPrimitive, or -1 for text
    OfxRGBAColourF colour;
    float width;
    int stipple;
    std::vector<OfxPointD> points;
    std::string text;
    int alignment;
};

// What an overlay draws on while it is asked to. The strokes are kept; Python paints them.
class DrawContext : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::draw_context;
    DrawContext() : Handle(handle_kind) {}

    std::vector<Stroke> strokes;
    Stroke pen = {-1, {1, 1, 1, 1}, 1, kOfxDrawLineStipplePatternSolid, {}, {}, 0};
};

class Interact : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::interact;
    // version: of the overlay's entry point in the effect's description; 2 draws with the draw
    // suite, 1 with OpenGL. Throws std::invalid_argument where the effect has none.
    Interact(Effect& the_effect, int version);

    OfxStatus call(const std::string& action, PropertySet* arguments, double time);
    // Draws, and gives the strokes.
    std::vector<Stroke> draw(PropertySet& arguments, double time, OfxStatus& status);

    Effect& effect;
    PropertySet properties;
    std::atomic<int> redraws = 0;

  private:
    OfxPluginEntryPoint* entry_;
};

}  // namespace ofx_host
