"""The training itself: steps, checkpoints, logs.

A run is a folder: recipe.json (what it is), checkpoint.pt (where it is), weights.safetensors (what
it has learnt, as the estimator reads it), log.csv and losses.png. Batch n depends on the seed and n
alone, so that a run that was stopped and goes on is the run that was not: to the bit on the
processor, nearly so on a graphics card, which sums in any order.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.media.atomic import replacing
from synthetic_focus.scene.rgbd_hdr import (
    HDR_SCALE,
    Architecture,
    Network,
    Prediction,
    channels_last,
    write_weights,
)
from synthetic_focus.training import losses
from synthetic_focus.training.batches import (
    Batch,
    Batches,
    DataError,
    LensShot,
    Photographed,
    PhotographedShot,
    Stored,
    lens_shot,
    lens_shots,
    made_beside,
    photographed_shot,
)
from synthetic_focus.training.features import Extractor, steerable
from synthetic_focus.training.optimizer import MatrixOptimizer
from synthetic_focus.training.recipe import Recipe, Stage, Weights

LOSSES = (
    "invariant", "gradient", "relative", "calibration", "light", "rendering", "adjusted",
    "smoothness",
)  # fmt: skip
PHOTOGRAPHED = ("photographed", "photographed_adjusted")
_LARGEST_GRADIENT = 1.0
_PARTS = 2
_LOGGED_EVERY = 50
_SAVED_EVERY = 120.0  # seconds

Progress = Callable[[int, dict[str, float]], None]


class RunError(SyntheticFocusError):
    """A run's folder that is another's, or not there; or a run that has come to nothing."""


@dataclass
class State:
    """Where a run is: all that its next steps depend on besides recipe, data and seed.

    Attributes:
        parts: networks of the same weights, each with gradients of its own for its part of the
            batch. Two threads with half a batch each are faster than two threads in each
            convolution, and much faster on a machine that has other work. On a graphics card
            there is one.
        average: moving average of the weights.
    """

    parts: tuple[Network, ...]
    average: dict[str, Tensor]
    optimizer: MatrixOptimizer
    step: int = 0

    @property
    def network(self) -> Network:
        """The weights of all parts."""
        return self.parts[0]

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.network.last.weight.device


def train(
    recipe: Recipe,
    data: Sequence[Stored],
    folder: Path,
    *,
    photographs: Sequence[Photographed] = (),
    seed: int = 0,
    resume: bool = False,
    initial: Network | None = None,
    minutes: float = math.inf,
    progress: Progress | None = None,
    extractor: Extractor = steerable,
) -> Network:
    """Trains the estimator, on the graphics card that CUDA knows if there is one.

    Args:
        recipe: what is done.
        data: training samples.
        folder: of the run; made if need be.
        photographs: pairs and triplets of unknown depth. Each step that has the rendering losses
            has them of generated samples and of these.
        seed: of everything random.
        resume: go on with the run in `folder`.
        initial: a network to begin with instead of random weights. It may have fewer blocks than
            the recipe says: new ones begin by passing on what is positive.
        minutes: stop after so long, with a checkpoint.
        progress: called at every logged step with the step and the mean losses since the last.
        extractor: of the rendering loss's features.

    Returns:
        the network with the average of the weights, as it is written to weights.safetensors.

    Raises:
        RunError: `folder` is of another run, holds one already, or has none to go on with;
            `initial` does not fit the recipe; or a loss is not finite.
        DataError: the data lack what the recipe asks for.
        WriteError: the folder cannot be written.
    """
    torch.manual_seed(seed)
    state = _begin(recipe, initial)
    _claim(folder, recipe, seed, resume)
    if resume:
        _restore(state, folder)
    log = _Log(folder / "log.csv", state.step)
    shots = lens_shots(data)
    _check(recipe, shots, photographs)
    last = began = time.monotonic()
    with _saved_when_stopped(state, folder, log), _pool(len(state.parts)) as pool:
        for stage, skipped in _stages(recipe, state.step):
            batches = Batches(
                data,
                seed=seed,
                size=stage.batch,
                frames=stage.frames,
                merging=stage.merging,
                standing=stage.standing,
            )
            first = state.step - skipped
            steps = range(state.step, first + stage.steps)
            with closing(made_beside(batches, steps, state.device)) as coming:
                for batch in coming:
                    done = state.step - first
                    warm = min(1.0, (state.step + 1) / max(1, recipe.warm_up))
                    rate = stage.rate(done) * warm
                    rng = np.random.default_rng([seed, state.step, 1])
                    lens: list[LensShot | PhotographedShot] = [
                        *_lens(stage, done, shots, rng),
                        *_photographed(stage, done, photographs, seed, state.step),
                    ]
                    found = _step(state, stage, batch, rate, lens, extractor, pool)
                    _average(state, recipe.averaging)
                    log.add(state.step, rate, found, progress)
                    now = time.monotonic()
                    if now - last > _SAVED_EVERY:
                        _save(state, folder, log)
                        last = now
                    if now - began > minutes * 60:
                        return _averaged(state)
    return _averaged(state)


def _begin(recipe: Recipe, initial: Network | None) -> State:
    architecture = Architecture(recipe.widths, recipe.blocks, recipe.bins)
    network = Network(architecture)
    if initial is not None:
        network.load_state_dict(_grown(initial.state_dict(), network))
    on_card = torch.cuda.is_available()
    channels_last(network.to("cuda" if on_card else "cpu"))
    average = {name: value.clone() for name, value in network.state_dict().items()}
    parts = [network] + [Network(architecture) for _ in range(0 if on_card else _PARTS - 1)]
    for part in parts[1:]:
        for theirs, ours in zip(part.parameters(), network.parameters(), strict=True):
            theirs.data = ours.data
    return State(tuple(parts), average, MatrixOptimizer(parts, recipe.weight_decay))


def _grown(weights: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """Weights for `network` from those of one of fewer blocks, which come before the new ones.

    Raises:
        RunError: they differ from those of `network` by more than missing blocks.
    """
    own = network.state_dict()
    new = own.keys() - weights.keys()
    wrong = [name for name in weights if name not in own or weights[name].shape != own[name].shape]
    wrong += [name for name in new if ".blocks." not in name and not name.startswith("start.")]
    if wrong:
        raise RunError(
            f"the weights to begin with are of a network of other widths or bins, or of more"
            f" blocks, than the recipe's: {sorted(wrong)[0]} differs; name weights of the recipe's"
            " widths and bins, and of no more blocks"
        )
    return own | dict(weights)


@contextmanager
def _pool(count: int) -> Iterator[Executor]:
    """Threads that compute by themselves, one for each part of a batch."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _check(recipe: Recipe, shots: Sequence[Stored], photographs: Sequence[Photographed]) -> None:
    """Whether there is what the recipe asks for, and whether it uses what there is.

    Raises:
        DataError: no.
    """
    rendering = any(stage.weights.rendering for stage in recipe.stages)
    if rendering and not shots and not photographs:
        raise DataError(
            "the rendering losses need samples with pictures through a lens (pairs or triplets),"
            " and these data have none; generate some, or use a recipe without them"
        )
    if photographs and not rendering:
        raise DataError(
            "only the rendering losses learn from photographs, and no stage of the recipe has"
            " them; give one's weights a rendering above 0"
        )


