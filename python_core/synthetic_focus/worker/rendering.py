"""A host's render request: from pictures in shared memory to a picture in shared memory."""

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from synthetic_focus import color, effect, parameters
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus import Focus, FocusTarget, disparity_at
from synthetic_focus.lens.preset import load_preset, save_preset
from synthetic_focus.parameters import Settings
from synthetic_focus.render import Aborted
from synthetic_focus.scene.depth import Map, disparity, fitted
from synthetic_focus.scene.light import fitted_log_gain
from synthetic_focus.worker import pixels
from synthetic_focus.worker.protocol import (
    Image,
    Picture,
    Rectangle,
    Render,
    Reply,
    SavePreset,
    Status,
)

if TYPE_CHECKING:
    from synthetic_focus._native import AbortFlag
    from synthetic_focus.focus.subjects import Plan
    from synthetic_focus.focus.tracking import Box, View
    from synthetic_focus.scene.analysis import Glimpse
    from synthetic_focus.scene.depth_file import DepthFile
    from synthetic_focus.scene.providers import Estimate
    from synthetic_focus.worker.estimating import EstimatedShot
    from synthetic_focus.worker.following import FollowedShot

_Scalar = TypeVar("_Scalar", bound=np.generic)
_Answer = TypeVar("_Answer")

_SOURCE: Final = "Source"
_DEPTH: Final = "Depth"
_OPEN_FILES: Final = 4
_KEPT_SHOTS: Final = 8
_KEPT_ESTIMATED: Final = 4  # 0.5 GB each at most, of flows, estimates and pictures
_STATES: Final = ("locked", "pulling", "lost")  # in the order of their numbers in a reply
_KEPT_FOCI: Final = 4096  # subjects' disparities, over all instances


class RequestError(SyntheticFocusError):
    """A frame that cannot be rendered with what the host gave."""


class _NeedError(Exception):
    """Images of clips that must be fetched from the host first."""

    def __init__(self, times: Sequence[float], clips: Sequence[str] = (_DEPTH,)) -> None:
        super().__init__(times, clips)
        self.times = times
        self.clips = clips


