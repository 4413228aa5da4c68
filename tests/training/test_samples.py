"""Samples on disk: what is written is what is read, and a broken one says what is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus.training import samples
from synthetic_focus.training.samples import Exposure, Sample, SampleCamera, SampleError


def triplet() -> Sample:
    rng = np.random.default_rng(0)
    # Values that half floats hold exactly
    deep, shallow, adjusted = (
        rng.integers(0, 2048, (24, 32, 3)).astype(np.float32) / 64 for _ in range(3)
    )
    return Sample(
        "aperture_triplet",
        deep,
        shallow,
        adjusted,
        rng.random((24, 32)).astype(np.float32),
        SampleCamera(50.0, 36.0),
        {
            "deep": Exposure(22.0, 2.0),
            "shallow": Exposure(2.0, 2.0),
            "adjusted": Exposure(8.0, 2.0),
        },
        7,
        "room",
        "held-out",
    )


def test_a_sample_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = triplet()
    samples.save(written, tmp_path / "a")
    read = samples.load(tmp_path / "a")
    for name in ("deep", "shallow", "adjusted", "disparity"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
        assert getattr(read, name).dtype == np.float32
    for name in ("kind", "camera", "exposures", "seed", "style", "split"):
        assert getattr(read, name) == getattr(written, name)


def test_a_deep_sample_has_no_other_picture(tmp_path: Path) -> None:
    samples.save(replace(triplet(), kind="deep"), tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "deep.exr",
        "disparity.exr",
        "sample.json",
    ]
    assert samples.load(tmp_path / "a").shallow is None


def test_a_light_beyond_half_floats_stays_finite(tmp_path: Path) -> None:
    bright = np.full((24, 32, 3), 1e6, np.float32)
    samples.save(replace(triplet(), kind="deep", deep=bright), tmp_path / "a")
    np.testing.assert_array_equal(samples.load(tmp_path / "a").deep, 65504.0)


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = samples.write_exr

    def interrupted(path: Path, *args: object) -> None:
        if path.name == "adjusted.exr":
            raise KeyboardInterrupt
        write(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(samples, "write_exr", interrupted)
    with pytest.raises(KeyboardInterrupt):
        samples.save(triplet(), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_places_are_the_whole_samples(tmp_path: Path) -> None:
    samples.save(triplet(), tmp_path / "b")
    samples.save(triplet(), tmp_path / "a")
    (tmp_path / ".c.partial-1").mkdir()
    (tmp_path / ".c.partial-1" / "sample.json").write_text("{}")
    (tmp_path / "d").mkdir()
    assert samples.places(tmp_path) == [tmp_path / "a", tmp_path / "b"]


def test_a_sample_is_never_written_over(tmp_path: Path) -> None:
    samples.save(triplet(), tmp_path / "a")
    with pytest.raises(SampleError, match="already there"):
        samples.save(triplet(), tmp_path / "a")


def test_broken_samples_are_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"nowhere/sample\.json is missing"):
        samples.load(tmp_path / "nowhere")

    def broken(name: str) -> Path:
        samples.save(triplet(), tmp_path / name)
        return tmp_path / name

    (broken("lost") / "shallow.exr").unlink()
    with pytest.raises(SampleError, match=r"lost is not a whole sample: .*shallow\.exr"):
        samples.load(tmp_path / "lost")

    samples.write_exr(broken("small") / "deep.exr", np.ones((3, 4, 3), np.float32))
    with pytest.raises(SampleError, match=r"small: pictures .* differ"):
        samples.load(tmp_path / "small")

    path = broken("newer") / "sample.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(SampleError, match=r"newer/sample\.json .* it is synthetic-focus/sample 2"):
        samples.load(tmp_path / "newer")


def test_a_kind_must_have_its_pictures(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="the kind aperture_triplet needs the picture 'adjusted'"):
        samples.save(replace(triplet(), adjusted=None), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
