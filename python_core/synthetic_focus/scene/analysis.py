"""From the pictures of a shot to disparity and light that are steady over time.

Each picture is looked at by itself, at a size and in an encoding that are the same whatever the
source (`analysis_picture`); what a provider says of it is kept raw. A frame's maps are then a pure
function of the raw estimates of it and the few frames before and after it (the paper's equation 8),
so that any order of frames gives the same maps.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus import color, heap
from synthetic_focus.scene.cache import (
    Cache,
    ShotCache,
    StoredFrame,
    fingerprint_of,
    stored_precision,
)
from synthetic_focus.scene.cuts import is_cut, thumbnail
from synthetic_focus.scene.expansion import expand
from synthetic_focus.scene.flow import DisFlow, Flow, FlowPair, both_ways
from synthetic_focus.scene.outlines import aligned
from synthetic_focus.scene.parallax import fused
from synthetic_focus.scene.providers import Estimate, ModelError, Provider
from synthetic_focus.scene.temporal import Look, M, steadied

LONG_SIDE: Final = 960
WINDOW: Final = 2 * M + 1  # frames that a frame's maps are made from, itself included

# Goes up when the same estimates give other maps than before.
_VERSION: Final = 7
_SRGB: Final = "sRGB Encoded Rec.709 (sRGB)"
# A window and what comes next, where several threads make neighbours; what is older is on disk.
_KEPT_ESTIMATES: Final = WINDOW + M  # 8 MB each at most
_KEPT_FLOWS: Final = WINDOW + M  # 8 MB each

# A network uses all processors by itself; two at once would only take each other's memory. And who
# waits for the other often finds that it was the same picture.
_ESTIMATING: Final = threading.Lock()

_CALIBRATION: Final = "calibration"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Glimpse:
    """A frame's picture as it is analysed.

    Attributes:
        picture: (H, W, 3) uint8, see `analysis_picture`.
        fingerprint: what tells it from all others.
    """

    picture: npt.NDArray[np.uint8]
    fingerprint: str

    @classmethod
    def of(cls, pixels: npt.NDArray[np.float32], space: str) -> Glimpse:
        """Of a frame as it is stored; see `analysis_picture`."""
        picture = analysis_picture(pixels, space)
        return cls(picture, fingerprint_of(picture))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.picture.shape[1], self.picture.shape[0]

    @functools.cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """(H, W), what motion is found in."""
        return np.asarray(cv2.cvtColor(self.picture, cv2.COLOR_RGB2GRAY), np.uint8)

    @functools.cached_property
    def thumbnail(self) -> npt.NDArray[np.uint8]:
        """What tells cuts."""
        return thumbnail(self.picture)


def analysis_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) at which a picture of some (width, height) is analysed."""
    scale = min(1.0, LONG_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def analysis_picture(pixels: npt.NDArray[np.float32], space: str) -> npt.NDArray[np.uint8]:
    """A frame as it is analysed: at most 960 pixels long, sRGB-encoded Rec.709, 8 bits.

    So a log recording, a linear render and a finished video of one scene look alike. Eight bits
    are what networks are trained on, and let the fingerprint overlook rounding.

    Args:
        pixels: (H, W, 3 or more) encoded in `space`; what is more than colour is ignored.
        space: a colour space of `color`, not "auto".
    """
    small = _small(pixels, space)
    if not np.isfinite(small).all():
        known = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
        small = _small(known, space)
    light = color.to_linear(small, space)
    color.to_rec709(light, space, out=light)
    np.clip(light, 0, 1, out=light)
    color.from_linear(light, _SRGB, out=light)
    return np.asarray(np.clip(light * 255 + np.float32(0.5), 0, 255), np.uint8)


def _small(pixels: npt.NDArray[np.float32], space: str) -> npt.NDArray[np.float32]:
    """The colour of a frame at analysis size; what is no number spreads to the pixels about it."""
    if color.is_linear(space):
        # As a camera would: a light is clipped before its pixels are averaged.
        pixels = np.minimum(pixels, np.float32(1))
    size = analysis_size((pixels.shape[1], pixels.shape[0]))
    if size != (pixels.shape[1], pixels.shape[0]):
        # Alpha goes along, since to take it out first costs more.
        small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, np.float32).reshape(size[1], size[0], pixels.shape[2])
    return np.ascontiguousarray(pixels[..., :3])