class Renderer:
    """Renders requests, of any instances and from any threads, and remembers between them.

    What is remembered of the host's pictures (the subjects' disparities) belongs to an instance and
    its epoch, and goes when either changes; files are watched by their modification times.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._foci: OrderedDict[tuple[object, ...], float] = OrderedDict()
        self._shots: OrderedDict[tuple[object, ...], FollowedShot] = OrderedDict()
        self._estimated: OrderedDict[tuple[object, ...], EstimatedShot] = OrderedDict()
        self._epochs: dict[str, int] = {}
        self._files: OrderedDict[tuple[object, ...], DepthFile] = OrderedDict()
        self._opening = threading.Lock()

    def render(
        self,
        request: Render,
        memory: Mapping[int, mmap],
        abort: "AbortFlag",
        report: Callable[[], None],
    ) -> Reply:
        """Render one frame into its output picture.

        Args:
            request: what to render.
            memory: by its number, all that the request's pictures name.
            abort: set from another thread to stop.
            report: called now and then in what takes long, so that nobody thinks that it hangs.

        Raises:
            SyntheticFocusError: the frame cannot be rendered; `Aborted` if `abort` was set.
        """
        self._enter_epoch(request.instance, request.epoch)
        frame = _Frame(self, request, memory, abort, report)
        try:
            match request.purpose:
                case "bake":
                    return Reply(request.id, Status.OK, values=frame.bake())
                case "analyze":
                    frame.analyze()
                case "render":
                    frame.render()
        except _NeedError as need:
            return Reply(request.id, Status.NEED, "\n".join(need.clips), need.times)
        return Reply(request.id, Status.OK, values=frame.sight)

    def forget(self, instance: str) -> None:
        """Forget what is remembered of an instance, and the depth files of all."""
        with self._lock:
            self._epochs.pop(instance, None)
            self._drop_foci(instance)
            self._files.clear()

    def shot(self, key: tuple[object, ...]) -> "FollowedShot":
        """What is known of the subjects of a shot; the first entry of `key` is the instance."""
        # OpenCV takes long to import, and only a focus that follows subjects needs it.
        from synthetic_focus.worker.following import FollowedShot

        with self._lock:
            shot = self._shots.setdefault(key, FollowedShot())
            self._shots.move_to_end(key)
            while len(self._shots) > _KEPT_SHOTS:
                self._shots.popitem(last=False)
            return shot

    def estimated(self, key: tuple[object, ...], model: str, host: str) -> "EstimatedShot":
        """What is estimated of a shot; the first entry of `key` is the instance.

        Raises:
            ModelError: there is no such model.
        """
        # OpenCV takes long to import, and a frame whose depth is given needs nothing of this.
        from synthetic_focus.worker.estimating import EstimatedShot

        with self._lock:
            if key not in self._estimated:
                self._estimated[key] = EstimatedShot(model, host)
            self._estimated.move_to_end(key)
            while len(self._estimated) > _KEPT_ESTIMATED:
                self._estimated.popitem(last=False)
            return self._estimated[key]

    def focus(self, key: tuple[object, ...]) -> float | None:
        """A subject's disparity, if it is remembered."""
        with self._lock:
            return self._foci.get(key)

    def remember_focus(self, key: tuple[object, ...], focus: float) -> None:
        """Keep a subject's disparity; the first entry of `key` is the instance."""
        with self._lock:
            self._foci[key] = focus
            while len(self._foci) > _KEPT_FOCI:
                self._foci.popitem(last=False)

    def depth_file(self, settings: Settings) -> tuple["DepthFile", tuple[object, ...]]:
        """The open depth file of the settings, and what tells it from others and its own past.

        Raises:
            RequestError: no file is chosen.
            MediaError: it cannot be opened.
        """
        # PyAV and OpenImageIO take long to import, and a frame with a Depth clip needs neither.
        from synthetic_focus.scene.depth_file import DepthFile

        if not settings.depth_file:
            raise RequestError("Depth Source is Depth File, but no Depth File is chosen")
        path = Path(settings.depth_file)
        key = (settings.depth_file, settings.depth_start, _stamp(path))
        with self._opening:
            with self._lock:
                if key in self._files:
                    self._files.move_to_end(key)
                    return self._files[key], key
            file = DepthFile(path, start=settings.depth_start)
            with self._lock:
                self._files[key] = file
                # Another thread may be reading what goes: it is closed when nobody holds it.
                while len(self._files) > _OPEN_FILES:
                    self._files.popitem(last=False)
        return file, key

    def _enter_epoch(self, instance: str, epoch: int) -> None:
        with self._lock:
            if self._epochs.get(instance, epoch) < epoch:
                self._drop_foci(instance)
            self._epochs[instance] = max(epoch, self._epochs.get(instance, epoch))

    def _drop_foci(self, instance: str) -> None:
        for kept in (self._foci, self._shots, self._estimated):
            for key in [key for key in kept if key[0] == instance]:
                del kept[key]


