#include "parameters.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdarg>
#include <utility>

#include "effect.h"
#include "host.h"

namespace ofx_host {
namespace {

constexpr ParameterType parameter_types[] = {
    {kOfxParamTypeInteger, Storage::integers, 1, true},
    {kOfxParamTypeInteger2D, Storage::integers, 2, true},
    {kOfxParamTypeInteger3D, Storage::integers, 3, true},
    {kOfxParamTypeDouble, Storage::doubles, 1, true},
    {kOfxParamTypeDouble2D, Storage::doubles, 2, true},
    {kOfxParamTypeDouble3D, Storage::doubles, 3, true},
    {kOfxParamTypeRGB, Storage::doubles, 3, true},
    {kOfxParamTypeRGBA, Storage::doubles, 4, true},
    {kOfxParamTypeBoolean, Storage::integers, 1, false},
    {kOfxParamTypeChoice, Storage::integers, 1, false},
    {kOfxParamTypeString, Storage::text, 1, false},
    {kOfxParamTypeCustom, Storage::text, 1, false},
    {kOfxParamTypeGroup, Storage::none, 0, false},
    {kOfxParamTypePage, Storage::none, 0, false},
    {kOfxParamTypePushButton, Storage::none, 0, false},
};

bool is(const ParameterType& type, std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const char* name) { return std::string(type.name) == name; });
}

bool is_colour(const ParameterType& type) {
    return is(type, {kOfxParamTypeRGB, kOfxParamTypeRGBA});
}

bool is_number(const ParameterType& type) { return type.interpolates && !is_colour(type); }

std::vector<PropertyValue> repeated(PropertyValue value, std::size_t count) {
    return std::vector<PropertyValue>(count, std::move(value));
}

void define_text(PropertySet& set, const char* name, const std::string& value,
                 bool read_only = false) {
    set.define(name, PropertyType::text, 1, {value}, read_only);
}

void define_integer(PropertySet& set, const char* name, int value, bool read_only = false) {
    set.define(name, PropertyType::integer, 1, {value}, read_only);
}

