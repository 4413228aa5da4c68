"""A depth network in an ONNX file: what it is fed, what it says, and what is refused."""

import numpy as np
import pytest
from onnx import TensorProto

from synthetic_focus.scene.onnx_network import OnnxNetwork, read_description
from synthetic_focus.scene.providers import ModelError


@pytest.fixture
def picture():
    """(48, 64, 3): smooth, so that edges do not matter, and of all values from 0 to 1."""
    rows, columns = np.mgrid[0:48, 0:64]
    channels = [columns / 63, rows / 47, (columns + rows) / 110]
    return np.stack(channels, axis=-1).astype(np.float32)


def estimate(path, picture):
    found = OnnxNetwork(path).estimate(picture)
    assert found.log_gain is None
    disparity = found.disparity
    assert disparity.dtype == np.float32
    assert disparity.shape == picture.shape[:2]
    assert np.isfinite(disparity).all()
    return disparity


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("sides", [(None, None), (48, 64)])
@pytest.mark.parametrize("leading", [(), (1,), ("batch",), (1, "views")])
def test_a_picture_is_fed_in_whatever_shape_the_network_takes(
    networks, picture, layout, sides, leading
):
    size = {} if sides[0] else {"size": [64, 48]}
    path = networks.write(
        layout=layout, sides=sides, leading=leading, toml={"input": {"layout": layout, **size}}
    )
    assert estimate(path, picture) == pytest.approx(picture @ networks.luma, abs=1e-6)


@pytest.mark.parametrize(
    "shape", [(48, 64), (1, 48, 64), (1, 1, 48, 64), (1, 48, 64, 1), (1, 1, 48, 64, 1)]
)
def test_depth_may_have_any_number_of_axes_of_one(networks, picture, shape):
    path = networks.write(sides=(48, 64), shape=shape, toml={"input": {}})
    assert estimate(path, picture) == pytest.approx(picture @ networks.luma, abs=1e-6)


def test_half_precision_is_fed_and_read(networks, picture):
    path = networks.write(number=TensorProto.FLOAT16)
    assert estimate(path, picture) == pytest.approx(picture @ networks.luma, abs=1e-3)


def test_whole_numbers_are_rounded(networks, picture):
    path = networks.write(
        number=TensorProto.UINT8, toml={"input": {"long_side": 64, "std": [1 / 255] * 3}}
    )
    codes = np.floor(picture * 254)
    between = ((codes + 0.4) / 255).astype(np.float32)
    assert estimate(path, between) == pytest.approx(codes @ networks.luma, abs=1e-4)


def test_mean_standard_deviation_and_order_of_channels(networks, picture):
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    path = networks.write(
        toml={"input": {"long_side": 64, "mean": mean, "std": std, "channels": "BGR"}}
    )
    fed = (picture[..., ::-1] - np.array(mean)) / np.array(std)
    assert estimate(path, picture) == pytest.approx(fed @ networks.luma, abs=1e-5)


def test_a_picture_is_made_smaller_by_the_mean_of_its_pixels(networks):
    """A network of half the size that says what it sees; the flat halves stay what they are."""
    fine = np.zeros((48, 64, 3), np.float32)
    fine[:, ::2] = 0.5  # every second column: its mean is what a smaller picture has
    fine[:, 32:] += 0.5
    disparity = estimate(networks.write(toml={"input": {"long_side": 32}}), fine)
    assert disparity[:, :30] == pytest.approx(0.25, abs=1e-6)
    assert disparity[:, 34:] == pytest.approx(0.75, abs=1e-6)


def test_a_network_of_one_shape_sees_the_whole_picture_stretched(networks):
    rows, columns = np.mgrid[0:45, 0:80]
    picture = np.repeat((rows / 90 + columns / 160)[..., None], 3, -1).astype(np.float32)
    disparity = estimate(networks.write(sides=(32, 32), toml={"input": {}}), picture)
    inside = np.s_[4:-4, 4:-4]
    assert disparity[inside] == pytest.approx(picture[..., 0][inside], abs=2e-3)


