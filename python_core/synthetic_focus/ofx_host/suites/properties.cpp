#include "properties.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "host.h"

namespace ofx_host {
namespace {

constexpr std::array<const char*, 4> type_names = {"int", "double", "string", "pointer"};

const char* type_name(PropertyType type) { return type_names[static_cast<std::size_t>(type)]; }

PropertyType type_of(const PropertyValue& value) {
    return static_cast<PropertyType>(value.index());
}

}  // namespace

PropertySet::PropertySet(Host& the_host, std::string what)
    : Handle(handle_kind), host(the_host), label(std::move(what)) {}

PropertySet::PropertySet(const PropertySet& other, std::string what)
    : Handle(handle_kind), host(other.host), label(std::move(what)) {
    const std::lock_guard lock(other.mutex_);
    properties_ = other.properties_;
}

void PropertySet::define(const std::string& name, PropertyType type, std::size_t dimension,
                         std::vector<PropertyValue> values, bool read_only) {
    const std::lock_guard lock(mutex_);
    properties_[name] = Property{type, dimension, read_only, values, values};
}

void PropertySet::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    properties_.erase(name);
}

void PropertySet::write(const std::string& name, std::vector<PropertyValue> values) {
    const std::lock_guard lock(mutex_);
    properties_.at(name).values = std::move(values);
}

bool PropertySet::read(const std::string& name, Property& property) const {
    const std::lock_guard lock(mutex_);
    const auto found = properties_.find(name);
    if (found == properties_.end()) {
        return false;
    }
    property = found->second;
    return true;
}

std::vector<std::string> PropertySet::names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const auto& [name, property] : properties_) {
        result.push_back(name);
    }
    return result;
}

OfxStatus PropertySet::set(const char* name, std::size_t first_index,
                           std::vector<PropertyValue> values, bool all) {
    const std::lock_guard lock(mutex_);
    auto found = properties_.find(name);
    if (found == properties_.end()) {
        host.unknown_property(label + ": " + name);
        if (!host.switches.accepts_unknown_properties) {
            return kOfxStatErrUnknown;
        }
        const PropertyType type = values.empty() ? PropertyType::integer : type_of(values.front());
        found = properties_.emplace(name, Property{type, 0, false, {}, {}}).first;
    }
    Property& property = found->second;
    const auto complain = [&](const std::string& text, OfxStatus status) {
        host.violation(label + ": " + name + " " + text);
        return status;
    };
    for (const PropertyValue& value : values) {
        if (type_of(value) != property.type) {
            return complain(std::string("is of type ") + type_name(property.type) +
                                " and was set as " + type_name(type_of(value)),
                            kOfxStatErrValue);
        }
    }
    if (property.read_only) {
        return complain("is read-only and was set", kOfxStatErrValue);
    }
    const std::size_t end = first_index + values.size();
    if (property.dimension != 0 && end > property.dimension) {
        return complain("has " + std::to_string(property.dimension) +
                            " values and was set at index " + std::to_string(end - 1),
                        kOfxStatErrBadIndex);
    }
    if (first_index > property.values.size()) {
        return complain("was set with a gap at index " + std::to_string(property.values.size()),
                        kOfxStatErrBadIndex);
    }
    if (frozen_property == name) {
        return kOfxStatOK;
    }
    if (end > property.values.size() || (all && property.dimension == 0)) {
        property.values.resize(end);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        property.values[first_index + i] = std::move(values[i]);
    }
    property.set_by_plugin = true;
    return kOfxStatOK;
}

OfxStatus PropertySet::get(const char* name, std::size_t first_index, std::size_t count,
                           PropertyType type, std::vector<PropertyValue>& values) const {
    const std::lock_guard lock(mutex_);
    const auto found = properties_.find(name);
    if (found == properties_.end()) {
        return kOfxStatErrUnknown;
    }
    const Property& property = found->second;
    if (property.type != type) {
        host.violation(label + ": " + name + " is of type " + type_name(property.type) +
                       " and was read as " + type_name(type));
        return kOfxStatErrValue;
    }
    if (first_index + count > property.values.size()) {
        return kOfxStatErrBadIndex;
    }
    values.assign(property.values.begin() + static_cast<std::ptrdiff_t>(first_index),
                  property.values.begin() + static_cast<std::ptrdiff_t>(first_index + count));
    return kOfxStatOK;
}

OfxStatus PropertySet::reset(const char* name) {
    const std::lock_guard lock(mutex_);
    const auto found = properties_.find(name);
    if (found == properties_.end()) {
        return kOfxStatErrUnknown;
    }
    if (found->second.read_only) {
        host.violation(label + ": " + name + " is read-only and was reset");
        return kOfxStatErrValue;
    }
    found->second.values = found->second.defaults;
    return kOfxStatOK;
}

