"""The generator's tracer against analytic optics and light, and its samples as a whole."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.scenes.mitsuba_tracer import RayTracerMissingError
from synthetic_focus.lens.model import coc_map
from synthetic_focus.training import generate as generator
from synthetic_focus.training import samples
from synthetic_focus.training.generate import Order, generate
from synthetic_focus.training.scenes import styles
from synthetic_focus.training.scenes.patterns import PATTERNS
from synthetic_focus.training.scenes.tracer import Lens, Tracer
from synthetic_focus.training.scenes.world import Builder, Light, View

SIZE = (96, 64)
DARK = Light(np.zeros((256, 512, 3), np.float32), np.array([0.0, 1, 0]), np.zeros(3), np.zeros(3))
PINHOLE = Lens(35, 36, 1e4, 0, 1e4)


@pytest.fixture(scope="module")
def tracer() -> Tracer:
    try:
        return Tracer()
    except RayTracerMissingError as error:
        pytest.skip(str(error))


def slopes(lens: Lens, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """x and y of the rays through the pixels' centres at depth 1."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    slope = size[0] * lens.focal_length_mm / lens.sensor_width_mm
    return (x - size[0] / 2) / slope, (size[1] / 2 - y) / slope


def floor(b: Builder, albedo: float = 0.5, reach: float = 50) -> None:
    what = b.material([albedo] * 3)
    b.quad([[-reach, 0, reach], [reach, 0, reach], [reach, 0, -reach], [-reach, 0, -reach]], what)


def test_disparity_of_a_plane_under_a_pitched_camera_is_the_analytic_one(tracer: Tracer) -> None:
    builder = Builder()
    floor(builder, reach=4000)
    view = View((1.0, 1.5, -2.0), 30.0, -20.0, 0.0, 35)
    world = tracer.load(builder.world("plane", DARK, (view,), 0.1))
    found = world.disparity(view, PINHOLE, SIZE)
    _, rise = slopes(PINHOLE, SIZE)
    # A ray of slope s falls by (sin p - s cos p) a metre of depth
    pitch = np.radians(20)
    expected = np.maximum((np.sin(pitch) - rise * np.cos(pitch)) / 1.5, 0)
    far = expected < 1e-3
    np.testing.assert_allclose(found[~far], expected[~far], rtol=1e-4)


