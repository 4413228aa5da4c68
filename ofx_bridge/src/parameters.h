// What a row of the parameter table is. The rows themselves are generated from parameters.toml.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace synthetic_focus {

enum class Type { Double, Int, Bool, Choice, Double2D, Path, String, Button, Label };

struct Option {
    const char* key;
    const char* label;
};

struct Group {
    const char* name;
    const char* label;
    const char* hint;
};

struct Range {
    double low, high;
};

// The control is live only while the choice at this place of the table has this option.
struct Condition {
    std::size_t parameter;
    int option;
};

struct Parameter {
    const char* name;
    Type type;
    std::size_t group;
    const char* label;
    const char* hint;
    double default_numbers[2];
    const char* default_text;
    Range range;
    Range display;
    double step;
    std::span<const Option> options;
    bool animates;
    bool sends_keys;
    // The worker is sent this one's values at the keyframes of that one.
    std::optional<std::size_t> keyed_by;
    bool secret;
    std::optional<Condition> condition;
};

}  // namespace synthetic_focus