def _lens(
    stage: Stage, step: int, shots: Sequence[Stored], rng: np.random.Generator
) -> list[LensShot]:
    """What a step of a stage has for the rendering losses: one for each part, or none."""
    if not shots or not stage.renders(step):
        return []
    return [lens_shot(shots[int(rng.integers(len(shots)))], rng) for _ in range(_PARTS)]


def _photographed(
    stage: Stage, step: int, taken: Sequence[Photographed], seed: int, number: int
) -> list[PhotographedShot]:
    """The same of photographs, chosen by the run's seed and the number of its step."""
    if not taken or not stage.renders(step):
        return []
    # Of their own, so that a run without photographs is what it was.
    rng = np.random.default_rng([seed, number, 2])
    chosen = rng.integers(len(taken), size=_PARTS)
    return [photographed_shot(taken[int(one)], rng) for one in chosen]


def _stages(recipe: Recipe, step: int) -> Iterator[tuple[Stage, int]]:
    """The stages that are not done at `step`, and how many steps of each are done."""
    first = 0
    for stage in recipe.stages:
        if step < first + stage.steps:
            yield stage, max(0, step - first)
        first += stage.steps


def _step(
    state: State,
    stage: Stage,
    batch: Batch,
    rate: float,
    lens: Sequence[LensShot | PhotographedShot],
    extractor: Extractor,
    pool: Executor,
) -> dict[str, float]:
    """One step; its losses by name, unweighted."""
    for network in state.parts:
        network.zero_grad()
    count = len(state.parts)
    batch, lens = batch.to(state.device), [shot.to(state.device) for shot in lens]
    shares = [Batch(*part) for part in zip(*(whole.chunk(count) for whole in batch), strict=True)]
    weights = replace(stage.weights, rendering=stage.weights.rendering * count / _PARTS)
    tasks = [
        pool.submit(_share, network, share, lens[number::count], weights, extractor, state.step)
        for number, (network, share) in enumerate(zip(state.parts, shares, strict=True))
    ]
    found = [task.result() for task in tasks]
    state.optimizer.step(rate, _LARGEST_GRADIENT, pool)
    state.step += 1
    return {name: float(np.mean([part[name] for part in found])) for name in found[0]}


