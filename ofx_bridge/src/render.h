// What the worker does with the pictures of a shot.
#pragma once

#include <string>
#include <vector>

#include "instance.h"

namespace synthetic_focus {

// The render action.
OfxStatus render(Instance& instance, const Properties& arguments);

// The keys of Focus Distance that the shot's subjects come to: time and value of each, one after
// the other. None if the user stopped it. Shows progress; only to be called from instanceChanged.
std::vector<double> bake(Instance& instance, const Properties& arguments);

// Has the worker estimate all frames of the shot, and says how far it came. Shows progress; only to
// be called from instanceChanged.
std::string analyze(Instance& instance, const Properties& arguments);

}  // namespace synthetic_focus
