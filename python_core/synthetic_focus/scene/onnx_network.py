"""Any monocular depth network as an ONNX file, with a small TOML beside it that says how it is fed.

`NAME.toml` beside `NAME.onnx`:

    label = "Depth Anything V2 Small"
    licence = "Apache-2.0"
    source = "https://huggingface.co/depth-anything/Depth-Anything-V2-Small"

    [input]
    short_side = 518     # or long_side, or size = [width, height]
    multiple = 14
    mean = [0.485, 0.456, 0.406]
    std = [0.229, 0.224, 0.225]

    [output]
    kind = "inverse_depth"

docs/user/models.md describes every field.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import math
import os
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import Field

from synthetic_focus.scene.depth import DepthError, DepthReading, Map, disparity, resized
from synthetic_focus.scene.onnx_file import external_files
from synthetic_focus.scene.providers import Estimate, ModelError, Picture

_VERSION: Final = 1  # of what this module makes of a network; part of the identity
_LARGEST_SIDE: Final = 4096
# Those whose first frame does not take minutes, in the order of their speed.
_ACCELERATORS: Final = (
    "CUDAExecutionProvider",
    "ROCMExecutionProvider",
    "CoreMLExecutionProvider",
    "DmlExecutionProvider",
)
_TYPES: Final = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
# A picture that spans less than this may well have the same depth everywhere: black, white, fog.
_CONTRAST: Final = 0.2

Side = Annotated[int, Field(ge=1, le=_LARGEST_SIDE)]
Three = tuple[float, float, float]


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True
    )


class Input(_Table):
    """How a picture is fed to the network.

    Attributes:
        size: width and height, to which pictures of any shape are stretched.
        short_side, long_side: pixels of the one side; the other follows from the picture's shape.
            At most one of these three is given; none where the network takes one size only.
        multiple: both sides are rounded to multiples of this.
        layout: the order of the axes; N, and a further axis of views before the picture's own, are
            added as the network wants them.
        channels: their order.
        mean, std: of each channel in that order; (picture - mean) / std is fed, the picture from 0
            to 1. A network that wants 0 to 255 has a std of 1/255.
    """

    size: tuple[Side, Side] | None = None
    short_side: Side | None = None
    long_side: Side | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 1
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: Three = (0.0, 0.0, 0.0)
    std: tuple[
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
    ] = (1.0, 1.0, 1.0)

    @pydantic.model_validator(mode="after")
    def _one_size(self) -> Self:
        given = [
            name for name in ("size", "short_side", "long_side") if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; it must have one of them at most")
        return self


class Output(_Table):
    """What the network says.

    Attributes:
        kind: "inverse_depth": larger is nearer, in no unit. "distance": larger is farther, in no
            unit. "metres": distance in metres.
        tensor: which of its outputs, by number from 0 or by name.
        scale: what its values are multiplied by; 0.001 makes metres of millimetres.
    """

    kind: Literal["inverse_depth", "distance", "metres"]
    tensor: Annotated[int, Field(ge=0)] | str = 0
    scale: Annotated[float, Field(gt=0)] = 1.0


class NetworkFile(_Table):
    """A file of a network: the first one listed is the network, others hold its weights.

    Attributes:
        name: its name in the folder; a network expects those of its weights.
        bytes: its size.
        sha256: its SHA-256 in hexadecimal digits.
        address: where it can be had, where that is known.
    """

    name: Annotated[str, Field(pattern=r"^[^/\\.][^/\\]*$")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    address: str | None = None


class Description(_Table):
    """What a network is and how it is used: the contents of the TOML beside it.

    Attributes:
        label: what a person reads.
        licence: of its weights; an SPDX identifier where there is one.
        source: where it is described.
        note: what a person should know before using it.
        files: what it consists of; `synthetic-focus models install` writes them down.
    """

    label: Annotated[str, Field(min_length=1)]
    licence: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    note: str = ""
    input: Input = Input()
    output: Output
    files: tuple[NetworkFile, ...] = ()


def read_description(path: Path) -> Description:
    """Reads the TOML that belongs to a network.

    Raises:
        ModelError: it cannot be read or is faulty; every fault is named with its field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}. A network needs a TOML beside it that says"
            " how it is fed; docs/user/models.md describes it"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    try:
        return Description.model_validate(document)
    except pydantic.ValidationError as error:
        faults = "\n".join(f"{path}: {_fault(fault)}" for fault in error.errors())
        raise ModelError(faults) from None


