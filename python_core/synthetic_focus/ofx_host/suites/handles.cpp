#include "handles.h"

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace ofx_host {
namespace {

struct Registry {
    std::shared_mutex mutex;
    std::unordered_map<const void*, Kind> kinds;
};

// Never destroyed: handles may die after static destructors have run.
Registry& registry() {
    static auto* const the_registry = new Registry;
    return *the_registry;
}

}  // namespace

Handle::Handle(Kind handle_kind) : kind(handle_kind) {
    const std::unique_lock lock(registry().mutex);
    registry().kinds.emplace(this, kind);
}

Handle::~Handle() {
    const std::unique_lock lock(registry().mutex);
    registry().kinds.erase(this);
}

Handle* find_handle(const void* address, Kind kind) {
    const std::shared_lock lock(registry().mutex);
    const auto found = registry().kinds.find(address);
    if (found == registry().kinds.end() || found->second != kind) {
        return nullptr;
    }
    return static_cast<Handle*>(const_cast<void*>(address));
}

}  // namespace ofx_host
