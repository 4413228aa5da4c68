#include "host.h"

#include <atomic>
#include <mutex>

namespace synthetic_focus {

namespace {

std::atomic<const OfxHost*> current_host{nullptr};
std::atomic<bool> up_to_date{false};
std::mutex fetching;
// Replaced, never freed: another thread may be in the old one's functions. A process sees one host,
// two at most.
std::atomic<const Suites*> current_suites{nullptr};

template <typename Suite>
const Suite* fetch(const OfxHost& host, const char* name, int version) {
    return static_cast<const Suite*>(host.fetchSuite(host.host, name, version));
}

// Calls a property function unless there is no set: hosts dereference what they get.
template <typename Function, typename... Arguments>
OfxStatus on(OfxPropertySetHandle set, Function* function, Arguments... arguments) {
    return set ? call(function, set, arguments...) : kOfxStatErrBadHandle;
}

}  // namespace

void set_host(const OfxHost* host) {
    if (current_host.exchange(host) != host) up_to_date = false;
}

void forget_suites() { up_to_date = false; }

const Suites* find_suites() {
    if (up_to_date) return current_suites;
    const std::lock_guard lock(fetching);
    if (up_to_date) return current_suites;
    const OfxHost* host = current_host;
    if (!host || !host->fetchSuite) return nullptr;
    const Suites fetched{
        .host = host->host,
        .property = fetch<OfxPropertySuiteV1>(*host, kOfxPropertySuite, 1),
        .effect = fetch<OfxImageEffectSuiteV1>(*host, kOfxImageEffectSuite, 1),
        .parameter = fetch<OfxParameterSuiteV1>(*host, kOfxParameterSuite, 1),
        .message = fetch<OfxMessageSuiteV1>(*host, kOfxMessageSuite, 1),
        .persistent_message = fetch<OfxMessageSuiteV2>(*host, kOfxMessageSuite, 2),
        .timeline = fetch<OfxTimeLineSuiteV1>(*host, kOfxTimeLineSuite, 1),
        .interact = fetch<OfxInteractSuiteV1>(*host, kOfxInteractSuite, 1),
        .draw = fetch<OfxDrawSuiteV1>(*host, kOfxDrawSuite, 1),
        .progress = fetch<OfxProgressSuiteV1>(*host, kOfxProgressSuite, 1),
        .progress_with_id = fetch<OfxProgressSuiteV2>(*host, kOfxProgressSuite, 2)};
    const bool core = fetched.property && fetched.property->propSetString && fetched.effect &&
                      fetched.effect->getPropertySet && fetched.parameter &&
                      fetched.parameter->paramDefine;
    if (!core) return nullptr;
    current_suites = new Suites(fetched);
    up_to_date = true;
    return current_suites;
}

const Suites& suites() { return *current_suites; }

std::string host_name() {
    return Properties(suites().host).string(kOfxPropName).value_or("unknown");
}

Progress::Progress(OfxImageEffectHandle effect, const char* label) : effect_(effect) {
    if (suites().progress_with_id) {
        call(suites().progress_with_id->progressStart, effect_, label, "synthetic_focus");
    } else if (suites().progress) {
        call(suites().progress->progressStart, effect_, label);
    }
}

Progress::~Progress() {
    if (suites().progress_with_id) {
        call(suites().progress_with_id->progressEnd, effect_);
    } else if (suites().progress) {
        call(suites().progress->progressEnd, effect_);
    }
}

bool Progress::update(double done) const {
    OfxStatus (*tell)(void*, double) = nullptr;
    if (suites().progress_with_id) {
        tell = suites().progress_with_id->progressUpdate;
    } else if (suites().progress) {
        tell = suites().progress->progressUpdate;
    }
    return !tell || tell(effect_, done) == kOfxStatOK;
}

std::optional<int> Properties::integer(const char* name, int index) const {
    int value = 0;
    const OfxStatus status = on(handle_, suites().property->propGetInt, name, index, &value);
    return status == kOfxStatOK ? std::optional(value) : std::nullopt;
}

std::optional<double> Properties::number(const char* name, int index) const {
    double value = 0;
    const OfxStatus status = on(handle_, suites().property->propGetDouble, name, index, &value);
    return status == kOfxStatOK ? std::optional(value) : std::nullopt;
}

std::optional<std::string> Properties::string(const char* name, int index) const {
    char* value = nullptr;
    const OfxStatus status = on(handle_, suites().property->propGetString, name, index, &value);
    // Copied at once: the host's string lives until the next call.
    return status == kOfxStatOK && value ? std::optional<std::string>(value) : std::nullopt;
}

void* Properties::pointer(const char* name) const {
    void* value = nullptr;
    const OfxStatus status = on(handle_, suites().property->propGetPointer, name, 0, &value);
    return status == kOfxStatOK ? value : nullptr;
}

std::optional<OfxRectI> Properties::rectangle(const char* name) const {
    const auto x1 = integer(name, 0), y1 = integer(name, 1);
    const auto x2 = integer(name, 2), y2 = integer(name, 3);
    if (!x1 || !y1 || !x2 || !y2) return std::nullopt;
    return OfxRectI{*x1, *y1, *x2, *y2};
}

void Properties::set(const char* name, int value, int index) const {
    on(handle_, suites().property->propSetInt, name, index, value);
}

void Properties::set(const char* name, double value, int index) const {
    on(handle_, suites().property->propSetDouble, name, index, value);
}

void Properties::set(const char* name, const char* value, int index) const {
    on(handle_, suites().property->propSetString, name, index, value);
}

void Properties::set(const char* name, void* value) const {
    on(handle_, suites().property->propSetPointer, name, 0, value);
}

Properties properties_of(OfxImageEffectHandle effect) {
    OfxPropertySetHandle handle = nullptr;
    call(suites().effect->getPropertySet, effect, &handle);
    return Properties(handle);
}

Properties properties_of(OfxImageClipHandle clip) {
    OfxPropertySetHandle handle = nullptr;
    if (clip) call(suites().effect->clipGetPropertySet, clip, &handle);
    return Properties(handle);
}

Properties properties_of(OfxParamHandle parameter) {
    OfxPropertySetHandle handle = nullptr;
    if (parameter) call(suites().parameter->paramGetPropertySet, parameter, &handle);
    return Properties(handle);
}

}  // namespace synthetic_focus
