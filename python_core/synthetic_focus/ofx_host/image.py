"""Images as the host keeps them and as it hands them to plug-ins."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthetic_focus.ofx_host.behaviour import Behaviour
from synthetic_focus.ofx_host.errors import HostError

Pixels = NDArray[Any]
Rect = tuple[float, float, float, float]
PixelRect = tuple[int, int, int, int]

OPAQUE = "OfxImageOpaque"
PREMULTIPLIED = "OfxImageAlphaPremultiplied"
UNPREMULTIPLIED = "OfxImageAlphaUnPremultiplied"

DEPTHS: dict[str, np.dtype[Any]] = {
    "OfxBitDepthByte": np.dtype(np.uint8),
    "OfxBitDepthShort": np.dtype(np.uint16),
    "OfxBitDepthHalf": np.dtype(np.float16),
    "OfxBitDepthFloat": np.dtype(np.float32),
}
COMPONENTS = {
    "OfxImageComponentAlpha": 1,
    "OfxImageComponentRGB": 3,
    "OfxImageComponentRGBA": 4,
}
_DEPTH_OF = {dtype: name for name, dtype in DEPTHS.items()}
_COMPONENTS_OF = {count: name for name, count in COMPONENTS.items()}


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels and where they lie.

    pixels: (H, W, 1|3|4), top row first, uint8, uint16, float16 or float32; any strides, so that a
        flipped view of memory that starts with the bottom row is as good as any.
    origin: pixel coordinates of the lower left corner, y up, at the image's scale.
    scale: pixels per pixel of the full-size frame.
    aspect: pixel aspect ratio.
    """

    pixels: Pixels
    origin: tuple[int, int] = (0, 0)
    scale: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    premultiplication: str = PREMULTIPLIED

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 3 or pixels.shape[2] not in _COMPONENTS_OF:
            raise HostError(f"an image is (H, W, 1|3|4), and this one has the shape {pixels.shape}")
        if pixels.dtype not in _DEPTH_OF:
            raise HostError(
                f"an image is uint8, uint16, float16 or float32, and this one is {pixels.dtype}"
            )

    @property
    def bounds(self) -> PixelRect:
        """x1, y1, x2, y2 in pixels."""
        x, y = self.origin
        return (x, y, x + self.pixels.shape[1], y + self.pixels.shape[0])

    @property
    def region(self) -> Rect:
        """x1, y1, x2, y2 in canonical coordinates: at full size, with square pixels."""
        return canonical_rect(self.bounds, self.scale, self.aspect)

    @property
    def depth(self) -> str:
        """The OpenFX name of the pixels' type."""
        return _DEPTH_OF[self.pixels.dtype]

    @property
    def components(self) -> str:
        """The OpenFX name of the pixels' channels."""
        return _COMPONENTS_OF[self.pixels.shape[2]]


def as_image(source: Image | Pixels, *, aspect: float = 1.0) -> Image:
    """The image that an array of shape (H, W) or (H, W, C) stands for."""
    if isinstance(source, Image):
        return source
    pixels = np.asarray(source)
    return Image(pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels, aspect=aspect)


def allocate(
    bounds: PixelRect, components: str, depth: str, behaviour: Behaviour
) -> tuple[Pixels, Pixels]:
    """Memory laid out as the host does it: the pixels, top row first, and all of its bytes, 1-D."""
    x1, y1, x2, y2 = bounds
    height, width, channels = max(0, y2 - y1), max(0, x2 - x1), COMPONENTS[components]
    dtype = DEPTHS[depth]
    if behaviour.row_padding % dtype.itemsize:
        raise HostError(f"rows of {dtype} cannot be {behaviour.row_padding} bytes apart")
    used = width * channels
    stride = used + behaviour.row_padding // dtype.itemsize
    memory = np.empty(height * stride * dtype.itemsize, np.uint8)
    rows = memory.view(dtype).reshape(height, stride)[:, :used].reshape(height, width, channels)
    return (rows[::-1] if behaviour.rows == "bottom up" else rows), memory


def laid_out(image: Image, behaviour: Behaviour) -> Image:
    """The image in memory as the host gives it to plug-ins; copied only where it is not already."""
    pixels = image.pixels
    height, width, channels = pixels.shape
    item = pixels.itemsize
    row = width * channels * item + behaviour.row_padding
    step = -row if behaviour.rows == "bottom up" else row
    packed = pixels.strides[1:] == (channels * item, item)
    right_way = packed and (pixels.strides[0] < 0) == (step < 0)
    if height and width and right_way and (pixels.strides[0] == step or not behaviour.row_padding):
        return image
    target, _ = allocate(image.bounds, image.components, image.depth, behaviour)
    target[...] = pixels
    return replace(image, pixels=target)


def address(pixels: Pixels) -> tuple[int, int]:
    """Where the lowest row begins, and the bytes from each row to the one above it."""
    lowest = pixels[-1:]
    return lowest.ctypes.data, -pixels.strides[0]


def cropped(image: Image, wanted: PixelRect) -> Image | None:
    """A view of the part of the image that lies in the rectangle, or None if there is none."""
    x1, y1, x2, y2 = intersection(image.bounds, wanted)
    if x1 >= x2 or y1 >= y2:
        return None
    left, _, _, top = image.bounds
    view = image.pixels[top - y2 : top - y1, x1 - left : x2 - left]
    return replace(image, pixels=view, origin=(x1, y1))


