"""Losses where their values are known."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synthetic_focus.render.forward import forward_model, hdr
from synthetic_focus.scene.rgbd_hdr import HDR_SCALE, Prediction, clipped_share
from synthetic_focus.training import losses
from synthetic_focus.training.batches import LensShot, Stored, lens_shot, lens_shots, read_folder
from synthetic_focus.training.features import log_encoded, steerable

from .conftest import EXPOSURES, scene

RAMP = torch.linspace(0, 1, 48).view(1, 1, 1, 48).repeat(2, 1, 32, 1)


def _noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_scale_and_shift_do_not_count() -> None:
    true, predicted = _noise(2, 1, 32, 48), RAMP
    for one, other in zip(
        losses.invariant_disparity(predicted, true),
        losses.invariant_disparity(7 * predicted - 3, 0.8 * true + 11),
        strict=True,
    ):
        assert float(other) == pytest.approx(float(one), rel=1e-4)
    for loss in losses.invariant_disparity(5 * true + 2, true):
        assert float(loss) == pytest.approx(0, abs=1e-4)


def test_the_scale_is_each_pictures_own() -> None:
    true = _noise(2, 1, 32, 48)
    scaled = true * torch.tensor([1.0, 9.0]).view(2, 1, 1, 1)
    assert float(losses.invariant_disparity(scaled, true)[0]) == pytest.approx(0, abs=1e-5)


def test_a_mirrored_ramp_is_wrong_by_what_can_be_worked_out() -> None:
    """Normalised ramps of mean absolute deviation 1 span -2..2: the mean of |2 r| is 2."""
    value, gradient = losses.invariant_disparity(1 - RAMP, RAMP, scales=1)
    assert float(value) == pytest.approx(2, rel=0.03)
    # Each is 4 over the width, and they run against each other.
    assert float(gradient) == pytest.approx(8 / 47, rel=0.05)


def test_a_blurred_edge_costs_gradient_at_fine_scales() -> None:
    true = (RAMP > 0.5).float()
    soft = ((RAMP - 0.4) * 5).clamp(0, 1)
    assert losses.invariant_disparity(soft, true)[1] > 0.05
    assert losses.invariant_disparity(true * 3, true)[1] < 1e-5


def test_relative_depth_is_absrel_after_alignment() -> None:
    true = 0.25 + 0.75 * (RAMP > 0.5).float()
    assert float(losses.relative_depth(3 * true + 2, true)) == pytest.approx(0, abs=1e-4)
    # A constant is aligned to the mean, 0.625: half the pixels are at 0.4, half at 1.6 times z*.
    assert float(losses.relative_depth(0 * true, true)) == pytest.approx((0.6 + 0.6) / 2, rel=1e-3)


def test_relative_depth_leaves_out_what_is_very_far_and_bears_what_is_much_too_far() -> None:
    true = torch.tensor([0.0, 0.1, 0.9, 1.0]).view(1, 1, 1, 4).repeat(1, 1, 4, 1)
    near = true.clone()
    near[..., 0] = 0.05  # nothing is there to be right or wrong about, but the alignment changes
    assert 0 < float(losses.relative_depth(near, true)) < 0.3
    wrong = torch.tensor([0.0, 0.9, 0.1, 1.0]).view(1, 1, 1, 4).repeat(1, 1, 4, 1)
    wrong.requires_grad_()
    losses.relative_depth(wrong, true).backward()
    assert bool(torch.isfinite(wrong.grad).all())


def test_calibration_counts_scale() -> None:
    assert float(losses.calibration(RAMP, RAMP)) == 0
    # Beyond the quadratic part of 0.1: |error| less half of that.
    assert float(losses.calibration(RAMP + 0.5, RAMP)) == pytest.approx(0.45)


def test_lost_light_is_asked_for_in_clipped_pixels_only() -> None:
    picture = torch.full((1, 3, 4, 4), 0.5)
    picture[..., 0, :2] = 1.0
    true = torch.full((1, 3, 4, 4), 3.0)
    # Huber: |3| - 1 over two pixels of three channels, and one more in the mean's denominator.
    assert float(losses.lost_light(true * 0, true, picture)) == pytest.approx(2 * 6 / 9)
    guess = true.clone()
    guess[..., 1:, :] = 99
    assert float(losses.lost_light(guess, true, picture)) == 0


def test_a_lamp_counts_as_much_as_a_window_and_a_picture_without_light_not() -> None:
    picture = torch.full((3, 3, 8, 8), 0.5)
    picture[0], picture[1, :, 0, 0] = 1.0, 1.0
    true = torch.ones(3, 3, 8, 8)
    window, lamp = (
        float(losses.lost_light(true * (torch.arange(3) != n).view(3, 1, 1, 1), true, picture))
        for n in (0, 1)
    )
    assert window == pytest.approx(0.25 * 64 / 65 / 2)
    assert lamp == pytest.approx(0.25 * 1 / 2 / 2)


def test_smoothness_counts_gradients_but_where_the_picture_has_them() -> None:
    flat = torch.zeros(2, 3, 32, 48)
    assert float(losses.edge_aware_smoothness(RAMP, flat)) == pytest.approx(1 / 47, rel=1e-4)
    step = (RAMP > 0.5).float()
    on_the_edge = losses.edge_aware_smoothness(step, step.repeat(1, 3, 1, 1))
    assert float(on_the_edge) == pytest.approx(math.exp(-255 / 16) / 47, rel=1e-3)


def test_scale_and_shift_are_found() -> None:
    true = 3 * RAMP + 0.5
    scale, shift = losses.scale_and_shift(RAMP, true)
    assert scale.flatten().tolist() == pytest.approx([3, 3], rel=1e-3)
    assert shift.flatten().tolist() == pytest.approx([0.5, 0.5], abs=1e-2)
    # What runs the wrong way is flattened, not turned round.
    assert losses.scale_and_shift(-RAMP, true)[0].abs().max() == 0


def test_features_see_edges_and_not_brightness() -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert all(maps.abs().max() < 1e-5 for maps in steerable(flat))
    edge = flat.clone()
    edge[..., 8:] = 0.9
    across, up = steerable(edge)[0].view(3, 5, 16, 16)[0, :2]
    assert across[8, 7:9].abs().min() > 0.05
    assert up.abs().max() < 1e-5
    assert [tuple(maps.shape) for maps in steerable(edge)] == [
        (1, 15, 16, 16),
        (1, 15, 8, 8),
        (1, 15, 4, 4),
    ]


def test_light_is_compared_from_black_to_white_as_0_to_1() -> None:
    encoded = log_encoded(torch.tensor([-1.0, 0.0, 1.0]))
    assert encoded.tolist() == pytest.approx([0, 0, 1])


def _true_prediction(shot: LensShot) -> Prediction:
    """What a good network says, in units of its own; the lights are 5 to 60 times white."""
    exposure = torch.full_like(shot.picture, math.log(20) / HDR_SCALE)
    return Prediction(0.3 * shot.dioptres + 0.1, exposure)


def _blurred_shots() -> list[LensShot]:
    """Two triplets, blurred by up to 14 pixels, by a renderer without mattes or whole radii."""
    stored = []
    for seed in range(2):
        sample = scene(seed, "focal_triplet", (192, 128))
        assert sample.shallow is not None
        assert sample.adjusted is not None
        assert sample.disparity is not None
        pictures = (sample.deep, sample.disparity, sample.shallow, sample.adjusted)
        halves = (picture.astype(np.float16) for picture in pictures)
        stored.append(Stored(sample.kind, *halves, sample.camera, dict(EXPOSURES)))
    return [lens_shot(one, np.random.default_rng(3)) for one in stored]


def test_true_disparity_renders_nearest_to_both_pictures_of_a_triplet() -> None:
    for shot in _blurred_shots():
        true = _true_prediction(shot)
        best = losses.rendering(true, shot, steerable)
        assert best[0] != best[1]
        turned = true._replace(disparity=true.disparity.flip(3))
        for worse in losses.rendering(turned, shot, steerable):
            assert max(best) < worse


def test_a_white_wall_is_white_however_it_is_blurred() -> None:
    """A lens loses no light: with any disparity, at whole radii and between them."""
    white, slope = torch.ones(1, 3, 32, 48), 40.0
    dioptres = 0.2 + RAMP[:1] / 4
    shot = LensShot(white, dioptres, (white, white), (slope, slope), (0.3, 0.6))
    unlit = Prediction(dioptres, torch.zeros_like(white))
    for loss in losses.rendering(unlit, shot, steerable):
        assert float(loss) < 1e-4


def test_true_disparity_renders_nearer_than_the_papers_bare_model() -> None:
    """Which loses light, whatever the disparity, so that others may win over the true one."""
    for shot in _blurred_shots():
        true = _true_prediction(shot)
        light = hdr(losses.decoded(shot.picture), true.exposure * clipped_share(shot.picture))
        found = losses.rendering(true, shot, lambda _picture: [])
        for loss, target, slope, focus in zip(
            found, shot.targets, shot.slopes, shot.focuses, strict=True
        ):
            bare = forward_model(light, slope * (focus - shot.dioptres))
            assert loss < 0.75 * (log_encoded(bare) - log_encoded(target)).abs().mean()


def test_recovered_light_lowers_the_rendering_loss(folder: Path) -> None:
    shot = lens_shot(lens_shots(read_folder(folder))[0], np.random.default_rng(3))
    lit = _true_prediction(shot)
    dark = lit._replace(exposure=torch.zeros_like(shot.picture))
    assert sum(losses.rendering(lit, shot, steerable)) < sum(
        losses.rendering(dark, shot, steerable)
    )


def test_the_rendering_loss_reaches_disparity_and_light(folder: Path) -> None:
    shot = lens_shot(lens_shots(read_folder(folder))[0], np.random.default_rng(3))
    disparity = (_true_prediction(shot).disparity * 0.8).requires_grad_()
    exposure = torch.zeros_like(shot.picture).requires_grad_()
    loss, adjusted = losses.rendering(Prediction(disparity, exposure), shot, steerable)
    (loss + adjusted).backward()
    assert disparity.grad is not None
    assert disparity.grad.abs().sum() > 0
    assert exposure.grad is not None
    assert exposure.grad.abs().sum() > 0
