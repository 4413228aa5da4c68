"""What is in front hides what is behind, by as much as a lens would let it."""

import itertools

import numpy as np
import pytest

from synthetic_focus import Aperture, defocus


def two_planes(near: float, far: float, edge: int = 60, size=(80, 120)):
    """A dark red near half over a bright blue far half."""
    image = np.zeros((*size, 3), np.float32)
    image[:, :edge] = (0.4, 0.02, 0.02)
    image[:, edge:] = (0.05, 0.1, 0.8)
    coc = np.full(size, far, np.float32)
    coc[:, :edge] = near
    return image, coc


def half_plane_coverage(radius: float, distance: np.ndarray) -> np.ndarray:
    """The part of a disc that lies beyond a straight edge at `distance` from its middle."""
    t = np.clip(distance / radius, -1, 1)
    return (np.arccos(t) - t * np.sqrt(1 - t**2)) / np.pi


def test_a_blurred_foreground_fades_over_the_background_behind_it():
    image, coc = two_planes(near=-12.0, far=0.0)
    result = defocus(image, coc)[40]
    shown = half_plane_coverage(12.0, np.arange(120) + 0.5 - 60)[:, None]
    expected = shown * image[40, 0] + (1 - shown) * image[40, -1]
    assert np.abs(result - expected).max() < 0.02


def test_a_blurred_background_does_not_bleed_over_a_sharp_foreground():
    image, coc = two_planes(near=0.0, far=12.0)
    result = defocus(image, coc)
    np.testing.assert_array_equal(result[:, :59], image[:, :59])
    # Nor does the foreground bleed over the background, which goes on behind it.
    np.testing.assert_allclose(result[:, 61:], image[:, 61:], atol=5e-3)


def test_two_blurred_surfaces_cross_fade_over_the_nearer_ones_blur():
    image, coc = two_planes(near=-9.0, far=14.0)
    result = defocus(image, coc)[40]
    shown = half_plane_coverage(9.0, np.arange(120) + 0.5 - 60)[:, None]
    expected = shown * image[40, 0] + (1 - shown) * image[40, -1]
    assert np.abs(result - expected).max() < 0.02


def test_a_light_behind_a_curved_surface_does_not_shine_through_it():
    y, x = np.mgrid[-60:60, -90:90] / 90.0
    image = np.full((120, 180, 3), 0.2, np.float32)
    coc = (2.5 * (x**2 + y**2)).astype(np.float32)  # a bowl, slightly out of focus
    coc[:, 150:] = 25.0
    image[:, 150:] = 0.02
    image[60, 160] = 9000.0
    without = image.copy()
    without[60, 160] = 0.02
    leak = np.abs(defocus(image, coc) - defocus(without, coc))[:, :140]
    assert leak.max() < 1e-6


def test_a_slanted_plane_is_as_smooth_as_a_flat_one():
    image = np.full((100, 200, 3), 0.5, np.float32)
    image[:, 150:] = 900.0
    coc = np.broadcast_to(np.linspace(-8, 8, 200, dtype=np.float32), (100, 200)).copy()
    coc[:, 150:] = 30.0
    result = defocus(image, coc)[:, 20:100]
    np.testing.assert_allclose(result, 0.5, atol=1e-3)


def test_one_surface_is_the_plain_scatter_of_its_pixels(oracle):
    rng = np.random.default_rng(6)
    image = rng.random((70, 90, 3)).astype(np.float32)
    y, x = np.mgrid[:70, :90]
    coc = (6 + 0.03 * x + 0.02 * y).astype(np.float32)
    expected = oracle(image, np.sqrt(coc**2 - 1 / 3))
    inside = (slice(12, -12), slice(12, -12))
    assert np.abs(defocus(image, coc) - expected)[inside].max() < 0.01


def test_an_edge_pixel_that_mixes_two_surfaces_is_parted():
    image, coc = two_planes(near=0.0, far=15.0)
    image[:, 60] = 0.5 * image[:, 59] + 0.5 * image[:, 61]
    result = defocus(image, coc)
    np.testing.assert_allclose(result[40, 60], image[40, 60], atol=0.02)
    np.testing.assert_allclose(result[40, 62:], image[40, 62:], atol=5e-3)


