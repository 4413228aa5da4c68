"""The scenes' camera and geometry against the thin lens worked out by hand."""

import numpy as np
import pytest

from synthetic_focus.evaluation.scenes.gallery import SCENES, Camera
from synthetic_focus.evaluation.scenes.geometry import ellipsoid, join, quad
from synthetic_focus.lens.model import coc_map


def test_the_traced_camera_blurs_as_the_lens_model_says() -> None:
    """A ray from the pupil's rim, through a point, meets the focal plane this many pixels off."""
    camera, width = Camera(85, 1.5, 2.4), 960
    for depth in (1.0, 2.4, 30.0):
        rim = np.array([camera.aperture_radius, 0.0])
        at_focus = rim * (1 - camera.focus_distance / depth)
        pixels = at_focus[0] / camera.focus_distance * camera.pixels_per_slope(width)
        model = coc_map(
            np.full((1, 1), 1 / depth, np.float32),
            1 / camera.focus_distance,
            focal_length_mm=camera.focal_length_mm,
            f_stop=camera.f_stop,
            sensor_width_mm=camera.sensor_width_mm,
            width_px=width,
        )
        assert model[0, 0] == pytest.approx(pixels, rel=1e-5, abs=1e-6)


def test_the_field_of_view_narrows_as_the_lens_focuses_near() -> None:
    assert Camera(50, 2, 1e6).field_of_view_deg == pytest.approx(39.6, abs=0.01)
    assert Camera(50, 2, 0.5).field_of_view_deg < 37


@pytest.mark.parametrize("name", list(SCENES))
def test_a_scene_is_the_same_every_time(name: str) -> None:
    first, second = SCENES[name](), SCENES[name]()
    assert first.lamps == second.lamps
    for one, other in zip(first.surfaces, second.surfaces, strict=True):
        assert np.array_equal(one.mesh.vertices, other.mesh.vertices)
        assert one.mesh.faces.max() < len(one.mesh.vertices)
        assert (one.mesh.vertices[:, 2] < 0).all()


def test_joined_meshes_keep_their_triangles() -> None:
    one = quad([[0, 0, -1], [1, 0, -1], [1, 1, -1], [0, 1, -1]])
    two = ellipsoid((0, 0, -3), (1, 1, 1))
    both = join([one, two])
    moved = both.vertices[both.faces[len(one.faces) :]]
    assert np.array_equal(moved, two.vertices[two.faces])
