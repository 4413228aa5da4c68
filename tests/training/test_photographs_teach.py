"""Depth learnt from photographs of which no depth is known: the paper's own kind of data.

The photographs are traced through a lens, clipped, encoded in 8 bits and written as PNG; their true
disparity is kept from the training, and tells what it has learnt.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from synthetic_focus.cli import program
from synthetic_focus.evaluation.metrics import display
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.scenes.mitsuba_tracer import RayTracerMissingError
from synthetic_focus.scene.rgbd_hdr import Network
from synthetic_focus.training import losses
from synthetic_focus.training import recipe as recipes
from synthetic_focus.training import train as training
from synthetic_focus.training.batches import (
    DataError,
    PhotographedShot,
    photographed_shot,
    read_folder,
    read_photographs,
)
from synthetic_focus.training.features import steerable
from synthetic_focus.training.gauge import blur_radii
from synthetic_focus.training.samples import Kind
from synthetic_focus.training.scenes.patterns import PATTERNS
from synthetic_focus.training.scenes.tracer import Lens, Tracer
from synthetic_focus.training.scenes.world import Builder, Light, View, World

SIZE = (96, 64)
BLUR = 5.0  # pixels, of what is farthest
STEPS, SMOOTHNESS = 240, 1.0
KINDS: tuple[Kind, ...] = ("focal_triplet", "aperture_triplet", "pair")
LIGHT = Light(
    np.full((256, 512, 3), 0.6, np.float32),
    np.array([0.6, 0.64, 0.48]),
    np.full(3, 0.8),
    np.full(3, 0.1),
)
WALL, FLOOR = -6.0, -0.45


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _world(number: int) -> World:
    """Two patterned balls on a patterned floor before a patterned wall."""
    rng = np.random.default_rng(number)
    builder = Builder()

    def patterned() -> int:
        colours = rng.uniform(0.05, 0.9, (3, 3))
        pattern = PATTERNS["checks"][number % 3]
        return builder.material(*colours, pattern=pattern, scale=rng.uniform(2, 4))

    corners = [[-8, FLOOR, WALL], [8, FLOOR, WALL], [8, 5, WALL], [-8, 5, WALL]]
    builder.quad(corners, patterned())
    builder.quad([[-8, FLOOR, 0], [8, FLOOR, 0], *corners[1::-1]], patterned())
    for side in (-1, 1):
        depth = rng.uniform(1.4, 3.0)
        radius = rng.uniform(0.15, 0.22) * depth
        centre = (side * rng.uniform(0.2, 0.35) * depth, FLOOR + radius, -depth)
        builder.ellipsoid(centre, (radius,) * 3, patterned())
    return builder.world("balls", LIGHT, (View((0.0, 0.0, 0.0), 0, 0, 0, 35),), 0.1)


def _photographed(tracer: Tracer, place: Path, number: int) -> Photographs:
    """Writes a folder of photographs, and returns what is not told."""
    kind = KINDS[number % len(KINDS)]
    world = _world(number)
    (view,) = world.views
    loaded = tracer.load(world)
    deep = Lens(35, 36, 1.2, 0.0, 1e4)
    disparity = loaded.disparity(view, deep, SIZE)
    far = 1 / -WALL
    radius = BLUR / deep.pixels_per_slope(SIZE[0]) / (1 / 1.2 - far)
    lenses = {"deep": deep, "shallow": replace(deep, aperture_radius=radius)}
    if kind == "aperture_triplet":
        lenses["adjusted"] = replace(deep, aperture_radius=radius / 2)
    elif kind == "focal_triplet":
        lenses["adjusted"] = replace(deep, aperture_radius=radius, focus_distance=2.0)
    place.mkdir()
    for name, lens in lenses.items():
        light = loaded.picture(view, lens, SIZE, 16 if name == "deep" else 64, number)
        shown = (np.clip(display(light), 0, 1) * 255 + 0.5).astype(np.uint8)
        cv2.imwrite(str(place / f"{name}.png"), shown[..., ::-1])
    (place / "sample.json").write_text(json.dumps({"kind": kind}))
    slope = BLUR / (1 / 1.2 - far)
    focuses = {name: (1 / lens.focus_distance) for name, lens in lenses.items() if name != "deep"}
    radii = {
        name: slope * lenses[name].aperture_radius / radius * (focus - disparity)
        for name, focus in focuses.items()
    }
    return Photographs(kind, disparity, tuple(radii.values()))


@dataclass(frozen=True)
class Photographs:
    """What is true of a folder: disparity in dioptres, and the thin lens's blur of each target."""

    kind: Kind
    disparity: Floats
    radii: tuple[Floats, ...]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Photographs]]:
    """Folders of photographs, and the disparity that nobody is told."""
    try:
        tracer = Tracer()
    except RayTracerMissingError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("photographs")
    truths = [_photographed(tracer, folder / f"{n:02d}", n) for n in range(6)]
    return folder, truths


