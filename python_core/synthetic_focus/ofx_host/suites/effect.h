// Effects (descriptions and instances), their clips, and the image effect suite.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "host.h"
#include "parameters.h"
#include "properties.h"

namespace ofx_host {

class Plugin;

class Clip : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::clip;
    Clip(Effect& the_effect, const std::string& the_name);
    Clip(Effect& the_effect, const Clip& description);

    Effect& effect;
    const std::string name;
    PropertySet properties;
};

class Effect : public Handle {
  public:
    static constexpr Kind handle_kind = Kind::effect;

    // The plug-in's description, still empty.
    explicit Effect(Plugin& the_plugin);
    // Its description for a context, or an instance of such a one.
    Effect(const Effect& description, bool instance);
    ~Effect() override;

    Parameter* parameter(const std::string& name) const;
    Clip* clip(const std::string& name) const;

    void set_persistent_message(const std::string& text);
    std::string persistent_message() const;

    // One entry of the undo list. Between begin and end all changes make one entry.
    void begin_edit(const std::string& label);
    bool end_edit();
    bool editing() const;
    // Called before a parameter changes.
    void note_change(Parameter& parameter);
    // Takes the last entry back and names the parameters that it changed.
    std::vector<std::string> undo();
    std::vector<std::string> undo_labels() const;

    // The three instance-changed actions for one parameter or clip.
    void changed(const char* type, const std::string& name, const char* reason, double time,
                 OfxPointD scale);

    Plugin& plugin;
    Host& host;
    const bool is_instance;
    // True from the end of createInstance to the beginning of destroyInstance.
    std::atomic<bool> alive = false;
    PropertySet properties;
    ParameterSet parameter_set;
    std::vector<std::unique_ptr<Parameter>> parameters;
    std::vector<std::unique_ptr<Clip>> clips;
    // Abort for everything that the instance renders.
    AbortSignal abort;

  private:
    struct Edit {
        std::string label;
        std::vector<std::pair<Parameter*, Curve>> before;
    };
    mutable std::mutex mutex_;
    std::string persistent_message_;
    std::vector<Edit> undo_;
    bool editing_ = false;
};

}  // namespace ofx_host
