#include "effect.h"

#include <algorithm>
#include <new>
#include <utility>

#include "binary.h"

namespace ofx_host {
namespace {

void define_text(PropertySet& set, const char* name, const std::string& value,
                 bool read_only = false) {
    set.define(name, PropertyType::text, 1, {value}, read_only);
}

void define_integer(PropertySet& set, const char* name, int value, bool read_only = false) {
    set.define(name, PropertyType::integer, 1, {value}, read_only);
}

void define_list(PropertySet& set, const char* name, PropertyType type) {
    set.define(name, type, 0, {});
}

void define_labels(PropertySet& set) {
    define_text(set, kOfxPropLabel, "");
    define_text(set, kOfxPropShortLabel, "");
    define_text(set, kOfxPropLongLabel, "");
}

void define_description(PropertySet& set) {
    define_text(set, kOfxPropType, kOfxTypeImageEffect, true);
    define_labels(set);
    define_list(set, kOfxPropVersion, PropertyType::integer);
    define_text(set, kOfxPropVersionLabel, "");
    define_text(set, kOfxPropPluginDescription, "");
    set.define(kOfxPropIcon, PropertyType::text, 2, {std::string(), std::string()});
    define_text(set, kOfxPluginPropFilePath, "", true);
    define_text(set, kOfxImageEffectPluginPropGrouping, "");
    define_list(set, kOfxImageEffectPropSupportedContexts, PropertyType::text);
    define_list(set, kOfxImageEffectPropSupportedPixelDepths, PropertyType::text);
    define_list(set, kOfxImageEffectPropClipPreferencesSlaveParam, PropertyType::text);
    define_list(set, kOfxPluginPropParamPageOrder, PropertyType::text);
    define_text(set, kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderInstanceSafe);
    define_integer(set, kOfxImageEffectPluginPropSingleInstance, 0);
    define_integer(set, kOfxImageEffectPluginPropHostFrameThreading, 1);
    define_integer(set, kOfxImageEffectPluginPropObsolete, 0);
    define_integer(set, kOfxImageEffectPluginPropFieldRenderTwiceAlways, 1);
    define_integer(set, kOfxImageEffectPropSupportsMultiResolution, 1);
    define_integer(set, kOfxImageEffectPropSupportsTiles, 1);
    define_integer(set, kOfxImageEffectPropTemporalClipAccess, 0);
    define_integer(set, kOfxImageEffectPropSupportsMultipleClipDepths, 0);
    define_integer(set, kOfxImageEffectPropSupportsMultipleClipPARs, 0);
    define_integer(set, kOfxImageEffectInstancePropSequentialRender, 0);
    define_text(set, kOfxImageEffectPropNoSpatialAwareness, "false");
    define_text(set, kOfxImageEffectPropOpenGLRenderSupported, "false");
    define_text(set, kOfxImageEffectPropCPURenderSupported, "true");
    set.define(kOfxImageEffectPluginPropOverlayInteractV1, PropertyType::pointer, 1,
               {static_cast<void*>(nullptr)});
    set.define(kOfxImageEffectPluginPropOverlayInteractV2, PropertyType::pointer, 1,
               {static_cast<void*>(nullptr)});
}

// The values are the Python layer's to write before createInstance.
void define_instance(PropertySet& set) {
    define_text(set, kOfxPropType, kOfxTypeImageEffectInstance, true);
    define_text(set, kOfxImageEffectPropContext, "", true);
    set.define(kOfxPropInstanceData, PropertyType::pointer, 1, {static_cast<void*>(nullptr)});
    set.define(kOfxImageEffectPropPluginHandle, PropertyType::pointer, 1,
               {static_cast<void*>(nullptr)});
    for (const char* name : {kOfxImageEffectPropProjectSize, kOfxImageEffectPropProjectOffset,
                             kOfxImageEffectPropProjectExtent}) {
        set.define(name, PropertyType::real, 2, {0.0, 0.0}, true);
    }
    set.define(kOfxImageEffectPropProjectPixelAspectRatio, PropertyType::real, 1, {1.0}, true);
    set.define(kOfxImageEffectInstancePropEffectDuration, PropertyType::real, 1, {0.0}, true);
    set.define(kOfxImageEffectPropFrameRate, PropertyType::real, 1, {24.0}, true);
    define_integer(set, kOfxPropIsInteractive, 0, true);
    define_integer(set, kOfxPropParamSetNeedsSyncing, 0);
}

void define_clip(PropertySet& set, const std::string& name) {
    define_text(set, kOfxPropType, kOfxTypeClip, true);
    define_text(set, kOfxPropName, name, true);
    define_labels(set);
    define_list(set, kOfxImageEffectPropSupportedComponents, PropertyType::text);
    define_integer(set, kOfxImageEffectPropTemporalClipAccess, 0);
    define_integer(set, kOfxImageClipPropOptional, 0);
    define_integer(set, kOfxImageClipPropIsMask, 0);
    define_integer(set, kOfxImageEffectPropSupportsTiles, 1);
    define_text(set, kOfxImageClipPropFieldExtraction, kOfxImageFieldDoubled);
}

void define_clip_instance(PropertySet& set) {
    define_text(set, kOfxImageEffectPropPixelDepth, kOfxBitDepthNone, true);
    define_text(set, kOfxImageEffectPropComponents, kOfxImageComponentNone, true);
    define_text(set, kOfxImageClipPropUnmappedPixelDepth, kOfxBitDepthNone, true);
    define_text(set, kOfxImageClipPropUnmappedComponents, kOfxImageComponentNone, true);
    define_text(set, kOfxImageEffectPropPreMultiplication, kOfxImagePreMultiplied, true);
    define_text(set, kOfxImageClipPropFieldOrder, kOfxImageFieldNone, true);
    define_integer(set, kOfxImageClipPropConnected, 0, true);
    define_integer(set, kOfxImageClipPropContinuousSamples, 0, true);
    set.define(kOfxImagePropPixelAspectRatio, PropertyType::real, 1, {1.0}, true);
    set.define(kOfxImageEffectPropFrameRate, PropertyType::real, 1, {24.0}, true);
    set.define(kOfxImageEffectPropUnmappedFrameRate, PropertyType::real, 1, {24.0}, true);
    set.define(kOfxImageEffectPropFrameRange, PropertyType::real, 2, {0.0, 0.0}, true);
    set.define(kOfxImageEffectPropUnmappedFrameRange, PropertyType::real, 2, {0.0, 0.0}, true);
}

}  // namespace

Clip::Clip(Effect& the_effect, const std::string& the_name)
    : Handle(handle_kind),
      effect(the_effect),
      name(the_name),
      properties(the_effect.host, "clip " + the_name) {
    define_clip(properties, name);
}

Clip::Clip(Effect& the_effect, const Clip& description)
    : Handle(handle_kind),
      effect(the_effect),
      name(description.name),
      properties(description.properties, description.properties.label) {
    if (effect.is_instance) {
        define_clip_instance(properties);
    }
}

Effect::Effect(Plugin& the_plugin)
    : Handle(handle_kind),
      plugin(the_plugin),
      host(the_plugin.host),
      is_instance(false),
      properties(host, "the effect's description"),
      parameter_set(*this),
      abort(0) {
    define_description(properties);
}

Effect::Effect(const Effect& description, bool instance)
    : Handle(handle_kind),
      plugin(description.plugin),
      host(description.host),
      is_instance(instance),
      properties(description.properties, instance ? "the instance" : description.properties.label),
      parameter_set(*this),
      abort(0) {
    if (instance) {
        define_instance(properties);
    }
    for (const auto& parameter : description.parameters) {
        parameters.push_back(std::make_unique<Parameter>(*this, *parameter));
    }
    for (const auto& clip : description.clips) {
        clips.push_back(std::make_unique<Clip>(*this, *clip));
    }
}

Effect::~Effect() = default;

Parameter* Effect::parameter(const std::string& name) const {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& each) { return each->name == name; });
    return found == parameters.end() ? nullptr : found->get();
}

