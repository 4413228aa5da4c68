// Property sets and the property suite.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "handles.h"
#include "openfx.h"

namespace ofx_host {

class Host;

// The order is that of PropertyType.
using PropertyValue = std::variant<int, double, std::string, void*>;
enum class PropertyType { integer, real, text, pointer };

struct Property {
    PropertyType type;
    std::size_t dimension;  // 0: any number of values
    bool read_only;         // to the plug-in
    std::vector<PropertyValue> values;
    std::vector<PropertyValue> defaults;
    bool set_by_plugin = false;
};

class PropertySet : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::property_set;

    // what: says in violations which set it is.
    PropertySet(Host& the_host, std::string what);
    PropertySet(const PropertySet& other, std::string what);

    // Adds the property, or replaces it. An empty list gives one without values, of any dimension.
    void define(const std::string& name, PropertyType type, std::size_t dimension,
                std::vector<PropertyValue> values, bool read_only = false);
    void remove(const std::string& name);
    // The host's own writing: no read-only, creates nothing. Throws std::out_of_range for an
    // unknown name.
    void write(const std::string& name, std::vector<PropertyValue> values);

    // A copy, safe against other threads; null type where there is no such property.
    bool read(const std::string& name, Property& property) const;
    std::vector<std::string> names() const;

    template <class T>
    T first(const std::string& name, T otherwise) const {
        Property property;
        if (!read(name, property) || property.values.empty()) {
            return otherwise;
        }
        const T* value = std::get_if<T>(&property.values.front());
        return value ? *value : otherwise;
    }

    // The suite's work.
    OfxStatus set(const char* name, std::size_t first_index, std::vector<PropertyValue> values,
                  bool all);
    OfxStatus get(const char* name, std::size_t first_index, std::size_t count, PropertyType type,
                  std::vector<PropertyValue>& values) const;
    OfxStatus reset(const char* name);
    OfxStatus dimension(const char* name, int* count) const;

    Host& host;
    std::string label;
    // Set on instances' parameters: what the description said is final (Nuke's secret).
    std::string frozen_property;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, Property> properties_;
};

}  // namespace ofx_host
