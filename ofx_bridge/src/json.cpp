#include "json.h"

#include <cstdint>

namespace synthetic_focus {

namespace {

// The length of the UTF-8 character at the front, 0 if there is none: overlong forms and surrogates
// are not UTF-8.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    std::uint32_t code = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    const std::uint32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < smallest || code > 0x10FFFF || surrogate ? 0 : length;
}

void append_escape(std::string& text, unsigned code) {
    constexpr char digits[] = "0123456789abcdef";
    text += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) text += digits[code >> shift & 0xF];
}

}  // namespace

Json& Json::value(std::string_view string) {
    separate();
    text_ += '"';
    while (!string.empty()) {
        const auto byte = static_cast<unsigned char>(string.front());
        const std::size_t length = character_length(string);
        if (length == 0) {
            // A byte of a path in another encoding: a lone surrogate, which Python turns back into
            // the byte.
            append_escape(text_, 0xDC00u + byte);
        } else if (byte == '"' || byte == '\\') {
            text_ += '\\';
            text_ += string.front();
        } else if (byte < 0x20) {
            append_escape(text_, byte);
        } else {
            text_ += string.substr(0, length);
        }
        string.remove_prefix(length ? length : 1);
    }
    text_ += '"';
    return *this;
}

}  // namespace synthetic_focus
