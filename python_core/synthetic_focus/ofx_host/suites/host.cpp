#include "host.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>

namespace ofx_host {
namespace {

thread_local Call* thread_call = nullptr;

// For suite calls without a handle on threads that the plug-in started: the host that is open.
std::atomic<Host*> latest_host = nullptr;

// Lent strings are spoilt at the thread's next call into the host, and stay readable for a while
// after that: a plug-in that holds on to one reads rubbish, the same in every run.
struct Loans {
    static constexpr std::size_t kept = 256;
    std::deque<std::string> strings;
    std::size_t spoilt = 0;

    void spoil() {
        for (; spoilt < strings.size(); ++spoilt) {
            std::string& text = strings[spoilt];
            std::memset(text.data(), '?', text.size());
        }
        while (strings.size() > kept) {
            strings.pop_front();
            --spoilt;
        }
    }
};
thread_local Loans loans;

const void* fetch_suite(OfxPropertySetHandle handle, const char* name, int version) {
    begin_suite_call();
    auto* properties = find<PropertySet>(handle);
    if (!properties || !name) {
        return nullptr;
    }
    Host& host = properties->host;
    const auto listed = [&](const std::set<std::pair<std::string, int>>& suites) {
        return suites.contains({name, version}) || suites.contains({name, 0});
    };
    const void* suite = nullptr;
    const std::string wanted = name;
    if (listed(host.switches.hollow_suites)) {
        // Longer than the longest suite.
        static constexpr std::array<const void*, 64> hollow = {};
        suite = hollow.data();
    } else if (!listed(host.switches.missing_suites)) {
        if (wanted == kOfxPropertySuite && version == 1) {
            suite = property_suite();
        } else if (wanted == kOfxParameterSuite && version == 1) {
            suite = parameter_suite();
        } else if (wanted == kOfxImageEffectSuite && version == 1) {
            suite = image_effect_suite();
        } else if (wanted == kOfxInteractSuite && version == 1) {
            suite = interact_suite();
        } else if (wanted == kOfxDrawSuite && version == 1) {
            suite = draw_suite();
        } else {
            suite = service_suite(wanted, version);
        }
    }
    host.suite_fetched(wanted, version, suite != nullptr);
    return suite;
}

}  // namespace

Host::Host(Switches the_switches)
    : switches(std::move(the_switches)),
      properties(*this, "the host's properties"),
      c_host_{to_c<OfxPropertySetHandle>(properties), fetch_suite} {
    latest_host = this;
}

Host::~Host() {
    Host* self = this;
    latest_host.compare_exchange_strong(self, nullptr);
    for (const auto& [memory, origin] : memory_) {
        std::free(memory);
    }
}

void Host::violation(const std::string& text) {
    std::string where;
    if (const Call* call = current_call()) {
        where = call->action + ": ";
    }
    const std::lock_guard lock(mutex_);
    violations_.push_back(where + text);
}

void Host::add_message(Effect*, Message message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
}

void Host::suite_fetched(const std::string& name, int version, bool served) {
    if (served) {
        const std::lock_guard lock(mutex_);
        fetched_suites_.emplace_back(name, version);
    }
}

void Host::unknown_property(const std::string& text) {
    const std::lock_guard lock(mutex_);
    unknown_properties_.push_back(text);
}

std::vector<std::string> Host::violations() const {
    const std::lock_guard lock(mutex_);
    return violations_;
}

std::vector<Message> Host::messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
}

std::vector<std::pair<std::string, int>> Host::fetched_suites() const {
    const std::lock_guard lock(mutex_);
    return fetched_suites_;
}

std::vector<std::string> Host::unknown_properties() const {
    const std::lock_guard lock(mutex_);
    return unknown_properties_;
}

char* Host::lend(const std::string& text) {
    if (switches.volatile_strings) {
        return loans.strings.emplace_back(text).data();
    }
    const std::lock_guard lock(mutex_);
    return const_cast<char*>(lent_.insert(text).first->c_str());
}

void* Host::allocate(std::size_t bytes, const std::string& owner) {
    void* memory = std::malloc(bytes ? bytes : 1);
    if (memory) {
        const std::lock_guard lock(mutex_);
        memory_.emplace(memory, std::pair(bytes, owner));
    }
    return memory;
}

bool Host::release(void* memory) {
    {
        const std::lock_guard lock(mutex_);
        if (memory_.erase(memory) == 0) {
            return false;
        }
    }
    std::free(memory);
    return true;
}

std::vector<std::string> Host::unreleased_memory() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const auto& [memory, origin] : memory_) {
        result.push_back(std::to_string(origin.first) + " bytes allocated in " + origin.second);
    }
    return result;
}

Call* current_call() { return thread_call; }

void set_current_call(Call* call) { thread_call = call; }

Host* current_host() {
    const Call* call = current_call();
    return call ? &call->host : latest_host.load();
}

void begin_suite_call() { loans.spoil(); }

}  // namespace ofx_host
