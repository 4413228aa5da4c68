"""The focus of a whole shot, whose frames are read when they are needed."""

from collections import Counter

import numpy as np

from synthetic_focus.focus import FocusTarget
from synthetic_focus.focus.shot import focus_curve

COUNT = 300


class Walk:
    """A textured square before a wall, coming nearer as it goes to the right."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.wall, self.square = (rng.integers(0, 255, (*size, 3), np.uint8) for size in SIZES)
        self.read: Counter[int] = Counter()

    def __len__(self) -> int:
        return COUNT

    def image(self, frame: int) -> np.ndarray:
        self.read[frame] += 1
        result = self.wall.copy()
        result[30:60, 10 + frame // 3 : 40 + frame // 3] = self.square
        return result

    def disparity(self, frame: int) -> np.ndarray:
        result = np.full((90, 160), 0.2, np.float32)
        result[30:60, 10 + frame // 3 : 40 + frame // 3] = 0.5 + frame / 1000
        return result


SIZES = ((90, 160), (30, 30))


def test_frames_between_targets_far_apart_are_read_twice_at_most() -> None:
    shot = Walk()
    targets = [FocusTarget(0.16, 0.5, 0), FocusTarget(0.78, 0.5, COUNT - 1)]
    curve = focus_curve(shot, targets)
    np.testing.assert_allclose(curve, 0.5 + np.arange(COUNT) / 1000, atol=0.02)
    assert set(shot.read) == set(range(COUNT))
    assert max(shot.read.values()) == 2
