"""The specimen sheet shows each lens by what it is known for."""

import itertools
import math

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.lens.preset import load_preset
from synthetic_focus.lens.sheet import SheetError, draw_sheet, point_spread, write_sheet
from synthetic_focus.media import MissingMediaError

RADIUS = 24.0


def spread(name, *, behind=True, x=0.5, y=0.5):
    """The green channel: red and blue may be of another size."""
    return point_spread(load_preset(name), behind=behind, x=x, y=y, radius=RADIUS)[..., 1]


def ring_means(patch, edges):
    """Mean light between radii, in units of the circle of confusion."""
    middle = (np.array(patch.shape) - 1) / 2
    rows, columns = np.indices(patch.shape)
    rho = np.hypot(rows - middle[0], columns - middle[1]) / RADIUS
    return [patch[(rho >= a) & (rho < b)].mean() for a, b in itertools.pairwise(edges)]


def extent(patch):
    """Standard deviations across and up, whose ratio tells an oval from a disc."""
    rows, columns = np.indices(patch.shape)
    weights = patch / patch.sum()
    row, column = (rows * weights).sum(), (columns * weights).sum()
    return (
        math.sqrt(((columns - column) ** 2 * weights).sum()),
        math.sqrt(((rows - row) ** 2 * weights).sum()),
    )


def test_plain_disc_is_white_and_keeps_its_light():
    patch = spread("minolta-stf-135", behind=True)
    assert patch.sum() == pytest.approx(math.pi * RADIUS**2, rel=5e-3)
    patch = spread("canon-cn-e-50")
    # A cat's eye's barrel takes some light even a little off the middle.
    assert patch.sum() == pytest.approx(math.pi * RADIUS**2, rel=0.01)
    assert np.median(patch[patch > 0.5]) == pytest.approx(1, abs=0.15)


def test_anamorphic_ovals_are_twice_as_tall_as_wide():
    across, up = extent(spread("arri-master-anamorphic-50"))
    assert up / across == pytest.approx(2, rel=0.03)


def test_soap_bubble_is_bright_at_the_rim_behind_and_in_the_middle_in_front():
    middle, rim = ring_means(spread("meyer-trioplan-100"), [0, 0.5, 0.8, 0.97])[::2]
    assert rim > 3 * middle
    middle, rim = ring_means(spread("meyer-trioplan-100", behind=False), [0, 0.5, 0.8, 0.97])[::2]
    assert middle > 1.5 * rim


def test_mirror_lens_has_a_dark_middle():
    middle, ring = ring_means(spread("reflex-nikkor-500"), [0, 0.4, 0.65, 0.95])[::2]
    assert middle < 0.01 * ring


def test_b_speed_is_a_triangle_that_points_up_behind_and_down_in_front():
    patch = spread("zeiss-b-speed-50")
    turned = spread("zeiss-b-speed-50", behind=False)[::-1, ::-1]
    assert ((patch > 0.3) != (turned > 0.3)).mean() < 0.01
    widths = (patch > 0.3 * patch.max()).sum(axis=1)
    rows = np.flatnonzero(widths)
    assert widths[rows[len(rows) // 5]] < 0.5 * widths[rows[-len(rows) // 5]]


def test_sheet_is_one_picture_with_a_card_a_lens(tmp_path):
    names = ["helios-44-2", "iphone-14-pro"]
    write_sheet(tmp_path / "sheet.png", names)
    picture = oiio.ImageBuf(str(tmp_path / "sheet.png"))
    one = draw_sheet([load_preset(names[0])])
    assert picture.spec().height == one.shape[0]
    assert 1.9 < picture.spec().width / one.shape[1] <= 2


def test_sheet_that_cannot_be_written_says_so_before_it_is_drawn(tmp_path):
    drawn = []
    for path in (tmp_path / "no" / "sheet.png", tmp_path / "sheet.unknown"):
        with pytest.raises((SheetError, MissingMediaError), match=r"no does not exist|sheet\.png"):
            write_sheet(path, ["iphone-14-pro"], progress=lambda *count: drawn.append(count))
    assert drawn == []
    assert not list(tmp_path.iterdir())


def test_sheet_tells_how_far_it_is(tmp_path):
    seen = []
    write_sheet(
        tmp_path / "sheet.png",
        ["helios-44-2", "iphone-14-pro"],
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_swirl_and_cats_eye_turn_the_patch_with_its_place_in_the_frame():
    left = extent(spread("helios-44-2", x=0.04))
    above = extent(spread("helios-44-2", y=0.04))
    assert left[1] > 1.5 * left[0]
    assert above[0] > 1.2 * above[1]


def test_smooth_trans_focus_fades_on_both_sides_of_the_focus():
    for behind in (True, False):
        patch = spread("minolta-stf-135", behind=behind)
        middle, rim = ring_means(patch, [0, 0.4, 0.8, 0.97])[::2]
        assert rim < 0.45 * middle