def converted(image: Image, components: str, depth: str) -> Image:
    """The image with other components and depth: integers stand for 0..1, a new alpha is 1."""
    if image.components == components and image.depth == depth:
        return image
    pixels = image.pixels
    if pixels.dtype.kind == "u":
        pixels = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    pixels = pixels.astype(np.float32)
    source, target = pixels.shape[2], COMPONENTS[components]
    if target == 1:
        pixels = pixels[:, :, -1:] if source == 4 else pixels[:, :, :1]
    elif source == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if target == 3:
        pixels = pixels[:, :, :3]
    elif target == 4 and pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.ones_like(pixels[:, :, :1])], axis=2)
    dtype = DEPTHS[depth]
    if dtype.kind == "u":
        most = np.iinfo(dtype).max
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0.0, 1.0) * most)
    return replace(image, pixels=pixels.astype(dtype))


def resampled(image: Image, scale: tuple[float, float]) -> Image:
    """The image at another scale: every pixel is the mean of the area that it covers."""
    if image.scale == scale:
        return image
    x1, y1, x2, y2 = pixel_rect(image.region, scale, image.aspect)
    sx, sy = scale[0] / image.scale[0], scale[1] / image.scale[1]
    left, bottom, right, top = image.bounds
    columns = _coverage(x1, x2, left, right, sx)
    rows = _coverage(-y2, -y1, -top, -bottom, sy)
    pixels = np.einsum("yh,hwc->ywc", rows, image.pixels.astype(np.float32), optimize=True)
    pixels = np.einsum("xw,ywc->yxc", columns, pixels, optimize=True)
    if image.pixels.dtype.kind == "u":
        pixels = np.rint(pixels)
    return replace(image, pixels=pixels.astype(image.pixels.dtype), origin=(x1, y1), scale=scale)


def _coverage(
    first: int, last: int, source_first: int, source_last: int, scale: float
) -> NDArray[np.float32]:
    """(last - first, source_last - source_first): what part of a pixel is which source pixel's."""
    edges = np.arange(first, last + 1)[:, np.newaxis] / scale
    source = np.arange(source_first, source_last)[np.newaxis, :]
    overlap = np.minimum(edges[1:], source + 1.0) - np.maximum(edges[:-1], source)
    weights = np.clip(overlap, 0.0, None)
    total = weights.sum(axis=1, keepdims=True)
    shares: NDArray[np.float32] = weights / np.where(total > 0.0, total, 1.0)
    return shares.astype(np.float32)


def pixel_rect(region: Rect, scale: tuple[float, float], aspect: float) -> PixelRect:
    """The pixels that a canonical region touches at that scale."""
    x1, y1, x2, y2 = region
    # A hair's breadth: 100 * (1 / 3) * 3 must not spill into one more pixel.
    slack = 1e-6
    return (
        math.floor(x1 * scale[0] / aspect + slack),
        math.floor(y1 * scale[1] + slack),
        math.ceil(x2 * scale[0] / aspect - slack),
        math.ceil(y2 * scale[1] - slack),
    )


def canonical_rect(bounds: PixelRect, scale: tuple[float, float], aspect: float) -> Rect:
    """The canonical region that pixels at that scale cover."""
    x1, y1, x2, y2 = bounds
    return (x1 / scale[0] * aspect, y1 / scale[1], x2 / scale[0] * aspect, y2 / scale[1])


def as_rect(sides: Iterable[float]) -> Rect:
    """Four numbers of any kind as a rectangle."""
    x1, y1, x2, y2 = sides
    return (float(x1), float(y1), float(x2), float(y2))


def intersection(a: PixelRect, b: PixelRect) -> PixelRect:
    """The rectangle that lies in both; x1 >= x2 or y1 >= y2 where there is none."""
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def image_properties(
    image: Image, region: Rect, behaviour: Behaviour, render_scale: tuple[float, float]
) -> dict[str, Any]:
    """The properties of an image as the host states them, without its data pointer."""
    scale: dict[Literal["render", "one", "inverse"], tuple[float, float]] = {
        "render": image.scale,
        "one": (1.0, 1.0),
        "inverse": (1.0 / render_scale[0], 1.0 / render_scale[1]),
    }
    properties: dict[str, Any] = {
        "OfxPropType": "OfxTypeImage",
        "OfxImageEffectPropPixelDepth": image.depth,
        "OfxImageEffectPropComponents": image.components,
        "OfxImageEffectPropPreMultiplication": image.premultiplication,
        "OfxImageEffectPropRenderScale": tuple(float(s) for s in scale[behaviour.image_scale]),
        "OfxImagePropPixelAspectRatio": float(image.aspect),
        "OfxImagePropBounds": image.bounds,
        "OfxImagePropRegionOfDefinition": pixel_rect(region, image.scale, image.aspect),
        "OfxImagePropRowBytes": address(image.pixels)[1],
        "OfxImagePropField": "OfxFieldNone",
        "OfxImagePropUniqueIdentifier": f"{image.pixels.ctypes.data:x}",
    }
    return {k: v for k, v in properties.items() if k not in behaviour.missing_image_properties}
