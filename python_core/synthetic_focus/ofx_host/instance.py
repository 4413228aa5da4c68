"""An instance of an effect: its parameters, its clips and its renders."""

import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.clip import Clip, Source
from synthetic_focus.ofx_host.errors import ActionError, HostError, RenderAbortedError
from synthetic_focus.ofx_host.image import (
    Image,
    PixelRect,
    Pixels,
    Rect,
    address,
    allocate,
    as_rect,
    canonical_rect,
    converted,
    cropped,
    intersection,
    pixel_rect,
    resampled,
)
from synthetic_focus.ofx_host.lending import Lender, RenderNote
from synthetic_focus.ofx_host.overlay import Overlay
from synthetic_focus.ofx_host.parameter import Parameter
from synthetic_focus.ofx_host.processes import opened_processes
from synthetic_focus.ofx_host.project import Project
from synthetic_focus.ofx_host.status import OK, REPLY_DEFAULT

if TYPE_CHECKING:
    from synthetic_focus.ofx_host.host import Plugin

USER_EDITED = "OfxChangeUserEdited"
TIME_CHANGED = "OfxChangeTime"

AbortSignal = _suites.AbortSignal
"""Ends a render from another thread: `set()`. AbortSignal(n) fires when the plug-in asks the nth
time; `polls` says how often it has asked."""

_UNTOUCHED = 0xA5
"""What memory that a render must not write is filled with."""


