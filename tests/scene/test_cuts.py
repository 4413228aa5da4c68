"""Cuts are found where two scenes meet, and nowhere else."""

from itertools import pairwise

import numpy as np

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.scene.cuts import find_cuts, is_cut, thumbnail


def cuts_of(images):
    return find_cuts([thumbnail(image) for image in images])


def test_a_cut_is_found_at_the_first_frame_of_the_new_scene():
    assert cuts_of(focus_shots.cut().images) == (60,)


def cuts_by_two_frames(images):
    pairs = pairwise([thumbnail(image) for image in images])
    return [i for i, (before, now) in enumerate(pairs, start=1) if is_cut(before, now)]


def test_two_frames_alone_tell_a_cut_from_what_passes_and_from_a_flash():
    assert cuts_by_two_frames(focus_shots.cut().images) == [60]
    assert cuts_by_two_frames(focus_shots.occluded().images) == []
    images = list(focus_shots.tiny().images[:4])
    images[2] = np.clip(images[2].astype(int) + 120, 0, 255).astype(np.uint8)
    assert cuts_by_two_frames(images) == []


def test_a_cut_to_and_from_black_is_one_for_two_frames():
    picture = focus_shots.tiny().images[0]
    assert cuts_by_two_frames([picture, picture * 0, picture]) == [1, 2]


def test_a_whip_pan_is_not_a_cut():
    assert cuts_of(focus_shots.whip_pan().images) == ()


def test_something_that_passes_close_by_is_not_a_cut():
    assert cuts_of(focus_shots.occluded().images) == ()


def test_a_flash_is_not_a_cut():
    images = list(focus_shots.tiny().images[:20])
    images[10] = np.clip(images[10].astype(int) + 120, 0, 255).astype(np.uint8)
    assert cuts_of(images) == ()


def test_one_frame_has_no_cut():
    assert cuts_of(focus_shots.tiny().images[:1]) == ()
