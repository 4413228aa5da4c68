"""An instance of an effect: its parameters, its clips and its renders."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.errors import ActionError, HostError, RenderAbortedError
from synthetic_focus.ofx_host.image import (
    COMPONENTS,
    DEPTHS,
    Image,
    PixelRect,
    Pixels,
    Rect,
    address,
    allocate,
    as_image,
    converted,
    cropped,
    image_properties,
    intersection,
    laid_out,
    pixel_rect,
    resampled,
)
from synthetic_focus.ofx_host.processes import opened_processes

if TYPE_CHECKING:
    from synthetic_focus.ofx_host.host import Plugin

OK = 0
FAILED = 1
REPLY_DEFAULT = 14
USER_EDITED = "OfxChangeUserEdited"
TIME_CHANGED = "OfxChangeTime"

AbortSignal = _suites.AbortSignal
"""Ends a render from another thread: `set()`. AbortSignal(n) fires when the plug-in asks the nth
time; `polls` says how often it has asked."""

Source = Image | Pixels | Callable[[float], "Image | Pixels | None"]
"""What a clip shows: one picture, or a picture for a time (None: there is none at that time)."""

_UNTOUCHED = 0xA5
"""What memory that a render must not write is filled with."""

Value = int | float | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Project:
    """The frame and the timeline that an instance works in.

    region: of the frame, in canonical coordinates; it need not start at 0, 0.
    frames: first and last frame.
    """

    region: Rect = (0.0, 0.0, 1920.0, 1080.0)
    aspect: float = 1.0
    fps: float = 24.0
    frames: tuple[float, float] = (0.0, 99.0)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        x1, y1, x2, y2 = self.region
        return (x2 - x1, y2 - y1)


@dataclass(frozen=True)
class ClipPreferences:
    """What the effect's output is like."""

    components: Mapping[str, str]
    depths: Mapping[str, str]
    premultiplication: str
    fps: float
    frame_varying: bool
    continuous_samples: bool


@dataclass(frozen=True)
class _Render:
    """What the callbacks of one render need to know."""

    time: float
    scale: tuple[float, float]
    output: Image
    output_region: Rect
    regions: Mapping[str, Rect] | None


class Parameter:
    """A parameter of an instance. Every change tells the plug-in, as a user's edit would."""

    def __init__(self, instance: "Instance", parameter: Any) -> None:
        self._instance = instance
        self._parameter = parameter

    @property
    def name(self) -> str:
        """As projects store it."""
        return str(self._parameter.name)

    @property
    def type(self) -> str:
        """Such as "OfxParamTypeDouble"."""
        return str(self._parameter.type)

    @property
    def properties(self) -> Mapping[str, list[Any]]:
        """Every property's values, as they are now."""
        properties = self._parameter.properties
        return MappingProxyType({name: properties.get(name) for name in properties.names()})

    @property
    def options(self) -> list[str]:
        """A choice's labels."""
        return [str(label) for label in self._parameter.properties.get("OfxParamPropChoiceOption")]

    @property
    def value(self) -> Value:
        """At the playhead."""
        return self.at(self._instance.plugin.host.time)

    def at(self, time: float) -> Value:
        """At that time."""
        self._needs_value()
        value: Value = self._parameter.at(time)
        return value

    @property
    def keys(self) -> list[tuple[float, Value]]:
        """Time and value of each key, in the order of time."""
        self._needs_value()
        return list(self._parameter.curve()[1])

    def set(self, value: Value) -> None:
        """Sets the value for all times; keys are deleted. A choice takes a label as well."""
        self._needs_value()
        _, _, interpolation = self._parameter.curve()
        self._change(self._number(value), [], interpolation)

    def set_key(self, time: float, value: Value) -> None:
        """Sets a key, in place of one that is there.

        Raises:
            HostError: the parameter does not animate.
        """
        self._needs_value()
        if not self._parameter.properties.get("OfxParamPropAnimates")[0]:
            raise HostError(f"parameter {self.name} does not animate")
        constant, keys, interpolation = self._parameter.curve()
        kept = [key for key in keys if key[0] != time]
        self._change(constant, [*kept, (time, self._number(value))], interpolation)

    def delete_key(self, time: float) -> None:
        """Deletes the key at exactly that time; without keys, the parameter keeps its value.

        Raises:
            HostError: there is none.
        """
        self._needs_value()
        constant, keys, interpolation = self._parameter.curve()
        kept = [key for key in keys if key[0] != time]
        if len(kept) == len(keys):
            raise HostError(f"parameter {self.name} has no key at {time}")
        self._change(constant if kept else keys[0][1], kept, interpolation)

    @property
    def interpolation(self) -> Literal["linear", "constant"]:
        """How values between two keys come about."""
        found: Literal["linear", "constant"] = self._parameter.curve()[2]
        return found

    @interpolation.setter
    def interpolation(self, interpolation: Literal["linear", "constant"]) -> None:
        self._needs_value()
        constant, keys, _ = self._parameter.curve()
        self._change(constant, keys, interpolation)

    def press(self) -> None:
        """Presses a push button."""
        if self.type != "OfxParamTypePushButton":
            raise HostError(f"parameter {self.name} is no push button")
        self._instance._parameter_changed(self.name)

    def _change(self, constant: Any, keys: list[tuple[float, Any]], interpolation: str) -> None:
        self._parameter.set_curve(constant, keys, interpolation)
        self._instance._parameter_changed(self.name)

    def _number(self, value: Value) -> Value:
        if self.type == "OfxParamTypeChoice" and isinstance(value, str):
            if value not in self.options:
                raise HostError(f"parameter {self.name} has no option {value!r}: {self.options}")
            return self.options.index(value)
        return value

    def _needs_value(self) -> None:
        if not self._parameter.holds_value:
            raise HostError(f"parameter {self.name} is a {self.type} and holds no value")

    def _saved(self) -> dict[str, Any]:
        constant, keys, interpolation = self._parameter.curve()
        saved: dict[str, Any] = {"value": constant}
        if keys:
            saved |= {"keys": [list(key) for key in keys], "interpolation": interpolation}
        return saved

    def _restore(self, saved: Mapping[str, Any]) -> None:
        self._parameter.set_curve(
            saved["value"], saved.get("keys", []), saved.get("interpolation", "linear")
        )