@dataclass(frozen=True)
class _Window:
    """The frames that a frame's maps are made from, in order, and which of them it is."""

    glimpses: Sequence[Glimpse]
    now: int


class Analyser:
    """Estimates the frames of one shot, and steadies them. Safe in several threads.

    Attributes:
        provider: what estimates.
        store: the shot's place in the cache.
    """

    def __init__(
        self, provider: Provider, cache: Cache, store: ShotCache, flow: Flow | None = None
    ) -> None:
        """Estimates nothing yet.

        Args:
            provider: what estimates.
            cache: where other shots may have the same pictures.
            store: the shot's place there.
            flow: how motion is found; OpenCV's dense inverse search where None.
        """
        self.provider = provider
        self.store = store
        self._cache = cache
        self._flow = flow or DisFlow()
        self._lock = threading.Lock()
        self._estimates: OrderedDict[str, Estimate] = OrderedDict()
        self._flows: OrderedDict[tuple[str, str], FlowPair] = OrderedDict()
        self._calibration: tuple[float, float] | None = None

    def raw(self, glimpse: Glimpse) -> Estimate:
        """What the provider says of one picture, asked once.

        Raises:
            ModelError: the provider cannot be used.
        """
        key = glimpse.fingerprint
        return self._kept(self._estimates, key, _KEPT_ESTIMATES, lambda: self._raw(glimpse))

    def steady(
        self, number: float, glimpses: Sequence[Glimpse], now: int, stamp: str = ""
    ) -> StoredFrame:
        """The maps of a frame, steadied by the frames before and after it.

        Args:
            number: of the frame; its maps are stored under it.
            glimpses: consecutive frames.
            now: which of them is wanted; of those before and of those after it `M` count, up to a
                cut.
            stamp: stored with the maps for the caller.

        Raises:
            ModelError: the provider cannot be used.
        """
        window = _window(glimpses, now)
        calibration = self._calibration_by(window.glimpses)
        pictures = [one.fingerprint for one in window.glimpses]
        key = fingerprint_of(*calibration, window.now, *pictures)
        found = self.store.frame(number)
        if found is not None and (found.window, found.stamp) == (key, stamp):
            return found
        maps = found.maps if found is not None and found.window == key else None
        maps = maps or self._steadied(window, calibration)
        frame = StoredFrame(pictures[window.now], key, maps, stamp)
        self.store.store_frame(number, frame, is_cut=window.now == 0 < now)
        heap.after_frame()
        return frame

    def prepare(self, glimpses: Sequence[Glimpse], now: int, check: Callable[[], None]) -> None:
        """Makes what `steady` needs of each frame and of each two neighbours, and keeps it.

        Args:
            glimpses, now: as of `steady`.
            check: called before each part of the work; may raise to stop.

        Raises:
            ModelError: the provider cannot be used.
        """
        window = _window(glimpses, now).glimpses
        for one in window:
            check()
            self.raw(one)
        for pair in pairwise(window):
            check()
            self._flow_between(*pair)

    def calibrate(self, samples: Sequence[Glimpse]) -> None:
        """Settles what disparity becomes 0 and 1 in this shot, where the provider leaves it open.

        Args:
            samples: pictures that stand for the shot. The shot's first calibration holds: another
                one would change the focus of what has been rendered.
        """
        self._calibration_by(samples)

    def _calibration_by(self, samples: Sequence[Glimpse]) -> tuple[float, float]:
        if self.provider.metric or self.provider.calibrated:
            return 0.0, 1.0
        if self._calibration is None:
            stored = self.store.read_json(_CALIBRATION)
            if stored is None:
                values = [self.raw(one).disparity[::4, ::4].ravel() for one in samples]
                low, high = np.percentile(np.concatenate(values), (1, 99))
                stored = [float(low), max(float(high), float(low) + 1e-6)]
                self.store.write_json(_CALIBRATION, stored)
                self.store.note(normalisation=stored)
            self._calibration = (float(stored[0]), float(stored[1]))
        return self._calibration

    def _raw(self, glimpse: Glimpse) -> Estimate:
        with _ESTIMATING:
            with self._lock:
                known = self._estimates.get(glimpse.fingerprint)
            if known is not None:
                return known
            stored = self._cache.raw(self.store.provider, glimpse.size, glimpse.fingerprint)
            if stored is not None:
                return stored
            picture = glimpse.picture.astype(np.float32) / np.float32(255)
            estimate = stored_precision(self._estimated(picture))
            with self._lock:
                # At once: who waits here may want the same picture.
                self._estimates[glimpse.fingerprint] = estimate
        self.store.store_raw(glimpse.fingerprint, estimate)
        return estimate

    def _estimated(self, picture: npt.NDArray[np.float32]) -> Estimate:
        """What the provider says, if it makes sense: a network may be anybody's."""
        estimate, shape = self.provider.estimate(picture), picture.shape[:2]
        gain = estimate.log_gain
        if estimate.disparity.shape != shape or not (gain is None or gain.shape == picture.shape):
            raise ModelError(
                f"{self.provider.identity} gives disparity of {estimate.disparity.shape} and light"
                f" of {None if gain is None else gain.shape} for a picture of {shape}"
            )
        for values in (estimate.disparity, gain):
            if values is not None and not np.isfinite(values).all():
                raise ModelError(f"{self.provider.identity} gives values that are no numbers")
        if gain is None:  # a network of disparity alone
            gain = expand(color.to_linear(picture, _SRGB))
        return Estimate(estimate.disparity, gain)

    def _steadied(self, window: _Window, calibration: tuple[float, float]) -> Estimate:
        low, high = map(np.float32, calibration)
        looks = []
        for one in window.glimpses:
            raw = self.raw(one)
            looks.append(Look(one.grey, (raw.disparity - low) / (high - low), raw.log_gain))
        flows = [self._flow_between(*pair) for pair in pairwise(window.glimpses)]
        disparity, log_gain = steadied(looks, flows, window.now)
        disparity = fused(disparity, flows, window.now)
        if self.provider.soft_outlines:
            disparity = aligned(disparity, window.glimpses[window.now].picture)
        return stored_precision(Estimate(disparity, log_gain))

    def _flow_between(self, earlier: Glimpse, later: Glimpse) -> FlowPair:
        key = (earlier.fingerprint, later.fingerprint)
        return self._kept(
            self._flows, key, _KEPT_FLOWS, lambda: both_ways(self._flow, earlier.grey, later.grey)
        )

    def _kept(
        self,
        kept: OrderedDict[_Key, _Value],
        key: _Key,
        most: int,
        make: Callable[[], _Value],
    ) -> _Value:
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        value = make()
        with self._lock:
            kept[key] = value
            while len(kept) > most:
                kept.popitem(last=False)
        return value


def identity(provider: Provider, flow: Flow | None = None) -> str:
    """What all maps of this provider and this pipeline are stored under."""
    return f"{provider.identity}, {(flow or DisFlow()).identity}, steady {_VERSION}"


def _window(glimpses: Sequence[Glimpse], now: int) -> _Window:
    """The `M` frames before and after a frame, between the cuts."""
    begin = end = now
    while begin > max(0, now - M) and _one_shot(*glimpses[begin - 1 : begin + 1]):
        begin -= 1
    while end < min(len(glimpses) - 1, now + M) and _one_shot(*glimpses[end : end + 2]):
        end += 1
    return _Window(glimpses[begin : end + 1], now - begin)


def _one_shot(before: Glimpse, now: Glimpse) -> bool:
    # Pictures of two sizes come from hosts whose clips change theirs.
    return before.size == now.size and not is_cut(before.thumbnail, now.thumbnail)
