"""Maps of any channels as half-float EXRs, to and from memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from synthetic_focus.media.errors import WriteError
from synthetic_focus.media.images import scratch_file

# A damaged header may claim any size; no map of ours is larger.
_LARGEST_SIDE = 8192
_NAMESPACE = "synthetic-focus:"


@dataclass(frozen=True)
class HalfExr:
    """What such a file holds.

    Attributes:
        pixels: (H, W, C).
        channels: their names.
        attributes: ours, texts by name.
    """

    pixels: npt.NDArray[np.float16]
    channels: tuple[str, ...]
    attributes: Mapping[str, str]


def encode(
    pixels: npt.NDArray[np.float16], channels: Sequence[str], attributes: Mapping[str, str]
) -> bytes:
    """The file, losslessly compressed.

    Raises:
        WriteError: OpenImageIO refuses.
    """
    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, "half")
    spec.channelnames = tuple(channels)
    spec.attribute("compression", "zip")
    for name, value in attributes.items():
        spec.attribute(_NAMESPACE + name, value)
    with scratch_file() as (file, name):
        output = oiio.ImageOutput.create("exr")
        written = output and output.open(name, spec) and output.write_image(pixels)
        if not (written and output and output.close()):
            reason = output.geterror() if output else oiio.geterror()
            raise WriteError(f"an EXR of {width}x{height} cannot be made: {reason}")
        file.seek(0)
        return file.read()


def decode(path: Path) -> HalfExr | None:
    """What a file holds; None: it cannot be read, or is no EXR of half floats."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        # Else it is kept for whoever asks next. What it quotes of the file may be no text.
        with contextlib.suppress(UnicodeDecodeError):
            oiio.geterror()
        return None
    spec = source.spec()
    fits = 0 < spec.width <= _LARGEST_SIDE and 0 < spec.height <= _LARGEST_SIDE
    if not fits or str(spec.format) != "half":
        return None
    pixels = source.read_image("half")
    source.geterror()
    if pixels is None:
        return None
    attributes = {
        attribute.name.removeprefix(_NAMESPACE): attribute.value
        for attribute in spec.extra_attribs
        if attribute.name.startswith(_NAMESPACE) and isinstance(attribute.value, str)
    }
    shaped = pixels.reshape(spec.height, spec.width, spec.nchannels)
    return HalfExr(shaped, tuple(spec.channelnames), attributes)
