// Arrays that are written before they are read: large ones cost more to clear than to fill.
#pragma once

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

template <typename T>
using Buffer = std::vector<T, LeaveAsIs<T>>;

}  // namespace synthetic_focus
