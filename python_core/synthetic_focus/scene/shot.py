"""A shot from files with its disparity and light: estimated once, steady over time, cached."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from synthetic_focus import color
from synthetic_focus.media import Reader, open_reader
from synthetic_focus.media.sequence import parse_pattern
from synthetic_focus.scene import providers
from synthetic_focus.scene.analysis import (
    WINDOW,
    Analyser,
    Glimpse,
    analysis_size,
    identity,
)
from synthetic_focus.scene.cache import Cache, StoredFrame, fingerprint_of
from synthetic_focus.scene.providers import BUILT_IN, Estimate, Map, Map3
from synthetic_focus.scene.temporal import M

PathLike = str | Path
Progress = Callable[[int, int], None]

_KEPT_GLIMPSES: Final = 3 * WINDOW  # 2 MB each; several threads may be some frames apart
_KEPT_FRAMES: Final = 8  # 8 MB each at most
_SAMPLES: Final = 8  # frames that stand for a shot where its disparity must be calibrated


class Shot:
    """A shot with frames 0 … len - 1, whose maps are made when they are first asked for.

    A context manager; closing it lets go of the files. Safe in several threads.

    Attributes:
        fps: frames per second.
        size: (width, height) of a frame in pixels.
        analysis_size: (width, height) of the maps.
        first_frame: the number that a person gives frame 0.
        metric: whether disparity is in dioptres; else it runs from about 0 (far) to 1 (near).
    """

    def __init__(
        self,
        reader: Reader,
        *,
        model: str = BUILT_IN,
        colour_space: str = "auto",
        cache: Cache | None = None,
    ) -> None:
        """Estimates nothing yet.

        Args:
            reader: of the frames; the shot closes it.
            model: see `synthetic_focus.scene.providers.provider`.
            colour_space: how the frames are encoded; "auto": as the files say.
            cache: where maps are kept; the user's where None.

        Raises:
            ModelError: there is no such model.
            ColourError: there is no such colour space.
        """
        self._reader = reader
        self._space = reader.colour_space if colour_space == "auto" else color.resolve(colour_space)
        self.fps: Fraction = reader.fps
        self.size = reader.size
        self.analysis_size = analysis_size(reader.size)
        self.first_frame = reader.first_frame
        self._pattern = parse_pattern(reader.path)
        self._gaps = [number - reader.first_frame for number in reader.missing]
        cache = cache or Cache()
        estimator = providers.provider(model)
        self.metric = estimator.metric
        store = cache.shot(
            identity(estimator),
            self.analysis_size,
            f"{reader.path.absolute()} as {self._space}",
            metric=estimator.metric,
        )
        self._analyser = Analyser(estimator, cache, store)
        self._calibrated = estimator.metric or estimator.calibrated
        self._lock = threading.Lock()
        self._analysing = threading.Lock()
        self._glimpses: OrderedDict[int, Glimpse] = OrderedDict()
        self._frames: OrderedDict[int, StoredFrame] = OrderedDict()

    def __len__(self) -> int:
        return len(self._reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files, and writes down what the cache should know of the shot."""
        self.write_manifest()
        self._reader.close()

    def disparity(self, frame: int) -> Map:
        """The disparity of a frame, steady over time.

        Returns:
            (h, w) float32 of `analysis_size`, larger is nearer; see `metric`. Shared: not to be
            changed.

        Raises:
            MediaError: there is no such frame, or it is damaged.
            ModelError: the model cannot be used.
        """
        return self.maps(frame).disparity

    def gain(self, frame: int) -> Map3:
        """By how much the light of a frame is brighter than its clipped pixels show.

        Returns:
            (h, w, 3) float32 of `analysis_size`, 1 where nothing is clipped.

        Raises: as `disparity`.
        """
        log_gain = self.maps(frame).log_gain
        if log_gain is None:
            width, height = self.analysis_size
            return np.ones((height, width, 3), np.float32)
        return np.exp(log_gain)

    def maps(self, frame: int) -> Estimate:
        """Disparity and the logarithm of the gain; see `disparity` and `gain`."""
        self._reader.check(frame)
        found = self._stored(frame)
        if found is None:
            # One at a time: the frames of several threads are neighbours, and share what they need.
            with self._analysing:
                found = self._remember(frame, self._steadied(frame))
        return found.maps

    def image(self, frame: int) -> npt.NDArray[np.uint8]:
        """A frame as it is analysed, and as a tracker sees it: (h, w, 3) uint8, blue first."""
        return np.ascontiguousarray(self._glimpse(frame).picture[..., ::-1])

    def prepare(self, frame: int) -> None:
        """Estimates what a frame's maps need and those of the frame before do not, if they are
        still to be made: half of the work of `maps`, which another thread may do for the next
        frame."""
        if self._stored(frame) is None:
            self._analyser.raw(self._glimpse(self._window(frame)[-1]))

    def write_manifest(self) -> None:
        """Writes down in the cache what there is."""
        self._analyser.store.write_manifest()

    def _steadied(self, frame: int) -> StoredFrame:
        if not self._calibrated:
            self._calibrate()
        window = self._window(frame)
        glimpses = [self._glimpse(one) for one in window]
        now = window.index(frame)
        return self._analyser.steady(self._number(frame), glimpses, now, self._stamp(frame))

    def _stored(self, frame: int) -> StoredFrame | None:
        """What was made from the files as they are, without a look at their pixels."""
        with self._lock:
            if frame in self._frames:
                return self._frames[frame]
        stored = self._analyser.store.frame(self._number(frame))
        if stored is None or stored.stamp != self._stamp(frame):
            return None
        return self._remember(frame, stored)

    def _remember(self, frame: int, found: StoredFrame) -> StoredFrame:
        with self._lock:
            self._frames[frame] = found
            while len(self._frames) > _KEPT_FRAMES:
                self._frames.popitem(last=False)
        return found

    def _window(self, frame: int) -> range:
        """The frames that a frame's maps are made from, unless a cut is among them."""
        begin = max([0, frame - M, *(gap + 1 for gap in self._gaps if gap < frame)])
        end = min([len(self), frame + M + 1, *(gap for gap in self._gaps if gap > frame)])
        return range(begin, end)

    def _glimpse(self, frame: int) -> Glimpse:
        with self._lock:
            if frame in self._glimpses:
                self._glimpses.move_to_end(frame)
                return self._glimpses[frame]
        glimpse = Glimpse.of(self._reader.read(frame), self._space)
        with self._lock:
            self._glimpses[frame] = glimpse
            while len(self._glimpses) > _KEPT_GLIMPSES:
                self._glimpses.popitem(last=False)
        return glimpse

    def _calibrate(self) -> None:
        there = sorted(set(range(len(self))) - set(self._gaps))
        count = min(_SAMPLES, len(there))
        places = sorted({round(i * (len(there) - 1) / max(count - 1, 1)) for i in range(count)})
        self._analyser.calibrate([self._glimpse(there[place]) for place in places])
        self._calibrated = True

    def _number(self, frame: int) -> int:
        return self.first_frame + frame

    def _stamp(self, frame: int) -> str:
        """Changes when any file does that the frame's maps are made from."""
        files = [self._reader.path]
        if self._pattern:
            files = [self._pattern.path(self._number(one)) for one in self._window(frame)]
        states: list[int] = []
        for path in files:
            try:
                status = path.stat()
            except OSError:
                return ""  # reading it says what is wrong
            states += [status.st_mtime_ns, status.st_size]
        return fingerprint_of(*states)