def _found(
    network: Network, shots: Sequence[PhotographedShot], truths: Sequence[Photographs]
) -> tuple[float, float]:
    """The mean rendering losses, and how disparity correlates with the truth."""
    rendering, correlation = [], []
    with torch.no_grad():
        for shot, truth in zip(shots, truths, strict=True):
            prediction = network(shot.picture)
            rendering.append(sum(map(float, losses.rendering(prediction, shot, steerable))))
            found = prediction.disparity[0, 0].numpy()
            true = cv2.resize(truth.disparity, found.shape[::-1], interpolation=cv2.INTER_AREA)
            correlation.append(np.corrcoef(found.ravel(), true.ravel())[0, 1])
    return float(np.mean(rendering)), float(np.mean(correlation))


class _Straight(np.random.Generator):
    """Chance that mirrors nothing."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self) -> float:  # type: ignore[override]
        return 1.0


@pytest.fixture(scope="module")
def shots(photographs: tuple[Path, list[Photographs]]) -> list[PhotographedShot]:
    return [photographed_shot(taken, _Straight()) for taken in read_photographs(photographs[0])]


def test_the_lens_of_photographs_is_found_where_the_disparity_is_true(
    photographs: tuple[Path, list[Photographs]], shots: list[PhotographedShot]
) -> None:
    """Radii, and with them a triplet's alpha and beta, are those of the thin lens."""
    for shot, truth in zip(shots, photographs[1], strict=True):
        size = shot.picture.shape[:1:-1]
        disparity = cv2.resize(truth.disparity, size, interpolation=cv2.INTER_AREA)
        found = blur_radii(
            torch.from_numpy(disparity)[None, None] * 3 - 1,  # in units of its own
            losses.decoded(shot.picture),
            shot.targets,
            shot.kind,
        )
        for radii, true in zip(found, truth.radii, strict=True):
            small = cv2.resize(true, size, interpolation=cv2.INTER_AREA)
            # Of 5. The discs of whole radii reach half a pixel farther than their name, and checks
            # that are blurred away look alike.
            assert np.abs(radii[0, 0].numpy() - small).mean() < 1.3
            assert np.corrcoef(radii[0, 0].numpy().ravel(), small.ravel())[0, 1] > 0.999


def test_photographs_teach_depth(
    photographs: tuple[Path, list[Photographs]],
    shots: list[PhotographedShot],
    folder: Path,
    tmp_path: Path,
) -> None:
    """A network that knows a little of other scenes, before and after it has seen photographs."""
    generated = read_folder(folder)
    smoke = recipes.load("smoke")
    first, second = smoke.stages
    first = replace(first, steps=40)  # a little: there is to be something left to learn
    start = training.train(replace(smoke, stages=(first,)), generated, tmp_path / "start")
    weights = replace(
        second.weights, invariant=0.1, gradient=0.05, calibration=0.05, light=0.0,
        rendering=1.0, smoothness=SMOOTHNESS,
    )  # fmt: skip
    stage = replace(second, steps=STEPS, batch=2, weights=weights)
    recipe = replace(smoke, warm_up=1, stages=(stage,))
    taught = training.train(
        recipe, generated, tmp_path / "taught", initial=start,
        photographs=read_photographs(photographs[0]),
    )  # fmt: skip
    (loss, correlation), (loss_after, correlation_after) = (
        _found(network, shots, photographs[1]) for network in (start, taught)
    )
    assert loss_after < 0.95 * loss
    assert correlation_after > correlation > 0.5


def test_the_command_takes_photographs_and_logs_their_losses(
    photographs: tuple[Path, list[Photographs]], folder: Path, tmp_path: Path
) -> None:
    recipe = (recipes.RECIPES / "smoke.toml").read_text(encoding="utf-8")
    recipe = recipe.replace("steps = 100", "steps = 1", 1).replace("steps = 100", "steps = 49")
    (tmp_path / "short.toml").write_text(
        recipe.replace("rendering = 0.5", "rendering = 0.5 }\nrendering_every = 16 #")
        .replace("batch = 4", "batch = 2")
        .replace("[64, 64]", "[32, 32]"),
        encoding="utf-8",
    )
    arguments = [
        "train", "--data", str(folder), "--photographs", str(photographs[0]),
        "--out", str(tmp_path / "run"), "--recipe", str(tmp_path / "short.toml"),
    ]  # fmt: skip
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 0, result.output
    assert "12 samples and 6 of photographs" in result.output
    with (tmp_path / "run/log.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert all(float(row[name]) > 0 for name in (*training.PHOTOGRAPHED, "rendering"))


def test_photographs_that_nothing_is_learnt_from_are_refused(
    photographs: tuple[Path, list[Photographs]], folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no folders of photographs"):
        read_photographs(photographs[0] / "00")
    broken = tmp_path / "broken"
    (broken / "00").mkdir(parents=True)
    with pytest.raises(DataError, match="00 has no picture 'deep'"):
        read_photographs(broken)
    smoke = recipes.load("smoke")
    with pytest.raises(DataError, match="no stage of the recipe"):
        training.train(
            replace(smoke, stages=smoke.stages[:1]), read_folder(folder), tmp_path / "run",
            photographs=read_photographs(photographs[0]),
        )  # fmt: skip
