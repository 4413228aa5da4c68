"""Vehicles of the training worlds: in the sizes of life, on the ground, headed as they are told."""

import numpy as np
import pytest

from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.training.scenes import vehicles
from synthetic_focus.training.scenes.world import Builder, Light

DARK = Light(np.zeros((256, 512, 3), np.float32), np.array([0.0, 1, 0]), np.zeros(3), np.zeros(3))

# Lengths and heights in metres from makers' catalogues, children's sizes included
SIZES = {
    vehicles.bicycle: ((0.9, 2.0), (0.55, 1.25)),
    vehicles.motorcycle: ((1.6, 2.7), (0.95, 1.65)),
    vehicles.scooter: ((1.5, 2.2), (0.95, 1.65)),
    vehicles.kick_scooter: ((0.7, 1.4), (0.7, 1.35)),
    vehicles.pram: ((0.6, 1.3), (0.8, 1.35)),
    vehicles.barrow: ((1.3, 1.9), (0.5, 0.9)),
    vehicles.trolley: ((0.8, 1.3), (0.9, 1.15)),
    vehicles.wheelchair: ((0.8, 1.3), (0.8, 1.05)),
}


def corners(
    make: vehicles.Vehicle, seed: int, at: tuple[float, float, float], yaw: float
) -> Floats:
    builder = Builder()
    make(builder, np.random.default_rng(seed), at, yaw)
    return builder.world("vehicle", DARK, (), 0.1).corners


@pytest.mark.parametrize("make", SIZES, ids=lambda make: make.__name__)
def test_a_vehicle_stands_on_the_ground_in_the_size_of_life(make: vehicles.Vehicle) -> None:
    (shortest, longest), (lowest, highest) = SIZES[make]
    for seed in range(8):
        found = corners(make, seed, (3.0, 0.4, -2.0), 0.0) - [3.0, 0.4, -2.0]
        # A tyre's polygon and one that leans on its stand sink in by a little
        assert -0.05 < found[:, 1].min() < 0.03
        assert shortest < np.ptp(found[:, 2]) < longest
        assert lowest < found[:, 1].max() < highest
        assert np.ptp(found[:, 0]) < 1.3


@pytest.mark.parametrize("make", SIZES, ids=lambda make: make.__name__)
def test_a_vehicle_is_turned_with_its_heading(make: vehicles.Vehicle) -> None:
    ahead = corners(make, 5, (0.0, 0.0, 0.0), 0.0)
    left = corners(make, 5, (0.0, 0.0, 0.0), 90.0)
    # Towards -z, then towards -x; a tube's polygon lies as the world does
    expected = ahead[:, [2, 1, 0]] * [1, 1, -1]
    for bound in (np.min, np.max, np.mean):
        np.testing.assert_allclose(bound(left, axis=0), bound(expected, axis=0), atol=0.05)


def test_a_motorcycles_handlebars_are_before_its_middle_and_its_tail_light_behind() -> None:
    for seed in range(8):
        found = corners(vehicles.motorcycle, seed, (0.0, 0.0, 0.0), 0.0)
        # Nothing else is so far from the middle to both sides
        grips = found[abs(found[:, 0] - np.median(found[:, 0])) > 0.3]
        assert grips[:, 2].mean() < 0 < found[:, 2].max()
