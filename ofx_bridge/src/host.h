// What the host serves: its suites, of which only three must be there, and its property sets, which
// may lack anything.
#pragma once

#include <optional>
#include <string>

#include "openfx.h"

namespace synthetic_focus {

struct Suites {
    OfxPropertySetHandle host;
    const OfxPropertySuiteV1* property;
    const OfxImageEffectSuiteV1* effect;
    const OfxParameterSuiteV1* parameter;
    // The optional ones.
    const OfxMessageSuiteV1* message;
    const OfxMessageSuiteV2* persistent_message;
    const OfxTimeLineSuiteV1* timeline;
    const OfxInteractSuiteV1* interact;
    const OfxDrawSuiteV1* draw;
    const OfxProgressSuiteV1* progress;
    const OfxProgressSuiteV2* progress_with_id;
};

// Remembers the host. It may come again, from any thread (MLT: before every frame).
void set_host(const OfxHost* host);

// At unload: the next host may lie where this one did.
void forget_suites();

// The host's suites; null if it lacks one of the three.
const Suites* find_suites();

// The host's suites, in an action: there they are.
const Suites& suites();

std::string host_name();

// Calls a suite's function if the host filled it in.
template <typename Function, typename... Arguments>
OfxStatus call(Function* function, Arguments... arguments) {
    return function ? function(arguments...) : kOfxStatErrUnsupported;
}

// The host's progress bar, as long as this lives; a host without one shows nothing.
class Progress {
  public:
    Progress(OfxImageEffectHandle effect, const char* label);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Shows how much is done, from 0 to 1. False: the user wants it to stop.
    bool update(double done) const;

  private:
    OfxImageEffectHandle effect_;
};

// A property set. Reading what is not there gives nothing; setting what a host does not know does
// nothing.
class Properties {
  public:
    explicit Properties(OfxPropertySetHandle handle) : handle_(handle) {}

    std::optional<int> integer(const char* name, int index = 0) const;
    std::optional<double> number(const char* name, int index = 0) const;
    std::optional<std::string> string(const char* name, int index = 0) const;
    void* pointer(const char* name) const;
    std::optional<OfxRectI> rectangle(const char* name) const;

    void set(const char* name, int value, int index = 0) const;
    void set(const char* name, double value, int index = 0) const;
    void set(const char* name, const char* value, int index = 0) const;
    void set(const char* name, void* value) const;

  private:
    OfxPropertySetHandle handle_;
};

Properties properties_of(OfxImageEffectHandle effect);
Properties properties_of(OfxImageClipHandle clip);
Properties properties_of(OfxParamHandle parameter);

}  // namespace synthetic_focus
