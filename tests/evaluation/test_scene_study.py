"""The figures of `evaluate scene` where they are known."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus.evaluation import scene as study
from synthetic_focus.scene.providers import Estimate, Picture
from synthetic_focus.training import samples

rng = np.random.default_rng(0)
NOISE = rng.uniform(0.2, 1, (60, 80)).astype(np.float32)


def _boxes(soft: bool = False) -> np.ndarray:
    """A near box before a far wall, in dioptres."""
    x = np.broadcast_to(np.arange(80, dtype=np.float32), (60, 80))
    edge = np.clip((x - 10) / 60, 0, 1) if soft else (x >= 30).astype(np.float32)
    return np.asarray(0.2 + 0.8 * edge, np.float32)


def test_scale_and_shift_do_not_count() -> None:
    score = study.disparity_score(5 * NOISE - 2, NOISE)
    assert score.abs_rel == pytest.approx(0, abs=1e-5)
    assert score.delta1 == 1
    assert score.rms == pytest.approx(0, abs=1e-5)


def test_alignment_is_least_squares() -> None:
    guess = (NOISE + rng.normal(0, 0.2, NOISE.shape)).astype(np.float32)
    everywhere = np.ones(NOISE.shape, bool)
    slope, offset = np.polyfit(guess.ravel(), NOISE.ravel(), 1)
    assert np.allclose(study.aligned(guess, NOISE, everywhere), slope * guess + offset, atol=1e-4)


def test_figures_of_a_constant_are_those_worked_out_by_hand() -> None:
    """Half at 1 m, half at 2 m: the constant becomes 0.75 dioptres, 4/3 m."""
    true = np.full((40, 40), 1.0, np.float32)
    true[:20] = 0.5
    score = study.disparity_score(np.zeros_like(true), true)
    assert score.abs_rel == pytest.approx((1 / 3 + 1 / 3) / 2, abs=1e-5)
    assert score.delta1 == 0  # 4/3 and 3/2
    assert score.rms == pytest.approx(0.25, abs=1e-6)


def test_what_is_unknown_or_beyond_100_m_is_left_out() -> None:
    true, guess = NOISE.copy(), NOISE.copy()
    true[:10] = np.nan
    guess[:10] = 99
    assert study.disparity_score(guess, true).rms == pytest.approx(0, abs=1e-5)
    true[:10] = 0.0
    guess[:10] = 0.0
    assert study.disparity_score(guess, true).abs_rel == pytest.approx(0, abs=1e-4)
    sky = study.disparity_score(NOISE, np.zeros_like(NOISE))
    assert math.isnan(sky.abs_rel)


def test_nothing_is_farther_than_the_frame_reaches() -> None:
    """What is guessed farther than the farthest, 2 m, counts as 2 m."""
    true = np.full((40, 40), 0.5, np.float32)
    true[:20] = 2.0
    guess = true.copy()
    guess[20:, :20], guess[20:, 20:] = -0.5, 1.5  # of mean 0.5, so that the alignment is as it was
    score = study.disparity_score(guess, true)
    fitted = study.aligned(guess, true, np.ones(true.shape, bool))
    expected = np.abs(true / np.maximum(fitted, 0.5) - 1).mean()
    assert fitted.min() < 0.4
    assert score.abs_rel == pytest.approx(expected)


def test_boundaries_count_where_they_are_and_how_sharp() -> None:
    true = _boxes()
    assert study.boundary_f1(true, true) == 1
    assert study.boundary_f1(np.roll(true, 2, 1)[:, :], true) > 0.6
    assert study.boundary_f1(np.flipud(true.T)[:60, :60].repeat(2, 1)[:, :80], true) < 0.4
    assert study.boundary_f1(_boxes(soft=True), true) == 0
    assert math.isnan(study.boundary_f1(true, np.full_like(true, 0.3)))


def test_a_boundary_too_many_costs_precision() -> None:
    """One of two is right: precision 1/2 and recall 1."""
    guess = _boxes()
    guess[:, 60:] += 0.5
    assert study.boundary_f1(guess, _boxes()) == pytest.approx(2 * 0.5 / 1.5)
    assert study.boundary_f1(_boxes(), guess) == pytest.approx(2 * 0.5 / 1.5)


def test_light_is_measured_over_clipped_pixels() -> None:
    picture = np.full((4, 4, 3), 0.5, np.float32)
    picture[0] = 1
    true = np.zeros((4, 4, 3), np.float32)
    true[0] = 2
    assert study.log_mse(true, true, picture) == 0
    assert study.log_mse(np.zeros_like(true), true, picture) == pytest.approx(4)
    assert math.isnan(study.log_mse(true, true, picture * 0.5))


def test_the_motorcycle_is_metric() -> None:
    """By Middlebury's calibration it stands two to five metres away."""
    frame = study.motorcycle()
    assert frame.picture.shape == (500, 741, 3)
    assert 0 < frame.picture.max() <= 1
    near, far = 1 / np.nanpercentile(frame.disparity, (98, 2))
    assert 2 < near < 2.5
    assert 4 < far < 5.5
    assert 0.02 < np.isnan(frame.disparity).mean() < 0.3


