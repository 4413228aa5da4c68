// A plug-in binary, and calls into its plug-ins.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "host.h"

namespace ofx_host {

// The binary cannot be used; the message is the system's, or names what is missing in it.
struct LoadError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Calls an entry point. On return every image that the plug-in still holds has been taken back.
// Throws what a Python callback raised meanwhile.
OfxStatus call_entry(Host& host, OfxPluginEntryPoint* entry, const char* action, Handle* handle,
                     Effect* effect, PropertySet* in, PropertySet* out, double time,
                     AbortSignal* abort, void* render);

class Plugin {
  public:
    Plugin(Host& the_host, OfxPlugin& c_plugin) : host(the_host), c(c_plugin) {}

    OfxStatus call(const char* action, Effect* effect, PropertySet* in, PropertySet* out,
                   double time, AbortSignal* abort, void* render);

    Host& host;
    OfxPlugin& c;
};

class Binary {
  public:
    Binary(Host& host, const std::string& path);
    Binary(const Binary&) = delete;
    Binary& operator=(const Binary&) = delete;

    // Only after the plug-ins were told to unload: a binary whose threads may still run stays
    // mapped for good instead.
    void close();

    std::vector<std::unique_ptr<Plugin>> plugins;

  private:
    void* library_;
};

}  // namespace ofx_host