Clip* Effect::clip(const std::string& name) const {
    const auto found = std::find_if(clips.begin(), clips.end(),
                                    [&](const auto& each) { return each->name == name; });
    return found == clips.end() ? nullptr : found->get();
}

void Effect::set_persistent_message(const std::string& text) {
    const std::lock_guard lock(mutex_);
    persistent_message_ = text;
}

std::string Effect::persistent_message() const {
    const std::lock_guard lock(mutex_);
    return persistent_message_;
}

void Effect::begin_edit(const std::string& label) {
    const std::lock_guard lock(mutex_);
    undo_.push_back({label, {}});
    editing_ = true;
}

bool Effect::end_edit() {
    const std::lock_guard lock(mutex_);
    if (!editing_) {
        return false;
    }
    editing_ = false;
    if (undo_.back().before.empty()) {
        undo_.pop_back();
    }
    return true;
}

bool Effect::editing() const {
    const std::lock_guard lock(mutex_);
    return editing_;
}

void Effect::note_change(Parameter& parameter) {
    if (!alive || parameter.properties.first(kOfxParamPropCanUndo, 1) == 0) {
        return;
    }
    Curve before = parameter.curve();
    const std::lock_guard lock(mutex_);
    if (!editing_) {
        undo_.push_back({parameter.name, {}});
    }
    undo_.back().before.emplace_back(&parameter, std::move(before));
}