def _share(
    network: Network,
    batch: Batch,
    lens: Sequence[LensShot | PhotographedShot],
    weights: Weights,
    extractor: Extractor,
    step: int,
) -> dict[str, float]:
    """Gradients of a part of the batch, into `network`; the losses by name, unweighted."""
    found = direct(_predicted(network, batch.picture), batch)
    total = (
        weights.invariant * found["invariant"]
        + weights.gradient * found["gradient"]
        + weights.relative * found["relative"]
        + weights.calibration * found["calibration"]
        + weights.light * found["light"]
    )
    seen: dict[str, list[Tensor]] = {}
    for shot in lens:
        prediction = _predicted(network, shot.picture)
        rendering, adjusted = losses.rendering(prediction, shot, extractor)
        smoothness = losses.edge_aware_smoothness(prediction.disparity, shot.picture)
        total = total + weights.rendering * (rendering + adjusted + weights.smoothness * smoothness)
        names = LOSSES[-3:] if isinstance(shot, LensShot) else PHOTOGRAPHED
        for name, value in zip(names, (rendering, adjusted, smoothness), strict=False):
            seen.setdefault(name, []).append(value)
    found |= {name: torch.stack(values).mean() for name, values in seen.items()}
    total.backward()  # type: ignore[no-untyped-call]
    # All at once, since a graphics card is waited for each time that one looks.
    whole, *values = torch.stack([total, *found.values()]).detach().tolist()
    if not math.isfinite(whole):
        raise RunError(
            f"the loss is {whole} at step {step}, so the run has diverged: lower the recipe's"
            " learning_rate, or look for damaged data"
        )
    return dict(zip(found, values, strict=True))


