"""The temporal study tells steady from true, on shots made here."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from synthetic_focus.evaluation import temporal as study
from synthetic_focus.evaluation.moving_shots import MovingShot
from synthetic_focus.scene.providers import Estimate

FRAMES, HEIGHT, WIDTH = 9, 90, 160
PAN = 2  # pixels a frame


def shot(growth=0.0):
    """A wall with a lamp before which a box stands still, and a camera that pans past both."""
    rng = np.random.default_rng(0)
    wide = WIDTH + PAN * FRAMES
    wall = cv2.resize(rng.random((30, 60, 3)).astype(np.float32), (wide, HEIGHT)) * 0.7
    wall[20:24, 60:64] = 40
    depth = np.full((HEIGHT, wide), 0.1, np.float32)
    depth[30:80, 90:130] = 0.6
    wall[30:80, 90:130] *= 0.5
    pictures, disparity = [], []
    for i in range(FRAMES):
        window = np.s_[:, i * PAN : i * PAN + WIDTH]
        pictures.append(wall[window])
        disparity.append(depth[window] * (1 + growth * i))
    flow = np.zeros((FRAMES - 1, HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = -PAN
    x = np.arange(WIDTH)
    forward = np.broadcast_to(x - PAN >= 0, flow.shape[:3])
    backward = np.broadcast_to(x + PAN < WIDTH, flow.shape[:3])
    return MovingShot(
        "made",
        "a pan",
        np.stack(pictures),
        np.stack(disparity),
        np.zeros((FRAMES, HEIGHT, WIDTH), bool),
        flow,
        forward,
        -flow,
        backward,
    )


class Told:
    """Gives the maps that it was told, in order."""

    identity, metric, calibrated, soft_outlines = "told", False, True, False

    def __init__(self, maps, gains=None):
        self._maps = iter(maps)
        self._gains = iter(gains or [])

    def estimate(self, picture):
        return Estimate(next(self._maps), next(self._gains, None))


@pytest.fixture(scope="module")
def degraded():
    made = shot()
    return study.evaluate(made, study.Degraded(made))


def test_the_filter_takes_most_of_a_networks_flicker_and_none_of_its_truth(degraded):
    raw, steady, mended = degraded.scores

    for measure in ("flicker", "alignment", "bokeh"):
        assert np.mean(getattr(steady, measure)) < 0.4 * np.mean(getattr(raw, measure))
    assert steady.abs_rel < 1.02 * raw.abs_rel
    assert mended.abs_rel < 1.02 * raw.abs_rel


def test_the_lamp_is_brighter_with_its_gain_than_without(degraded):
    for score in degraded.scores:
        assert np.mean(score.lights) > 1.5 * np.mean(score.without_gain)
        assert np.std(score.lights) < 0.1 * np.mean(score.lights)


def test_the_truth_in_another_scale_is_without_fault():
    made = shot()
    raw = study.evaluate(made, Told(3 * made.disparity + 1)).scores[0]

    assert raw.abs_rel < 1e-3
    assert max(raw.alignment) < 0.01
    assert max(raw.flicker) < 0.01


def test_a_map_that_stays_while_the_scene_comes_nearer_is_steady_and_wrong():
    made = dataclasses.replace(shot(), disparity=shot(growth=0.04).disparity)
    truth, frozen = (
        study.evaluate(made, Told(maps)).scores[0] for maps in (made.disparity, shot().disparity)
    )

    assert np.mean(frozen.flicker) < 0.1 * np.mean(truth.flicker)
    assert np.mean(frozen.alignment) > 10 * max(np.mean(truth.alignment), 1e-3)


def test_bokeh_of_a_wrong_map_that_is_steady_does_not_flicker_and_that_of_a_pulsing_one_does():
    made = shot()
    wrong = 0.5 * made.disparity
    pulse = np.where(np.arange(FRAMES) % 2, 1.0, 1.1).astype(np.float32)[:, None, None]
    steady, pulsing, harder = (
        study.evaluate(made, Told(maps)).scores[0]
        for maps in (wrong, wrong * pulse, wrong * pulse**2)
    )

    assert max(steady.bokeh) < 0.02
    assert np.mean(pulsing.bokeh) > 20 * np.mean(steady.bokeh)
    assert np.mean(harder.bokeh) == pytest.approx(2 * np.mean(pulsing.bokeh), rel=0.25)


def test_bokeh_of_a_light_whose_gain_pulses_flickers():
    made = shot()
    gains = [
        np.where(p >= 1, 1.0 + i % 2, 0).astype(np.float32) for i, p in enumerate(made.pictures)
    ]
    steady = [np.where(p >= 1, 1.0, 0).astype(np.float32) for p in made.pictures]
    scores = [
        study.evaluate(made, Told(made.disparity, light)).scores[0] for light in (steady, gains)
    ]

    assert max(scores[0].bokeh) < 0.02
    assert np.mean(scores[1].bokeh) > 0.1


def test_the_report_has_all_scores_a_plot_and_pictures(degraded, tmp_path):
    study.write_json(tmp_path / "scores.json", [degraded], "told", None)
    study.write_plot(tmp_path / "over-time.svg", [degraded])
    study.write_sheet(tmp_path / "made.png", degraded)

    written = json.loads((tmp_path / "scores.json").read_text())
    assert [s["stage"] for s in written["scores"]] == list(study.STAGES)
    assert "<svg" in (tmp_path / "over-time.svg").read_text()
    assert cv2.imread(str(tmp_path / "made.png")).shape == (4 * HEIGHT, 2 * WIDTH, 3)
    rows = study.table([degraded]).splitlines()[2:]
    assert [row.split("|")[2].strip() for row in rows] == list(study.STAGES)
