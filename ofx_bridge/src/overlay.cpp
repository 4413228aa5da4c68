#include "overlay.h"

#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <string>

#include "instance.h"
#include "platform.h"
#include "stroke_font.h"

namespace synthetic_focus {

namespace {

// In screen pixels.
constexpr double reticle_radius = 14;
constexpr double ghost_radius = 9;
constexpr double letter_size = 2;
constexpr float line_width = 2;
// How far from the reticle's rim the pen still takes it.
constexpr double reach = 6;

constexpr OfxRGBAColourF locked_colour{0.3f, 1.0f, 0.4f, 1.0f};
constexpr OfxRGBAColourF pulling_colour{1.0f, 0.8f, 0.2f, 1.0f};
constexpr OfxRGBAColourF lost_colour{1.0f, 0.35f, 0.3f, 1.0f};
constexpr OfxRGBAColourF ghost_colour{0.9f, 0.9f, 0.9f, 1.0f};
constexpr OfxRGBAColourF halo_colour{0.0f, 0.0f, 0.0f, 0.7f};

using Line = std::vector<OfxPointD>;

// Draws lines in canonical coordinates.
class Canvas {
  public:
    virtual ~Canvas() = default;
    virtual void line(const Line& points, float width, const OfxRGBAColourF& colour) = 0;
};

class DrawSuiteCanvas : public Canvas {
  public:
    DrawSuiteCanvas(const OfxDrawSuiteV1& suite, OfxDrawContextHandle context)
        : suite_(suite), context_(context) {}
    void line(const Line& points, float width, const OfxRGBAColourF& colour) override {
        call(suite_.setColour, context_, &colour);
        call(suite_.setLineWidth, context_, width);
        call(suite_.draw, context_, kOfxDrawPrimitiveLineStrip, points.data(),
             static_cast<int>(points.size()));
    }

  private:
    const OfxDrawSuiteV1& suite_;
    OfxDrawContextHandle context_;
};

// OpenGL as the host has set it up for an overlay: its coordinates are canonical. The functions are
// those of the library that the host has loaded; without one, nothing is drawn.
class OpenGLCanvas : public Canvas {
  public:
    OpenGLCanvas() {
        if (!complete()) return;
        push_attributes_(all_attributes);
        disable_(texture_2d);
        disable_(depth_test);
        enable_(blend);
        enable_(line_smooth);
        blend_function_(source_alpha, one_minus_source_alpha);
    }
    ~OpenGLCanvas() override {
        if (complete()) pop_attributes_();
    }
    OpenGLCanvas(const OpenGLCanvas&) = delete;
    OpenGLCanvas& operator=(const OpenGLCanvas&) = delete;

    void line(const Line& points, float width, const OfxRGBAColourF& colour) override {
        if (!complete()) return;
        line_width_(width);
        colour_(colour.r, colour.g, colour.b, colour.a);
        begin_(line_strip);
        for (const OfxPointD& point : points) vertex_(point.x, point.y);
        end_();
    }

  private:
    static constexpr unsigned line_strip = 0x0003, source_alpha = 0x0302,
                              one_minus_source_alpha = 0x0303, line_smooth = 0x0B20,
                              depth_test = 0x0B71, blend = 0x0BE2, texture_2d = 0x0DE1,
                              all_attributes = 0x000FFFFF;

    template <typename Function>
    static Function* find(const char* name) {
        return reinterpret_cast<Function*>(platform::loaded_function(name));
    }
    bool complete() const {
        return push_attributes_ && pop_attributes_ && enable_ && disable_ && blend_function_ &&
               line_width_ && colour_ && begin_ && vertex_ && end_;
    }

