"""A provider that is quick and known, for tests in any process."""

import threading
from collections.abc import Callable

import numpy as np

from synthetic_focus.scene.providers import Estimate


class FakeProvider:
    """Nearer where it is brighter, with noise of its own for each picture; light where it is white.

    Attributes:
        pictures: all that it was asked about.
        wait: called in each estimate.
    """

    identity = "fake 1"
    metric = False
    calibrated = True
    soft_outlines = False

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.pictures: list[np.ndarray] = []
        self.wait = wait
        self._lock = threading.Lock()

    def estimate(self, picture: np.ndarray) -> Estimate:
        assert (picture.dtype, picture.ndim, picture.shape[2]) == (np.float32, 3, 3)
        with self._lock:
            self.pictures.append(picture)
        self.wait()
        return Estimate(self.disparity(picture), self.log_gain(picture))

    def disparity(self, picture: np.ndarray) -> np.ndarray:
        seed = int(picture.astype(np.float64).sum() * 1000) % (1 << 32)
        noise = np.random.default_rng(seed).normal(0, 0.05, picture.shape[:2])
        return (picture.mean(axis=2) + noise).astype(np.float32)

    def log_gain(self, picture: np.ndarray) -> np.ndarray:
        white = picture.min(axis=2, keepdims=True) >= 1
        return np.broadcast_to(np.where(white, np.log(8), 0), picture.shape).astype(np.float32)
