"""An instance's overlay: what it draws on the viewer, and the pen."""

from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthetic_focus.ofx_host import _suites
from synthetic_focus.ofx_host.errors import ActionError, HostError
from synthetic_focus.ofx_host.image import Pixels, Rect, as_rect
from synthetic_focus.ofx_host.status import OK, REPLY_DEFAULT

if TYPE_CHECKING:
    from synthetic_focus.ofx_host.instance import Instance

Picture = NDArray[np.uint8]
Point = tuple[float, float]

_DRAW_SUITE = "OfxDrawSuite"
_PEN_ACTIONS = {
    "down": "OfxInteractActionPenDown",
    "move": "OfxInteractActionPenMotion",
    "up": "OfxInteractActionPenUp",
}
_TEXT, _LINES, _STRIP, _LOOP, _RECTANGLE, _POLYGON, _ELLIPSE = range(-1, 6)
_DASHES = {1: (2, 3), 2: (8, 5), 3: (14, 8), 4: (8, 4, 2, 4)}
"""Pixels on and off by the draw suite's stipple pattern; without an entry: solid."""
_SUBPIXEL_BITS = 4


class Overlay:
    """What the plug-in shows on top of the viewer's picture. The instance owns it.

    Raises:
        HostError: the host or the plug-in has no overlays.
    """

    def __init__(self, instance: "Instance", description: Any, effect: Any) -> None:
        self._instance = instance
        behaviour = instance.plugin.host.behaviour
        if not behaviour.overlays:
            raise HostError(f"{behaviour.label} has no overlays")
        without = behaviour.missing_suites | behaviour.hollow_suites
        can_draw = without.isdisjoint({(_DRAW_SUITE, 0), (_DRAW_SUITE, 1)})
        has = {v: self._has(description, v) for v in (1, 2)}
        if not any(has.values()):
            raise HostError(f"{instance.plugin.identifier} has no overlay")
        self._draws = can_draw and has[2]
        version = 2 if self._draws or not has[1] else 1
        descriptor = _suites.Interact(description, version)
        self._expect("OfxActionDescribe", descriptor.call("OfxActionDescribe", None, 0.0))
        self._interact = _suites.Interact(effect, version)
        self._call("OfxActionCreateInstance")
        self._call("OfxInteractActionGainFocus", self._arguments(self._instance.plugin.host.time))

    @property
    def redraws(self) -> int:
        """How often the plug-in has asked to be drawn again."""
        return self._interact.redraws

    @property
    def slave_parameters(self) -> list[str]:
        """The parameters whose changes the overlay shows."""
        return [str(name) for name in self._interact.properties.get("OfxInteractPropSlaveToParam")]

    def strokes(self, time: float, size: tuple[int, int]) -> list[_suites.Stroke]:
        """What the overlay draws on a viewer of that width and height that shows the whole frame.

        Raises:
            HostError: it draws with OpenGL, which a headless host has not.
        """
        if not self._draws:
            raise HostError("the overlay needs OpenGL to draw, and this host has none")
        status, strokes = self._interact.draw(self._arguments(time, size), time)
        self._expect("OfxInteractActionDraw", status)
        return strokes

    def draw(self, time: float, picture: Pixels) -> Picture:
        """The picture, (H, W, 3|4) of uint8 or of floats from 0 to 1, with the overlay on top.

        The picture is the whole frame as the viewer shows it, at any size. Gives (H, W, 3) uint8.
        """
        shown = picture[:, :, :3]
        if shown.dtype != np.uint8:
            shown = np.rint(np.clip(np.nan_to_num(shown), 0.0, 1.0) * 255.0).astype(np.uint8)
        painted = np.ascontiguousarray(shown)
        for stroke in self.strokes(time, (painted.shape[1], painted.shape[0])):
            painted = _paint(painted, stroke, self._frame)
        return painted

    def pen(
        self,
        time: float,
        position: Point,
        what: Literal["down", "move", "up"],
        *,
        size: tuple[int, int] | None = None,
    ) -> bool:
        """Moves the pen. Position is in canonical coordinates; size is the viewer's.

        Gives whether the overlay took the pen, so that nothing else must.
        """
        arguments = self._arguments(time, size)
        x1, y1, x2, y2 = self._frame
        width, height = size or (round(x2 - x1), round(y2 - y1))
        x, y = position
        arguments.define("OfxInteractPropPenPosition", (float(x), float(y)), read_only=True)
        viewport = (int((x - x1) / (x2 - x1) * width), int((y - y1) / (y2 - y1) * height))
        arguments.define("OfxInteractPropPenViewportPosition", viewport, read_only=True)
        arguments.define("OfxInteractPropPenPressure", 0.0 if what == "up" else 1.0, read_only=True)
        return self._call(_PEN_ACTIONS[what], arguments, time) == OK

    def close(self) -> None:
        """Destroys it."""
        self._call("OfxInteractActionLoseFocus", self._arguments(self._instance.plugin.host.time))
        self._call("OfxActionDestroyInstance")

    @property
    def _frame(self) -> Rect:
        return as_rect(self._instance.project.region)

    @staticmethod
    def _has(description: Any, version: int) -> bool:
        name = f"OfxImageEffectPluginPropOverlayInteractV{version}"
        return bool(description.properties.get(name)[0])

    def _arguments(self, time: float, size: tuple[int, int] | None = None) -> _suites.PropertySet:
        x1, y1, x2, y2 = self._frame
        width, height = size or (x2 - x1, y2 - y1)
        scale = ((x2 - x1) / width, (y2 - y1) / height)
        if self._instance.plugin.host.behaviour.pixel_scale == "one":
            scale = (1.0, 1.0)
        if hasattr(self, "_interact"):
            self._interact.properties.set("OfxInteractPropPixelScale", scale)
        return self._instance.plugin.arguments(
            {
                "OfxPropTime": float(time),
                "OfxImageEffectPropRenderScale": (1.0, 1.0),
                "OfxInteractPropPixelScale": scale,
                "OfxInteractPropBackgroundColour": (0.0, 0.0, 0.0),
            }
        )

    def _call(
        self, action: str, arguments: _suites.PropertySet | None = None, time: float = 0.0
    ) -> int:
        return self._expect(action, self._interact.call(action, arguments, time))

    @staticmethod
    def _expect(action: str, status: int) -> int:
        if status not in (OK, REPLY_DEFAULT):
            raise ActionError(action, status, "of the overlay")
        return status


