"""Small scenes with known depth, made here and now: a floor, a wall, balls and lights."""

from pathlib import Path

import numpy as np
import pytest

from synthetic_focus.render import defocus
from synthetic_focus.training.batches import blur_slope
from synthetic_focus.training.samples import Exposure, Kind, Sample, SampleCamera, save

CAMERA = SampleCamera(focal_length_mm=150, sensor_width_mm=36)
EXPOSURES = {"deep": Exposure(22, 2), "shallow": Exposure(2, 1.5), "adjusted": Exposure(2, 4)}


def scene(seed: int, kind: Kind = "deep", size: tuple[int, int] = (96, 64)) -> Sample:
    """What stands lower in the picture is nearer; the blur is the native renderer's."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    disparity = np.maximum(0.02, y / height - 0.4)
    stripes = 0.2 + 0.1 * np.sin(x / rng.uniform(2, 9) + y / 7)
    deep = np.repeat((stripes * (0.5 + disparity))[..., None], 3, 2)
    for _ in range(4):
        centre = (rng.uniform(0, width), rng.uniform(0.3, 1) * height)
        radius = rng.uniform(0.1, 0.3) * height
        near = min(1.0, centre[1] / height + 0.1)
        inside = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2) & (near > disparity)
        disparity[inside] = near
        shade = 0.7 + 0.3 * (x - centre[0]) / radius
        deep[inside] = rng.uniform(0.1, 0.9, 3) * shade[inside][:, None]
    for _ in range(3):
        centre = (rng.uniform(0, width), rng.uniform(0, height / 2))
        deep[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 9] = rng.uniform(5, 60)
    deep, disparity = deep.astype(np.float32), disparity.astype(np.float32)
    blurred = {}
    for name in {"deep": (), "pair": ("shallow",)}.get(kind, ("shallow", "adjusted")):
        lens = EXPOSURES[name]
        radii = blur_slope(CAMERA, lens, width) * (1 / lens.focus_distance_m - disparity)
        blurred[name] = defocus(deep, radii)
    return Sample(
        kind,
        deep,
        **blurred,
        disparity=disparity,
        camera=CAMERA,
        exposures=EXPOSURES,
        seed=seed,
        style="balls",
        split="train",
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve samples, half of them triplets and pairs."""
    place = tmp_path_factory.mktemp("samples")
    kinds: tuple[Kind, ...] = ("deep", "focal_triplet", "deep", "pair")
    for number in range(12):
        save(scene(number, kinds[number % 4]), place / f"{number:03d}")
    return place
