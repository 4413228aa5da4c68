// Work shared among threads, and the flag that stops it.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace synthetic_focus {

// Set from any thread; the kernels look at it every few milliseconds.
class AbortFlag {
  public:
    void set() { flag_.store(true, std::memory_order_relaxed); }
    bool is_set() const { return flag_.load(std::memory_order_relaxed); }

  private:
    std::atomic<bool> flag_{false};
};

class Aborted : public std::runtime_error {
  public:
    Aborted() : std::runtime_error("the render was aborted") {}
};

inline void check(const AbortFlag* abort) {
    if (abort != nullptr && abort->is_set()) throw Aborted();
}

// The number of processors that this process may run on.
int available_threads();

// Calls work(index, thread) for every index in [0, count), on `threads` threads, low indices first.
// The first exception ends the others after the piece they are at, and is thrown here.
template <typename Work>
void parallel_for(int count, int threads, const AbortFlag* abort, const Work& work) {
    std::atomic<int> next{0};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    auto run = [&](int thread) {
        try {
            for (int i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
                check(abort);
                work(i, thread);
            }
        } catch (...) {
            const std::lock_guard lock(failure_mutex);
            if (!failure) failure = std::current_exception();
            next.store(count);
        }
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads && thread < count; ++thread)
        others.emplace_back(run, thread);
    run(0);
    others.clear();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace synthetic_focus
