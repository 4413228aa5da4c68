"""The report holds what it says it shows, and needs nothing from outside."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from synthetic_focus.focus import Aim, FocusCurve, FocusTarget
from synthetic_focus.focus.report import ShotFocus, drawing, report
from synthetic_focus.focus.tracking import Track


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.data = [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags:
            self.data.setdefault(self.tags[-1][0], []).append(data)

    def of(self, tag, kind=None):
        return [a for t, a in self.tags if t == tag and (kind is None or a.get("class") == kind)]


@pytest.fixture
def shot():
    lost = np.zeros(50, bool)
    lost[10:15] = True
    box = np.tile(np.float32([0.4, 0.4, 0.2, 0.2]), (50, 1))
    track = Track(0, box, np.linspace(0.9, 0.8, 50, dtype=np.float32), lost)
    near, far = FocusTarget(0.5, 0.5, 0), FocusTarget(0.2, 0.4, 40)
    curve = FocusCurve([Aim(near, 0, track.disparity, lost), Aim.still(far, 0.2)])
    return ShotFocus("A & <B>", curve, [track, None], 0, 49, 24.0, cuts=[])


@pytest.fixture
def page(shot):
    return Page(report(shot, lambda frame: np.full((90, 160, 3), frame, np.uint8)))


def test_the_curve_targets_pulls_and_lost_spans_are_drawn(page):
    (focus,) = page.of("polyline", "focus")
    assert len(focus["points"].split()) == 50
    assert len(page.of("rect", "pull")) == 1
    assert len(page.of("circle", "target")) == 2
    (lost,) = page.of("polyline", "lost")
    assert len(lost["points"].split()) == 5


def test_the_data_beside_the_drawing_is_the_curve(page):
    data = json.loads(page.data["script"][0])
    assert data["focus"][0] == pytest.approx(0.9, abs=1e-3)
    assert data["focus"][40] == pytest.approx(0.2, abs=1e-6)
    assert data["state"][12] == "lost"
    assert data["state"][32] == "pulling"


def test_the_page_needs_nothing_from_outside_and_the_title_is_escaped(page):
    sources = [a.get("src", "") for a in page.of("img")]
    assert len(sources) == 15
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not page.of("link")
    assert not any("src" in a for a in page.of("script"))
    assert "Focus of A & <B>" in page.data["h1"][0]


def test_axes_have_few_round_numbers_within_the_drawing(page):
    labels = [text for text in page.data["text"] if re.fullmatch(r"-?[\d.]+", text)]
    assert labels[:4] == ["0.2", "0.4", "0.6", "0.8"]
    assert labels[4:9] == ["0", "10", "20", "30", "40"]
    for text in page.of("text"):
        assert 0 <= float(text.get("y", 0)) <= 400


def test_only_lines_are_faded_where_a_subject_is_lost(page):
    """A picture of a frame without the subject is to be seen as well as any other."""
    states = {figure["class"] for figure in page.of("figure")}
    assert "lost" in states
    for selector, rule in re.findall(r"([^{}]+)\{([^{}]*)\}", page.data["style"][0]):
        assert "opacity" not in rule or not {f".{state}" for state in states} & {selector.strip()}


def test_the_curve_alone_is_a_picture_without_pictures(shot, page):
    svg = ElementTree.fromstring(drawing(shot))
    name = "{http://www.w3.org/2000/svg}"
    assert svg.findtext(f"{name}title") == "Focus of A & <B>"
    for tag, kind in (("polyline", "focus"), ("polyline", "lost"), ("rect", "pull")):
        (found,) = svg.findall(f"{name}{tag}[@class='{kind}']")
        (shown,) = page.of(tag, kind)
        assert found.attrib == shown
    assert svg.find(f".//{name}image") is None


def test_a_shot_of_one_frame_has_a_report():
    curve = FocusCurve([Aim.still(FocusTarget(0.5, 0.5, 7), 0.4)])
    shot = ShotFocus("one", curve, [None], 7, 7, 25.0)
    text = report(shot, lambda frame: np.zeros((9, 16, 3), np.uint8))
    assert len(Page(text).of("img")) == 1
