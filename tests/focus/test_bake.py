"""Baked keys against the curve that they stand for."""

import numpy as np
import pytest

from synthetic_focus.focus import Aim, FocusCurve, FocusTarget
from synthetic_focus.focus.bake import bake, fewest_keys


def interpolated(keys, count):
    frames, values = zip(*keys, strict=True)
    return np.interp(np.arange(count), frames, values)


def test_a_pull_between_still_subjects_is_four_keys_on_the_curve():
    curve = FocusCurve(
        [Aim.still(FocusTarget(0, 0, 0), 1.0), Aim.still(FocusTarget(0, 0, 60), 0.2)]
    )
    keys = bake(curve, 0, 100, 0.001)
    assert [frame for frame, _ in keys] == [0, 47, 57, 100]
    assert [value for _, value in keys] == pytest.approx([1.0, 1.0, 0.2, 0.2], abs=1e-9)


@pytest.mark.parametrize("tolerance", [0.001, 0.01, 0.1])
def test_no_frame_strays_further_than_the_tolerance(tolerance):
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.normal(scale=0.02, size=300))
    keys = fewest_keys(values, tolerance)
    assert np.abs(interpolated(keys, 300) - values).max() <= tolerance * (1 + 1e-6)
    assert keys[0][0] == 0
    assert keys[-1][0] == 299


def test_as_few_keys_as_an_exhaustive_search_finds():
    rng = np.random.default_rng(4)
    for _ in range(20):
        values = np.cumsum(rng.normal(size=9))
        tolerance = float(rng.uniform(0.2, 1.5))

        def possible(count: int, values=values, tolerance=tolerance) -> bool:
            from itertools import combinations, product

            offsets = tolerance * np.array([-1, -0.5, 0, 0.5, 1])
            for inner in combinations(range(1, 8), count - 2):
                at = (0, *inner, 8)
                for offset in product(offsets, repeat=count):
                    line = np.interp(np.arange(9), at, values[list(at)] + offset)
                    if np.abs(line - values).max() <= tolerance + 1e-9:
                        return True
            return False

        found = len(fewest_keys(values, tolerance))
        assert found == 2 or not possible(min(found - 1, 4))


def test_a_shot_of_one_frame_is_one_key():
    curve = FocusCurve([Aim.still(FocusTarget(0, 0, 5), 0.4)])
    assert bake(curve, 5, 5, 0.01) == ((5, pytest.approx(0.4)),)


@pytest.mark.parametrize("tolerance", [0, -1, np.nan, np.inf])
def test_a_tolerance_that_means_nothing_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        fewest_keys(np.zeros(4), tolerance)


def test_an_empty_span_is_refused():
    with pytest.raises(ValueError, match="no frame from 5 to 4"):
        bake(FocusCurve([Aim.still(FocusTarget(0, 0, 0), 1.0)]), 5, 4, 0.01)
