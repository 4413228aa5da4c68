"""Every shape of patch, against its geometry."""

import cv2
import numpy as np
import pytest

from synthetic_focus import Aperture, defocus

SHAPES = [
    Aperture(blades=5, curvature=0.3, rotation_deg=12),
    Aperture(squeeze=2.0),
    Aperture(cat_eye=0.7),
    Aperture(swirl=0.8, cat_eye=0.4),
    Aperture(barndoors=0.8),
    Aperture(ring=0.5),
    Aperture(rim=0.7),
    Aperture(rim=-0.7, onion=0.4),
    Aperture(fade=0.8),
    Aperture(astigmatism=0.4),
    Aperture(chromatic=0.08),
    Aperture(kernel=np.eye(7) + 0.1),
]


def patch(aperture, radius, x=100, y=70, size=(200, 140), **keywords):
    """The patch of one light of 1, as (H, W, 3)."""
    image = np.zeros((size[1], size[0], 3), np.float32)
    image[y, x] = 1.0
    return defocus(image, np.full(image.shape[:2], radius, np.float32), aperture, **keywords)


def offsets(light, x=100, y=70):
    """Columns and rows (down) of the patch's pixels from its light, and their weights."""
    rows, columns = np.nonzero(light > light.max() / 2)
    return columns - x, rows - y


@pytest.mark.parametrize("aperture", SHAPES, ids=str)
@pytest.mark.parametrize("radius", [13.3, -13.3])
def test_every_shape_leaves_a_uniform_picture_uniform(aperture, radius):
    image = np.full((60, 90, 3), 0.3, np.float32)
    result = defocus(image, np.full((60, 90), radius, np.float32), aperture)
    np.testing.assert_allclose(result, image, rtol=1e-5)


@pytest.mark.parametrize("aperture", [s for s in SHAPES if not s.varies_over_frame], ids=str)
@pytest.mark.parametrize("radius", [0.8, 5.21, -20.7])
def test_every_shape_keeps_a_lights_energy(aperture, radius):
    assert patch(aperture, radius).sum(dtype=np.float64) == pytest.approx(3, rel=1e-3)


def test_straight_blades_make_the_regular_polygon():
    light = patch(Aperture(blades=6, curvature=0.0), 20.0, quality="best")[..., 0]
    x, y = np.meshgrid(np.arange(200) - 100, np.arange(140) - 70)
    angle = np.radians(30)
    inside = np.ones(x.shape, bool)
    for k in range(6):
        turn = angle + k * np.pi / 3
        inside &= x * np.cos(turn) + y * np.sin(turn) < 20 * np.cos(angle)
    area = 1.5 * np.sqrt(3) * 20**2
    assert np.abs(light * area - inside).mean() * light.size / area < 0.05


def test_squeeze_makes_a_tall_oval():
    x, y = offsets(patch(Aperture(squeeze=2.0), 20.3)[..., 0])
    assert (x.max(), y.max()) == (10, 20)


def test_a_cats_eye_is_clipped_outward_behind_the_focus_and_inward_before_it():
    eye = Aperture(cat_eye=1.0)
    x, _ = offsets(patch(eye, 20.0, x=170)[..., 0], x=170)
    assert x.max() < 12 < 19 <= -x.min()
    x, _ = offsets(patch(eye, -20.0, x=170)[..., 0], x=170)
    assert -x.min() < 12 < 19 <= x.max()
    x, _ = offsets(patch(eye, 20.3)[..., 0])
    assert x.max() == -x.min() == 20


def test_a_ring_is_empty_in_its_middle():
    light = patch(Aperture(ring=0.5), 20.0)[..., 0]
    assert light[70, 100] == pytest.approx(0, abs=1e-9)
    assert light[70, 115] == pytest.approx(1 / (np.pi * 20**2 * 0.75), rel=0.01)


def test_a_bright_rim_behind_the_focus_is_a_dark_one_before_it():
    bubble = Aperture(rim=0.8)
    behind, front = patch(bubble, 20.0)[..., 0], patch(bubble, -20.0)[..., 0]
    assert behind[70, 118] > 3 * behind[70, 100]
    assert front[70, 118] < front[70, 100] / 2


def test_a_fade_is_dark_at_the_rim_on_both_sides():
    for radius in (20.0, -20.0):
        light = patch(Aperture(fade=1.0), radius)[..., 0]
        assert light[70, 118] < light[70, 100] / 3


def test_colours_change_sides_across_the_focus():
    colour = Aperture(chromatic=0.2)
    behind, front = patch(colour, 20.0), patch(colour, -20.0)
    assert behind[70, 122, 0] > 0 == behind[70, 122, 2]
    assert front[70, 122, 2] > 0 == front[70, 122, 0]


def test_astigmatism_stretches_outward_behind_the_focus_and_across_before_it():
    lens = Aperture(astigmatism=0.5)
    x, y = offsets(patch(lens, 20.0, x=160)[..., 0], x=160)
    assert x.max() > y.max() + 2
    x, y = offsets(patch(lens, -20.0, x=160)[..., 0], x=160)
    assert y.max() > x.max() + 2


