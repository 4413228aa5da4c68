#include "image.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>
#include <type_traits>

namespace synthetic_focus {

namespace {

// Below this, starting a thread costs more than it saves.
constexpr std::size_t worth_two_threads = std::size_t{4} << 20;

PixelFormat pixel_format(const Properties& image) {
    const std::string depth = image.string(kOfxImageEffectPropPixelDepth).value_or("nothing");
    const std::string components = image.string(kOfxImageEffectPropComponents).value_or("nothing");
    PixelFormat format{};
    if (components == kOfxImageComponentRGBA) {
        format.components = "RGBA";
        format.channels = 4;
    } else if (components == kOfxImageComponentRGB) {
        format.components = "RGB";
        format.channels = 3;
    } else if (components == kOfxImageComponentAlpha) {
        format.components = "Alpha";
        format.channels = 1;
    }
    if (depth == kOfxBitDepthByte) {
        format.type = "byte";
        format.bytes = format.channels;
    } else if (depth == kOfxBitDepthShort) {
        format.type = "short";
        format.bytes = 2 * format.channels;
    } else if (depth == kOfxBitDepthHalf) {
        format.type = "half";
        format.bytes = 2 * format.channels;
    } else if (depth == kOfxBitDepthFloat) {
        format.type = "float";
        format.bytes = 4 * format.channels;
    }
    if (format.bytes == 0) {
        throw ImageError("The host gave an image of " + components + " and " + depth +
                         ", which Synthetic Focus does not read.");
    }
    return format;
}

// The protocol calls the states by the standard's names for them, which differ from its values.
std::string premultiplication_name(const std::string& value, const PixelFormat& format) {
    if (value == kOfxImageOpaque || format.components == "RGB") return "OfxImageOpaque";
    return value == kOfxImageUnPreMultiplied ? "OfxImageUnPreMultiplied" : "OfxImagePreMultiplied";
}

bool contains(const OfxRectI& outer, const OfxRectI& inner) {
    return outer.x1 <= inner.x1 && outer.y1 <= inner.y1 && outer.x2 >= inner.x2 &&
           outer.y2 >= inner.y2;
}

// Calls work(row) for every row; large pictures on two threads.
template <typename Work>
void in_two_halves(std::int64_t rows, std::size_t row_bytes, const Work& work) {
    const auto range = [&work](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) work(row);
    };
    std::thread helper;
    std::int64_t half = rows;
    if (row_bytes * static_cast<std::size_t>(rows) >= worth_two_threads) {
        try {
            helper = std::thread(range, rows / 2, rows);
            half = rows / 2;
        } catch (const std::system_error&) {
            // No thread to be had: one does it all.
        }
    }
    range(0, half);
    if (helper.joinable()) helper.join();
}

}  // namespace

OfxRectI intersection(const OfxRectI& a, const OfxRectI& b) {
    return {std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
}

HostImage::HostImage(OfxImageClipHandle clip, double time) {
    if (!clip || call(suites().effect->clipGetImage, clip, time,
                      static_cast<const OfxRectD*>(nullptr), &handle_) != kOfxStatOK) {
        handle_ = nullptr;
        return;
    }
    try {
        if (handle_) read(clip);
    } catch (...) {
        call(suites().effect->clipReleaseImage, handle_);
        throw;
    }
}

HostImage::~HostImage() {
    if (handle_) call(suites().effect->clipReleaseImage, handle_);
}

void HostImage::read(OfxImageClipHandle clip) {
    const Properties image(handle_);
    auto* pixels = static_cast<std::byte*>(image.pointer(kOfxImagePropData));
    const auto bounds = image.rectangle(kOfxImagePropBounds);
    if (!pixels || !bounds || empty(*bounds)) return;
    bounds_ = *bounds;
    // Render scales lie (Vegas, Fusion); the bounds are what there is.
    const auto frame = image.rectangle(kOfxImagePropRegionOfDefinition);
    frame_ = frame && contains(*frame, bounds_) ? *frame : bounds_;
    format_ = pixel_format(image);
    premultiplication_ =
        premultiplication_name(image.string(kOfxImageEffectPropPreMultiplication)
                                   .value_or(properties_of(clip)
                                                 .string(kOfxImageEffectPropPreMultiplication)
                                                 .value_or(kOfxImagePreMultiplied)),
                               format_);
    const std::int64_t needed = width(bounds_) * static_cast<std::int64_t>(format_.bytes);
    row_bytes_ = image.integer(kOfxImagePropRowBytes).value_or(static_cast<int>(needed));
    if (std::abs(row_bytes_) < needed) {
        throw ImageError("The host gave an image whose rows of " + std::to_string(row_bytes_) +
                         " bytes do not hold " + std::to_string(width(bounds_)) + " pixels.");
    }
    pixels_ = pixels;
}

Rows HostImage::rows(const OfxRectI& window) const {
    const std::ptrdiff_t right = std::int64_t{window.x1} - bounds_.x1;
    const std::ptrdiff_t up = std::int64_t{window.y2} - 1 - bounds_.y1;
    return {pixels_ + up * row_bytes_ + right * static_cast<std::ptrdiff_t>(format_.bytes),
            -row_bytes_};
}

PixelFormat first_channel(const PixelFormat& format) {
    return {format.type, "Alpha", 1, format.bytes / format.channels};
}

void copy_rows(Rows to, Rows from, std::size_t row_bytes, std::int64_t count) {
    in_two_halves(count, row_bytes, [=](std::int64_t row) {
        std::memcpy(to.top + row * to.step, from.top + row * from.step, row_bytes);
    });
}

void copy_first_channel(Rows to, Rows from, const PixelFormat& format, std::int64_t width,
                        std::int64_t count) {
    const auto copy = [&]<std::size_t bytes>(std::integral_constant<std::size_t, bytes>) {
        const auto pixels = static_cast<std::size_t>(width);
        in_two_halves(count, pixels * format.bytes, [=, step = format.bytes](std::int64_t row) {
            std::byte* out = to.top + row * to.step;
            const std::byte* in = from.top + row * from.step;
            for (std::size_t x = 0; x < pixels; ++x) {
                std::memcpy(out + x * bytes, in + x * step, bytes);
            }
        });
    };
    switch (format.bytes / format.channels) {
        case 1:
            return copy(std::integral_constant<std::size_t, 1>{});
        case 2:
            return copy(std::integral_constant<std::size_t, 2>{});
        default:
            return copy(std::integral_constant<std::size_t, 4>{});
    }
}

void clear_rows(Rows rows, std::size_t row_bytes, std::int64_t count) {
    for (std::int64_t row = 0; row < count; ++row) {
        std::memset(rows.top + row * rows.step, 0, row_bytes);
    }
}

}  // namespace synthetic_focus
