"""Depth and light of a host's shots, estimated here from the pictures that the host gives."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from synthetic_focus.locks import held
from synthetic_focus.scene import providers
from synthetic_focus.scene.analysis import WINDOW, Analyser, Glimpse, identity
from synthetic_focus.scene.cache import Cache, StoredFrame
from synthetic_focus.scene.providers import Estimate
from synthetic_focus.scene.temporal import M

_KEPT_GLIMPSES: Final = 8 * WINDOW  # 2 MB each; eight threads may each be somewhere else
_ASKED_AT_ONCE: Final = M  # pictures; thirteen of a large frame would fill the shared memory


class LackingTimesError(Exception):
    """Pictures of other times that must be fetched from the host first."""

    def __init__(self, times: list[float]) -> None:
        super().__init__(times)
        self.times = times


class EstimatedShot:
    """One shot as an instance of the effect shows it, at one size. Safe in several threads.

    The host gives pictures when it is asked. Each is looked at once; the maps of a frame are then
    made of it and the frames around it, and stored in the user's cache. A frame whose picture is
    the one that its stored maps were made from is not estimated, whatever its neighbours.

    Attributes:
        metric: whether disparity is in dioptres.
    """

    def __init__(self, model: str, host: str) -> None:
        """Estimates nothing yet.

        Args:
            model: see `synthetic_focus.scene.providers.provider`.
            host: what the cache's list says that the shot comes from.

        Raises:
            ModelError: there is no such model.
        """
        self._provider = providers.provider(model)
        self._host = host
        self._cache = Cache()
        self._analyser: Analyser | None = None
        self._alone = False
        self._lock = threading.Lock()
        self._glimpses_lock = threading.Lock()
        self._glimpses: OrderedDict[float, Glimpse] = OrderedDict()
        self._refused: set[float] = set()
        self.metric = self._provider.metric

    def maps(
        self,
        time: float,
        clip: tuple[float, float] | None,
        given: Callable[[float], Glimpse | None],
        is_missing: Callable[[float], bool],
        check: Callable[[], None],
        stop: Callable[[], None],
    ) -> Estimate:
        """Disparity and gain of a frame, steadied by the frames before and after it as far as there
        are any.

        Args:
            time: of the frame.
            clip: times of the shot's first and last frame, if the host says them; if it does not,
                no frames after this one are asked for.
            given: time -> the picture that the host has given for it.
            is_missing: whether the host could not give the picture of a time.
            check: called before each part of the work; may raise to stop.
            stop: called while another frame of the shot is estimated; may raise to stop.

        Raises:
            LackingTimesError: pictures that must be given first.
            ModelError: the model cannot be used.
        """
        now = self._glimpse(time, given)
        if now is None:
            raise LackingTimesError([time])
        # Who asks for what is there need not wait for what is being made.
        stored = self._own(time, now)
        if stored is not None:
            return stored.maps
        with held(self._lock, stop):
            check()
            stored = self._own(time, now) or self._found(time, now)
            if stored is None:
                before, after = self._around(time, clip, given, is_missing)
                window = [*reversed(before), now, *after]
                analyser = self._analyser_for(time, now)
                analyser.prepare(window, len(before), check)
                stored = analyser.steady(time, window, len(before))
            return stored.maps

    def _own(self, time: float, now: Glimpse) -> StoredFrame | None:
        """The stored maps of the frame, if they were made from its picture."""
        analyser = self._analyser
        stored = None if analyser is None else analyser.store.frame(time)
        return stored if stored is not None and stored.fingerprint == now.fingerprint else None

    def _found(self, time: float, now: Glimpse) -> StoredFrame | None:
        """The same in another shot of the cache, which this one turns out to be."""
        name = identity(self._provider)
        store = self._cache.find(name, now.size, time, now.fingerprint)
        if store is None:
            return None
        self._analyser = Analyser(self._provider, self._cache, store)
        return self._own(time, now)

    def _analyser_for(self, time: float, now: Glimpse) -> Analyser:
        if self._analyser is None:
            source = f"{self._host}, frame {time:g}: {now.fingerprint}"
            store = self._cache.shot(identity(self._provider), now.size, source, metric=self.metric)
            self._analyser = Analyser(self._provider, self._cache, store)
        return self._analyser

    def _around(
        self,
        time: float,
        clip: tuple[float, float] | None,
        given: Callable[[float], Glimpse | None],
        is_missing: Callable[[float], bool],
    ) -> tuple[list[Glimpse], list[Glimpse]]:
        """The pictures before a frame and those after it, the nearest first."""
        first, last = clip or (-math.inf, time)
        before: list[Glimpse] = []
        after: list[Glimpse] = []
        lacking: list[float] = []
        for side, way in ((before, -1), (after, 1)):
            others = [time + way * steps for steps in range(1, M + 1)]
            others = [other for other in others if first <= other <= last]
            # Which they are, must still be known when other times are asked for.
            self._refused.update(filter(is_missing, others))
            # A host that does not give the frame before gives no other.
            self._alone = self._alone or is_missing(time - 1)
            for other in others:
                glimpse = self._glimpse(other, given)
                if glimpse is not None:
                    side.append(glimpse)
                elif self._alone or other in self._refused:
                    break
                else:
                    lacking.append(other)
        if lacking:
            nearest = sorted(lacking, key=lambda other: abs(other - time))
            raise LackingTimesError(nearest[:_ASKED_AT_ONCE])
        return before, after

    def _glimpse(self, time: float, given: Callable[[float], Glimpse | None]) -> Glimpse | None:
        glimpse = given(time)
        with self._glimpses_lock:
            known = self._glimpses.get(time)
            if glimpse is None:
                if known is not None:
                    self._glimpses.move_to_end(time)
                return known
            if known is not None and known.fingerprint != glimpse.fingerprint:
                # Upstream has changed, and the host did not say so.
                self._glimpses.clear()
            self._glimpses[time] = glimpse
            self._glimpses.move_to_end(time)
            while len(self._glimpses) > _KEPT_GLIMPSES:
                self._glimpses.popitem(last=False)
        return glimpse
