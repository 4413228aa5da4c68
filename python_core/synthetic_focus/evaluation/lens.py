"""`synthetic-focus evaluate lens`: `defocus` beside published methods, against ray-traced truth."""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from synthetic_focus.evaluation import baselines
from synthetic_focus.evaluation.metrics import Regions, display, psnr, regions
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.truth import Truth
from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.render import defocus

Method = Callable[[Floats, Floats, Aperture], Floats]
Degradation = Callable[[Floats], Floats]


def _layered_16(image: Floats, coc: Floats, aperture: Aperture) -> Floats:
    return baselines.layered_fft(image, coc, aperture, layers=16)


def _layered_32(image: Floats, coc: Floats, aperture: Aperture) -> Floats:
    return baselines.layered_fft(image, coc, aperture, layers=32)


OURS = "Synthetic Focus"
METHODS: dict[str, Method] = {
    OURS: defocus,
    "classical scatter (BokehMe)": baselines.classical_scatter,
    "16 layers, FFT, over": _layered_16,
    "32 layers, FFT, over": _layered_32,
    "paper's equation 3": baselines.paper_equation_3,
    "no blur": baselines.no_blur,
}


def _blurred(disparity: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(disparity, (0, 0), 2.0), np.float32)


def _eight_bit(disparity: Floats) -> Floats:
    low, high = float(disparity.min()), float(disparity.max())
    step = (high - low) / 255 or 1.0
    return np.asarray(np.round((disparity - low) / step) * step + low, np.float32)


def _dilated(disparity: Floats) -> Floats:
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    return np.asarray(cv2.dilate(disparity, near), np.float32)


def _noisy(disparity: Floats) -> Floats:
    spread = 0.01 * float(np.ptp(disparity))
    noise = np.random.default_rng(0).normal(0, spread, disparity.shape)
    return np.asarray(np.maximum(disparity + noise, 0), np.float32)


def _exact(disparity: Floats) -> Floats:
    return disparity


DEGRADATIONS: dict[str, Degradation] = {
    "true depth": _exact,
    "8 bit": _eight_bit,
    "noisy, 1 %": _noisy,
    "blurred, sigma 2 px": _blurred,
    "dilated by 2 px": _dilated,
}


@dataclass(frozen=True)
class Score:
    """One picture against the truth, PSNR in dB: whole, near depth edges, in focus."""

    scene: str
    method: str
    depth: str
    whole: float
    edges: float
    in_focus: float


def score(truth: Truth, where: Regions, method: str, depth: str) -> tuple[Score, Floats]:
    """Renders one scene by one method from one kind of depth; the score and the picture."""
    coc = truth.coc(DEGRADATIONS[depth](truth.disparity))
    picture = METHODS[method](truth.deep, coc, truth.aperture)
    figures = (psnr(picture, truth.shallow, part) for part in (None, where.edges, where.in_focus))
    return Score(truth.name, method, depth, *figures), picture


def evaluate(
    scenes: Sequence[Truth], depths: Sequence[str], report: Path | None = None
) -> list[Score]:
    """Scores every method on every scene with every kind of depth.

    With a report folder also writes the worst places of each scene beside the truth (PNG), for
    the first kind of depth.
    """
    scores = []
    with tqdm(total=len(scenes) * len(depths) * len(METHODS), unit="picture") as progress:
        for truth in scenes:
            where = regions(truth.coc(truth.disparity))
            for depth in depths:
                pictures = {}
                for method in METHODS:
                    progress.set_postfix_str(f"{truth.name}, {depth}, {method}", refresh=False)
                    one, pictures[method] = score(truth, where, method, depth)
                    scores.append(one)
                    progress.update()
                if report is not None and depth == depths[0]:
                    write_crops(truth, pictures, report)
    return scores


def _mean(scores: Sequence[Score]) -> tuple[float, float, float]:
    """Over scenes; a region that a scene lacks, and a perfect picture, do not count."""
    columns = zip(*((s.whole, s.edges, s.in_focus) for s in scores), strict=True)
    finite = ([value for value in column if np.isfinite(value)] for column in columns)
    means = [float(np.mean(column)) if column else float("nan") for column in finite]
    return means[0], means[1], means[2]


def table(scores: Sequence[Score], scenes: Sequence[Truth], depth: str) -> str:
    """Scenes and their mean by method; a cell is whole / edges / in focus, in dB."""
    mine = [s for s in scores if s.depth == depth]
    names = [truth.name for truth in scenes]
    width = max(len(name) for name in METHODS) + 2
    lines = [f"{depth}: PSNR in dB, sRGB display space: whole frame / depth edges / in focus"]
    for truth in scenes:
        lines.append(f"{truth.name}: {truth.about}")
        floor = f"{truth.noise_db['shallow']:.1f}"
        lines.append(f"  {'noise of the truth itself':{width}} {floor:>6}")
        for s in mine:
            if s.scene == truth.name:
                cells = (s.whole, s.edges, s.in_focus)
                lines.append(f"  {s.method:{width}} " + " / ".join(f"{c:6.2f}" for c in cells))
    lines.append(f"mean of {len(names)} scenes")
    for method in METHODS:
        cells = _mean([s for s in mine if s.method == method])
        lines.append(f"  {method:{width}} " + " / ".join(f"{c:6.2f}" for c in cells))
    return "\n".join(lines)


