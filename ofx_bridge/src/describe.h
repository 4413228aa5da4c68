// What the host is told about the effect before there is an instance of it.
#pragma once

#include "host.h"

namespace synthetic_focus {

OfxStatus describe(OfxImageEffectHandle effect);
OfxStatus describe_in_context(OfxImageEffectHandle effect);

}  // namespace synthetic_focus
