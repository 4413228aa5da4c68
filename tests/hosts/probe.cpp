// A plug-in to test the headless host with. Gain multiplies its source, by the book; Fault does the
// one wrong thing that its parameter "fault" names.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "openfx.h"

namespace {

OfxHost* host = nullptr;
const OfxPropertySuiteV1* properties = nullptr;
const OfxParameterSuiteV1* parameters = nullptr;
const OfxImageEffectSuiteV1* effects = nullptr;
const OfxMemorySuiteV1* memory = nullptr;
const OfxMultiThreadSuiteV1* threads = nullptr;
const OfxMessageSuiteV2* messages = nullptr;
const OfxProgressSuiteV2* progress = nullptr;
const OfxTimeLineSuiteV1* timeline = nullptr;
const OfxInteractSuiteV1* interacts = nullptr;
const OfxDrawSuiteV1* drawing = nullptr;
OfxDrawContextHandle last_context = nullptr;
// The changes that the plug-in was told of.
std::string record;

template <class Suite>
void fetch(const Suite*& suite, const char* name, int version) {
    suite = static_cast<const Suite*>(host->fetchSuite(host->host, name, version));
}

OfxPropertySetHandle define_parameter(OfxParamSetHandle set, const char* type, const char* name) {
    OfxPropertySetHandle handle = nullptr;
    parameters->paramDefine(set, type, name, &handle);
    return handle;
}

OfxParamHandle parameter(OfxImageEffectHandle effect, const char* name) {
    OfxParamSetHandle set = nullptr;
    effects->getParamSet(effect, &set);
    OfxParamHandle handle = nullptr;
    parameters->paramGetHandle(set, name, &handle, nullptr);
    return handle;
}

OfxImageClipHandle clip(OfxImageEffectHandle effect, const char* name) {
    OfxImageClipHandle handle = nullptr;
    effects->clipGetHandle(effect, name, &handle, nullptr);
    return handle;
}

struct Picture {
    OfxPropertySetHandle handle = nullptr;
    char* data = nullptr;
    OfxRectI bounds = {};
    int row_bytes = 0;
    int channels = 0;
    std::string depth;

    bool open(OfxImageClipHandle from, double time, const OfxRectD* region = nullptr) {
        if (effects->clipGetImage(from, time, region, &handle) != kOfxStatOK || !handle) {
            return false;
        }
        void* address = nullptr;
        char* text = nullptr;
        properties->propGetPointer(handle, kOfxImagePropData, 0, &address);
        data = static_cast<char*>(address);
        properties->propGetIntN(handle, kOfxImagePropBounds, 4, &bounds.x1);
        properties->propGetInt(handle, kOfxImagePropRowBytes, 0, &row_bytes);
        properties->propGetString(handle, kOfxImageEffectPropComponents, 0, &text);
        channels = std::string(text) == kOfxImageComponentRGBA  ? 4
                   : std::string(text) == kOfxImageComponentRGB ? 3
                                                                : 1;
        properties->propGetString(handle, kOfxImageEffectPropPixelDepth, 0, &text);
        depth = text;
        return data != nullptr;
    }
    char* at(int x, int y, int size) const {
        return data + static_cast<std::ptrdiff_t>(y - bounds.y1) * row_bytes +
               static_cast<std::ptrdiff_t>(x - bounds.x1) * channels * size;
    }
    ~Picture() {
        if (handle) {
            effects->clipReleaseImage(handle);
        }
    }
};

struct Work {
    const Picture* source;
    const Picture* target;
    OfxRectI window;
    double gain;
    OfxImageEffectHandle effect;
    std::atomic<bool> aborted = false;
};

template <class T>
void multiply(const Work& work, int y) {
    for (int x = work.window.x1; x < work.window.x2; ++x) {
        const auto* from = reinterpret_cast<const T*>(work.source->at(x, y, sizeof(T)));
        auto* to = reinterpret_cast<T*>(work.target->at(x, y, sizeof(T)));
        for (int c = 0; c < work.target->channels; ++c) {
            to[c] = static_cast<T>(from[c] * work.gain);
        }
    }
}

void multiply_rows(unsigned int index, unsigned int count, void* argument) {
    auto& work = *static_cast<Work*>(argument);
    for (int y = work.window.y1 + static_cast<int>(index); y < work.window.y2;
         y += static_cast<int>(count)) {
        if (effects->abort(work.effect)) {
            work.aborted = true;
            return;
        }
        if (work.target->depth == kOfxBitDepthFloat) {
            multiply<float>(work, y);
        } else if (work.target->depth == kOfxBitDepthShort) {
            multiply<std::uint16_t>(work, y);
        } else {
            multiply<std::uint8_t>(work, y);
        }
    }
}

OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
    double time = 0;
    OfxRectI window = {};
    properties->propGetDouble(in, kOfxPropTime, 0, &time);
    properties->propGetIntN(in, kOfxImageEffectPropRenderWindow, 4, &window.x1);
    Picture source;
    Picture target;
    if (!source.open(clip(effect, "Source"), time) || !target.open(clip(effect, "Output"), time)) {
        messages->setPersistentMessage(effect, kOfxMessageError, "no image", "no image at %g",
                                       time);
        return kOfxStatFailed;
    }
    double gain = 1;
    parameters->paramGetValueAtTime(parameter(effect, "gain"), time, &gain);
    Work work = {&source, &target, window, gain, effect};
    if (progress) {
        progress->progressStart(effect, "Multiplying", "multiplying");
        if (progress->progressUpdate(effect, 0.5) != kOfxStatOK) {
            progress->progressEnd(effect);
            return kOfxStatFailed;
        }
    }
    if (threads) {
        threads->multiThread(multiply_rows, 0, &work);
    } else {
        multiply_rows(0, 1, &work);
    }
    if (progress) {
        progress->progressEnd(effect);
    }
    return work.aborted ? kOfxStatFailed : kOfxStatOK;
}

