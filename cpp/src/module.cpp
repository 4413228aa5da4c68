// The Python face of the native kernels: synthetic_focus._native.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <numbers>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "synthetic_focus/defocus.h"
#include "synthetic_focus/maps.h"
#include "synthetic_focus/parallel.h"
#include "synthetic_focus/relax.h"
#include "synthetic_focus/temporal.h"

namespace py = pybind11;
using namespace synthetic_focus;  // NOLINT: this file is the binding of that namespace

namespace {

using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;
using RingPairs = std::vector<std::pair<float, float>>;

std::vector<Ring> rings(const RingPairs& pairs) {
    std::vector<Ring> result;
    for (const auto& [scale, weight] : pairs) result.push_back({scale, weight});
    return result;
}

ApertureShape make_shape(const py::dict& fields) {
    ApertureShape shape;
    shape.blades = fields["blades"].cast<int>();
    shape.curvature = fields["curvature"].cast<double>();
    shape.rotation = fields["rotation_deg"].cast<double>() * std::numbers::pi / 180.0;
    shape.squeeze = fields["squeeze"].cast<double>();
    shape.cat_eye = fields["cat_eye"].cast<double>();
    shape.swirl = fields["swirl"].cast<double>();
    shape.barndoors = fields["barndoors"].cast<double>();
    shape.astigmatism = fields["astigmatism"].cast<double>();
    shape.chromatic = fields["chromatic"].cast<double>();
    shape.behind = rings(fields["behind"].cast<RingPairs>());
    shape.front = rings(fields["front"].cast<RingPairs>());
    if (!fields["kernel"].is_none()) {
        const FloatArray kernel = fields["kernel"].cast<FloatArray>();
        shape.kernel.assign(kernel.data(), kernel.data() + kernel.size());
        shape.kernel_height = static_cast<int>(kernel.shape(0));
        shape.kernel_width = static_cast<int>(kernel.shape(1));
    }
    return shape;
}

// Arrays that are written to must be the caller's own, not copies of them.
using OutArray = py::array_t<float, py::array::c_style>;

OutArray render(const FloatArray& image, const FloatArray& coc, const py::dict& aperture,
                std::pair<int, int> frame_size, std::pair<int, int> origin, int quality,
                bool refine_edges, int threads, const AbortFlag* abort,
                std::optional<OutArray> out) {
    if (image.ndim() != 3 || coc.ndim() != 2 || image.shape(0) != coc.shape(0) ||
        image.shape(1) != coc.shape(1) || image.size() == 0 ||
        (image.shape(2) != 3 && image.shape(2) != 4)) {
        throw py::value_error("image must be (H, W, 3 or 4) and coc (H, W)");
    }
    if (out && !(out->ndim() == 3 && std::equal(image.shape(), image.shape() + 3, out->shape()))) {
        throw py::value_error("out must be of the image's shape");
    }
    OutArray result =
        out ? *std::move(out) : OutArray({image.shape(0), image.shape(1), image.shape(2)});
    const Picture picture{image.data(), coc.data(), static_cast<int>(image.shape(1)),
                          static_cast<int>(image.shape(0)), static_cast<int>(image.shape(2))};
    const ApertureShape shape = make_shape(aperture);
    Settings settings;
    settings.frame = {frame_size.first, frame_size.second, origin.first, origin.second};
    settings.quality = static_cast<Quality>(quality);
    settings.refine_edges = refine_edges;
    settings.threads = threads > 0 ? threads : available_threads();
    settings.abort = abort;
    float* pixels = result.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        defocus(picture, shape, settings, pixels);
    }
    return result;
}

bool finite(const FloatArray& values) {
    const py::gil_scoped_release unlocked;
    return all_finite(values.data(), static_cast<std::size_t>(values.size()), available_threads());
}

py::tuple read_depth(const py::array_t<float>& depth,
                     const std::optional<std::tuple<float, float, float>>& line, bool distance) {
    if (depth.ndim() != 2) throw py::value_error("depth must be (H, W)");
    constexpr auto step = static_cast<py::ssize_t>(sizeof(float));
    if (depth.strides(0) % step != 0 || depth.strides(1) % step != 0) {
        throw py::value_error("depth must lie in whole floats");
    }
    const DepthPicture picture{depth.data(), static_cast<int>(depth.shape(1)),
                               static_cast<int>(depth.shape(0)), depth.strides(0) / step,
                               depth.strides(1) / step};
    OutArray result({depth.shape(0), depth.shape(1)});
    float* disparity = result.mutable_data();
    bool known = false;
    {
        const py::gil_scoped_release unlocked;
        const int threads = available_threads();
        if (line) {
            const auto [first, slope, start] = *line;
            known = disparity_of_line(picture, {first, slope, start}, distance, disparity, threads);
        } else {
            known = disparity_of_metres(picture, disparity, threads);
        }
    }
    return py::make_tuple(result, known);
}

py::tuple coc_map(const FloatArray& disparity, float focus, float range, float scale) {
    if (disparity.ndim() != 2) throw py::value_error("disparity must be (H, W)");
    OutArray result({disparity.shape(0), disparity.shape(1)});
    float* coc = result.mutable_data();
    bool good = false;
    {
        const py::gil_scoped_release unlocked;
        good = coc_of_disparity(disparity.data(), static_cast<std::size_t>(disparity.size()), focus,
                                range, scale, coc, available_threads());
    }
    return py::make_tuple(result, good);
}

using ByteArray = py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>;