std::vector<std::string> Effect::undo() {
    Edit edit;
    {
        const std::lock_guard lock(mutex_);
        if (undo_.empty() || editing_) {
            return {};
        }
        edit = std::move(undo_.back());
        undo_.pop_back();
    }
    std::vector<std::string> names;
    for (auto step = edit.before.rbegin(); step != edit.before.rend(); ++step) {
        step->first->set_curve(std::move(step->second));
        if (std::find(names.begin(), names.end(), step->first->name) == names.end()) {
            names.push_back(step->first->name);
        }
    }
    return names;
}

std::vector<std::string> Effect::undo_labels() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> labels;
    for (const Edit& edit : undo_) {
        labels.push_back(edit.label);
    }
    return labels;
}

void Effect::changed(const char* type, const std::string& name, const char* reason, double time,
                     OfxPointD scale) {
    PropertySet why(host, "the arguments");
    define_text(why, kOfxPropChangeReason, reason, true);
    PropertySet what(why, "the arguments");
    define_text(what, kOfxPropType, type, true);
    define_text(what, kOfxPropName, name, true);
    what.define(kOfxPropTime, PropertyType::real, 1, {time}, true);
    what.define(kOfxImageEffectPropRenderScale, PropertyType::real, 2, {scale.x, scale.y}, true);
    plugin.call(kOfxActionBeginInstanceChanged, this, &why, nullptr, time, nullptr, nullptr);
    plugin.call(kOfxActionInstanceChanged, this, &what, nullptr, time, nullptr, nullptr);
    plugin.call(kOfxActionEndInstanceChanged, this, &why, nullptr, time, nullptr, nullptr);
}

namespace {

// ---------------------------------------------------------------- the suite

template <class T>
T* checked(const void* handle, const char* what) {
    auto* found = find<T>(handle);
    if (!found) {
        if (Host* host = current_host()) {
            host->violation(std::string(what) + " was named that does not exist (any more)");
        }
    }
    return found;
}

OfxStatus effect_properties(OfxImageEffectHandle handle, OfxPropertySetHandle* properties) {
    auto* effect = checked<Effect>(handle, "an effect");
    if (!effect || !properties) {
        return kOfxStatErrBadHandle;
    }
    *properties = to_c<OfxPropertySetHandle>(effect->properties);
    return kOfxStatOK;
}

OfxStatus effect_parameters(OfxImageEffectHandle handle, OfxParamSetHandle* set) {
    auto* effect = checked<Effect>(handle, "an effect");
    if (!effect || !set) {
        return kOfxStatErrBadHandle;
    }
    *set = to_c<OfxParamSetHandle>(effect->parameter_set);
    return kOfxStatOK;
}

OfxStatus clip_define(OfxImageEffectHandle handle, const char* name,
                      OfxPropertySetHandle* properties) {
    auto* effect = checked<Effect>(handle, "an effect");
    if (!effect || !name) {
        return kOfxStatErrBadHandle;
    }
    if (effect->is_instance) {
        effect->host.violation(std::string("clip ") + name + " was defined on an instance");
        return kOfxStatErrBadHandle;
    }
    if (effect->clip(name)) {
        effect->host.violation(std::string("clip ") + name + " was defined twice");
        return kOfxStatErrExists;
    }
    effect->clips.push_back(std::make_unique<Clip>(*effect, name));
    if (properties) {
        *properties = to_c<OfxPropertySetHandle>(effect->clips.back()->properties);
    }
    return kOfxStatOK;
}

OfxStatus clip_get_handle(OfxImageEffectHandle handle, const char* name, OfxImageClipHandle* result,
                          OfxPropertySetHandle* properties) {
    auto* effect = checked<Effect>(handle, "an effect");
    if (!effect || !name) {
        return kOfxStatErrBadHandle;
    }
    Clip* clip = effect->clip(name);
    if (!clip) {
        return kOfxStatErrUnknown;
    }
    if (result) {
        *result = to_c<OfxImageClipHandle>(*clip);
    }
    if (properties) {
        *properties = to_c<OfxPropertySetHandle>(clip->properties);
    }
    return kOfxStatOK;
}

OfxStatus clip_properties(OfxImageClipHandle handle, OfxPropertySetHandle* properties) {
    auto* clip = checked<Clip>(handle, "a clip");
    if (!clip || !properties) {
        return kOfxStatErrBadHandle;
    }
    *properties = to_c<OfxPropertySetHandle>(clip->properties);
    return kOfxStatOK;
}

OfxStatus clip_get_image(OfxImageClipHandle handle, OfxTime time, const OfxRectD* region,
                         OfxPropertySetHandle* image) {
    auto* clip = checked<Clip>(handle, "a clip");
    if (!clip || !image) {
        return kOfxStatErrBadHandle;
    }
    *image = nullptr;
    Call* call = current_call();
    if (!call || !clip->effect.is_instance) {
        clip->effect.host.violation("an image of clip " + clip->name +
                                    " was fetched outside of an instance's actions");
        return kOfxStatFailed;
    }
    auto [status, fetched] = clip->effect.host.fetch(*clip, time, region, *call);
    if (fetched) {
        *image = to_c<OfxPropertySetHandle>(*fetched);
        const std::lock_guard lock(call->mutex);
        call->images.push_back(std::move(fetched));
    }
    return status;
}

OfxStatus clip_release_image(OfxPropertySetHandle image) {
    auto* set = find<PropertySet>(image);
    Call* call = current_call();
    // Dropped after the lock is gone: letting go of the pixels waits for Python.
    std::shared_ptr<PropertySet> released;
    if (set && call) {
        const std::lock_guard lock(call->mutex);
        const auto found = std::find_if(call->images.begin(), call->images.end(),
                                        [&](const auto& each) { return each.get() == set; });
        if (found != call->images.end()) {
            released = std::move(*found);
            call->images.erase(found);
            return kOfxStatOK;
        }
    }
    if (Host* host = current_host()) {
        host->violation("an image was released that was not fetched, or twice");
    }
    return kOfxStatErrBadHandle;
}

OfxStatus clip_region_of_definition(OfxImageClipHandle handle, OfxTime time, OfxRectD* bounds) {
    auto* clip = checked<Clip>(handle, "a clip");
    if (!clip || !bounds) {
        return kOfxStatErrBadHandle;
    }
    return clip->effect.host.region_of_definition(*clip, time, *bounds) ? kOfxStatOK
                                                                        : kOfxStatFailed;
}

int abort_wanted(OfxImageEffectHandle handle) {
    begin_suite_call();
    auto* effect = find<Effect>(handle);
    Call* call = current_call();
    if (!effect) {
        return 0;
    }
    try {
        effect->host.check_signals();
    } catch (...) {
        if (call) {
            call->remember_error();
        }
        return 1;
    }
    const bool render_ends = call && call->abort && call->abort->poll();
    return render_ends || effect->abort.poll() ? 1 : 0;
}

class ImageMemory : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::image_memory;
    ImageMemory(Host& the_host, void* the_memory)
        : Handle(handle_kind), host(the_host), memory(the_memory) {}
    ~ImageMemory() override { host.release(memory); }

