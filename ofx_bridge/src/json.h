// Writes JSON text. Requests to the worker are all the JSON that the plug-in needs; replies are
// binary.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

namespace synthetic_focus {

class Json {
  public:
    Json& open(char bracket) {
        separate();
        text_ += bracket;
        first_ = true;
        return *this;
    }
    Json& close(char bracket) {
        text_ += bracket;
        first_ = false;
        return *this;
    }
    Json& key(std::string_view name) {
        value(name);
        text_ += ':';
        first_ = true;
        return *this;
    }
    // Without this, text would choose the bool.
    Json& value(const char* string) { return value(std::string_view(string)); }
    Json& value(std::string_view string);
    Json& value(bool truth) { return raw(truth ? "true" : "false"); }
    Json& value(std::integral auto number) { return raw(std::to_string(number)); }
    // JSON has no infinity and no NaN: they become null.
    Json& value(double number) {
        char digits[32];
        if (!std::isfinite(number)) return raw("null");
        return raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
    }
    Json& null() { return raw("null"); }
    template <typename Value>
    Json& member(std::string_view name, const Value& content) {
        return key(name).value(content);
    }
    template <typename... Values>
    Json& array(std::string_view name, Values... values) {
        key(name).open('[');
        (value(values), ...);
        return close(']');
    }
    // The members of an object that was never opened: the sender wraps them, and adds its own.
    const std::string& text() const { return text_; }

  private:
    void separate() {
        if (!first_) text_ += ',';
        first_ = false;
    }
    Json& raw(std::string_view token) {
        separate();
        text_ += token;
        return *this;
    }

    std::string text_;
    bool first_ = true;
};

}  // namespace synthetic_focus
