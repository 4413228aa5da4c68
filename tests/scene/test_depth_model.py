"""A shot through the whole effect with the depth of an installed network."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.scene import models
from synthetic_focus.scene.providers import provider
from synthetic_focus.scene.shot import analyze

PROGRAM = [sys.executable, "-m", "synthetic_focus.cli"]
SIZE = (128, 96)


@pytest.fixture(autouse=True)
def blue(networks, tmp_path, monkeypatch) -> str:
    """A network for which blue is near, whatever red and green show."""
    monkeypatch.setenv("SYNTHETIC_FOCUS_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "cache"))
    network = networks.write(
        "blue", weights=[0, 0, 40], toml={"input": {"long_side": 128, "multiple": 32}}
    )
    models.install_file(network)
    provider.cache_clear()
    return "blue"


def texture(seed: int, blueness: int = 230) -> np.ndarray:
    """(96, 128, 3) uint8, nothing clipped: red and green at random, blue on the left half."""
    pixels = np.random.default_rng(seed).integers(0, 231, (SIZE[1], SIZE[0], 3), np.uint8)
    pixels[..., 2] = 0
    pixels[:, :64, 2] = blueness
    return pixels


def save(path: Path, pixels: np.ndarray) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "uint8")
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(np.ascontiguousarray(pixels))
    assert output.close()
    return path


def render(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "render", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


def read(path: Path) -> np.ndarray:
    return np.asarray(oiio.ImageInput.open(str(path)).read_image("uint8"), int)


def test_a_network_says_what_is_blurred_as_a_depth_picture_would(tmp_path, blue):
    pixels = texture(1)
    source = save(tmp_path / "in.png", pixels)
    depth = save(tmp_path / "depth.png", np.where(pixels[..., 2:] > 0, np.uint8(255), np.uint8(0)))
    look = ["--focus", "0.25,0.5", "--f-stop", 1.4]
    given = tmp_path / "given.png"
    done = render(source, given, "--depth", depth, *look)
    assert (done.returncode, done.stderr) == (0, "")
    estimated = tmp_path / "estimated.png"
    done = render(source, estimated, "--depth-model", blue, *look)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert np.abs(read(estimated) - read(given)).max() <= 1
    left, right = np.s_[:, :56], np.s_[:, 72:]
    assert np.abs(read(estimated)[left] - pixels[left]).max() <= 1
    red = read(estimated)[right][..., 0]
    assert red.std() < 0.5 * pixels[right][..., 0].std()


def test_a_network_is_calibrated_for_the_shot_and_not_for_each_frame(tmp_path, blue):
    for number, blueness in enumerate((230, 115)):
        save(tmp_path / f"shot.{number:04d}.png", texture(number, blueness))
    with analyze(tmp_path / "shot.%04d.png", model=blue) as shot:
        assert not shot.metric
        for number, nearness in enumerate((1, 0.5)):
            disparity = shot.disparity(number)
            # The temporal filter may take a pixel of noise for a moved one.
            assert np.median(disparity[:, :60]) == pytest.approx(nearness, abs=0.01)
            assert np.median(disparity[:, 68:]) == pytest.approx(0, abs=0.01)


def test_a_network_of_metres_is_taken_at_its_word(tmp_path, networks):
    network = networks.write(
        "metric",
        weights=[0, 0, -3],
        tail=[("Add", 5.0)],
        toml={"input": {"long_side": 128}, "output": {"kind": "metres"}},
    )
    models.install_file(network)
    with analyze(save(tmp_path / "in.png", texture(1)), model="metric") as shot:
        assert shot.metric
        assert shot.disparity(0)[:, :60] == pytest.approx(1 / (5 - 3 * 230 / 255), abs=1e-3)
        assert shot.disparity(0)[:, 68:] == pytest.approx(1 / 5, abs=1e-3)


def test_a_network_that_is_not_installed_or_damaged(tmp_path, blue):
    source = save(tmp_path / "in.png", texture(1))
    done = render(source, tmp_path / "out.png", "--depth-model", "depth-anything-v2-small")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "synthetic-focus: the depth model 'depth-anything-v2-small' is not installed."
        " `synthetic-focus models install depth-anything-v2-small` fetches it\n"
    )
    network = models.folder() / blue / f"{blue}.onnx"
    network.write_bytes(network.read_bytes()[:-1])
    done = render(source, tmp_path / "out.png", "--depth-model", blue)
    assert done.returncode == 1
    assert "the depth model 'blue' is damaged" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_a_host_renders_with_the_network_that_it_names(monkeypatch, tmp_path, blue):
    from synthetic_focus import installed
    from synthetic_focus.ofx_host import Host

    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    pixels = np.ones((SIZE[1], SIZE[0], 4), np.float32)
    pixels[..., :3] = texture(1) / np.float32(255)
    depth = np.repeat(np.float32(pixels[..., 2:3] > 0), 4, axis=2)

    def rendered(plugin, source: str) -> np.ndarray:
        instance = plugin.create(context="General")
        instance.clips["Source"].connect(lambda time: pixels, like=pixels)
        instance.clips["Depth"].connect(lambda time: depth, like=depth)
        instance["depth_source"].set(source)
        instance["depth_model"].set(blue)
        instance["blur_scale"].set(4.0)
        return instance.render(time=1).pixels[..., :3]

    with Host() as host:
        plugin = host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")
        estimated, given = rendered(plugin, "Estimate"), rendered(plugin, "Depth Input")
    assert np.abs(estimated - given).max() < 2e-3
    assert np.abs(estimated - pixels[..., :3]).max() > 0.2
