"""A convolutional network as an ONNX file, through the command line and through the plug-in."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import OpenImageIO as oiio
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.signal import correlate

from synthetic_focus import installed, parameters
from synthetic_focus.ofx_host import Host, Project

WIDTH, HEIGHT, COUNT = 96, 54, 3
FIRST = np.random.default_rng(1).normal(size=(4, 3, 3, 3)).astype(np.float32)
SECOND = np.random.default_rng(2).normal(size=(1, 4, 5, 5)).astype(np.float32)


def network(path: Path) -> None:
    """Two convolutions with a ReLU between, any size in, inverse depth out."""
    nodes = [
        helper.make_node("Conv", ["picture", "first"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["depth"], pads=[2, 2, 2, 2]),
    ]
    shapes = ([1, 3, None, None], [1, 1, None, None])
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("picture", "depth"), shapes, strict=True)
    ]
    weights = [numpy_helper.from_array(FIRST, "first"), numpy_helper.from_array(SECOND, "second")]
    graph = helper.make_graph(nodes, "tiny", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    path.with_suffix(".toml").write_text(
        f'label = "Tiny"\nlicence = "MIT"\nsource = "tests"\n'
        f'[input]\nlong_side = {WIDTH}\n[output]\nkind = "inverse_depth"\n'
    )


def expected(picture: np.ndarray) -> np.ndarray:
    """What the network says of a picture (H, W, 3) uint8, by SciPy."""
    planes = np.moveaxis(picture.astype(np.float64) / 255, 2, 0)

    def convolved(planes: np.ndarray, kernels: np.ndarray) -> np.ndarray:
        reach = kernels.shape[-1] // 2
        padded = np.pad(planes, ((0, 0), (reach, reach), (reach, reach)))
        return np.stack([correlate(padded, kernel, "valid")[0] for kernel in kernels])

    return convolved(np.maximum(convolved(planes, FIRST), 0), SECOND)[0]


def raw(cache: Path) -> list[np.ndarray]:
    found = []
    for path in cache.glob("*/raw/*.exr"):
        image = oiio.ImageBuf(str(path))
        channel = image.spec().channelnames.index("disparity")
        found.append(np.asarray(image.get_pixels(oiio.FLOAT))[..., channel])
    return found


def test_a_network_gives_the_depth_of_renders_by_command_and_in_a_host(
    tmp_path, monkeypatch, moving_picture, save_picture
):
    monkeypatch.setenv("SYNTHETIC_FOCUS_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    network(tmp_path / "tiny.onnx")
    for number in range(COUNT):
        save_picture(tmp_path / f"in.{number:04d}.png", moving_picture(number))
    wanted = {number: expected(moving_picture(number)) for number in range(COUNT)}

    def run(*arguments: object) -> None:
        command = [sys.executable, "-m", "synthetic_focus.cli", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "command"))
    run("models", "install", tmp_path / "tiny.onnx")
    run(
        "render", tmp_path / "in.%04d.png", tmp_path / "out.%04d.png", "--depth-model", "tiny",
        "--focus-distance", "0.9", "--blur-scale", "8",
    )  # fmt: skip
    check(raw(tmp_path / "command"), wanted)
    assert (tmp_path / "out.0002.png").read_bytes() != (tmp_path / "in.0002.png").read_bytes()

    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "host"))

    def source(at: float) -> np.ndarray:
        rgb = moving_picture(int(at)).astype(np.float32) / np.float32(255)
        return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])

    project = Project(region=(0, 0, WIDTH, HEIGHT), frames=(0, COUNT - 1))
    bundle = installed.DIRECTORY / "SyntheticFocus.ofx.bundle"
    with (
        Host() as host,
        host.load_one(bundle).create(project=project, clips={"Source": source}) as effect,
    ):
        spaces = [option.key for option in parameters.table()["colour_space"].options]
        effect["colour_space"].set(spaces.index("sRGB Encoded Rec.709 (sRGB)"))
        effect["depth_model"].set("tiny")
        effect["blur_scale"].set(8.0)
        pixels = effect.render(time=COUNT - 1).pixels
        assert np.abs(pixels[..., :3] - source(COUNT - 1)[..., :3]).mean() > 0.005
        assert host.violations == []
    check(raw(tmp_path / "host"), wanted)


def check(found: list[np.ndarray], wanted: dict[int, np.ndarray]) -> None:
    """Each of the wanted maps is among those found, to half floats."""
    assert len(found) == len(wanted)
    for truth in wanted.values():
        distances = [np.abs(one - truth).max() for one in found]
        assert min(distances) == pytest.approx(0, abs=2e-3 * np.abs(truth).max())