class Clip:
    """An input or the output of an instance."""

    def __init__(self, instance: "Instance", clip: Any) -> None:
        self._instance = instance
        self._clip = clip
        self._source: Source | None = None
        self._sample: Image | None = None

    @property
    def name(self) -> str:
        """Such as "Source"."""
        return str(self._clip.name)

    @property
    def properties(self) -> Mapping[str, list[Any]]:
        """Every property's values, as they are now."""
        properties = self._clip.properties
        return MappingProxyType({name: properties.get(name) for name in properties.names()})

    @property
    def connected(self) -> bool:
        """Whether there is anything; some hosts say yes to the plug-in nevertheless."""
        return self._source is not None

    def connect(self, source: Source, *, like: Image | Pixels | None = None) -> None:
        """Connects a picture or pictures, in place of what was connected.

        Args:
            source: what the clip shows.
            like: a picture of the same size and kind; without it, that of the first frame is asked
                for.
        """
        sample = like if like is not None else self._picture_of(source)
        if sample is None:
            raise HostError(
                f"clip {self.name} has no picture at the first frame: say what it is like"
            )
        self._attach(source, as_image(sample, aspect=self._instance.project.aspect))
        self._instance._clip_changed(self.name)

    def disconnect(self) -> None:
        """Takes away what was connected."""
        self._attach(None, None)
        self._instance._clip_changed(self.name)

    def changed(self) -> None:
        """Tells the plug-in that the pictures are others than before."""
        if self._source is not None:
            sample = self._picture_of(self._source)
            if sample is not None:
                self._attach(self._source, as_image(sample))
        self._instance._clip_changed(self.name)

    def region(self) -> Rect | None:
        """The region of definition, in canonical coordinates; None where nothing is connected."""
        return None if self._sample is None else self._sample.region

    def picture(self, time: float) -> Image | None:
        """What the clip shows at that time."""
        if callable(self._source):
            found = self._source(time)
            return None if found is None else as_image(found, aspect=self._instance.project.aspect)
        return None if self._source is None else self._sample

    def _picture_of(self, source: Source) -> Image | Pixels | None:
        return source(self._instance.project.frames[0]) if callable(source) else source

    @property
    def _components(self) -> str:
        return str(self._clip.properties.get("OfxImageEffectPropComponents")[0])

    @property
    def _depth(self) -> str:
        return str(self._clip.properties.get("OfxImageEffectPropPixelDepth")[0])

    def _attach(self, source: Source | None, sample: Image | None) -> None:
        project, behaviour = self._instance.project, self._instance.plugin.host.behaviour
        # Once for all frames, where it is the same picture in all of them.
        self._sample = sample if sample is None or callable(source) else laid_out(sample, behaviour)
        self._source = source
        looks_connected = source is not None or (
            behaviour.empty_clip != "unconnected" and self.name != "Output"
        )
        write = self._clip.properties.set
        write("OfxImageClipPropConnected", int(looks_connected or self.name == "Output"))
        frames = tuple(float(f) for f in project.frames)
        write("OfxImageEffectPropFrameRange", frames)
        write("OfxImageEffectPropUnmappedFrameRange", frames)
        write("OfxImageEffectPropFrameRate", float(project.fps))
        write("OfxImageEffectPropUnmappedFrameRate", float(project.fps))
        write("OfxImagePropPixelAspectRatio", float(sample.aspect if sample else project.aspect))
        if sample is None:
            return
        write("OfxImageClipPropUnmappedPixelDepth", sample.depth)
        write("OfxImageClipPropUnmappedComponents", sample.components)
        write("OfxImageEffectPropPixelDepth", self._mapped_depth(sample))
        write("OfxImageEffectPropComponents", self._mapped_components(sample))
        write("OfxImageEffectPropPreMultiplication", sample.premultiplication)

    def _mapped_depth(self, sample: Image) -> str:
        supported = self._instance.supported_depths
        if (
            sample.depth in supported
            or self._instance.plugin.host.behaviour.sends_unsupported_images
        ):
            return sample.depth
        return next((depth for depth in reversed(DEPTHS) if depth in supported), sample.depth)

    def _mapped_components(self, sample: Image) -> str:
        supported = self._clip.properties.get("OfxImageEffectPropSupportedComponents")
        if (
            sample.components in supported
            or self._instance.plugin.host.behaviour.sends_unsupported_images
        ):
            return sample.components
        return next((c for c in reversed(COMPONENTS) if c in supported), sample.components)


