"""The built-in estimator as a provider."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from synthetic_focus.scene.estimator import WEIGHTS, EmbeddedEstimator
from synthetic_focus.scene.providers import ModelError, Picture
from synthetic_focus.scene.rgbd_hdr import Architecture, Network, read_weights, write_weights


@pytest.fixture(scope="module")
def estimator() -> EmbeddedEstimator:
    return EmbeddedEstimator()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file of random weights of a small network."""
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    write_weights(Network(Architecture((4, 4, 4, 4, 4), (0, 1, 1, 1, 1), 3)), path)
    return path


def _picture(height: int, width: int, seed: int = 0) -> Picture:
    """Random, nowhere near clipped."""
    return np.random.default_rng(seed).uniform(0, 0.9, (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [(1, 1), (2, 301), (37, 53), (96, 54), (540, 960)])
def test_any_size_gives_finite_maps_of_that_size(
    estimator: EmbeddedEstimator, size: tuple[int, int]
) -> None:
    estimate = estimator.estimate(_picture(*size))
    assert estimate.disparity.shape == size
    assert estimate.disparity.dtype == np.float32
    assert np.isfinite(estimate.disparity).all()
    assert estimate.disparity.min() >= 0
    assert estimate.log_gain is not None
    assert estimate.log_gain.shape == (*size, 3)
    assert estimate.log_gain.dtype == np.float32


def test_light_is_recovered_where_it_was_clipped_and_nowhere_else(
    estimator: EmbeddedEstimator,
) -> None:
    picture = _picture(180, 320)
    picture[60:90, 100:140] = 1.0
    gain = estimator.estimate(picture).log_gain
    assert gain is not None
    assert (gain[60:90, 100:140] > 0).all()
    gain[60:90, 100:140] = 0
    assert (gain == 0).all()


def test_left_and_right_are_alike(estimator: EmbeddedEstimator) -> None:
    picture = _picture(180, 320)
    disparity = estimator.estimate(picture).disparity
    mirrored = estimator.estimate(np.ascontiguousarray(picture[:, ::-1])).disparity
    assert disparity.std() > 0.01
    np.testing.assert_allclose(mirrored[:, ::-1], disparity, atol=2e-4)


def test_the_same_picture_gives_the_same_bits(estimator: EmbeddedEstimator) -> None:
    picture = _picture(270, 480)
    first, again = estimator.estimate(picture), EmbeddedEstimator().estimate(picture)
    assert np.array_equal(first.disparity, again.disparity)
    assert first.log_gain is not None
    assert again.log_gain is not None
    assert np.array_equal(first.log_gain, again.log_gain)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4), np.float32), r"\(4, 4\)"),
        (np.zeros((4, 4, 4), np.float32), r"\(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.float32), "4x0"),
        (np.broadcast_to(np.float32(0), (5000, 5000, 3)), "5000x5000"),
        (np.full((4, 4, 3), np.nan, np.float32), "finite"),
        (np.full((4, 4, 3), np.inf, np.float32), "finite"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(
    estimator: EmbeddedEstimator, picture: Picture, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        estimator.estimate(picture)


def test_values_beyond_the_display_count_as_its_ends(estimator: EmbeddedEstimator) -> None:
    picture = _picture(90, 160)
    picture[20:30, 20:30] = 1.0
    beyond = picture.copy()
    beyond[20:30, 20:30] = 7.0
    assert np.array_equal(
        estimator.estimate(picture).disparity, estimator.estimate(beyond).disparity
    )


def test_the_identity_tells_weights_apart(small: Path) -> None:
    identity = EmbeddedEstimator(small).identity
    assert identity == EmbeddedEstimator(small).identity
    assert identity != EmbeddedEstimator().identity
    content = bytearray(small.read_bytes())
    content[-1] ^= 1
    small.write_bytes(content)
    assert EmbeddedEstimator(small).identity != identity


def test_weights_survive_the_file(small: Path) -> None:
    network = read_weights(small.read_bytes(), "x")
    torch.manual_seed(0)
    original = Network(network.architecture)
    for name, value in original.state_dict().items():
        assert torch.equal(network.state_dict()[name], value.half().float()), name


def _damaged(content: bytes, how: str) -> bytes:
    match how:
        case "truncated":
            return content[: len(content) // 2]
        case "empty":
            return b""
        case "text":
            return b"<!DOCTYPE html><title>Not found</title>" * 100
        case "no architecture":
            return content.replace(b"architecture", b"axchitecture", 1)
        case "another key":
            return content.replace(b"stem.bias", b"stem.bxas", 1)
        case "not finite":
            return content[:-2] + b"\x00\x7c"
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["architecture"]) | {"bins": 4}
    header["__metadata__"]["architecture"] = json.dumps(facts)
    new = json.dumps(header).encode()
    return len(new).to_bytes(8, "little") + new + content[8 + length :]


@pytest.mark.parametrize(
    "how",
    ["truncated", "empty", "text", "no architecture", "another key", "not finite", "another shape"],
)
def test_damaged_weights_are_refused_by_name(small: Path, how: str) -> None:
    small.write_bytes(_damaged(small.read_bytes(), how))
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        EmbeddedEstimator(small).estimate(_picture(8, 8))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.safetensors cannot be read"):
        _ = EmbeddedEstimator(tmp_path / "none.safetensors").identity


def test_the_identity_needs_no_torch() -> None:
    code = (
        "import sys\nfrom synthetic_focus.scene.estimator import EmbeddedEstimator\n"
        "EmbeddedEstimator().identity\n"
        "print(sorted({'torch', 'cv2', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_shipped_weights_are_small_enough() -> None:
    assert WEIGHTS.stat().st_size <= 25_000_000
