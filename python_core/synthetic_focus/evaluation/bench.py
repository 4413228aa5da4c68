"""`make bench`: how fast the renderer and the plug-in are, as ratios taken in one run.

Every figure is a median; the two sides of a ratio take turns, so that what else the machine does
hits both alike. Prints figures beside their targets and writes them as JSON.
"""

import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from synthetic_focus import _native, color, effect, installed, parameters
from synthetic_focus.evaluation import focus_shots
from synthetic_focus.evaluation.baselines import layered_fft
from synthetic_focus.evaluation.scenes.blender_tracer import VARIABLE, find_blender_python
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.focus.tracking import track
from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.lens.model import coc_map
from synthetic_focus.lens.preset import load_preset
from synthetic_focus.ofx_host import Host, Instance, Project
from synthetic_focus.render import defocus
from synthetic_focus.render.defocus import aperture_shape
from synthetic_focus.scene.cache import Cache, StoredFrame
from synthetic_focus.scene.depth import fitted
from synthetic_focus.scene.estimator import EmbeddedEstimator
from synthetic_focus.scene.expansion import expand
from synthetic_focus.scene.flow import DisFlow, both_ways
from synthetic_focus.scene.outlines import aligned
from synthetic_focus.scene.parallax import fused
from synthetic_focus.scene.providers import Estimate, ModelError
from synthetic_focus.scene.temporal import Look, M, steadied

_THREADS = 2
_WIDTH, _HEIGHT = 1920, 1080
_BUNDLE = "SyntheticFocus.ofx.bundle"
_LINEAR = color.REC709_LINEAR
_SRGB = "sRGB Encoded Rec.709 (sRGB)"
_PRESET = "helios-44-2"
_THREE_DISCS = ((1.0, 1.5), (0.8, -0.9), (0.4, 0.4))


@dataclass(frozen=True)
class Figure:
    """One measured number. good: whether it meets its target, None where it has none."""

    name: str
    value: float | None
    unit: str
    target: str = ""
    good: bool | None = None
    note: str = ""