void define_properties(PropertySet& set, const ParameterType& type, const std::string& name) {
    define_text(set, kOfxPropType, kOfxTypeParameter, true);
    define_text(set, kOfxPropName, name, true);
    define_text(set, kOfxParamPropType, type.name, true);
    define_text(set, kOfxPropLabel, name);
    define_text(set, kOfxPropShortLabel, name);
    define_text(set, kOfxPropLongLabel, name);
    define_text(set, kOfxParamPropHint, "");
    define_text(set, kOfxParamPropScriptName, name);
    define_text(set, kOfxParamPropParent, "");
    define_integer(set, kOfxParamPropSecret, 0);
    define_integer(set, kOfxParamPropEnabled, 1);
    set.define(kOfxParamPropDataPtr, PropertyType::pointer, 1, {static_cast<void*>(nullptr)});
    set.define(kOfxPropIcon, PropertyType::text, 2, repeated(std::string(), 2));
    if (is(type, {kOfxParamTypeGroup})) {
        define_integer(set, kOfxParamPropGroupOpen, 1);
    }
    if (is(type, {kOfxParamTypePage})) {
        set.define(kOfxParamPropPageChild, PropertyType::text, 0, {});
    }
    if (type.storage == Storage::none) {
        return;
    }
    define_integer(set, kOfxParamPropAnimates, is(type, {kOfxParamTypeCustom}) ? 0 : 1);
    define_integer(set, kOfxParamPropIsAnimating, 0, true);
    define_integer(set, kOfxParamPropIsAutoKeying, 0, true);
    define_integer(set, kOfxParamPropPersistant, 1);
    define_integer(set, kOfxParamPropEvaluateOnChange, 1);
    define_integer(set, kOfxParamPropPluginMayWrite, 0);
    define_integer(set, kOfxParamPropCanUndo, 1);
    define_text(set, kOfxParamPropCacheInvalidation, kOfxParamInvalidateValueChange);
    switch (type.storage) {
        case Storage::integers:
            set.define(kOfxParamPropDefault, PropertyType::integer, type.dimension,
                       repeated(0, type.dimension));
            break;
        case Storage::doubles:
            set.define(kOfxParamPropDefault, PropertyType::real, type.dimension,
                       repeated(0.0, type.dimension));
            break;
        default:
            define_text(set, kOfxParamPropDefault, "");
    }
    if (is(type, {kOfxParamTypeString})) {
        define_text(set, kOfxParamPropStringMode, kOfxParamStringIsSingleLine);
        define_integer(set, kOfxParamPropStringFilePathExists, 1);
    }
    if (is(type, {kOfxParamTypeChoice})) {
        set.define(kOfxParamPropChoiceOption, PropertyType::text, 0, {});
        set.define(kOfxParamPropChoiceOrder, PropertyType::integer, 0, {});
    }
    if (!type.interpolates) {
        return;
    }
    const bool integer = type.storage == Storage::integers;
    const auto limits = [&](const char* low_name, const char* high_name, bool unit) {
        const PropertyType kind = integer ? PropertyType::integer : PropertyType::real;
        const PropertyValue low = integer ? PropertyValue(INT_MIN)
                                  : unit  ? PropertyValue(0.0)
                                          : PropertyValue(-DBL_MAX);
        const PropertyValue high = integer ? PropertyValue(INT_MAX)
                                   : unit  ? PropertyValue(1.0)
                                           : PropertyValue(DBL_MAX);
        set.define(low_name, kind, type.dimension, repeated(low, type.dimension));
        set.define(high_name, kind, type.dimension, repeated(high, type.dimension));
    };
    limits(kOfxParamPropMin, kOfxParamPropMax, false);
    limits(kOfxParamPropDisplayMin, kOfxParamPropDisplayMax, is_colour(type));
    if (type.dimension > 1) {
        static constexpr std::array<const char*, 4> axes = {"x", "y", "z", "w"};
        static constexpr std::array<const char*, 4> channels = {"r", "g", "b", "a"};
        std::vector<PropertyValue> labels;
        for (std::size_t i = 0; i < type.dimension; ++i) {
            labels.emplace_back(std::string(is_colour(type) ? channels[i] : axes[i]));
        }
        set.define(kOfxParamPropDimensionLabel, PropertyType::text, type.dimension, labels);
    }
    if (!integer) {
        set.define(kOfxParamPropIncrement, PropertyType::real, 1, {1.0});
        define_integer(set, kOfxParamPropDigits, 2);
    }
    if (!integer && !is_colour(type)) {
        define_text(set, kOfxParamPropDoubleType, kOfxParamDoubleTypePlain);
        define_text(set, kOfxParamPropDefaultCoordinateSystem, kOfxParamCoordinatesCanonical);
        if (type.dimension == 1) {
            define_integer(set, kOfxParamPropShowTimeMarker, 0);
        }
        if (type.dimension == 2) {
            define_integer(set, kOfxParamPropHasHostOverlayHandle, 0, true);
            define_integer(set, kOfxParamPropUseHostOverlayHandle, 0);
        }
    }
}

double number(const PropertyValue& value) {
    const int* integer = std::get_if<int>(&value);
    return integer ? *integer : std::get<double>(value);
}

Sample default_of(const PropertySet& properties) {
    Sample sample;
    Property property;
    if (!properties.read(kOfxParamPropDefault, property)) {
        return sample;
    }
    if (property.type == PropertyType::text) {
        sample.text = std::get<std::string>(property.values.front());
    } else {
        for (std::size_t i = 0; i < property.values.size(); ++i) {
            sample.numbers[i] = number(property.values[i]);
        }
    }
    return sample;
}

bool has_ranges(const PropertySet& properties) {
    for (const char* name :
         {kOfxParamPropMin, kOfxParamPropMax, kOfxParamPropDisplayMin, kOfxParamPropDisplayMax}) {
        Property property;
        if (!properties.read(name, property) || !property.set_by_plugin) {
            return false;
        }
    }
    return true;
}

}  // namespace

