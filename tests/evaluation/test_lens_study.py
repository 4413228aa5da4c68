"""The study on parts of two ray-traced scenes, and what it says when the scenes are not there."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthetic_focus.evaluation import lens
from synthetic_focus.evaluation.command import evaluate
from synthetic_focus.evaluation.metrics import psnr, regions
from synthetic_focus.evaluation.truth import TruthMissingError, cut, load, load_all, save

SMALL = Path(__file__).parent / "truth"


@pytest.mark.parametrize(
    ("name", "whole", "edges"), [("twigs", 38.7, 37.4), ("street", 43.3, 41.2)]
)
def test_defocus_is_nearer_to_ray_traced_truth_than_published_methods(
    name: str, whole: float, edges: float
) -> None:
    """Parts of two scenes, away from the cut; the thresholds are half a decibel below the result.

    Twigs before a sharp subject need what they hide; the street's lamps need exact coverage.
    """
    truth = load(SMALL / name)
    coc = truth.coc(truth.disparity)
    inner = (slice(32, -32), slice(32, -32))
    edge = regions(coc).edges[inner]
    scores = {}
    for method, render in lens.METHODS.items():
        picture = render(truth.deep, coc, truth.aperture)[inner]
        scores[method] = (
            psnr(picture, truth.shallow[inner]),
            psnr(picture, truth.shallow[inner], edge),
        )
    ours = scores.pop(lens.OURS)
    assert ours[0] >= whole
    assert ours[1] >= edges
    # The best of the others is 7 dB behind
    assert ours[0] > max(score[0] for score in scores.values()) + 6
    assert ours[1] > max(score[1] for score in scores.values()) + 6


def test_a_part_of_a_scene_is_seen_through_the_same_lens() -> None:
    truth = load(SMALL / "twigs")
    part = cut(truth, 10, 20, 60, 80)
    whole_coc = truth.coc(truth.disparity)
    assert part.coc(part.disparity) == pytest.approx(whole_coc[10:70, 20:100], rel=1e-5, abs=1e-6)
    assert np.array_equal(part.shallow, truth.shallow[10:70, 20:100])


def test_saved_truth_is_read_back(tmp_path: Path) -> None:
    truth = load(SMALL / "twigs")
    save(truth, tmp_path)
    again = load(tmp_path / "twigs")
    assert np.array_equal(again.deep, truth.deep)
    assert np.array_equal(again.depth, truth.depth)
    assert again.camera == truth.camera


@pytest.mark.parametrize(
    ("broken", "message"),
    [("{", "not valid"), ('{"camera": {"f_stop": 2}}', "not valid"), (None, "missing")],
)
def test_a_broken_manifest_is_named(tmp_path: Path, broken: str | None, message: str) -> None:
    save(load(SMALL / "twigs"), tmp_path)
    manifest = tmp_path / "twigs" / "scene.json"
    manifest.unlink() if broken is None else manifest.write_text(broken)
    with pytest.raises(TruthMissingError, match=f"scene.json.*{message}"):
        load(tmp_path / "twigs")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    save(load(SMALL / "twigs"), tmp_path)
    (tmp_path / "twigs" / "shallow.exr").unlink()
    with pytest.raises(TruthMissingError, match=r"shallow\.exr"):
        load(tmp_path / "twigs")


def test_an_empty_folder_says_how_to_make_the_scenes(tmp_path: Path) -> None:
    with pytest.raises(TruthMissingError, match=r"evaluation\.scenes\.make"):
        load_all(tmp_path)
    result = CliRunner().invoke(evaluate, ["lens", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "evaluation.scenes.make" in result.output


def test_the_command_writes_tables_scores_and_pictures(tmp_path: Path) -> None:
    arguments = ["lens", "--data", str(SMALL), "--report", str(tmp_path), "--degraded"]
    result = CliRunner().invoke(evaluate, [*arguments, "--scene", "twigs"])
    assert result.exit_code == 0, result.output
    assert "mean of 1 scenes" in result.output
    written = json.loads((tmp_path / "scores.json").read_text())
    assert len(written["scores"]) == len(lens.METHODS) * len(lens.DEGRADATIONS)
    assert {path.name for path in tmp_path.iterdir()} == {
        "scores.json",
        "worst_twigs.png",
        "scenes.jpg",
        "degraded.svg",
    }


def test_no_blur_scores_what_the_two_pictures_differ_by() -> None:
    truth = load(SMALL / "street")
    where = regions(truth.coc(truth.disparity))
    score, _ = lens.score(truth, where, "no blur", "true depth")
    assert score.whole == psnr(truth.deep, truth.shallow)


@pytest.mark.parametrize("name", list(lens.DEGRADATIONS))
def test_degraded_depth_keeps_its_range_and_is_finite(name: str) -> None:
    disparity = load(SMALL / "street").disparity
    degraded = lens.DEGRADATIONS[name](disparity)
    assert degraded.shape == disparity.shape
    assert np.isfinite(degraded).all()
    assert degraded.min() >= 0
    assert abs(degraded - disparity).max() <= np.ptp(disparity)
    assert (name == "true depth") == np.array_equal(degraded, disparity)


def test_dilated_depth_moves_near_edges_by_two_pixels() -> None:
    step = np.zeros((9, 40), np.float32)
    step[:, :20] = 1
    assert np.count_nonzero(lens.DEGRADATIONS["dilated by 2 px"](step)[4]) == 22


def test_the_worst_places_are_where_the_error_is() -> None:
    error = np.zeros((400, 500), np.float32)
    error[300:310, 40:50] = 2
    error[50:60, 400:410] = 1
    for (top, left), (row, column) in zip(
        lens.worst_places(error), [(305, 45), (55, 405)], strict=True
    ):
        assert top <= row < top + 112
        assert left <= column < left + 112