def degradation_table(scores: Sequence[Score], depths: Sequence[str]) -> str:
    """Mean PSNR of the whole frame by method and kind of depth."""
    width = max(len(name) for name in METHODS) + 2
    lines = ["mean PSNR in dB, whole frame / depth edges, by kind of depth"]
    lines.append(" " * width + "".join(f"{depth:>20}" for depth in depths))
    for method in METHODS:
        cells = []
        for depth in depths:
            whole, edges, _ = _mean([s for s in scores if (s.method, s.depth) == (method, depth)])
            cells.append(f"{whole:.2f} / {edges:.2f}".rjust(20))
        lines.append(f"{method:{width}}" + "".join(cells))
    return "\n".join(lines)


def write_json(
    path: Path, scores: Sequence[Score], scenes: Sequence[Truth], commit: str | None
) -> None:
    """Every score, with what was measured where."""
    facts = {
        "transfer": "sRGB, clipped to 0..1",
        "machine": platform.platform(),
        "commit": commit,
        "scenes": {
            t.name: {"tracer": t.tracer, "samples": t.samples, "noise_db": t.noise_db}
            for t in scenes
        },
        "scores": [asdict(s) for s in scores],
    }
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


_CROP = 112
_ZOOM = 2


def worst_places(error: Floats, count: int = 2) -> list[tuple[int, int]]:
    """Top left corners (row, column) of the crops with the largest sums of error (H, W)."""
    side = min(_CROP, *error.shape)
    summed = cv2.boxFilter(error, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    valid = summed[: error.shape[0] - side + 1, : error.shape[1] - side + 1].copy()
    places = []
    for _ in range(count):
        row, column = np.unravel_index(int(np.argmax(valid)), valid.shape)
        places.append((int(row), int(column)))
        valid[max(0, row - side) : row + side, max(0, column - side) : column + side] = -1
    return places


def write_crops(truth: Truth, pictures: dict[str, Floats], folder: Path) -> None:
    """Where ours is worst: input, truth and every method side by side, pixels doubled."""
    error = np.square(display(pictures[OURS]) - display(truth.shallow)).mean(axis=2)
    columns = {"deep": truth.deep, "truth": truth.shallow, **pictures}
    del columns["no blur"]
    rows = []
    for top, left in worst_places(error):
        tiles = []
        for name, picture in columns.items():
            tile = display(picture[top : top + _CROP, left : left + _CROP])
            tile = np.ascontiguousarray(
                np.repeat(np.repeat((tile * 255 + 0.5).astype(np.uint8), _ZOOM, 0), _ZOOM, 1)
            )
            cv2.putText(tile, name, (4, 12), 0, 0.38, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(tile, name, (4, 12), 0, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"worst_{truth.name}.png"), np.vstack(rows)[..., ::-1])


def write_thumbnails(scenes: Sequence[Truth], path: Path) -> None:
    """Deep above shallow, a column a scene, four columns a row, as one JPEG."""
    tiles = []
    for truth in scenes:
        pair = [
            cv2.resize(display(picture), (320, 180), interpolation=cv2.INTER_AREA)
            for picture in (truth.deep, truth.shallow)
        ]
        tile = np.ascontiguousarray((np.vstack(pair) * 255 + 0.5).astype(np.uint8))
        cv2.putText(tile, truth.name, (6, 16), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles), 4)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def write_plot(path: Path, scores: Sequence[Score], depths: Sequence[str]) -> None:
    """How each method's mean PSNR falls as the depth degrades: an SVG of lines."""
    means = {
        method: [
            _mean([s for s in scores if (s.method, s.depth) == (method, d)])[0] for d in depths
        ]
        for method in METHODS
    }
    values = [v for row in means.values() for v in row if np.isfinite(v)]
    low, high = np.floor(min(values) / 5) * 5, np.ceil(max(values) / 5) * 5
    colours = ["#d43d2a", "#2c6fbb", "#3a9a5b", "#86b84a", "#8c5bb0", "#888888"]
    left, right, top, bottom = 50, 560, 20, 330

    def place(index: int, value: float) -> tuple[float, float]:
        across = left + (right - left) * index / max(1, len(depths) - 1)
        return across, bottom - (bottom - top) * (value - low) / (high - low)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 380" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="820" height="380" fill="#ffffff"/>',
    ]
    for tick in np.arange(low, high + 1, 5):
        _, y = place(0, tick)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.0f}</text>')
    parts.append(f'<text x="{left - 38}" y="{top - 6}">dB</text>')
    for index, depth in enumerate(depths):
        x, _ = place(index, low)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 22}" text-anchor="middle">{depth}</text>')
    for row, colour in zip(means.values(), colours, strict=True):
        points = " ".join("{:.1f},{:.1f}".format(*place(i, v)) for i, v in enumerate(row))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    for rank, (method, colour) in enumerate(zip(METHODS, colours, strict=True)):
        y = top + 20 + 22 * rank
        parts.append(
            f'<rect x="{right + 30}" y="{y - 8}" width="18" height="3" fill="{colour}"/>'
            f'<text x="{right + 54}" y="{y - 2}">{method}</text>'
        )
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")