OfxStatus PropertySet::dimension(const char* name, int* count) const {
    const std::lock_guard lock(mutex_);
    const auto found = properties_.find(name);
    if (found == properties_.end()) {
        return kOfxStatErrUnknown;
    }
    *count = static_cast<int>(found->second.values.size());
    return kOfxStatOK;
}

namespace {

PropertySet* checked(OfxPropertySetHandle handle, const char* name) {
    auto* set = find<PropertySet>(handle);
    if (!set) {
        if (Host* host = current_host()) {
            host->violation("a property set was named that does not exist (any more)");
        }
        return nullptr;
    }
    if (!name) {
        set->host.violation(set->label + ": a property without a name");
        return nullptr;
    }
    return set;
}

template <class T>
PropertyValue to_value(T value) {
    return value;
}
template <>
PropertyValue to_value(const char* value) {
    return std::string(value ? value : "");
}

template <class T>
void from_value(Host&, const PropertyValue& value, T* result) {
    *result = std::get<T>(value);
}
void from_value(Host& host, const PropertyValue& value, char** result) {
    *result = host.lend(std::get<std::string>(value));
}

template <class T>
inline constexpr PropertyType type_for = PropertyType::pointer;
template <>
inline constexpr PropertyType type_for<int> = PropertyType::integer;
template <>
inline constexpr PropertyType type_for<double> = PropertyType::real;
template <>
inline constexpr PropertyType type_for<char*> = PropertyType::text;

template <class T>
OfxStatus set_one(OfxPropertySetHandle handle, const char* name, int index, T value) {
    PropertySet* set = checked(handle, name);
    if (!set) {
        return kOfxStatErrBadHandle;
    }
    if (index < 0) {
        return kOfxStatErrBadIndex;
    }
    return set->set(name, static_cast<std::size_t>(index), {to_value(value)}, false);
}

// T: as the suite's arrays hold it.
template <class T>
OfxStatus set_many(OfxPropertySetHandle handle, const char* name, int count, const T* values) {
    PropertySet* set = checked(handle, name);
    if (!set) {
        return kOfxStatErrBadHandle;
    }
    if (count < 0 || (count > 0 && !values)) {
        return kOfxStatErrBadIndex;
    }
    std::vector<PropertyValue> list;
    for (int i = 0; i < count; ++i) {
        list.push_back(to_value<T>(values[i]));
    }
    return set->set(name, 0, std::move(list), true);
}

template <class T>
OfxStatus get_many(OfxPropertySetHandle handle, const char* name, int first, int count, T* result) {
    PropertySet* set = checked(handle, name);
    if (!set || !result) {
        return kOfxStatErrBadHandle;
    }
    if (first < 0 || count < 0) {
        return kOfxStatErrBadIndex;
    }
    std::vector<PropertyValue> values;
    const OfxStatus status = set->get(name, static_cast<std::size_t>(first),
                                      static_cast<std::size_t>(count), type_for<T>, values);
    if (status == kOfxStatOK) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            from_value(set->host, values[i], result + i);
        }
    }
    return status;
}

template <class T>
OfxStatus get_one(OfxPropertySetHandle handle, const char* name, int index, T* result) {
    return get_many<T>(handle, name, index, 1, result);
}

template <class T>
OfxStatus get_all(OfxPropertySetHandle handle, const char* name, int count, T* result) {
    return get_many<T>(handle, name, 0, count, result);
}

OfxStatus reset_one(OfxPropertySetHandle handle, const char* name) {
    PropertySet* set = checked(handle, name);
    return set ? set->reset(name) : kOfxStatErrBadHandle;
}

OfxStatus get_dimension(OfxPropertySetHandle handle, const char* name, int* count) {
    PropertySet* set = checked(handle, name);
    return set && count ? set->dimension(name, count) : kOfxStatErrBadHandle;
}

}  // namespace

const OfxPropertySuiteV1* property_suite() {
    static constexpr OfxPropertySuiteV1 suite = {
        guarded<set_one<void*>>,   guarded<set_one<const char*>>,
        guarded<set_one<double>>,  guarded<set_one<int>>,
        guarded<set_many<void*>>,  guarded<set_many<const char*>>,
        guarded<set_many<double>>, guarded<set_many<int>>,
        guarded<get_one<void*>>,   guarded<get_one<char*>>,
        guarded<get_one<double>>,  guarded<get_one<int>>,
        guarded<get_all<void*>>,   guarded<get_all<char*>>,
        guarded<get_all<double>>,  guarded<get_all<int>>,
        guarded<reset_one>,        guarded<get_dimension>,
    };
    return &suite;
}

}  // namespace ofx_host