def analyze(
    path: PathLike,
    *,
    model: str = BUILT_IN,
    frames: tuple[int, int] | None = None,
    colour_space: str = "auto",
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Shot:
    """Estimates the disparity and the clipped light of a shot, steady over time.

    What was estimated before is taken from the cache, so an analysis that was interrupted goes on
    where it was, and of a shot that has changed only the frames that did are estimated again. At
    any length it needs memory for a few frames.

    Args:
        path: a movie, an image sequence (shot.%04d.exr, shot.####.exr) or one image.
        model: "built-in", or an installed network; `synthetic-focus models list` shows them.
        frames: the first and the last frame to analyse, by a sequence's own numbers; all where
            None. The others are estimated when they are asked for.
        colour_space: how the frames are encoded, a key of the parameter colour_space; "auto": as
            the files say.
        cache: where the maps are kept; the user's where None.
        progress: called in this thread with how many frames are done and how many there are.

    Raises:
        MediaError: the files cannot be read, or the frames that are asked for are not all there.
        ModelError: the model is not there, or cannot be used.
    """
    reader = open_reader(path)
    try:
        indices = reader.indices(frames)
        shot = Shot(reader, model=model, colour_space=colour_space, cache=cache)
    except BaseException:
        reader.close()
        raise
    try:
        with ThreadPoolExecutor(1, "estimate") as pool:
            for done, frame in enumerate(indices, 1):
                # What the next frame needs is estimated while this one is steadied.
                coming = pool.submit(shot.prepare, frame + 1) if frame + 1 in indices else None
                shot.maps(frame)
                if progress:
                    progress(done, len(indices))
                if coming:
                    coming.result()
    except BaseException:
        shot.close()
        raise
    shot.write_manifest()
    return shot
