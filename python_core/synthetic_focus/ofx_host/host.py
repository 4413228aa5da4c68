"""The host: what is open in it, what it has seen, and the plug-ins that it has loaded."""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.behaviour import STRICT, Behaviour
from synthetic_focus.ofx_host.bundle import find_binary
from synthetic_focus.ofx_host.clip import Source
from synthetic_focus.ofx_host.errors import ActionError, HostError, PluginLoadError
from synthetic_focus.ofx_host.image import COMPONENTS, DEPTHS
from synthetic_focus.ofx_host.instance import Instance
from synthetic_focus.ofx_host.processes import opened_processes
from synthetic_focus.ofx_host.project import Project
from synthetic_focus.ofx_host.status import OK, REPLY_DEFAULT

IMAGE_EFFECT_API = "OfxImageEffectPluginAPI"
CONTEXTS = ("Filter", "General", "Generator")

ProgressCallback = Callable[[str, float], bool]
"""Label and fraction; False cancels."""

_loaded: dict[Path, "weakref.ref[Host]"] = {}


class Host:
    """A headless OpenFX host. Close it, or use it as a context manager.

    Attributes:
        behaviour: how it behaves.
        on_progress: called with (label, fraction) when a plug-in reports progress; False cancels.
        frames: first and last frame of its timeline.
        suites: the native part.
        instances: the open ones, by the handles of their clips.
    """

    def __init__(
        self,
        behaviour: Behaviour = STRICT,
        *,
        on_progress: ProgressCallback | None = None,
        frames: tuple[float, float] = (0.0, 99.0),
    ) -> None:
        self.behaviour = behaviour
        self.on_progress = on_progress
        self.frames = frames
        self._time = frames[0]
        self._progress_labels: dict[int, str] = {}
        self._plugins: list[Plugin] = []
        self._binaries: dict[Path, Any] = {}
        self.instances: dict[int, Instance] = {}
        self.suites = _suites.Host(_switches(behaviour))
        self._connect()
        self._define_properties()
        self._environment = contextlib.ExitStack()
        self._environment.enter_context(_environment(behaviour.environment))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Destroys the instances, unloads the plug-ins and gives the environment back."""
        for instance in dict.fromkeys(self.instances.values()):
            instance.close()
        for plugin in self._plugins:
            plugin._unload()
        self._plugins.clear()
        for leak in self.suites.unreleased_memory():
            self.suites.violation(f"OfxActionUnload: memory was not freed: {leak}")
        for path, binary in self._binaries.items():
            binary.close()
            _loaded.pop(path, None)
        self._binaries.clear()
        self._environment.close()

    def load(self, path: Path | str) -> list["Plugin"]:
        """Loads a bundle or a binary and describes the image effects in it.

        Raises:
            PluginLoadError: it cannot be loaded, holds no image effect, or is loaded already.
            ActionError: an effect failed to load or to describe itself.
        """
        binary_path = find_binary(Path(path)).resolve()
        other = _loaded.get(binary_path)
        if other is not None and other() is not None:
            raise PluginLoadError(
                f"{binary_path} is loaded in this process already; close that host first"
            )
        try:
            with opened_processes(self.suites.violation, "loading"):
                binary = _suites.Binary(self.suites, str(binary_path))
        except _suites.LoadError as error:
            raise PluginLoadError(f"{binary_path} cannot be loaded: {error}") from None
        effects = [
            plugin
            for plugin in binary.plugins
            if plugin.api == IMAGE_EFFECT_API and plugin.api_version == 1
        ]
        if not effects:
            raise PluginLoadError(f"{binary_path} holds no image effect")
        self._binaries[binary_path] = binary
        _loaded[binary_path] = weakref.ref(self)
        folder = _bundle_folder(binary_path)
        plugins = [Plugin(self, plugin, folder) for plugin in effects]
        self._plugins += plugins
        return plugins

    def load_one(self, path: Path | str, identifier: str | None = None) -> "Plugin":
        """Loads a bundle or binary and gives its one effect, or the one of that identifier."""
        plugins = self.load(path)
        if identifier is not None:
            plugins = [plugin for plugin in plugins if plugin.identifier == identifier]
        if len(plugins) != 1:
            names = ", ".join(p.identifier for p in self._plugins)
            raise HostError(f"{path} holds {names}: say which one")
        return plugins[0]

    @property
    def violations(self) -> list[str]:
        """What plug-ins did against the standard, each with the action in which they did it."""
        return list(self.suites.violations())

    @property
    def messages(self) -> list[Any]:
        """What plug-ins said: type, id, text, persistent."""
        return list(self.suites.messages())

    @property
    def fetched_suites(self) -> list[tuple[str, int]]:
        """Name and version of each suite that was asked for and given."""
        return list(self.suites.fetched_suites())

    @property
    def unknown_properties(self) -> list[str]:
        """Properties that plug-ins set and the host does not know, as "set: name"."""
        return list(self.suites.unknown_properties())

    @property
    def time(self) -> float:
        """Where the playhead is. Moving it tells every instance with animated parameters."""
        return self._time

    @time.setter
    def time(self, time: float) -> None:
        self._time = float(time)
        for instance in dict.fromkeys(self.instances.values()):
            instance.time_changed()

    def _connect(self) -> None:
        """Gives the suites their callbacks; weakly, so that a forgotten host can go."""
        this = weakref.ref(self)

        def instance_of(clip: int) -> Instance | None:
            host = this()
            return None if host is None else host.instances.get(clip)

        def fetch(
            clip: int, time: float, region: Any, render: Any
        ) -> tuple[int, _suites.PropertySet | None]:
            instance = instance_of(clip)
            return (1, None) if instance is None else instance.lend(clip, time, region, render)

        def region(clip: int, time: float) -> Any:
            instance = instance_of(clip)
            return None if instance is None else instance.clip_region(clip)

        def progress(effect: int, label: str | None, fraction: float) -> bool:
            host = this()
            return host is None or host._progress(effect, label, fraction)

        def time() -> float:
            host = this()
            return 0.0 if host is None else host.time

        def go(time: float) -> None:
            host = this()
            if host is not None:
                host.time = time

        def bounds() -> tuple[float, float]:
            host = this()
            return (0.0, 0.0) if host is None else host.frames

        self.suites.connect(fetch, region, progress, time, go, bounds)

    def _progress(self, effect: int, label: str | None, fraction: float) -> bool:
        if label is not None:
            self._progress_labels[effect] = label
        if effect not in self._progress_labels:
            self.suites.violation("progressUpdate without a progressStart")
        if self.on_progress is None:
            return True
        return self.on_progress(self._progress_labels.get(effect, ""), fraction)

    def _define_properties(self) -> None:
        b = self.behaviour
        properties: dict[str, Any] = {
            "OfxPropType": "OfxTypeImageEffectHost",
            "OfxPropName": b.name,
            "OfxPropLabel": b.label,
            "OfxPropVersion": b.version,
            "OfxPropVersionLabel": ".".join(map(str, b.version)),
            "OfxPropAPIVersion": b.api_version,
            "OfxImageEffectHostPropIsBackground": 1,
            "OfxImageEffectHostPropNativeOrigin": "kOfxImageEffectHostPropNativeOriginBottomLeft",
            "OfxImageEffectPropSupportsOverlays": int(b.overlays),
            "OfxImageEffectPropSupportsMultiResolution": 1,
            "OfxImageEffectPropSupportsTiles": 1,
            "OfxImageEffectPropTemporalClipAccess": int(b.other_times == "served"),
            "OfxImageEffectPropSupportedComponents": tuple(COMPONENTS),
            "OfxImageEffectPropSupportedPixelDepths": tuple(DEPTHS),
            "OfxImageEffectPropSupportedContexts": tuple(map(_context_name, CONTEXTS)),
            "OfxImageEffectPropMultipleClipDepths": 1,
            "OfxImageEffectPropSupportsMultipleClipPARs": 0,
            "OfxImageEffectPropSetableFrameRate": 0,
            "OfxImageEffectPropSetableFielding": 0,
            "OfxImageEffectInstancePropSequentialRender": 0,
            "OfxImageEffectPropRenderQualityDraft": 1,
            "OfxParamHostPropSupportsCustomInteract": 0,
            "OfxParamHostPropSupportsStringAnimation": 1,
            "OfxParamHostPropSupportsChoiceAnimation": 1,
            "OfxParamHostPropSupportsBooleanAnimation": 1,
            "OfxParamHostPropSupportsCustomAnimation": 0,
            "OfxParamHostPropMaxParameters": -1,
            "OfxParamHostPropMaxPages": 0,
            "OfxParamHostPropPageRowColumnCount": (0, 0),
        }
        if b.colour_management is not None:
            properties["OfxImageEffectPropColourManagementStyle"] = b.colour_management
        for name, value in properties.items():
            if name not in b.missing_host_properties:
                self.suites.properties.define(name, value, read_only=True)


class Plugin:
    """An image effect in a loaded binary, described.

    Attributes:
        identifier: the name by which projects know the effect.
        version: major and minor.
    """

    def __init__(self, host: Host, plugin: Any, folder: Path) -> None:
        self.host = host
        self.identifier = str(plugin.identifier)
        self.version: tuple[int, int] = plugin.version
        self._plugin: Any = plugin
        self._contexts: dict[str, Any] = {}
        self._description: Any = None
        self.unsafe_lock = threading.RLock()
        """Held during every render of a plug-in that is not thread-safe at all."""
        plugin.set_host()
        violation = host.suites.violation
        with opened_processes(violation, "describing"):
            self.action("OfxActionLoad")
            self._description = _suites.Effect(plugin)
            self._description.properties.define(
                "OfxPluginPropFilePath", str(folder), read_only=True
            )
            if host.behaviour.colour_management is not None:
                self._description.properties.define("OfxImageEffectPropColourManagementStyle", "")
            self.action("OfxActionDescribe", self._description)
        for name in (
            "OfxImageEffectPropSupportedContexts",
            "OfxImageEffectPropSupportedPixelDepths",
        ):
            if not self._description.properties.get(name):
                violation(f"OfxActionDescribe: {name} is empty")
        if self._description.parameters or self._description.clips:
            violation("OfxActionDescribe: parameters and clips belong in describeInContext")

    @property
    def properties(self) -> Mapping[str, list[Any]]:
        """What the effect said of itself: every property's values."""
        return read_properties(self._description.properties)

    @property
    def contexts(self) -> list[str]:
        """The contexts that it works in, such as "Filter"."""
        return [
            name.removeprefix("OfxImageEffectContext")
            for name in self._description.properties.get("OfxImageEffectPropSupportedContexts")
        ]

    def describe(self, context: str = "Filter") -> "Description":
        """What the effect is in a context: clips and parameters with their properties.

        Raises:
            HostError: the effect does not know the context.
        """
        described = self._in_context(context)
        return Description(
            clips=MappingProxyType(
                {c.name: read_properties(c.properties) for c in described.clips}
            ),
            parameters=MappingProxyType(
                {p.name: read_properties(p.properties) for p in described.parameters}
            ),
        )

    def create(
        self,
        context: str = "Filter",
        *,
        project: Project | None = None,
        clips: Mapping[str, Source] | None = None,
        saved: Mapping[str, Any] | None = None,
    ) -> Instance:
        """An instance, as when the effect is added to a clip.

        Args:
            context: one of `contexts`.
            project: the frame and timeline that it works in.
            clips: what is connected to it from the start.
            saved: what `Instance.save` gave, as when a project is opened.

        Raises:
            ActionError: the effect refused.
        """
        return Instance(
            self,
            self._in_context(context),
            context=context,
            project=project or Project(),
            clips=clips or {},
            saved=saved,
        )

    def _in_context(self, context: str) -> Any:
        if context not in self._contexts:
            if context not in self.contexts:
                raise HostError(
                    f"{self.identifier} knows no context {context}, but {', '.join(self.contexts)}"
                )
            described = self._description.copy(False)
            arguments = self.arguments({"OfxImageEffectPropContext": _context_name(context)})
            with opened_processes(self.host.suites.violation, "describing"):
                self.action("OfxImageEffectActionDescribeInContext", described, arguments)
            self._check_description(context, described)
            self._contexts[context] = described
        return self._contexts[context]

    def _check_description(self, context: str, described: Any) -> None:
        violation = self.host.suites.violation
        where = f"OfxImageEffectActionDescribeInContext {context}"
        names = [clip.name for clip in described.clips]
        needed = {"Filter": ["Source", "Output"], "Transition": ["SourceFrom", "SourceTo"]}
        for name in needed.get(context, ["Output"]):
            if name not in names:
                violation(f"{where}: clip {name} is missing")
        for clip in described.clips:
            if not clip.properties.get("OfxImageEffectPropSupportedComponents"):
                violation(f"{where}: clip {clip.name} supports no components")
        groups = {"", *(p.name for p in described.parameters if p.type == "OfxParamTypeGroup")}
        for parameter in described.parameters:
            if parameter.properties.get("OfxParamPropParent")[0] not in groups:
                violation(f"{where}: the parent of parameter {parameter.name} is no group")

    def arguments(self, properties: Mapping[str, Any]) -> _suites.PropertySet:
        """A property set for an action, without what this host leaves out."""
        missing = self.host.behaviour.missing_arguments
        given = {name: value for name, value in properties.items() if name not in missing}
        return _suites.PropertySet(self.host.suites, "the arguments", given, True)

    def answer(self, properties: Mapping[str, Any]) -> _suites.PropertySet:
        """A property set for a plug-in to answer an action in."""
        return _suites.PropertySet(self.host.suites, "the answer", dict(properties), False)

    def action(
        self,
        action: str,
        effect: Any = None,
        arguments: Any = None,
        answer: Any = None,
        *,
        time: float | None = None,
        abort: Any = None,
        render: Any = None,
        accepts: tuple[int, ...] = (OK, REPLY_DEFAULT),
    ) -> int:
        """Calls the plug-in, and gives its status.

        Raises:
            ActionError: the status is none of those that are accepted.
            HostError: the plug-in is unloaded.
        """
        if self._plugin is None:
            raise HostError(f"{self.identifier} is unloaded: its host was closed")
        at = self.host.time if time is None else time
        status = int(self._plugin.call(action, effect, arguments, answer, at, abort, render))
        if status not in accepts:
            spoken = [m.text for m in self.host.messages[-1:]]
            raise ActionError(action, status, " ".join(spoken))
        return status

    def _unload(self) -> None:
        self.action("OfxActionUnload")
        self._contexts.clear()
        self._description = None
        self._plugin = None