    Host& host;
    void* const memory;
};

OfxStatus image_memory_alloc(OfxImageEffectHandle handle, std::size_t bytes,
                             OfxImageMemoryHandle* result) {
    auto* effect = find<Effect>(handle);
    Host* host = effect ? &effect->host : current_host();
    if (!host || !result) {
        return kOfxStatErrBadHandle;
    }
    const Call* call = current_call();
    void* memory = host->allocate(bytes, call ? call->action : "a thread of the plug-in");
    if (!memory) {
        return kOfxStatErrMemory;
    }
    *result = to_c<OfxImageMemoryHandle>(*new ImageMemory(*host, memory));
    return kOfxStatOK;
}

OfxStatus image_memory_free(OfxImageMemoryHandle handle) {
    auto* memory = checked<ImageMemory>(handle, "image memory");
    delete memory;
    return memory ? kOfxStatOK : kOfxStatErrBadHandle;
}

OfxStatus image_memory_lock(OfxImageMemoryHandle handle, void** data) {
    const auto* memory = checked<ImageMemory>(handle, "image memory");
    if (!memory || !data) {
        return kOfxStatErrBadHandle;
    }
    *data = memory->memory;
    return kOfxStatOK;
}

OfxStatus image_memory_unlock(OfxImageMemoryHandle handle) {
    return checked<ImageMemory>(handle, "image memory") ? kOfxStatOK : kOfxStatErrBadHandle;
}

}  // namespace

const OfxImageEffectSuiteV1* image_effect_suite() {
    static constexpr OfxImageEffectSuiteV1 suite = {
        guarded<effect_properties>,
        guarded<effect_parameters>,
        guarded<clip_define>,
        guarded<clip_get_handle>,
        guarded<clip_properties>,
        guarded<clip_get_image>,
        guarded<clip_release_image>,
        guarded<clip_region_of_definition>,
        abort_wanted,
        guarded<image_memory_alloc>,
        guarded<image_memory_free>,
        guarded<image_memory_lock>,
        guarded<image_memory_unlock>,
    };
    return &suite;
}

}  // namespace ofx_host
