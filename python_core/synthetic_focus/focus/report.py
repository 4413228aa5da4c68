"""A shot's focus as a page to look at: the curve, its targets and pulls, and what was tracked.

One HTML file with everything in it, so that it opens offline and can be sent by mail.
"""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.puller import FocusCurve
from synthetic_focus.focus.tracking import Track

Image = npt.NDArray[np.uint8]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 1200, 400, 84, 48, 34, 20
_THUMBNAIL_WIDTH = 240
_THUMBNAILS = 15
_WORDS = {"locked": "on {}", "pulling": "pulling to {}", "lost": "{} is lost"}
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#0072b2")  # Okabe and Ito 2008
_TICKS = 8  # at most, on an axis


@dataclass(frozen=True)
class ShotFocus:
    """What the page is made of.

    Attributes:
        title: the shot's name.
        curve: the focus over time.
        tracks: of each target in the order of time; None: not tracked.
        first, last: the shot's frames, both included.
        fps: frames a second.
        cuts: first frames of new scenes.
        unit: of the disparity.
    """

    title: str
    curve: FocusCurve
    tracks: Sequence[Track | None]
    first: int
    last: int
    fps: float
    cuts: Sequence[int] = ()
    unit: str = "1/m"


class _Plot:
    """From frames and disparities to the coordinates of the drawing."""

    def __init__(self, shot: ShotFocus, values: npt.NDArray[np.float64]) -> None:
        self.first, self.last = shot.first, max(shot.last, shot.first + 1)
        low, high = float(values.min()), float(values.max())
        margin = 0.08 * (high - low) or max(abs(high), 1.0) * 0.1
        self.low, self.high = low - margin, high + margin

    def x(self, frame: float) -> float:
        span = _WIDTH - _LEFT - _RIGHT
        return _LEFT + span * (frame - self.first) / (self.last - self.first)

    def y(self, disparity: float) -> float:
        span = _HEIGHT - _TOP - _BOTTOM
        return _TOP + span * (self.high - disparity) / (self.high - self.low)

    def line(self, frames: Iterable[float], values: Iterable[float], attributes: str) -> str:
        points = " ".join(
            f"{self.x(f):.1f},{self.y(v):.1f}" for f, v in zip(frames, values, strict=True)
        )
        return f'<polyline fill="none" points="{points}" {attributes}/>'

    def band(self, start: float, stop: float, attributes: str, hint: str) -> str:
        left, right = self.x(max(start, self.first)), self.x(min(stop, self.last))
        return (
            f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}"'
            f' height="{_HEIGHT - _TOP - _BOTTOM}" {attributes}><title>{hint}</title></rect>'
        )


def _spans(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _ticks(low: float, high: float, *, whole: bool = False) -> npt.NDArray[np.float64]:
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    least = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= least)
    if whole:
        step = max(1.0, step)
    return step * np.arange(math.ceil(low / step), math.floor(high / step) + 1, dtype=np.float64)


