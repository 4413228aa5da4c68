"""Training on a graphics card beside training on the processor; only where there is a card."""

import csv
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthetic_focus.training import train as training
from synthetic_focus.training.batches import Photographed, Stored
from synthetic_focus.training.recipe import Recipe, Stage, Weights
from synthetic_focus.training.samples import Exposure, SampleCamera

_EXPOSURES = {"deep": Exposure(22, 2), "shallow": Exposure(2, 1.5), "adjusted": Exposure(2, 4)}


def _stored(seed: int) -> Stored:
    """Random steps of light and depth; that its pictures are not blurred does not matter here."""
    rng = np.random.default_rng(seed)

    def blocks(*shape: int) -> NDArray[np.float16]:
        coarse = rng.random((6, 8, *shape), np.float32)
        return coarse.repeat(16, 0).repeat(16, 1).astype(np.float16)

    deep, camera = blocks(3) * np.float16(2), SampleCamera(150, 36)
    return Stored("focal_triplet", deep, blocks(), blocks(3), blocks(3), camera, _EXPOSURES)


def _losses(
    recipe: Recipe, data: list[Stored], taken: list[Photographed], run: Path
) -> dict[str, list[float]]:
    """Of every step."""
    with mock.patch.object(training, "_LOGGED_EVERY", 1):
        training.train(recipe, data, run, photographs=taken)
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = (*training.LOSSES, *training.PHOTOGRAPHED)
    return {name: [float(row[name]) for row in rows if row[name]] for name in names}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card for CUDA")
def test_a_card_learns_as_the_processor_does(tmp_path: Path) -> None:
    data = [_stored(seed) for seed in range(4)]
    taken = [Photographed("aperture_triplet", one.deep, one.deep, one.deep) for one in data[:2]] + [
        Photographed("pair", one.deep, one.deep) for one in data[2:]
    ]
    stage = Stage(
        "all", 6, 8, ((96, 64),), (1e-4, 1e-4), 0.1, 0.1, 1, Weights(relative=0.4, rendering=0.2)
    )
    recipe = Recipe((16, 16, 32, 32, 32), (0, 1, 1, 1, 1), 8, 0.02, 1, 0.9, (stage,))
    ours = _losses(recipe, data, taken, tmp_path / "card")
    with mock.patch.object(torch.cuda, "is_available", return_value=False):
        theirs = _losses(recipe, data, taken, tmp_path / "processor")
    assert all(len(values) == stage.steps for values in ours.values())
    for name, values in theirs.items():
        assert ours[name] == pytest.approx(values, rel=0.05, abs=2e-3), name
