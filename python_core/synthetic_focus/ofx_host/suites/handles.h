// Handles that the host lends to plug-ins. Every one is known while it lives, so that a stale or
// foreign one is answered with kOfxStatErrBadHandle instead of a crash.
#pragma once

namespace ofx_host {

enum class Kind {
    property_set,
    effect,
    parameter_set,
    parameter,
    clip,
    mutex,
    image_memory,
    interact,
    draw_context,
};

class Handle {
  public:
    explicit Handle(Kind handle_kind);
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    virtual ~Handle();

    const Kind kind;
};

// The living handle of that kind at that address, or null.
Handle* find_handle(const void* address, Kind kind);

// T names its kind in T::handle_kind.
template <class T>
T* find(const void* address) {
    return static_cast<T*>(find_handle(address, T::handle_kind));
}

// What goes over the C interface. The way back is find(), which sees the Handle's address.
template <class C>
C to_c(Handle& handle) {
    return reinterpret_cast<C>(&handle);
}

}  // namespace ofx_host
