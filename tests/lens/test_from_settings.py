"""The parameters of the lens become the opening they name, and nothing else."""

from dataclasses import fields
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.lens.model import LensError
from synthetic_focus.lens.preset import load_preset


@pytest.fixture
def plain():
    """Lens parameters that all sit at their defaults."""
    lens = load_preset("zeiss-standard-50")
    return {
        **lens.settings,
        **{"cat_eye": 0.0, "rim": 0.0, "chromatic": 0.0},
    }


def test_defaults_are_a_disc(plain):
    assert aperture(SimpleNamespace(**plain)) == Aperture()


@pytest.mark.parametrize("blades", [1, 2])
def test_one_and_two_blades_count_as_none(plain, blades):
    assert aperture(SimpleNamespace(**{**plain, "blades": blades})).blades == 0


def test_every_field_of_the_aperture_has_its_parameter(plain):
    parameter = {"curvature": "blade_curvature", "rotation_deg": "blade_rotation"}
    for i, field in enumerate(fields(Aperture)):
        if field.name == "kernel":
            continue
        value = 5 if field.name == "blades" else 0.3 + i / 100
        name = parameter.get(field.name, field.name)
        shape = aperture(SimpleNamespace(**{**plain, name: value}))
        assert shape == Aperture(**{field.name: value}), name


def test_iris_image_replaces_the_shape_but_not_the_colour(plain, tmp_path):
    picture = np.zeros((12, 9, 3), np.uint8)
    picture[3:8, 2:5] = 255
    cv2.imwrite(str(tmp_path / "iris.png"), picture)
    values = {**plain, "kernel_image": str(tmp_path / "iris.png"), "swirl": 0.5, "chromatic": 0.1}
    shape = aperture(SimpleNamespace(**values))
    assert shape.chromatic == 0.1
    assert shape.swirl == 0
    np.testing.assert_array_equal(shape.kernel, picture[..., 0] / np.float32(255))


def test_iris_image_that_changes_on_disk_is_read_again(plain, tmp_path):
    path = tmp_path / "iris.png"
    values = SimpleNamespace(**{**plain, "kernel_image": str(path)})
    for size in (4, 6):
        cv2.imwrite(str(path), np.full((size, size), 255, np.uint8))
        assert aperture(values).kernel.shape == (size, size)


@pytest.mark.parametrize("content", [None, b"", b"no picture", "cut", "black"])
def test_iris_image_that_shows_no_opening_is_refused(plain, tmp_path, content):
    path = tmp_path / "iris.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        cv2.imwrite(str(path), np.zeros((64, 64), np.uint8))
        if content == "cut":
            path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(LensError, match=r"iris image .*iris\.png"):
        aperture(SimpleNamespace(**{**plain, "kernel_image": str(path)}))