OfxStatus changed(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
    char* name = nullptr;
    char* reason = nullptr;
    double time = 0;
    properties->propGetString(in, kOfxPropName, 0, &name);
    const std::string what = name;
    properties->propGetString(in, kOfxPropChangeReason, 0, &reason);
    record += what + ":" + (reason + std::strlen("OfxChange")) + " ";
    properties->propGetDouble(in, kOfxPropTime, 0, &time);
    OfxParamSetHandle set = nullptr;
    effects->getParamSet(effect, &set);
    if (what == "preset") {
        parameters->paramEditBegin(set, "Preset");
        parameters->paramSetValue(parameter(effect, "gain"), 3.0);
        parameters->paramSetValue(parameter(effect, "point"), 0.25, 0.75);
        parameters->paramSetValue(parameter(effect, "count"), 7);
        parameters->paramSetValue(parameter(effect, "text"), "from the preset");
        parameters->paramEditEnd(set);
    }
    if (what == "keys") {
        OfxParamHandle gain = parameter(effect, "gain");
        OfxParamHandle copy = parameter(effect, "copy");
        for (int i = 0; i < 3; ++i) {
            parameters->paramSetValueAtTime(gain, 10.0 * i, i + 1.0);
        }
        unsigned int count = 0;
        double second = -1;
        int before = -1;
        int exact = -1;
        int after = -1;
        double slope = 0;
        double area = 0;
        const OfxStatus status = parameters->paramGetNumKeys(gain, &count);
        parameters->paramGetKeyTime(gain, 1, &second);
        parameters->paramGetKeyIndex(gain, 10.0, -1, &before);
        parameters->paramGetKeyIndex(gain, 10.0, 0, &exact);
        parameters->paramGetKeyIndex(gain, 10.0, 1, &after);
        parameters->paramGetDerivative(gain, 5.0, &slope);
        parameters->paramGetIntegral(gain, 0.0, 20.0, &area);
        parameters->paramCopy(copy, gain, 100.0, nullptr);
        parameters->paramDeleteKey(gain, 20.0);
        messages->message(effect, kOfxMessageLog, "keys", "%d %u %g %d %d %d %g %g", status, count,
                          second, before, exact, after, slope, area);
    }
    if (what == "where") {
        double now = 0;
        double first = 0;
        double last = 0;
        timeline->getTime(effect, &now);
        timeline->getTimeBounds(effect, &first, &last);
        timeline->gotoTime(effect, last);
        messages->message(effect, kOfxMessageMessage, "where", "%g %g %g", now, first, last);
    }
    return kOfxStatOK;
}