class Instance:
    """An instance of an effect. Close it, or use it as a context manager.

    Renders may run from many threads at once, as far as the plug-in says that it is safe.
    """

    def __init__(
        self,
        plugin: "Plugin",
        description: Any,
        *,
        context: str,
        project: Project,
        clips: Mapping[str, Source],
        saved: Mapping[str, Any] | None,
    ) -> None:
        self.plugin = plugin
        self.context = context
        self.project = project
        self._effect = description.copy(True)
        self._write_properties()
        self.parameters: Mapping[str, Parameter] = MappingProxyType(
            {p.name: Parameter(self, p) for p in self._effect.parameters}
        )
        self.clips: Mapping[str, Clip] = MappingProxyType(
            {c.name: Clip(self, c) for c in self._effect.clips}
        )
        self._clips_by_handle = {c.handle: self.clips[c.name] for c in self._effect.clips}
        self._preferences: ClipPreferences | None = None
        self._preferences_lock = threading.Lock()
        self._edited: list[str] | None = None
        self._sequences = 0
        self._render_lock = self._choose_render_lock()
        for name, clip in self.clips.items():
            source = clips.get(name)
            sample = None if source is None else clip._picture_of(source)
            clip._attach(
                source, None if sample is None else as_image(sample, aspect=project.aspect)
            )
        for name, value in (saved or {}).get("parameters", {}).items():
            if name in self.parameters:
                self.parameters[name]._restore(value)
        self._create()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getitem__(self, parameter: str) -> Parameter:
        return self.parameters[parameter]

    def close(self) -> None:
        """Destroys the instance."""
        if not self._effect.alive:
            return
        self._effect.alive = False
        self._action("OfxActionDestroyInstance")
        self._forget()

    @property
    def properties(self) -> Mapping[str, list[Any]]:
        """Every property's values, as they are now."""
        properties = self._effect.properties
        return MappingProxyType({name: properties.get(name) for name in properties.names()})

    @property
    def persistent_message(self) -> str:
        """What the plug-in has to say until it takes it back; empty when it has nothing."""
        return str(self._effect.persistent_message)

    @property
    def supported_depths(self) -> list[str]:
        """The pixel depths that the plug-in takes."""
        return [
            str(d) for d in self._effect.properties.get("OfxImageEffectPropSupportedPixelDepths")
        ]

    # ------------------------------------------------------------ editing

    @contextlib.contextmanager
    def edit(self, label: str) -> Iterator[None]:
        """Makes the changes within one entry of the undo list, and one notice to the plug-in."""
        self._effect.begin_edit(label)
        self._edited = []
        try:
            yield
        finally:
            edited, self._edited = self._edited, None
            self._effect.end_edit()
            self._tell_changed("OfxTypeParameter", edited, USER_EDITED)

    def undo(self) -> None:
        """Takes the last edit back, the user's or the plug-in's."""
        self._tell_changed("OfxTypeParameter", self._effect.undo(), USER_EDITED)

    @property
    def undo_labels(self) -> list[str]:
        """The edits that can be taken back, the last one last."""
        return list(self._effect.undo_labels)

    def save(self) -> dict[str, Any]:
        """What a project file keeps: plain dictionaries, lists, numbers and strings."""
        self.sync()
        return {
            "plugin": self.plugin.identifier,
            "version": list(self.plugin.version),
            "context": self.context,
            "parameters": {
                name: parameter._saved()
                for name, parameter in self.parameters.items()
                if parameter.properties.get("OfxParamPropPersistant") == [1]
            },
        }

    def sync(self) -> None:
        """Tells the plug-in to put what it keeps to itself into its parameters."""
        self._action("OfxActionSyncPrivateData")

    def purge(self) -> None:
        """Tells the plug-in to let go of what it can."""
        self._action("OfxActionPurgeCaches")

    def begin_editing(self) -> None:
        """Tells the plug-in that its panel opens."""
        self._action("OfxActionBeginInstanceEdit")

    def end_editing(self) -> None:
        """Tells the plug-in that its panel closes."""
        self._action("OfxActionEndInstanceEdit")

    # ------------------------------------------------------------ questions

    def clip_preferences(self) -> ClipPreferences:
        """What goes in and out, as the plug-in wants it; asked again when clips have changed."""
        with self._preferences_lock:
            if self._preferences is None:
                self._preferences = self._ask_clip_preferences()
            return self._preferences

    def region_of_definition(self, time: float, scale: tuple[float, float] = (1.0, 1.0)) -> Rect:
        """Where the output has pixels, in canonical coordinates."""
        answer = self.plugin.answer(
            {"OfxImageEffectPropRegionOfDefinition": self._default_region()}
        )
        arguments = self._at(time, scale)
        self._action("OfxImageEffectActionGetRegionOfDefinition", arguments, answer, time=time)
        return _rect(answer.get("OfxImageEffectPropRegionOfDefinition"))

    def regions_of_interest(
        self, time: float, region: Rect, scale: tuple[float, float] = (1.0, 1.0)
    ) -> dict[str, Rect]:
        """What the plug-in needs of each input to render a region, in canonical coordinates."""
        names = {clip: f"OfxImageClipPropRoI_{clip}" for clip in self._inputs()}
        wanted = tuple(float(side) for side in region)
        answer = self.plugin.answer(dict.fromkeys(names.values(), wanted))
        arguments = self._at(time, scale, {"OfxImageEffectPropRegionOfInterest": wanted})
        self._action("OfxImageEffectActionGetRegionsOfInterest", arguments, answer, time=time)
        return {clip: _rect(answer.get(name)) for clip, name in names.items()}

    def frames_needed(self, time: float) -> dict[str, list[tuple[float, float]]]:
        """The ranges of frames that the plug-in needs of each input."""
        names = {clip: f"OfxImageClipPropFrameRange_{clip}" for clip in self._inputs()}
        answer = self.plugin.answer({})
        for name in names.values():
            answer.define(name, (float(time), float(time)), open=True)
        arguments = self.plugin.arguments({"OfxPropTime": float(time)})
        self._action("OfxImageEffectActionGetFramesNeeded", arguments, answer, time=time)
        ranges = {clip: answer.get(name) for clip, name in names.items()}
        return {
            clip: list(zip(ends[0::2], ends[1::2], strict=True)) for clip, ends in ranges.items()
        }

    def time_domain(self) -> tuple[float, float]:
        """The frames that the plug-in can make."""
        first, last = self.project.frames
        answer = self.plugin.answer({"OfxImageEffectPropFrameRange": (float(first), float(last))})
        self._action("OfxImageEffectActionGetTimeDomain", None, answer)
        first, last = answer.get("OfxImageEffectPropFrameRange")
        return (first, last)

    def is_identity(
        self,
        time: float,
        window: PixelRect | None = None,
        scale: tuple[float, float] = (1.0, 1.0),
    ) -> tuple[str, float] | None:
        """Clip and time whose picture the output would equal, or None."""
        if window is None:
            window = self.frame(time, scale)
        answer = self.plugin.answer({"OfxPropName": "", "OfxPropTime": float(time)})
        arguments = self._at(
            time,
            scale,
            {
                "OfxImageEffectPropRenderWindow": window,
                "OfxImageEffectPropFieldToRender": "OfxFieldNone",
            },
        )
        status = self._action("OfxImageEffectActionIsIdentity", arguments, answer, time=time)
        if status == REPLY_DEFAULT:
            return None
        name = str(answer.get("OfxPropName")[0])
        if name not in self.clips:
            self.plugin.host._suites.violation(
                f"OfxImageEffectActionIsIdentity: {name!r} is no clip"
            )
            return None
        return name, float(answer.get("OfxPropTime")[0])

    def frame(self, time: float, scale: tuple[float, float] = (1.0, 1.0)) -> PixelRect:
        """The whole output in pixels."""
        return pixel_rect(self.region_of_definition(time, scale), scale, self.project.aspect)

    # ------------------------------------------------------------ rendering

    @contextlib.contextmanager
    def sequence(
        self,
        first: float,
        last: float,
        *,
        step: float = 1.0,
        scale: tuple[float, float] = (1.0, 1.0),
        interactive: bool = False,
    ) -> Iterator[None]:
        """Announces the renders within, as hosts do for a run of frames."""
        arguments = {
            "OfxImageEffectPropFrameRange": (float(first), float(last)),
            "OfxImageEffectPropFrameStep": float(step),
            "OfxPropIsInteractive": 0,
            "OfxImageEffectPropRenderScale": scale,
            "OfxImageEffectPropSequentialRenderStatus": 0,
            "OfxImageEffectPropInteractiveRenderStatus": int(interactive),
        }
        self._action(
            "OfxImageEffectActionBeginSequenceRender", self.plugin.arguments(arguments), time=first
        )
        self._sequences += 1
        try:
            yield
        finally:
            self._sequences -= 1
            self._action(
                "OfxImageEffectActionEndSequenceRender", self.plugin.arguments(arguments), time=last
            )

    def render(
        self,
        time: float,
        window: PixelRect | None = None,
        *,
        scale: tuple[float, float] = (1.0, 1.0),
        abort: AbortSignal | None = None,
        asks_identity: bool = True,
        draft: bool = False,
        interactive: bool = False,
        into: Pixels | None = None,
    ) -> Image:
        """Renders one frame, or a window of it.

        Args:
            time: of the frame; may be negative and between frames.
            window: pixel rectangle at that scale; without one, the whole frame.
            scale: pixels per pixel of the full-size frame.
            abort: ends the render when it is set.
            asks_identity: asks whether the output equals an input, and takes that, as hosts do.
            draft, interactive: as the plug-in is told.
            into: memory for the pixels, of the window's shape and the output's type, top row first,
                any strides; without it, fresh memory.

        Raises:
            ActionError: the plug-in failed.
            RenderAbortedError: it was aborted.
        """
        scale = (float(scale[0]), float(scale[1]))
        preferences = self.clip_preferences()
        region = self.region_of_definition(time, scale)
        frame = pixel_rect(region, scale, self.project.aspect)
        window = self._checked_window(window, frame)
        if asks_identity and (same := self.is_identity(time, window, scale)) is not None:
            picture = self._identical(*same, window, scale, preferences)
            if picture is not None:
                return picture
        output, memory = self._output(frame, window, scale, preferences, into)
        regions = None
        if self.plugin.host.behaviour.inputs_cover == "region of interest":
            wanted = _region(window, scale, self.project.aspect)
            regions = self.regions_of_interest(time, wanted, scale)
        arguments = self._at(
            time,
            scale,
            {
                "OfxImageEffectPropRenderWindow": window,
                "OfxImageEffectPropFieldToRender": "OfxFieldNone",
                "OfxImageEffectPropSequentialRenderStatus": 0,
                "OfxImageEffectPropInteractiveRenderStatus": int(interactive),
                "OfxImageEffectPropRenderQualityDraft": int(draft),
            },
        )
        announced: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if self._sequences == 0:
            announced = self.sequence(time, time, scale=scale, interactive=interactive)
        with announced:
            note = _Render(time, scale, output, region, regions)
            self._render(arguments, note, abort if abort is not None else AbortSignal())
        part = cropped(output, window)
        if part is None:
            raise HostError(f"the render window {window} is empty")
        if memory is not None:
            self._check_untouched(part, memory)
        return part

    def abort(self) -> None:
        """Ends all renders of this instance, now and later."""
        self._effect.abort()

    def _output(
        self,
        frame: PixelRect,
        window: PixelRect,
        scale: tuple[float, float],
        preferences: ClipPreferences,
        into: Pixels | None,
    ) -> tuple[Image, Pixels | None]:
        """The output's image, and its memory where that is more than the window's pixels."""
        behaviour = self.plugin.host.behaviour
        bounds = frame if behaviour.output_covers == "frame" else window
        components, depth = preferences.components["Output"], preferences.depths["Output"]
        memory = None
        if into is None:
            pixels, memory = allocate(bounds, components, depth, behaviour)
            if behaviour.row_padding or bounds != window:
                memory[...] = _UNTOUCHED
            else:
                memory = None
        else:
            pixels, bounds = into, window
        output = Image(
            pixels, bounds[:2], scale, self.project.aspect, preferences.premultiplication
        )
        if (output.bounds, output.components, output.depth) != (bounds, components, depth):
            raise HostError(f"the output is {bounds}, {components}, {depth}: `into` does not fit")
        return output, memory

    def _render(self, arguments: Any, note: _Render, abort: AbortSignal) -> None:
        failed: ActionError | None = None
        try:
            with self._render_lock:
                self._action(
                    "OfxImageEffectActionRender",
                    arguments,
                    time=note.time,
                    abort=abort,
                    render=note,
                    accepts=(OK,),
                )
        except ActionError as error:
            failed = error
        # Plug-ins answer OK to a render that they gave up as well.
        if abort.is_set or self._effect.is_aborted:
            raise RenderAbortedError(f"the render of time {note.time} was aborted")
        if failed is not None:
            raise failed

    def _check_untouched(self, part: Image, memory: Pixels) -> None:
        """What lies around the render window belongs to somebody else."""
        outside = np.ones_like(memory, dtype=bool)
        lowest, step = address(part.pixels)
        height, width, channels = part.pixels.shape
        for row in range(height):
            start = lowest - memory.ctypes.data + row * step
            outside[start : start + width * channels * part.pixels.itemsize] = False
        if np.any(memory[outside] != _UNTOUCHED):
            self.plugin.host._suites.violation(
                f"OfxImageEffectActionRender: memory outside the window {part.bounds} was written"
            )

    def _identical(
        self,
        clip: str,
        time: float,
        window: PixelRect,
        scale: tuple[float, float],
        preferences: ClipPreferences,
    ) -> Image | None:
        picture = self.clips[clip].picture(time)
        if picture is None:
            return None
        part = cropped(resampled(picture, scale), window)
        if part is None:
            return None
        return converted(part, preferences.components["Output"], preferences.depths["Output"])

    def _checked_window(self, window: PixelRect | None, frame: PixelRect) -> PixelRect:
        if window is None or tuple(window) == frame:
            return frame
        x1, y1, x2, y2 = window
        if intersection(window, frame) != (x1, y1, x2, y2) or x1 >= x2 or y1 >= y2:
            raise HostError(f"the render window {window} is no part of the frame {frame}")
        if not self._effect.properties.get("OfxImageEffectPropSupportsTiles")[0]:
            raise HostError("the plug-in renders whole frames only")
        return (x1, y1, x2, y2)

    def _choose_render_lock(self) -> contextlib.AbstractContextManager[Any]:
        safety = self._effect.properties.get("OfxImageEffectPluginRenderThreadSafety")[0]
        if safety == "OfxImageEffectRenderFullySafe":
            return contextlib.nullcontext()
        if safety == "OfxImageEffectRenderInstanceSafe":
            return threading.RLock()
        return self.plugin.unsafe_lock

    # ------------------------------------------------------------ what the suites ask

    def _fetch(
        self, handle: int, time: float, region: Rect | None, render: _Render | None
    ) -> tuple[int, Any]:
        clip = self._clips_by_handle[handle]
        behaviour = self.plugin.host.behaviour
        if clip.name == "Output":
            if render is None:
                return FAILED, None
            return OK, self._handed_out(render.output, render.output_region, render.scale)
        scale = render.scale if render is not None else (1.0, 1.0)
        if not clip.connected:
            return self._empty_image(scale)
        if render is not None and time != render.time:
            if not clip._clip.properties.get("OfxImageEffectPropTemporalClipAccess")[0]:
                self.plugin.host._suites.violation(
                    f"clip {clip.name} was read at another time without temporal clip access"
                )
            if behaviour.other_times == "refused":
                return FAILED, None
            if behaviour.other_times == "current":
                time = render.time
        picture = clip.picture(time)
        if picture is None:
            return FAILED, None
        whole = picture.region
        if not behaviour.sends_unsupported_images:
            picture = converted(picture, clip._components, clip._depth)
        picture = resampled(picture, scale)
        if region is None and render is not None and render.regions is not None:
            region = render.regions[clip.name]
        if region is not None and behaviour.inputs_cover == "region of interest":
            part = cropped(picture, pixel_rect(region, scale, picture.aspect))
            if part is None:
                return FAILED, None
            picture = part
        return OK, self._handed_out(laid_out(picture, behaviour), whole, scale)

    def _handed_out(self, image: Image, region: Rect, scale: tuple[float, float]) -> Any:
        properties = image_properties(image, region, self.plugin.host.behaviour, scale)
        data, _ = address(image.pixels)
        return _suites.make_image(self.plugin.host._suites, "an image", properties, data, image)

    def _empty_image(self, scale: tuple[float, float]) -> tuple[int, Any]:
        behaviour, project = self.plugin.host.behaviour, self.project
        match behaviour.empty_clip:
            case "unconnected" | "no image":
                return FAILED, None
            case "null handle":
                return OK, None
        bounds = pixel_rect(project.region, scale, project.aspect)
        pixels, _ = allocate(bounds, "OfxImageComponentRGBA", "OfxBitDepthFloat", behaviour)
        pixels[...] = 0.0
        image = Image(pixels, bounds[:2], scale, project.aspect)
        if behaviour.empty_clip == "black":
            return OK, self._handed_out(image, project.region, scale)
        properties = image_properties(image, project.region, behaviour, scale)
        return OK, _suites.make_image(self.plugin.host._suites, "an image", properties, 0, None)

    def _clip_region(self, handle: int, time: float) -> Rect | None:
        clip = self._clips_by_handle[handle]
        if clip.name == "Output":
            return self._default_region()
        if clip.connected:
            picture = clip.picture(time)
            return clip.region() if picture is None else picture.region
        looks_connected = self.plugin.host.behaviour.empty_clip != "unconnected"
        return _rect(self.project.region) if looks_connected else None

    # ------------------------------------------------------------ telling the plug-in

    def _parameter_changed(self, name: str) -> None:
        if self._edited is not None:
            self._edited.append(name)
        else:
            self._tell_changed("OfxTypeParameter", [name], USER_EDITED)

    def _clip_changed(self, name: str) -> None:
        self._preferences = None
        self._tell_changed("OfxTypeClip", [name], USER_EDITED)

    def _time_changed(self) -> None:
        animated = [
            name
            for name, parameter in self.parameters.items()
            if parameter._parameter.holds_value and parameter.keys
        ]
        self._tell_changed("OfxTypeParameter", animated, TIME_CHANGED)

    def _tell_changed(self, kind: str, names: list[str], reason: str) -> None:
        if not names or not self._effect.alive:
            return
        slaves = self._effect.properties.get("OfxImageEffectPropClipPreferencesSlaveParam")
        if any(name in slaves for name in names):
            self._preferences = None
        why = {"OfxPropChangeReason": reason}
        self._action("OfxActionBeginInstanceChanged", self.plugin.arguments(why))
        for name in dict.fromkeys(names):
            what = why | {"OfxPropType": kind, "OfxPropName": name}
            arguments = self._at(self.plugin.host.time, (1.0, 1.0), what)
            self._action("OfxActionInstanceChanged", arguments)
        self._action("OfxActionEndInstanceChanged", self.plugin.arguments(why))
        if self._effect.end_edit():
            self.plugin.host._suites.violation(
                "OfxActionEndInstanceChanged: paramEditBegin without a paramEditEnd"
            )

    def _create(self) -> None:
        host = self.plugin.host
        for clip in self._clips_by_handle:
            host._instances[clip] = self
        accepts = (OK,) if host.behaviour.insists_on_ok else (OK, REPLY_DEFAULT)
        try:
            with opened_processes(host._suites.violation, "creating an instance"):
                self._action("OfxActionCreateInstance", accepts=accepts)
        except ActionError:
            self._forget()
            raise
        self._effect.alive = True

    def _forget(self) -> None:
        for clip in self._clips_by_handle:
            self.plugin.host._instances.pop(clip, None)

    def _ask_clip_preferences(self) -> ClipPreferences:
        source = next((c for n, c in self.clips.items() if n != "Output" and c.connected), None)
        components = {name: clip._components for name, clip in self.clips.items()}
        depths = {name: clip._depth for name, clip in self.clips.items()}
        components["Output"] = source._components if source else "OfxImageComponentRGBA"
        depths["Output"] = source._depth if source else "OfxBitDepthFloat"
        premultiplication = (
            source.properties["OfxImageEffectPropPreMultiplication"][0] if source else None
        )
        answer = self.plugin.answer({})
        for name in self.clips:
            answer.define(f"OfxImageClipPropComponents_{name}", components[name])
            answer.define(f"OfxImageClipPropDepth_{name}", depths[name])
            answer.define(f"OfxImageClipPropPAR_{name}", float(self.project.aspect))
        answer.define("OfxImageEffectPropFrameRate", float(self.project.fps))
        answer.define("OfxImageEffectPropPreMultiplication", premultiplication or "OfxImageOpaque")
        answer.define("OfxImageClipPropFieldOrder", "OfxFieldNone")
        answer.define("OfxImageClipPropContinuousSamples", 0)
        answer.define("OfxImageEffectFrameVarying", 0)
        self._action("OfxImageEffectActionGetClipPreferences", None, answer)
        components = {n: answer.get(f"OfxImageClipPropComponents_{n}")[0] for n in self.clips}
        depths = {n: answer.get(f"OfxImageClipPropDepth_{n}")[0] for n in self.clips}
        preferences = ClipPreferences(
            components=MappingProxyType(components),
            depths=MappingProxyType(depths),
            premultiplication=answer.get("OfxImageEffectPropPreMultiplication")[0],
            fps=answer.get("OfxImageEffectPropFrameRate")[0],
            frame_varying=bool(answer.get("OfxImageEffectFrameVarying")[0]),
            continuous_samples=bool(answer.get("OfxImageClipPropContinuousSamples")[0]),
        )
        for name, clip in self.clips.items():
            if name == "Output" or clip.connected:
                clip._clip.properties.set("OfxImageEffectPropComponents", components[name])
                clip._clip.properties.set("OfxImageEffectPropPixelDepth", depths[name])
        output = self.clips["Output"]._clip.properties
        output.set("OfxImageEffectPropPreMultiplication", preferences.premultiplication)
        return preferences

    def _default_region(self) -> Rect:
        regions = [
            region
            for name, clip in self.clips.items()
            if name != "Output"
            and not clip.properties["OfxImageClipPropOptional"][0]
            and (region := clip.region()) is not None
        ]
        if not regions:
            return _rect(self.project.region)
        return (
            min(r[0] for r in regions),
            min(r[1] for r in regions),
            max(r[2] for r in regions),
            max(r[3] for r in regions),
        )

    def _inputs(self) -> list[str]:
        return [name for name in self.clips if name != "Output"]

    def _write_properties(self) -> None:
        project, write = self.project, self._effect.properties.set
        first, last = project.frames
        write("OfxImageEffectPropContext", f"OfxImageEffectContext{self.context}")
        write("OfxImageEffectPropProjectSize", tuple(float(s) for s in project.size))
        write("OfxImageEffectPropProjectOffset", tuple(float(s) for s in project.region[:2]))
        write("OfxImageEffectPropProjectExtent", tuple(float(s) for s in project.region[2:]))
        write("OfxImageEffectPropPixelAspectRatio", float(project.aspect))
        write("OfxImageEffectInstancePropEffectDuration", float(last - first + 1))
        write("OfxImageEffectPropFrameRate", float(project.fps))

    def _at(
        self, time: float, scale: tuple[float, float], more: Mapping[str, Any] | None = None
    ) -> Any:
        return self.plugin.arguments(
            {
                "OfxPropTime": float(time),
                "OfxImageEffectPropRenderScale": (float(scale[0]), float(scale[1])),
                **(more or {}),
            }
        )

    def _action(self, action: str, arguments: Any = None, answer: Any = None, **how: Any) -> int:
        return self.plugin.action(action, self._effect, arguments, answer, **how)


def _rect(sides: Iterable[float]) -> Rect:
    x1, y1, x2, y2 = sides
    return (float(x1), float(y1), float(x2), float(y2))


def _region(window: PixelRect, scale: tuple[float, float], aspect: float) -> Rect:
    x1, y1, x2, y2 = window
    return (x1 / scale[0] * aspect, y1 / scale[1], x2 / scale[0] * aspect, y2 / scale[1])