def _fault(fault: Any) -> str:
    field = ".".join(map(str, fault["loc"]))
    match fault["type"]:
        case "missing":
            return f"{field} is missing"
        case "extra_forbidden":
            known = _fields(fault["loc"][:-1])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
            guess = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            return f"{field} is unknown; {guess}"
        case "value_error":
            return f"{field} {fault['ctx']['error']}"
        case _:
            message = fault["msg"].removeprefix("Input ").removeprefix("Value ")
            return f"{field} is {fault['input']!r}: it {message}"


def _fields(table: Sequence[str | int]) -> list[str]:
    tables: Mapping[str, type[_Table]] = {"input": Input, "output": Output, "files": NetworkFile}
    kind = tables[str(table[0])] if table else Description
    return list(kind.model_fields)


class OnnxNetwork:
    """A depth network in an ONNX file. A Provider.

    Args:
        path: the ONNX file; the TOML lies beside it.

    Raises:
        ModelError: the TOML is missing or faulty. What is wrong with the network itself is raised
            by the first `estimate`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.description = read_description(path.with_suffix(".toml"))
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @functools.cached_property
    def identity(self) -> str:
        """The name, and a digest of the network and of everything that is done around it."""
        files = self.description.files
        digest = files[0].sha256 if files else sha256(self.path)
        used = self.description.model_dump_json(include={"input", "output"})
        key = hashlib.sha256(f"{digest} {used}".encode()).hexdigest()
        return f"onnx {_VERSION} {self.path.stem} {key[:24]}"

    @property
    def metric(self) -> bool:
        """Whether disparity is in dioptres."""
        return self.description.output.kind == "metres"

    @property
    def calibrated(self) -> bool:
        """Only where it is metric; others have a range of their own in every shot."""
        return self.metric

    @property
    def soft_outlines(self) -> bool:
        """No: these networks see much larger pictures than the built-in one."""
        return False

    def estimate(self, picture: Picture) -> Estimate:
        """What the network makes of a picture; see `Provider`.

        Raises:
            ModelError: the network cannot be loaded or run, or what it says is no depth.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded(self.path, self.description)
        found = self._loaded.run(picture)
        # An infinite distance is the sky; an infinite inverse distance is nothing.
        inverse = self.description.output.kind == "inverse_depth"
        if (~np.isfinite(found) if inverse else np.isnan(found)).any():
            raise ModelError(
                f"{self.path} gave values that are no numbers (NaN or infinite). A float16 network"
                " may overflow on this processor: use a float32 one; else mean or std is wrong"
            )
        if float(np.ptp(found)) == 0 and float(np.ptp(picture)) > _CONTRAST:
            raise ModelError(
                f"{self.path} gave {float(found.flat[0]):g} for every pixel: output.tensor may"
                " name the wrong output, or mean and std do not suit the network"
            )
        height, width = picture.shape[:2]
        return Estimate(resized(self._disparity(found), (width, height)))

    def _disparity(self, found: Map) -> Map:
        output = self.description.output
        scaled = found * np.float32(output.scale)
        if output.kind == "inverse_depth":
            return scaled
        try:
            return disparity(scaled, DepthReading("metres"))
        except DepthError as error:
            raise ModelError(f"{self.path} gave no distance above 0") from error