def at_most(name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure that must not be larger than its target."""
    return Figure(name, value, unit, f"<= {limit:g}", value <= limit, note)


def at_least(name: str, value: float, unit: str, limit: float, note: str = "") -> Figure:
    """A figure that must not be smaller than its target."""
    return Figure(name, value, unit, f">= {limit:g}", value >= limit, note)


def frame(radius: float, width: int = _WIDTH, height: int = _HEIGHT) -> tuple[Floats, Floats]:
    """A picture (H, W, 4) with lights and its blur radii (H, W): a slope with boxes before it.

    Radii reach from -radius to radius, and a tenth of the frame is in focus.
    """
    rng = np.random.default_rng(0)
    image = rng.uniform(0.0, 1.0, (height, width, 4)).astype(np.float32)
    image[..., 3] = 1
    lights = rng.integers(0, (height, width), (200, 2))
    image[lights[:, 0], lights[:, 1], :3] = 500
    slope = np.linspace(-0.2, 1.0, width)
    row = np.where(np.abs(slope) < 0.05, 0, slope) * radius
    coc = np.tile(row.astype(np.float32), (height, 1))
    for _ in range(12):
        top, left = int(rng.integers(0, height * 3 // 4)), int(rng.integers(0, width * 3 // 4))
        box = coc[top : top + height // 5, left : left + width // 8]
        box[...] = rng.uniform(-radius, 0)
    return image, coc


def medians(runs: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call; they take turns, after one turn that does not count."""
    return [statistics.median(mine) for mine in turns(runs, *calls)]


def turns(runs: int, *calls: Callable[[], object]) -> list[list[float]]:
    """Seconds of each turn of each call, after one turn that does not count."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(runs + 1):
        for call, mine in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            if turn:
                mine.append(time.perf_counter() - start)
    return seconds


def _three_profiles(image: Floats, coc: Floats) -> Floats:
    """A profile of exactly three nested discs: the shapes on offer have two, six or twelve."""
    shape = aperture_shape(Aperture()) | {"behind": _THREE_DISCS, "front": _THREE_DISCS}
    return _native.defocus(
        image,
        coc,
        shape,
        frame_size=(image.shape[1], image.shape[0]),
        origin=(0, 0),
        quality=1,
        refine_edges=True,
        threads=_THREADS,
        abort=None,
        out=None,
    )


def renderer_figures(runs: int) -> Iterator[Figure]:
    """How `defocus` scales, and how it stands beside a layered FFT and plain copying."""
    image, at_32 = frame(32)
    _, at_16 = frame(16)
    _, at_64 = frame(64)
    large_image, large = frame(32, 2 * _WIDTH, 2 * _HEIGHT)

    def ours(picture: Floats, coc: Floats, aperture: Aperture, threads: int = _THREADS) -> Any:
        return lambda: defocus(picture, coc, aperture, threads=threads)

    disc = Aperture()
    base, alone, small, big, huge, ringed = medians(
        runs,
        ours(image, at_32, disc),
        ours(image, at_32, disc, threads=1),
        ours(image, at_16, disc),
        ours(image, at_64, disc),
        ours(large_image, large, disc),
        lambda: _three_profiles(image, at_32),
    )
    yield Figure("defocus, 1920x1080 RGBA, radius 32", base * 1000, "ms")
    yield at_most("radius 64 over radius 16", big / small, "times", 2.5)
    yield at_most("3840x2160 over 1920x1080", huge / base, "times", 4.5)
    yield at_most("three nested profiles over a disc", ringed / base, "times", 3)
    yield at_least("two threads over one", alone / base, "times", 1.8)

    chosen = aperture(SimpleNamespace(**load_preset(_PRESET).settings))
    preset, again = medians(max(1, runs // 3), ours(image, at_32, chosen), ours(image, at_32, disc))
    note = "a bright rim, cat's eyes, swirl, three colours"
    yield Figure(f"{_PRESET} over a disc", preset / again, "times", note=note)

    def fft_32() -> None:
        layered_fft(image, at_32, disc, layers=16, precision=np.float32)

    layered, again = medians(max(1, runs // 3), fft_32, ours(image, at_32, disc))
    yield at_least("16-layer FFT over defocus, radius 32", layered / again, "times", 5)

    source = np.concatenate([image.ravel(), at_32.ravel()])
    target = np.empty_like(source)
    (copying,) = medians(max(3, runs), lambda: np.copyto(target, source))
    bytes_moved = image.nbytes * 2 + at_32.nbytes
    bandwidth = 2 * source.nbytes / copying
    floor = bytes_moved / bandwidth
    note = f"copying at {bandwidth / 1e9:.1f} GB/s"
    yield at_most("defocus over reading and writing once", base / floor, "times", 20, note)


def blender_figures(runs: int) -> Iterator[Figure]:
    """Beside the Defocus node of Blender's compositor, once: it takes a minute."""
    name = "Blender's Defocus node over defocus, radius 32"
    python = find_blender_python()
    if python is None:
        note = f"not measured: no bpy here; set {VARIABLE} to a Python that has it"
        yield Figure(name, None, "times", ">= 100", None, note)
        return
    image, coc = frame(32)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "frame.npz", image=image, coc=coc)
        script = Path(__file__).with_name("defocus_node_bpy.py")
        command = [str(python), str(script), f"{folder}/frame.npz", "32"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Figure(name, None, "times", ">= 100", None, f"Blender failed: {reason}")
        return
    seconds = float(done.stdout.strip().splitlines()[-1])
    (ours,) = medians(runs, lambda: defocus(image, coc, threads=_THREADS))
    yield at_least(name, seconds / ours, "times", 100, f"the node takes {seconds:.1f} s")


def _instance(host: Host, image: Floats, disparity: Floats) -> Instance:
    instance = host.load_one(installed.DIRECTORY / _BUNDLE).create(context="General")
    instance.clips["Source"].connect(image)
    instance.clips["Depth"].connect(np.repeat(disparity[..., None], 4, axis=2))
    instance["depth_source"].set("Depth Input")
    instance["focus_mode"].set("Distance")
    instance["focus_distance"].set(0.5)
    spaces = parameters.table()["colour_space"].options
    instance["colour_space"].set([option.key for option in spaces].index(_LINEAR))
    instance["blur_scale"].set(4.0)
    return instance


def bridge_figures(runs: int) -> Iterator[Figure]:
    """What the plug-in and its worker add, through the headless host."""
    image, coc = frame(32)
    disparity = np.clip(0.5 - coc / 66, 0, 1).astype(np.float32)
    settings = parameters.settings({"colour_space": _LINEAR, "blur_scale": 4.0})
    read = effect.reading(settings)
    near, far = 1 / settings.near_distance, 1 / settings.far_distance
    radii = coc_map(
        (far + disparity * (near - far)).astype(np.float32),
        read.at(0.5),
        focal_length_mm=settings.focal_length,
        f_stop=settings.f_stop,
        sensor_width_mm=settings.sensor_width,
        width_px=_WIDTH,
        blur_scale=settings.blur_scale,
    )
    with Host() as host, _instance(host, image, disparity) as instance:
        # A small difference of long times: many turns, and each is compared with its neighbour.
        through, inside = turns(
            4 * runs, lambda: instance.render(time=0), lambda: defocus(image, radii)
        )
        instance["blur_scale"].set(0.0)
        identity = instance.is_identity(time=0)
        untouched = instance.render(time=0).pixels
    added = statistics.median(a - b for a, b in zip(through, inside, strict=True))
    render = statistics.median(inside)
    limit = max(15.0, 100 * render)
    note = f"to {render * 1000:.0f} ms in-process"
    yield at_most("the bridge adds, 1920x1080 float RGBA", added * 1000, "ms", limit, note)
    same = bool(np.array_equal(untouched, image))
    yield Figure(
        "closed aperture: output identical, isIdentity says so",
        float(same and identity is not None),
        "",
        "1",
        same and identity is not None,
    )


_FIRST_PIXEL = """
import sys, time
import numpy as np
from pathlib import Path
from synthetic_focus import installed
from synthetic_focus.ofx_host import Host
image = np.random.default_rng(0).random((1080, 1920, 4), np.float32)
depth = np.broadcast_to(np.linspace(0, 1, 1920, dtype=np.float32)[:, None], image.shape).copy()
with Host() as host:
    start = time.perf_counter()
    plugin = host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")
    plugin.describe("General")
    described = time.perf_counter()
    with plugin.create(context="General") as instance:
        instance.clips["Source"].connect(image)
        instance.clips["Depth"].connect(depth)
        instance["depth_source"].set("Depth Input")
        instance.render(time=0)
        print(described - start, time.perf_counter() - start)
"""


def start_figures(runs: int) -> Iterator[Figure]:
    """From loading the plug-in to its first pixel, each time in a new process."""
    described, rendered = [], []
    for _ in range(max(3, runs)):
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_PIXEL], capture_output=True, text=True, check=True
        )
        first, last = map(float, done.stdout.split()[-2:])
        described.append(first)
        rendered.append(last)
    yield at_most("load and describe", statistics.median(described) * 1000, "ms", 50)
    yield at_most("load to first 1920x1080 frame", statistics.median(rendered), "s", 1.5)


