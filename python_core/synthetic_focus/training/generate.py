"""Generates training samples: python -m synthetic_focus.training.generate --help."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import exp, log
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import click
import numpy as np
from tqdm import tqdm

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.training import samples
from synthetic_focus.training.samples import Exposure, Kind, Sample, SampleCamera, Split
from synthetic_focus.training.scenes import styles
from synthetic_focus.training.scenes.tracer import Lens, LoadedWorld, Tracer
from synthetic_focus.training.scenes.world import View

VIEWS_A_WORLD = 3
_ATTEMPTS = 6  # worlds tried until one has enough good views
_DEEP_RAYS, _SHALLOW_RAYS = 8, 20  # samples a pixel
_DEEP_F_STOP = 22.0
_LARGEST_BLUR = 22.0  # pixels at a long side of 288
_OFTEN_UPRIGHT = ("portrait", "people", "hall", "outlook", "neon", "interview", "crowd")  # styles
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Order:
    """What is to be made: `full` is the share of samples with lens blur, `long_side` in pixels."""

    folder: Path
    seed: int
    split: Split
    full: float
    long_side: int = 288

    def place(self, index: int) -> Path:
        """Where the sample of that index goes."""
        return self.folder / f"{self.seed:04d}-{index:06d}"


def _good(disparity: Floats, nearest: float) -> bool:
    """Whether a view shows something: nothing right before the lens, not all sky, not one plane."""
    near = np.mean(disparity > 1 / nearest)
    low, high = np.percentile(disparity, [4, 96])
    return bool(near < 0.1 and np.mean(disparity == 0) < 0.8 and high > 1.25 * low + 0.02)


def _focus(rng: np.random.Generator, disparity: Floats) -> float:
    """A distance (m) at which something in the picture's middle is, the nearer the likelier."""
    height, width = disparity.shape
    middle = disparity[height // 6 : -height // 6, width // 6 : -width // 6].ravel()
    found = rng.choice(middle, 5)
    share = np.sort(found)[int(rng.integers(1, 5))]
    return float(np.clip(1 / max(share, 0.02), 0.25, 50.0))


def _gain(rng: np.random.Generator, deep: Floats, dark: bool) -> float:
    """The exposure that a camera would choose, with its errors; white comes to about 1."""
    luma = deep @ _LUMA
    bright, average = np.percentile(luma, 92), exp(float(np.log(luma + 1e-4).mean()))
    wanted = 0.5 * (log(0.55 / (bright + 1e-4)) + log(0.13 / average))
    return exp(wanted + rng.normal(-0.3 if dark else 0.0, 0.35))


def _photograph(
    world: LoadedWorld,
    view: View,
    size: tuple[int, int],
    disparity: Floats,
    order: Order,
    index: int,
) -> Sample:
    rng = np.random.default_rng([order.seed, index, 77])
    sensor = 36.0 * size[0] / max(size)
    focal = view.focal_length_mm
    kind: Kind = "deep"
    if rng.random() < order.full:
        kind = rng.choice(["aperture_triplet", "focal_triplet", "pair"], p=[0.4, 0.35, 0.25])
    focus = max(_focus(rng, disparity), 4 * focal / 1000)
    framing = focus

    def lens(exposure: Exposure) -> Lens:
        radius = focal / 2000 / exposure.f_stop
        return Lens(focal, sensor, exposure.focus_distance_m, radius, framing)

    def trace(exposure: Exposure, rays: int, part: int) -> Floats:
        return world.picture(view, lens(exposure), size, rays, 1_000_003 * index + part)

    exposures = {"deep": Exposure(_DEEP_F_STOP, focus)}
    if kind != "deep":
        slope = lens(exposures["deep"]).pixels_per_slope(size[0])
        reach = float(abs(np.percentile(disparity, [2, 98]) - 1 / focus).max())
        # The widest aperture whose blur a training window still holds
        widest = focal / 2000 * slope * reach / (_LARGEST_BLUR * max(size) / 288)
        wide = max(float(rng.choice([1.4, 2.0, 2.0, 2.8])), widest)
        exposures["shallow"] = Exposure(wide, focus)
        if kind == "aperture_triplet":
            exposures["adjusted"] = Exposure(wide * float(rng.choice([2.0, 2.83, 4.0])), focus)
        elif kind == "focal_triplet":
            other = focus
            for _ in range(8):
                other = max(_focus(rng, disparity), 4 * focal / 1000)
                if abs(1 / other - 1 / focus) > 0.25 * reach:
                    break
            exposures["adjusted"] = Exposure(wide, other)
    pictures = {
        name: trace(exposure, _DEEP_RAYS if name == "deep" else _SHALLOW_RAYS, part)
        for part, (name, exposure) in enumerate(exposures.items())
    }
    gain = _gain(rng, pictures["deep"], world.world.style in ("night-street", "neon", "stage"))
    return Sample(
        kind,
        **{name: np.asarray(picture * gain, np.float32) for name, picture in pictures.items()},
        # Framed as the pictures are
        disparity=world.disparity(view, lens(exposures["deep"]), size),
        camera=SampleCamera(focal, sensor),
        exposures=exposures,
        seed=order.seed,
        style=world.world.style,
        split=order.split,
    )


def _views(
    world: LoadedWorld, rng: np.random.Generator, long_side: int
) -> Iterator[tuple[View, tuple[int, int], Floats]]:
    """The good views of a world, with size and disparity."""
    short = long_side * 2 // 3
    upright = 0.35 if world.world.style in _OFTEN_UPRIGHT else 0.12
    for view in world.world.views:
        size = (short, long_side) if rng.random() < upright else (long_side, short)
        # The lens as if focused far: the final framing differs by a few per cent
        pinhole = Lens(view.focal_length_mm, 36.0 * size[0] / long_side, 1e4, 0.0, 1e4)
        disparity = world.disparity(view, pinhole, size)
        if _good(disparity, world.world.nearest):
            yield view, size, disparity


def make_world(tracer: Tracer, order: Order, number: int, count: int) -> int:
    """Makes the samples that are missing of one world's first `count`; returns how many it made.

    Raises SampleError where no world of this seed has enough good views.
    """
    first = number * VIEWS_A_WORLD
    missing = [k for k in range(count) if not order.place(first + k).exists()]
    if not missing:
        return 0
    for attempt in range(_ATTEMPTS):
        world = tracer.load(styles.make(order.split, order.seed, number, attempt))
        rng = np.random.default_rng([order.seed, number, attempt])
        views = list(_views(world, rng, order.long_side))
        if len(views) >= VIEWS_A_WORLD:
            break
    else:
        raise samples.SampleError(
            f"world {number} of seed {order.seed} ({order.split}) shows nothing from any of its "
            "cameras; choose another --seed"
        )
    for k in missing:
        view, size, _ = views[k]
        index = first + k
        sample = _photograph(world, view, size, views[k][2], order, index)
        samples.save(sample, order.place(index))
    return len(missing)


_tracer: Tracer | None = None


def _start() -> None:
    global _tracer
    _tracer = Tracer()


def _run(order: Order, number: int, count: int) -> int:
    assert _tracer is not None
    return make_world(_tracer, order, number, count)


def generate(order: Order, count: int, jobs: int) -> None:
    """Makes the first `count` samples of an order that are not there yet, in `jobs` processes."""
    order.folder.mkdir(parents=True, exist_ok=True)
    numbers = range((count + VIEWS_A_WORLD - 1) // VIEWS_A_WORLD)
    counts = [min(VIEWS_A_WORLD, count - VIEWS_A_WORLD * number) for number in numbers]
    with tqdm(total=count, unit="sample", smoothing=0.02) as progress:
        if jobs == 1:
            tracer = Tracer()
            for number, wanted in zip(numbers, counts, strict=True):
                make_world(tracer, order, number, wanted)
                progress.update(wanted)
            return
        # Dr.Jit's threads do not survive a fork
        with ProcessPoolExecutor(jobs, get_context("spawn"), _start) as pool:
            made = pool.map(partial(_run, order), numbers, counts)
            for wanted, _ in zip(counts, made, strict=True):
                progress.update(wanted)


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--count", type=click.IntRange(1), required=True, help="Samples in all.")
@click.option("--seed", type=click.IntRange(0), required=True)
@click.option("--split", type=click.Choice(get_args(Split)), default="train", show_default=True)
@click.option(
    "--full",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="The share of pairs and triplets; the rest has no lens blur and is three times as quick.",
)
@click.option(
    "--long-side",
    type=click.IntRange(96, 1024),
    default=288,
    show_default=True,
    help="Of a sample, in pixels; 192 takes a third of the time and is enough for the layout.",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes, one core each."
)
def main(
    folder: Path, count: int, seed: int, split: Split, full: float, long_side: int, jobs: int
) -> None:
    """Path-traces training samples into a folder; those that are there are kept.

    The same seed makes the same samples, and --count may grow from one run to the next.
    """
    try:
        generate(Order(folder, seed, split, full, long_side), count, jobs)
    except (SyntheticFocusError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
