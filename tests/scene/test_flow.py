"""Flow leads from where a thing is in one frame to where it is in the other."""

import cv2
import numpy as np
import pytest

from synthetic_focus.scene.flow import DisFlow, both_ways


@pytest.fixture(scope="module")
def texture():
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (80, 120), np.uint8)
    return np.kron(rough, np.ones((4, 4), np.uint8))


def test_a_shifted_picture_is_found_where_it_went_and_came_from(texture):
    earlier, later = texture[20:220, 30:330], texture[17:217, 25:325]  # moves by +5, +3

    pair = both_ways(DisFlow(), earlier, later)

    inner = np.s_[20:-20, 20:-20]
    assert np.abs(pair.forward[inner] - (5, 3)).max() < 0.25
    assert np.abs(pair.backward[inner] + (5, 3)).max() < 0.25


def test_a_still_picture_does_not_move(texture):
    pair = both_ways(DisFlow(), texture, texture)

    assert np.abs(pair.forward).max() < 1e-3
    assert np.abs(pair.backward).max() < 1e-3


def test_the_flow_does_not_depend_on_the_number_of_threads(texture):
    """It is in the cache's keys by its name alone."""
    before = cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.append(DisFlow()(texture[:200, :300], texture[3:203, 5:305]))
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_the_flow_remembers_no_earlier_call(texture):
    flow = DisFlow()
    first = flow(texture[:200, :300], texture[3:203, 5:305])
    flow(texture[50:250, :300], texture[:200, 20:320])

    assert np.array_equal(flow(texture[:200, :300], texture[3:203, 5:305]), first)


@pytest.mark.parametrize("size", [(1, 1), (9, 16), (12, 40), (40, 7), (31, 33)])
def test_small_pictures_have_a_flow_too(texture, size):
    picture = texture[: size[0], : size[1]]

    field = DisFlow()(picture, picture)

    assert field.shape == (*size, 2)
    assert np.isfinite(field).all()