def colour_figures(runs: int) -> Iterator[Figure]:
    """The largest relative error of a round trip through any offered colour space."""
    spaces = [o.key for o in parameters.table()["colour_space"].options if o.key != "auto"]
    ramp = np.concatenate([np.linspace(-0.05, 1.2, 3000), np.linspace(1.2, 60, 3000)])
    pixels = np.repeat(ramp.astype(np.float32)[None, :, None], 3, axis=2)
    worst, which = 0.0, ""
    for space in spaces:
        back = color.from_linear(color.to_linear(pixels, space), space)
        error = float(np.max(np.abs(back - pixels) / np.maximum(np.abs(pixels), 0.01)))
        if not error <= worst:
            worst, which = error, space
    note = f"the worst of {len(spaces)}: {which}"
    yield at_most("colour round trip, relative error", worst, "", 1e-5, note)


def _passing(frame: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """A frame (540, 960, 3) of a textured wall and boxes before it that pass by, and its disparity
    (540, 960), so that there is parallax to be found.
    """
    rng = np.random.default_rng(0)
    height, width = 540, 960
    picture = np.zeros((height, width, 3), np.float32)
    disparity = np.zeros((height, width), np.float32)
    layers = [(0, height, 0, width, 2.0)]
    layers += [(60 + 90 * i, 160 + 90 * i, 150 * i, 150 * i + 260, 3.0 + i) for i in range(4)]
    for top, bottom, left, right, step in layers:
        rough = rng.random((bottom - top, right - left + 200, 3)).astype(np.float32)
        texture = cv2.GaussianBlur(rough, (0, 0), 2) * 3 - 1
        offset = round(step * frame)
        picture[top:bottom, left:right] = texture[:, offset : offset + right - left]
        disparity[top:bottom, left:right] = step / 8
    picture[40:52, 700:712] = 1
    return np.clip(picture * 255, 0, 255).astype(np.uint8), disparity


def scene_figures(runs: int) -> Iterator[Figure]:
    """What a frame costs from the picture to the render, by stage, and from the cache."""
    shot = [_passing(i) for i in range(2 * M + 1)]
    pictures, disparity = [picture for picture, _ in shot], shot[M][1]
    greys = [np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8) for p in pictures]
    shown = pictures[M].astype(np.float32) / np.float32(255)
    light = color.to_linear(shown, _SRGB)
    gain = expand(light)
    estimator = EmbeddedEstimator()
    estimate = 0.0
    try:
        (estimate,) = medians(runs, lambda: estimator.estimate(shown))
        yield Figure("estimate, 960x540", estimate * 1000, "ms")
    except ModelError as error:
        yield Figure("estimate, 960x540", None, "ms", note=str(error))
    flows = [both_ways(DisFlow(), before, now) for before, now in pairwise(greys)]
    looks = [Look(grey, disparity, gain) for grey in greys]
    soft = np.asarray(cv2.GaussianBlur(disparity, (0, 0), 8), np.float32)  # as a network has it
    image, coc = frame(32)
    with tempfile.TemporaryDirectory() as folder:
        stored = Cache(Path(folder)).shot("bench", (960, 540), "bench")
        stored.store_frame(0, StoredFrame("", "", Estimate(disparity, gain)))
        written = sum(path.stat().st_size for path in Path(folder).rglob("*.exr"))
        flow, average, expansion, parallax, outlines, read, fit, render = medians(
            runs,
            lambda: both_ways(DisFlow(), *greys[M : M + 2]),
            lambda: steadied(looks, flows, M, threads=_THREADS),
            lambda: expand(light),
            lambda: fused(disparity, flows, M),
            lambda: aligned(soft, pictures[M]),
            lambda: stored.frame(0),
            lambda: fitted(disparity, (_WIDTH, _HEIGHT)),
            lambda: defocus(image, coc, threads=_THREADS),
        )
    for name, seconds in (
        ("flow both ways, 960x540", flow),
        ("temporal filter, thirteen frames", average),
        ("light expansion", expansion),
        ("parallax", parallax),
        ("outlines", outlines),
        ("cached maps read", read),
        ("maps fitted to 1920x1080", fit),
        ("defocus, radius 32", render),
    ):
        yield Figure(name, seconds * 1000, "ms")
    whole = estimate + flow + average + expansion + parallax + outlines + fit + render
    note = "" if estimate else "without the estimate"
    yield at_most("a new frame, 1920x1080, estimate to render", whole, "s", 2, note)
    yield at_most("a frame from the cache", read + fit + render, "s", 0.5)
    yield at_most("cached maps on disk", written / 1e6, "MB", 4)
    # Linux counts kilobytes, macOS bytes.
    unit = 1e9 if sys.platform == "darwin" else 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    yield at_most("peak memory of all groups so far", peak, "GB", 4)