def test_disparity_of_a_sphere_is_the_analytic_one(tracer: Tracer) -> None:
    builder = Builder()
    builder.ellipsoid((0, 0, -3), (0.8,) * 3, builder.material((0.5,) * 3), rows=90)
    view = View((0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 35)
    world = tracer.load(builder.world("sphere", DARK, (view,), 0.1))
    found = world.disparity(view, PINHOLE, SIZE)
    x, y = slopes(PINHOLE, SIZE)
    a = 1 + x**2 + y**2
    inside = 9 - a * (9 - 0.64)
    expected = np.where(inside > 0, a / (3 - np.sqrt(np.maximum(inside, 0))), 0)
    clear = abs(inside) > 0.15  # the outline is a polygon
    np.testing.assert_allclose(found[clear], expected[clear], atol=2e-3)


@pytest.mark.parametrize("lamp", [True, False], ids=["lamp", "glowing surface"])
@pytest.mark.parametrize(("focus", "depth"), [(1.0, 3.0), (4.0, 1.2)])
def test_a_lights_blur_has_the_radius_of_the_thin_lens(
    tracer: Tracer, lamp: bool, focus: float, depth: float
) -> None:
    builder = Builder()
    builder.quad([[50, 50, 1], [51, 50, 1], [51, 51, 1], [50, 51, 1]], builder.material((0,) * 3))
    h = 0.01 * depth
    if lamp:
        builder.lamp((0, 0, -depth), h / 2, (100,) * 3)
    else:
        glow = builder.material((0,) * 3, pattern=PATTERNS["glow"][0], glow=(100,) * 3)
        builder.quad([[-h, -h, -depth], [h, -h, -depth], [h, h, -depth], [-h, h, -depth]], glow)
    view = View((0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 50)
    lens = Lens(50, 36, focus, 50 / 2000 / 0.5, focus)
    size = (192, 128)
    world = tracer.load(builder.world("light", DARK, (view,), 0.1))
    picture = world.picture(view, lens, size, 64, 1)[..., 1].astype(np.float64)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    square = ((x - 96) ** 2 + (y - 64) ** 2) * picture
    expected = coc_map(
        np.array([[1 / depth]]),
        1 / focus,
        focal_length_mm=50,
        f_stop=0.5,
        sensor_width_mm=36,
        width_px=size[0],
    )
    # A disc's mean square distance is half its squared radius; the light's own size adds
    pixels = lens.pixels_per_slope(size[0]) * h / depth
    own = (pixels / 2) ** 2 / 2 if lamp else 2 * pixels**2 / 3
    radius = np.sqrt(2 * (square.sum() / picture.sum() - own))
    assert radius == pytest.approx(abs(expected[0, 0]), abs=0.5)
    assert abs(expected[0, 0]) > 5


def lit_floor(tracer: Tracer, light: Light, *, lamp: bool = False) -> Floats:
    """A floor of reflectance 0.5 seen from 2 m straight above."""
    builder = Builder()
    floor(builder)
    if lamp:
        glow = builder.material((0,) * 3, pattern=PATTERNS["glow"][0], glow=(40, 20, 10))
        # Behind the camera, 4 m up, a tenth of a metre wide
        h = 0.05
        builder.quad([[-h, 4, -h], [h, 4, -h], [h, 4, h], [-h, 4, h]], glow)
    view = View((0.0, 2.0, 0.0), 0.0, -90.0, 0.0, 85)
    world = tracer.load(builder.world("floor", light, (view,), 0.1))
    return world.picture(view, replace(PINHOLE, focal_length_mm=85), SIZE, 64, 1)


def test_under_an_even_sky_a_surface_is_as_bright_as_its_reflectance(tracer: Tracer) -> None:
    sky = np.full((256, 512, 3), (0.8, 1.0, 1.2), np.float32)
    picture = lit_floor(tracer, replace(DARK, sky=sky))
    np.testing.assert_allclose(picture.mean((0, 1)), [0.4, 0.5, 0.6], rtol=0.01)


def test_the_sun_lights_by_the_cosine(tracer: Tracer) -> None:
    way = np.array([0.6, 0.8, 0.0])
    picture = lit_floor(tracer, replace(DARK, sun=np.array([2.0, 1.0, 0.5]), sun_direction=way))
    np.testing.assert_allclose(picture.mean((0, 1)), np.array([2, 1, 0.5]) * 0.4, rtol=0.01)


def test_a_glowing_square_lights_by_the_inverse_square(tracer: Tracer) -> None:
    picture = lit_floor(tracer, DARK, lamp=True)
    expected = 0.5 * np.array([40, 20, 10]) * 0.1**2 / (np.pi * 4**2)
    np.testing.assert_allclose(picture[28:36, 44:52].mean((0, 1)), expected, rtol=0.03)


def test_fog_hides_by_the_distance(tracer: Tracer) -> None:
    sky = np.ones((256, 512, 3), np.float32)
    fog = (np.array([0.2, 0.2, 0.2]), 0.3)
    picture = lit_floor(tracer, replace(DARK, sky=sky, fog=fog))
    clear = np.exp(-0.3 * 2)
    assert picture[32, 48, 0] == pytest.approx(0.5 * clear + 0.2 * (1 - clear), rel=0.03)


def test_a_box_darkens_the_floor_that_it_touches(tracer: Tracer) -> None:
    builder = Builder()
    floor(builder)
    builder.box((0, 0, 0), (1, 1, 1), builder.material((0.1,) * 3))
    view = View((1.5, 4.0, 0.0), 0.0, -90.0, 0.0, 35)
    light = replace(DARK, sky=np.ones((256, 512, 3), np.float32))
    world = tracer.load(builder.world("box", light, (view,), 0.1))
    picture = world.picture(view, PINHOLE, SIZE, 64, 1)[32, :, 1]
    # The box's side is at x = 0.5, a metre left of the picture's middle
    slope = PINHOLE.pixels_per_slope(SIZE[0])
    beside, away = (int(48 + (x - 1.5) / 4 * slope) for x in (0.6, 3.0))
    assert picture[beside] < 0.75 * picture[away]


def made(folder: Path, seed: int = 3, full: float = 1.0) -> Order:
    order = Order(folder, seed, "train", full, long_side=48)
    generate(order, 2, 1)
    return order


@pytest.fixture(scope="module")
def two(tracer: Tracer, tmp_path_factory: pytest.TempPathFactory) -> Order:
    del tracer
    return made(tmp_path_factory.mktemp("two"))


def test_samples_are_whole_and_plausible(two: Order) -> None:
    found = [samples.load(place) for place in samples.places(two.folder)]
    assert len(found) == 2
    for sample in found:
        assert sample.kind != "deep"
        assert sorted(sample.deep.shape[:2]) == [32, 48]
        assert sample.disparity is not None
        assert sample.shallow is not None
        for picture in (sample.deep, sample.shallow):
            assert np.isfinite(picture).all()
            assert picture.min() >= 0
        # Exposed: neither black nor white
        assert 0.01 < np.median(sample.deep) < 1.5
        assert np.isfinite(sample.disparity).all()
        assert sample.disparity.min() >= 0
        assert sample.disparity.std() > 0
        # A lens spreads light and makes none
        assert sample.shallow.mean() == pytest.approx(sample.deep.mean(), rel=0.3)


def arrays(order: Order) -> list[Floats]:
    return [
        array
        for place in samples.places(order.folder)
        for sample in [samples.load(place)]
        for array in (sample.deep, sample.shallow, sample.disparity)
        if array is not None
    ]


def test_a_seed_makes_the_same_samples_again_and_another_seed_others(
    two: Order, tmp_path: Path
) -> None:
    again = arrays(made(tmp_path / "again"))
    for one, other in zip(arrays(two), again, strict=True):
        np.testing.assert_array_equal(one, other)
    different = arrays(made(tmp_path / "different", seed=4))
    assert one.shape != different[0].shape or not np.array_equal(arrays(two)[0], different[0])


def test_a_run_goes_on_where_it_stopped(
    two: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = samples.save
    written: list[str] = []

    def interrupted(sample: samples.Sample, place: Path) -> None:
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(place.name)
        save(sample, place)

    monkeypatch.setattr(samples, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path)
    assert len(samples.places(tmp_path)) == 1
    monkeypatch.setattr(samples, "save", save)
    kept = {place: place.stat().st_mtime_ns for place in samples.places(tmp_path)}
    resumed = made(tmp_path)
    assert all(place.stat().st_mtime_ns == time for place, time in kept.items())
    for one, other in zip(arrays(two), arrays(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_share_of_lens_blur_is_the_option(tracer: Tracer, tmp_path: Path) -> None:
    del tracer
    order = made(tmp_path, full=0.0)
    assert {samples.load(place).kind for place in samples.places(order.folder)} == {"deep"}


def test_held_out_worlds_are_others_and_some_of_a_style_of_their_own() -> None:
    ours, theirs = styles.make("train", 1, 0), styles.make("held-out", 1, 0)
    assert ours.corners.shape != theirs.corners.shape
    assert set(styles.HELD_OUT) - set(styles.TRAINING) == {"corridor", "market"}


def test_the_held_out_worlds_stay_what_they_were_when_styles_are_added() -> None:
    found = [styles.make("held-out", 900, number).style for number in range(5)]
    assert found == ["room", "workshop", "tabletop", "market", "animals"]


STYLES = styles.TRAINING | styles.HELD_OUT


@pytest.mark.parametrize("style", STYLES)
def test_every_style_stands_on_finite_geometry(style: str) -> None:
    builder = Builder()
    light, views, nearest = STYLES[style][0](builder, np.random.default_rng(1))
    world = builder.world(style, light, views, nearest)
    for array in (world.corners, world.normals, world.uv, world.materials, light.sky):
        assert np.isfinite(array).all()
    assert world.material.max() < len(world.materials)
    assert world.materials[:, :3].max() <= 1


def test_without_a_ray_tracer_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Tracer:
        raise RayTracerMissingError("Mitsuba is missing: pip install mitsuba")

    monkeypatch.setattr(generator, "Tracer", missing)
    arguments = ["--to", str(tmp_path), "--count", "1", "--seed", "1"]
    result = CliRunner().invoke(generator.main, arguments)
    assert result.exit_code == 1
    assert "Mitsuba is missing: pip install mitsuba" in result.output


def test_training_is_imported_without_its_heavy_parts() -> None:
    code = (
        "import sys, synthetic_focus.training.samples, synthetic_focus.training.generate\n"
        "print([m for m in ('mitsuba', 'drjit', 'torch', 'cv2') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
