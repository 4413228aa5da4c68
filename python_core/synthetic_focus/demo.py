"""`make demo`: a clip with everything sharp goes through the built plug-in in an OpenFX host.

The host is headless and our own, the plug-in is the bundle that Resolve or Natron would load: it
starts its worker, reads its keyframes and asks for depth as it does there. Out comes a movie whose
focus pulls from one subject to another, and a sheet of frames before and after.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus import FocusTarget

if TYPE_CHECKING:
    from synthetic_focus.media import Reader
    from synthetic_focus.ofx_host import Instance

Pixels = npt.NDArray[np.float32]

FOOTAGE: Final = Path(__file__).parents[2] / "tests" / "footage" / "night"
PRESET: Final = "arri-master-anamorphic-50"
VIDEO: Final = "Rec.1886 Rec.709 - Display"
SCREEN: Final = "sRGB - Display"
GRADE: Final = "ACES 2.0 - SDR 100 nits (Rec.709)"
SHEET_COLUMNS: Final = 4
README_FRAMES: Final = (0, 30, 47)
JPEG_QUALITY: Final = 88


class DemoError(SyntheticFocusError):
    """The demo cannot run with what it was given."""


@dataclass(frozen=True)
class Take:
    """A clip, its depth, and what the demo does with it.

    depth: None where the effect is to estimate it.
    parameters: of the effect, by their names and keys in parameters.toml; the lens preset goes
        first.
    """

    clip: Path
    depth: Path | None
    targets: tuple[FocusTarget, ...]
    parameters: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """A frame before and after: float32 (H, W, 3), encoded in the clip's `space`."""

    number: int
    before: Pixels
    after: Pixels
    space: str


def night() -> Take:
    """The built-in take: from the lucky cat to the person under the umbrella."""
    take = Take(
        clip=FOOTAGE / "colour.mp4",
        depth=FOOTAGE / "disparity.mkv",
        targets=(FocusTarget(0.285, 0.47, 0), FocusTarget(0.645, 0.55, 40)),
        parameters={
            "near_distance": 0.6,
            "far_distance": 200.0,
            "blur_scale": 1.7,
            "pull_frames": 18,
            "settle_frames": 3,
        },
    )
    if not take.clip.exists():
        raise DemoError(
            f"The demo's own clip is not at {take.clip}: it comes with the source, not with the "
            "package. Run `make demo` in a checkout, or give a clip of yours: --clip."
        )
    return take


def parse_target(text: str) -> FocusTarget:
    """The target that "0.3,0.5@12" stands for; without "@12" it is at frame 0.

    >>> parse_target("0.25, 0.5@12").frame
    12.0
    """
    number = r"\s*(\d*\.?\d+)\s*"
    match = re.fullmatch(rf"{number},{number}(?:@{number})?", text)
    if not match:
        raise DemoError(
            f"Focus {text!r} is not X,Y@FRAME, such as 0.3,0.6@0: X and Y count from 0 to 1 from "
            "the picture's top left."
        )
    return FocusTarget(float(match[1]), float(match[2]), float(match[3] or 0))


