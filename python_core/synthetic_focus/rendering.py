"""A whole shot through the effect, from files to files."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_focus import color, effect, heap, parameters
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus import (
    FocusCurve,
    FocusTarget,
    FocusTargetError,
    disparity_at,
    in_order,
)
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.media import Reader, Writer, open_reader, open_writer
from synthetic_focus.media.atomic import check_folder, replacing
from synthetic_focus.media.sequence import parse_pattern
from synthetic_focus.scene.depth import Map, fitted

if TYPE_CHECKING:
    from synthetic_focus.focus.tracking import Track
    from synthetic_focus.parameters import Settings
    from synthetic_focus.scene.depth_file import DepthFile
    from synthetic_focus.scene.shot import Shot

Pixels = effect.Pixels
PathLike = str | os.PathLike[str]

_REPORTS: Final = (".html", ".htm", ".svg")
_SRGB: Final = "sRGB Encoded Rec.709 (sRGB)"
# Frames at once; each holds some dozen pictures of its size while it is rendered.
_LARGE_PIXELS: Final = 2_500_000
_FRAMES_AT_ONCE: Final = 4
_LARGE_FRAMES_AT_ONCE: Final = 2


class RenderError(SyntheticFocusError):
    """A shot that cannot be rendered as it is asked for."""


def render(
    source: PathLike,
    output: PathLike,
    *,
    preset: str | None = None,
    depth: PathLike | None = None,
    focus: Iterable[FocusTarget | tuple[float, float]] = (),
    frames: tuple[int, int] | None = None,
    report: PathLike | None = None,
    export_targets: PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    **values: object,
) -> None:
    """Renders a shot: a movie, an image sequence (shot.%04d.exr, shot.####.exr) or one image.

    The output keeps the source's encoding, sample type, metadata, times and sound where its format
    can hold them. Between formats that hold light (EXR) and those that hold video it is converted:
    EXR is written in linear Rec.709, video in Rec.709, PNG, TIFF and JPEG in sRGB.

    Args:
        source: what to render.
        output: its extension decides the format, see `synthetic_focus.media.open_writer`.
        preset: the lens; values given by name win over the preset's.
        depth: a movie, a sequence or an image of depth. A sequence for a sequence is taken by its
            numbers, otherwise its first frame belongs to the first frame of the source; the
            parameter `depth_start` says otherwise for a movie. None: depth is estimated, and with
            it the light that was clipped, by what the parameter `depth_model` names.
        focus: what must be sharp, and when, in the frame numbers of the source (a sequence's own; a
            movie begins at 0). A pair (x, y) is a target at the first frame that is rendered, which
            follows and holds as the parameters `target_follow` and `target_hold` say.
        frames: the first and the last frame to render; all where None.
        report: where to write a page (HTML) about the focus, or its curve alone (SVG); `focus` must
            say what is sharp.
        export_targets: where to write the targets and the focus curve as JSON.
        progress: called in this thread with how many frames are done and how many there are, first
            of those that are looked at to follow subjects, then of those that are rendered.
        **values: parameters of the table by name. `focus` makes focus_mode "point";
            `focus_distance` without `focus` makes it "distance".

    Raises:
        SyntheticFocusError: in its various kinds; whatever is wrong with the files, the depth, the
            parameters. No partial file is left behind.
    """
    source, output = Path(source), Path(output)
    points = tuple(focus)
    if (report or export_targets) and not points:
        raise RenderError("Reports and exports are about focus targets, and none is given.")
    for aside in (report, export_targets):
        if aside is not None:
            check_folder(Path(aside))
    if report is not None and Path(report).suffix.lower() not in _REPORTS:
        raise RenderError(f"{report}: a report is a page (.html) or the curve alone (.svg).")
    settings = _settings(preset, depth, bool(points), values)
    with open_reader(source) as reader:
        indices = reader.indices(frames)
        targets = _targets(points, reader.first_frame + indices[0], settings)
        _check_output(output, reader, indices, settings)
        for aside in (report, export_targets):
            if aside is not None:
                _check_not_read(Path(aside), {Path(aside)}, reader, settings)
        shot = _Shot(reader, settings, targets, shift_depth="depth_start" not in values)
        try:
            result = _Result(reader, output, shot.space, shown_as_is=settings.view != "result")
            # Before the shot is looked through, which takes long: an output may be refused.
            writer = open_writer(output, reader, space=result.space, count=len(indices))
            with writer:
                shot.prepare(indices, progress)
                _run(shot, result, writer, indices, progress)
            if report is not None:
                shot.report(Path(report), indices)
            if export_targets is not None:
                shot.export(Path(export_targets))
        finally:
            shot.close()


def parameter_values(preset: str | None, values: dict[str, object]) -> dict[str, object]:
    """Parameter values by name: the preset's, and over them the given ones."""
    if preset is None or preset == "custom":
        return dict(values)
    from synthetic_focus.lens.preset import load_preset

    return {**load_preset(preset).settings, **values}


def _settings(
    preset: str | None,
    depth: PathLike | None,
    has_targets: bool,
    values: dict[str, object],
) -> Settings:
    chosen = parameter_values(preset, values)
    if depth is not None:
        chosen |= {"depth_source": "file", "depth_file": os.fspath(depth)}
    elif chosen.get("depth_file"):
        chosen["depth_source"] = "file"
    if has_targets:
        chosen.setdefault("focus_mode", "point")
    elif "focus_distance" in values:
        chosen.setdefault("focus_mode", "distance")
    return parameters.settings(chosen)


def _targets(
    points: Iterable[FocusTarget | tuple[float, float]], first: int, settings: Settings
) -> tuple[FocusTarget, ...]:
    targets = []
    for point in points:
        if isinstance(point, FocusTarget):
            targets.append(point)
            continue
        try:
            x, y = map(float, point)
        except (TypeError, ValueError):
            raise FocusTargetError(
                f"focus has {point!r}, which is neither a FocusTarget nor a pair of numbers: give"
                " a list, such as [(0.3, 0.6)]"
            ) from None
        targets.append(FocusTarget(x, y, first, settings.target_follow, settings.target_hold))
    return in_order(targets) if targets else ()


def _check_output(output: Path, reader: Reader, indices: range, settings: Settings) -> None:
    pattern = parse_pattern(output)
    image = re.fullmatch(r"\.(exr|png|tiff?|jpe?g|dpx)", output.suffix.lower())
    if image and not pattern and len(indices) > 1:
        raise RenderError(
            f"{output} is one image, but {len(indices)} frames are rendered. Name a sequence, such "
            f"as {output.with_name(f'{output.stem}.%04d{output.suffix}')}, or choose one frame."
        )
    written = {output}
    if image and pattern:
        written = {pattern.path(reader.first_frame + index) for index in indices}
    _check_not_read(output, written, reader, settings)


def _check_not_read(name: Path, written: set[Path], reader: Reader, settings: Settings) -> None:
    """Refuses to write over what the render reads."""
    places = {path.resolve() for path in written}
    read = [("source", reader.path)]
    if settings.depth_source == "file" and settings.depth_file:
        read.append(("depth", Path(settings.depth_file)))
    for what, path in read:
        if places & {file.resolve() for file in _files(path)}:
            raise RenderError(f"{name} is the {what} itself. Choose another output.")


def _files(path: Path) -> list[Path]:
    """The files of a sequence, or the one of a movie or an image."""
    pattern = None if path.exists() else parse_pattern(path)
    return [path] if pattern is None else list(pattern.frames().values())


class _Shot:
    """The source with its depth and focus: renders any frame, from any thread."""

    def __init__(
        self,
        reader: Reader,
        settings: Settings,
        targets: tuple[FocusTarget, ...],
        *,
        shift_depth: bool,
    ) -> None:
        from synthetic_focus._native import AbortFlag

        self._reader = reader
        self._settings = settings
        self._targets = targets
        self._shift_depth = shift_depth
        self._depth: DepthFile | None = None
        self._estimated: Shot | None = None
        self._depth_offset = 0.0
        self._curve: FocusCurve | None = None
        self._tracks: list[Track | None] = []
        self._cuts: tuple[int, ...] = ()
        self._span = range(0)  # the frames that the curve is known for
        self.abort = AbortFlag()
        chosen = settings.colour_space
        self.space = reader.colour_space if chosen == "auto" else color.resolve(chosen)

    def prepare(self, indices: range, progress: Callable[[int, int], None] | None) -> None:
        """Opens the depth and follows the subjects, so that what is wrong shows at once."""
        settings = self._settings
        if effect.passes(settings):
            return
        aperture(settings)  # an iris image may be missing
        if settings.depth_source == "estimate":
            from synthetic_focus.scene.shot import Shot

            # Its own reader: movies are slow to read in two places by turns.
            self._estimated = Shot(
                open_reader(self._reader.path),
                model=settings.depth_model,
                colour_space=self.space,
            )
        elif settings.depth_source == "file" and settings.depth_file:
            self._open_depth(settings)
        else:
            raise RenderError(
                f"There is no depth for {self._reader.path}. Give a movie, a sequence or an image "
                f"of depth, depth=PATH, or let it be estimated, depth_source='estimate'."
            )
        self._disparity(self._reader.first_frame + indices[0])
        if self._targets:
            self._follow(indices, progress)

    def _open_depth(self, settings: Settings) -> None:
        from synthetic_focus.scene.depth_file import DepthFile

        self._depth = DepthFile(settings.depth_file, start=settings.depth_start)
        # A sequence for a sequence goes by its numbers.
        by_number = parse_pattern(self._reader.path) and self._depth.is_sequence
        if self._shift_depth and not by_number:
            self._depth_offset = self._depth.first - self._reader.first_frame

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of a frame."""
        return self._reader.size

    def number(self, index: int) -> int:
        """What a person calls frame `index`."""
        return self._reader.first_frame + index

    def close(self) -> None:
        """Closes the depth."""
        for source in (self._depth, self._estimated):
            if source:
                source.close()

    def frame(self, index: int) -> Pixels:
        """One rendered frame, in the source's encoding."""
        reader, settings = self._reader, self._settings
        pixels = reader.read(index)
        if self._depth is None and self._estimated is None:
            return pixels
        number = reader.first_frame + index
        found = self._disparity(number)
        return effect.render_frame(
            pixels,
            self._on_canvas(found),
            settings,
            space=self.space,
            # The view of the depth needs no focus, and shows why there is none.
            focus_disparity=0.0 if settings.view == "depth" else self._focus(number, found),
            frame=effect.Frame(reader.picture_size, reader.origin, float(number)),
            log_gain=self._estimated.maps(index).log_gain if self._estimated else None,
            premultiplied=reader.premultiplied,
            abort=self.abort,
        )

    def _disparity(self, number: float) -> Map:
        shot = self._estimated
        if shot is not None:
            found = shot.disparity(round(number) - shot.first_frame)
            return effect.dioptres(found, self._settings, metric=shot.metric)
        assert self._depth is not None
        return self._depth.disparity(number + self._depth_offset, effect.reading(self._settings))

    def _on_canvas(self, found: Map) -> Map:
        """Depth of the picture, or of all that the source holds, for all that the source holds."""
        reader = self._reader
        width, height = reader.size
        whole = self._estimated is not None or reader.size == reader.picture_size
        if whole or found.shape == (height, width):
            return fitted(found, reader.size)
        left, top = -reader.origin[0], -reader.origin[1]
        right = width - left - reader.picture_size[0]
        bottom = height - top - reader.picture_size[1]
        margins = ((top, bottom), (left, right))
        return np.pad(fitted(found, reader.picture_size), margins, "edge")

    def _follow(self, indices: range, progress: Callable[[int, int], None] | None) -> None:
        from synthetic_focus.focus.shot import follow
        from synthetic_focus.focus.subjects import Plan
        from synthetic_focus.focus.track_record import usual_shelf

        # All that is rendered, and the targets that are in the file.
        start, end = self._reader.first_frame, self._reader.first_frame + len(self._reader) - 1
        inside = [min(max(round(target.frame), start), end) for target in self._targets]
        first = min(self.number(indices[0]), *inside)
        last = max(self.number(indices[-1]), *inside)
        plan = Plan(self._targets, first, last, effect.pull_options(self._settings))
        subjects = follow(
            self, plan, shelf=usual_shelf(), source=self._identity(), progress=progress
        )
        self._curve = subjects.curve(plan)
        self._tracks = [
            subjects.track(plan, target) if target.follow else None for target in plan.targets
        ]
        self._cuts = subjects.cuts()
        self._span = range(first, last + 1)

    def _identity(self) -> str:
        """What tells the shot, as its subjects are seen, from others and from its own past."""
        from synthetic_focus.scene.cache import fingerprint_of

        settings, space = self._settings, self.space
        given = settings.depth_source == "file"
        depth = _stamps(Path(settings.depth_file)) if given else settings.depth_model
        read = (effect.reading(settings), self._depth_offset)
        return fingerprint_of(_stamps(self._reader.path), depth, read, space)

    def image(self, number: int) -> npt.NDArray[np.uint8]:
        """A frame as an eye sees it, (H, W, 3) uint8; for the tracker and for reports."""
        pixels = self._reader.read(number - self._reader.first_frame)[..., :3]
        light = np.clip(np.nan_to_num(pixels), 0, 1)
        if color.is_linear(self.space):
            light = light ** np.float32(1 / 2.2)
        return (255 * light + 0.5).astype(np.uint8)

    def disparity(self, number: int) -> Map:
        """Depth of a frame; for the tracker."""
        return self._disparity(number)

    def report(self, path: Path, indices: range) -> None:
        """Writes a page about the focus, or as SVG its curve alone."""
        from synthetic_focus.focus.report import ShotFocus, drawing, report

        assert self._curve is not None
        about = ShotFocus(
            title=self._reader.path.name,
            curve=self._curve,
            tracks=self._tracks,
            first=self.number(indices[0]),
            last=self.number(indices[-1]),
            fps=float(self._reader.fps),
            cuts=self._cuts,
        )
        if path.suffix.lower() == ".svg":
            text = drawing(about)
        else:  # OpenCV's files are blue first.
            text = report(about, lambda number: self.image(number)[..., ::-1])
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def export(self, path: Path) -> None:
        """Writes the targets and the curve that came of them."""
        from synthetic_focus.focus.exchange import FocusPlan, dumps

        assert self._curve is not None
        curve = [self._curve.at(number).disparity for number in self._span]
        options = effect.pull_options(self._settings)
        with replacing(path) as temporary:
            temporary.write_text(
                dumps(FocusPlan(self._curve.targets, options, self._span[0], tuple(curve))), "utf-8"
            )

    def _focus(self, number: int, found: Map) -> float:
        settings = self._settings
        if settings.focus_mode == "distance":
            return effect.distance_focus(settings)
        if self._curve is not None:
            return self._curve.at(number).disparity
        (target,) = effect.focus_targets(settings, {}, number)
        return disparity_at(found, target.x, target.y)


def _stamps(path: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change of a file, or of each of a sequence."""
    known = [(file, file.stat()) for file in _files(path) if file.exists()]
    return [(str(file.absolute()), stat.st_size, stat.st_mtime_ns) for file, stat in known]


class _Result:
    """Rendered frames on their way to the output's format, which may want what the source's did
    not."""

    def __init__(self, reader: Reader, output: Path, space: str, *, shown_as_is: bool) -> None:
        """Chooses the output's colour space; shown_as_is: whatever the numbers mean, keep them."""
        self._source_space = space
        self._premultiplied = reader.premultiplied
        self.space = space
        was_float = reader.pixel_type in ("half", "float")
        if shown_as_is or _same_kind(reader.path, output):
            return
        if output.suffix.lower() == ".exr":
            if not was_float:
                self.space = color.REC709_LINEAR
        elif was_float and color.is_linear(space):
            self.space = color.REC709_VIDEO if _is_movie(output) else _SRGB

    def convert(self, pixels: Pixels, writer: Writer) -> Pixels:
        """A rendered frame as the writer wants it."""
        change = self.space != self._source_space
        has_alpha = pixels.shape[2] == 4
        divided = has_alpha and self._premultiplied and (change or not writer.premultiplied)
        if divided:
            pixels = _divided(pixels)
        if change:
            pixels = color.to_linear(pixels, self._source_space)
            color.to_rec709(pixels, self._source_space, out=pixels)
            color.from_linear(pixels, self.space, out=pixels)
        straight = divided or not self._premultiplied
        # Without alpha a picture lies on black.
        if has_alpha and straight and (writer.premultiplied or not writer.alpha):
            pixels = pixels.copy()
            pixels[..., :3] *= pixels[..., 3:]
        return pixels if writer.alpha else pixels[..., :3]


def _same_kind(source: Path, output: Path) -> bool:
    return source.suffix.lower()[:4] == output.suffix.lower()[:4]


def _is_movie(path: Path) -> bool:
    return path.suffix.lower() in (".mp4", ".m4v", ".mov", ".mkv")


def _divided(pixels: Pixels) -> Pixels:
    result = pixels.copy()
    alpha = pixels[..., 3:]
    np.divide(pixels[..., :3], alpha, out=result[..., :3], where=alpha > 0)
    return result


def _run(
    shot: _Shot,
    result: _Result,
    writer: Writer,
    indices: range,
    progress: Callable[[int, int], None] | None,
) -> None:
    def make(index: int) -> Pixels | None:
        pixels = result.convert(shot.frame(index), writer)
        if writer.in_order:
            return pixels
        writer.write(index, pixels)
        return None

    for done, (index, pixels) in enumerate(_ahead(make, indices, shot), 1):
        if pixels is not None:
            writer.write(index, pixels)
        heap.after_frame()
        if progress:
            progress(done, len(indices))


def _ahead(
    make: Callable[[int], Pixels | None], indices: range, shot: _Shot
) -> Iterator[tuple[int, Any]]:
    """Frames in order, with some of the next ones already being made."""
    width, height = shot.size
    large = width * height > _LARGE_PIXELS
    at_once = min(os.cpu_count() or 1, _LARGE_FRAMES_AT_ONCE if large else _FRAMES_AT_ONCE)
    waiting: deque[tuple[int, Future[Any]]] = deque()
    remaining = iter(indices)
    pool = ThreadPoolExecutor(at_once, "frame")
    try:
        for index in remaining:
            waiting.append((index, pool.submit(make, index)))
            # One more than there are threads: they need not wait for what follows here.
            if len(waiting) > at_once:
                yield _next(waiting, shot)
        while waiting:
            yield _next(waiting, shot)
    finally:
        shot.abort.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: deque[tuple[int, Future[Any]]], shot: _Shot) -> tuple[int, Any]:
    index, frame = waiting.popleft()
    try:
        return index, frame.result()
    except SyntheticFocusError as error:
        error.add_note(f"while rendering frame {shot.number(index)}")
        raise
