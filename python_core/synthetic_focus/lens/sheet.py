"""The specimen sheet: what every lens makes of a point of light, and of a small night scene.

A card for each lens: its patches behind the focal plane (upper row) and in front of it (lower row),
in the middle, at the left edge and in the upper right corner of the frame, all of one size; beside
them the scene, blurred as much as the lens's own focal length, stop and sensor would.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.lens.model import coc_map
from synthetic_focus.lens.preset import Lens, load_preset, preset_names
from synthetic_focus.render import defocus

Pixels = npt.NDArray[np.float32]

_TILE = 92
_RADIUS = 34.0
_FRAME = (1920, 1080)  # whose middle, edge and corner the patches are taken from
_FIELD = ((0.5, 0.5), (0.04, 0.5), (0.97, 0.04))
_SCENE = (384, 216)
_SUBJECT_FIELD_M = 0.7  # how much of the world the focal plane shows across: head and shoulders
_HEADER = 46
_MARGIN = 12
_COLUMNS = 3
_PAPER = 0.035
_WHITE = (0.92, 0.92, 0.9)
_GREY = (0.55, 0.56, 0.58)


class SheetError(SyntheticFocusError):
    """The sheet cannot be written."""


def write_sheet(
    path: Path,
    names: Sequence[str] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw the sheet of the named presets, by default of all, and write it as a picture.

    Args:
        path: Its extension says the format.
        names: Of the presets.
        progress: Called with how many lenses are drawn and how many there are.

    Raises:
        PresetError: a preset is missing or faulty.
        MissingMediaError: the folder does not exist.
        SheetError: the extension names no format of pictures.
        WriteError: the picture cannot be written.
    """
    import OpenImageIO as oiio

    from synthetic_focus.media.atomic import check_folder, replacing

    # Before the drawing, which takes a while.
    check_folder(path)
    if oiio.ImageOutput.create(str(path)) is None:
        oiio.geterror()  # what is not asked for is printed when the process ends
        raise SheetError(f"{path} cannot be written: name a picture, such as sheet.png.")
    lenses = [load_preset(name) for name in names or preset_names()]
    picture = oiio.ImageBuf(np.ascontiguousarray(draw_sheet(lenses, progress=progress)))
    picture.specmod().attribute("oiio:ColorSpace", "sRGB")
    with replacing(path) as temporary:
        if not picture.write(str(temporary), oiio.UINT8):
            raise SheetError(f"{path} cannot be written: {picture.geterror() or oiio.geterror()}")


def draw_sheet(
    lenses: Sequence[Lens], *, progress: Callable[[int, int], None] | None = None
) -> Pixels:
    """Return the sheet of some lenses, (H, W, 3) float32 in 0..1, sRGB."""
    scene = _night_scene()
    cards = []
    for lens in lenses:
        cards.append(_card(lens, scene))
        if progress:
            progress(len(cards), len(lenses))
    height, width = cards[0].shape[:2] if cards else (0, 0)
    columns = min(_COLUMNS, max(1, len(cards)))
    rows = math.ceil(len(cards) / columns)
    sheet = np.full((rows * height + _MARGIN, columns * width + _MARGIN, 3), _PAPER, np.float32)
    for i, card in enumerate(cards):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = card
    return sheet


def point_spread(lens: Lens, *, behind: bool, x: float, y: float, radius: float) -> Pixels:
    """Return what a lens makes of a white point, (S, S, 3) scene-linear with a flat disc at 1.

    Args:
        lens: The lens.
        behind: Whether the point lies behind the focal plane.
        x: Where in the frame the point is, from the left, 0..1.
        y: The same from the top.
        radius: Of the circle of confusion, in pixels of a 1920x1080 frame.
    """
    side = 2 * math.ceil(1.35 * radius) + 1
    half = side // 2
    point = np.zeros((side, side, 3), np.float32)
    point[half, half] = math.pi * radius**2
    coc = np.full((side, side), radius if behind else -radius, np.float32)
    origin = (round(x * _FRAME[0]) - half, round(y * _FRAME[1]) - half)
    shape = aperture(SimpleNamespace(**lens.settings))
    return defocus(point, coc, shape, frame_size=_FRAME, origin=origin)