    void (*push_attributes_)(unsigned) = find<void(unsigned)>("glPushAttrib");
    void (*pop_attributes_)() = find<void()>("glPopAttrib");
    void (*enable_)(unsigned) = find<void(unsigned)>("glEnable");
    void (*disable_)(unsigned) = find<void(unsigned)>("glDisable");
    void (*blend_function_)(unsigned, unsigned) = find<void(unsigned, unsigned)>("glBlendFunc");
    void (*line_width_)(float) = find<void(float)>("glLineWidth");
    void (*colour_)(float, float, float,
                    float) = find<void(float, float, float, float)>("glColor4f");
    void (*begin_)(unsigned) = find<void(unsigned)>("glBegin");
    void (*vertex_)(double, double) = find<void(double, double)>("glVertex2d");
    void (*end_)() = find<void()>("glEnd");
};

// A dark rim below the colour, so that a line shows on any picture.
void outlined(Canvas& canvas, const std::vector<Line>& lines, const OfxRGBAColourF& colour) {
    for (const Line& line : lines) canvas.line(line, line_width + 2, halo_colour);
    for (const Line& line : lines) canvas.line(line, line_width, colour);
}

Line circle(OfxPointD centre, double radius) {
    constexpr int corners = 48;
    Line points;
    for (int i = 0; i <= corners; ++i) {
        const double angle = 2 * std::numbers::pi * i / corners;
        points.push_back(
            {centre.x + radius * std::cos(angle), centre.y + radius * std::sin(angle)});
    }
    return points;
}

std::vector<Line> text(std::string_view words, OfxPointD at, double size) {
    std::vector<Line> lines = text_lines(words);
    for (Line& line : lines) {
        for (OfxPointD& point : line) point = {at.x + size * point.x, at.y + size * point.y};
    }
    return lines;
}

// What an interact's handle stands for: the effect that it belongs to, and the drag that is going
// on.
struct Overlay {
    OfxImageEffectHandle effect;
    bool dragging = false;
    OfxPointD grip{};
};

Properties properties_of(OfxInteractHandle interact) {
    OfxPropertySetHandle handle = nullptr;
    if (suites().interact) {
        call(suites().interact->interactGetPropertySet, interact, &handle);
    }
    return Properties(handle);
}

// The viewer at a time: where the picture lies in it, and how large a screen pixel is.
struct View {
    double time;
    OfxRectD picture;
    double pixel;