def _axes(plot: _Plot, unit: str) -> list[str]:
    parts = []
    for value in _ticks(plot.low, plot.high):
        y = plot.y(value)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{value:.6g}</text>'
        )
    for frame in _ticks(plot.first, plot.last, whole=True):
        parts.append(
            f'<text x="{plot.x(frame):.1f}" y="{_HEIGHT - _BOTTOM + 20}"'
            f' text-anchor="middle">{frame:.0f}</text>'
        )
    middle = (_LEFT + _WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">frame</text>')
    parts.append(
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"disparity in {html.escape(unit)} (up is nearer)</text>"
    )
    return parts


def _drawing(shot: ShotFocus, values: npt.NDArray[np.float64]) -> str:
    """What is in the drawing, `_WIDTH` by `_HEIGHT`."""
    frames = range(shot.first, shot.last + 1)
    tracked = [np.asarray(t.disparity, np.float64) for t in shot.tracks if t is not None]
    plot = _Plot(shot, np.concatenate([values, *tracked]))
    parts = _axes(plot, shot.unit)
    for start, end in shot.curve.pulls:
        parts.append(plot.band(start, end, 'class="pull"', f"pull, {start:.0f} to {end:.0f}"))
    for cut in shot.cuts:
        parts.append(plot.line((cut, cut), (plot.low, plot.high), 'class="cut"'))
    for i, track in enumerate(shot.tracks):
        if track is None:
            continue
        colour = _COLOURS[i % len(_COLOURS)]
        there = np.arange(track.first, track.first + len(track))
        parts.append(
            plot.line(there, track.disparity.astype(float), f'stroke="{colour}" class="track"')
        )
        for start, end in _spans(track.lost):
            parts.append(
                plot.line(
                    there[start : end + 1],
                    track.disparity[start : end + 1].astype(float),
                    f'stroke="{colour}" class="lost"',
                )
            )
    parts.append(plot.line(frames, values, 'class="focus"'))
    for i, target in enumerate(shot.curve.targets):
        x, y = plot.x(target.frame), plot.y(shot.curve.at(target.frame).disparity)
        colour = _COLOURS[i % len(_COLOURS)]
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" class="target">'
            f"<title>target {i + 1} at frame {target.frame:g}</title></circle>"
            f'<text x="{x:.1f}" y="{_TOP - 12}" text-anchor="middle">{i + 1}</text>'
        )
    return "".join(parts)


def _thumbnail(shot: ShotFocus, frame: int, image: Image) -> str:
    scale = _THUMBNAIL_WIDTH / image.shape[1]
    size = (_THUMBNAIL_WIDTH, max(1, round(image.shape[0] * scale)))
    small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    focus = shot.curve.at(frame)
    track = shot.tracks[focus.target]
    if track is not None and track.first <= frame < track.first + len(track):
        x, y, w, h = track.box[frame - track.first] * np.array([*size, *size])
        box = (round(x), round(y)), (round(x + w), round(y + h))
        cv2.rectangle(small, *box, (0, 0, 0), 3)
        cv2.rectangle(small, *box, (60, 60, 255) if focus.state == "lost" else (80, 255, 120), 1)
    _, data = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 82))
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return (
        f'<figure class="{focus.state}"><img alt="frame {frame}" width="{size[0]}"'
        f' height="{size[1]}" src="data:image/jpeg;base64,{text}">'
        f"<figcaption>{frame}: {_WORDS[focus.state].format(focus.target + 1)}</figcaption></figure>"
    )


def _rows(shot: ShotFocus) -> str:
    rows = []
    for i, (target, track) in enumerate(zip(shot.curve.targets, shot.tracks, strict=True)):
        pull = "-" if i == 0 else "{:g} to {:g}".format(*np.round(shot.curve.pulls[i - 1], 1))
        lost = "-"
        if track is not None and track.lost.any():
            lost = ", ".join(
                f"{track.first + a}" if a == b else f"{track.first + a} to {track.first + b}"
                for a, b in _spans(track.lost)
            )
        follow = "follows" if target.follow else "stays"
        rows.append(
            f'<tr><td><b style="color:{_COLOURS[i % len(_COLOURS)]}">●</b> {i + 1}</td>'
            f"<td>{target.frame:g}</td><td>{target.x:.3f}, {target.y:.3f}</td>"
            f"<td>{follow}, {target.hold}</td><td>{pull}</td><td>{lost}</td></tr>"
        )
    return "".join(rows)


_COLOURS_OF_INK = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --soft: #ddd; --pull: #8884; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818; --soft: #3a3a3a; } }
"""

_DRAWING_STYLE = """
text { font: 15px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--soft); } .pull { fill: var(--pull); } .focus { stroke: var(--ink);
  stroke-width: 2.5; } .track { stroke-width: 1.5; opacity: .75; }
