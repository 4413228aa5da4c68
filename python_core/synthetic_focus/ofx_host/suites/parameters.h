// Parameters with their animation curves, and the parameter suite.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "handles.h"
#include "openfx.h"
#include "properties.h"

namespace ofx_host {

class Effect;

enum class Storage { none, integers, doubles, text };

struct ParameterType {
    const char* name;
    Storage storage;
    std::size_t dimension;
    // Numbers that make sense between two keys; the others hold the last key's value.
    bool interpolates;
};

// Null for a type that the host does not know.
const ParameterType* find_parameter_type(const std::string& name);

// A value at one moment. Integers are exact in doubles.
struct Sample {
    std::array<double, 4> numbers = {};
    std::string text = {};
};

enum class Interpolation { linear, constant };

struct Curve {
    Sample value;
    std::map<double, Sample> keys;
    Interpolation interpolation = Interpolation::linear;

    Sample at(double time, const ParameterType& type) const;
};

class Parameter : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::parameter;

    Parameter(Effect& the_effect, const ParameterType& the_type, const std::string& the_name);
    // An instance's, from its description.
    Parameter(Effect& the_effect, const Parameter& description);

    Curve curve() const;
    // Replaces everything, as when a project is opened or an edit is undone.
    void set_curve(Curve curve);
    Sample at(double time) const;
    // Without a copy of the curve: a plug-in asks for the times of thousands, one by one.
    std::size_t key_count() const;
    std::optional<double> key_time(std::size_t index) const;
    // Into its limits, as a host's panel does.
    Sample clamped(Sample sample) const;

    Effect& effect;
    const ParameterType& type;
    const std::string name;
    PropertySet properties;

  private:
    mutable std::mutex mutex_;
    Curve curve_;
};

// What a plug-in gets as its parameter set.
class ParameterSet : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::parameter_set;
    explicit ParameterSet(Effect& the_effect) : Handle(handle_kind), effect(the_effect) {}

    Effect& effect;
};

}  // namespace ofx_host