class _Oracle:
    """Knows the frame's truth, but not its scale."""

    identity = "oracle"
    metric = False
    calibrated = True
    soft_outlines = False

    def __init__(self, frame: study.Frame) -> None:
        self._frame = frame

    def estimate(self, picture: Picture) -> Estimate:
        known = np.nan_to_num(self._frame.disparity)[: picture.shape[0], : picture.shape[1]]
        if known.shape != picture.shape[:2]:
            known = picture[..., 0]
        return Estimate(3 * known + 1, self._frame.log_gain)


@pytest.fixture
def frame() -> study.Frame:
    picture = np.full((60, 80, 3), 0.5, np.float32)
    picture[:8, :8] = 1
    gain = np.zeros_like(picture)
    gain[:8, :8] = 1.5
    return study.Frame("boxes", "one", picture, _boxes(), gain)


def test_a_perfect_estimate_beats_every_guess_and_the_table_says_so(frame: study.Frame) -> None:
    scores = [study.score(frame, _Oracle(frame)), study.score(frame, _Oracle(frame))]
    assert study.gain_over(scores, "constant") == pytest.approx(1, abs=1e-4)
    assert scores[0].light["estimator"] == 0
    assert scores[0].light["none"] == pytest.approx(1.5**2)
    assert 0 < scores[0].light["not learnt"] != scores[0].light["none"]
    text = study.table(scores)
    assert "boxes: 2 frames" in text
    assert "100 % than the constant" in text


def test_scores_are_written_with_what_made_them(frame: study.Frame, tmp_path: Path) -> None:
    path = tmp_path / "report" / "scores.json"
    study.write_json(path, [study.score(frame, _Oracle(frame))], "oracle", "abc")
    facts = json.loads(path.read_text())
    assert facts["provider"] == "oracle"
    assert facts["commit"] == "abc"
    assert facts["scores"][0]["disparity"]["estimator"]["rms"] == pytest.approx(0, abs=1e-5)


def test_held_out_samples_are_seen_by_the_same_camera_each_time(tmp_path: Path) -> None:
    deep = rng.uniform(0, 3, (48, 64, 3)).astype(np.float32)
    sample = samples.Sample(
        "deep",
        deep,
        disparity=NOISE[:48, :64],
        camera=samples.SampleCamera(35, 36),
        exposures={"deep": samples.Exposure(22, 2)},
        seed=5,
        style="noise",
        split="held-out",
    )
    samples.save(sample, tmp_path / "0")
    samples.save(replace(sample, split="train"), tmp_path / "1")
    first, again = (list(study.held_out(tmp_path)) for _ in range(2))
    assert [one.name for one in first] == ["0"]
    assert first[0].group == "noise"
    assert np.array_equal(first[0].picture, again[0].picture)
    with pytest.raises(samples.SampleError, match="no held-out"):
        list(study.held_out(tmp_path / "none"))


def test_the_sheet_shows_every_picture_above_its_disparity(frame: study.Frame) -> None:
    portrait = np.full((80, 20, 3), 0.5, np.float32)
    sheet = study.sheet({str(n): frame.picture for n in range(4)} | {"5": portrait}, _Oracle(frame))
    assert sheet.shape == (2 * 480, 4 * 320, 3)
    assert sheet[120, 160].tolist() == [128, 128, 128]
    assert (sheet[480:, 320:] == 0).all()