@pytest.mark.parametrize(
    ("policy", "size", "fed"),
    [
        # What the networks' own preparation makes of a picture of 1080p, and of one upright.
        ({"short_side": 518, "multiple": 14}, (1920, 1080), (924, 518)),
        ({"short_side": 518, "multiple": 14}, (1080, 1920), (518, 924)),
        ({"long_side": 504, "multiple": 14}, (1920, 1080), (504, 280)),
        ({"size": [256, 192]}, (1920, 1080), (256, 192)),
        ({"long_side": 64, "multiple": 32}, (6400, 64), (64, 32)),
        ({"short_side": 64}, (400, 1), (4096, 64)),
    ],
)
def test_how_large_a_picture_is_fed(networks, policy, size, fed):
    import onnx
    from onnx import helper

    for axis, name in ((2, "height"), (3, "width")):
        nodes = [
            helper.make_node("Shape", ["picture"], ["side"], start=axis, end=axis + 1),
            helper.make_node("Cast", ["side"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["number", "scalar"], ["one"]),
            helper.make_node("ReduceMean", ["picture"], ["grey"], axes=[1]),
            helper.make_node("Mul", ["grey", "none"], ["nothing"]),
            helper.make_node("Add", ["nothing", "one"], ["depth"]),
        ]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "h", "w"])],
            [helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)],
            [
                helper.make_tensor("scalar", TensorProto.INT64, [1], [1]),
                helper.make_tensor("none", TensorProto.FLOAT, [1], [0.0]),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        networks.folder.mkdir(exist_ok=True)
        onnx.save(model, networks.folder / f"{name}.onnx")
        networks.describe(name, {"input": policy})
    flat = np.full((size[1], size[0], 3), 0.5, np.float32)
    seen = tuple(
        estimate(networks.folder / f"{name}.onnx", flat).max() for name in ("width", "height")
    )
    assert seen == fed


def test_nothing_is_fitted_to_a_picture(networks, picture):
    """What is half as bright has half the disparity, in a frame of its own too."""
    network = OnnxNetwork(networks.write(tail=[("Mul", 700.0)]))
    assert not network.metric
    assert not network.calibrated
    for brightness in (1, 0.5):
        disparity = network.estimate(picture * np.float32(brightness)).disparity
        assert disparity == pytest.approx(picture @ networks.luma * 700 * brightness, rel=1e-4)


@pytest.mark.parametrize("kind", ["metres", "distance"])
def test_distances_become_disparity(networks, picture, kind):
    """Of a network that gives millimetres."""
    path = networks.write(
        tail=[("Add", 1.0), ("Mul", 1000.0)],
        toml={"input": {"long_side": 64}, "output": {"kind": kind, "scale": 0.001}},
    )
    network = OnnxNetwork(path)
    assert network.metric == network.calibrated == (kind == "metres")
    assert estimate(path, picture) == pytest.approx(1 / (picture @ networks.luma + 1), abs=1e-5)


def test_an_infinite_distance_is_infinitely_far(networks, picture):
    path = networks.write(
        tail=[("Sub", 0.5), ("Relu", None), ("Reciprocal", None)],
        toml={"input": {"long_side": 64}, "output": {"kind": "metres"}},
    )
    nearness = np.maximum(picture @ networks.luma - 0.5, 0)
    assert (nearness == 0).any()
    assert estimate(path, picture) == pytest.approx(nearness, abs=1e-5)


def test_edges_stay_hard_in_the_full_picture(networks):
    picture = np.zeros((96, 128, 3), np.float32)
    picture[:, 64:] = 1
    disparity = estimate(networks.write(toml={"input": {"long_side": 32}}), picture)
    assert set(np.unique(disparity.round(4))) == {0, 1}
    assert np.all(disparity[:, 64:].round(4) == 1)


def test_one_of_several_outputs_by_number_or_name(networks, picture):
    path = networks.write(outputs=("confidence", "depth"))
    for tensor in (1, "depth"):
        networks.describe(
            tables={
                "input": {"long_side": 64},
                "output": {"kind": "inverse_depth", "tensor": tensor},
            }
        )
        assert estimate(path, picture) == pytest.approx(-(picture @ networks.luma), abs=1e-6)


def test_weights_in_a_second_file(networks, picture):
    path = networks.write(external="weights.bin")
    assert (path.parent / "weights.bin").stat().st_size > 0
    assert estimate(path, picture) == pytest.approx(picture @ networks.luma, abs=1e-6)
    (path.parent / "weights.bin").unlink()
    with pytest.raises(
        ModelError, match=r"luma\.onnx keeps weights in a second file, weights\.bin"
    ):
        estimate(path, picture)


def test_weights_are_found_in_constants_and_in_branches_too(tmp_path):
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

    from synthetic_focus.scene.onnx_file import external_files

    def tensor(place):
        made = TensorProto(name=place, data_location=TensorProto.EXTERNAL)
        for key, value in (("offset", "0"), ("location", place)):
            made.external_data.add(key=key, value=value)
        (tmp_path / place).touch()
        return made

    branch = GraphProto(name="then", initializer=[tensor("branch.bin")])
    nodes = [
        NodeProto(attribute=[AttributeProto(name="value", t=tensor("constant.bin"))]),
        NodeProto(attribute=[AttributeProto(name="then_branch", g=branch)]),
    ]
    graph = GraphProto(node=nodes, initializer=[tensor("all.bin"), tensor("all.bin")])
    path = tmp_path / "network.onnx"
    path.write_bytes(ModelProto(ir_version=8, graph=graph).SerializeToString())
    assert sorted(external_files(path)) == ["all.bin", "branch.bin", "constant.bin"]


def test_the_identity_changes_with_the_network_and_with_what_is_done_around_it(networks):
    path = networks.write()
    first = OnnxNetwork(path).identity
    assert first == OnnxNetwork(path).identity
    assert "luma" in first
    networks.describe(label="Another name", tables={"input": {"long_side": 64}})
    assert OnnxNetwork(path).identity == first
    networks.describe(tables={"input": {"long_side": 32}})
    other_size = OnnxNetwork(path).identity
    networks.write(tail=[("Sqrt", None)])
    other_network = OnnxNetwork(path).identity
    assert len({first, other_size, other_network}) == 3


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"inputs": ("picture", "scale")}, r"has 2 inputs \(picture, scale\)"),
        ({"channels": 4}, r"of shape 1x4x\?x\?: with input.layout = 'NCHW' that is not one"),
        ({"number": TensorProto.DOUBLE}, r"takes tensor\(double\); float32, float16 and uint8 can"),
        ({"leading": (2,)}, r"of shape 2x3x\?x\?"),
        ({"leading": (1, 1, 1)}, r"of shape 1x1x1x3x\?x\?, which is no picture"),
        ({"toml": {"input": {}}}, r"any size: its TOML must have input.size, input.short_side"),
        ({"sides": (32, 32), "toml": {"input": {"size": [64, 48]}}}, r"32x32 only, but .* 64x48"),
        ({"shape": (1, 2, 24, 64)}, r"an array of shape 1x2x24x64 as 'depth'"),
        ({"shape": (1, 3072)}, r"an array of shape 1x3072 as 'depth'"),
        ({"shape": (1, 64, 48)}, r"a map of 48x64 for a picture of 64x48.*input.layout"),
        ({"shape": (1, 1, 17, 3)}, r"failed on a picture of 64x48: "),
        ({"tail": [("Sub", 2.0), ("Log", None)]}, r"no numbers \(NaN or infinite\)"),
        ({"tail": [("Mul", 0.0), ("Reciprocal", None)]}, r"no numbers \(NaN or infinite\)"),
        ({"tail": [("Mul", 0.0), ("Add", 3.0)]}, r"gave 3 for every pixel: output.tensor"),
    ],
)
def test_what_is_no_depth_network_is_refused_by_its_own_message(
    networks, picture, options, complaint
):
    path = networks.write(**options)
    with pytest.raises(ModelError, match=complaint) as caught:
        OnnxNetwork(path).estimate(picture)
    assert str(path) in str(caught.value)