def _card(lens: Lens, scene: "_Scene") -> Pixels:
    width, height = _SCENE
    patches = 3 * _TILE
    card = np.full(
        (_HEADER + height + 2 * _MARGIN, _MARGIN * 2 + patches + width, 3), _PAPER, np.float32
    )
    top = _HEADER + _MARGIN
    for row, behind in enumerate((True, False)):
        for column, (x, y) in enumerate(_FIELD):
            spread = point_spread(lens, behind=behind, x=x, y=y, radius=_RADIUS)
            tile = _display(0.45 * spread)
            tile_top = top + row * (height // 2) + (height // 2 - _TILE) // 2
            _paste(card, tile, tile_top, _MARGIN + column * _TILE)
    card[top : top + height, _MARGIN + patches + 4 :][:, :width] = _display(_through(lens, scene))
    _write(card, lens.label, _MARGIN, 24, 20, _WHITE)
    _write(card, lens.character, _MARGIN, 45, 13, _GREY)
    return card


def _through(lens: Lens, scene: "_Scene") -> Pixels:
    settings = SimpleNamespace(**lens.settings)
    # The subject fills the frame alike through every lens, so long lenses stand farther off.
    focus = settings.sensor_width / settings.focal_length / _SUBJECT_FIELD_M
    focus = 1 / (1 / focus + settings.focal_length / 1000)
    coc = coc_map(
        scene.depth * np.float32(focus),
        focus,
        focal_length_mm=settings.focal_length,
        f_stop=settings.f_stop,
        sensor_width_mm=settings.sensor_width,
        width_px=_SCENE[0],
    )
    return defocus(scene.light, coc, aperture(settings), refine_edges=False)


@dataclass(frozen=True)
class _Scene:
    light: Pixels  # (H, W, 3) scene-linear
    depth: Pixels  # (H, W) disparity, 1 in the focal plane


def _night_scene() -> _Scene:
    width, height = _SCENE
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = np.empty((height, width, 3), np.float32)
    light[:] = (0.012, 0.016, 0.03)
    leaves = rng.random((height, width), np.float32) ** 12
    light += leaves[..., None] * np.array((0.25, 0.4, 0.16), np.float32)
    depth = np.full((height, width), 0.06, np.float32)
    colours = np.array(
        [(1, 0.55, 0.2), (1, 0.8, 0.5), (0.4, 0.7, 1), (1, 0.2, 0.15), (0.3, 1, 0.5)]
    )
    for _ in range(90):
        place = rng.integers(2, height * 3 // 4), rng.integers(2, width - 2)
        light[place] += 90 * rng.random() * colours[rng.integers(5)]
    _subject(light, depth, x, y)
    for row, column, size in ((205, 40, 30), (190, 8, 22), (212, 352, 26), (180, 378, 18)):
        leaf = np.clip(size - np.hypot(x - column, 1.8 * (y - row)) + 0.5, 0, 1)[..., None]
        light[:] = light * (1 - leaf) + leaf * np.array((0.05, 0.1, 0.03), np.float32)
        depth[leaf[..., 0] > 0.5] = 1.8
    for row, column in ((150, 60), (168, 330), (120, 356)):
        light[row, column] = (60, 42, 20)
        depth[row - 1 : row + 2, column - 1 : column + 2] = 1.7
    return _Scene(light, depth)


def _subject(light: Pixels, depth: Pixels, x: Pixels, y: Pixels) -> None:
    """A wooden doll in a checked coat, lit from the left."""
    cx = _SCENE[0] / 2
    lit = np.clip(0.6 - (x - cx) / 110, 0.12, 1)

    def paint(edge: Pixels, colour: tuple[float, float, float], strength: Any = 1.0) -> None:
        inside = (np.clip(edge + 0.5, 0, 1) * strength)[..., None]
        light[:] = light * (1 - inside) + inside * lit[..., None] * np.array(colour, np.float32)

    def ellipse(left: float, top: float, width: float, height: float) -> Pixels:
        away: Pixels = np.hypot((x - cx - left) / width, (y - top) / height)
        return (1 - away) * np.float32(min(width, height))

    check = (np.floor(x / 7) + np.floor(y / 7)) % 2
    coat, head = ellipse(0, 222, 90, 76), ellipse(0, 100, 40, 46)
    paint(coat, (0.30, 0.05, 0.04))
    paint(coat, (0.55, 0.42, 0.25), 0.8 * check)
    paint(head, (0.72, 0.46, 0.30))
    paint(
        np.minimum(head, np.maximum(82 + np.abs(x - cx) * 0.25 - y, -ellipse(0, 108, 35, 52))),
        (0.02, 0.015, 0.015),
    )
    for side in (-15, 15):
        paint(ellipse(side, 104, 4.5, 2.2), (0.02, 0.015, 0.015))
        paint(ellipse(1.4 * side, 118, 7, 5), (0.8, 0.16, 0.12), 0.5)
    paint(ellipse(0, 126, 4, 2), (0.55, 0.03, 0.03))
    depth[np.maximum(coat, head) > 0] = 1.0


def _display(light: Pixels) -> Pixels:
    shown = 1 - np.exp(-np.maximum(light, 0) * 1.6)
    encoded = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
    paper: Pixels = np.maximum(encoded, _PAPER).astype(np.float32)
    return paper


def _paste(card: Pixels, tile: Pixels, top: int, left: int) -> None:
    """Put the middle of a picture into a field of the card."""
    trim = max(0, (tile.shape[0] - _TILE) // 2)
    tile = tile[trim : trim + _TILE, trim : trim + _TILE]
    pad = (_TILE - tile.shape[0]) // 2
    card[top + pad :, left + pad :][: tile.shape[0], : tile.shape[1]] = tile


def _write(card: Pixels, text: str, x: int, y: int, size: int, colour: tuple[float, ...]) -> None:
    import OpenImageIO as oiio

    picture: Any = oiio.ImageBuf(card)
    oiio.ImageBufAlgo.render_text(picture, x, y, text, size, "DroidSans", colour)
    card[:] = picture.get_pixels(oiio.FLOAT)
