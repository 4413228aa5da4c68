"""Path-traced shots with true disparity and true motion: for filters that work over time.

python -m synthetic_focus.evaluation.moving_shots [NAMES] [--to FOLDER] renders them (some minutes
each on two cores). A folder a shot, frames counted from 0::

    shot.json            {"name", "about", "frames", "focal_length_mm", "sensor_width_mm",
                          "positions": a camera position (metres) a frame, "rotations": a 3x3 matrix
                          a frame whose columns are the camera's right, up and backward axes}
    picture.0000.exr     half RGB, scene-linear Rec.709, display white about 1, one exposure a shot
    disparity.0000.exr   float, dioptres at pixel centres, 0 where infinitely far
    moving.0000.exr      float, 1 where a pixel's centre shows the moving subject, else 0
    forward.0000.exr     float RGB of frame i: dx, dy (pixels; x to the right, y down) to where its
                         surface is in frame i + 1, and 1 where that frame sees it, else 0
    backward.0001.exr    the same of frame i to frame i - 1

`shot.json` is written last, so that a shot that has it is whole.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import platformdirs
from numpy.typing import NDArray
from tqdm import tqdm

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.truth import TruthMissingError, read_exr, write_exr
from synthetic_focus.training.scenes import props, styles
from synthetic_focus.training.scenes.tracer import Lens, LoadedWorld, Tracer
from synthetic_focus.training.scenes.world import Builder, View, World

FRAMES, SIZE, _RAYS = 24, (480, 270), 32
_FAR = 1e6  # metres; where the sky is put to find how it moves
_LENS_WIDTH_MM = 36.0


@dataclass(frozen=True)
class MovingShot:
    """A shot of N frames.

    pictures: (N, H, W, 3), scene-linear. disparity: (N, H, W), dioptres. moving: (N, H, W), which
    pixels show the moving subject. forward: (N - 1, H, W, 2), pixels from frame i to i + 1, and
    seen_forward: (N - 1, H, W), whether frame i + 1 sees what frame i shows there; backward and
    seen_backward: of frame i + 1 back to frame i.
    """

    name: str
    about: str
    pictures: Floats
    disparity: Floats
    moving: NDArray[np.bool_]
    forward: Floats
    seen_forward: NDArray[np.bool_]
    backward: Floats
    seen_backward: NDArray[np.bool_]


@dataclass(frozen=True)
class _Plan:
    """What is rendered: a still world, a subject that is shifted, and a camera that travels."""

    about: str
    still: World
    subject: World | None
    shifts: NDArray[np.float64]  # (N, 3) metres
    views: tuple[View, ...]


def _still(style: str, seed: int) -> World:
    builder = Builder()
    light, views, nearest = styles.TRAINING[style][0](builder, np.random.default_rng(seed))
    return builder.world(style, light, views, nearest)


def _travel(view: View, step: tuple[float, float, float], turn: float = 0.0) -> tuple[View, ...]:
    """A view a frame: `step` metres to the right, up and forward, and `turn` degrees, each."""
    way = view.rotation @ (np.array(step) * [1, 1, -1])
    middle = (FRAMES - 1) / 2
    views = []
    for frame in range(FRAMES):
        x, y, z = (np.array(view.position) + way * (frame - middle)).tolist()
        views.append(replace(view, position=(x, y, z), yaw=view.yaw + turn * (frame - middle)))
    return tuple(views)


def joined(still: World, subject: World, shift: NDArray[np.float64]) -> World:
    """The still world with the subject in it, its triangles last."""
    first = len(still.materials)
    return replace(
        still,
        corners=np.concatenate([still.corners, subject.corners + shift.astype(np.float32)]),
        normals=np.concatenate([still.normals, subject.normals]),
        uv=np.concatenate([still.uv, subject.uv]),
        material=np.concatenate([still.material, subject.material + np.uint32(first)]),
        materials=np.concatenate([still.materials, subject.materials]),
    )


def _crossing(
    still: World, view: View, seed: int, away: float, start: float, step: float
) -> tuple[World, NDArray[np.float64]]:
    """Somebody who walks across a view, `away` metres before it, and the shift of every frame.

    The walk starts `start` metres right of the middle and goes on by `step` metres a frame.
    """
    right, back = view.rotation[:, 0] * [1, 0, 1], view.rotation[:, 2] * [1, 0, 1]
    builder = Builder()
    yaw = float(np.degrees(np.arctan2(-right[0], -right[2])))
    props.person(builder, np.random.default_rng(seed), (0, 0, 0), yaw)
    person = builder.world("person", still.light, (), still.nearest)
    foot = np.array(view.position) * [1, 0, 1] - back / np.linalg.norm(back) * away
    frame = np.arange(FRAMES)
    bob = np.outer(0.02 * np.sin(0.9 * frame) ** 2, [0, 1, 0])
    return person, foot + np.outer(start + step * frame, right) + bob


def _dolly() -> _Plan:
    still = _still("street", 3)
    views = _travel(still.views[1], (0.06, 0.0, 0.03))
    return _Plan("a camera that travels past a street", still, None, np.zeros((FRAMES, 3)), views)


def _walk() -> _Plan:
    still = _still("street", 5)
    x, _, z = still.views[3].position
    view = replace(still.views[3], position=(x, 1.45, z), pitch=0.0)
    person, shifts = _crossing(still, view, 5, 3.6, -1.0, 0.055)
    about = "a camera that travels along a street where somebody walks across"
    return _Plan(about, still, person, shifts, _travel(view, (0.03, 0.0, 0.04), 0.08))


def _tripod() -> _Plan:
    still = _still("room", 2)
    view = replace(still.views[2], pitch=-7.0)
    person, shifts = _crossing(still, view, 8, 2.9, -1.2, 0.075)
    about = "a camera on a tripod in a room where somebody walks across"
    return _Plan(about, still, person, shifts, (view,) * FRAMES)


def _night() -> _Plan:
    still = _still("night-street", 2)
    views = _travel(still.views[2], (0.02, 0.0, 0.08))
    about = "a camera that travels into a street of lights by night"
    return _Plan(about, still, None, np.zeros((FRAMES, 3)), views)


SHOTS: dict[str, Callable[[], _Plan]] = {
    "dolly": _dolly,
    "walk": _walk,
    "tripod": _tripod,
    "night": _night,
}
"""The shots, by name."""


def default_folder() -> Path:
    """Where the shots are kept: the user's cache."""
    return Path(platformdirs.user_cache_dir("synthetic-focus")) / "moving-shots"