// The pixels of arrays that must all have the shape (height, width, channels...).
template <typename Array>
auto pixels_of(const std::vector<Array>& arrays, const std::vector<py::ssize_t>& shape,
               const char* what) {
    std::vector<decltype(arrays[0].data())> result;
    for (const Array& array : arrays) {
        if (array.ndim() != static_cast<py::ssize_t>(shape.size()) ||
            !std::equal(shape.begin(), shape.end(), array.shape())) {
            throw py::value_error(std::string(what) + " must all be of the frames' size");
        }
        result.push_back(array.data());
    }
    return result;
}

py::tuple average(const std::vector<ByteArray>& grey, const std::vector<FloatArray>& values,
                  const std::vector<std::optional<FloatArray>>& gains,
                  const std::vector<FloatArray>& forward, const std::vector<FloatArray>& backward,
                  int current, const std::vector<float>& shares, float largest_mismatch,
                  float largest_change, float value_scale, float gain_scale, int threads) {
    const std::size_t count = values.size();
    if (count == 0 || count > kMaxFrames || grey.size() != count || gains.size() != count ||
        forward.size() != count - 1 || backward.size() != count - 1 || values[0].ndim() != 2) {
        throw py::value_error("there must be 1 to 16 frames, and one flow less than frames");
    }
    if (shares.size() != count) throw py::value_error("there must be a weight for every frame");
    if (current < 0 || current >= static_cast<int>(count)) {
        throw py::value_error("the current frame must be one of the frames");
    }
    const py::ssize_t height = values[0].shape(0), width = values[0].shape(1);
    Window window;
    window.width = static_cast<int>(width);
    window.height = static_cast<int>(height);
    window.current = current;
    window.grey = pixels_of(grey, {height, width}, "grey pictures");
    window.values = pixels_of(values, {height, width}, "maps");
    window.forward = pixels_of(forward, {height, width, 2}, "forward flows");
    window.backward = pixels_of(backward, {height, width, 2}, "backward flows");
    for (const auto& gain : gains) {
        window.gains.push_back(gain ? pixels_of<FloatArray>({*gain}, {height, width, 3}, "gains")[0]
                                    : nullptr);
    }
    py::array_t<float> averaged({height, width});
    py::object averaged_gain = py::none();
    float* gain_pixels = nullptr;
    if (gains[current]) {
        py::array_t<float> result({height, width, py::ssize_t{3}});
        gain_pixels = result.mutable_data();
        averaged_gain = result;
    }
    const Averaging averaging{shares,         largest_mismatch,
                              largest_change, value_scale,
                              gain_scale,     threads > 0 ? threads : available_threads()};
    float* pixels = averaged.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        average_over_time(window, averaging, pixels, gain_pixels);
    }
    return py::make_tuple(averaged, averaged_gain);
}

OutArray relaxed(const FloatArray& values, const ByteArray& free, const FloatArray& across,
                 const FloatArray& down, const FloatArray& prior, float pull, int sweeps) {
    if (values.ndim() != 2) throw py::value_error("values must be (H, W)");
    const py::ssize_t height = values.shape(0), width = values.shape(1);
    const auto maps = pixels_of<FloatArray>({values, across, down, prior}, {height, width}, "maps");
    const auto mask = pixels_of<ByteArray>({free}, {height, width}, "masks");
    OutArray result({height, width});
    std::copy_n(maps[0], values.size(), result.mutable_data());
    const Net net{static_cast<int>(width),
                  static_cast<int>(height),
                  mask[0],
                  maps[1],
                  maps[2],
                  maps[3],
                  pull};
    float* pixels = result.mutable_data();
    {
        const py::gil_scoped_release unlocked;
        relax(net, sweeps, pixels);
    }
    return result;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.doc() = "Native kernels of Synthetic Focus.";
    py::register_exception<Aborted>(module, "AbortedError");
    py::register_exception<BadPixel>(module, "BadPixelError", PyExc_ValueError);
    py::class_<AbortFlag>(module, "AbortFlag", "Stops a running render; any thread may set it.")
        .def(py::init<>())
        .def("set", &AbortFlag::set)
        .def("is_set", &AbortFlag::is_set);
    module.attr("MAX_RADIUS") = kMaxRadius;
    module.def("defocus", &render, py::arg("image"), py::arg("coc"), py::arg("aperture"),
               py::kw_only(), py::arg("frame_size"), py::arg("origin"), py::arg("quality"),
               py::arg("refine_edges"), py::arg("threads"), py::arg("abort"),
               py::arg("out").noconvert());
    module.def("all_finite", py::overload_cast<const FloatArray&>(&finite), py::arg("values"));
    module.def("read_depth", &read_depth, py::arg("depth"), py::kw_only(), py::arg("line"),
               py::arg("distance"));
    module.def("coc_map", &coc_map, py::arg("disparity"), py::kw_only(), py::arg("focus"),
               py::arg("range"), py::arg("scale"));
    module.def("average_over_time", &average, py::arg("grey"), py::arg("values"), py::arg("gains"),
               py::arg("forward"), py::arg("backward"), py::kw_only(), py::arg("current"),
               py::arg("shares"), py::arg("largest_mismatch"), py::arg("largest_change"),
               py::arg("value_scale"), py::arg("gain_scale"), py::arg("threads"));
    module.def("relaxed", &relaxed, py::arg("values"), py::arg("free"), py::kw_only(),
               py::arg("across"), py::arg("down"), py::arg("prior"), py::arg("pull"),
               py::arg("sweeps"));
}