def direct(prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """The losses against known disparity and light, by name."""
    invariant, gradient = losses.invariant_disparity(prediction.disparity, batch.disparity)
    return {
        "invariant": invariant,
        "gradient": gradient,
        "relative": losses.relative_depth(prediction.disparity, batch.disparity),
        "calibration": losses.calibration(prediction.disparity, batch.disparity),
        "light": losses.lost_light(HDR_SCALE * prediction.exposure, batch.log_gain, batch.picture),
    }


def _predicted(network: Network, picture: Tensor) -> Prediction:
    with torch.autocast(picture.device.type, torch.bfloat16):
        prediction: Prediction = network(picture)
    return Prediction(*(part.float() for part in prediction))


def _average(state: State, most: float) -> None:
    """Takes the newest weights into their moving average, sooner while there are few."""
    keep = min(most, (1 + state.step) / (10 + state.step))
    newest = state.network.state_dict()
    torch._foreach_lerp_(list(state.average.values()), [newest[n] for n in state.average], 1 - keep)


def _averaged(state: State) -> Network:
    network = Network(state.network.architecture)
    network.load_state_dict(state.average)
    return network


def _claim(folder: Path, recipe: Recipe, seed: int, resume: bool) -> None:
    """Makes `folder` this run's, or checks that it is.

    Raises:
        RunError: it is another's, or has nothing to go on with.
    """
    # Through JSON, so that what is compared has been through the same.
    facts = json.loads(json.dumps({"recipe": recipe.facts(), "seed": seed}))
    path = folder / "recipe.json"
    if not path.exists():
        if resume:
            raise RunError(f"{folder} holds no run to go on with; leave --resume out to begin one")
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        return
    if not resume:
        raise RunError(f"{folder} holds a run already; go on with it (--resume), or name another")
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if known != facts:
        raise RunError(
            f"{folder} is of a run with another recipe or seed; {path} says which. Name that"
            " recipe and seed, or another folder"
        )


def _save(state: State, folder: Path, log: _Log) -> None:
    checkpoint = {
        "network": state.network.state_dict(),
        "average": state.average,
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
    }
    with replacing(folder / "checkpoint.pt") as temporary:
        torch.save(checkpoint, temporary)
    write_weights(_averaged(state), folder / "weights.safetensors")
    log.write()


def _restore(state: State, folder: Path) -> None:
    path = folder / "checkpoint.pt"
    if not path.exists():  # killed before the first
        return
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location=state.device, weights_only=True)
        state.network.load_state_dict(checkpoint["network"])
        state.optimizer.load_state_dict(checkpoint["optimizer"])
        state.average = checkpoint["average"]
        state.step = checkpoint["step"]
    except Exception as error:  # torch raises of every kind for a damaged file
        raise RunError(
            f"{path} is damaged ({type(error).__name__}); begin the run anew in another folder"
        ) from error


@contextmanager
def _saved_when_stopped(state: State, folder: Path, log: _Log) -> Iterator[None]:
    """Writes a checkpoint at the end and when the run is interrupted, not when it has diverged."""
    try:
        yield
    except KeyboardInterrupt:
        _save(state, folder, log)
        raise
    _save(state, folder, log)


class _Log:
    """Mean losses over the steps since the last row."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._rows: list[dict[str, float]] = []
        self._sums: dict[str, list[float]] = {}
        self._since = time.monotonic()
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if int(float(row["step"])) <= step:
                        self._rows.append({k: float(v) for k, v in row.items() if v})

    def add(
        self, step: int, rate: float, found: dict[str, float], progress: Progress | None
    ) -> None:
        for name, value in found.items():
            self._sums.setdefault(name, []).append(value)
        if step % _LOGGED_EVERY:
            return
        now = time.monotonic()
        means = {name: float(np.mean(values)) for name, values in self._sums.items()}
        row = {
            "step": step,
            "learning_rate": rate,
            "seconds_a_step": (now - self._since) / _LOGGED_EVERY,
        } | means
        self._rows.append(row)
        self._sums, self._since = {}, now
        if progress is not None:
            progress(step, row)

    def write(self) -> None:
        """Writes the table, and draws it where matplotlib is."""
        logged = [*LOSSES, *(n for n in PHOTOGRAPHED if any(n in row for row in self._rows))]
        names = ["step", "learning_rate", "seconds_a_step", *logged]
        with (
            replacing(self._path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            return
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot(xlabel="step", ylabel="loss", yscale="log")
        for name in logged:
            points = [(row["step"], row[name]) for row in self._rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=name)
        if self._rows:
            axes.legend()
        with replacing(self._path.with_name("losses.png")) as temporary:
            figure.savefig(temporary, dpi=100)