def _paint(picture: Picture, stroke: _suites.Stroke, frame: Rect) -> Picture:
    """The stroke over the picture."""
    x1, y1, x2, y2 = frame
    height, width = picture.shape[:2]
    points = [
        ((x - x1) / (x2 - x1) * width, height - (y - y1) / (y2 - y1) * height)
        for x, y in stroke.points
    ]
    *colour, alpha = stroke.colour
    solid = picture.copy()
    _draw(solid, stroke, points, tuple(255.0 * float(np.clip(c, 0.0, 1.0)) for c in colour))
    alpha = float(np.clip(alpha, 0.0, 1.0))
    mixed = picture + alpha * (solid.astype(np.float32) - picture)
    return np.rint(mixed).astype(np.uint8)


def _draw(
    picture: Picture, stroke: _suites.Stroke, points: list[Point], colour: tuple[float, ...]
) -> None:
    import cv2

    if stroke.primitive == _TEXT:
        _draw_text(picture, stroke, points[0], colour)
    elif stroke.primitive == _RECTANGLE:
        (ax, ay), (bx, by) = points
        corners = [(ax, ay), (bx, ay), (bx, by), (ax, by)]
        cv2.fillPoly(picture, [_fixed(corners)], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
    elif stroke.primitive == _POLYGON:
        cv2.fillPoly(picture, [_fixed(points)], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
    else:
        thickness = max(1, round(stroke.width))
        pieces = [
            _fixed(piece)
            for line in _lines(stroke, points)
            for piece in _dashed(line, _DASHES.get(stroke.stipple))
        ]
        cv2.polylines(picture, pieces, False, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(points: list[Point]) -> NDArray[np.int32]:
    """OpenCV's coordinates: of pixels' centres, in fixed point."""
    fixed: NDArray[np.float64] = np.rint((np.array(points) - 0.5) * 2**_SUBPIXEL_BITS)
    return fixed.astype(np.int32)


def _lines(stroke: _suites.Stroke, points: list[Point]) -> list[list[Point]]:
    """The lines that a primitive stands for."""
    if stroke.primitive == _LINES:
        return [points[i : i + 2] for i in range(0, len(points), 2)]
    if stroke.primitive == _LOOP:
        return [[*points, points[0]]]
    if stroke.primitive == _ELLIPSE:
        (ax, ay), (bx, by) = points
        turn = np.linspace(0.0, 2.0 * np.pi, 97)
        xs = (ax + bx) / 2 + (bx - ax) / 2 * np.cos(turn)
        ys = (ay + by) / 2 + (by - ay) / 2 * np.sin(turn)
        return [list(zip(xs.tolist(), ys.tolist(), strict=True))]
    return [points]


def _dashed(line: list[Point], dashes: tuple[int, ...] | None) -> list[list[Point]]:
    """The pieces of a line that the pattern leaves."""
    if dashes is None:
        return [line]
    pieces: list[list[Point]] = []
    pattern = cycle(enumerate(dashes))
    index, length_left = next(pattern)
    left = float(length_left)
    for start, end in pairwise(line):
        length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        done = 0.0
        while done < length:
            step = min(left, length - done)
            if index % 2 == 0:
                ends = [(done + s) / length for s in (0.0, step)]
                pieces.append(
                    [
                        (start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1]))
                        for t in ends
                    ]
                )
            done += step
            left -= step
            if left <= 0:
                index, length_left = next(pattern)
                left = float(length_left)
    return pieces


def _draw_text(
    picture: Picture, stroke: _suites.Stroke, position: Point, colour: tuple[float, ...]
) -> None:
    import cv2

    left, right, top, bottom, baseline = (bool(stroke.alignment & bit) for bit in (1, 2, 4, 8, 16))
    # The font knows ASCII only.
    text = stroke.text.encode("ascii", "replace").decode()
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (width, ascent), descent = cv2.getTextSize(text, font, size, 1)
    x, y = position
    if left and right:
        x -= width / 2
    elif right:
        x -= width
    if top and baseline:
        y += ascent / 2
    elif top:
        y += ascent
    elif bottom:
        y -= descent
    cv2.putText(picture, text, (round(x), round(y)), font, size, colour, 1, cv2.LINE_AA)