const ParameterType* find_parameter_type(const std::string& name) {
    for (const ParameterType& type : parameter_types) {
        if (name == type.name) {
            return &type;
        }
    }
    return nullptr;
}

Sample Curve::at(double time, const ParameterType& type) const {
    if (keys.empty()) {
        return value;
    }
    const auto after = keys.upper_bound(time);
    if (after == keys.begin()) {
        return after->second;
    }
    const auto before = std::prev(after);
    if (after == keys.end() || !type.interpolates || interpolation == Interpolation::constant) {
        return before->second;
    }
    const double amount = (time - before->first) / (after->first - before->first);
    Sample sample = before->second;
    for (std::size_t i = 0; i < type.dimension; ++i) {
        const double mixed = std::lerp(before->second.numbers[i], after->second.numbers[i], amount);
        sample.numbers[i] = type.storage == Storage::integers ? std::floor(mixed + 0.5) : mixed;
    }
    return sample;
}

Parameter::Parameter(Effect& the_effect, const ParameterType& the_type, const std::string& the_name)
    : Handle(handle_kind),
      effect(the_effect),
      type(the_type),
      name(the_name),
      properties(the_effect.host, "parameter " + the_name) {
    define_properties(properties, type, name);
}

Parameter::Parameter(Effect& the_effect, const Parameter& description)
    : Handle(handle_kind),
      effect(the_effect),
      type(description.type),
      name(description.name),
      properties(description.properties, description.properties.label) {
    if (!effect.is_instance) {
        return;
    }
    properties.define(kOfxPropType, PropertyType::text, 1, {std::string(kOfxTypeParameterInstance)},
                      true);
    if (effect.host.switches.secret_stays_secret && properties.first(kOfxParamPropSecret, 0) != 0) {
        properties.frozen_property = kOfxParamPropSecret;
    }
    curve_.value = clamped(default_of(properties));
}

Curve Parameter::curve() const {
    const std::lock_guard lock(mutex_);
    return curve_;
}

void Parameter::set_curve(Curve curve) {
    const bool animating = !curve.keys.empty();
    {
        const std::lock_guard lock(mutex_);
        curve_ = std::move(curve);
    }
    if (type.storage != Storage::none) {
        properties.write(kOfxParamPropIsAnimating, {animating ? 1 : 0});
    }
}

Sample Parameter::at(double time) const {
    const std::lock_guard lock(mutex_);
    return curve_.at(time, type);
}

std::size_t Parameter::key_count() const {
    const std::lock_guard lock(mutex_);
    return curve_.keys.size();
}

std::optional<double> Parameter::key_time(std::size_t index) const {
    const std::lock_guard lock(mutex_);
    if (index >= curve_.keys.size()) {
        return std::nullopt;
    }
    return std::next(curve_.keys.begin(), static_cast<std::ptrdiff_t>(index))->first;
}

Sample Parameter::clamped(Sample sample) const {
    Property low;
    Property high;
    if (is(type, {kOfxParamTypeBoolean})) {
        sample.numbers[0] = sample.numbers[0] != 0.0 ? 1.0 : 0.0;
    } else if (is(type, {kOfxParamTypeChoice})) {
        properties.read(kOfxParamPropChoiceOption, high);
        const double last = std::max(0.0, static_cast<double>(high.values.size()) - 1.0);
        sample.numbers[0] = std::clamp(sample.numbers[0], 0.0, last);
    } else if (properties.read(kOfxParamPropMin, low) && properties.read(kOfxParamPropMax, high)) {
        const bool narrow = effect.host.switches.clamps_numbers_without_ranges && is_number(type) &&
                            !has_ranges(properties);
        const double widest = type.storage == Storage::integers ? 0.0 : 1.0;
        for (std::size_t i = 0; i < type.dimension; ++i) {
            const double least = narrow ? -widest : number(low.values[i]);
            const double most = narrow ? widest : number(high.values[i]);
            sample.numbers[i] = std::min(std::max(sample.numbers[i], least), most);
        }
    }
    return sample;
}