// The overlay: one of each primitive around the point, which the pen drags.
OfxStatus draw_overlay(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
    void* context_address = nullptr;
    double scale[2] = {};
    properties->propGetPointer(in, kOfxInteractPropDrawContext, 0, &context_address);
    properties->propGetDoubleN(in, kOfxInteractPropPixelScale, 2, scale);
    auto* context = static_cast<OfxDrawContextHandle>(context_address);
    last_context = context;
    OfxPointD at = {};
    parameters->paramGetValue(parameter(effect, "point"), &at.x, &at.y);
    const OfxRGBAColourF red = {1, 0, 0, 1};
    const OfxRGBAColourF half_blue = {0, 0, 1, 0.5F};
    drawing->setColour(context, &red);
    const OfxPointD corners[] = {at, {at.x + 8, at.y + 4}};
    drawing->draw(context, kOfxDrawPrimitiveRectangle, corners, 2);
    drawing->setColour(context, &half_blue);
    const OfxPointD triangle[] = {{0, 0}, {10, 0}, {0, 10}};
    drawing->draw(context, kOfxDrawPrimitivePolygon, triangle, 3);
    drawing->setLineWidth(context, 3);
    const OfxPointD cross[] = {{at.x - 5 * scale[0], at.y}, {at.x + 5 * scale[0], at.y}};
    drawing->draw(context, kOfxDrawPrimitiveLines, cross, 2);
    drawing->setLineStipple(context, kOfxDrawLineStipplePatternDash);
    drawing->draw(context, kOfxDrawPrimitiveEllipse, corners, 2);
    drawing->drawText(context, "Subject", &at, kOfxDrawTextAlignmentCenterH);
    return drawing->draw(context, kOfxDrawPrimitiveLines, cross, 1) == kOfxStatErrValue
               ? kOfxStatOK
               : kOfxStatFailed;
}

OfxStatus overlay_entry(const char* action, const void* handle, OfxPropertySetHandle in,
                        OfxPropertySetHandle) {
    auto* interact = static_cast<OfxInteractHandle>(const_cast<void*>(handle));
    const std::string what = action;
    OfxPropertySetHandle own = nullptr;
    void* address = nullptr;
    interacts->interactGetPropertySet(interact, &own);
    if (what == kOfxActionDescribe) {
        return kOfxStatOK;
    }
    properties->propGetPointer(own, kOfxPropEffectInstance, 0, &address);
    auto* effect = static_cast<OfxImageEffectHandle>(address);
    OfxParamSetHandle set = nullptr;
    effects->getParamSet(effect, &set);
    if (what == kOfxActionCreateInstance) {
        properties->propSetString(own, kOfxInteractPropSlaveToParam, 0, "point");
    } else if (what == kOfxInteractActionDraw) {
        return draw_overlay(effect, in);
    } else if (what == kOfxInteractActionPenDown) {
        const OfxRGBAColourF late = {};
        if (last_context) {
            drawing->setColour(last_context, &late);
        }
        parameters->paramEditBegin(set, "Drag");
    } else if (what == kOfxInteractActionPenMotion) {
        double pen[2] = {};
        int viewport[2] = {};
        properties->propGetDoubleN(in, kOfxInteractPropPenPosition, 2, pen);
        properties->propGetIntN(in, kOfxInteractPropPenViewportPosition, 2, viewport);
        parameters->paramSetValue(parameter(effect, "point"), pen[0], pen[1]);
        parameters->paramSetValue(parameter(effect, "count"), viewport[0]);
        interacts->interactRedraw(interact);
    } else if (what == kOfxInteractActionPenUp) {
        parameters->paramEditEnd(set);
    } else {
        return kOfxStatReplyDefault;
    }
    return kOfxStatOK;
}

OfxStatus describe_in_context(OfxImageEffectHandle effect) {
    OfxPropertySetHandle set = nullptr;
    for (const char* name : {"Source", "Depth", "Output"}) {
        effects->clipDefine(effect, name, &set);
        for (int i = 0; const char* kind : {kOfxImageComponentRGBA, kOfxImageComponentRGB}) {
            properties->propSetString(set, kOfxImageEffectPropSupportedComponents, i++, kind);
        }
    }
    effects->clipGetHandle(effect, "Depth", nullptr, &set);
    properties->propSetInt(set, kOfxImageClipPropOptional, 0, 1);
    OfxParamSetHandle all = nullptr;
    effects->getParamSet(effect, &all);
    for (const char* name : {"gain", "copy"}) {
        set = define_parameter(all, kOfxParamTypeDouble, name);
        properties->propSetDouble(set, kOfxParamPropDefault, 0, 2.0);
        properties->propSetDouble(set, kOfxParamPropMin, 0, -10.0);
        properties->propSetDouble(set, kOfxParamPropMax, 0, 10.0);
        properties->propSetDouble(set, kOfxParamPropDisplayMin, 0, 0.0);
        properties->propSetDouble(set, kOfxParamPropDisplayMax, 0, 4.0);
    }
    define_parameter(all, kOfxParamTypeDouble2D, "point");
    set = define_parameter(all, kOfxParamTypeDouble, "unranged");
    properties->propSetDouble(set, kOfxParamPropDefault, 0, 50.0);
    set = define_parameter(all, kOfxParamTypeInteger, "count");
    properties->propSetInt(set, kOfxParamPropDefault, 0, 5);
    set = define_parameter(all, kOfxParamTypeChoice, "mode");
    for (int i = 0; const char* option : {"Fast", "Good"}) {
        properties->propSetString(set, kOfxParamPropChoiceOption, i++, option);
    }
    properties->propSetInt(set, kOfxParamPropDefault, 0, 1);
    define_parameter(all, kOfxParamTypeBoolean, "flag");
    define_parameter(all, kOfxParamTypeRGBA, "tint");
    define_parameter(all, kOfxParamTypeString, "text");
    set = define_parameter(all, kOfxParamTypeString, "hidden");
    properties->propSetInt(set, kOfxParamPropSecret, 0, 1);
    set = define_parameter(all, kOfxParamTypeString, "session");
    properties->propSetInt(set, kOfxParamPropPersistant, 0, 0);
    for (const char* name : {"preset", "keys", "where"}) {
        define_parameter(all, kOfxParamTypePushButton, name);
    }
    define_parameter(all, kOfxParamTypeString, "fault");
    return kOfxStatOK;
}

