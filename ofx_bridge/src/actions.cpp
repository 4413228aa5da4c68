#include "actions.h"

#include <algorithm>
#include <memory>

#include "json.h"
#include "render.h"
#include "worker.h"

namespace synthetic_focus {

namespace {

// Only while dragging a slider or at load is there no time; the values that are asked for then do
// not animate.
double time_of(const Properties& arguments) { return arguments.number(kOfxPropTime).value_or(0); }

std::optional<OfxRectD> region(const Instance& instance, const char* clip, double time) {
    const OfxImageClipHandle handle = instance.clip(clip);
    OfxRectD bounds{};
    if (!handle ||
        call(suites().effect->clipGetRegionOfDefinition, handle, time, &bounds) != kOfxStatOK) {
        return std::nullopt;
    }
    return bounds;
}

void set(const Properties& results, const std::string& name, const OfxRectD& r) {
    const double sides[] = {r.x1, r.y1, r.x2, r.y2};
    for (int i = 0; i < 4; ++i) results.set(name.c_str(), sides[i], i);
}

// scene/temporal.py has the same number.
constexpr double frames_of_an_estimate = 6;

void forget_in_worker(Instance& instance) {
    if (!instance.known_to_worker.exchange(false)) return;
    Json request;
    request.member("op", "purge").member("instance", instance.id());
    Worker::get().notify(request.text());
}

}  // namespace

OfxStatus create_instance(OfxImageEffectHandle effect) {
    auto instance = std::make_unique<Instance>(effect);
    instance->update_enabled(0);
    properties_of(effect).set(kOfxPropInstanceData, static_cast<void*>(instance.release()));
    return kOfxStatOK;
}

OfxStatus destroy_instance(Instance& instance) {
    forget_in_worker(instance);
    properties_of(instance.effect()).set(kOfxPropInstanceData, static_cast<void*>(nullptr));
    delete &instance;
    return kOfxStatOK;
}

OfxStatus instance_changed(Instance& instance, const Properties& arguments) {
    const std::string reason = arguments.string(kOfxPropChangeReason).value_or("");
    if (reason == kOfxChangeTime) return kOfxStatReplyDefault;
    if (arguments.string(kOfxPropType) == kOfxTypeClip) {
        instance.inputs_changed();
        return kOfxStatOK;
    }
    instance.forget_focus();
    const double time = time_of(arguments);
    const auto is = [changed = arguments.string(kOfxPropName)](parameter::Index index) {
        return changed == parameters[index].name;
    };
    if (reason == kOfxChangeUserEdited) {
        if (is(parameter::preset)) instance.choose_preset(time);
        if (is(parameter::load_preset)) instance.load_preset(time);
        if (is(parameter::save_preset)) instance.save_preset(time);
        if (is(parameter::bake)) instance.set_baked_focus(bake(instance, arguments));
        if (is(parameter::unbake)) instance.set_unbaked_focus();
        if (is(parameter::analyze)) {
            instance.set(parameter::analysis, {{}, analyze(instance, arguments)});
        }
    }
    instance.update_enabled(time);
    return kOfxStatOK;
}

OfxStatus purge_caches(Instance& instance) {
    instance.inputs_changed();
    forget_in_worker(instance);
    Worker::get().trim(0);
    return kOfxStatOK;
}

OfxStatus is_identity(const Instance& instance, const Properties& arguments,
                      const Properties& results) {
    const double time = time_of(arguments);
    if (!instance.is_identity(time)) return kOfxStatReplyDefault;
    results.set(kOfxPropName, source_clip);
    results.set(kOfxPropTime, time);
    return kOfxStatOK;
}

OfxStatus region_of_definition(const Instance& instance, const Properties& arguments,
                               const Properties& results) {
    // Not the union with Depth's, which may have any size.
    const auto source = region(instance, source_clip, time_of(arguments));
    if (!source) return kOfxStatReplyDefault;
    set(results, kOfxImageEffectPropRegionOfDefinition, *source);
    return kOfxStatOK;
}

OfxStatus regions_of_interest(const Instance& instance, const Properties& arguments,
                              const Properties& results) {
    const double time = time_of(arguments);
    for (const char* clip : {source_clip, depth_clip}) {
        if (clip == depth_clip && !instance.connected(clip)) continue;
        if (const auto whole = region(instance, clip, time)) {
            set(results, std::string("OfxImageClipPropRoI_") + clip, *whole);
        }
    }
    return kOfxStatOK;
}

OfxStatus frames_needed(const Instance& instance, const Properties& arguments,
                        const Properties& results) {
    const double time = time_of(arguments);
    const int depth_source = instance.option(parameter::depth_source, time);
    const bool estimates = depth_source == option::depth_source::estimate;
    const bool reads_clip =
        depth_source == option::depth_source::clip && instance.connected(depth_clip);
    if (!estimates && !reads_clip) return kOfxStatReplyDefault;
    std::vector<double> times{time};
    if (instance.option(parameter::focus_mode, time) == option::focus_mode::point) {
        // What the focus comes from and goes to; of thousands of keys no other matters now.
        auto keys = instance.key_times(parameter::focus_point);
        std::ranges::sort(keys);
        const auto next = std::ranges::upper_bound(keys, time);
        if (next != keys.begin()) times.push_back(*std::prev(next));
        if (next != keys.end()) times.push_back(*next);
    }
    // An estimate is made steady by the frames around it.
    const double around = estimates ? frames_of_an_estimate : 0;
    const std::string range = "OfxImageClipPropFrameRange_";
    const std::string wanted = range + (estimates ? source_clip : depth_clip);
    int index = 0;
    for (const double one : times) {
        results.set(wanted.c_str(), one - around, index++);
        results.set(wanted.c_str(), one + around, index++);
    }
    if (!estimates) {
        results.set((range + source_clip).c_str(), time, 0);
        results.set((range + source_clip).c_str(), time, 1);
    }
    return kOfxStatOK;
}

OfxStatus clip_preferences(const Instance& instance, const Properties& results) {
    const Properties source = properties_of(instance.clip(source_clip));
    if (const auto components = source.string(kOfxImageEffectPropComponents)) {
        results.set("OfxImageClipPropComponents_Output", components->c_str());
    }
    // A float Depth would make the output of an 8 bit picture float; a host with one depth for all
    // has mapped them.
    const bool several =
        Properties(suites().host).integer(kOfxImageEffectPropSupportsMultipleClipDepths) == 1;
    if (const auto depth = source.string(kOfxImageEffectPropPixelDepth); several && depth) {
        results.set("OfxImageClipPropDepth_Output", depth->c_str());
    }
    if (const auto alpha = source.string(kOfxImageEffectPropPreMultiplication)) {
        results.set(kOfxImageEffectPropPreMultiplication, alpha->c_str());
    }
    results.set(kOfxImageClipPropContinuousSamples, 0);
    // The depth file may be a movie beside a still picture.
    const bool moves = instance.option(parameter::depth_source, 0) == option::depth_source::file;
    results.set(kOfxImageEffectFrameVarying, moves ? 1 : 0);
    return kOfxStatOK;
}

}  // namespace synthetic_focus