    OfxPointD place(const Value& fraction) const {
        return {picture.x1 + fraction.numbers[0] * (picture.x2 - picture.x1),
                picture.y1 + fraction.numbers[1] * (picture.y2 - picture.y1)};
    }
    Value fraction(OfxPointD point) const {
        const auto share = [](double x, double low, double high) {
            return std::clamp((x - low) / (high - low), 0.0, 1.0);
        };
        return {{share(point.x, picture.x1, picture.x2), share(point.y, picture.y1, picture.y2)},
                ""};
    }
};

std::optional<View> view_of(const Instance& instance, const Properties& arguments) {
    View view{arguments.number(kOfxPropTime).value_or(0), {}, 1};
    const OfxImageClipHandle source = instance.clip(source_clip);
    if (!source || call(suites().effect->clipGetRegionOfDefinition, source, view.time,
                        &view.picture) != kOfxStatOK) {
        return std::nullopt;
    }
    const double height = view.picture.y2 - view.picture.y1;
    if (height <= 0 || view.picture.x2 <= view.picture.x1) return std::nullopt;
    view.pixel = arguments.number(kOfxInteractPropPixelScale, 1).value_or(1);
    // Resolve always says 1, whatever the zoom: then a viewer as high as on a laptop is assumed.
    constexpr double laptop_viewer = 720;
    if (view.pixel == 1 || view.pixel <= 0) view.pixel = std::max(1.0, height / laptop_viewer);
    return view;
}

std::string frame_name(double time) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", time);
    return digits;
}

// Until a frame has been rendered: whether a pull to the next target is due, as focus/puller.py has
// it.
FocusSight expected(const Instance& instance, const std::vector<double>& keys, double time) {
    const auto next = std::ranges::upper_bound(keys, time);
    if (next == keys.begin() || next == keys.end()) return {FocusState::Locked, std::nullopt};
    const double settle = instance.value(parameter::settle_frames, time).numbers[0];
    const double pull = instance.value(parameter::pull_frames, *next).numbers[0];
    const double span = *next - *std::prev(next);
    const double squeeze = std::min(1.0, span / std::max(pull + settle, 1e-9));
    const double end = *next - squeeze * settle;
    const bool pulls = end - squeeze * pull < time && time < end;
    return {pulls ? FocusState::Pulling : FocusState::Locked, std::nullopt};
}

struct Look {
    const char* word;
    OfxRGBAColourF colour;
};

Look look_of(FocusState state) {
    switch (state) {
        case FocusState::Pulling:
            return {"PULLING", pulling_colour};
        case FocusState::Lost:
            return {"LOST", lost_colour};
        default:
            return {"LOCKED", locked_colour};
    }
}

// A box around the subject; of one that is lost only the corners, where it was seen last.
std::vector<Line> frame_of(const OfxRectD& r, bool lost) {
    if (!lost) return {{{r.x1, r.y1}, {r.x2, r.y1}, {r.x2, r.y2}, {r.x1, r.y2}, {r.x1, r.y1}}};
    const double w = (r.x2 - r.x1) / 4, h = (r.y2 - r.y1) / 4;
    return {{{r.x1 + w, r.y1}, {r.x1, r.y1}, {r.x1, r.y1 + h}},
            {{r.x2 - w, r.y1}, {r.x2, r.y1}, {r.x2, r.y1 + h}},
            {{r.x2 - w, r.y2}, {r.x2, r.y2}, {r.x2, r.y2 - h}},
            {{r.x1 + w, r.y2}, {r.x1, r.y2}, {r.x1, r.y2 - h}}};
}

void draw(const Instance& instance, const View& view, Canvas& canvas) {
    std::vector<double> keys = instance.key_times(parameter::focus_point);
    std::ranges::sort(keys);
    const auto ghost = [&](double key) {
        const OfxPointD centre = view.place(instance.value(parameter::focus_point, key));
        const double radius = ghost_radius * view.pixel;
        outlined(canvas, {circle(centre, radius)}, ghost_colour);
        outlined(canvas,
                 text(frame_name(key), {centre.x + 1.5 * radius, centre.y - radius},
                      letter_size * view.pixel),
                 ghost_colour);
    };
    const auto next = std::ranges::upper_bound(keys, view.time);
    const auto current = std::ranges::lower_bound(keys, view.time);
    if (current != keys.begin()) ghost(*std::prev(current));
    if (next != keys.end()) ghost(*next);

    const FocusSight sight =
        instance.focus_at(view.time).value_or(expected(instance, keys, view.time));
    const auto [word, colour] = look_of(sight.state);
    const OfxPointD centre = view.place(instance.value(parameter::focus_point, view.time));
    const double radius = reticle_radius * view.pixel;
    const double inner = radius / 2;
    OfxPointD word_place{centre.x + 1.2 * radius, centre.y + radius};
    if (sight.box) {
        const OfxPointD low = view.place({{sight.box->x1, sight.box->y1}, ""});
        const OfxPointD high = view.place({{sight.box->x2, sight.box->y2}, ""});
        outlined(canvas, frame_of({low.x, low.y, high.x, high.y}, sight.state == FocusState::Lost),
                 colour);
        // Above the subject; where the picture ends there, within its box.
        const double unit = letter_size * view.pixel, gap = 4 * unit, letter = 6 * unit;
        const double above = high.y + gap;
        const double within = std::min(high.y, view.picture.y2) - gap - letter;
        word_place = {std::max(low.x, view.picture.x1) + gap,
                      above + letter < view.picture.y2 ? above : within};
    }
    outlined(canvas,
             {circle(centre, radius),
              {{centre.x - 1.5 * radius, centre.y}, {centre.x - inner, centre.y}},
              {{centre.x + inner, centre.y}, {centre.x + 1.5 * radius, centre.y}},
              {{centre.x, centre.y - 1.5 * radius}, {centre.x, centre.y - inner}},
              {{centre.x, centre.y + inner}, {centre.x, centre.y + 1.5 * radius}}},
             colour);
    outlined(canvas, text(word, word_place, letter_size * view.pixel), colour);
}

OfxPointD pen_position(const Properties& arguments) {
    return {arguments.number(kOfxInteractPropPenPosition, 0).value_or(0),
            arguments.number(kOfxInteractPropPenPosition, 1).value_or(0)};
}

OfxStatus pen_down(Overlay& overlay, const Instance& instance, const View& view, OfxPointD pen) {
    const OfxPointD centre = view.place(instance.value(parameter::focus_point, view.time));
    const double distance = std::hypot(pen.x - centre.x, pen.y - centre.y);
    if (distance > (reticle_radius + reach) * view.pixel) return kOfxStatReplyDefault;
    overlay.dragging = true;
    overlay.grip = {pen.x - centre.x, pen.y - centre.y};
    instance.begin_edit("Focus Point");
    return kOfxStatOK;
}

OfxStatus pen_motion(const Overlay& overlay, OfxInteractHandle interact, const Instance& instance,
                     const View& view, OfxPointD pen) {
    if (!overlay.dragging) return kOfxStatReplyDefault;
    const OfxPointD centre{pen.x - overlay.grip.x, pen.y - overlay.grip.y};
    instance.move_focus_point(view.time, view.fraction(centre));
    call(suites().interact->interactRedraw, interact);
    return kOfxStatOK;
}

OfxStatus end_drag(Overlay& overlay, const Instance& instance) {
    if (!overlay.dragging) return kOfxStatReplyDefault;
    overlay.dragging = false;
    instance.end_edit();
    return kOfxStatOK;
}

OfxStatus create(OfxInteractHandle interact) {
    const Properties properties = properties_of(interact);
    auto* effect = static_cast<OfxImageEffectHandle>(properties.pointer(kOfxPropEffectInstance));
    auto overlay = std::make_unique<Overlay>(Overlay{effect});
    // The viewer shows anew what these change.
    properties.set(kOfxInteractPropSlaveToParam, parameters[parameter::focus_point].name, 0);
    properties.set(kOfxInteractPropSlaveToParam, parameters[parameter::focus_mode].name, 1);
    properties.set(kOfxPropInstanceData, static_cast<void*>(overlay.release()));
    return kOfxStatOK;
}

OfxStatus destroy(OfxInteractHandle interact, Overlay* overlay) {
    properties_of(interact).set(kOfxPropInstanceData, static_cast<void*>(nullptr));
    delete overlay;
    return kOfxStatOK;
}

std::unique_ptr<Canvas> canvas_of(bool draw_suite, const Properties& arguments) {
    if (!draw_suite) return std::make_unique<OpenGLCanvas>();
    auto* context =
        static_cast<OfxDrawContextHandle>(arguments.pointer(kOfxInteractPropDrawContext));
    if (!suites().draw || !context) return nullptr;
    return std::make_unique<DrawSuiteCanvas>(*suites().draw, context);
}

OfxStatus dispatch(std::string_view action, OfxInteractHandle interact, const Properties& arguments,
                   bool draw_suite) {
    if (action == kOfxActionDescribe || !interact || !find_suites()) return kOfxStatOK;
    if (action == kOfxActionCreateInstance) return create(interact);
    auto* overlay = static_cast<Overlay*>(properties_of(interact).pointer(kOfxPropInstanceData));
    if (action == kOfxActionDestroyInstance) return destroy(interact, overlay);
    const Instance* instance = overlay ? Instance::of(overlay->effect) : nullptr;
    const auto view = instance ? view_of(*instance, arguments) : std::nullopt;
    if (!view) return kOfxStatReplyDefault;
    // A drag that has begun ends, whatever happens to the mode meanwhile.
    if (action == kOfxInteractActionPenUp || action == kOfxInteractActionLoseFocus) {
        return end_drag(*overlay, *instance);
    }
    if (instance->option(parameter::focus_mode, view->time) != option::focus_mode::point) {
        return kOfxStatReplyDefault;
    }
    if (action == kOfxInteractActionDraw) {
        if (const auto canvas = canvas_of(draw_suite, arguments)) draw(*instance, *view, *canvas);
        return kOfxStatOK;
    }
    if (action == kOfxInteractActionPenDown) {
        return pen_down(*overlay, *instance, *view, pen_position(arguments));
    }
    if (action == kOfxInteractActionPenMotion) {
        return pen_motion(*overlay, interact, *instance, *view, pen_position(arguments));
    }
    return kOfxStatReplyDefault;
}

// No exception may reach the host.
template <bool draw_suite>
OfxStatus entry(const char* action, const void* handle, OfxPropertySetHandle in_arguments,
                OfxPropertySetHandle /*out_arguments*/) {
    if (!action) return kOfxStatErrValue;
    try {
        return dispatch(action, static_cast<OfxInteractHandle>(const_cast<void*>(handle)),
                        Properties(in_arguments), draw_suite);
    } catch (...) {
        return kOfxStatFailed;
    }
}

}  // namespace

OfxPluginEntryPoint* const overlay_with_draw_suite = entry<true>;
OfxPluginEntryPoint* const overlay_with_opengl = entry<false>;

}  // namespace synthetic_focus