class _Loaded:
    """A session of the runtime, and how its one input is shaped."""

    def __init__(self, path: Path, description: Description) -> None:
        import onnxruntime

        self._path = path
        self._input = description.input
        external_files(path)  # says what is wrong with a file better than the runtime does
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = _processors()
        # Threads that spin while they wait for the next frame take the host's time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        there = onnxruntime.get_available_providers()
        providers = [name for name in _ACCELERATORS if name in there] + ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # the runtime has no root of its own errors
            raise ModelError(
                f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: {_said(error)}"
            ) from error
        self._choose_input()
        self._choose_output(description.output.tensor)

    def _choose_input(self) -> None:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(tensor.name for tensor in inputs)
            raise ModelError(
                f"{self._path} has {len(inputs)} inputs ({names}); a depth network has one, the"
                " picture"
            )
        tensor = inputs[0]
        self._name = tensor.name
        shape = [size if isinstance(size, int) and size > 0 else None for size in tensor.shape]
        shown = "x".join("?" if size is None else str(size) for size in shape)
        if tensor.type not in _TYPES:
            raise ModelError(
                f"{self._path} takes {tensor.type}; float32, float16 and uint8 can be given to it"
            )
        self._type = _TYPES[tensor.type]
        if not 3 <= len(shape) <= 5:
            raise ModelError(f"{self._path} takes an array of shape {shown}, which is no picture")
        self._axes = len(shape)
        *others, first, second, third = shape
        layout = self._input.layout
        depth, height, width = (
            (first, second, third) if layout == "NCHW" else (third, first, second)
        )
        if depth not in (None, 3) or any(size not in (None, 1) for size in others):
            raise ModelError(
                f"{self._path} takes an array of shape {shown}: with input.layout = {layout!r} that"
                " is not one picture of three channels"
            )
        self._fixed = None if width is None or height is None else (width, height)
        wanted = self._input.size
        if self._fixed and wanted and wanted != self._fixed:
            raise ModelError(
                f"{self._path} takes pictures of {self._fixed[0]}x{self._fixed[1]} only, but"
                f" input.size is {wanted[0]}x{wanted[1]}"
            )
        if not (self._fixed or wanted or self._input.short_side or self._input.long_side):
            raise ModelError(
                f"{self._path} takes pictures of any size: its TOML must have input.size,"
                " input.short_side or input.long_side"
            )

    def _choose_output(self, wanted: int | str) -> None:
        names = [tensor.name for tensor in self._session.get_outputs()]
        if isinstance(wanted, int) and wanted < len(names):
            self._output = names[wanted]
        elif wanted in names:
            self._output = str(wanted)
        else:
            listed = ", ".join(f"{number} {name!r}" for number, name in enumerate(names))
            raise ModelError(
                f"{self._path} has no output {wanted!r}, which output.tensor names; it has {listed}"
            )

    def run(self, picture: Picture) -> Map:
        """(h, w) float32, as the network gives it."""
        import cv2

        size = self._size(picture.shape[1], picture.shape[0])
        smaller = size[0] * size[1] < picture.shape[0] * picture.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        small = np.clip(cv2.resize(picture, size, interpolation=method), 0, 1)
        if self._input.channels == "BGR":
            small = small[..., ::-1]
        mean, std = (np.array(three, np.float32) for three in (self._input.mean, self._input.std))
        fed = (small - mean) / std
        if self._type is np.uint8:
            fed = np.clip(np.rint(fed), 0, 255)
        if self._input.layout == "NCHW":
            fed = fed.transpose(2, 0, 1)
        fed = fed.reshape((1,) * (self._axes - 3) + fed.shape)
        try:
            (found,) = self._session.run(
                [self._output], {self._name: np.ascontiguousarray(fed, self._type)}
            )
        except Exception as error:  # the runtime has no root of its own errors
            raise ModelError(
                f"{self._path} failed on a picture of {size[0]}x{size[1]}: {_said(error)}"
            ) from error
        return self._map(np.asarray(found), size)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        fixed = self._fixed or self._input.size
        if fixed:
            return fixed
        short, long = self._input.short_side, self._input.long_side
        scale = short / min(width, height) if short else (long or 0) / max(width, height)
        step = self._input.multiple
        across, down = (
            min(max(round(side * scale / step), 1), _LARGEST_SIDE // step) * step
            for side in (width, height)
        )
        return across, down

    def _map(self, found: npt.NDArray[Any], size: tuple[int, int]) -> Map:
        shape = "x".join(map(str, found.shape))
        sides = tuple(side for side in found.shape if side != 1)
        if not (2 <= found.ndim <= 5) or len(sides) != 2:
            raise ModelError(
                f"{self._path} gives an array of shape {shape} as {self._output!r}; depth is one"
                " map, height x width: output.tensor may name the wrong output"
            )
        # A patch of a picture that the network leaves out at an edge is a shape that differs.
        if abs(math.log(sides[1] * size[1] / (sides[0] * size[0]))) > 0.1:
            raise ModelError(
                f"{self._path} gives a map of {sides[1]}x{sides[0]} for a picture of"
                f" {size[0]}x{size[1]}: their shapes differ; is input.layout right?"
            )
        return found.reshape(sides).astype(np.float32)


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _said(error: Exception) -> str:
    """What the runtime says, without its codes."""
    text = " ".join(str(error).split())
    return text.rsplit(" : ", 1)[-1][:300] or type(error).__name__
