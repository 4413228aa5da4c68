#include "instance.h"

#include <cstring>
#include <sstream>

#include "json.h"
#include "worker.h"

namespace synthetic_focus {

namespace {

std::atomic<std::uint64_t> last_instance{0};

// Calls paramGetValueAtTime, or paramGetValue where a host has no other.
template <typename... Pointers>
OfxStatus get_value(OfxParamHandle handle, double time, Pointers... values) {
    const OfxParameterSuiteV1& suite = *suites().parameter;
    if (suite.paramGetValueAtTime) return suite.paramGetValueAtTime(handle, time, values...);
    return call(suite.paramGetValue, handle, values...);
}

Value default_value(const Parameter& row) {
    return {{row.default_numbers[0], row.default_numbers[1]}, row.default_text};
}

}  // namespace

Instance::Instance(OfxImageEffectHandle effect) : effect_(effect), id_(++last_instance) {
    const OfxImageEffectSuiteV1& suite = *suites().effect;
    // Nothing reads these, but a host may write to them without asking.
    OfxPropertySetHandle unused = nullptr;
    call(suite.clipGetHandle, effect, source_clip, &source_, &unused);
    call(suite.clipGetHandle, effect, depth_clip, &depth_, &unused);
    call(suite.clipGetHandle, effect, output_clip, &output_, &unused);
    call(suite.getParamSet, effect, &parameter_set_);
    for (std::size_t i = 0; parameter_set_ && i < std::size(parameters); ++i) {
        OfxParamHandle handle = nullptr;
        if (call(suites().parameter->paramGetHandle, parameter_set_, parameters[i].name, &handle,
                 &unused) == kOfxStatOK) {
            handles_[i] = handle;
        }
    }
}

Instance* Instance::of(OfxImageEffectHandle effect) {
    return effect ? static_cast<Instance*>(properties_of(effect).pointer(kOfxPropInstanceData))
                  : nullptr;
}

OfxImageClipHandle Instance::clip(const std::string& name) const {
    if (name == source_clip) return source_;
    if (name == depth_clip) return depth_;
    return name == output_clip ? output_ : nullptr;
}

bool Instance::connected(const char* name) const {
    const OfxImageClipHandle handle = clip(name);
    return handle && properties_of(handle).integer(kOfxImageClipPropConnected).value_or(0) != 0;
}

Value Instance::value(parameter::Index index, double time) const {
    const Parameter& row = parameters[index];
    const OfxParamHandle handle = handles_[index];
    Value value = default_value(row);
    if (!handle) return value;
    OfxStatus status = kOfxStatFailed;
    switch (row.type) {
        case Type::Double:
            status = get_value(handle, time, &value.numbers[0]);
            break;
        case Type::Double2D:
            status = get_value(handle, time, &value.numbers[0], &value.numbers[1]);
            break;
        case Type::Int:
        case Type::Bool:
        case Type::Choice: {
            int number = 0;
            status = get_value(handle, time, &number);
            value.numbers[0] = number;
            break;
        }
        case Type::Path:
        case Type::String:
        case Type::Label: {
            char* text = nullptr;
            status = get_value(handle, time, &text);
            if (status == kOfxStatOK) value.text = text ? text : "";
            break;
        }
        case Type::Button:
            break;
    }
    return status == kOfxStatOK ? value : default_value(row);
}

int Instance::option(parameter::Index index, double time) const {
    return static_cast<int>(value(index, time).numbers[0]);
}

std::vector<double> Instance::key_times(parameter::Index index) const {
    std::vector<double> times;
    unsigned count = 0;
    const OfxParamHandle handle = handles_[index];
    if (!handle || call(suites().parameter->paramGetNumKeys, handle, &count) != kOfxStatOK) {
        return times;
    }
    for (unsigned key = 0; key < count; ++key) {
        double time = 0;
        if (call(suites().parameter->paramGetKeyTime, handle, key, &time) == kOfxStatOK) {
            times.push_back(time);
        }
    }
    return times;
}

void Instance::set(parameter::Index index, const Value& value) const {
    const OfxParamHandle handle = handles_[index];
    if (!handle) return;
    const auto set = [&](auto... values) {
        call(suites().parameter->paramSetValue, handle, values...);
    };
    switch (parameters[index].type) {
        case Type::Double:
            return set(value.numbers[0]);
        case Type::Double2D:
            return set(value.numbers[0], value.numbers[1]);
        case Type::Int:
        case Type::Bool:
        case Type::Choice:
            return set(static_cast<int>(value.numbers[0]));
        case Type::Path:
        case Type::String:
        case Type::Label:
            return set(value.text.c_str());
        case Type::Button:
            return;
    }
}

void Instance::move_focus_point(double time, const Value& to) const {
    const auto set_key = suites().parameter->paramSetValueAtTime;
    const OfxParamHandle handle = handles_[parameter::focus_point];
    if (!handle || !set_key || key_times(parameter::focus_point).empty()) {
        set(parameter::focus_point, to);
    } else {
        set_key(handle, time, to.numbers[0], to.numbers[1]);
    }
}

void Instance::begin_edit(const char* label) const {
    call(suites().parameter->paramEditBegin, parameter_set_, label);
}

void Instance::end_edit() const { call(suites().parameter->paramEditEnd, parameter_set_); }

void Instance::write_values(Json& json, double time) const {
    for (std::size_t i = 0; i < std::size(parameters); ++i) {
        const Parameter& row = parameters[i];
        if (row.secret || row.type == Type::Button || row.type == Type::Label) continue;
        const Value value = this->value(static_cast<parameter::Index>(i), time);
        switch (row.type) {
            case Type::Double2D:
                json.array(row.name, value.numbers[0], value.numbers[1]);
                break;
            case Type::Double:
                json.member(row.name, value.numbers[0]);
                break;
            case Type::Bool:
                json.member(row.name, value.numbers[0] != 0);
                break;
            case Type::Int:
            case Type::Choice:
                json.member(row.name, static_cast<int>(value.numbers[0]));
                break;
            default:
                json.member(row.name, value.text);
        }
    }
}

std::optional<Reply> Instance::ask(const Json& request) const {
    try {
        return Worker::get().call(request.text(), nullptr, host_name(), [] { return false; });
    } catch (const WorkerError& error) {
        // Not a persistent message: the frame is as good as it was before the button was pressed.
        tell(kOfxMessageError, error.what());
        return std::nullopt;
    }
}

std::optional<Reply> Instance::ask_preset(const std::string& name) const {
    Json request;
    request.member("op", "preset").member("name", name);
    return ask(request);
}

void Instance::apply_preset(const Reply& reply) const {
    std::istringstream lines(reply.message);
    auto number = reply.values.begin();
    for (std::string line; std::getline(lines, line);) {
        const std::size_t tab = line.find('\t');
        for (std::size_t i = 0; i < std::size(parameters); ++i) {
            if (line.compare(0, tab, parameters[i].name) != 0) continue;
            Value value{};
            if (tab != std::string::npos) {
                value.text = line.substr(tab + 1);
            } else {
                const long count = parameters[i].type == Type::Double2D ? 2 : 1;
                if (reply.values.end() - number < count) break;
                for (long k = 0; k < count; ++k) value.numbers[k] = *number++;
            }
            set(static_cast<parameter::Index>(i), value);
        }
    }
}

void Instance::choose_preset(double time) const {
    const auto chosen = static_cast<std::size_t>(option(parameter::preset, time));
    if (chosen >= std::size(options_of_preset)) return;
    const char* name = options_of_preset[chosen].key;
    const std::optional<Reply> preset =
        chosen == option::preset::custom ? Reply{ReplyStatus::Ok, "", {}} : ask_preset(name);
    // Unless it is applied, each frame asks for it again and says what is wrong with it.
    if (!preset) return;
    begin_edit("Lens Preset");
    apply_preset(*preset);
    set(parameter::applied_preset, {{}, name});
    end_edit();
}

void Instance::load_preset(double time) const {
    const std::optional<Reply> preset = ask_preset(value(parameter::preset_name, time).text);
    if (!preset) return;
    begin_edit("Load Preset");
    apply_preset(*preset);
    set(parameter::preset, {{option::preset::custom}, ""});
    set(parameter::applied_preset, {{}, options_of_preset[option::preset::custom].key});
    end_edit();
}

void Instance::save_preset(double time) const {
    Json request;
    request.member("op", "save_preset");
    request.member("name", value(parameter::preset_name, time).text);
    request.key("parameters").open('{');
    write_values(request, time);
    request.close('}');
    if (const auto saved = ask(request)) tell(kOfxMessageMessage, saved->message);
}

void Instance::tell(const char* kind, const std::string& text) const {
    const OfxMessageSuiteV1* suite = suites().message;
    if (suite) call(suite->message, effect_, kind, "synthetic_focus", "%s", text.c_str());
}

void Instance::set_baked_focus(const std::vector<double>& keys) const {
    const OfxParamHandle distance = handles_[parameter::focus_distance];
    if (!distance || keys.empty()) return;
    const OfxParameterSuiteV1& suite = *suites().parameter;
    begin_edit("Bake Focus");
    call(suite.paramDeleteAllKeys, distance);
    for (std::size_t i = 0; i + 1 < keys.size(); i += 2) {
        call(suite.paramSetValueAtTime, distance, keys[i], keys[i + 1]);
    }
    set(parameter::focus_unit, {{option::focus_unit::disparity, 0}, ""});
    set(parameter::focus_mode, {{option::focus_mode::distance, 0}, ""});
    end_edit();
}

void Instance::set_unbaked_focus() const {
    begin_edit("Unbake Focus");
    set(parameter::focus_mode, {{option::focus_mode::point, 0}, ""});
    end_edit();
}

void Instance::update_enabled(double time) const {
    for (std::size_t i = 0; i < std::size(parameters); ++i) {
        const auto& condition = parameters[i].condition;
        if (!condition || !handles_[i]) continue;
        const int now = option(static_cast<parameter::Index>(condition->parameter), time);
        properties_of(handles_[i]).set(kOfxParamPropEnabled, now == condition->option ? 1 : 0);
    }
}

bool Instance::is_identity(double time) const {
    if (option(parameter::view, time) != option::view::result) return false;
    return value(parameter::blur_scale, time).numbers[0] == 0 ||
           value(parameter::f_stop, time).numbers[0] >= parameters[parameter::f_stop].range.high;
}

void Instance::keep_focus(double time, std::uint64_t generation, const FocusSight& sight) {
    constexpr std::size_t most = 4096;
    const std::lock_guard lock(focus_mutex_);
    if (generation != focus_generation_) return;
    if (focus_sights_.size() >= most) focus_sights_.clear();
    focus_sights_.insert_or_assign(time, sight);
}

std::optional<FocusSight> Instance::focus_at(double time) const {
    const std::lock_guard lock(focus_mutex_);
    const auto found = focus_sights_.find(time);
    return found == focus_sights_.end() ? std::nullopt : std::optional(found->second);
}

void Instance::forget_focus() {
    const std::lock_guard lock(focus_mutex_);
    ++focus_generation_;
    focus_sights_.clear();
}

void Instance::show_error(const std::string& text) {
    const std::lock_guard lock(error_mutex_);
    // A dialog for every frame of a long render would bury the user.
    if (text == shown_error_) return;
    shown_error_ = text;
    constexpr char id[] = "synthetic_focus";
    const Suites& host = suites();
    if (host.persistent_message && host.persistent_message->setPersistentMessage) {
        host.persistent_message->setPersistentMessage(effect_, kOfxMessageError, id, "%s",
                                                      text.c_str());
    } else if (host.message) {
        call(host.message->message, effect_, kOfxMessageError, id, "%s", text.c_str());
    }
}

void Instance::clear_error() {
    const std::lock_guard lock(error_mutex_);
    if (shown_error_.empty()) return;
    shown_error_.clear();
    const Suites& host = suites();
    if (host.persistent_message) call(host.persistent_message->clearPersistentMessage, effect_);
}

}  // namespace synthetic_focus
