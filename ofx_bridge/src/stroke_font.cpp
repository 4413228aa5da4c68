#include "stroke_font.h"

#include <algorithm>

namespace synthetic_focus {

namespace {

struct Glyph {
    char letter;
    // The corners of its lines, a digit of x and one of y each; a space begins a new line.
    std::string_view lines;
};

constexpr double advance = 6;

constexpr Glyph glyphs[] = {
    {'0', "103041453616050110"},
    {'1', "152620 1030"},
    {'2', "05163645440040"},
    {'3', "05163645443313 334241301001"},
    {'4', "30360242"},
    {'5', "460603334241301001"},
    {'6', "453616050110304142331302"},
    {'7', "064610"},
    {'8', "13040516364544331302011030414233"},
    {'9', "443313040516364541301001"},
    {'-', "0343"},
    {'.', "1020"},
    {'C', "4536160501103041"},
    {'D', "00062645412000"},
    {'E', "46060040 0333"},
    {'G', "45361605011030414323"},
    {'I', "1636 2620 1030"},
    {'K', "0600 460340"},
    {'L', "060040"},
    {'N', "00064046"},
    {'O', "103041453616050110"},
    {'P', "00063645443303"},
    {'S', "01103041423304053646"},
    {'T', "0646 2620"},
    {'U', "060110304146"},
};

void append_glyph(std::vector<std::vector<OfxPointD>>& lines, std::string_view corners, double x) {
    while (!corners.empty()) {
        const std::size_t length = std::min(corners.find(' '), corners.size());
        lines.emplace_back();
        for (std::size_t i = 0; i + 1 < length; i += 2) {
            lines.back().push_back(
                {x + (corners[i] - '0'), static_cast<double>(corners[i + 1] - '0')});
        }
        corners.remove_prefix(std::min(length + 1, corners.size()));
    }
}

}  // namespace

std::vector<std::vector<OfxPointD>> text_lines(std::string_view text) {
    std::vector<std::vector<OfxPointD>> lines;
    double x = 0;
    for (const char letter : text) {
        for (const Glyph& glyph : glyphs) {
            if (glyph.letter == letter) append_glyph(lines, glyph.lines, x);
        }
        x += advance;
    }
    return lines;
}

}  // namespace synthetic_focus
