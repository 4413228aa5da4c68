#include "binary.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "effect.h"

namespace ofx_host {
namespace {

#ifdef _WIN32
void* open_library(const std::string& path) {
    void* library = LoadLibraryA(path.c_str());
    if (!library) {
        throw LoadError("LoadLibrary failed with error " + std::to_string(GetLastError()));
    }
    return library;
}
void close_library(void* library) { FreeLibrary(static_cast<HMODULE>(library)); }
void* find_symbol(void* library, const char* name) {
    return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
void* open_library(const std::string& path) {
    // Everything is resolved now: a missing symbol is a clear error here and a crash later.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        throw LoadError(dlerror());
    }
    return library;
}
void close_library(void* library) { dlclose(library); }
void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
#endif

template <class Function>
Function* find_entry(void* library, const char* name) {
    return reinterpret_cast<Function*>(find_symbol(library, name));
}

// Makes the call the thread's own while it runs.
class Scope {
  public:
    explicit Scope(Call& call) : parent_(call.parent) { set_current_call(&call); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { set_current_call(parent_); }

  private:
    Call* parent_;
};

}  // namespace

OfxStatus call_entry(Host& host, OfxPluginEntryPoint* entry, const char* action, Handle* handle,
                     Effect* effect, PropertySet* in, PropertySet* out, double time,
                     AbortSignal* abort, void* render) {
    Call call = {host, effect, action, time, abort, render, current_call()};
    const Scope scope(call);
    OfxStatus status = kOfxStatFailed;
    try {
        status = entry(action, handle ? to_c<const void*>(*handle) : nullptr,
                       in ? to_c<OfxPropertySetHandle>(*in) : nullptr,
                       out ? to_c<OfxPropertySetHandle>(*out) : nullptr);
    } catch (...) {
        host.violation("an exception crossed the C interface");
    }
    begin_suite_call();
    if (!call.images.empty()) {
        host.violation(std::to_string(call.images.size()) + " images were not released");
        call.images.clear();
    }
    if (call.error) {
        std::rethrow_exception(call.error);
    }
    return status;
}

OfxStatus Plugin::call(const char* action, Effect* effect, PropertySet* in, PropertySet* out,
                       double time, AbortSignal* abort, void* render) {
    return call_entry(host, c.mainEntry, action, effect, effect, in, out, time, abort, render);
}

Binary::Binary(Host& host, const std::string& path) : library_(open_library(path)) {
    const auto count = find_entry<OfxGetNumberOfPluginsFunction>(library_, "OfxGetNumberOfPlugins");
    const auto get = find_entry<OfxGetPluginFunction>(library_, "OfxGetPlugin");
    if (!count || !get) {
        close_library(library_);
        throw LoadError(std::string("it does not export ") +
                        (count ? "OfxGetPlugin" : "OfxGetNumberOfPlugins") +
                        ", so it is no OpenFX plug-in");
    }
    if (const auto set_host = find_entry<OfxSetHostFunction>(library_, "OfxSetHost")) {
        const OfxStatus status = set_host(host.c_host());
        if (status != kOfxStatOK && status != kOfxStatReplyDefault) {
            close_library(library_);
            throw LoadError("its OfxSetHost refused this host");
        }
    }
    for (int i = 0; i < count(); ++i) {
        OfxPlugin* plugin = get(i);
        if (!plugin || !plugin->mainEntry || !plugin->setHost || !plugin->pluginIdentifier) {
            host.violation("OfxGetPlugin gives an incomplete plug-in at index " +
                           std::to_string(i));
            continue;
        }
        plugins.push_back(std::make_unique<Plugin>(host, *plugin));
    }
}

void Binary::close() {
    plugins.clear();
    close_library(library_);
}

}  // namespace ofx_host