class _Walk:
    """A subject walking through a shot, for a tracker and for a host."""

    def __init__(self, shot: focus_shots.RenderedShot, count: int, size: tuple[int, int]) -> None:
        self.images = [cv2.resize(image, size).astype(np.uint8) for image in shot.images[:count]]
        maps = [cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) for one in shot.disparity]
        self.maps = [one.astype(np.float32) for one in maps[:count]]
        self.centre = shot.subjects[0].center

    def image(self, number: int) -> npt.NDArray[np.uint8]:
        return self.images[number]

    def disparity(self, number: int) -> Floats:
        return self.maps[number]

    def picture(self, time: float) -> Floats:
        light = self.images[round(time)][..., ::-1].astype(np.float32) / 255
        return np.dstack([light, np.ones(light.shape[:2], np.float32)])

    def depth(self, time: float) -> Floats:
        return np.repeat(self.maps[round(time)][..., None], 4, axis=2)


def focus_figures(runs: int) -> Iterator[Figure]:
    """How fast subjects are followed, and what a changed key costs the frame that is shown."""
    count = 48
    shot, middle = focus_shots.crossing(), count // 2
    walk = _Walk(shot, count, (_WIDTH, _HEIGHT))
    x, y = (float(v) for v in walk.centre[middle])
    with _threads(_THREADS):
        (seconds,) = medians(
            max(1, runs // 2), lambda: track(walk, x, y, middle, first=0, last=count - 1)
        )
    rate = (count - 1) / seconds
    yield at_least("following a subject, 1920x1080", rate, "frames/s", 25, "both ways at once")

    # Small, so that what the focus takes shows beside the rest.
    size = (focus_shots.WIDTH, focus_shots.HEIGHT)
    walk = _Walk(shot, count, size)
    project = Project(region=(0, 0, *size), frames=(0, count - 1))
    clips = {"Source": walk.picture, "Depth": walk.depth}
    with (
        Host() as host,
        host.load_one(installed.DIRECTORY / _BUNDLE).create(
            context="General", project=project, clips=clips
        ) as instance,
    ):
        instance["depth_source"].set("Depth Input")
        instance["view"].set("Depth and Focal Plane")
        instance["focus_distance"].set(0.5)
        instance["focus_point"].set_key(0, (walk.centre[0][0], 1 - walk.centre[0][1]))
        keys = iter(range(middle, 10_000))

        def by_a_moved_key() -> float:
            instance["focus_mode"].set("Point")
            number = next(keys)
            if number > middle:
                instance["focus_point"].delete_key(number - 1)
            instance["focus_point"].set_key(number, (0.7, 0.5))
            return _seconds(lambda: instance.render(time=8))

        def by_distance() -> float:
            instance["focus_mode"].set("Distance")
            return _seconds(lambda: instance.render(time=8))

        by_a_moved_key()
        turns = [(by_a_moved_key(), by_distance()) for _ in range(8 * runs)]
        moved, plain = (statistics.median(turn) for turn in zip(*turns, strict=True))
    note = (
        f"{moved * 1000:.0f} ms, and {plain * 1000:.0f} ms at a fixed distance; {size[0]}x{size[1]}"
    )
    yield at_most("a moved key adds to the frame shown", (moved - plain) * 1000, "ms", 5, note)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """OpenCV with so many threads, as the other figures."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _facts() -> dict[str, Any]:
    return {
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": _THREADS,
        "python": platform.python_version(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def show(figure: Figure) -> str:
    """One line of the printed table."""
    value = "-" if figure.value is None else f"{figure.value:.3g} {figure.unit}".strip()
    verdict = {True: "ok", False: "MISSED", None: ""}[figure.good]
    return f"{figure.name:54} {value:>12}  {figure.target:>8}  {verdict:6} {figure.note}".rstrip()


GROUPS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "renderer": renderer_figures,
    "bridge": bridge_figures,
    "start": start_figures,
    "colour": colour_figures,
    "scene": scene_figures,
    "focus": focus_figures,
    "blender": blender_figures,
}


def measure(groups: Sequence[str], runs: int) -> list[Figure]:
    """All figures of the groups, printed as they come."""
    figures = []
    for group in tqdm(groups, desc="bench", unit="group"):
        for figure in GROUPS[group](runs):
            tqdm.write(show(figure))
            figures.append(figure)
    return figures


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice(list(GROUPS)))
@click.option("--runs", default=5, show_default=True, help="Runs behind each median.")
@click.option(
    "--out", default=Path("out/bench.json"), type=click.Path(path_type=Path), show_default=True
)
def main(groups: tuple[str, ...], runs: int, out: Path) -> None:
    """Measure GROUPS of figures (default: all) and print them beside their targets."""
    # The worker that is measured is this installation's
    os.environ["SYNTHETIC_FOCUS_PYTHON"] = sys.executable
    facts = _facts()
    click.echo("; ".join(f"{name}: {value}" for name, value in facts.items()))
    figures = measure(groups or list(GROUPS), runs)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(figure) for figure in figures]
    out.write_text(json.dumps({**facts, "figures": rows}, indent=1) + "\n", encoding="utf-8")
    click.echo(f"written: {out}")


if __name__ == "__main__":
    main()