class _Frame:
    """One request on its way."""

    def __init__(
        self,
        renderer: Renderer,
        request: Render,
        memory: Mapping[int, mmap],
        abort: "AbortFlag",
        report: Callable[[], None],
    ) -> None:
        self._renderer = renderer
        self._request = request
        self._memory = memory
        self._abort = abort
        self._report = report
        self._settings = settings_of(request)
        self._glimpses: dict[float, Glimpse | None] = {}
        self._maps: dict[float, tuple[Estimate, bool]] = {}
        self.sight: list[float] = []  # of the focus, as the protocol has it

    def render(self) -> None:
        """Render into the output picture."""
        picture = self._request.output
        assert picture is not None  # the protocol sees to it
        output = self._view(picture)
        if output.size == 0:
            return
        source = self._source()
        area = _common(source.bounds, self._request.frame)
        if area is None:
            output[...] = np.zeros((), output.dtype)
            return
        stored = _cropped(self._view(source), source.bounds, area)
        place = output if output.dtype == np.float32 and area == picture.bounds else None
        result = self._rendered(stored, source, area, picture, place)
        if result is not output:
            _put(result, area, output, picture)

    def bake(self) -> list[float]:
        """The keys of Focus Distance, as disparity from 0 to 1, that the shot's targets come to.

        Returns:
            Time and value of each, one after the other.
        """
        settings = self._settings
        if settings.focus_mode != "point":
            raise RequestError("Focus Mode is Distance already: there is nothing to bake")
        depth = effect.reading(settings)
        keys = self._follow(
            effect.focus_targets(settings, self._request.keys, self._request.time),
            lambda shot, plan: shot.bake(
                plan, settings.bake_tolerance * depth.span, self._view_at, self._stop_if_aborted
            ),
        )
        if keys is None:
            raise RequestError(
                "this host gives an effect no frame but the one it renders, so the focus cannot be "
                "baked here; bake on the command line: synthetic-focus render --report"
            )
        shares = [(time, max((value - depth.farthest) / depth.span, 0.0)) for time, value in keys]
        return [number for key in shares for number in key]

    def analyze(self) -> None:
        """Estimate the frame and keep the result, as rendering it would."""
        if self._settings.depth_source != "estimate":
            raise RequestError("Depth Source is not Estimate: there is nothing to analyse")
        self._estimate(self._request.time)

    def _rendered(
        self,
        stored: npt.NDArray[np.generic],
        source: Picture,
        area: Rectangle,
        output: Picture,
        place: npt.NDArray[Any] | None,
    ) -> npt.NDArray[np.generic]:
        """What of the output comes from `area`, in the output's components; put into `place` where
        that spares a copy.
        """
        like = (source.type, source.components, source.premultiplication)
        if effect.passes(self._settings) and like == (
            output.type,
            output.components,
            output.premultiplication,
        ):
            return stored
        image = pixels.to_float(stored)
        result = (
            image if effect.passes(self._settings) else self._through(image, source, area, place)
        )
        result = pixels.with_premultiplication(
            result, source.premultiplication, output.premultiplication
        )
        return pixels.with_channels(result, output.channels)

    def _through(
        self,
        image: pixels.Pixels,
        source: Picture,
        area: Rectangle,
        place: pixels.Pixels | None,
    ) -> pixels.Pixels:
        # What a host calls opaque may hold anything in its alpha, which goes on as it came. Where
        # that is 1 it may as well be rendered: taking it off and putting it back costs copies.
        alpha_apart = (
            source.premultiplication == "OfxImageOpaque"
            and image.shape[2] == 4
            and not (image[..., 3] == 1).all()
        )
        light = (
            image[..., :3] if alpha_apart else pixels.with_channels(image, max(3, image.shape[2]))
        )
        now = self._disparity(self._request.time)
        self._stop_if_aborted()
        x1, _, _, y2 = self._request.frame
        result = effect.render_frame(
            light,
            _cropped(fitted(now, _size(self._request.frame)), self._request.frame, area),
            self._settings,
            space=self._space(source),
            # The view of the depth needs no focus, and shows why there is none.
            focus_disparity=0.0 if self._settings.view == "depth" else self._focus(now),
            frame=effect.Frame(
                _size(self._request.frame), (area[0] - x1, y2 - area[3]), self._request.time
            ),
            log_gain=self._log_gain(source.bounds, area),
            premultiplied=source.premultiplication != "OfxImageUnPreMultiplied",
            abort=self._abort,
            out=place if place is not None and place.shape == light.shape else None,
        )
        if alpha_apart:
            return np.concatenate([result, image[..., 3:]], axis=2)
        return result

    def _space(self, source: Picture) -> str:
        if source.components == "Alpha":
            return color.REC709_LINEAR
        return color.resolve(self._settings.colour_space, self._request.host, source.type)

    def _focus(self, now: Map) -> float:
        """The focus disparity at the frame's time."""
        request, settings = self._request, self._settings
        if settings.focus_mode == "distance":
            return effect.distance_focus(settings)
        targets = effect.focus_targets(settings, request.keys, request.time, near=True)
        if request.keys.get("focus_point") and any(target.follow for target in targets):
            focus = self._follow(
                targets,
                lambda shot, plan: shot.focus(
                    plan, request.time, self._view_at, self._stop_if_aborted
                ),
            )
            if focus is not None:
                return self._shown(*focus)
        missing: list[float] = []

        def disparity_of(target: FocusTarget) -> float:
            if target.frame == request.time:
                return disparity_at(now, target.x, target.y)
            try:
                return self._remembered(target, now)
            except _NeedError as need:
                missing.extend(need.times)
                return 0.0

        still = effect.point_focus(settings, targets, request.time, disparity_of)
        if missing:
            raise _NeedError(missing)
        return self._shown(still, None)

    def _shown(self, focus: Focus, box: "Box | None") -> float:
        """The focus disparity; what the viewer shows of it is kept for the reply."""
        self.sight = [float(_STATES.index(focus.state))]
        if box is not None:
            left, top, width, height = box
            self.sight += [left, 1 - top - height, left + width, 1 - top]
        return focus.disparity

    def _follow(
        self, targets: tuple[FocusTarget, ...], ask: "Callable[[FollowedShot, Plan], _Answer]"
    ) -> "_Answer | None":
        """Ask about the subjects that are followed; None: the host gives no other frames.

        Raises:
            _NeedError: the host must give frames first.
        """
        from synthetic_focus.focus.subjects import Plan
        from synthetic_focus.worker.following import LackingError

        settings, request = self._settings, self._request
        key = (request.instance, effect.reading(settings), self._depth_identity())
        shot = self._renderer.shot(key)
        if shot.alone:
            return None
        first, last = request.range or (
            min(request.time, targets[0].frame),
            max(request.time, targets[-1].frame),
        )
        options = effect.pull_options(settings)
        plan = Plan(targets, math.floor(first), math.ceil(max(first, last)), options)
        try:
            return ask(shot, plan)
        except LackingError as lacking:
            from_clip = settings.depth_source == "clip"
            clips = (_SOURCE, _DEPTH) if from_clip else (_SOURCE,)
            if any(self._is_missing(clip, frame) for clip in clips for frame in lacking.frames):
                shot.alone = True
                return None
            raise _NeedError(lacking.frames, clips) from None

    def _view_at(self, frame: int) -> "View | None":
        """What a tracker sees of a frame, if the host has given it."""
        from synthetic_focus.focus.tracking import View

        image = self._image(_SOURCE, frame)
        if image is None or image.picture is None or image.picture.size == 0:
            return None
        if self._settings.depth_source == "clip" and self._image(_DEPTH, frame) is None:
            return None
        if self._is_missing(_DEPTH, frame):
            return None
        picture = image.picture
        colour = pixels.with_channels(pixels.to_float(self._view(picture)), 3)
        return View.of(colour, self._disparity(frame), linear=color.is_linear(self._space(picture)))

    def _depth_identity(self) -> tuple[object, ...]:
        """What tells the shot's depth from any other that the instance may have."""
        if self._settings.depth_source == "estimate":
            return self._estimated_key()
        if self._settings.depth_source == "file":
            return self._renderer.depth_file(self._settings)[1]
        return (_DEPTH,)

    def _remembered(self, target: FocusTarget, now: Map) -> float:
        """The disparity of a target at another time, measured once."""
        settings = self._settings
        key = (
            self._request.instance,
            target,
            effect.reading(settings),
            self._request.frame,
            self._depth_identity(),
        )
        focus = self._renderer.focus(key)
        if focus is not None:
            return focus
        if settings.depth_source == "clip" and self._is_missing(_DEPTH, target.frame):
            # A host without access to other times: the subject is taken to be where it is now.
            return disparity_at(now, target.x, target.y)
        focus = disparity_at(self._disparity(target.frame), target.x, target.y)
        self._renderer.remember_focus(key, focus)
        return focus

    def _disparity(self, time: float) -> Map:
        """Disparity at a time, of the whole picture, at any size.

        Raises:
            _NeedError: the host must give the image first.
        """
        settings, request = self._settings, self._request
        reading = effect.reading(settings)
        if settings.depth_source == "file":
            file, _ = self._renderer.depth_file(settings)
            return file.disparity(time, reading)
        if settings.depth_source == "estimate":
            maps, metric = self._estimate(time)
            bounds = self._source().bounds
            found = effect.dioptres(maps.disparity, settings, metric=metric)
            if bounds == request.frame:
                return found
            return _extended(fitted(found, _size(bounds)), bounds, request.frame)
        image = self._image(_DEPTH, time)
        if image is None and request.connected.get(_DEPTH, False):
            raise _NeedError([time])
        if image is None or image.picture is None or image.picture.size == 0:
            raise RequestError(
                f"there is no depth at frame {time:g}: connect a picture of depth to the Depth "
                "input, or set Depth Source to Depth File and choose one"
            )
        picture = image.picture
        found = disparity(pixels.to_float(self._view(picture)), reading)
        if picture.bounds == self._source().bounds:
            return _extended(found, picture.bounds, request.frame)
        return found

    def _estimate(self, time: float) -> "tuple[Estimate, bool]":
        """The maps at a time, of all that the source holds, and whether disparity is metric.

        Raises:
            _NeedError: the host must give pictures first.
        """
        if time in self._maps:
            return self._maps[time]
        from synthetic_focus.worker.estimating import LackingTimesError

        request = self._request
        shot = self._renderer.estimated(
            self._estimated_key(), self._settings.depth_model, request.host
        )
        try:
            maps = shot.maps(
                time,
                request.range,
                self._glimpse,
                lambda other: self._is_missing(_SOURCE, other),
                self._go_on,
                self._stop_if_aborted,
            )
        except LackingTimesError as lacking:
            if self._is_missing(_SOURCE, time):
                raise RequestError(f"the host gave no picture at frame {time:g}") from None
            # With it what it is about, which would go otherwise.
            about = [] if time in (request.time, *lacking.times) else [time]
            raise _NeedError([*lacking.times, *about], (_SOURCE,)) from None
        self._maps[time] = maps, shot.metric
        return self._maps[time]

    def _estimated_key(self) -> tuple[object, ...]:
        # A proxy is another picture: it is estimated for itself, and the two do not mix.
        request, model = self._request, self._settings.depth_model
        space = self._space(self._source())
        return (request.instance, model, request.frame, self._source().bounds, space)

    def _glimpse(self, time: float) -> "Glimpse | None":
        """The picture of a time as it is analysed, if the host has given it."""
        from synthetic_focus.scene.analysis import Glimpse

        if time not in self._glimpses:
            image = self._image(_SOURCE, time)
            glimpse = None
            if image is not None and image.picture is not None and image.picture.size:
                colour = pixels.to_float(self._view(image.picture))
                space = self._space(image.picture)
                glimpse = Glimpse.of(pixels.with_channels(colour, max(3, colour.shape[2])), space)
            self._glimpses[time] = glimpse
        return self._glimpses[time]

    def _log_gain(self, bounds: Rectangle, area: Rectangle) -> pixels.Pixels | None:
        """The estimated gain of what of the source lies in `area`, at any size."""
        if self._settings.depth_source != "estimate" or not self._settings.recover_light:
            return None
        log_gain = self._estimate(self._request.time)[0].log_gain
        if log_gain is None or area == bounds:
            return log_gain
        return _cropped(fitted_log_gain(log_gain, _size(bounds)), bounds, area)

    def _source(self) -> Picture:
        image = self._image(_SOURCE, self._request.time)
        if image is None or image.picture is None:
            raise RequestError(f"the host gave no picture at frame {self._request.time:g}")
        return image.picture

    def _image(self, clip: str, time: float) -> Image | None:
        images = self._request.images
        return next((i for i in images if i.clip == clip and i.time == time), None)

    def _is_missing(self, clip: str, time: float) -> bool:
        image = self._image(clip, time)
        return image is not None and image.picture is None

    def _view(self, picture: Picture) -> npt.NDArray[np.generic]:
        return pixels.view(self._memory[picture.memory], picture)

    def _go_on(self) -> None:
        self._stop_if_aborted()
        self._report()

    def _stop_if_aborted(self) -> None:
        if self._abort.is_set():
            raise Aborted("the host stopped the render")