def test_an_output_that_is_not_there(networks, picture):
    path = networks.write(outputs=("depth", "confidence"))
    for tensor in (2, "disparity"):
        networks.describe(
            tables={
                "input": {"long_side": 64},
                "output": {"kind": "inverse_depth", "tensor": tensor},
            }
        )
        with pytest.raises(ModelError, match=r"it has 0 'depth', 1 'confidence'"):
            estimate(path, picture)


def test_distances_that_are_none(networks, picture):
    path = networks.write(
        tail=[("Neg", None)],
        toml={"input": {"long_side": 64}, "output": {"kind": "distance"}},
    )
    with pytest.raises(ModelError, match=r"luma\.onnx gave no distance above 0"):
        OnnxNetwork(path).estimate(picture)


def test_a_black_frame_may_have_one_depth(networks):
    black = np.zeros((48, 64, 3), np.float32)
    assert not estimate(networks.write(), black).any()


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (b"", "is empty"),
        (b"P6 640 480 255\n" + bytes(99), "no ONNX file"),
        (b"<!DOCTYPE html><html>not found</html>", "is a web page"),
        (b"<html><body>Sign in", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"PK\x03\x04" + bytes(60), "PyTorch checkpoint; export it to ONNX"),
    ],
)
def test_a_file_that_is_no_network(networks, picture, contents, complaint):
    path = networks.write()
    path.write_bytes(contents)
    with pytest.raises(ModelError, match=complaint):
        OnnxNetwork(path).estimate(picture)