def render(take: Take, numbers: Sequence[int] | None = None) -> Iterator[Pair]:
    """Renders frames of a take through the plug-in, all of them if `numbers` is None.

    Raises:
        DemoError: clip and depth do not belong together, or a target is not in the clip.
        MediaError: a file cannot be read.
        HostError: the plug-in cannot be loaded, or it failed.
    """
    from synthetic_focus import installed, media
    from synthetic_focus.ofx_host import Host, Project

    # The bundle of a checkout is not installed, so nobody has told it which Python to start.
    os.environ.setdefault("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    with ExitStack() as files:
        clip = files.enter_context(media.open_reader(take.clip))
        depth = files.enter_context(media.open_reader(take.depth)) if take.depth else None
        _check(take, clip, depth)
        width, height = clip.size
        last = len(clip) - 1
        project = Project((0.0, 0.0, width, height), fps=float(clip.fps), frames=(0, last))
        with Host(frames=(0, last)) as host:
            plugin = host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")
            with plugin.create(project=project) as effect:
                _set_up(effect, take, clip, depth)
                for number in range(len(clip)) if numbers is None else numbers:
                    after = effect.render(number).pixels[..., :3]
                    yield Pair(number, clip.read(number)[..., :3], after, clip.colour_space)


def _check(take: Take, clip: Reader, depth: Reader | None) -> None:
    if depth and len(depth) not in (1, len(clip)):
        raise DemoError(
            f"{take.clip} has {len(clip)} frames and {take.depth} has {len(depth)}. Depth is "
            "either one picture for the whole clip or has one a frame."
        )
    for target in take.targets:
        if target.frame >= len(clip):
            raise DemoError(
                f"There is no frame {target.frame:g} to focus at: {take.clip} ends with frame "
                f"{len(clip) - 1}."
            )


def _set_up(effect: Instance, take: Take, clip: Reader, depth: Reader | None) -> None:
    """What a person does in the host's panels."""
    from synthetic_focus import parameters

    def picture(time: float) -> Pixels:
        return clip.read(min(max(int(time), 0), len(clip) - 1))

    effect.clips["Source"].connect(picture)
    if depth:
        read, end = depth.read, len(depth) - 1
        effect.clips["Depth"].connect(lambda time: read(min(max(int(time), 0), end)))
    table = parameters.table()
    chosen = {
        "preset": PRESET,
        "colour_space": clip.colour_space,
        "depth_source": "clip" if depth else "estimate",
        **take.parameters,
    }
    for name, value in chosen.items():
        parameter = table[name]
        (number,) = parameter.to_host(parameter.check(value))
        effect[name].set(int(number) if parameter.type in ("choice", "int", "bool") else number)
    for target in take.targets:
        # Hosts count from the lower left.
        effect["focus_point"].set_key(target.frame, (target.x, 1 - target.y))


@cache
def _grade(space: str, display: str) -> Any:
    """The OpenColorIO processor that shows `space` on `display`; None where none is needed."""
    import PyOpenColorIO as ocio

    from synthetic_focus import color

    white = color.to_linear(np.ones((1, 1, 3), np.float32), space)
    if white.max() < 1.01 and not color.is_linear(space):
        return None  # ordinary video or an sRGB picture; PQ, HLG and camera logs go above white
    config = ocio.Config.CreateFromBuiltinConfig(color.CONFIG)
    view = ocio.DisplayViewTransform(src=space, display=display, view=GRADE)
    return config.getProcessor(view).getDefaultCPUProcessor()


def shown(pixels: Pixels, space: str, display: str) -> Pixels:
    """What `display` shows of a picture encoded in `space`: float32 (H, W, 3) in 0..1."""
    result = np.array(pixels, np.float32, order="C")
    grade = _grade(space, display)
    if grade is not None:
        grade.applyRGB(result)
    return np.clip(result, 0.0, 1.0, out=result)


def contact_sheet(pairs: Sequence[Pair], *, width: int = 1920) -> Pixels:
    """Frames before above the same frames after, side by side and labelled.

    Returns:
        float32 (H, width, 3) in 0..1, encoded for an sRGB screen.
    """
    columns = []
    for pair in pairs:
        before = _tile(pair.before, pair.space, width // len(pairs), f"frame {pair.number}: before")
        after = _tile(pair.after, pair.space, width // len(pairs), f"frame {pair.number}: after")
        columns.append(np.concatenate([before, after]))
    return np.concatenate(columns, axis=1)


def readme_picture(pairs: Sequence[Pair], *, width: int = 1600) -> Pixels:
    """The first of three frames before, and all three after, two by two: see `contact_sheet`."""
    first, middle, last = pairs
    half = width // 2
    tiles = [
        _tile(first.before, first.space, half, "before: everything is sharp"),
        _tile(first.after, first.space, half, "after: focus on the cat"),
        _tile(middle.after, first.space, half, "the focus pulls"),
        _tile(last.after, first.space, half, "focus on the person"),
    ]
    return np.concatenate([np.concatenate(tiles[i : i + 2], axis=1) for i in (0, 2)])


def _tile(pixels: Pixels, space: str, width: int, label: str) -> Pixels:
    import cv2

    # Where the tile is smaller, light is averaged after the grade, as a screen's pixels are.
    picture = shown(pixels, space, SCREEN)
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    tile: Any = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    size, place = max(0.4, width / 1100), (width // 40, height - width // 40)
    letters = np.zeros((height, width), np.uint8)
    cv2.putText(letters, label, place, cv2.FONT_HERSHEY_DUPLEX, size, 255, 1, cv2.LINE_AA)
    white = letters[..., np.newaxis] / np.float32(255)
    halo = cv2.dilate(letters, np.ones((7, 7), np.uint8))
    shade = cv2.GaussianBlur(halo, (0, 0), 5)[..., np.newaxis] / np.float32(255)
    tile = tile * (1 - 0.8 * shade) * (1 - white) + white
    tile[:1] = tile[:, :1] = 0.0
    return np.asarray(tile, np.float32)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Writes float32 (H, W, 3) in 0..1 as 8 bits: .png or .jpg. It appears when it is complete."""
    import cv2

    from synthetic_focus.media.atomic import check_folder, replacing

    check_folder(path)
    blue_first = np.rint(pixels[..., ::-1] * 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    _, encoded = cv2.imencode(path.suffix, blue_first, quality)
    with replacing(path) as partial:
        partial.write_bytes(encoded.tobytes())


def run(take: Take, folder: Path) -> tuple[Path, Path]:
    """Renders the whole take with a progress bar.

    Returns:
        The movie and the contact sheet in `folder`, each of which appears when it is complete.
    """
    from tqdm import tqdm

    from synthetic_focus import media

    folder.mkdir(parents=True, exist_ok=True)
    movie, sheet = folder / "after.mp4", folder / "before-after.png"
    with media.open_reader(take.clip) as clip:
        count = len(clip)
        chosen = {round(i * (count - 1) / (SHEET_COLUMNS - 1)) for i in range(SHEET_COLUMNS)}
        kept = []
        with media.open_writer(movie, _for_screens(clip), space=VIDEO) as writer:
            for pair in tqdm(render(take), total=count, unit="frame", desc="Through the plug-in"):
                writer.write(pair.number, shown(pair.after, pair.space, VIDEO))
                if pair.number in chosen:
                    kept.append(pair)
            write_picture(sheet, contact_sheet(kept))
    return movie, sheet


def _for_screens(clip: Reader) -> Reader:
    """What a movie of the clip should be like so that every player shows it: 8 bits."""
    like = copy.copy(clip)
    like.pixel_type = "byte"
    return like


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_focus.demo", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--clip", type=Path, help="a movie or a sequence such as shot.%%04d.exr")
    parser.add_argument(
        "--depth",
        type=Path,
        help="its depth: a movie, a sequence or one picture; else it is estimated",
    )
    parser.add_argument(
        "--focus",
        action="append",
        metavar="X,Y@FRAME",
        help="what is sharp when: from the top left in 0..1, frames from 0; may be given again",
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="default: out/demo")
    parser.add_argument(
        "--readme-picture", type=Path, metavar="FILE", help="write the README's picture"
    )
    options = parser.parse_args(arguments)
    try:
        if options.readme_picture:
            pairs = list(render(night(), README_FRAMES))
            write_picture(options.readme_picture, readme_picture(pairs))
            print(options.readme_picture)
            return 0
        movie, sheet = run(_take(options), options.out)
    except SyntheticFocusError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped; nothing incomplete was left behind.", file=sys.stderr)
        return 130
    print(f"{movie}\n{sheet}")
    return 0


def _take(options: argparse.Namespace) -> Take:
    if options.clip is None and options.depth is None and not options.focus:
        return night()
    if options.clip is None:
        raise DemoError("DEPTH and FOCUS belong to a clip of yours: make demo CLIP=walk.mp4")
    targets = tuple(parse_target(text) for text in options.focus or ["0.5,0.5@0"])
    return Take(options.clip, options.depth, targets)


if __name__ == "__main__":
    sys.exit(main())