def settings_of(request: Render) -> Settings:
    """The settings of a request.

    Raises:
        ParameterError: a parameter that is unknown, or a value that it cannot have.
        PresetError: the preset is missing or faulty.
    """
    known, usual = parameters.table(), parameters.defaults()
    values = {name: known[name].from_host(value) for name, value in request.parameters.items()}
    preset = values.get("preset", "custom")
    if not request.preset_applied and preset != "custom":
        # The host never told the plug-in of the choice, so its controls are as they were.
        look = load_preset(str(preset)).settings
        values |= {n: v for n, v in look.items() if values.get(n, usual[n]) == usual[n]}
    return parameters.settings(values)


def preset_reply(message_id: int, name: str) -> Reply:
    """The values of a preset's parameters: a line of the message for each, in order.

    A line is the parameter's name, which takes its numbers off the values; or, of a text, the name,
    a tab and the text.

    Raises:
        PresetError: there is no such preset, or its file is faulty.
    """
    if name == "custom":
        return Reply(message_id, Status.OK)
    known = parameters.table()
    lines: list[str] = []
    values: list[float] = []
    for key, value in load_preset(name).settings.items():
        if isinstance(value, str) and known[key].type != "choice":
            text = value.replace("\n", " ")  # a line ends the text
            lines.append(f"{key}\t{text}")
        else:
            lines.append(key)
            values += known[key].to_host(value)
    return Reply(message_id, Status.OK, "\n".join(lines), values)


