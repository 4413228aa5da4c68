#include "synthetic_focus/parallel.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace synthetic_focus {

int available_threads() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
    const unsigned count = std::thread::hardware_concurrency();
    return count == 0 ? 1 : static_cast<int>(count);
}

}  // namespace synthetic_focus