OfxStatus describe(OfxImageEffectHandle effect) {
    OfxPropertySetHandle set = nullptr;
    effects->getPropertySet(effect, &set);
    properties->propSetString(set, kOfxPropLabel, 0, "Probe");
    for (int i = 0;
         const char* context : {kOfxImageEffectContextFilter, kOfxImageEffectContextGeneral}) {
        properties->propSetString(set, kOfxImageEffectPropSupportedContexts, i++, context);
    }
    for (int i = 0; const char* depth : {kOfxBitDepthByte, kOfxBitDepthShort, kOfxBitDepthFloat}) {
        properties->propSetString(set, kOfxImageEffectPropSupportedPixelDepths, i++, depth);
    }
    properties->propSetString(set, kOfxImageEffectPluginRenderThreadSafety, 0,
                              kOfxImageEffectRenderFullySafe);
    properties->propSetPointer(set, kOfxImageEffectPluginPropOverlayInteractV2, 0,
                               reinterpret_cast<void*>(overlay_entry));
    return kOfxStatOK;
}

OfxStatus load() {
    record.clear();
    last_context = nullptr;
    fetch(properties, kOfxPropertySuite, 1);
    fetch(parameters, kOfxParameterSuite, 1);
    fetch(effects, kOfxImageEffectSuite, 1);
    fetch(memory, kOfxMemorySuite, 1);
    fetch(threads, kOfxMultiThreadSuite, 1);
    fetch(messages, kOfxMessageSuite, 2);
    fetch(progress, kOfxProgressSuite, 2);
    fetch(timeline, kOfxTimeLineSuite, 1);
    fetch(interacts, kOfxInteractSuite, 1);
    fetch(drawing, kOfxDrawSuite, 1);
    return properties && parameters && effects ? kOfxStatOK : kOfxStatErrMissingHostFeature;
}

OfxStatus main_entry(const char* action, const void* handle, OfxPropertySetHandle in,
                     OfxPropertySetHandle out) {
    const std::string what = action;
    auto* effect = static_cast<OfxImageEffectHandle>(const_cast<void*>(handle));
    if (what == kOfxActionLoad) {
        return load();
    }
    if (what == kOfxActionDescribe) {
        return describe(effect);
    }
    if (what == kOfxImageEffectActionDescribeInContext) {
        return describe_in_context(effect);
    }
    if (what == kOfxActionInstanceChanged) {
        return changed(effect, in);
    }
    if (what == kOfxImageEffectActionRender) {
        return render(effect, in);
    }
    if (what == kOfxActionSyncPrivateData) {
        parameters->paramSetValue(parameter(effect, "text"), record.c_str());
        return kOfxStatOK;
    }
    if (what == kOfxImageEffectActionGetRegionOfDefinition) {
        char* text = nullptr;
        parameters->paramGetValue(parameter(effect, "text"), &text);
        if (std::string(text) != "everywhere") {
            return kOfxStatReplyDefault;
        }
        const double sides[] = {kOfxFlagInfiniteMin, 1.0, kOfxFlagInfiniteMax, kOfxFlagInfiniteMax};
        properties->propSetDoubleN(out, kOfxImageEffectPropRegionOfDefinition, 4, sides);
        return kOfxStatOK;
    }
    if (what == kOfxActionPurgeCaches) {
        record.clear();
        return kOfxStatOK;
    }
    if (what == kOfxImageEffectActionIsIdentity) {
        double gain = 0;
        parameters->paramGetValue(parameter(effect, "gain"), &gain);
        properties->propSetString(out, kOfxPropName, 0, "Source");
        return gain == 1.0 ? kOfxStatOK : kOfxStatReplyDefault;
    }
    return kOfxStatReplyDefault;
}

