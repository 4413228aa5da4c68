"""What estimates disparity and light from one picture, and how one is chosen by its name."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError

Picture = npt.NDArray[np.float32]
"""(H, W, 3) in 0..1, sRGB-encoded with the primaries of Rec.709, the top row first."""

Map = npt.NDArray[np.float32]
"""(H, W)."""

Map3 = npt.NDArray[np.float32]
"""(H, W, 3)."""

BUILT_IN: Final = "built-in"


class ModelError(SyntheticFocusError):
    """A model that is not there, or that cannot be used."""


@dataclass(frozen=True)
class Estimate:
    """What a provider says of one picture, at the picture's size.

    Attributes:
        disparity: finite; larger is nearer. In dioptres from a metric provider; from others about 0
            for the farthest and 1 for the nearest (from one that is not calibrated, of any range),
            never fitted to a picture: blur that is fitted frame by frame breathes.
        log_gain: 0 or more: the natural logarithm of the factor by which scene-linear light is
            brighter than the picture shows; 0 where nothing is clipped. None: nothing is said.
    """

    disparity: Map
    log_gain: Map3 | None = None


class Provider(Protocol):
    """An estimator of disparity, and of light where it can. Safe in several threads.

    Making one is cheap: its network is loaded, and what runs it imported, by the first `estimate`.
    Frames that are in the cache ask for no more than the identity.
    """

    @property
    def identity(self) -> str:
        """Name, version and settings: two providers of one identity give one result."""
        ...

    @property
    def metric(self) -> bool:
        """Whether disparity is in dioptres."""
        ...

    @property
    def calibrated(self) -> bool:
        """Whether 0 and 1 mean the same in every shot; otherwise each shot is normalised once."""
        ...

    @property
    def soft_outlines(self) -> bool:
        """Whether its outlines are so far off that the picture has to say where they are."""
        ...

    def estimate(self, picture: Picture) -> Estimate:
        """What one picture shows. A pure function of the picture."""
        ...


@functools.cache
def provider(model: str = BUILT_IN) -> Provider:
    """The provider of a name: the built-in estimator, or an installed ONNX network.

    Raises:
        ModelError: there is none of that name, or it cannot be used.
    """
    if model in ("", BUILT_IN):
        from synthetic_focus.scene.estimator import EmbeddedEstimator

        return EmbeddedEstimator()
    from synthetic_focus.scene.models import load

    return load(model)
