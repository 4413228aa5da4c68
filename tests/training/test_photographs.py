"""Folders of real pairs: aligned by ECC, held against warps that are known."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from synthetic_focus.training import alignment, samples
from synthetic_focus.training.alignment import AlignmentError, find_warp
from synthetic_focus.training.samples import SampleError

SIZE = (240, 180)
Picture = NDArray[np.uint8]


def photograph() -> Picture:
    return np.asarray(cv2.resize(data.astronaut()[:384], SIZE, interpolation=cv2.INTER_AREA))


def affine(degrees: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), degrees, scale)
    turn[:, 2] += shift
    return np.vstack([turn, [0, 0, 1]])


def keystone() -> NDArray[np.float64]:
    corners = np.array([[0, 0], [SIZE[0], 0], [SIZE[0], SIZE[1]], [0, SIZE[1]]], np.float32)
    moved = corners + np.array([[3, 2], [-4, 5], [2, -3], [-2, 4]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64)


WARPS = {
    "nothing": np.eye(3),
    "shift": affine(0, 1, (9.3, -6.7)),
    "turn and zoom": affine(1.5, 1.03, (-4, 3)),
    "keystone": keystone(),
}


def seen_through(picture: Picture, warp: NDArray[np.float64]) -> Picture:
    """The picture in which `warp` leads from a place of `picture` to the same thing."""
    return np.asarray(cv2.warpPerspective(picture, warp, SIZE, borderMode=cv2.BORDER_REFLECT))


def places(warp: NDArray[np.floating]) -> NDArray[np.float64]:
    grid = np.stack(np.meshgrid([20, 120, 220], [20, 90, 160], [1.0])).reshape(3, -1)
    there = warp @ grid
    return np.asarray(there[:2] / there[2])


@pytest.mark.parametrize("name", WARPS)
def test_a_known_warp_is_found_within_a_third_of_a_pixel_through_blur_and_brightness(
    name: str,
) -> None:
    deep = photograph()
    other = cv2.GaussianBlur(seen_through(deep, WARPS[name]), (0, 0), 2.0)
    grey = cv2.cvtColor(deep, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    dimmer = cv2.cvtColor(other, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 * 0.6 + 0.1
    found = find_warp(grey, dimmer)
    assert abs(places(found) - places(WARPS[name])).max() < 0.34


def test_a_coarse_level_brings_the_fine_ones_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "_ROUNDS", 6)
    deep, warp = photograph(), affine(0, 1, (33, -24))
    one, other = (np.asarray(p[..., 1] / 255, np.float32) for p in (deep, seen_through(deep, warp)))
    assert abs(places(find_warp(one, other)) - places(warp)).max() < 0.34


def test_pictures_of_different_things_are_refused() -> None:
    one = np.asarray(photograph()[..., 1], np.float32) / 255
    other = cv2.resize(data.coffee()[..., 1], SIZE).astype(np.float32) / 255
    with pytest.raises(AlignmentError):
        find_warp(one, other)


def folder(place: Path, suffix: str = ".png", **pictures: Picture) -> Path:
    place.mkdir()
    for name, picture in pictures.items():
        cv2.imwrite(str(place / f"{name}{suffix}"), picture[..., ::-1])
    return place


@pytest.mark.parametrize(("suffix", "error"), [(".png", 0.02), (".jpg", 0.04)])
def test_a_photographed_pair_comes_aligned_and_exposed_alike(
    tmp_path: Path, suffix: str, error: float
) -> None:
    deep = photograph()
    darker = (255 * (deep / 255.0) ** 1.0 * 0.85).astype(np.uint8)
    place = folder(
        tmp_path / "a", suffix, deep=deep, shallow=seen_through(darker, WARPS["turn and zoom"])
    )
    sample = samples.load_photographs(place)
    assert sample.kind == "pair"
    assert sample.shallow is not None
    assert sample.shallow.shape == sample.deep.shape
    assert min(np.divide(sample.deep.shape[:2], deep.shape[:2])) > 0.85
    # The median of the resampling's error: edges lose sharpness twice
    assert np.median(abs(sample.shallow - sample.deep)) < error
    unaligned = np.median(
        abs(place_light(place / f"shallow{suffix}") - place_light(place / f"deep{suffix}"))
    )
    assert np.median(abs(sample.shallow - sample.deep)) < unaligned / 4


def place_light(path: Path) -> NDArray[np.float64]:
    encoded = cv2.imread(str(path)).astype(np.float64) / 255
    return np.where(encoded < 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def test_photographs_are_decoded_to_linear_light(tmp_path: Path) -> None:
    deep = photograph()
    place = folder(tmp_path / "a", deep=deep, shallow=deep)
    light = samples.load_photographs(place).deep
    expected = place_light(place / "deep.png")[..., ::-1]
    margin = (expected.shape[0] - light.shape[0]) // 2, (expected.shape[1] - light.shape[1]) // 2
    inner = expected[margin[0] :, margin[1] :][: light.shape[0], : light.shape[1]]
    np.testing.assert_allclose(light, inner, atol=1e-4)


def test_a_triplet_says_its_kind(tmp_path: Path) -> None:
    deep = photograph()
    place = folder(tmp_path / "a", deep=deep, shallow=deep, adjusted=deep)
    with pytest.raises(SampleError, match=r"a is a triplet of which sort\?"):
        samples.load_photographs(place)
    (place / "sample.json").write_text(json.dumps({"kind": "focal_triplet"}))
    sample = samples.load_photographs(place)
    assert sample.kind == "focal_triplet"
    assert sample.adjusted is not None


def test_what_is_wrong_with_a_folder_is_said_with_its_name(tmp_path: Path) -> None:
    deep = photograph()
    with pytest.raises(SampleError, match="alone has no picture 'shallow'"):
        samples.load_photographs(folder(tmp_path / "alone", deep=deep))
    twice = folder(tmp_path / "twice", deep=deep, shallow=deep)
    cv2.imwrite(str(twice / "deep.jpg"), deep)
    with pytest.raises(SampleError, match=r"twice has deep\.jpg and deep\.png"):
        samples.load_photographs(twice)
    with pytest.raises(SampleError, match=r"cut: shallow is 240x140, but deep is 240x180"):
        samples.load_photographs(folder(tmp_path / "cut", deep=deep, shallow=deep[:140]))
    other = np.asarray(cv2.resize(data.coffee(), SIZE))
    with pytest.raises(SampleError, match=r"apart: shallow cannot be aligned with deep: .*"):
        samples.load_photographs(folder(tmp_path / "apart", deep=deep, shallow=other))
    broken = folder(tmp_path / "broken", deep=deep, shallow=deep)
    (broken / "shallow.png").write_bytes(b"not a picture")
    with pytest.raises(SampleError, match=r"broken has a picture that cannot be read: .*shallow"):
        samples.load_photographs(broken)