def test_a_network_cut_short_anywhere_is_refused(networks, picture):
    path = networks.write()
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"part of an ONNX file|no ONNX|cannot be loaded"):
            OnnxNetwork(path).estimate(picture)


def test_weights_in_another_folder_are_refused(networks, picture):
    import onnx

    path = networks.write(external="weights.bin")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../weights.bin"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"keeps weights in '\.\./weights\.bin'"):
        OnnxNetwork(path).estimate(picture)


@pytest.mark.parametrize(
    ("fields", "tables", "complaint"),
    [
        ({"label": None}, {}, "label is missing"),
        ({"license": "MIT"}, {}, "license is unknown; did you mean licence"),
        ({}, {"output": {}}, "output.kind is missing"),
        ({}, {"output": {"kind": "depth"}}, "output.kind is 'depth': it .*'inverse_depth'.*metres"),
        ({}, {"input": {"long_side": 0}}, "input.long_side is 0: it .*greater than or equal to 1"),
        ({}, {"input": {"long_side": 9999}}, "input.long_side is 9999: it .*4096"),
        ({}, {"input": {"size": [64]}}, "input.size.1 is missing"),
        (
            {},
            {"input": {"size": [64, 64], "long_side": 64}},
            "size and long_side; it must have one",
        ),
        ({}, {"input": {"std": [1.0, 0.0, 1.0]}}, "input.std.1 is 0.0: it .*greater than 0"),
        ({}, {"input": {"layout": "HWC"}}, "input.layout is 'HWC': it .*'NCHW' or 'NHWC'"),
        ({}, {"input": {"width": 5}}, "input.width is unknown; known are size"),
        (
            {},
            {"output": {"kind": "metres", "scale": 0.0}},
            "output.scale is 0.0: it .*greater than 0",
        ),
    ],
)
def test_every_fault_of_a_description_is_named_with_its_field(networks, fields, tables, complaint):
    networks.folder.mkdir()
    path = networks.describe(tables=tables, **fields)
    with pytest.raises(ModelError, match=complaint) as caught:
        read_description(path)
    assert str(path) in str(caught.value)


def test_a_description_that_is_missing_or_no_toml(networks):
    path = networks.write()
    path.with_suffix(".toml").write_text("label = ")
    with pytest.raises(ModelError, match=r"luma\.toml: Invalid value \(at"):
        OnnxNetwork(path)
    path.with_suffix(".toml").unlink()
    with pytest.raises(ModelError, match=r"A network needs a TOML beside it"):
        OnnxNetwork(path)
