// The suites that know neither images nor parameters: memory, threads, messages, progress,
// timeline.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "effect.h"
#include "host.h"

namespace ofx_host {
namespace {

// ---------------------------------------------------------------- memory

std::string where_we_are() {
    const Call* call = current_call();
    return call ? call->action : "a thread of the plug-in";
}

OfxStatus memory_alloc(void* instance, std::size_t bytes, void** memory) {
    const auto* effect = find<Effect>(instance);
    if (instance && !effect) {
        return kOfxStatErrBadHandle;
    }
    Host* host = effect ? &effect->host : current_host();
    if (!host || !memory) {
        return kOfxStatErrBadHandle;
    }
    *memory = host->allocate(bytes, where_we_are());
    return *memory ? kOfxStatOK : kOfxStatErrMemory;
}

OfxStatus memory_free(void* memory) {
    Host* host = current_host();
    if (!host) {
        return kOfxStatErrBadHandle;
    }
    if (!memory) {
        return kOfxStatOK;
    }
    if (!host->release(memory)) {
        host->violation("memory was freed that the memory suite has not given out, or twice");
        return kOfxStatErrBadHandle;
    }
    return kOfxStatOK;
}

// ---------------------------------------------------------------- threads

struct Spawned {
    bool is = false;
    unsigned int index = 0;
};
thread_local Spawned spawned;

unsigned int thread_count() {
    const Host* host = current_host();
    if (host && host->switches.threads != 0) {
        return host->switches.threads;
    }
    return std::max(1U, std::thread::hardware_concurrency());
}

OfxStatus multi_thread(OfxThreadFunctionV1* function, unsigned int wanted, void* argument) {
    if (!function) {
        return kOfxStatFailed;
    }
    if (spawned.is) {
        return kOfxStatErrExists;
    }
    const unsigned int most = thread_count();
    const unsigned int count = wanted == 0 ? most : std::min(wanted, most);
    Call* const call = current_call();
    const auto work = [=](unsigned int index) {
        spawned = {true, index};
        set_current_call(call);
        try {
            function(index, count, argument);
        } catch (...) {
            if (Host* host = current_host()) {
                host->violation("an exception left a function that the multi-thread suite runs");
            }
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned int i = 0; i < count; ++i) {
        threads.emplace_back(work, i);
    }
    return kOfxStatOK;
}

OfxStatus multi_thread_cpus(unsigned int* count) {
    if (!count) {
        return kOfxStatFailed;
    }
    *count = thread_count();
    return kOfxStatOK;
}

OfxStatus multi_thread_index(unsigned int* index) {
    if (!index) {
        return kOfxStatFailed;
    }
    *index = spawned.index;
    return spawned.is ? kOfxStatOK : kOfxStatFailed;
}

int multi_thread_is_spawned() { return spawned.is ? 1 : 0; }

class Mutex : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::mutex;
    Mutex() : Handle(handle_kind) {}
    std::recursive_mutex mutex;
};

OfxStatus mutex_create(OfxMutexHandle* handle, int lock_count) {
    if (!handle) {
        return kOfxStatErrBadHandle;
    }
    auto* mutex = new Mutex;
    for (int i = 0; i < lock_count; ++i) {
        mutex->mutex.lock();
    }
    *handle = to_c<OfxMutexHandle>(*mutex);
    return kOfxStatOK;
}

OfxStatus mutex_destroy(OfxMutexHandle handle) {
    auto* mutex = find<Mutex>(handle);
    delete mutex;
    return mutex ? kOfxStatOK : kOfxStatErrBadHandle;
}

OfxStatus mutex_lock(OfxMutexHandle handle) {
    auto* mutex = find<Mutex>(handle);
    if (!mutex) {
        return kOfxStatErrBadHandle;
    }
    mutex->mutex.lock();
    return kOfxStatOK;
}

OfxStatus mutex_unlock(OfxMutexHandle handle) {
    auto* mutex = find<Mutex>(handle);
    if (!mutex) {
        return kOfxStatErrBadHandle;
    }
    mutex->mutex.unlock();
    return kOfxStatOK;
}

OfxStatus mutex_try_lock(OfxMutexHandle handle) {
    auto* mutex = find<Mutex>(handle);
    if (!mutex) {
        return kOfxStatErrBadHandle;
    }
    return mutex->mutex.try_lock() ? kOfxStatOK : kOfxStatFailed;
}

// ---------------------------------------------------------------- messages

OfxStatus take_message(void* handle, const char* type, const char* id, bool persistent,
                       const char* format, std::va_list arguments) {
    begin_suite_call();
    auto* effect = find<Effect>(handle);
    Host* host = effect ? &effect->host : current_host();
    if (!host || !type || !format) {
        return kOfxStatErrBadHandle;
    }
    if (handle && !effect) {
        host->violation("a message named an effect that does not exist (any more)");
    }
    std::va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length < 0) {
        return kOfxStatErrFormat;
    }
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    std::vsnprintf(text.data(), text.size(), format, arguments);
    text.pop_back();
    const Message message = {type, id ? id : "", text, persistent};
    if (persistent && effect) {
        effect->set_persistent_message(text);
    }
    host->add_message(effect, message);
    // Nobody is there to answer a question.
    return std::string(type) == kOfxMessageQuestion ? kOfxStatReplyDefault : kOfxStatOK;
}

OfxStatus message(void* handle, const char* type, const char* id, const char* format, ...) {
    std::va_list arguments;
    va_start(arguments, format);
    const OfxStatus status = take_message(handle, type, id, false, format, arguments);
    va_end(arguments);
    return status;
}

OfxStatus persistent_message(void* handle, const char* type, const char* id, const char* format,
                             ...) {
    std::va_list arguments;
    va_start(arguments, format);
    const OfxStatus status = take_message(handle, type, id, true, format, arguments);
    va_end(arguments);
    return status;
}

OfxStatus clear_persistent_message(void* handle) {
    auto* effect = find<Effect>(handle);
    if (!effect) {
        return kOfxStatErrBadHandle;
    }
    effect->set_persistent_message("");
    return kOfxStatOK;
}

// ---------------------------------------------------------------- progress

// label: null for an update; progress 1 and no label ends it.
OfxStatus report_progress(void* instance, const char* label, double progress) {
    auto* effect = find<Effect>(instance);
    Host* host = effect ? &effect->host : current_host();
    if (!host) {
        return kOfxStatErrBadHandle;
    }
    if (!effect) {
        host->violation("progress was reported for an effect that does not exist");
        return kOfxStatErrBadHandle;
    }
    return host->progress(effect, label, progress) ? kOfxStatOK : kOfxStatReplyNo;
}

OfxStatus progress_start_v1(void* instance, const char* label) {
    return report_progress(instance, label ? label : "", 0.0);
}

OfxStatus progress_start_v2(void* instance, const char* label, const char*) {
    return report_progress(instance, label ? label : "", 0.0);
}

OfxStatus progress_update(void* instance, double progress) {
    return report_progress(instance, nullptr, progress);
}

OfxStatus progress_end(void* instance) {
    return find<Effect>(instance) ? kOfxStatOK : kOfxStatErrBadHandle;
}

// ---------------------------------------------------------------- timeline

OfxStatus timeline_get(void* instance, double* time) {
    const auto* effect = find<Effect>(instance);
    if (!effect || !time) {
        return kOfxStatErrBadHandle;
    }
    *time = effect->host.timeline_time();
    return kOfxStatOK;
}

OfxStatus timeline_goto(void* instance, double time) {
    const auto* effect = find<Effect>(instance);
    if (!effect) {
        return kOfxStatErrBadHandle;
    }
    effect->host.timeline_goto(time);
    return kOfxStatOK;
}

OfxStatus timeline_range(void* instance, double* first, double* last) {
    const auto* effect = find<Effect>(instance);
    if (!effect || !first || !last) {
        return kOfxStatErrBadHandle;
    }
    std::tie(*first, *last) = effect->host.timeline_bounds();
    return kOfxStatOK;
}

constexpr OfxMemorySuiteV1 memory_suite = {guarded<memory_alloc>, guarded<memory_free>};
constexpr OfxMultiThreadSuiteV1 thread_suite = {
    guarded<multi_thread>,   guarded<multi_thread_cpus>, guarded<multi_thread_index>,
    multi_thread_is_spawned, guarded<mutex_create>,      guarded<mutex_destroy>,
    guarded<mutex_lock>,     guarded<mutex_unlock>,      guarded<mutex_try_lock>,
};
constexpr OfxMessageSuiteV1 message_suite_v1 = {message};
constexpr OfxMessageSuiteV2 message_suite_v2 = {message, persistent_message,
                                                guarded<clear_persistent_message>};
constexpr OfxProgressSuiteV1 progress_suite_v1 = {guarded<progress_start_v1>,
                                                  guarded<progress_update>, guarded<progress_end>};
constexpr OfxProgressSuiteV2 progress_suite_v2 = {guarded<progress_start_v2>,
                                                  guarded<progress_update>, guarded<progress_end>};
constexpr OfxTimeLineSuiteV1 timeline_suite = {guarded<timeline_get>, guarded<timeline_goto>,
                                               guarded<timeline_range>};

struct Service {
    const char* name;
    int version;
    const void* suite;
};
constexpr Service services[] = {
    {kOfxMemorySuite, 1, &memory_suite},        {kOfxMultiThreadSuite, 1, &thread_suite},
    {kOfxMessageSuite, 1, &message_suite_v1},   {kOfxMessageSuite, 2, &message_suite_v2},
    {kOfxProgressSuite, 1, &progress_suite_v1}, {kOfxProgressSuite, 2, &progress_suite_v2},
    {kOfxTimeLineSuite, 1, &timeline_suite},
};

}  // namespace

const void* service_suite(const std::string& name, int version) {
    for (const Service& service : services) {
        if (name == service.name && version == service.version) {
            return service.suite;
        }
    }
    return nullptr;
}

}  // namespace ofx_host
