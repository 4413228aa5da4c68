#include "interact.h"

#include <stdexcept>

namespace ofx_host {

Interact::Interact(Effect& the_effect, int version)
    : Handle(handle_kind),
      effect(the_effect),
      properties(the_effect.host, "the interact"),
      entry_(reinterpret_cast<OfxPluginEntryPoint*>(
          effect.properties.first<void*>(version == 2 ? kOfxImageEffectPluginPropOverlayInteractV2
                                                      : kOfxImageEffectPluginPropOverlayInteractV1,
                                         nullptr))) {
    if (!entry_) {
        throw std::invalid_argument("the effect has no such overlay");
    }
    properties.define(kOfxInteractPropBitDepth, PropertyType::integer, 1, {8}, true);
    properties.define(kOfxInteractPropHasAlpha, PropertyType::integer, 1, {0}, true);
    if (!effect.is_instance) {
        return;
    }
    properties.define(kOfxPropEffectInstance, PropertyType::pointer, 1,
                      {to_c<void*>(static_cast<Handle&>(effect))}, true);
    properties.define(kOfxPropInstanceData, PropertyType::pointer, 1,
                      {static_cast<void*>(nullptr)});
    properties.define(kOfxInteractPropPixelScale, PropertyType::real, 2, {1.0, 1.0}, true);
    properties.define(kOfxInteractPropBackgroundColour, PropertyType::real, 3, {0.0, 0.0, 0.0},
                      true);
    properties.define(kOfxInteractPropSuggestedColour, PropertyType::real, 3, {1.0, 1.0, 1.0},
                      true);
    properties.define(kOfxInteractPropSlaveToParam, PropertyType::text, 0, {});
}

OfxStatus Interact::call(const std::string& action, PropertySet* arguments, double time) {
    if (arguments) {
        arguments->define(kOfxPropEffectInstance, PropertyType::pointer, 1,
                          {to_c<void*>(static_cast<Handle&>(effect))}, true);
    }
    return call_entry(effect.host, entry_, action.c_str(), this, &effect, arguments, nullptr, time,
                      nullptr, nullptr);
}

std::vector<Stroke> Interact::draw(PropertySet& arguments, double time, OfxStatus& status) {
    DrawContext context;
    arguments.define(kOfxInteractPropDrawContext, PropertyType::pointer, 1,
                     {to_c<void*>(static_cast<Handle&>(context))}, true);
    status = call(kOfxInteractActionDraw, &arguments, time);
    return std::move(context.strokes);
}

namespace {

OfxStatus swap_buffers(OfxInteractHandle handle) {
    return find<Interact>(handle) ? kOfxStatOK : kOfxStatErrBadHandle;
}

OfxStatus redraw(OfxInteractHandle handle) {
    auto* interact = find<Interact>(handle);
    if (!interact) {
        return kOfxStatErrBadHandle;
    }
    ++interact->redraws;
    return kOfxStatOK;
}

OfxStatus interact_properties(OfxInteractHandle handle, OfxPropertySetHandle* properties) {
    auto* interact = find<Interact>(handle);
    if (!interact || !properties) {
        return kOfxStatErrBadHandle;
    }
    *properties = to_c<OfxPropertySetHandle>(interact->properties);
    return kOfxStatOK;
}

DrawContext* drawing(OfxDrawContextHandle handle) {
    auto* context = find<DrawContext>(handle);
    if (!context) {
        if (Host* host = current_host()) {
            host->violation("the draw suite was used outside of the draw action");
        }
    }
    return context;
}

OfxStatus get_colour(OfxDrawContextHandle handle, OfxStandardColour wanted,
                     OfxRGBAColourF* colour) {
    // In the order of OfxStandardColour.
    static constexpr OfxRGBAColourF colours[] = {
        {0, 0, 0, 0.5F},    {1, 0.8F, 0.2F, 1},    {1, 1, 1, 1},         {0.6F, 0.6F, 0.6F, 1},
        {0.3F, 0.7F, 1, 1}, {0.3F, 0.7F, 1, 0.2F}, {0.9F, 0.9F, 0.9F, 1}};
    if (!drawing(handle) || !colour) {
        return kOfxStatFailed;
    }
    if (wanted < kOfxStandardColourOverlayBackground || wanted > kOfxStandardColourOverlayText) {
        return kOfxStatErrValue;
    }
    *colour = colours[wanted];
    return kOfxStatOK;
}

OfxStatus set_colour(OfxDrawContextHandle handle, const OfxRGBAColourF* colour) {
    DrawContext* context = drawing(handle);
    if (!context || !colour) {
        return kOfxStatFailed;
    }
    context->pen.colour = *colour;
    return kOfxStatOK;
}

OfxStatus set_width(OfxDrawContextHandle handle, float width) {
    DrawContext* context = drawing(handle);
    if (!context) {
        return kOfxStatFailed;
    }
    context->pen.width = width;
    return kOfxStatOK;
}

OfxStatus set_stipple(OfxDrawContextHandle handle, OfxDrawLineStipplePattern pattern) {
    DrawContext* context = drawing(handle);
    if (!context) {
        return kOfxStatFailed;
    }
    if (pattern < kOfxDrawLineStipplePatternSolid || pattern > kOfxDrawLineStipplePatternDotDash) {
        return kOfxStatErrValue;
    }
    context->pen.stipple = pattern;
    return kOfxStatOK;
}

bool fits(OfxDrawPrimitive primitive, int count) {
    switch (primitive) {
        case kOfxDrawPrimitiveLines:
            return count >= 2 && count % 2 == 0;
        case kOfxDrawPrimitiveLineStrip:
            return count >= 2;
        case kOfxDrawPrimitiveLineLoop:
        case kOfxDrawPrimitivePolygon:
            return count >= 3;
        case kOfxDrawPrimitiveRectangle:
        case kOfxDrawPrimitiveEllipse:
            return count == 2;
    }
    return false;
}

OfxStatus draw(OfxDrawContextHandle handle, OfxDrawPrimitive primitive, const OfxPointD* points,
               int count) {
    DrawContext* context = drawing(handle);
    if (!context) {
        return kOfxStatFailed;
    }
    if (!points || !fits(primitive, count)) {
        return kOfxStatErrValue;
    }
    Stroke stroke = context->pen;
    stroke.primitive = primitive;
    stroke.points.assign(points, points + count);
    context->strokes.push_back(std::move(stroke));
    return kOfxStatOK;
}

OfxStatus draw_text(OfxDrawContextHandle handle, const char* text, const OfxPointD* position,
                    int alignment) {
    DrawContext* context = drawing(handle);
    if (!context) {
        return kOfxStatFailed;
    }
    if (!text || !position) {
        return kOfxStatErrValue;
    }
    Stroke stroke = context->pen;
    stroke.text = text;
    stroke.alignment = alignment;
    stroke.points = {*position};
    context->strokes.push_back(std::move(stroke));
    return kOfxStatOK;
}

}  // namespace

const OfxInteractSuiteV1* interact_suite() {
    static constexpr OfxInteractSuiteV1 suite = {
        guarded<swap_buffers>,
        guarded<redraw>,
        guarded<interact_properties>,
    };
    return &suite;
}

const OfxDrawSuiteV1* draw_suite() {
    static constexpr OfxDrawSuiteV1 suite = {
        guarded<get_colour>,  guarded<set_colour>, guarded<set_width>,
        guarded<set_stipple>, guarded<draw>,       guarded<draw_text>,
    };
    return &suite;
}

}  // namespace ofx_host