def test_a_half_resolution_proxy_looks_like_the_full_render_scaled():
    rng = np.random.default_rng(7)
    small = rng.random((12, 16, 3)).astype(np.float32)
    image = np.kron(small, np.ones((16, 16, 1), np.float32))
    coc = np.full(image.shape[:2], 14.0, np.float32)
    coc[48:140, 60:160] = -6.0
    whole = defocus(image, coc)
    half = defocus(image[::2, ::2] * 0.25 + image[1::2, ::2] * 0.75, coc[::2, ::2] / 2)
    scaled = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4
    assert np.abs(half - scaled).mean() < 0.01


@pytest.mark.parametrize("near", [-7.0, 6.0])
def test_moving_the_focus_a_little_changes_the_picture_a_little(near):
    rng = np.random.default_rng(8)
    image = np.kron(rng.random((10, 14, 3)), np.ones((8, 8, 1))).astype(np.float32)
    coc = np.full(image.shape[:2], near + 9.5, np.float32)
    coc[20:60, 30:80] = near
    results = [defocus(image, coc + shift, Aperture(blades=7)) for shift in np.arange(0, 2, 0.1)]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(results)]
    assert max(steps) < 3 * np.median(steps) + 1e-4


def test_a_soft_depth_edge_leaves_no_third_surface_between_two():
    image, sharp = two_planes(near=0.0, far=14.0)
    step = np.clip((np.arange(120) - 57.5) / 5, 0, 1)
    soft = np.broadcast_to(14 * step * step * (3 - 2 * step), sharp.shape).astype(np.float32)
    expected = defocus(image, sharp)
    refined = np.abs(defocus(image, soft) - expected).max()
    assert refined < 0.02
    assert refined < np.abs(defocus(image, soft, refine_edges=False) - expected).max() / 3


def test_a_subject_in_focus_is_bit_identical_up_to_its_edge():
    rng = np.random.default_rng(10)
    y, x = np.mgrid[-40:40, -60:60] / 30.0
    subject = x**2 + y**2 < 1
    image = rng.random((80, 120, 3)).astype(np.float32)
    image[~subject] *= 20
    coc = np.where(subject, rng.uniform(-0.5, 0.5, subject.shape), 12).astype(np.float32)
    result = defocus(image, coc)
    np.testing.assert_array_equal(result[subject], image[subject])
    assert np.abs(result - image)[~subject].mean() > 1


def test_a_thin_bright_strip_between_two_surfaces_leaves_no_sharp_line():
    """A row of a table's bright edge that the map gives to the street in focus behind it."""
    image = np.full((80, 120, 3), 0.3, np.float32)
    coc = np.zeros((80, 120), np.float32)
    image[40:42], coc[41] = 0.9, -8  # the table's far edge, and a cup upon the table
    image[42:], coc[42:] = 0.05, -12
    result = defocus(image, coc)[:, 60, 0]
    assert np.abs(result[40] - (result[39] + result[41]) / 2) < 0.05


def test_a_lights_edge_has_no_ring_of_the_radius_that_is_behind_it():
    """The map gives the pixels that a lamp fills by a tenth to the wall, only just farther off."""
    image = np.full((60, 80, 3), 0.02, np.float32)
    coc = np.full((60, 80), 9.0, np.float32)
    image[28:32, 38:42] = 900
    coc[28:32, 38:42] = 8
    image[28:32, 42] = 90
    whole = coc.copy()
    whole[28:32, 42] = 8
    expected = defocus(image, whole)
    ring = np.abs(
        defocus(image, coc, refine_edges=False) - defocus(image, whole, refine_edges=False)
    )
    assert np.abs(defocus(image, coc) - expected).max() < 0.5 * ring.max()


def lamps_on_a_bright_wall():
    """A noisy wall, bright above and dark below, and lamps upon it, half a pixel of blur nearer."""
    rng = np.random.default_rng(5)
    image = (2 * (1 + 0.2 * rng.standard_normal((80, 100, 3)))).astype(np.float32)
    image[40:] *= 0.02
    coc = (5 + 0.01 * np.arange(100) + 0.1 * rng.standard_normal((80, 100))).astype(np.float32)
    for y, x in rng.integers(8, (70, 90), (16, 2)):
        image[y : y + 3, x : x + 3] = rng.uniform(3, 60)
        coc[y : y + 2, x : x + 2] -= 0.5
    return image, coc


