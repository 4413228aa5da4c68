"""The metrics against values worked out by hand."""

import numpy as np
import pytest

from synthetic_focus.evaluation.metrics import display, noise_floor, psnr, regions


def test_the_display_curve_is_srgb() -> None:
    linear = np.array([-1.0, 0.0, 0.002, 0.21404114, 1.0, 900.0], np.float32)
    assert display(linear) == pytest.approx([0, 0, 0.02584, 0.5, 1, 1], abs=1e-5)


def test_an_error_of_a_tenth_in_display_space_is_twenty_decibels() -> None:
    first = np.full((4, 5, 3), 0.21404114, np.float32)
    second = np.full((4, 5, 3), 0.31854678, np.float32)  # displayed: 0.5 and 0.6
    assert psnr(first, second) == pytest.approx(20, abs=1e-3)


def test_psnr_looks_only_where_it_is_told() -> None:
    first, second = np.zeros((2, 4, 4, 3), np.float32)
    second[0] = 1
    where = np.zeros((4, 4), bool)
    where[:2] = True
    assert psnr(first, second, where) == pytest.approx(10 * np.log10(2))
    assert psnr(first, second, ~where) == pytest.approx(np.inf)
    assert np.isnan(psnr(first, second, np.zeros((4, 4), bool)))


def test_a_picture_that_is_not_finite_is_wrong_not_ignored() -> None:
    broken = np.full((2, 2, 3), np.nan, np.float32)
    assert psnr(broken, np.full((2, 2, 3), 0.5, np.float32)) == pytest.approx(0)


def test_the_noise_floor_is_that_of_the_mean_of_both_halves() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((200, 200, 3), 0.5)
    first, second = (
        (clean + rng.normal(0, 0.004, clean.shape)).astype(np.float32) for _ in range(2)
    )
    measured = psnr((first + second) / 2, clean.astype(np.float32))
    assert noise_floor(first, second) == pytest.approx(measured, abs=0.1)


def test_an_edge_reaches_as_far_as_the_larger_blur_beside_it() -> None:
    coc = np.zeros((9, 60), np.float32)
    coc[:, 30:] = 7.0
    found = regions(coc)
    columns = np.flatnonzero(found.edges[4])
    assert (columns[0], columns[-1]) == (29 - 7, 30 + 7)
    assert np.array_equal(np.flatnonzero(found.in_focus[4]), np.arange(30))


def test_a_slope_is_no_edge() -> None:
    slope = np.tile(np.linspace(-20, 20, 81, dtype=np.float32), (5, 1))
    assert not regions(slope).edges.any()


def test_edges_are_found_in_both_directions() -> None:
    coc = np.zeros((60, 9), np.float32)
    coc[:20] = -5.0
    assert np.array_equal(regions(coc).edges, regions(np.ascontiguousarray(coc.T)).edges.T)