class Description:
    """Clips and parameters of an effect in a context, by name, each with its properties."""

    def __init__(
        self,
        clips: Mapping[str, Mapping[str, list[Any]]],
        parameters: Mapping[str, Mapping[str, list[Any]]],
    ) -> None:
        self.clips = clips
        self.parameters = parameters


def read_properties(properties: Any) -> Mapping[str, list[Any]]:
    """A copy of a property set."""
    return MappingProxyType({name: properties.get(name) for name in properties.names()})


def _context_name(context: str) -> str:
    return f"OfxImageEffectContext{context}"


def _bundle_folder(binary: Path) -> Path:
    """What the plug-in learns of where it lies: its bundle, or its folder where there is none."""
    for parent in binary.parents:
        if parent.name.endswith(".ofx.bundle"):
            return parent
    return binary.parent


def _switches(behaviour: Behaviour) -> dict[str, Any]:
    return {
        "missing_suites": behaviour.missing_suites,
        "hollow_suites": behaviour.hollow_suites,
        "volatile_strings": behaviour.volatile_strings,
        "accepts_unknown_properties": behaviour.accepts_unknown_properties,
        "tolerates_duplicates": behaviour.tolerates_duplicates,
        "secret_stays_secret": behaviour.secret_stays_secret,
        "clamps_numbers_without_ranges": behaviour.clamps_numbers_without_ranges,
        "refuses_keys": behaviour.keys == "refused",
        "hides_keys": behaviour.keys == "hidden",
        "ignores_param_copy": behaviour.ignores_param_copy,
        "threads": behaviour.threads,
    }


@contextlib.contextmanager
def _environment(variables: tuple[tuple[str, str], ...]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name, _ in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