def save_preset_reply(request: SavePreset) -> Reply:
    """What tells the user where the preset was saved.

    Raises:
        ParameterError: a parameter that is unknown, or a value that it cannot have.
        PresetError: the name is none, or the file cannot be written.
    """
    known = parameters.table()
    values = {name: known[name].from_host(value) for name, value in request.parameters.items()}
    path = save_preset(request.name, values, replace=True)
    return Reply(request.id, Status.OK, f"The lens is saved as the preset {path.stem}, in {path}.")


def _stamp(path: Path) -> int:
    """When the file, or the folder of a sequence's pattern, last changed."""
    for place in (path, path.parent):
        try:
            return os.stat(place).st_mtime_ns  # noqa: PTH116 - None of pathlib's checks is wanted
        except OSError:
            continue
    return 0


def _size(bounds: Rectangle) -> tuple[int, int]:
    return bounds[2] - bounds[0], bounds[3] - bounds[1]


def _common(one: Rectangle, other: Rectangle) -> Rectangle | None:
    x1, y1 = max(one[0], other[0]), max(one[1], other[1])
    x2, y2 = min(one[2], other[2]), min(one[3], other[3])
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _cropped(
    array: npt.NDArray[_Scalar], bounds: Rectangle, area: Rectangle
) -> npt.NDArray[_Scalar]:
    """The part of an array, its top row first, that shows `area`."""
    left, top = area[0] - bounds[0], bounds[3] - area[3]
    width, height = _size(area)
    return array[top : top + height, left : left + width]


def _extended(disparities: Map, bounds: Rectangle, frame: Rectangle) -> Map:
    """A map of some part of the picture as one of the whole; beyond its edges they hold."""
    if bounds == frame:
        return disparities
    area = _common(bounds, frame)
    if area is None:
        raise RequestError("the depth picture lies outside the picture")
    margins = (
        (frame[3] - area[3], area[1] - frame[1]),
        (area[0] - frame[0], frame[2] - area[2]),
    )
    return np.pad(_cropped(disparities, bounds, area), margins, "edge")


def _put(
    result: npt.NDArray[np.generic],
    area: Rectangle,
    output: npt.NDArray[np.generic],
    picture: Picture,
) -> None:
    """Store what lies in both; the rest of the output is black and transparent."""
    common = _common(area, picture.bounds)
    if common != picture.bounds:
        output[...] = np.zeros((), output.dtype)
    if common is not None:
        pixels.store(_cropped(result, area, common), _cropped(output, picture.bounds, common))
