// What the suites share: the host's switches, what it has seen, and the call that is under way.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "openfx.h"
#include "properties.h"

namespace ofx_host {

class Clip;
class Effect;
struct Call;

// The misbehaviour that concerns the suites; Python's Behaviour explains each switch.
struct Switches {
    std::set<std::pair<std::string, int>> missing_suites;
    std::set<std::pair<std::string, int>> hollow_suites;
    bool volatile_strings = false;
    bool accepts_unknown_properties = false;
    bool tolerates_duplicates = false;
    bool secret_stays_secret = false;
    bool clamps_numbers_without_ranges = false;
    bool refuses_keys = false;
    bool hides_keys = false;
    bool ignores_param_copy = false;
    unsigned int threads = 0;
};

struct Message {
    std::string type;
    std::string id;
    std::string text;
    bool persistent;
};

// Set by whoever wants a render to end; shared by the threads that render and those that stop it.
class AbortSignal {
  public:
    // Fires by itself when it is asked for the given time; 0: only when set.
    explicit AbortSignal(int after_polls) : fires_at_(after_polls) {}

    void set() { set_ = true; }
    int polls() const { return polls_; }
    bool is_set() const { return set_; }
    bool poll() {
        if (++polls_ == fires_at_) {
            set_ = true;
        }
        return set_;
    }

  private:
    const int fires_at_;
    std::atomic<bool> set_ = false;
    std::atomic<int> polls_ = 0;
};

class Host {
  public:
    explicit Host(Switches the_switches);
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    void violation(const std::string& text);
    void add_message(Effect* effect, Message message);
    void suite_fetched(const std::string& name, int version, bool served);
    void unknown_property(const std::string& text);
    std::vector<std::string> violations() const;
    std::vector<Message> messages() const;
    std::vector<std::pair<std::string, int>> fetched_suites() const;
    std::vector<std::string> unknown_properties() const;

    // A string that a plug-in may read: for as long as the host lives, or, with volatile_strings,
    // until the thread's next call into the host.
    char* lend(const std::string& text);

    void* allocate(std::size_t bytes, const std::string& owner);
    bool release(void* memory);
    // What the memory suite gave out and has not got back: "N bytes allocated in ACTION".
    std::vector<std::string> unreleased_memory() const;

    OfxHost* c_host() { return &c_host_; }

    const Switches switches;
    PropertySet properties;

    // Answered by the Python layer. An image may be null whatever the status: hosts do that.
    std::function<std::pair<OfxStatus, std::shared_ptr<PropertySet>>(Clip&, double, const OfxRectD*,
                                                                     Call&)>
        fetch;
    std::function<bool(Clip&, double, OfxRectD&)> region_of_definition;
    std::function<bool(Effect*, const char*, double)> progress;
    std::function<void()> check_signals;
    std::function<double()> timeline_time;
    std::function<void(double)> timeline_goto;
    std::function<std::pair<double, double>()> timeline_bounds;

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> violations_;
    std::vector<Message> messages_;
    std::vector<std::pair<std::string, int>> fetched_suites_;
    std::vector<std::string> unknown_properties_;
    std::set<std::string> lent_;
    std::unordered_map<void*, std::pair<std::size_t, std::string>> memory_;
    OfxHost c_host_;
};

// One call of a plug-in's entry point. Threads that the multi-thread suite starts work for the call
// of the thread that asked for them.
struct Call {
    Host& host;
    Effect* effect;
    std::string action;
    double time;
    AbortSignal* abort;
    // The Python layer's note on the render under way; null outside of one.
    void* render;
    Call* parent;

    std::mutex mutex = {};
    std::vector<std::shared_ptr<PropertySet>> images = {};
    // What a Python callback raised; the plug-in was told of a failure, the caller gets this.
    std::exception_ptr error = {};

    void remember_error() {
        const std::lock_guard lock(mutex);
        if (!error) {
            error = std::current_exception();
        }
    }
};

// The thread's call, or null on a thread that the plug-in started by itself.
Call* current_call();
void set_current_call(Call* call);

// The host of a suite call that names no handle.
Host* current_host();

// Every suite function starts with this: strings lent before end here.
void begin_suite_call();

// Wraps a suite's function: nothing thrown leaves it.
template <auto Function>
struct Guarded;

template <class... Arguments, OfxStatus (*Function)(Arguments...)>
struct Guarded<Function> {
    static OfxStatus call(Arguments... arguments) {
        begin_suite_call();
        try {
            return Function(arguments...);
        } catch (const std::bad_alloc&) {
            return kOfxStatErrMemory;
        } catch (...) {
            if (Call* call = current_call()) {
                call->remember_error();
            }
            return kOfxStatErrUnknown;
        }
    }
};

template <auto Function>
inline constexpr auto guarded = &Guarded<Function>::call;

// The tables. A null pointer where the host has no such suite or version.
const OfxPropertySuiteV1* property_suite();
const OfxParameterSuiteV1* parameter_suite();
const OfxImageEffectSuiteV1* image_effect_suite();
const OfxInteractSuiteV1* interact_suite();
const OfxDrawSuiteV1* draw_suite();
const void* service_suite(const std::string& name, int version);

}  // namespace ofx_host
