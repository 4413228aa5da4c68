"""Tiny ONNX networks whose answers NumPy knows."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Networks:
    """Writes networks, each with a TOML beside it."""

    luma = LUMA

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self,
        name="luma",
        *,
        layout="NCHW",
        sides=(None, None),
        leading=(1,),
        shape=None,
        number=TensorProto.FLOAT,
        weights=LUMA,
        tail=(),
        outputs=("depth",),
        inputs=("picture",),
        toml=None,
        external=None,
        channels=3,
    ) -> Path:
        """A network: a weighted sum of a picture's channels, taken through the operators of `tail`.

        number: the type that it takes. weights: of the channels.
        sides: height and width that it takes, None for any. leading: the axes before the picture's
        own. shape: of the output, as a Reshape has it. tail: (operator, constant or None) each.
        """
        kind = np.float16 if number == TensorProto.FLOAT16 else np.float32
        computed = TensorProto.FLOAT16 if number == TensorProto.FLOAT16 else TensorProto.FLOAT
        axis = len(leading) + (0 if layout == "NCHW" else 2)
        picture = [channels, *sides] if layout == "NCHW" else [*sides, channels]
        dims = [*leading, *picture]
        along = [channels if each == axis else 1 for each in range(len(dims))]
        weights = np.resize(weights, channels).astype(kind).reshape(along)
        constants = {"weights": weights, "axis": np.array([axis], np.int64)}
        nodes = [
            helper.make_node("Cast", [inputs[0]], ["numbers"], to=computed),
            helper.make_node("Mul", ["numbers", "weights"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axis"], ["x0"], keepdims=1),
        ]
        for step, (operator, constant) in enumerate(tail):
            operands = [f"x{step}"]
            if constant is not None:
                constants[f"c{step}"] = np.array(constant, kind)
                operands.append(f"c{step}")
            nodes.append(helper.make_node(operator, operands, [f"x{step + 1}"]))
        last = f"x{len(tail)}"
        if shape is not None:
            constants["shape"] = np.array(shape, np.int64)
            nodes.append(helper.make_node("Reshape", [last, "shape"], [outputs[0]]))
        else:
            nodes.append(helper.make_node("Identity", [last], [outputs[0]]))
        nodes += [helper.make_node("Neg", [last], [other]) for other in outputs[1:]]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(each, number, dims) for each in inputs],
            [helper.make_tensor_value_info(each, computed, None) for each in outputs],
            [numpy_helper.from_array(value, key) for key, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        path = self.folder / f"{name}.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        if external is None:
            onnx.save(model, path)
        else:
            onnx.save(model, path, save_as_external_data=True, location=external, size_threshold=44)
        self.describe(name, toml or {"input": {"long_side": 64}})
        return path

    def describe(self, name="luma", tables=None, **fields) -> Path:
        """The TOML beside a network. tables: by name; those left out have their usual contents."""
        described = {"label": "Luma", "licence": "MIT", "source": "tests"} | fields
        tables = {"output": {"kind": "inverse_depth"}} | (tables or {})
        lines = [f"{key} = {value!r}" for key, value in described.items() if value is not None]
        for table, contents in tables.items():
            lines.append(f"[{table}]")
            lines += [f"{key} = {value!r}" for key, value in contents.items()]
        path = self.folder / f"{name}.toml"
        path.write_text("\n".join(lines))
        return path


@pytest.fixture
def networks(tmp_path) -> Networks:
    return Networks(tmp_path / "networks")
