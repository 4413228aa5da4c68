"""A followed subject as it is kept on disk, so that no session follows it again."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.tracking import VERSION, WORKING_HEIGHT, Sight, TrackerKind, View
from synthetic_focus.scene.cache import Cache, fingerprint_of

_GLANCE = (16, 9)  # width, height
_SAME = 3.0  # levels of 255 that glances of one frame differ by at most, at whatever proxy scale

Glance = npt.NDArray[np.uint8]


class Shelf(Protocol):
    """Where records are kept; `scene.cache.ShotCache` is one."""

    def read_json(self, name: str) -> Any | None:
        """What was kept under a name, or None."""

    def write_json(self, name: str, value: object) -> None:
        """Keeps a value under a name."""


def usual_shelf() -> Shelf:
    """The user's shot cache, where all hosts and the command line find what one has followed.

    Raises:
        CacheError: the environment says nonsense about the cache.
    """
    size = (WORKING_HEIGHT * 16 // 9, WORKING_HEIGHT)
    return Cache().shot("followed subjects", size, "subjects of focus targets")


@dataclass(frozen=True)
class TrackRecord:
    """What two followers saw of a subject.

    Attributes:
        backward, forward: sights from the target's frame on, which is in both.
        cuts: first frames of new scenes among them, counted from the target's frame.
        glances: (n, 9, 16) uint8, of the frames from the last of `backward` to the last of
            `forward`; they tell whether a frame is still the one that was seen.
    """

    backward: Sequence[Sight]
    forward: Sequence[Sight]
    cuts: Sequence[int]
    glances: npt.NDArray[np.uint8]

    def shows(self, step: int, view: View) -> bool:
        """Whether the frame `step` after the target's is as it was, as far as the record goes."""
        entry = step + len(self.backward) - 1
        if not 0 <= entry < len(self.glances):
            return True
        difference = self.glances[entry].astype(np.float32) - glance(view)
        return float(np.abs(difference).mean()) <= _SAME


def glance(view: View) -> Glance:
    """(9, 16) uint8: what is kept of a frame to know it again."""
    grey = cv2.cvtColor(view.colour, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, _GLANCE, interpolation=cv2.INTER_AREA), np.uint8)


def name_of(view: View, x: float, y: float, kind: TrackerKind, source: str) -> str:
    """The name of a subject's record: all that its first frame and its target say about it.

    Args:
        view: the target's frame.
        x, y: the target's point.
        kind: the tracker.
        source: what else tells the shot from others, or "".
    """
    return f"subject-{fingerprint_of(VERSION, kind, x, y, source, view.colour, view.disparity)}"


def dump(record: TrackRecord) -> dict[str, Any]:
    """The record as JSON can hold it, without loss."""
    return {
        "backward": [_row(sight) for sight in record.backward],
        "forward": [_row(sight) for sight in record.forward],
        "cuts": list(record.cuts),
        "glances": base64.b64encode(record.glances.tobytes()).decode("ascii"),
    }


def load(value: Any) -> TrackRecord | None:
    """What `dump` gave; None where it is something else."""
    try:
        backward, forward = (
            [Sight((x, y, w, h), disparity, bool(lost)) for x, y, w, h, disparity, lost in rows]
            for rows in (value["backward"], value["forward"])
        )
        data = np.frombuffer(base64.b64decode(value["glances"]), np.uint8)
        glances = data.reshape(len(backward) + len(forward) - 1, *reversed(_GLANCE))
        return TrackRecord(backward, forward, [int(cut) for cut in value["cuts"]], glances)
    except (KeyError, TypeError, ValueError):
        return None


def _row(sight: Sight) -> list[float]:
    return [*sight.box, sight.disparity, int(sight.lost)]
