// The actions on an instance, but for render.
#pragma once

#include "instance.h"

namespace synthetic_focus {

OfxStatus create_instance(OfxImageEffectHandle effect);
OfxStatus destroy_instance(Instance& instance);
OfxStatus instance_changed(Instance& instance, const Properties& arguments);
OfxStatus purge_caches(Instance& instance);
OfxStatus is_identity(const Instance& instance, const Properties& arguments,
                      const Properties& results);
OfxStatus region_of_definition(const Instance& instance, const Properties& arguments,
                               const Properties& results);
OfxStatus regions_of_interest(const Instance& instance, const Properties& arguments,
                              const Properties& results);
OfxStatus frames_needed(const Instance& instance, const Properties& arguments,
                        const Properties& results);
OfxStatus clip_preferences(const Instance& instance, const Properties& results);

}  // namespace synthetic_focus
