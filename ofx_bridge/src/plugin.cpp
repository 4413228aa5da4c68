// What the binary exports, and the one door through which every action comes.
#include <exception>
#include <new>
#include <string_view>

#include "actions.h"
#include "describe.h"
#include "render.h"
#include "worker.h"

namespace synthetic_focus {

namespace {

OfxStatus on_instance(std::string_view action, Instance& instance, const Properties& arguments,
                      const Properties& results) {
    if (action == kOfxImageEffectActionRender) {
        const OfxStatus status = render(instance, arguments);
        if (status == kOfxStatOK) instance.clear_error();
        return status;
    }
    if (action == kOfxImageEffectActionIsIdentity) {
        return is_identity(instance, arguments, results);
    }
    if (action == kOfxImageEffectActionGetRegionOfDefinition) {
        return region_of_definition(instance, arguments, results);
    }
    if (action == kOfxImageEffectActionGetRegionsOfInterest) {
        return regions_of_interest(instance, arguments, results);
    }
    if (action == kOfxImageEffectActionGetFramesNeeded) {
        return frames_needed(instance, arguments, results);
    }
    if (action == kOfxImageEffectActionGetClipPreferences) {
        return clip_preferences(instance, results);
    }
    if (action == kOfxActionInstanceChanged) return instance_changed(instance, arguments);
    if (action == kOfxActionPurgeCaches) return purge_caches(instance);
    if (action == kOfxActionDestroyInstance) return destroy_instance(instance);
    // Nothing is kept that the host does not hold already, nor between the frames of a sequence.
    if (action == kOfxActionSyncPrivateData || action == kOfxImageEffectActionBeginSequenceRender ||
        action == kOfxImageEffectActionEndSequenceRender) {
        return kOfxStatOK;
    }
    return kOfxStatReplyDefault;
}

// Errors that a user can act on are shown; only those of an instance have someone to show them to.
OfxStatus on_instance_showing_errors(std::string_view action, Instance& instance,
                                     const Properties& arguments, const Properties& results) {
    try {
        return on_instance(action, instance, arguments, results);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        instance.show_error(error.what());
        return kOfxStatFailed;
    }
}

OfxStatus dispatch(std::string_view action, OfxImageEffectHandle effect,
                   const Properties& arguments, const Properties& results) {
    if (action == kOfxActionUnload) {
        Worker::get().stop();
        forget_suites();
        return kOfxStatOK;
    }
    if (!find_suites()) {
        return action == kOfxActionLoad ? kOfxStatOK : kOfxStatErrMissingHostFeature;
    }
    if (action == kOfxActionLoad) return kOfxStatOK;
    if (!effect) return kOfxStatReplyDefault;
    if (action == kOfxActionDescribe) return describe(effect);
    if (action == kOfxImageEffectActionDescribeInContext) return describe_in_context(effect);
    if (action == kOfxActionCreateInstance) return create_instance(effect);
    Instance* instance = Instance::of(effect);
    if (!instance) return kOfxStatErrBadHandle;
    return on_instance_showing_errors(action, *instance, arguments, results);
}

// No exception may reach the host.
OfxStatus main_entry(const char* action, const void* handle, OfxPropertySetHandle in_arguments,
                     OfxPropertySetHandle out_arguments) noexcept {
    if (!action) return kOfxStatErrValue;
    try {
        return dispatch(action, static_cast<OfxImageEffectHandle>(const_cast<void*>(handle)),
                        Properties(in_arguments), Properties(out_arguments));
    } catch (const std::bad_alloc&) {
        return kOfxStatErrMemory;
    } catch (...) {
        return kOfxStatFailed;
    }
}

}  // namespace

}  // namespace synthetic_focus

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int OfxGetNumberOfPlugins() { return 1; }

EXPORT OfxPlugin* OfxGetPlugin(int index) {
    static OfxPlugin plugin{
        kOfxImageEffectPluginApi,
        kOfxImageEffectPluginApiVersion,
        "org.syntheticfocus.SyntheticFocus",
        // Hosts keep descriptions by version, and open a project with another major version of the
        // plug-in not at all.
        1,
        synthetic_focus::table_version,
        [](OfxHost* host) { synthetic_focus::set_host(host); },
        [](const char* action, const void* handle, OfxPropertySetHandle in_arguments,
           OfxPropertySetHandle out_arguments) {
            return synthetic_focus::main_entry(action, handle, in_arguments, out_arguments);
        },
    };
    return index == 0 ? &plugin : nullptr;
}

EXPORT OfxStatus OfxSetHost(const OfxHost* host) {
    synthetic_focus::set_host(host);
    return kOfxStatOK;
}