def _lens(view: View) -> Lens:
    return Lens(view.focal_length_mm, _LENS_WIDTH_MM, 1e4, 0.0, 1e4)


def motion(
    disparity: Floats, shift: Floats, before: View, after: View, size: tuple[int, int]
) -> tuple[Floats, NDArray[np.float64]]:
    """How the surfaces of a frame move in the picture, and where they then are.

    disparity: (H, W), dioptres, of the frame seen from `before`; shift: (H, W, 3), metres, how the
    surfaces move until the frame seen from `after`. Returns the flow (H, W, 2) in pixels and the
    points (H, W, 3) in the world; the sky's are very far away.
    """
    width, height = size
    row, column = np.mgrid[:height, :width] + 0.5
    slope = _lens(before).pixels_per_slope(width)
    ahead = np.stack(
        [(column - width / 2) / slope, (height / 2 - row) / slope, -np.ones_like(row)], -1
    )
    depth = 1 / np.maximum(disparity.astype(np.float64), 1 / _FAR)
    points = ahead * depth[..., None] @ before.rotation.T + np.array(before.position) + shift
    seen = (points - np.array(after.position)) @ after.rotation
    slope = _lens(after).pixels_per_slope(width)
    there = np.stack(
        [
            width / 2 + slope * seen[..., 0] / -seen[..., 2],
            height / 2 - slope * seen[..., 1] / -seen[..., 2],
        ],
        -1,
    )
    return np.asarray(there - np.stack([column, row], -1), np.float32), points