def test_a_kernel_image_appears_upright_behind_and_turned_before_the_focus():
    kernel = np.zeros((16, 16), np.float32)
    kernel[2:5, 3:14] = 1
    kernel[5:14, 3:6] = 2
    behind = patch(Aperture(kernel=kernel), 8.0)[62:78, 92:108, 0]
    shifted = patch(Aperture(kernel=kernel), 8.0)[62:79, 92:109, 0]
    assert np.corrcoef(kernel.ravel(), behind.ravel())[0, 1] > 0.8
    front = patch(Aperture(kernel=kernel), -8.0)[62:79, 92:109, 0]
    np.testing.assert_allclose(front, shifted[::-1, ::-1], atol=1e-7)


@pytest.mark.parametrize("aperture", [Aperture(), Aperture(cat_eye=0.8), Aperture(barndoors=1)])
def test_a_tile_equals_the_same_part_of_the_frame(aperture):
    rng = np.random.default_rng(5)
    image = rng.random((120, 180, 3), np.float32)
    coc = np.full((120, 180), 5.5, np.float32)
    coc[30:80, 40:90] = -4.25
    whole = defocus(image, coc, aperture)
    part = defocus(
        image[10:110, 20:150], coc[10:110, 20:150], aperture, frame_size=(180, 120), origin=(20, 10)
    )
    np.testing.assert_allclose(part[30:70, 30:100], whole[40:80, 50:120], atol=2e-6)


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize(("x", "y"), [(0.97, 0.04), (0.05, 0.9), (0.5, 0.03), (0.98, 0.5)])
def test_cats_eye_is_where_two_discs_meet(x, y, behind):
    radius, side = 30, 91
    frame = (8000, 4500)  # so large that the shape is the same all over the patch
    point = np.zeros((side, side, 3), np.float32)
    point[side // 2, side // 2] = 1
    origin = (round(x * frame[0]) - side // 2, round(y * frame[1]) - side // 2)
    coc = np.full((side, side), radius if behind else -radius, np.float32)
    shape = Aperture(cat_eye=0.9)
    light = defocus(point, coc, shape, frame_size=frame, origin=origin, quality="best")[..., 0]
    fine = 8
    v, u = (np.indices((side * fine, side * fine)) + 0.5) / fine - side / 2
    if not behind:
        u, v = -u, -v
    half = np.hypot(*frame) / 2
    slide = 0.9 * radius * np.array([(x - 0.5) * frame[0], (y - 0.5) * frame[1]]) / half
    eye = (np.hypot(u, v) < radius) & (np.hypot(u + slide[0], v + slide[1]) < radius)
    eye = eye.reshape(side, fine, side, fine).mean(axis=(1, 3))
    # Less than half an edge pixel: shapes are interpolated between places of the frame.
    np.testing.assert_allclose(light / light.sum() * eye.sum(), eye, atol=0.45)
    around = cv2.dilate(eye, np.ones((3, 3)))
    assert light[around == 0].sum() <= 1e-6 * light.sum()


def test_beyond_the_border_the_lens_is_mirrored_too():
    """Against a scatter pixel by pixel in which the world beyond the border is a mirror."""
    height, width, radius, fine = 26, 34, 6.0, 8
    rng = np.random.default_rng(9)
    image = rng.uniform(0.5, 1.5, (height, width, 3)).astype(np.float32)
    image[:10, 24:] = 40.0  # too wide for a light, which the mirror would not show
    shape = Aperture(cat_eye=0.9)
    reach = int(radius) + 1
    side = 2 * reach + 1
    v, u = (np.indices((side * fine, side * fine)) + 0.5) / fine - side / 2
    drawn = np.sqrt(radius**2 - 1 / 3)
    summed = np.zeros((height + 4 * reach, width + 4 * reach, 4))
    # Shapes are worked out for places 8 pixels apart.
    places = [
        (np.minimum((np.arange(n) // 8 + 0.5) * 8, n) - n / 2) * 2 / np.hypot(width, height)
        for n in (height, width)
    ]
    rows, columns = (np.pad(np.arange(n), reach, mode="symmetric") for n in (height, width))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            slide = 0.9 * drawn * places[0][row], 0.9 * drawn * places[1][column]
            eye = (np.hypot(u, v) < drawn) & (np.hypot(u + slide[1], v + slide[0]) < drawn)
            eye = eye.reshape(side, fine, side, fine).mean(axis=(1, 3))
            if not reach <= y < height + reach:
                eye = eye[::-1]
            if not reach <= x < width + reach:
                eye = eye[:, ::-1]
            light = np.append(image[row, column], 1.0) / eye.sum()
            summed[y : y + side, x : x + side] += eye[..., None] * light
    inner = summed[2 * reach : -2 * reach, 2 * reach : -2 * reach]
    result = defocus(image, np.full((height, width), radius, np.float32), shape, quality="best")
    np.testing.assert_allclose(result, inner[..., :3] / inner[..., 3:], rtol=0.1)
