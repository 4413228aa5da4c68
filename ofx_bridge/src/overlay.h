// What the plug-in shows on the viewer: the focus point to drag, and the targets before and after
// it.
#pragma once

#include "openfx.h"

namespace synthetic_focus {

// The overlay's entry points: for hosts with a draw suite, and for those that lend their OpenGL.
extern OfxPluginEntryPoint* const overlay_with_draw_suite;
extern OfxPluginEntryPoint* const overlay_with_opengl;

}  // namespace synthetic_focus
