#include "describe.h"

#include <cmath>

#include "instance.h"
#include "overlay.h"

namespace synthetic_focus {

namespace {

template <std::size_t count>
void set_all(const Properties& properties, const char* name, const char* const (&values)[count]) {
    for (std::size_t i = 0; i < count; ++i) properties.set(name, values[i], static_cast<int>(i));
}

void define_clip(OfxImageEffectHandle effect, const char* name, bool optional) {
    OfxPropertySetHandle handle = nullptr;
    if (call(suites().effect->clipDefine, effect, name, &handle) != kOfxStatOK) return;
    const Properties clip(handle);
    set_all(clip, kOfxImageEffectPropSupportedComponents,
            {kOfxImageComponentRGBA, kOfxImageComponentRGB});
    if (optional) {
        clip.set(kOfxImageEffectPropSupportedComponents, kOfxImageComponentAlpha, 2);
        clip.set(kOfxImageClipPropOptional, 1);
    }
    clip.set(kOfxImageEffectPropTemporalClipAccess, 1);
    clip.set(kOfxImageEffectPropSupportsTiles, 0);
    clip.set(kOfxImageClipPropIsMask, 0);
}

const char* type_name(Type type) {
    switch (type) {
        case Type::Double:
            return kOfxParamTypeDouble;
        case Type::Double2D:
            return kOfxParamTypeDouble2D;
        case Type::Int:
            return kOfxParamTypeInteger;
        case Type::Bool:
            return kOfxParamTypeBoolean;
        case Type::Choice:
            return kOfxParamTypeChoice;
        case Type::Path:
        case Type::String:
        case Type::Label:
            return kOfxParamTypeString;
        case Type::Button:
            return kOfxParamTypePushButton;
    }
    return kOfxParamTypeString;
}

// The range and the display range, both always: Resolve clamps a number without them to (-1, 1) or
// (0, 0).
template <typename Number>
void set_range(const Properties& properties, const Parameter& row, int dimensions) {
    for (int i = 0; i < dimensions; ++i) {
        properties.set(kOfxParamPropDefault, static_cast<Number>(row.default_numbers[i]), i);
        properties.set(kOfxParamPropMin, static_cast<Number>(row.range.low), i);
        properties.set(kOfxParamPropMax, static_cast<Number>(row.range.high), i);
        properties.set(kOfxParamPropDisplayMin, static_cast<Number>(row.display.low), i);
        properties.set(kOfxParamPropDisplayMax, static_cast<Number>(row.display.high), i);
    }
}

void set_step(const Properties& properties, const Parameter& row) {
    properties.set(kOfxParamPropIncrement, row.step);
    properties.set(kOfxParamPropDigits,
                   std::max(1, 1 - static_cast<int>(std::floor(std::log10(row.step)))));
    properties.set(kOfxParamPropDoubleType, kOfxParamDoubleTypePlain);
}

void set_default(const Properties& properties, const Parameter& row) {
    switch (row.type) {
        case Type::Double:
            set_range<double>(properties, row, 1);
            return set_step(properties, row);
        case Type::Double2D:
            set_range<double>(properties, row, 2);
            set_step(properties, row);
            return set_all(properties, kOfxParamPropDimensionLabel, {"x", "y"});
        case Type::Int:
            return set_range<int>(properties, row, 1);
        case Type::Choice:
            for (std::size_t i = 0; i < row.options.size(); ++i) {
                properties.set(kOfxParamPropChoiceOption, row.options[i].label,
                               static_cast<int>(i));
            }
            [[fallthrough]];
        case Type::Bool:
            return properties.set(kOfxParamPropDefault, static_cast<int>(row.default_numbers[0]));
        case Type::Path:
            properties.set(kOfxParamPropStringMode, kOfxParamStringIsFilePath);
            // A sequence's pattern is no file that exists.
            properties.set(kOfxParamPropStringFilePathExists, 0);
            return properties.set(kOfxParamPropDefault, row.default_text);
        case Type::String:
            properties.set(kOfxParamPropStringMode, kOfxParamStringIsSingleLine);
            return properties.set(kOfxParamPropDefault, row.default_text);
        case Type::Label:
            properties.set(kOfxParamPropStringMode, kOfxParamStringIsLabel);
            // What is said about the shot changes nothing in its picture.
            return properties.set(kOfxParamPropEvaluateOnChange, 0);
        case Type::Button:
            return;
    }
}

Properties define(OfxParamSetHandle set, const char* type, const char* name, const char* label) {
    OfxPropertySetHandle handle = nullptr;
    call(suites().parameter->paramDefine, set, type, name, &handle);
    const Properties properties(handle);
    properties.set(kOfxPropLabel, label);
    properties.set(kOfxPropShortLabel, label);
    properties.set(kOfxPropLongLabel, label);
    properties.set(kOfxParamPropScriptName, name);
    return properties;
}

void define_parameter(OfxParamSetHandle set, const Parameter& row) {
    const Properties properties = define(set, type_name(row.type), row.name, row.label);
    properties.set(kOfxParamPropHint, row.hint);
    properties.set(kOfxParamPropParent, groups[row.group].name);
    set_default(properties, row);
    if (row.type == Type::Button) return;
    properties.set(kOfxParamPropAnimates, row.animates ? 1 : 0);
    // Only what is never shown: Nuke keeps what is described secret so for ever.
    if (row.secret) properties.set(kOfxParamPropSecret, 1);
}

void define_parameters(OfxParamSetHandle set) {
    const Properties page = define(set, kOfxParamTypePage, "controls", "Controls");
    int child = 0;
    for (std::size_t group = 0; group < std::size(groups); ++group) {
        const Properties properties =
            define(set, kOfxParamTypeGroup, groups[group].name, groups[group].label);
        properties.set(kOfxParamPropHint, groups[group].hint);
        properties.set(kOfxParamPropGroupOpen, 1);
        page.set(kOfxParamPropPageChild, groups[group].name, child++);
        for (const Parameter& row : parameters) {
            if (row.group != group) continue;
            define_parameter(set, row);
            if (!row.secret) page.set(kOfxParamPropPageChild, row.name, child++);
        }
    }
}

}  // namespace

OfxStatus describe(OfxImageEffectHandle effect) {
    const Properties properties = properties_of(effect);
    properties.set(kOfxPropLabel, "Synthetic Focus");
    properties.set(kOfxPropShortLabel, "Synthetic Focus");
    properties.set(kOfxPropLongLabel, "Synthetic Focus");
    properties.set(kOfxPropPluginDescription,
                   "Gives deep-focus footage the shallow focus of a cinema lens, and pulls it from "
                   "subject to subject.");
    properties.set(kOfxPropVersionLabel, SYNTHETIC_FOCUS_VERSION);
    properties.set(kOfxImageEffectPluginPropGrouping, "Filter");
    set_all(properties, kOfxImageEffectPropSupportedContexts,
            {kOfxImageEffectContextFilter, kOfxImageEffectContextGeneral});
    set_all(properties, kOfxImageEffectPropSupportedPixelDepths,
            {kOfxBitDepthByte, kOfxBitDepthShort, kOfxBitDepthHalf, kOfxBitDepthFloat});
    // Where a host gives the frame that it renders and no other, an estimate is made steady by the
    // frames that the instance has rendered. MLT makes an instance for every frame of whatever it
    // may render two of at once, and such an instance has seen none.
    const bool other_times =
        Properties(suites().host).integer(kOfxImageEffectPropTemporalClipAccess).value_or(1) != 0;
    properties.set(kOfxImageEffectPluginRenderThreadSafety,
                   other_times ? kOfxImageEffectRenderFullySafe : kOfxImageEffectRenderUnsafe);
    properties.set(kOfxImageEffectPluginPropHostFrameThreading, 0);
    properties.set(kOfxImageEffectPluginPropSingleInstance, 0);
    properties.set(kOfxImageEffectPluginPropFieldRenderTwiceAlways, 0);
    // A pixel's light spreads far, so a tile would need almost the whole picture.
    properties.set(kOfxImageEffectPropSupportsTiles, 0);
    properties.set(kOfxImageEffectPropSupportsMultiResolution, 1);
    properties.set(kOfxImageEffectPropTemporalClipAccess, 1);
    // Depth is float where the picture may be 8 bit.
    properties.set(kOfxImageEffectPropSupportsMultipleClipDepths, 1);
    properties.set(kOfxImageEffectPropSupportsMultipleClipPARs, 0);
    // Where depth comes from decides whether a still picture's output moves.
    set_all(properties, kOfxImageEffectPropClipPreferencesSlaveParam,
            {parameters[parameter::depth_source].name, parameters[parameter::depth_file].name});
    properties.set(kOfxImageEffectPluginPropOverlayInteractV1,
                   reinterpret_cast<void*>(overlay_with_opengl));
    properties.set(kOfxImageEffectPluginPropOverlayInteractV2,
                   reinterpret_cast<void*>(overlay_with_draw_suite));
    properties.set(kOfxImageEffectPropOpenGLRenderSupported, "false");
    properties.set(kOfxImageEffectPropCPURenderSupported, "true");
    return kOfxStatOK;
}

OfxStatus describe_in_context(OfxImageEffectHandle effect) {
    define_clip(effect, source_clip, false);
    define_clip(effect, depth_clip, true);
    define_clip(effect, output_clip, false);
    OfxParamSetHandle set = nullptr;
    if (call(suites().effect->getParamSet, effect, &set) == kOfxStatOK && set) {
        define_parameters(set);
    }
    return kOfxStatOK;
}

}  // namespace synthetic_focus
