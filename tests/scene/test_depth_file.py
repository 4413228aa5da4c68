"""Depth files at the times that hosts and retimes ask for."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.media import MissingMediaError, UnreadableFrameError
from synthetic_focus.scene.depth import DepthError, DepthReading
from synthetic_focus.scene.depth_file import DepthFile

READING = DepthReading("metres")


def write(path, values, names=("Z",)):
    pixels = np.asarray(values, np.float32)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), oiio.FLOAT)
    spec.channelnames = names
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), spec)
    out.write_image(pixels)
    out.close()


def metres(value):
    return np.full((4, 6, 1), value)


@pytest.fixture
def sequence(tmp_path):
    for number in range(10, 15):
        write(tmp_path / f"depth.{number:04d}.exr", metres(number))
    return tmp_path / "depth.%04d.exr"


def test_a_sequences_number_is_the_time(sequence):
    with DepthFile(sequence) as depth:
        for time in (10, 14, 12):
            np.testing.assert_allclose(depth.disparity(time, READING), 1 / time, rtol=1e-6)


def test_a_fractional_time_takes_the_nearest_frame_and_half_a_frame_beyond_the_end_holds(sequence):
    with DepthFile(sequence) as depth:
        for time, number in ((11.4, 11), (11.6, 12), (14.5, 14), (9.5, 10)):
            np.testing.assert_allclose(depth.disparity(time, READING), 1 / number, rtol=1e-6)


@pytest.mark.parametrize("time", [9.0, 15.0, -3.0, 1e9])
def test_a_time_without_depth_is_named_with_the_frames_that_have_it(sequence, time):
    with DepthFile(sequence) as depth, pytest.raises(DepthError, match="frames 10 to 14"):
        depth.disparity(time, READING)


def test_a_gap_in_the_sequence_is_named(sequence):
    (sequence.parent / "depth.0012.exr").unlink()
    with DepthFile(sequence) as depth:
        depth.disparity(11, READING)
        with pytest.raises(UnreadableFrameError, match="Frame 12"):
            depth.disparity(12, READING)


def test_one_image_holds_for_every_time(tmp_path):
    write(tmp_path / "depth.exr", metres(2.0))
    with DepthFile(tmp_path / "depth.exr") as depth:
        for time in (-7.5, 0, 1e6):
            np.testing.assert_array_equal(depth.disparity(time, READING), 0.5)


def test_the_depth_channel_of_a_picture_is_found_among_its_colours(tmp_path):
    pixels = np.zeros((4, 6, 5))
    pixels[..., 4] = 4.0
    write(tmp_path / "beauty.exr", pixels, ("R", "G", "B", "A", "Z"))
    with DepthFile(tmp_path / "beauty.exr") as depth:
        np.testing.assert_array_equal(depth.disparity(0, READING), 0.25)


def test_changing_how_depth_is_read_takes_effect_at_once(sequence):
    with DepthFile(sequence) as depth:
        before = depth.disparity(10, READING)
        after = depth.disparity(10, DepthReading("distance_far_bright", 1, 2, 0, 20))
    assert before[0, 0] == pytest.approx(0.1)
    assert after[0, 0] == pytest.approx(1 / 1.5)


def test_metres_that_are_read_as_disparity_are_doubted_once(sequence, caplog):
    with DepthFile(sequence) as depth:
        for time in (10, 11):
            depth.disparity(time, DepthReading())
    (said,) = caplog.messages
    assert "disparity_near_bright from 0 to 1" in said
    assert "nearer than 0.5 m" in said
    assert "depth_convention" in said


@pytest.mark.parametrize(
    "reading", [READING, DepthReading(low=0, high=20), DepthReading("distance_far_bright")]
)
def test_depth_that_is_read_as_what_it_may_be_is_not_doubted(sequence, caplog, reading):
    with DepthFile(sequence) as depth:
        depth.disparity(10, reading)
    assert caplog.messages == []


def test_many_threads_read_what_one_reads(sequence):
    with DepthFile(sequence) as depth, ThreadPoolExecutor(8) as pool:
        times = [10 + i % 5 for i in range(200)]
        found = list(pool.map(lambda time: depth.disparity(time, READING)[0, 0], times))
    np.testing.assert_allclose(found, 1 / np.array(times), rtol=1e-6)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingMediaError, match="nothing"):
        DepthFile(tmp_path / "nothing.mp4")
