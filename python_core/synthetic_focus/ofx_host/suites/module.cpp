// The Python face of the suites: synthetic_focus.ofx_host._suites. Python never sees this module
// but through the ofx_host package, which explains the terms.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <thread>

#include "binary.h"
#include "effect.h"
#include "host.h"
#include "interact.h"

namespace py = pybind11;

namespace ofx_host {
namespace {

using Numbers = std::array<double, 4>;

// An image that a plug-in holds keeps its pixels alive.
class Image : public PropertySet {
  public:
    Image(Host& the_host, std::string what, py::object pixels)
        : PropertySet(the_host, std::move(what)), pixels_(std::move(pixels)) {}
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image() override {
        const py::gil_scoped_acquire gil;
        pixels_ = py::object();
    }

  private:
    py::object pixels_;
};

PropertyValue to_value(const py::handle& object) {
    if (py::isinstance<py::float_>(object)) {
        return object.cast<double>();
    }
    if (py::isinstance<py::str>(object)) {
        return object.cast<std::string>();
    }
    return object.cast<int>();
}

std::vector<PropertyValue> to_values(const py::object& object) {
    std::vector<PropertyValue> values;
    if (py::isinstance<py::tuple>(object) || py::isinstance<py::list>(object)) {
        for (const py::handle& item : object) {
            values.push_back(to_value(item));
        }
    } else {
        values.push_back(to_value(object));
    }
    return values;
}

py::object to_python(const PropertyValue& value) {
    if (void* const* pointer = std::get_if<void*>(&value)) {
        return py::int_(reinterpret_cast<std::uintptr_t>(*pointer));
    }
    if (const auto* text = std::get_if<std::string>(&value)) {
        // A plug-in's strings need not be UTF-8.
        return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(
            text->data(), static_cast<py::ssize_t>(text->size()), "backslashreplace"));
    }
    const int* integer = std::get_if<int>(&value);
    return integer ? py::object(py::int_(*integer)) : py::float_(std::get<double>(value));
}

// A list may be longer later only where open says so.
void define(PropertySet& set, const std::string& name, const py::object& object, bool open,
            bool read_only) {
    std::vector<PropertyValue> values = to_values(object);
    const PropertyType type =
        values.empty() ? PropertyType::text : static_cast<PropertyType>(values.front().index());
    const std::size_t dimension = open ? 0 : values.size();
    set.define(name, type, dimension, std::move(values), read_only);
}

py::list get(const PropertySet& set, const std::string& name) {
    Property property;
    if (!set.read(name, property)) {
        throw py::key_error(name);
    }
    py::list result;
    for (const PropertyValue& value : property.values) {
        result.append(to_python(value));
    }
    return result;
}

std::shared_ptr<PropertySet> make_image(Host& host, const std::string& label,
                                        const py::dict& properties, std::uintptr_t data,
                                        py::object pixels) {
    auto image = std::make_shared<Image>(host, label, std::move(pixels));
    for (const auto& [name, value] : properties) {
        define(*image, name.cast<std::string>(), py::reinterpret_borrow<py::object>(value), false,
               true);
    }
    image->define(kOfxImagePropData, PropertyType::pointer, 1, {reinterpret_cast<void*>(data)},
                  true);
    return image;
}

py::object sample_to_python(const ParameterType& type, const Sample& sample) {
    if (type.storage == Storage::text) {
        return to_python(PropertyValue(sample.text));
    }
    const auto number = [&](std::size_t i) -> py::object {
        if (type.storage == Storage::integers) {
            return py::int_(static_cast<int>(sample.numbers[i]));
        }
        return py::float_(sample.numbers[i]);
    };
    if (type.dimension == 1) {
        return number(0);
    }
    py::tuple result(type.dimension);
    for (std::size_t i = 0; i < type.dimension; ++i) {
        result[i] = number(i);
    }
    return py::object(std::move(result));
}

Sample sample_from_python(const Parameter& parameter, const py::object& object) {
    Sample sample;
    const ParameterType& type = parameter.type;
    if (type.storage == Storage::text) {
        sample.text = object.cast<std::string>();
    } else if (type.dimension == 1) {
        sample.numbers[0] =
            type.storage == Storage::integers ? object.cast<int>() : object.cast<double>();
    } else {
        const auto items = object.cast<py::sequence>();
        if (items.size() != type.dimension) {
            throw py::value_error("parameter " + parameter.name + " takes " +
                                  std::to_string(type.dimension) + " values");
        }
        for (std::size_t i = 0; i < type.dimension; ++i) {
            const py::object item = items[i];
            sample.numbers[i] =
                type.storage == Storage::integers ? item.cast<int>() : item.cast<double>();
        }
    }
    return parameter.clamped(sample);
}

py::tuple curve_to_python(const Parameter& parameter) {
    const Curve curve = parameter.curve();
    py::list keys;
    for (const auto& [time, sample] : curve.keys) {
        keys.append(py::make_tuple(time, sample_to_python(parameter.type, sample)));
    }
    return py::make_tuple(sample_to_python(parameter.type, curve.value), keys,
                          curve.interpolation == Interpolation::linear ? "linear" : "constant");
}

void set_curve(Parameter& parameter, const py::object& value, const py::iterable& keys,
               const std::string& interpolation) {
    Curve curve;
    curve.value = sample_from_python(parameter, value);
    for (const py::handle& key : keys) {
        const auto pair = key.cast<std::pair<double, py::object>>();
        curve.keys[pair.first] = sample_from_python(parameter, pair.second);
    }
    curve.interpolation =
        interpolation == "constant" ? Interpolation::constant : Interpolation::linear;
    parameter.effect.note_change(parameter);
    parameter.set_curve(std::move(curve));
}

std::uintptr_t handle_of(Handle& handle) { return reinterpret_cast<std::uintptr_t>(&handle); }

std::shared_ptr<Host> make_host(const py::dict& switches) {
    Switches s;
    const auto read = [&](const char* name, auto& target) {
        target = switches[name].cast<std::decay_t<decltype(target)>>();
    };
    read("missing_suites", s.missing_suites);
    read("hollow_suites", s.hollow_suites);
    read("volatile_strings", s.volatile_strings);
    read("accepts_unknown_properties", s.accepts_unknown_properties);
    read("tolerates_duplicates", s.tolerates_duplicates);
    read("secret_stays_secret", s.secret_stays_secret);
    read("clamps_numbers_without_ranges", s.clamps_numbers_without_ranges);
    read("refuses_keys", s.refuses_keys);
    read("hides_keys", s.hides_keys);
    read("ignores_param_copy", s.ignores_param_copy);
    read("threads", s.threads);
    return std::make_shared<Host>(s);
}

// The callbacks that the suites need. Held until Host.disconnect().
void connect(Host& host, const py::object& fetch, const py::object& region,
             const py::object& progress, const py::object& time, const py::object& go,
             const py::object& bounds) {
    const auto keep = [](const py::object& object) {
        return std::shared_ptr<py::object>(new py::object(object), [](py::object* held) {
            const py::gil_scoped_acquire gil;
            delete held;
        });
    };
    host.fetch = [f = keep(fetch)](Clip& clip, double at, const OfxRectD* wanted, Call& call) {
        const py::gil_scoped_acquire gil;
        py::object rectangle = py::none();
        if (wanted) {
            rectangle = py::make_tuple(wanted->x1, wanted->y1, wanted->x2, wanted->y2);
        }
        const py::object render =
            call.render ? py::reinterpret_borrow<py::object>(static_cast<PyObject*>(call.render))
                        : py::none();
        const py::tuple answer = (*f)(handle_of(clip), at, rectangle, render);
        return std::pair(answer[0].cast<OfxStatus>(),
                         answer[1].cast<std::shared_ptr<PropertySet>>());
    };
    host.region_of_definition = [f = keep(region)](Clip& clip, double at, OfxRectD& rectangle) {
        const py::gil_scoped_acquire gil;
        const py::object answer = (*f)(handle_of(clip), at);
        if (answer.is_none()) {
            return false;
        }
        const auto sides = answer.cast<Numbers>();
        rectangle = {sides[0], sides[1], sides[2], sides[3]};
        return true;
    };
    host.progress = [f = keep(progress)](Effect* effect, const char* label, double fraction) {
        const py::gil_scoped_acquire gil;
        const py::object text = label ? py::object(py::str(label)) : py::none();
        return (*f)(handle_of(*effect), text, fraction).cast<bool>();
    };
    host.timeline_time = [f = keep(time)] {
        const py::gil_scoped_acquire gil;
        return (*f)().cast<double>();
    };
    host.timeline_goto = [f = keep(go)](double at) {
        const py::gil_scoped_acquire gil;
        (*f)(at);
    };
    host.timeline_bounds = [f = keep(bounds)] {
        const py::gil_scoped_acquire gil;
        return (*f)().cast<std::pair<double, double>>();
    };
    // Ctrl-C while a plug-in works on the main thread: the plug-in learns it when it asks.
    host.check_signals = [main = std::this_thread::get_id()] {
        if (std::this_thread::get_id() != main) {
            return;
        }
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) {
            throw py::error_already_set();
        }
    };
}

