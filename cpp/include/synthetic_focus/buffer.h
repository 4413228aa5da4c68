// Arrays for pixels and cells.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace synthetic_focus {

// Leaves new numbers as the memory has them.
template <typename T>
struct LeaveAsIs : std::allocator<T> {
    template <typename U>
    struct rebind {
        using other = LeaveAsIs<U>;
    };
    template <typename U, typename... Arguments>
    void construct(U* at, Arguments&&... arguments) {
        if constexpr (sizeof...(Arguments) == 0) {
            ::new (static_cast<void*>(at)) U;
        } else {
            ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
        }
    }
};

// Is written before it is read: a large one costs more to clear than to fill.
template <typename T>
using Buffer = std::vector<T, LeaveAsIs<T>>;

// Begins where a line of the processor's cache does.
template <typename T>
struct OnLines {
    using value_type = T;
    static constexpr std::align_val_t kLine{64};

    OnLines() = default;
    template <typename U>
    OnLines(const OnLines<U>&) {}

    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), kLine));
    }
    void deallocate(T* at, std::size_t) { ::operator delete(at, kLine); }
    bool operator==(const OnLines&) const { return true; }
};

}  // namespace synthetic_focus