namespace {

// ---------------------------------------------------------------- the suite

Parameter* checked(OfxParamHandle handle) {
    auto* parameter = find<Parameter>(handle);
    if (!parameter) {
        if (Host* host = current_host()) {
            host->violation("a parameter was named that does not exist (any more)");
        }
    }
    return parameter;
}

// One that holds a value, of an instance.
Parameter* valued(OfxParamHandle handle) {
    Parameter* parameter = checked(handle);
    if (!parameter) {
        return nullptr;
    }
    if (parameter->type.storage == Storage::none || !parameter->effect.is_instance) {
        parameter->effect.host.violation("parameter " + parameter->name + " holds no value here");
        return nullptr;
    }
    return parameter;
}

double now(const Parameter& parameter) {
    const Call* call = current_call();
    return call ? call->time : parameter.effect.host.timeline_time();
}

bool may_set(const Parameter& parameter) {
    const Call* call = current_call();
    const std::string action = call ? call->action : "a thread of the plug-in";
    for (const char* allowed :
         {kOfxActionCreateInstance, kOfxActionBeginInstanceChanged, kOfxActionInstanceChanged,
          kOfxActionEndInstanceChanged, kOfxActionSyncPrivateData, kOfxInteractActionPenDown,
          kOfxInteractActionPenMotion, kOfxInteractActionPenUp, kOfxInteractActionKeyDown,
          kOfxInteractActionKeyRepeat, kOfxInteractActionKeyUp, kOfxInteractActionLoseFocus}) {
        if (action == allowed) {
            return true;
        }
    }
    parameter.effect.host.violation("parameter " + parameter.name + " was set");
    return false;
}

void give(const Parameter& parameter, const Sample& sample, std::va_list arguments) {
    if (parameter.type.storage == Storage::text) {
        *va_arg(arguments, char**) = parameter.effect.host.lend(sample.text);
        return;
    }
    for (std::size_t i = 0; i < parameter.type.dimension; ++i) {
        if (parameter.type.storage == Storage::integers) {
            *va_arg(arguments, int*) = static_cast<int>(sample.numbers[i]);
        } else {
            *va_arg(arguments, double*) = sample.numbers[i];
        }
    }
}

Sample take(const Parameter& parameter, std::va_list arguments) {
    Sample sample;
    if (parameter.type.storage == Storage::text) {
        const char* text = va_arg(arguments, const char*);
        sample.text = text ? text : "";
        return sample;
    }
    for (std::size_t i = 0; i < parameter.type.dimension; ++i) {
        if (parameter.type.storage == Storage::integers) {
            sample.numbers[i] = va_arg(arguments, int);
        } else {
            sample.numbers[i] = va_arg(arguments, double);
        }
    }
    return sample;
}

void change(Parameter& parameter, Curve curve) {
    parameter.effect.note_change(parameter);
    parameter.set_curve(std::move(curve));
    const Call* call = current_call();
    if (!call || !parameter.effect.alive || call->action == kOfxActionSyncPrivateData) {
        return;
    }
    int depth = 0;
    for (const Call* outer = call; outer; outer = outer->parent) {
        ++depth;
    }
    constexpr int deepest = 32;
    if (depth > deepest) {
        parameter.effect.host.violation("parameter " + parameter.name +
                                        " is set in answer to its own change, without end");
        return;
    }
    parameter.effect.changed(kOfxTypeParameter, parameter.name, kOfxChangePluginEdited, call->time,
                             {1.0, 1.0});
}

OfxStatus put(Parameter& parameter, const Sample& sample, double time, bool key) {
    if (!may_set(parameter)) {
        return kOfxStatFailed;
    }
    Curve curve = parameter.curve();
    const bool animates = parameter.properties.first(kOfxParamPropAnimates, 0) != 0;
    // A plain value for an animated parameter is a key at the current time, as in hosts' panels.
    if (animates && (key || !curve.keys.empty())) {
        curve.keys[time] = parameter.clamped(sample);
    } else {
        curve.value = parameter.clamped(sample);
    }
    change(parameter, std::move(curve));
    return kOfxStatOK;
}

OfxStatus get_value(OfxParamHandle handle, ...) {
    begin_suite_call();
    const Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    std::va_list arguments;
    va_start(arguments, handle);
    give(*parameter, parameter->at(now(*parameter)), arguments);
    va_end(arguments);
    return kOfxStatOK;
}

OfxStatus get_value_at(OfxParamHandle handle, OfxTime time, ...) {
    begin_suite_call();
    const Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    std::va_list arguments;
    va_start(arguments, time);
    give(*parameter, parameter->at(time), arguments);
    va_end(arguments);
    return kOfxStatOK;
}

OfxStatus get_derivative(OfxParamHandle handle, OfxTime time, ...) {
    begin_suite_call();
    const Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    if (parameter->type.storage != Storage::doubles) {
        return kOfxStatErrUnsupported;
    }
    const Curve curve = parameter->curve();
    Sample slope;
    const auto after = curve.keys.upper_bound(time);
    if (after != curve.keys.begin() && after != curve.keys.end() &&
        curve.interpolation == Interpolation::linear) {
        const auto before = std::prev(after);
        for (std::size_t i = 0; i < parameter->type.dimension; ++i) {
            slope.numbers[i] = (after->second.numbers[i] - before->second.numbers[i]) /
                               (after->first - before->first);
        }
    }
    std::va_list arguments;
    va_start(arguments, time);
    give(*parameter, slope, arguments);
    va_end(arguments);
    return kOfxStatOK;
}

OfxStatus get_integral(OfxParamHandle handle, OfxTime from, OfxTime to, ...) {
    begin_suite_call();
    const Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    if (parameter->type.storage != Storage::doubles) {
        return kOfxStatErrUnsupported;
    }
    const Curve curve = parameter->curve();
    // Between two neighbouring keys the curve is straight (or constant), so this is exact.
    std::vector<double> times = {std::min(from, to)};
    for (const auto& [time, sample] : curve.keys) {
        if (time > times.front() && time < std::max(from, to)) {
            times.push_back(time);
        }
    }
    times.push_back(std::max(from, to));
    Sample area;
    for (std::size_t k = 0; k + 1 < times.size(); ++k) {
        const double width = times[k + 1] - times[k];
        const Sample middle = curve.at(times[k] + width / 2, parameter->type);
        for (std::size_t i = 0; i < parameter->type.dimension; ++i) {
            area.numbers[i] += (from <= to ? width : -width) * middle.numbers[i];
        }
    }
    std::va_list arguments;
    va_start(arguments, to);
    give(*parameter, area, arguments);
    va_end(arguments);
    return kOfxStatOK;
}

// Notifying the plug-in of its own change may throw, and nothing may leave a suite's function.
template <class Work>
OfxStatus contained(const Work& work) {
    try {
        return work();
    } catch (...) {
        if (Call* call = current_call()) {
            call->remember_error();
        }
        return kOfxStatFailed;
    }
}

OfxStatus set_value(OfxParamHandle handle, ...) {
    begin_suite_call();
    Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    std::va_list arguments;
    va_start(arguments, handle);
    const Sample sample = take(*parameter, arguments);
    va_end(arguments);
    return contained([&] { return put(*parameter, sample, now(*parameter), false); });
}

OfxStatus set_value_at(OfxParamHandle handle, OfxTime time, ...) {
    begin_suite_call();
    Parameter* parameter = valued(handle);
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    std::va_list arguments;
    va_start(arguments, time);
    const Sample sample = take(*parameter, arguments);
    va_end(arguments);
    return contained([&] { return put(*parameter, sample, time, true); });
}

OfxStatus key_access(const Parameter* parameter) {
    if (!parameter) {
        return kOfxStatErrBadHandle;
    }
    return parameter->effect.host.switches.refuses_keys ? kOfxStatErrUnsupported : kOfxStatOK;
}

std::map<double, Sample> visible_keys(const Parameter& parameter) {
    return parameter.effect.host.switches.hides_keys ? std::map<double, Sample>()
                                                     : parameter.curve().keys;
}

OfxStatus get_key_count(OfxParamHandle handle, unsigned int* count) {
    const Parameter* parameter = valued(handle);
    const OfxStatus status = key_access(parameter);
    if (status == kOfxStatOK) {
        const bool hidden = parameter->effect.host.switches.hides_keys;
        *count = hidden ? 0 : static_cast<unsigned int>(parameter->key_count());
    }
    return status;
}

OfxStatus get_key_time(OfxParamHandle handle, unsigned int index, OfxTime* time) {
    const Parameter* parameter = valued(handle);
    const OfxStatus status = key_access(parameter);
    if (status != kOfxStatOK) {
        return status;
    }
    const bool hidden = parameter->effect.host.switches.hides_keys;
    const auto found = hidden ? std::nullopt : parameter->key_time(index);
    if (!found) {
        return kOfxStatErrBadIndex;
    }
    *time = *found;
    return kOfxStatOK;
}

OfxStatus get_key_index(OfxParamHandle handle, OfxTime time, int direction, int* index) {
    const Parameter* parameter = valued(handle);
    const OfxStatus status = key_access(parameter);
    if (status != kOfxStatOK) {
        return status;
    }
    const auto keys = visible_keys(*parameter);
    auto found = keys.find(time);
    if (direction > 0) {
        found = keys.upper_bound(time);
    } else if (direction < 0) {
        found = keys.lower_bound(time);
        found = found == keys.begin() ? keys.end() : std::prev(found);
    }
    if (found == keys.end()) {
        return kOfxStatFailed;
    }
    *index = static_cast<int>(std::distance(keys.begin(), found));
    return kOfxStatOK;
}

OfxStatus delete_keys(OfxParamHandle handle, std::optional<double> time) {
    Parameter* parameter = valued(handle);
    const OfxStatus status = key_access(parameter);
    if (status != kOfxStatOK) {
        return status;
    }
    if (!may_set(*parameter)) {
        return kOfxStatFailed;
    }
    Curve curve = parameter->curve();
    if (!time) {
        curve.value = curve.at(now(*parameter), parameter->type);
        curve.keys.clear();
    } else if (curve.keys.erase(*time) == 0) {
        return kOfxStatErrBadIndex;
    }
    change(*parameter, std::move(curve));
    return kOfxStatOK;
}

OfxStatus delete_key(OfxParamHandle handle, OfxTime time) { return delete_keys(handle, time); }

OfxStatus delete_all_keys(OfxParamHandle handle) { return delete_keys(handle, std::nullopt); }

OfxStatus copy_parameter(OfxParamHandle to, OfxParamHandle from, OfxTime offset,
                         const OfxRangeD* range) {
    Parameter* target = valued(to);
    const Parameter* source = valued(from);
    if (!target || !source) {
        return kOfxStatErrBadHandle;
    }
    if (&target->type != &source->type) {
        target->effect.host.violation("parameter " + source->name + " was copied to " +
                                      target->name + ", which is of another type");
        return kOfxStatErrValue;
    }
    if (!may_set(*target)) {
        return kOfxStatFailed;
    }
    if (target->effect.host.switches.ignores_param_copy) {
        return kOfxStatOK;
    }
    const Curve original = source->curve();
    Curve curve = original;
    curve.keys.clear();
    for (const auto& [time, sample] : original.keys) {
        if (!range || (time >= range->min && time <= range->max)) {
            curve.keys[time + offset] = target->clamped(sample);
        }
    }
    change(*target, std::move(curve));
    return kOfxStatOK;
}

OfxStatus define(OfxParamSetHandle handle, const char* type_name, const char* name,
                 OfxPropertySetHandle* properties) {
    auto* set = find<ParameterSet>(handle);
    if (!set || !type_name || !name) {
        return kOfxStatErrBadHandle;
    }
    Effect& effect = set->effect;
    if (effect.is_instance) {
        effect.host.violation(std::string("parameter ") + name + " was defined on an instance");
        return kOfxStatErrBadHandle;
    }
    const ParameterType* type = find_parameter_type(type_name);
    if (!type) {
        effect.host.violation(std::string("parameter ") + name + " is of the unknown type " +
                              type_name);
        return kOfxStatErrUnknown;
    }
    Parameter* parameter = effect.parameter(name);
    if (parameter) {
        effect.host.violation(std::string("parameter ") + name + " was defined twice");
        if (!effect.host.switches.tolerates_duplicates) {
            return kOfxStatErrExists;
        }
    } else {
        effect.parameters.push_back(std::make_unique<Parameter>(effect, *type, name));
        parameter = effect.parameters.back().get();
    }
    if (properties) {
        *properties = to_c<OfxPropertySetHandle>(parameter->properties);
    }
    return kOfxStatOK;
}

OfxStatus get_handle(OfxParamSetHandle handle, const char* name, OfxParamHandle* result,
                     OfxPropertySetHandle* properties) {
    auto* set = find<ParameterSet>(handle);
    if (!set || !name) {
        return kOfxStatErrBadHandle;
    }
    Parameter* parameter = set->effect.parameter(name);
    if (!parameter) {
        return kOfxStatErrUnknown;
    }
    if (result) {
        *result = to_c<OfxParamHandle>(*parameter);
    }
    if (properties) {
        *properties = to_c<OfxPropertySetHandle>(parameter->properties);
    }
    return kOfxStatOK;
}

OfxStatus set_properties(OfxParamSetHandle handle, OfxPropertySetHandle* properties) {
    auto* set = find<ParameterSet>(handle);
    if (!set || !properties) {
        return kOfxStatErrBadHandle;
    }
    *properties = to_c<OfxPropertySetHandle>(set->effect.properties);
    return kOfxStatOK;
}

OfxStatus parameter_properties(OfxParamHandle handle, OfxPropertySetHandle* properties) {
    Parameter* parameter = checked(handle);
    if (!parameter || !properties) {
        return kOfxStatErrBadHandle;
    }
    *properties = to_c<OfxPropertySetHandle>(parameter->properties);
    return kOfxStatOK;
}

OfxStatus edit_begin(OfxParamSetHandle handle, const char* label) {
    auto* set = find<ParameterSet>(handle);
    if (!set) {
        return kOfxStatErrBadHandle;
    }
    if (set->effect.editing()) {
        set->effect.host.violation("paramEditBegin inside another");
        return kOfxStatErrValue;
    }
    set->effect.begin_edit(label ? label : "");
    return kOfxStatOK;
}

OfxStatus edit_end(OfxParamSetHandle handle) {
    auto* set = find<ParameterSet>(handle);
    if (!set) {
        return kOfxStatErrBadHandle;
    }
    if (!set->effect.end_edit()) {
        set->effect.host.violation("paramEditEnd without a paramEditBegin");
        return kOfxStatErrValue;
    }
    return kOfxStatOK;
}

}  // namespace

const OfxParameterSuiteV1* parameter_suite() {
    static constexpr OfxParameterSuiteV1 suite = {
        guarded<define>,
        guarded<get_handle>,
        guarded<set_properties>,
        guarded<parameter_properties>,
        get_value,
        get_value_at,
        get_derivative,
        get_integral,
        set_value,
        set_value_at,
        guarded<get_key_count>,
        guarded<get_key_time>,
        guarded<get_key_index>,
        guarded<delete_key>,
        guarded<delete_all_keys>,
        guarded<copy_parameter>,
        guarded<edit_begin>,
        guarded<edit_end>,
    };
    return &suite;
}

}  // namespace ofx_host
