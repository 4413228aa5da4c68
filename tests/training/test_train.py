"""Training runs of a tiny network on tiny scenes."""

import csv
import json
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from synthetic_focus.cli import program
from synthetic_focus.scene.estimator import WEIGHTS
from synthetic_focus.scene.rgbd_hdr import Architecture, Network, read_weights
from synthetic_focus.training import recipe as recipes
from synthetic_focus.training import train as training
from synthetic_focus.training.batches import (
    Batches,
    DataError,
    Stored,
    made_beside,
    read_folder,
)
from synthetic_focus.training.features import steerable
from synthetic_focus.training.recipe import Recipe, RecipeError
from synthetic_focus.training.train import RunError

from .conftest import scene


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # what is this small is faster so


@pytest.fixture(scope="module")
def data(folder: Path) -> list[Stored]:
    return read_folder(folder)


@pytest.fixture
def short() -> Recipe:
    """The smoke recipe's stages, a few steps each, on less."""
    whole = recipes.load("smoke")
    stages = tuple(replace(s, steps=4, batch=4, frames=((32, 64),)) for s in whole.stages)
    return replace(whole, stages=stages, warm_up=2)


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_smoke_recipe_lowers_every_loss(folder: Path, tmp_path: Path) -> None:
    """Losses of the trained network beside those of an untrained one, on the same batches."""
    run = tmp_path / "run"
    result = CliRunner().invoke(
        program, ["train", "--data", str(folder), "--out", str(run), "--recipe", "smoke"]
    )
    assert result.exit_code == 0, result.output
    assert (run / "losses.png").stat().st_size > 5000
    rows = _rows(run)
    assert [int(float(row["step"])) for row in rows] == list(range(50, len(rows) * 50 + 1, 50))
    assert all(float(rows[-1][name]) > 0 for name in training.LOSSES)

    recipe = recipes.load("smoke")
    torch.manual_seed(0)
    before = training._begin(recipe, None).network
    after = read_weights((run / "weights.safetensors").read_bytes(), "weights")
    first, last = (_losses(network, read_folder(folder)) for network in (before, after))
    assert set(first) == set(training.LOSSES)
    assert {name for name in first if not last[name] < first[name]} == set()