polyline.lost { stroke-width: 7; opacity: .35; stroke-dasharray: 3 4; }
.cut { stroke: var(--ink); stroke-dasharray: 2 5; }
.target { stroke: var(--paper); stroke-width: 2; }
"""

_PAGE_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1240px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; overflow-wrap: anywhere; } .wide { overflow-x: auto; }
svg { width: 100%; min-width: 850px; height: auto; } #now { stroke: #e33; visibility: hidden; }
#strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px; }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; }
figcaption { text-align: center; font-size: 13px; } .lost figcaption { color: #d33; }
table { border-collapse: collapse; margin-top: 1.5em; }
td, th { padding: .2em 1.2em .2em 0; text-align: left; vertical-align: top; }
"""

_SCRIPT = """
const svg = document.querySelector('svg'), now = document.getElementById('now');
const out = document.getElementById('reading'), data = JSON.parse(
  document.getElementById('data').textContent);
svg.addEventListener('pointermove', event => {
  const at = new DOMPoint(event.clientX, event.clientY)
    .matrixTransform(svg.getScreenCTM().inverse());
  const u = (at.x - data.left) / (data.right - data.left), n = data.focus.length;
  const i = Math.min(n - 1, Math.max(0, Math.round(u * (n - 1))));
  const x = data.left + (data.right - data.left) * i / Math.max(n - 1, 1);
  now.setAttribute('x1', x); now.setAttribute('x2', x); now.style.visibility = 'visible';
  out.textContent = `frame ${data.first + i} · ${((data.first + i) / data.fps).toFixed(2)} s · `
    + `${data.focus[i].toFixed(4)} ${data.unit} · ${data.state[i]}`;
});
"""


def drawing(shot: ShotFocus) -> str:
    """The curve alone, without pictures: the text of an SVG file."""
    frames = range(shot.first, shot.last + 1)
    values = np.array([shot.curve.at(frame).disparity for frame in frames])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">
<title>Focus of {html.escape(shot.title)}</title><style>{_COLOURS_OF_INK}{_DRAWING_STYLE}</style>
<rect width="{_WIDTH}" height="{_HEIGHT}" style="fill: var(--paper)"/>{_drawing(shot, values)}</svg>
"""


def report(shot: ShotFocus, image: Callable[[int], Image]) -> str:
    """The page.

    Args:
        shot: the shot's focus.
        image: frame -> (H, W, 3) uint8, display-encoded BGR, for the strip of thumbnails.

    Returns:
        The text of an HTML file that needs nothing else.
    """
    foci = [shot.curve.at(frame) for frame in range(shot.first, shot.last + 1)]
    values = np.array([focus.disparity for focus in foci])
    shown = sorted({round(v) for v in np.linspace(shot.first, shot.last, _THUMBNAILS)})
    data = {
        "first": shot.first,
        "fps": shot.fps,
        "unit": shot.unit,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "focus": [round(float(v), 6) for v in values],
        "state": [focus.state for focus in foci],
    }
    strip = "".join(_thumbnail(shot, frame, image(frame)) for frame in shown)
    title = html.escape(shot.title)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Focus of {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{_COLOURS_OF_INK}{_DRAWING_STYLE}{_PAGE_STYLE}</style></head><body>
<h1>Focus of {title}</h1>
<p>{len(foci)} frames at {shot.fps:g} a second. The thick line is the focus, the thin ones are the
subjects as they were tracked, wide and dashed where a subject was lost; grey bands are pulls.</p>
<div class="wide"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Focus over time">
{_drawing(shot, values)}<line id="now" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/></svg></div>
<p id="reading">Point at the curve to read it.</p>
<div id="strip">{strip}</div>
<div class="wide"><table><thead><tr><th>target</th><th>frame</th><th>x, y from the top left</th>
<th>subject, hold</th><th>pull</th><th>lost</th></tr></thead><tbody>{_rows(shot)}</tbody>
</table></div>
<script type="application/json" id="data">{json.dumps(data)}</script>
<script>{_SCRIPT}</script></body></html>
"""