def _flow(
    world: LoadedWorld,
    surfaces: tuple[Floats, NDArray[np.bool_]],
    shift: NDArray[np.float64],
    views: tuple[View, View],
) -> Floats:
    """dx, dy and whether it is seen (H, W, 3) from one view to the other, whose world is given."""
    disparity, moving = surfaces
    flow, points = motion(
        disparity, np.where(moving[..., None], shift, 0).astype(np.float32), *views, SIZE
    )
    width, height = SIZE
    row, column = np.mgrid[:height, :width] + 0.5
    x, y = column + flow[..., 0], row + flow[..., 1]
    seen = world.sees(views[1].position, points.reshape(-1, 3)).reshape(height, width)
    seen &= (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.dstack([flow, seen]).astype(np.float32)


def make(name: str, folder: Path) -> None:
    """Renders one shot into `folder`/name. Raises RayTracerMissingError or OSError."""
    plan, tracer, place = SHOTS[name](), Tracer(), folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "shot.json").unlink(missing_ok=True)
    triangles = len(plan.still.material)

    def load(frame: int) -> LoadedWorld:
        if plan.subject is None:
            return still
        return tracer.load(joined(plan.still, plan.subject, plan.shifts[frame]))

    still = tracer.load(plan.still)
    gain = 0.0
    past: tuple[LoadedWorld, tuple[Floats, NDArray[np.bool_]]] | None = None
    for frame in tqdm(range(FRAMES), desc=name, unit="frame"):
        world, view = load(frame), plan.views[frame]
        # One seed for all frames: on a tripod what does not move then does not flicker
        picture = world.picture(view, _lens(view), SIZE, _RAYS, 1)
        gain = gain or 0.7 / float(np.percentile(picture.mean(-1), 92))
        disparity, triangle = world.surfaces(view, _lens(view), SIZE)
        surfaces = disparity, triangle >= triangles
        write_exr(place / f"picture.{frame:04d}.exr", np.minimum(picture * np.float32(gain), 65504))
        write_exr(place / f"disparity.{frame:04d}.exr", disparity, "float")
        write_exr(place / f"moving.{frame:04d}.exr", surfaces[1].astype(np.float32), "float")
        if past is not None:
            step = plan.shifts[frame] - plan.shifts[frame - 1]
            views = plan.views[frame - 1], view
            forward = _flow(world, past[1], step, views)
            backward = _flow(past[0], surfaces, -step, views[::-1])
            write_exr(place / f"forward.{frame - 1:04d}.exr", forward, "float")
            write_exr(place / f"backward.{frame:04d}.exr", backward, "float")
        past = world, surfaces
    facts = {
        "name": name,
        "about": plan.about,
        "frames": FRAMES,
        "focal_length_mm": plan.views[0].focal_length_mm,
        "sensor_width_mm": _LENS_WIDTH_MM,
        "positions": [view.position for view in plan.views],
        "rotations": [view.rotation.tolist() for view in plan.views],
    }
    partial = place / ".shot.json.partial"
    partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    partial.replace(place / "shot.json")


def load(place: Path) -> MovingShot:
    """Reads a shot's folder. Raises TruthMissingError."""
    try:
        facts = json.loads((place / "shot.json").read_text(encoding="utf-8"))
        name, about, frames = facts["name"], facts["about"], int(facts["frames"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TruthMissingError(
            f"{place}/shot.json is missing or not valid: {error}; make the shots (some minutes "
            f"each) with: python -m synthetic_focus.evaluation.moving_shots --to {place.parent}"
        ) from error

    def read(what: str, numbers: range) -> Floats:
        return np.stack([read_exr(place / f"{what}.{number:04d}.exr") for number in numbers])

    forward, backward = read("forward", range(frames - 1)), read("backward", range(1, frames))
    return MovingShot(
        name,
        about,
        read("picture", range(frames)),
        read("disparity", range(frames)),
        read("moving", range(frames)) > 0.5,
        forward[..., :2],
        forward[..., 2] > 0.5,
        backward[..., :2],
        backward[..., 2] > 0.5,
    )


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SHOTS)))
@click.option("--to", "folder", type=click.Path(path_type=Path), default=default_folder)
def main(names: tuple[str, ...], folder: Path) -> None:
    """Path-traces moving shots (all, or NAMES) into a folder; whole shots are kept."""
    for name in names or SHOTS:
        if (folder / name / "shot.json").exists():
            click.echo(f"{name}: already there")
            continue
        try:
            make(name, folder)
        except (SyntheticFocusError, OSError) as error:
            raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
