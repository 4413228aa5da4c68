"""The images that plug-ins fetch."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.behaviour import Behaviour
from synthetic_focus.ofx_host.clip import Clip
from synthetic_focus.ofx_host.image import (
    Image,
    Rect,
    address,
    allocate,
    converted,
    cropped,
    image_properties,
    laid_out,
    pixel_rect,
    resampled,
)
from synthetic_focus.ofx_host.project import Project
from synthetic_focus.ofx_host.status import FAILED, OK


@dataclass(frozen=True)
class RenderNote:
    """What fetching an image needs to know of the render under way.

    regions: the regions of interest by clip, where the plug-in gets no more than those.
    """

    time: float
    scale: tuple[float, float]
    output: Image
    output_region: Rect
    regions: Mapping[str, Rect] | None


@dataclass(frozen=True)
class Lender:
    """Lends images to a plug-in in the manner of the host."""

    suites: _suites.Host
    behaviour: Behaviour
    project: Project

    def lend(
        self, clip: Clip, time: float, region: Rect | None, note: RenderNote | None
    ) -> tuple[int, _suites.PropertySet | None]:
        """Status and image as the plug-in gets them."""
        if clip.name == "Output":
            if note is None:
                return FAILED, None
            return OK, self._hand_out(note.output, note.output_region, note.scale)
        scale = note.scale if note is not None else (1.0, 1.0)
        if not clip.connected:
            return self._lend_nothing(scale)
        shown = self._time_shown(clip, time, note)
        picture = None if shown is None else clip.picture(shown)
        if picture is None:
            return FAILED, None
        whole = picture.region
        if not self.behaviour.sends_unsupported_images:
            picture = converted(picture, clip.components, clip.depth)
        picture = resampled(picture, scale)
        if note is not None and note.regions is not None:
            wanted = note.regions[clip.name] if region is None else region
            part = cropped(picture, pixel_rect(wanted, scale, picture.aspect))
            if part is None:
                return FAILED, None
            picture = part
        return OK, self._hand_out(laid_out(picture, self.behaviour), whole, scale)

    def _time_shown(self, clip: Clip, time: float, note: RenderNote | None) -> float | None:
        if note is None or time == note.time:
            return time
        if not clip.has_temporal_access:
            self.suites.violation(
                f"clip {clip.name} was read at another time without temporal clip access"
            )
        match self.behaviour.other_times:
            case "served":
                return time
            case "current":
                return note.time
            case "refused":
                return None

    def _lend_nothing(self, scale: tuple[float, float]) -> tuple[int, _suites.PropertySet | None]:
        """What an unconnected clip gives."""
        behaviour, project = self.behaviour, self.project
        match behaviour.empty_clip:
            case "unconnected" | "no image":
                return FAILED, None
            case "null handle":
                return OK, None
        bounds = pixel_rect(project.region, scale, project.aspect)
        pixels, _ = allocate(bounds, "OfxImageComponentRGBA", "OfxBitDepthFloat", behaviour)
        pixels[...] = 0.0
        black = Image(pixels, bounds[:2], scale, project.aspect)
        if behaviour.empty_clip == "black":
            return OK, self._hand_out(black, project.region, scale)
        properties = image_properties(black, project.region, behaviour, scale)
        return OK, _suites.make_image(self.suites, "an image", properties, 0, None)

    def _hand_out(
        self, image: Image, region: Rect, scale: tuple[float, float]
    ) -> _suites.PropertySet:
        properties = image_properties(image, region, self.behaviour, scale)
        data, _ = address(image.pixels)
        return _suites.make_image(self.suites, "an image", properties, data, image)
