// The host's pictures: where their pixels are, and moving them. Nothing here looks at a pixel's
// value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "host.h"

namespace synthetic_focus {

// The host gave a picture that cannot be read; the text is for the user.
class ImageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

inline std::int64_t width(const OfxRectI& r) { return std::int64_t{r.x2} - r.x1; }
inline std::int64_t height(const OfxRectI& r) { return std::int64_t{r.y2} - r.y1; }
inline bool empty(const OfxRectI& r) { return r.x2 <= r.x1 || r.y2 <= r.y1; }
OfxRectI intersection(const OfxRectI& a, const OfxRectI& b);
inline bool operator==(const OfxRectI& a, const OfxRectI& b) {
    return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2;
}

// What one pixel is, in the protocol's words.
struct PixelFormat {
    std::string type;        // byte, short, half, float
    std::string components;  // RGBA, RGB, Alpha
    std::size_t channels;
    std::size_t bytes;  // of all channels
    bool operator==(const PixelFormat&) const = default;
};

PixelFormat first_channel(const PixelFormat& format);

// Rows of pixels from the top one down; the step from a row to the next may be negative.
struct Rows {
    std::byte* top;
    std::ptrdiff_t step;
};

// An image that the host lends until this goes. A clip that is not connected, or gives no pixels,
// gives an absent one.
class HostImage {
  public:
    // Throws ImageError.
    HostImage(OfxImageClipHandle clip, double time);
    ~HostImage();
    HostImage(const HostImage&) = delete;
    HostImage& operator=(const HostImage&) = delete;

    bool present() const { return pixels_ != nullptr; }
    const OfxRectI& bounds() const { return bounds_; }
    // The whole picture that bounds are a part of, in the same pixels.
    const OfxRectI& frame() const { return frame_; }
    const PixelFormat& format() const { return format_; }
    // OfxImagePreMultiplied, OfxImageUnPreMultiplied or OfxImageOpaque.
    const std::string& premultiplication() const { return premultiplication_; }

    // The rows of a window within bounds.
    Rows rows(const OfxRectI& window) const;

  private:
    void read(OfxImageClipHandle clip);

    OfxPropertySetHandle handle_ = nullptr;
    std::byte* pixels_ = nullptr;  // the lower left one
    std::ptrdiff_t row_bytes_ = 0;
    OfxRectI bounds_{};
    OfxRectI frame_{};
    PixelFormat format_{};
    std::string premultiplication_;
};

// Copies rows of row_bytes each; large pictures with two threads.
void copy_rows(Rows to, Rows from, std::size_t row_bytes, std::int64_t count);
// The same of a picture's first channel alone; `from` has pixels of this format.
void copy_first_channel(Rows to, Rows from, const PixelFormat& format, std::int64_t width,
                        std::int64_t count);
void clear_rows(Rows rows, std::size_t row_bytes, std::int64_t count);

}  // namespace synthetic_focus