@pytest.mark.parametrize("factor", [0.25, 4, 100])
def test_exposure_commutes_with_the_lens(factor):
    image, coc = lamps_on_a_bright_wall()
    coc[:, 70:] -= 9  # a surface well before it
    result = defocus(image, coc)
    brighter = defocus(image * np.float32(factor), coc)
    np.testing.assert_allclose(brighter / np.float32(factor), result, rtol=1e-5)


def test_the_last_digit_of_the_depth_does_not_show():
    """A map of few levels has many steps of just the same height."""
    image, coc = lamps_on_a_bright_wall()
    coc = (np.round(coc / 0.05) * 0.05).astype(np.float32)
    result = defocus(image, coc)
    signs = np.random.default_rng(1).choice(np.float32([-1, 1]), coc.shape)
    changed = defocus(image, coc * (1 + np.float32(1e-6) * signs))
    np.testing.assert_allclose(changed, result, rtol=1e-3)


def test_lights_do_not_pop_as_the_focus_moves():
    image, coc = lamps_on_a_bright_wall()
    image = image.clip(0, 6)  # so that the stepwise radii of their patches do not show
    sweep = [defocus(image, coc + move * (coc - 1)) for move in np.arange(0, 0.3, 0.002)]
    assert max(np.abs(after - before).max() for before, after in itertools.pairwise(sweep)) < 0.05


def test_what_shows_behind_a_blurred_thing_is_the_surface_next_to_it_alone():
    """A bright strip, and a dark wall only 0.7 of a pixel behind that, go on behind something."""
    image = np.full((60, 120, 3), 0.1, np.float32)
    coc = np.full((60, 120), 4.7, np.float32)
    image[:, 55:], coc[:, 55:] = 0.9, 4
    hidden = defocus(image, coc)[30, :, 0]
    image[:, 60:], coc[:, 60:] = 0, -12
    shown = 1 - half_plane_coverage(12.0, 60 - np.arange(120) - 0.5)
    assert np.abs(defocus(image, coc)[30, :, 0] - shown * hidden)[54:].max() < 0.03


def test_lines_go_on_behind_a_blurred_thing():
    """A wall's bright courses, a blurred bar across them: between their ends, not smeared."""
    y, x = np.mgrid[:120, :120].astype(float)
    image = np.full((120, 120, 3), 0.1, np.float32)
    image[np.arange(120) % 12 < 3] = 0.8
    coc = np.full((120, 120), 2.0, np.float32)
    hidden = defocus(image, coc)
    off = (x - y) / np.sqrt(2)
    image[np.abs(off) < 4], coc[np.abs(off) < 4] = 0, -12
    shown = 1 - half_plane_coverage(12.0, off - 4) + half_plane_coverage(12.0, off + 4)
    error = np.abs(defocus(image, coc) - shown[..., None] * hidden)[30:90, 30:90]
    assert error.max() < 0.1
    assert error.mean() < 0.006


def through_two_planes(image, hidden, coc, near: float, far: float, rays: int = 2000):
    """The slow, obvious lens: for each of its points, what a ray through it meets first.

    image shows the nearer plane where coc is `near`, else the farther one, of which hidden is all.
    """
    t = np.arange(rays) + 0.5
    radius, angle = np.sqrt(t / rays), t * np.pi * (3 - np.sqrt(5))
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    result = np.zeros(image.shape)
    for u, v in zip(radius * np.cos(angle), radius * np.sin(angle), strict=True):

        def at(size, u=u, v=v):
            row = np.clip(np.round(y + v * size).astype(int), 0, image.shape[0] - 1)
            return row, np.clip(np.round(x + u * size).astype(int), 0, image.shape[1] - 1)

        in_front = at(near)
        result += np.where((coc[in_front] == near)[..., None], image[in_front], hidden[at(far)])
    return result / rays


