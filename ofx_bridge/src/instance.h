// One use of the effect in a project: its handles, its parameters' values and what it tells its
// user.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host.h"
#include "parameter_table.h"

namespace synthetic_focus {

inline constexpr char source_clip[] = "Source";
inline constexpr char depth_clip[] = "Depth";
inline constexpr char output_clip[] = "Output";

struct Value {
    double numbers[2];
    std::string text;
};

enum class FocusState { Locked, Pulling, Lost };

// What the viewer shows of the focus: its state, and the box of the subject that is followed as
// fractions of the frame.
struct FocusSight {
    FocusState state;
    std::optional<OfxRectD> box;
};

class Json;
struct Reply;

class Instance {
  public:
    explicit Instance(OfxImageEffectHandle effect);

    // The one that createInstance put into the effect's properties; null if it has none.
    static Instance* of(OfxImageEffectHandle effect);

    OfxImageEffectHandle effect() const { return effect_; }
    OfxImageClipHandle clip(const std::string& name) const;
    bool connected(const char* clip) const;

    // The worker's name for this instance.
    std::string id() const { return std::to_string(id_); }
    // Goes up when the host says that what the clips deliver has changed.
    std::uint64_t epoch() const { return epoch_; }
    void inputs_changed() {
        ++epoch_;
        forget_focus();
    }

    Value value(parameter::Index index, double time) const;
    int option(parameter::Index index, double time) const;
    std::vector<double> key_times(parameter::Index index) const;
    // Every setting as a member of the JSON object that is open.
    void write_values(Json& json, double time) const;

    // A value that the plug-in sets; only to be called from instanceChanged.
    void set(parameter::Index index, const Value& value) const;
    // Sets the focus point: at this time where it has keyframes, else for good.
    void move_focus_point(double time, const Value& to) const;
    // What is set in between the user takes back at once.
    void begin_edit(const char* label) const;
    void end_edit() const;
    // Sets the lens controls to those of the chosen preset, or of the user's own that is named.
    void choose_preset(double time) const;
    void load_preset(double time) const;
    void save_preset(double time) const;
    // Replaces the keyframes of Focus Distance, time and value of each one after the other, and
    // lets the focus go by them; only to be called from instanceChanged, and so the next one.
    void set_baked_focus(const std::vector<double>& keys) const;
    void set_unbaked_focus() const;
    // Greys out the controls that the choices make meaningless.
    void update_enabled(double time) const;

    bool is_identity(double time) const;

    // What was last rendered of the focus, for the viewer, which must not wait for the worker.
    // Of a render that began before the last change, nothing is kept: its generation is old.
    std::uint64_t focus_generation() const { return focus_generation_; }
    void keep_focus(double time, std::uint64_t generation, const FocusSight& sight);
    std::optional<FocusSight> focus_at(double time) const;
    void forget_focus();

    void show_error(const std::string& text);
    void clear_error();

    // Whether the worker may hold something for this instance.
    std::atomic<bool> known_to_worker{false};

  private:
    // The worker's answer; nothing where it failed, which the user has been told then.
    std::optional<Reply> ask(const Json& request) const;
    std::optional<Reply> ask_preset(const std::string& name) const;
    void apply_preset(const Reply& reply) const;
    void tell(const char* kind, const std::string& text) const;

    const OfxImageEffectHandle effect_;
    const std::uint64_t id_;
    std::atomic<std::uint64_t> epoch_{0};
    OfxImageClipHandle source_ = nullptr, depth_ = nullptr, output_ = nullptr;
    OfxParamSetHandle parameter_set_ = nullptr;
    OfxParamHandle handles_[std::size(parameters)] = {};

    std::atomic<std::uint64_t> focus_generation_{0};
    mutable std::mutex focus_mutex_;
    std::map<double, FocusSight> focus_sights_;

    std::mutex error_mutex_;
    std::string shown_error_;
};

}  // namespace synthetic_focus
