"""One frame through the effect: to linear light, to circles of confusion, through the lens, and
back.

Hosts (by the worker), the command line and the Python API all render here, so that a frame looks
the same wherever it is made.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_focus import _native, color, views
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus import Aim, Focus, FocusCurve, FocusTarget, PullOptions, in_order
from synthetic_focus.lens.breathing import breathe, magnification
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.lens.model import closed, coc_map
from synthetic_focus.locks import held
from synthetic_focus.parameters import table
from synthetic_focus.render import Aborted, defocus
from synthetic_focus.render.grain import match_grain
from synthetic_focus.render.highlights import brighten, recover_highlights
from synthetic_focus.scene.depth import DepthReading
from synthetic_focus.scene.light import clipped_pixels, clips_at_white, fitted_log_gain

if TYPE_CHECKING:
    from synthetic_focus._native import AbortFlag
    from synthetic_focus.parameters import Settings

Pixels = npt.NDArray[np.float32]
Map = npt.NDArray[np.float32]

# Pictures that are blurred at a time. One keeps some four processors busy, and takes hundreds of
# megabytes under a lens that varies over the frame.
_TURNS: Final = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 4))


class EffectError(SyntheticFocusError, ValueError):
    """A frame that cannot be rendered as it is given."""


@dataclass(frozen=True)
class Frame:
    """Where an image lies in the whole picture, at the scale it is rendered at.

    Attributes:
        size: (width, height) of the whole picture in pixels.
        origin: (x, y) of the image's top left pixel in the whole picture, from its top left.
        time: of the frame in its shot; each has grain of its own.
    """

    size: tuple[int, int]
    origin: tuple[int, int] = (0, 0)
    time: float = 0.0


def passes(settings: Settings) -> bool:
    """Whether the picture passes the effect untouched, so that no depth is needed."""
    return settings.view == "result" and closed(settings.f_stop, settings.blur_scale)


def reading(settings: Settings) -> DepthReading:
    """How the settings say that depth is to be read.

    Raises:
        DepthError: the distances or values are in the wrong order.
    """
    return DepthReading(
        convention=settings.depth_convention,
        near_m=settings.near_distance,
        far_m=settings.far_distance,
        low=settings.depth_low,
        high=settings.depth_high,
    )


def dioptres(disparity: Map, settings: Settings, *, metric: bool) -> Map:
    """Estimated disparity in dioptres.

    Args:
        disparity: (H, W) in dioptres where it is metric, else 0 at Far Distance and 1 at Near
            Distance.
        settings: with the distances.
        metric: which of the two.

    Raises:
        DepthError: the distances are in the wrong order.
    """
    if not metric:
        depth = reading(settings)
        disparity = disparity * np.float32(depth.span)
        disparity += np.float32(depth.farthest)
    # Nothing is farther than infinity or nearer than a millimetre.
    return np.clip(disparity, 0, 1000)


def distance_focus(settings: Settings) -> float:
    """The focus disparity that Focus Distance stands for, in dioptres.

    Raises:
        EffectError: a distance of 0 metres.
    """
    if settings.focus_unit == "disparity":
        return reading(settings).at(settings.focus_distance)
    if settings.focus_distance <= 0:
        raise EffectError("Focus Distance is 0 m: nothing can be focused there, set it above 0")
    return float(1 / settings.focus_distance)


def focus_targets(
    settings: Settings,
    keys: Mapping[str, Sequence[Sequence[float]]],
    time: float,
    *,
    near: bool = False,
) -> tuple[FocusTarget, ...]:
    """The targets that the keyframes of Focus Point are, in the order of time.

    Args:
        settings: at `time`.
        keys: by parameter. (time, x, y) of each keyframe of focus_point, x and y from the lower
            left as hosts count; and (time, value) of target_follow, target_hold and pull_frames at
            the same times, as hosts have them. Without keyframes the point at `time` is the only
            target.
        time: of the frame to render.
        near: only the two before and the two after `time`, on which all depends that the focus does
            at that time. A shot may have thousands.
    """
    points = keys.get("focus_point") or [(time, *settings.focus_point)]
    # In the order of FocusTarget's fields.
    options = [
        _values_at(name, settings, keys, len(points))
        for name in ("target_follow", "target_hold", "pull_frames")
    ]
    if near:
        order = sorted(range(len(points)), key=lambda i: points[i][0])
        passed = bisect_right(order, time, key=lambda i: points[i][0])
        chosen = order[max(passed - 2, 0) : passed + 2]
        points, *options = ([all_[i] for i in chosen] for all_ in (points, *options))
    # Hosts let a key be dragged out of the picture; its edge is what is nearest to it.
    return in_order(
        FocusTarget(min(max(x, 0.0), 1.0), 1 - min(max(y, 0.0), 1.0), frame, *values)
        for (frame, x, y), *values in zip(points, *options, strict=True)
    )


def _values_at(
    name: str, settings: Settings, keys: Mapping[str, Sequence[Sequence[float]]], count: int
) -> list[Any]:
    sent = keys.get(name, ())
    if len(sent) != count:
        return [settings[name]] * count
    row = table()[name]
    meaning = {value: row.from_host(int(value) if row.options else value) for _, value in sent}
    return [meaning[value] for _, value in sent]


def pull_options(settings: Settings) -> PullOptions:
    """How the settings say that the focus goes from subject to subject."""
    return PullOptions(settings.pull_frames, settings.settle_frames, settings.pull_ease)


def point_focus(
    settings: Settings,
    targets: Sequence[FocusTarget],
    time: float,
    disparity_of: Callable[[FocusTarget], float],
) -> Focus:
    """The focus at `time` when no subject is followed.

    Args:
        settings: with the options of the pulls.
        targets: of the whole shot, in the order of time.
        time: of the frame to render.
        disparity_of: a target's disparity. Asked only of those that matter at `time`.
    """
    passed = sum(target.frame <= time for target in targets)
    near = targets[max(passed - 1, 0) : passed + 1]
    aims = [Aim.still(target, disparity_of(target)) for target in near]
    return FocusCurve(aims, pull_options(settings)).at(time)


def render_frame(
    source: Pixels,
    disparity: Map,
    settings: Settings,
    *,
    space: str,
    focus_disparity: float,
    frame: Frame,
    log_gain: Pixels | None = None,
    premultiplied: bool = True,
    abort: AbortFlag | None = None,
    out: Pixels | None = None,
) -> Pixels:
    """Render one frame.

    Pixels that the lens leaves as they are come back bit-identical, whatever their encoding. Light
    that is not a number, or infinite, is rendered as none; where the lens does not touch it, it
    stays what it is.

    Args:
        source: (H, W, 3) or (H, W, 4) float32, encoded in `space`.
        disparity: (H, W) float32 in dioptres.
        settings: of the effect.
        space: colour space of `source` and of the result; not "auto".
        focus_disparity: of the focal plane, in dioptres.
        frame: where the image lies in the whole picture.
        log_gain: (h, w, 3) float32 of the source at any size, the natural logarithm of what the
            light of clipped pixels is to be multiplied by.
        premultiplied: whether the colour of `source` is multiplied by its alpha; so is the
            result's.
        abort: set from another thread to stop.
        out: C-contiguous memory, as `source` but apart from it, that the result may be put into;
            it is not where that would take a copy.

    Returns:
        (H, W, 3 or 4) float32, encoded in `space`; `out` if that was put to use, else a new array.

    Raises:
        EffectError: the shapes do not fit.
        Aborted: `abort` was set.
    """
    if source.ndim != 3 or source.shape[2] not in (3, 4) or source.size == 0:
        raise EffectError(f"the picture is {source.shape}; it must be (H, W, 3) or (H, W, 4)")
    if disparity.shape != source.shape[:2]:
        raise EffectError(
            f"the disparity is {disparity.shape} and the picture {source.shape[:2]}: one a pixel"
        )
    if settings.view == "depth":
        return views.depth_view(source, disparity, reading(settings))
    if settings.breathing and not passes(settings):
        scale = magnification(
            focus_disparity,
            focal_length_mm=settings.focal_length,
            breathing=settings.breathing,
        )
        source = breathe(source, scale, frame_size=frame.size, origin=frame.origin)
        disparity = breathe(
            disparity, scale, frame_size=frame.size, origin=frame.origin, blend=False
        )
        if log_gain is not None:
            log_gain = fitted_log_gain(log_gain, (source.shape[1], source.shape[0]))
            log_gain = breathe(log_gain, scale, frame_size=frame.size, origin=frame.origin)
    coc = coc_map(
        disparity,
        focus_disparity,
        focal_length_mm=settings.focal_length,
        f_stop=settings.f_stop,
        sensor_width_mm=settings.sensor_width,
        width_px=frame.size[0],
        blur_scale=settings.blur_scale,
        focus_range=_focus_range(settings),
    )
    match settings.view:
        case "coc":
            return views.coc_view(source, coc)
        case "peaking":
            return views.peaking_view(source, coc)
        case "focal_plane":
            return views.focal_plane_view(source, disparity, reading(settings), coc)
    result = _defocused(
        source,
        coc,
        settings,
        space=space,
        frame=frame,
        log_gain=log_gain,
        premultiplied=premultiplied,
        abort=abort,
        out=out,
    )
    if settings.view == "wipe":
        return views.wipe(source, result, settings.wipe_position, frame.origin[0], frame.size[0])
    return result


def _focus_range(settings: Settings) -> float:
    """In dioptres, to either side of the focus."""
    if not settings.focus_range:
        return 0.0  # the distances may be left wrong where nothing depends on them
    return float(settings.focus_range * reading(settings).span)


def _defocused(
    source: Pixels,
    coc: Map,
    settings: Settings,
    *,
    space: str,
    frame: Frame,
    log_gain: Pixels | None,
    premultiplied: bool,
    abort: AbortFlag | None,
    out: Pixels | None,
) -> Pixels:
    """The picture through the lens, in the encoding that it came in."""
    if closed(settings.f_stop, settings.blur_scale):
        return source.copy()
    light_is_source = color.is_linear(space) and premultiplied and _native.all_finite(source)
    light = source if light_is_source else _to_light(source, space, premultiplied=premultiplied)
    if log_gain is not None and settings.recover_light and clips_at_white(space):
        clipped = clipped_pixels(light)
        if clipped.any():
            log_gain = fitted_log_gain(log_gain, (light.shape[1], light.shape[0]))
            light = brighten(light, coc, log_gain, clipped, amount=settings.recover_light)
    if settings.highlight_recovery:
        light = recover_highlights(
            light, coc, stops=settings.highlight_recovery, threshold=settings.highlight_threshold
        )

    def stop() -> None:
        if abort is not None and abort.is_set():
            raise Aborted("the render was stopped before its turn")

    with held(_TURNS, stop):
        blurred = defocus(
            light,
            coc,
            aperture(settings),
            frame_size=frame.size,
            origin=frame.origin,
            quality=settings.quality,
            refine_edges=settings.refine_edges,
            abort=abort,
            out=out,
        )
    if light_is_source:
        result = blurred
    else:
        # Channel by channel here and below: three times as fast as over the short last axis.
        channels = range(light.shape[2])
        untouched = np.logical_and.reduce([blurred[..., c] == light[..., c] for c in channels])
        result = _from_light(blurred, space, premultiplied=premultiplied)
        for c in channels:
            np.copyto(result[..., c], source[..., c], where=untouched)
    if settings.grain_match:
        result = match_grain(
            result,
            source,
            coc,
            amount=settings.grain_match,
            seed=zlib.crc32(struct.pack("<d", frame.time)),
            origin=frame.origin,
        )
    return result


def _to_light(source: Pixels, space: str, *, premultiplied: bool) -> Pixels:
    """Scene-linear, premultiplied, finite; a new array."""
    light = source.copy()
    curved = not color.is_linear(space)
    if premultiplied and curved:
        _unpremultiply(light)
    color.to_linear(light, space, out=light)
    if curved or not premultiplied:
        _premultiply(light)
    if not _native.all_finite(light):
        np.nan_to_num(light, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return light


def _from_light(light: Pixels, space: str, *, premultiplied: bool) -> Pixels:
    """Undo `_to_light`, in place."""
    curved = not color.is_linear(space)
    if curved or not premultiplied:
        _unpremultiply(light)
    color.from_linear(light, space, out=light)
    if premultiplied and curved:
        _premultiply(light)
    return light


def _premultiply(pixels: Pixels) -> None:
    if _is_opaque(pixels):
        return
    for channel in range(3):
        pixels[..., channel] *= pixels[..., 3]


def _unpremultiply(pixels: Pixels) -> None:
    if _is_opaque(pixels):
        return
    alpha = pixels[..., 3]
    covered = alpha > 0
    with np.errstate(all="ignore"):
        for channel in range(3):
            np.divide(pixels[..., channel], alpha, out=pixels[..., channel], where=covered)


def _is_opaque(pixels: Pixels) -> bool:
    return pixels.shape[2] == 3 or bool((pixels[..., 3] == 1).all())
