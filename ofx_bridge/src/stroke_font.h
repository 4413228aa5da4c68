// Letters made of lines, since hosts that lend their OpenGL lend no font.
#pragma once

#include <string_view>
#include <vector>

#include "openfx.h"

namespace synthetic_focus {

// The lines of a text that begins at the origin, in letters 6 high and 4 wide, 6 apart. Letters
// that it does not know are blank.
std::vector<std::vector<OfxPointD>> text_lines(std::string_view text);

}  // namespace synthetic_focus