def _losses(network: Network, data: list[Stored]) -> dict[str, float]:
    """All the losses of a network, means over some batches and shots."""
    from synthetic_focus.training import losses
    from synthetic_focus.training.batches import lens_shot, lens_shots

    found: dict[str, list[float]] = {name: [] for name in training.LOSSES}
    with torch.no_grad():
        batches = _batches(data, seed=9, size=4)
        for batch in made_beside(batches, range(8), torch.device("cpu")):
            for name, value in training.direct(network(batch.picture), batch).items():
                found[name].append(float(value))
        for number, stored in enumerate(lens_shots(data)):
            shot = lens_shot(stored, np.random.default_rng(number))
            prediction = network(shot.picture)
            shallow, adjusted = losses.rendering(prediction, shot, steerable)
            found["rendering"].append(float(shallow))
            found["adjusted"].append(float(adjusted))
            # Of the disparity's own scale, or a flat guess would be the smoothest.
            disparity = losses.normalised(prediction.disparity)
            found["smoothness"].append(float(losses.edge_aware_smoothness(disparity, shot.picture)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _batches(data: list[Stored], *, seed: int = 0, size: int = 2) -> Batches:
    return Batches(data, seed=seed, size=size, frames=[(64, 64)], merging=0.3, standing=0.3)


def test_a_batch_depends_on_seed_and_step_only(data: list[Stored]) -> None:
    cpu = torch.device("cpu")
    three = list(made_beside(_batches(data), range(3), cpu))
    (again,) = made_beside(_batches(data), range(2, 3), cpu)
    different = _batches(data, seed=1)[0]
    assert torch.equal(three[2].picture, again.picture)
    assert torch.equal(three[2].disparity, again.disparity)
    assert torch.equal(three[2].log_gain, again.log_gain)
    assert not torch.equal(three[0].picture, different.picture)


def test_what_goes_wrong_beside_comes_up_and_nothing_is_left_running(data: list[Stored]) -> None:
    before, cpu = threading.active_count(), torch.device("cpu")
    broken = [replace(data[0], disparity=np.zeros((0, 0), np.float16))]
    with pytest.raises(cv2.error):
        next(made_beside(_batches(broken), range(9), cpu))
    with closing(made_beside(_batches(data), range(9), cpu)) as coming:
        next(coming)
    assert threading.active_count() == before


def test_a_run_that_was_killed_goes_on_as_if_it_was_not(
    data: list[Stored], short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = training.train(short, data, tmp_path / "whole", seed=3)
    monkeypatch.setattr(training, "_SAVED_EVERY", 0.0)
    for killed_after in (3, 6):  # in the first stage, then in the second

        def kill(step: int, last: int = killed_after) -> None:
            if step > last:
                raise MemoryError

        resume = killed_after > 3
        with monkeypatch.context() as patch:
            _at_each_step(patch, kill)
            with pytest.raises(MemoryError):
                training.train(short, data, tmp_path / "killed", seed=3, resume=resume)
    resumed = training.train(short, data, tmp_path / "killed", seed=3, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def _at_each_step(patch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    average = training._average

    def also(state: training.State, most: float) -> None:
        act(state.step)
        average(state, most)

    patch.setattr(training, "_average", also)


def test_ctrl_c_leaves_a_checkpoint(
    data: list[Stored], short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(step: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        _at_each_step(patch, interrupt)
        with pytest.raises(KeyboardInterrupt):
            training.train(short, data, tmp_path / "run")
    checkpoint = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    assert checkpoint["step"] == 5
    assert not list((tmp_path / "run").glob(".*partial*"))


def test_another_seed_is_another_run(data: list[Stored], short: Recipe, tmp_path: Path) -> None:
    first, again, other = (
        training.train(short, data, tmp_path / name, seed=seed).last.weight
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_can_begin_with_weights(data: list[Stored], short: Recipe, tmp_path: Path) -> None:
    initial = training.train(short, data, tmp_path / "first")
    begun = training._begin(short, initial).network
    assert all(
        torch.equal(value, initial.state_dict()[name]) for name, value in begun.state_dict().items()
    )


def test_weights_grow_into_a_network_of_more_blocks(short: Recipe) -> None:
    initial = Network(Architecture(short.widths, short.blocks, short.bins))
    more = tuple(number + 1 for number in short.blocks)
    begun = training._begin(replace(short, blocks=more), initial).network
    weights = begun.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in initial.state_dict().items())
    positive = torch.rand(1, short.widths[2], 8, 8)
    last = begun.encoder[1].blocks[more[2] - 1]  # new, so it passes on what is positive
    assert torch.equal(last(positive), positive)


@pytest.mark.parametrize("change", [{"bins": 5}, {"widths": (8, 8, 8, 8, 8)}, {"blocks": (0,) * 5}])
def test_weights_that_do_not_fit_the_recipe_are_refused(
    short: Recipe, tmp_path: Path, change: dict[str, Any], data: list[Stored]
) -> None:
    full = replace(short, blocks=(0, 1, 1, 1, 1))
    initial = Network(Architecture(full.widths, full.blocks, full.bins))
    with pytest.raises(RunError, match=r"the weights to begin with .*differs; name weights"):
        training.train(replace(full, **change), data, tmp_path / "run", initial=initial)
    assert not (tmp_path / "run").exists()


def test_the_parts_of_a_batch_add_up_to_the_whole(data: list[Stored], short: Recipe) -> None:
    """Gradients of two halves in two networks are those of the whole batch in one."""
    state = training._begin(short, None)
    batch = _batches(data, size=4)[0]
    stage = short.stages[0]
    alone = Network(state.network.architecture)
    alone.load_state_dict(state.network.state_dict())
    losses = [
        training.direct(training._predicted(alone, part.picture), part)
        for part in (type(batch)(*(whole[i : i + 2] for whole in batch)) for i in (0, 2))
    ]
    weights = stage.weights
    total = sum(getattr(weights, name) * one[name] for one in losses for name in one) / 2
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(alone.parameters(), 1.0)
    assert norm > 0
    with training._pool(2) as pool:
        training._step(state, stage, batch, 0.0, [], steerable, pool)
    for ours, expected in zip(state.network.parameters(), alone.parameters(), strict=True):
        assert ours.grad is not None
        assert expected.grad is not None
        assert torch.allclose(ours.grad, expected.grad, rtol=0.05, atol=1e-4)
    first, second = (list(part.parameters()) for part in state.parts)
    assert all(a.data_ptr() == b.data_ptr() for a, b in zip(first, second, strict=True))


def test_a_folder_of_another_run_is_refused(
    data: list[Stored], short: Recipe, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    training.train(short, data, run)
    with pytest.raises(training.RunError, match="holds a run already"):
        training.train(short, data, run)
    with pytest.raises(training.RunError, match="another recipe or seed"):
        training.train(short, data, run, seed=1, resume=True)
    with pytest.raises(training.RunError, match="another recipe or seed"):
        training.train(replace(short, averaging=0.5), data, run, resume=True)
    with pytest.raises(training.RunError, match="no run to go on with"):
        training.train(short, data, tmp_path / "new", resume=True)
    (run / "checkpoint.pt").write_bytes(b"PK")
    with pytest.raises(training.RunError, match="damaged"):
        training.train(short, data, run, resume=True)


def test_a_run_that_diverges_says_so_and_keeps_the_last_checkpoint(
    data: list[Stored], short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(state: training.State, most: float) -> None:
        state.network.last.bias.data.fill_(float("nan"))

    monkeypatch.setattr(training, "_average", spoil)
    with pytest.raises(training.RunError, match=r"loss is nan at step 1.*learning_rate"):
        training.train(short, data, tmp_path / "run")
    assert not (tmp_path / "run/checkpoint.pt").exists()


def test_data_that_are_not_there_or_damaged_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(DataError, match="no sample of the split 'train'"):
        read_folder(tmp_path)
    damaged = tmp_path / "damaged"
    shutil.copytree(folder / "000", damaged / "000")
    whole = (damaged / "000/deep.exr").read_bytes()
    (damaged / "000/deep.exr").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"(?s)damaged/000.*remove that folder"):
        read_folder(damaged)


def test_values_that_are_not_finite_are_named(tmp_path: Path) -> None:
    from synthetic_focus.training.samples import save

    sample = scene(0)
    sample.deep[3, 3] = np.nan
    save(sample, tmp_path / "000")
    with pytest.raises(DataError, match="000: deep is not finite"):
        read_folder(tmp_path)


def test_lens_losses_need_pictures_through_a_lens(
    data: list[Stored], short: Recipe, tmp_path: Path
) -> None:
    deep = [stored for stored in data if stored.shallow is None]
    with pytest.raises(DataError, match="pictures through a lens"):
        training.train(short, deep, tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("widths = [", "cannot be read"),
        ("widths = [8]", "wrong"),
        ("widths = [8]\nblocks = [1]\nstage = []\nbins = 4\ncolour = 1", "colour"),
        ("[[stage]]\nname = 'x'\nlearning_rate = [1, 1]\nframes = []\nspeed = 2", "speed"),
    ],
)
def test_recipes_that_say_nothing_sensible_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        recipes.load(str(tmp_path / "own.toml"))
    with pytest.raises(RecipeError, match="the package has card, default, smoke"):
        recipes.load("none")


def test_the_learning_rate_falls_along_half_a_cosine() -> None:
    stage = replace(recipes.load("smoke").stages[0], steps=100, learning_rate=(1.0, 0.2))
    assert [stage.rate(step) for step in (0, 50, 100)] == pytest.approx([1, 0.6, 0.2])


@pytest.mark.parametrize("name", ["default", "card"])
def test_the_shipped_recipes_are_for_the_shipped_network(name: str) -> None:
    recipe = recipes.load(name)
    assert json.loads(json.dumps(recipe.facts()))["bins"] == recipe.bins
    assert recipe.steps > 1000
    shipped = read_weights(WEIGHTS.read_bytes(), "weights").architecture
    assert Architecture(recipe.widths, recipe.blocks, recipe.bins) == shipped
