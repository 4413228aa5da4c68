"""Grain comes back as strong, as coarse and as coloured as it was, only where the blur took it."""

import cv2
import numpy as np
import pytest

from synthetic_focus.render.grain import match_grain

SIZE = (240, 360)


def noise(sigma, seed=0, coarse=0.0):
    grain = np.random.default_rng(seed).normal(0, 1, (*SIZE, 3)).astype(np.float32)
    if coarse:
        grain = cv2.GaussianBlur(grain, (0, 0), coarse)
    return sigma * grain / grain.std()


def shaded():
    return (
        np.linspace(0.2, 0.7, SIZE[1], dtype=np.float32)[None, :, None]
        .repeat(SIZE[0], 0)
        .repeat(3, 2)
    )


def radii(value):
    return np.full(SIZE, value, np.float32)


@pytest.mark.parametrize("sigma", [0.004, 0.03])
def test_blurred_parts_get_as_much_grain_as_the_source_has(sigma):
    clean = shaded()
    out = match_grain(clean, clean + noise(sigma), radii(20), amount=1.0, seed=1)
    assert (out - clean).std() == pytest.approx(sigma, rel=0.08)


def test_grain_follows_the_brightness():
    clean = shaded()
    source = clean + noise(0.02) * clean / 0.45
    grain = match_grain(clean, source, radii(20), amount=1.0, seed=1) - clean
    dark, bright = grain[:, :60].std(), grain[:, -60:].std()
    assert dark == pytest.approx(0.02 * 0.25 / 0.45, rel=0.25)
    assert bright == pytest.approx(0.02 * 0.65 / 0.45, rel=0.25)


def test_grain_is_as_coarse_and_as_coloured():
    clean, source_grain = shaded(), noise(0.02, coarse=1.0)
    source_grain[..., 2] *= 2
    out = match_grain(clean, clean + source_grain, radii(20), amount=1.0, seed=1) - clean

    def likeness(grain):
        return float((grain[:, 1:] * grain[:, :-1]).mean() / (grain**2).mean())

    assert likeness(out) == pytest.approx(likeness(source_grain), abs=0.05)
    assert out[..., 2].std() / out[..., 0].std() == pytest.approx(2, rel=0.1)


def test_a_little_blur_gets_only_what_it_lost():
    clean = shaded()
    for radius, lost in ((0.4, 0.0), (1.0, np.sqrt(1 - 1 / np.pi)), (40.0, 1.0)):
        out = match_grain(clean, clean + noise(0.02), radii(radius), amount=1.0, seed=1)
        assert (out - clean).std() == pytest.approx(0.02 * lost, rel=0.08, abs=1e-7)


def test_sharp_parts_stay_bit_identical_and_so_does_a_clean_source():
    source = shaded() + noise(0.02)
    coc = np.where(np.arange(SIZE[1]) < 100, 0.3, -9).astype(np.float32)[None].repeat(SIZE[0], 0)
    out = match_grain(source, source, coc, amount=1.0, seed=1)
    np.testing.assert_array_equal(out[:, :100], source[:, :100])
    flat = np.full((*SIZE, 3), 0.4, np.float32)
    np.testing.assert_allclose(
        match_grain(flat, flat, radii(9), amount=1.0, seed=1), flat, atol=1e-6
    )


def test_detail_of_the_source_is_no_grain():
    clean, source = shaded(), shaded() + noise(0.01)
    check = (np.indices(SIZE).sum(axis=0) // 3 % 2)[..., None]
    source[:, 150:] = np.where(check[:, 150:], 0.2, 0.6)
    out = match_grain(clean, source, radii(20), amount=1.0, seed=1)
    assert (out - clean)[:, :140].std() < 0.02


def test_frames_differ_and_a_frame_does_not():
    clean, source = shaded(), shaded() + noise(0.02)
    first, again, other = (
        match_grain(clean, source, radii(20), amount=1.0, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_alpha_stays_and_empty_stays_empty():
    picture = np.concatenate([shaded(), np.ones((*SIZE, 1), np.float32)], axis=2)
    picture[:, 200:] = 0
    source = picture.copy()
    source[:, :200, :3] += noise(0.02)[:, :200]
    out = match_grain(picture, source, radii(20), amount=1.0, seed=1)
    np.testing.assert_array_equal(out[..., 3], picture[..., 3])
    np.testing.assert_array_equal(out[:, 200:], 0)


@pytest.mark.parametrize("size", [(1, 1), (10, 400), (30, 30)])
def test_pictures_too_small_to_learn_from_are_left_alone(size):
    tiny = np.random.default_rng(0).random((*size, 3), np.float32)
    coc = np.full(size, 5, np.float32)
    assert match_grain(tiny, tiny, coc, amount=1.0, seed=1) is tiny


def test_a_tile_of_the_frame_gets_the_same_grain():
    source = np.full((*SIZE, 3), 0.4, np.float32) + noise(0.02)
    whole = match_grain(source, source, radii(20), amount=1.0, seed=1) - source
    part = np.s_[30:210, 70:330]
    tile = match_grain(
        source[part], source[part], radii(20)[part], amount=1.0, seed=1, origin=(70, 30)
    )
    # What is learned from a part differs a little; the noise does not.
    likeness = np.corrcoef((tile - source[part]).ravel(), whole[part].ravel())[0, 1]
    assert likeness > 0.99