OfxStatus call(Plugin& plugin, const std::string& action, Effect* effect, PropertySet* in,
               PropertySet* out, double time, AbortSignal* abort, const py::object& render) {
    void* const note = render.is_none() ? nullptr : render.ptr();
    const py::gil_scoped_release no_gil;
    return plugin.call(action.c_str(), effect, in, out, time, abort, note);
}

}  // namespace
}  // namespace ofx_host

PYBIND11_MODULE(_suites, module) {
    using namespace ofx_host;
    using py::return_value_policy;
    module.doc() = "The host's side of the OpenFX suites.";
    py::register_exception<LoadError>(module, "LoadError", PyExc_OSError);

    py::class_<PropertySet, std::shared_ptr<PropertySet>>(module, "PropertySet")
        .def(py::init([](Host& host, const std::string& label, const py::dict& properties,
                         bool read_only) {
                 auto set = std::make_shared<PropertySet>(host, label);
                 for (const auto& [name, value] : properties) {
                     define(*set, name.cast<std::string>(),
                            py::reinterpret_borrow<py::object>(value), false, read_only);
                 }
                 return set;
             }),
             py::arg("host"), py::arg("label"), py::arg("properties"), py::arg("read_only"),
             py::keep_alive<1, 2>())
        .def("define", &define, py::arg("name"), py::arg("value"), py::kw_only(),
             py::arg("open") = false, py::arg("read_only") = false)
        .def("remove", &PropertySet::remove)
        .def("get", &get)
        .def("set", [](PropertySet& set, const std::string& name,
                       const py::object& value) { set.write(name, to_values(value)); })
        .def("was_set",
             [](const PropertySet& set, const std::string& name) {
                 Property property;
                 return set.read(name, property) && property.set_by_plugin;
             })
        .def("names", &PropertySet::names);

    module.def("make_image", &make_image, py::keep_alive<0, 1>());

    py::class_<Message>(module, "Message")
        .def_readonly("type", &Message::type)
        .def_readonly("id", &Message::id)
        .def_readonly("text", &Message::text)
        .def_readonly("persistent", &Message::persistent);

    py::class_<AbortSignal>(module, "AbortSignal")
        .def(py::init<int>(), py::arg("after_polls") = 0)
        .def("set", &AbortSignal::set)
        .def_property_readonly("polls", &AbortSignal::polls)
        .def_property_readonly("is_set", &AbortSignal::is_set);

    py::class_<Host, std::shared_ptr<Host>>(module, "Host")
        .def(py::init(&make_host))
        .def("connect", &connect)
        .def("violation", &Host::violation)
        .def_property_readonly(
            "properties", [](Host& host) -> PropertySet& { return host.properties; },
            return_value_policy::reference_internal)
        .def("violations", &Host::violations)
        .def("messages", &Host::messages)
        .def("fetched_suites", &Host::fetched_suites)
        .def("unknown_properties", &Host::unknown_properties)
        .def("unreleased_memory", &Host::unreleased_memory);

    py::class_<Plugin>(module, "Plugin")
        .def_property_readonly("identifier",
                               [](const Plugin& plugin) { return plugin.c.pluginIdentifier; })
        .def_property_readonly("api", [](const Plugin& plugin) { return plugin.c.pluginApi; })
        .def_property_readonly("api_version",
                               [](const Plugin& plugin) { return plugin.c.apiVersion; })
        .def_property_readonly("version",
                               [](const Plugin& plugin) {
                                   return std::pair(plugin.c.pluginVersionMajor,
                                                    plugin.c.pluginVersionMinor);
                               })
        .def("set_host", [](Plugin& plugin) { plugin.c.setHost(plugin.host.c_host()); })
        .def("call", &call);

    py::class_<Binary>(module, "Binary")
        .def(py::init<Host&, const std::string&>(), py::keep_alive<1, 2>(),
             py::call_guard<py::gil_scoped_release>())
        .def("close", &Binary::close, py::call_guard<py::gil_scoped_release>())
        .def_property_readonly(
            "plugins",
            [](const Binary& binary) {
                std::vector<Plugin*> plugins;
                for (const auto& plugin : binary.plugins) {
                    plugins.push_back(plugin.get());
                }
                return plugins;
            },
            return_value_policy::reference_internal);

    py::class_<Parameter>(module, "Parameter")
        .def_readonly("name", &Parameter::name)
        .def_property_readonly("type",
                               [](const Parameter& parameter) { return parameter.type.name; })
        .def_property_readonly(
            "holds_value",
            [](const Parameter& parameter) { return parameter.type.storage != Storage::none; })
        .def_property_readonly(
            "properties", [](Parameter& parameter) -> PropertySet& { return parameter.properties; },
            return_value_policy::reference_internal)
        .def("at", [](const Parameter& parameter,
                      double time) { return sample_to_python(parameter.type, parameter.at(time)); })
        .def("curve", &curve_to_python)
        .def("set_curve", &set_curve);

    py::class_<Clip>(module, "Clip")
        .def_readonly("name", &Clip::name)
        .def_property_readonly("handle", [](Clip& clip) { return handle_of(clip); })
        .def_property_readonly(
            "properties", [](Clip& clip) -> PropertySet& { return clip.properties; },
            return_value_policy::reference_internal);

    py::class_<Effect>(module, "Effect")
        .def(py::init<Plugin&>(), py::keep_alive<1, 2>())
        .def(
            "copy",
            [](const Effect& effect, bool instance) {
                return std::make_unique<Effect>(effect, instance);
            },
            py::keep_alive<0, 1>())
        .def_property_readonly("handle", [](Effect& effect) { return handle_of(effect); })
        .def_property_readonly(
            "properties", [](Effect& effect) -> PropertySet& { return effect.properties; },
            return_value_policy::reference_internal)
        .def_property_readonly(
            "parameters",
            [](const Effect& effect) {
                std::vector<Parameter*> parameters;
                for (const auto& parameter : effect.parameters) {
                    parameters.push_back(parameter.get());
                }
                return parameters;
            },
            return_value_policy::reference_internal)
        .def_property_readonly(
            "clips",
            [](const Effect& effect) {
                std::vector<Clip*> clips;
                for (const auto& clip : effect.clips) {
                    clips.push_back(clip.get());
                }
                return clips;
            },
            return_value_policy::reference_internal)
        .def_property(
            "alive", [](const Effect& effect) { return effect.alive.load(); },
            [](Effect& effect, bool alive) { effect.alive = alive; })
        .def_property_readonly("persistent_message", &Effect::persistent_message)
        .def_property_readonly("undo_labels", &Effect::undo_labels)
        .def("undo", &Effect::undo)
        .def("begin_edit", &Effect::begin_edit)
        .def("end_edit", &Effect::end_edit)
        .def_property_readonly("is_aborted",
                               [](const Effect& effect) { return effect.abort.is_set(); })
        .def("abort", [](Effect& effect) { effect.abort.set(); });

    py::class_<Stroke>(module, "Stroke")
        .def_readonly("primitive", &Stroke::primitive)
        .def_property_readonly("colour",
                               [](const Stroke& stroke) {
                                   const OfxRGBAColourF& c = stroke.colour;
                                   return py::make_tuple(c.r, c.g, c.b, c.a);
                               })
        .def_readonly("width", &Stroke::width)
        .def_readonly("stipple", &Stroke::stipple)
        .def_property_readonly("points",
                               [](const Stroke& stroke) {
                                   std::vector<std::pair<double, double>> points;
                                   for (const OfxPointD& point : stroke.points) {
                                       points.emplace_back(point.x, point.y);
                                   }
                                   return points;
                               })
        .def_readonly("text", &Stroke::text)
        .def_readonly("alignment", &Stroke::alignment);

    py::class_<Interact>(module, "Interact")
        .def(py::init<Effect&, int>(), py::keep_alive<1, 2>())
        .def_property_readonly(
            "properties", [](Interact& interact) -> PropertySet& { return interact.properties; },
            return_value_policy::reference_internal)
        .def_property_readonly("redraws",
                               [](const Interact& interact) { return interact.redraws.load(); })
        .def("call", &Interact::call, py::call_guard<py::gil_scoped_release>())
        .def("draw", [](Interact& interact, PropertySet& arguments, double time) {
            OfxStatus status = kOfxStatFailed;
            std::vector<Stroke> strokes;
            {
                const py::gil_scoped_release no_gil;
                strokes = interact.draw(arguments, time, status);
            }
            return std::pair(status, strokes);
        });
}