def test_a_lamp_just_behind_the_edge_of_a_thing_is_hidden_by_as_much_as_that_is_before_it():
    """Both far behind the focus: rays to the lamp pass the thing's edge a few pixels off."""
    hidden = np.full((80, 120, 3), 0.02, np.float32)
    hidden[38:42, 48:52] = 60
    image = hidden.copy()
    coc = np.full((80, 120), 20.0, np.float32)
    image[:, 70:], coc[:, 70:] = 0.3, 16
    image[38:42, 62:66] = hidden[38:42, 62:66] = 60
    expected = through_two_planes(image, hidden, coc, 16, 20)
    error = np.abs(defocus(image, coc) - expected)[20:60, 30:90, 0]
    assert error.mean() < 0.06


def lamp(radius: float, x: float, y: float, size=(90, 110), fine: int = 16):
    """A disc of 2000 on a wall of 0.02, its edge pixels covered in part, and the disc's points."""
    axis = [(np.arange(n * fine) + 0.5) / fine for n in size]
    inside = np.hypot(axis[0][:, None] - y, axis[1] - x) <= radius
    covered = inside.reshape(size[0], fine, size[1], fine).mean(axis=(1, 3))
    image = np.repeat((0.02 + 1999.98 * covered)[..., None], 3, axis=2).astype(np.float32)
    rows, columns = np.nonzero(inside)
    return image, axis[1][columns], axis[0][rows]


@pytest.mark.parametrize(("radius", "x", "y"), [(1.6, 55.2, 45.4), (2.3, 55.5, 45.1)])
def test_the_rim_of_a_lamps_patch_lies_where_the_lamps_own_edge_puts_it(radius, x, y):
    """Not around the middles of the pixels that the lamp fills in part: truth from its points."""
    image, across, down = lamp(radius, x, y)
    blur = 20.0
    pixel_y, pixel_x = np.mgrid[:90, :110] + 0.5
    some = np.random.default_rng(12).integers(0, len(across), 400)
    # The part of a pixel that a disc covers, from the distance of its edge.
    share = np.mean(
        [
            np.clip(blur + 0.5 - np.hypot(pixel_x - across[i], pixel_y - down[i]), 0, 1)
            for i in some
        ],
        axis=0,
    )
    expected = 0.02 + share * 1999.98 * radius**2 / blur**2
    coc = np.full(image.shape[:2], blur, np.float32)

    def error(picture):
        return np.abs(picture[..., 0].clip(0, 1) - expected.clip(0, 1)).sum()

    assert error(defocus(image, coc)) < 0.7 * error(defocus(image, coc, refine_edges=False))


def test_a_lamp_near_the_border_is_not_there_twice():
    wide = np.full((120, 140, 3), 0.1, np.float32)
    wide[44:47, 60:63] = 300
    coc = np.full((120, 140), 18.0, np.float32)
    inner = (slice(40, 120), slice(40, 140))
    expected = defocus(wide, coc)[inner][:60, :80]
    result = defocus(wide[inner], coc[inner])[:60, :80]
    np.testing.assert_allclose(result, expected, rtol=1e-2)


def test_a_bright_window_at_the_border_goes_on_beyond_it():
    image = np.full((80, 100, 3), 0.02, np.float32)
    image[:, 40:] = 5
    coc = np.full((80, 100), 12.0, np.float32)
    np.testing.assert_allclose(defocus(image, coc)[:, 60:], 5, rtol=1e-5)


def test_a_lamp_does_not_pop_as_the_wall_behind_it_becomes_another_surface():
    """That is so from a step of one pixel on, which a pulled focus or a closed stop passes."""
    image = np.full((60, 80, 3), 0.02, np.float32)
    image[28:32, 38:42], image[28:32, 42] = 900, 90

    def behind(step):
        coc = np.full((60, 80), 8 + step, np.float32)
        coc[28:32, 38:42] = 8
        return defocus(image, coc)

    for step in (1.0, 1.25, 2.0):
        jump = np.abs(behind(step + 1e-4) - behind(step - 1e-4)).max()
        assert jump < 1e-4 * behind(step).max()
