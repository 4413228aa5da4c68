// The render action.
#pragma once

#include "instance.h"

namespace synthetic_focus {

OfxStatus render(Instance& instance, const Properties& arguments);

}  // namespace synthetic_focus
