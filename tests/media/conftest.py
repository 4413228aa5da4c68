from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def numbered_luma(number: int, width: int = 64, height: int = 48, bits: int = 8) -> np.ndarray:
    """A picture whose blocks of black and white spell `number`, readable after lossy coding."""
    cells = np.array([(number >> bit) & 1 for bit in range(12)]).reshape(3, 4)
    picture = np.kron(cells, np.ones((height // 3, width // 4)))
    return (picture * 150 + 50).astype(np.uint16) << (bits - 8)


def read_number(pixels: np.ndarray) -> int:
    """The number that `numbered_luma` drew into a decoded picture."""
    height, width = pixels.shape[:2]
    cells = pixels[..., 1].reshape(3, height // 3, 4, width // 4).mean((1, 3)) > 0.5
    return sum(1 << bit for bit, cell in enumerate(cells.ravel()) if cell)


@pytest.fixture
def make_movie(tmp_path: Path) -> Callable[..., Path]:
    def make(
        name: str,
        *,
        count: int = 30,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        rate: Fraction = Fraction(25),
        times: Sequence[int] | None = None,
        size: tuple[int, int] = (64, 48),
        options: dict[str, str] | None = None,
        rotation: int = 0,
        tags: tuple[int, int, int, int] | None = None,
        sound: bool = False,
        metadata: dict[str, str] | None = None,
        planes: Callable[[int], Sequence[np.ndarray]] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            container.metadata.update(metadata or {})
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height = size
            stream.pix_fmt = pixel_format
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            if tags:
                context = stream.codec_context
                context.color_primaries, context.color_trc = tags[:2]
                context.colorspace, context.color_range = tags[2:]
            if rotation:
                stream.set_display_rotation(rotation)
            audio = container.add_stream("aac", rate=48000, layout="stereo") if sound else None
            bits = stream.format.components[0].bits
            for number in range(count):
                frame = av.VideoFrame(*size, pixel_format)
                if planes:
                    contents = planes(number)
                else:
                    luma = numbered_luma(number, *size, bits)
                    contents = [luma]
                for index, plane in enumerate(frame.planes):
                    kind = np.uint8 if bits == 8 else np.uint16
                    rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
                    content = contents[index] if index < len(contents) else 1 << (bits - 1)
                    rows[:, : plane.width] = content
                frame.pts = number if times is None else times[number]
                frame.time_base = 1 / rate if times is None else Fraction(1, 1000)
                container.mux(stream.encode(frame))
                if audio:
                    encode_sound(container, audio, number, rate)
            container.mux(stream.encode(None))
            if audio:
                container.mux(audio.encode(None))
        return path

    return make


def encode_sound(container, stream, number: int, rate: Fraction) -> None:
    samples = int(48000 / rate)
    time = (np.arange(samples) + number * samples) / 48000
    wave = (np.sin(2 * np.pi * 440 * time) * 0.5).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([wave, -wave]), "fltp", "stereo")
    frame.sample_rate = 48000
    frame.pts = number * samples
    frame.time_base = Fraction(1, 48000)
    container.mux(stream.encode(frame))


@pytest.fixture
def number_of() -> Callable[[np.ndarray], int]:
    return read_number
