"""Clips of an instance and what they show."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.behaviour import Behaviour
from synthetic_focus.ofx_host.errors import HostError
from synthetic_focus.ofx_host.image import (
    COMPONENTS,
    DEPTHS,
    Image,
    Pixels,
    Rect,
    as_image,
    as_rect,
    laid_out,
)
from synthetic_focus.ofx_host.project import Project

Source = Image | Pixels | Callable[[float], "Image | Pixels | None"]
"""What a clip shows: one picture, or a picture for a time (None: there is none at that time)."""


class Clip:
    """An input or the output of an instance.

    Args:
        clip: the suites' clip.
        project: what it works in.
        behaviour: of the host.
        depths: the pixel depths that the plug-in takes.
        changed: called with the name after each change.
    """

    def __init__(
        self,
        clip: _suites.Clip,
        project: Project,
        behaviour: Behaviour,
        depths: Sequence[str],
        changed: Callable[[str], None],
    ) -> None:
        self._clip = clip
        self._project = project
        self._behaviour = behaviour
        self._depths = depths
        self._changed = changed
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
        self.attach(source, like)
        self._changed(self.name)

    def disconnect(self) -> None:
        """Takes away what was connected."""
        self.attach(None)
        self._changed(self.name)

    def changed(self) -> None:
        """Tells the plug-in that the pictures are others than before."""
        self.attach(self._source)
        self._changed(self.name)

    @property
    def has_temporal_access(self) -> bool:
        """Whether the plug-in said that it reads other times than the rendered one."""
        return bool(self._clip.properties.get("OfxImageEffectPropTemporalClipAccess")[0])

    def region(self) -> Rect | None:
        """The region of definition, in canonical coordinates; None where nothing is connected."""
        if self._sample is not None:
            return self._sample.region
        seems = self._behaviour.empty_clip != "unconnected"
        return as_rect(self._project.region) if seems else None

    def picture(self, time: float) -> Image | None:
        """What the clip shows at that time."""
        if callable(self._source):
            found = self._source(time)
            return None if found is None else as_image(found, aspect=self._project.aspect)
        return None if self._source is None else self._sample

    def _picture_of(self, source: Source) -> Image | Pixels | None:
        return source(self._project.frames[0]) if callable(source) else source

    @property
    def components(self) -> str:
        """What the plug-in gets, whatever the pictures have."""
        return str(self._clip.properties.get("OfxImageEffectPropComponents")[0])

    @property
    def depth(self) -> str:
        """What the plug-in gets, whatever the pictures have."""
        return str(self._clip.properties.get("OfxImageEffectPropPixelDepth")[0])

    def prefer(self, components: str, depth: str) -> None:
        """What the plug-in wants to get, or to give."""
        self._clip.properties.set("OfxImageEffectPropComponents", components)
        self._clip.properties.set("OfxImageEffectPropPixelDepth", depth)

    def attach(self, source: Source | None, like: Image | Pixels | None = None) -> None:
        """Connects or disconnects without telling the plug-in: before it is created."""
        project, behaviour = self._project, self._behaviour
        sample = None
        if source is not None:
            first = like if like is not None else self._picture_of(source)
            if first is None:
                raise HostError(
                    f"clip {self.name} has no picture at the first frame: say what it is like"
                )
            sample = as_image(first, aspect=project.aspect)
            # Once for all frames, where it is the same picture in all of them.
            sample = sample if callable(source) else laid_out(sample, behaviour)
        self._source, self._sample = source, sample
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
        supported = self._depths
        if sample.depth in supported or self._behaviour.sends_unsupported_images:
            return sample.depth
        return next((depth for depth in reversed(DEPTHS) if depth in supported), sample.depth)

    def _mapped_components(self, sample: Image) -> str:
        supported = self._clip.properties.get("OfxImageEffectPropSupportedComponents")
        if sample.components in supported or self._behaviour.sends_unsupported_images:
            return sample.components
        return next((c for c in reversed(COMPONENTS) if c in supported), sample.components)