OfxStatus commit(const std::string& fault, OfxImageEffectHandle effect, OfxPropertySetHandle in) {
    double time = 0;
    properties->propGetDouble(in, kOfxPropTime, 0, &time);
    OfxPropertySetHandle image = nullptr;
    int integer = 0;
    void* pointer = nullptr;
    char* text = nullptr;
    if (fault == "keeps an image") {
        effects->clipGetImage(clip(effect, "Source"), time, nullptr, &image);
    } else if (fault == "releases twice") {
        effects->clipGetImage(clip(effect, "Source"), time, nullptr, &image);
        effects->clipReleaseImage(image);
        effects->clipReleaseImage(image);
    } else if (fault == "uses a released image") {
        effects->clipGetImage(clip(effect, "Source"), time, nullptr, &image);
        effects->clipReleaseImage(image);
        properties->propGetInt(image, kOfxImagePropRowBytes, 0, &integer);
    } else if (fault == "keeps memory") {
        memory->memoryAlloc(effect, 1234, &pointer);
    } else if (fault == "frees twice") {
        memory->memoryAlloc(effect, 8, &pointer);
        memory->memoryFree(pointer);
        memory->memoryFree(pointer);
    } else if (fault == "reads as another type") {
        properties->propGetInt(in, kOfxPropTime, 0, &integer);
    } else if (fault == "writes read-only") {
        properties->propSetDouble(in, kOfxPropTime, 0, 3.0);
    } else if (fault == "sets a parameter") {
        parameters->paramSetValue(parameter(effect, "gain"), 9.0);
    } else if (fault == "throws") {
        throw std::runtime_error("across the border");
    } else if (fault == "reads another time") {
        Picture other;
        other.open(clip(effect, "Source"), time + 1);
    } else if (fault == "writes outside") {
        Picture target;
        target.open(clip(effect, "Output"), time);
        std::memset(target.at(target.bounds.x1, target.bounds.y1, 4), 0, 4);
    } else if (fault == "ends no edit") {
        OfxParamSetHandle set = nullptr;
        effects->getParamSet(effect, &set);
        parameters->paramEditEnd(set);
    } else if (fault == "nests threads") {
        threads->multiThread(
            [](unsigned int, unsigned int, void* status) {
                static_cast<std::atomic<int>*>(status)->store(
                    threads->multiThread([](unsigned int, unsigned int, void*) {}, 1, nullptr));
            },
            1, &pointer);
    } else if (fault == "keeps a string") {
        properties->propGetString(host->host, kOfxPropName, 0, &text);
        properties->propGetDouble(in, kOfxPropTime, 0, &time);
        messages->message(effect, kOfxMessageLog, "", "%s", text);
    } else {
        return kOfxStatErrValue;
    }
    return kOfxStatOK;
}

OfxStatus fault_entry(const char* action, const void* handle, OfxPropertySetHandle in,
                      OfxPropertySetHandle out) {
    auto* effect = static_cast<OfxImageEffectHandle>(const_cast<void*>(handle));
    if (std::string(action) == kOfxImageEffectActionRender) {
        char* fault = nullptr;
        parameters->paramGetValue(parameter(effect, "fault"), &fault);
        return commit(std::string(fault), effect, in);
    }
    if (std::string(action) == kOfxImageEffectActionDescribeInContext) {
        const OfxStatus status = main_entry(action, handle, in, out);
        OfxParamSetHandle set = nullptr;
        effects->getParamSet(effect, &set);
        define_parameter(set, kOfxParamTypeDouble, "gain");
        return status;
    }
    return main_entry(action, handle, in, out);
}

void set_host(OfxHost* the_host) { host = the_host; }

OfxPlugin plugins[] = {
    {kOfxImageEffectPluginApi, 1, "test.Gain", 1, 2, set_host, main_entry},
    {kOfxImageEffectPluginApi, 1, "test.Fault", 1, 0, set_host, fault_entry},
};

}  // namespace

extern "C" {
#define EXPORTED __attribute__((visibility("default")))
EXPORTED int OfxGetNumberOfPlugins() { return 2; }
EXPORTED OfxPlugin* OfxGetPlugin(int index) { return &plugins[index]; }
}
