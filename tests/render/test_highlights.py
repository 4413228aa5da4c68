"""Highlight recovery brightens what is blurred and clipped, by what was asked, and nothing else."""

import numpy as np
import pytest

from synthetic_focus.render.highlights import recover_highlights

BLURRED = np.full((4, 5), -8, np.float32)


def picture(value=0.2, channels=3):
    return np.full((4, 5, channels), value, np.float32)


@pytest.mark.parametrize("stops", [1.0, 3.5])
def test_clipped_light_gets_its_stops_in_every_colour(stops):
    light = picture()
    light[1, 2] = (1.0, 0.5, 0.25)
    out = recover_highlights(light, BLURRED, stops=stops, threshold=0.8)
    np.testing.assert_allclose(out[1, 2], light[1, 2] * 2**stops, rtol=1e-6)


def test_everything_else_stays_bit_identical():
    light = picture(0.79, channels=4)
    light[0, 0, 3] = 1.0
    light[1, 2, :3] = 1.0
    out = recover_highlights(light, BLURRED, stops=3.0, threshold=0.8)
    out[1, 2, :3] = 1.0
    np.testing.assert_array_equal(out, light)


def test_light_in_focus_stays_as_the_camera_saw_it():
    light = picture(0.2)
    light[1, 1] = light[1, 4] = 1.0
    coc = np.where(np.arange(5) < 3, 0.5, 8.0).astype(np.float32)[None].repeat(4, axis=0)
    out = recover_highlights(light, coc, stops=3.0, threshold=0.8)
    np.testing.assert_array_equal(out[:, :3], light[:, :3])
    np.testing.assert_allclose(out[1, 4], 8.0)


@pytest.mark.parametrize("sweep", ["brightness", "blur"])
def test_nothing_pops_as_a_light_brightens_or_leaves_the_focus(sweep):
    out = []
    for step in np.linspace(0, 1, 201, dtype=np.float32):
        light = np.full((3, 3, 3), 0.1, np.float32)
        light[1, 1] = 0.6 + 0.6 * step if sweep == "brightness" else 1.0
        coc = np.full((3, 3), 8.0 if sweep == "brightness" else 3 * step, np.float32)
        out.append(recover_highlights(light, coc, stops=3.0, threshold=0.8)[1, 1, 0])
    assert (np.diff(out) >= 0).all()
    assert np.diff(out).max() < 0.3
    assert out[-1] > 7.9


def test_windows_and_skies_are_spared():
    light = np.full((200, 400, 3), 0.1, np.float32)
    light[20, 20] = 1.0
    light[60:160, 100:300] = 1.0
    coc = np.full((200, 400), 9, np.float32)
    out = recover_highlights(light, coc, stops=3.0, threshold=0.8)
    assert out[20, 20, 0] == pytest.approx(8)
    np.testing.assert_array_equal(out[70:150, 110:290], 1.0)
    assert out[60, 200, 0] < 2


def test_input_is_not_written_to_and_is_returned_where_nothing_is_bright():
    light = picture(1.0)
    light.flags.writeable = False
    recover_highlights(light, BLURRED, stops=2.0, threshold=0.8)
    dark = picture(0.3)
    assert recover_highlights(dark, BLURRED, stops=2.0, threshold=0.8) is dark