@dataclass(frozen=True)
class ClipPreferences:
    """What the effect's output is like."""

    components: Mapping[str, str]
    depths: Mapping[str, str]
    premultiplication: str
    fps: float
    frame_varying: bool
    continuous_samples: bool


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
        self._description = description
        self._effect = description.copy(True)
        self._write_properties()
        self.parameters: Mapping[str, Parameter] = MappingProxyType(
            {
                p.name: Parameter(p, self._parameter_changed, lambda: plugin.host.time)
                for p in self._effect.parameters
            }
        )
        self.clips: Mapping[str, Clip] = MappingProxyType(
            {
                c.name: Clip(
                    c, project, plugin.host.behaviour, self.supported_depths, self._clip_changed
                )
                for c in self._effect.clips
            }
        )
        self._clips_by_handle = {c.handle: self.clips[c.name] for c in self._effect.clips}
        self._lender = Lender(plugin.host.suites, plugin.host.behaviour, project)
        self._preferences: ClipPreferences | None = None
        self._preferences_lock = threading.Lock()
        self._edited: list[str] | None = None
        self._sequences = 0
        self._closed = False
        self._render_lock = self._choose_render_lock()
        if unknown := clips.keys() - self.clips.keys():
            raise HostError(f"{plugin.identifier} has no clip {', '.join(sorted(unknown))}")
        for name, clip in self.clips.items():
            clip.attach(clips.get(name))
        for name, value in (saved or {}).get("parameters", {}).items():
            if name in self.parameters:
                self.parameters[name].restore(value)
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
        if self._closed:
            return
        try:
            if "overlay" in self.__dict__:
                self.overlay.close()
            self._effect.alive = False
            self._action("OfxActionDestroyInstance")
        finally:
            self._closed = True
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
                name: parameter.saved()
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

    @functools.cached_property
    def overlay(self) -> Overlay:
        """What the plug-in shows on the viewer.

        Raises:
            HostError: the host or the plug-in has no overlays.
        """
        return Overlay(self, self._description, self._effect)

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
        return self._bounded(as_rect(answer.get("OfxImageEffectPropRegionOfDefinition")))

    def regions_of_interest(
        self, time: float, region: Rect, scale: tuple[float, float] = (1.0, 1.0)
    ) -> dict[str, Rect]:
        """What the plug-in needs of each input to render a region, in canonical coordinates."""
        names = {clip: f"OfxImageClipPropRoI_{clip}" for clip in self._inputs()}
        wanted = tuple(float(side) for side in region)
        answer = self.plugin.answer(dict.fromkeys(names.values(), wanted))
        arguments = self._at(time, scale, {"OfxImageEffectPropRegionOfInterest": wanted})
        self._action("OfxImageEffectActionGetRegionsOfInterest", arguments, answer, time=time)
        return {clip: as_rect(answer.get(name)) for clip, name in names.items()}

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
            self.plugin.host.suites.violation(
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
            wanted = canonical_rect(window, scale, self.project.aspect)
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
            note = RenderNote(time, scale, output, region, regions)
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

    def _render(self, arguments: Any, note: RenderNote, abort: AbortSignal) -> None:
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
            self.plugin.host.suites.violation(
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
        tiles = self._effect.properties.get("OfxImageEffectPropSupportsTiles")[0]
        if not tiles and not self.plugin.host.behaviour.always_tiles:
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

    def lend(
        self, clip: int, time: float, region: Rect | None, note: RenderNote | None
    ) -> tuple[int, _suites.PropertySet | None]:
        """The image suite's answer when the plug-in fetches an image of a clip."""
        return self._lender.lend(self._clips_by_handle[clip], time, region, note)

    def clip_region(self, clip: int) -> Rect | None:
        """The image suite's answer when the plug-in asks where a clip has pixels."""
        found = self._clips_by_handle[clip]
        return self._default_region() if found.name == "Output" else found.region()

    # ------------------------------------------------------------ telling the plug-in

    def _parameter_changed(self, name: str) -> None:
        if self._edited is not None:
            self._edited.append(name)
        else:
            self._tell_changed("OfxTypeParameter", [name], USER_EDITED)

    def _clip_changed(self, name: str) -> None:
        self._preferences = None
        self._tell_changed("OfxTypeClip", [name], USER_EDITED)

    def time_changed(self) -> None:
        """Tells the plug-in that the playhead has moved, for each animated parameter."""
        animated = [
            name
            for name, parameter in self.parameters.items()
            if parameter.holds_value and parameter.keys
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
            self.plugin.host.suites.violation(
                "OfxActionEndInstanceChanged: paramEditBegin without a paramEditEnd"
            )

    def _create(self) -> None:
        host = self.plugin.host
        for clip in self._clips_by_handle:
            host.instances[clip] = self
        accepts = (OK,) if host.behaviour.insists_on_ok else (OK, REPLY_DEFAULT)
        try:
            with opened_processes(host.suites.violation, "creating an instance"):
                self._action("OfxActionCreateInstance", accepts=accepts)
        except ActionError:
            self._closed = True
            self._forget()
            raise
        self._effect.alive = True

    def _forget(self) -> None:
        for clip in self._clips_by_handle:
            self.plugin.host.instances.pop(clip, None)

    def _ask_clip_preferences(self) -> ClipPreferences:
        source = next((c for n, c in self.clips.items() if n != "Output" and c.connected), None)
        components = {name: clip.components for name, clip in self.clips.items()}
        depths = {name: clip.depth for name, clip in self.clips.items()}
        components["Output"] = source.components if source else "OfxImageComponentRGBA"
        depths["Output"] = source.depth if source else "OfxBitDepthFloat"
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
                clip.prefer(components[name], depths[name])
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
            return as_rect(self.project.region)
        return (
            min(r[0] for r in regions),
            min(r[1] for r in regions),
            max(r[2] for r in regions),
            max(r[3] for r in regions),
        )

    def _bounded(self, region: Rect) -> Rect:
        """Where a generator has pixels everywhere, the frame is what matters."""
        least, most = -float(2**31), float(2**31 - 1)
        frame = as_rect(self.project.region)
        x1, y1, x2, y2 = region
        return (
            frame[0] if x1 <= least else x1,
            frame[1] if y1 <= least else y1,
            frame[2] if x2 >= most else x2,
            frame[3] if y2 >= most else y2,
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
        if self._closed:
            raise HostError("the instance is closed")
        return self.plugin.action(action, self._effect, arguments, answer, **how)
