"""Depth and light of a host's shots, estimated here from the pictures that the host gives."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from synthetic_focus.scene import providers
from synthetic_focus.scene.analysis import WINDOW, Analyser, Glimpse, identity
from synthetic_focus.scene.cache import Cache, StoredFrame
from synthetic_focus.scene.providers import Estimate
from synthetic_focus.worker.locks import held

_KEPT_GLIMPSES: Final = 8 * WINDOW  # 110 MB; eight threads may each be somewhere else


class LackingTimesError(Exception):
    """Pictures of other times that must be fetched from the host first."""

    def __init__(self, times: list[float]) -> None:
        super().__init__(times)
        self.times = times


class EstimatedShot:
    """One shot as an instance of the effect shows it, at one size. Safe in several threads.

    The host gives pictures when it is asked. Each is looked at once; the maps of a frame are then
    made of it and the frames before it, and stored in the user's cache. A frame whose picture is
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
        self.metric = self._provider.metric

    def maps(
        self,
        time: float,
        first: float | None,
        given: Callable[[float], Glimpse | None],
        is_missing: Callable[[float], bool],
        check: Callable[[], None],
        stop: Callable[[], None],
    ) -> Estimate:
        """Disparity and gain of a frame, steadied by the frames before it as far as there are any.

        Args:
            time: of the frame.
            first: time of the shot's first frame, if the host says it.
            given: time -> the picture that the host has given for it.
            is_missing: whether the host could not give the picture of a time.
            check: called before each estimate; may raise to stop.
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
                window = self._window(time, now, first, given, is_missing)
                analyser = self._analyser_for(time, now)
                for one in window:
                    check()
                    analyser.raw(one)
                stored = analyser.steady(time, window)
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

    def _window(
        self,
        time: float,
        now: Glimpse,
        first: float | None,
        given: Callable[[float], Glimpse | None],
        is_missing: Callable[[float], bool],
    ) -> list[Glimpse]:
        """The frame's picture, after those before it."""
        window = [now]
        lacking = []
        for back in range(1, WINDOW):
            earlier = time - back
            if first is not None and earlier < first:
                break
            glimpse = self._glimpse(earlier, given)
            if glimpse is None and (self._alone or is_missing(earlier)):
                # A host that does not give the frame before gives no other.
                self._alone = self._alone or back == 1
                break
            if glimpse is None:
                lacking.append(earlier)
            else:
                window.insert(0, glimpse)
        if lacking:
            raise LackingTimesError(lacking)
        return window

    def _glimpse(self, time: float, given: Callable[[float], Glimpse | None]) -> Glimpse | None:
        glimpse = given(time)
        with self._glimpses_lock:
            known = self._glimpses.get(time)
            if glimpse is None:
                return known
            if known is not None and known.fingerprint != glimpse.fingerprint:
                # Upstream has changed, and the host did not say so.
                self._glimpses.clear()
            self._glimpses[time] = glimpse
            self._glimpses.move_to_end(time)
            while len(self._glimpses) > _KEPT_GLIMPSES:
                self._glimpses.popitem(last=False)
        return glimpse
