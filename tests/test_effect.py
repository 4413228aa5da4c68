"""One frame through the effect, against the parts it is made of and what they must not do to it."""

import threading

import numpy as np
import pytest

from synthetic_focus import color, effect, parameters
from synthetic_focus._native import AbortFlag
from synthetic_focus.effect import (
    EffectError,
    Frame,
    dioptres,
    distance_focus,
    focus_targets,
    passes,
    point_focus,
    render_frame,
)
from synthetic_focus.focus import FocusTarget
from synthetic_focus.lens.breathing import breathe
from synthetic_focus.render import Aborted, DefocusError
from synthetic_focus.scene.light import clipped_pixels, clips_at_white

VIDEO = color.REC709_VIDEO
LINEAR = color.REC709_LINEAR
SIZE = (48, 32)


def settings(**values):
    return parameters.settings({"focal_length": 85.0, "f_stop": 1.4, **values})


def picture(channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((SIZE[1], SIZE[0], channels), dtype=np.float32)


def halves():
    """Disparity of 1 on the left, 0.1 on the right."""
    disparity = np.full((SIZE[1], SIZE[0]), 0.1, np.float32)
    disparity[:, : SIZE[0] // 2] = 1.0
    return disparity


def render(source, disparity=None, space=VIDEO, focus=1.0, chosen=None, **options):
    return render_frame(
        source,
        halves() if disparity is None else disparity,
        chosen or settings(),
        space=space,
        focus_disparity=focus,
        frame=Frame(SIZE),
        **options,
    )


def sharpness(pixels):
    return float(np.abs(np.diff(pixels[..., 1], axis=1)).mean())


def test_what_is_in_focus_is_bit_identical_and_what_is_not_is_soft():
    source = picture()
    result = render(source)
    np.testing.assert_array_equal(result[:, :20], source[:, :20])
    assert sharpness(result[:, 30:]) < 0.3 * sharpness(source[:, 30:])


def test_the_focus_range_keeps_a_subject_of_uneven_depth_sharp_and_no_more():
    """Its share is of the range from Far to Near Distance: here 0.1 to 1 dioptre."""
    source = picture()
    disparity = np.full((SIZE[1], SIZE[0]), 0.2, np.float32)
    disparity[:, :24] = np.linspace(0.7, 1.0, 24, dtype=np.float32)
    values = {"near_distance": 1.0, "far_distance": 10.0}
    whole = render(source, disparity, chosen=settings(**values, focus_range=0.35))
    np.testing.assert_array_equal(whole[:, :20], source[:, :20])
    assert sharpness(whole[:, 30:]) < 0.3 * sharpness(source[:, 30:])
    less = render(source, disparity, chosen=settings(**values, focus_range=0.1))
    np.testing.assert_array_equal(less[:, 18:20], source[:, 18:20])
    assert (less[:, :2] != source[:, :2]).any()


def test_defocus_happens_in_linear_light():
    """A black and white chequer melts to half the light, which video encodes brighter than half."""
    source = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    source[::2, ::2] = source[1::2, 1::2] = 1.0
    soft = render(source, np.full((32, 48), 0.1, np.float32), focus=1.0)
    assert soft[10:22, 16:32].mean() == pytest.approx(0.5 ** (1 / 2.4), abs=0.03)
    linear = render(source, np.full((32, 48), 0.1, np.float32), space=LINEAR, focus=1.0)
    assert linear[10:22, 16:32].mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("space", [VIDEO, LINEAR, "ARRI LogC3 (EI800)"])
def test_a_closed_aperture_gives_the_picture_back_bit_for_bit(space):
    source = picture(4)
    for closed in (settings(f_stop=256.0), settings(blur_scale=0.0)):
        assert passes(closed)
        np.testing.assert_array_equal(render(source, space=space, chosen=closed), source)


def test_alpha_is_blurred_with_the_colour_and_straight_alpha_agrees_with_premultiplied():
    straight = picture(4)
    straight[..., 3] = np.where(np.arange(48) < 36, 1.0, 0.25)
    premultiplied = straight.copy()
    premultiplied[..., :3] *= straight[..., 3:]
    a = render(premultiplied, space=LINEAR)
    b = render(straight, space=LINEAR, premultiplied=False)
    np.testing.assert_allclose(a[..., 3], b[..., 3], atol=1e-6)
    np.testing.assert_allclose(a[..., :3], b[..., :3] * b[..., 3:], atol=1e-5)
    assert 0.3 < a[16, 36, 3] < 0.95


def test_premultiplied_video_is_unpremultiplied_before_its_curve_is_undone():
    source = np.full((SIZE[1], SIZE[0], 4), 0.5, np.float32)
    source[..., :3] = 0.8 * 0.5
    result = render(source, np.full((32, 48), 0.1, np.float32))
    np.testing.assert_allclose(result, source, atol=1e-5)


def test_light_that_is_no_number_is_none_and_spreads_to_nothing():
    source = picture(4)
    source[5, 5, 0] = np.nan
    source[16, 40, 1] = np.inf
    for space in (VIDEO, LINEAR):
        result = render(source, space=space)
        assert np.isfinite(result[:, 24:]).all()
        assert np.isnan(result[5, 5, 0])
        assert np.isfinite(np.delete(result[5, :24], 5, axis=0)).all()


def test_depth_view_shows_near_as_bright_whatever_the_picture():
    view = render(picture(4), chosen=settings(view="depth"))
    np.testing.assert_allclose(view[:, 0, :3], 1.0)
    assert view[:, -1, :3].max() < 0.1
    np.testing.assert_array_equal(view[..., 3], 1.0)


def test_coc_view_keeps_the_colour_in_focus_and_tells_behind_from_in_front():
    source = picture()
    view = render(source, chosen=settings(view="coc"))
    np.testing.assert_array_equal(view[:, :24], source[:, :24])
    assert (view[:, 24:, 2] > view[:, 24:, 0]).all()
    near = render(source, focus=0.1, chosen=settings(view="coc"))
    assert (near[:, :24, 0] > near[:, :24, 2]).all()


def test_a_proxy_has_half_the_blur_in_pixels():
    def spot(scale):
        width, height = 200 * scale, 120 * scale
        source = np.zeros((height, width, 3), np.float32)
        source[height // 2, width // 2] = 100.0
        result = render_frame(
            source,
            np.full((height, width), 0.1, np.float32),
            settings(f_stop=4.0),
            space=LINEAR,
            focus_disparity=1.0,
            frame=Frame((width, height)),
        )
        return (result[..., 0] > 1e-3).sum()

    assert spot(2) == pytest.approx(4 * spot(1), rel=0.15)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_the_smallest_pictures_render(size):
    source = np.full((*size, 4), 0.5, np.float32)
    result = render_frame(
        source,
        np.full(size, 0.3, np.float32),
        settings(),
        space=VIDEO,
        focus_disparity=1.0,
        frame=Frame(size[::-1]),
    )
    np.testing.assert_allclose(result, source, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "disparity"),
    [
        (np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32)),
        (np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)),
        (np.zeros((4, 4, 2), np.float32), np.zeros((4, 4), np.float32)),
        (np.zeros((4, 4, 3), np.float32), np.zeros((4, 5), np.float32)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(source, disparity):
    with pytest.raises(EffectError):
        render(source, disparity)


def test_a_picture_that_waits_for_its_turn_can_be_stopped(monkeypatch):
    monkeypatch.setattr(effect, "_TURNS", threading.Semaphore(0))
    abort = AbortFlag()
    timer = threading.Timer(0.1, abort.set)
    timer.start()
    with pytest.raises(Aborted):
        render(picture(), abort=abort)


def test_a_picture_that_fails_leaves_its_turn_to_the_next(monkeypatch):
    monkeypatch.setattr(effect, "_TURNS", threading.Semaphore(1))
    with pytest.raises(DefocusError, match="out is"):
        render(picture(), out=np.empty((1, 1, 3), np.float32))
    abort = AbortFlag()
    timer = threading.Timer(5.0, abort.set)  # rather than to hang
    timer.start()
    assert np.isfinite(render(picture(), abort=abort)).all()
    timer.cancel()


def test_focus_distance_is_read_in_its_unit():
    near = settings(focus_distance=1.0, near_distance=0.5, far_distance=4.0)
    assert distance_focus(near) == pytest.approx(2.0)
    assert distance_focus(near.replace(focus_distance=0.0)) == pytest.approx(0.25)
    assert distance_focus(near.replace(focus_distance=4.0, focus_unit="metres")) == 0.25
    with pytest.raises(EffectError, match="0 m"):
        distance_focus(near.replace(focus_distance=0.0, focus_unit="metres"))


def test_every_key_of_the_focus_point_is_a_target_from_the_top_left():
    keys = {"focus_point": [(0.0, 0.25, 0.75), (-12.5, 0.5, 1.5)]}
    assert focus_targets(settings(), keys, 3.0) == (
        FocusTarget(0.5, 0.0, -12.5, pull_frames=10),
        FocusTarget(0.25, 0.25, 0.0, pull_frames=10),
    )
    still = settings(focus_point=(0.1, 0.2), pull_frames=4)
    assert focus_targets(still, {}, 3.0) == (FocusTarget(0.1, 0.8, 3.0, pull_frames=4),)


def test_what_differs_from_target_to_target_has_the_value_that_it_has_at_the_key():
    keys = {
        "focus_point": [(0.0, 0.5, 0.5), (9.0, 0.5, 0.5)],
        "target_follow": [(0.0, 1.0), (9.0, 0.0)],
        "target_hold": [(0.0, 1.0), (9.0, 0.0)],
        "pull_frames": [(0.0, 10.0), (9.0, 2.5)],
    }
    first, second = focus_targets(settings(pull_frames=7), keys, 3.0)
    assert (first.follow, first.hold, first.pull_frames) == (True, "weak", 10)
    assert (second.follow, second.hold, second.pull_frames) == (False, "strong", 2.5)


def test_only_the_targets_around_the_frame_are_asked_for_their_depth():
    targets = [FocusTarget(0.5, 0.5, frame) for frame in (0, 50, 100, 150)]
    asked = []

    def disparity_of(target):
        asked.append(target.frame)
        return target.frame / 100

    assert point_focus(settings(), targets, 92.0, disparity_of).disparity == pytest.approx(0.75)
    assert asked == [50, 100]
    asked.clear()
    assert point_focus(settings(), targets, -5.0, disparity_of).disparity == 0.0
    assert point_focus(settings(), targets, 900.0, disparity_of).disparity == 1.5
    assert asked == [0, 150]


def test_breathing_enlarges_picture_and_depth_alike_as_the_focus_comes_nearer():
    source, far = picture(), np.full((SIZE[1], SIZE[0]), 0.2, np.float32)
    still = settings(f_stop=200.0, breathing=0.0)
    breathing = settings(f_stop=200.0, breathing=1.0)
    for focus, scale in ((0.0, 1.0), (2.0, 1 / (1 - 0.085 * 2))):
        expected = breathe(source, scale, frame_size=SIZE)
        result = render(source, far, focus=focus, chosen=breathing)
        np.testing.assert_allclose(result, expected, atol=2e-3)
    disparity = np.where(np.arange(SIZE[0]) < 12, 1.0, 0.1).astype(np.float32)
    disparity = np.tile(disparity, (SIZE[1], 1))
    np.testing.assert_array_equal(
        render(source, disparity, focus=2.0, chosen=breathing.replace(view="coc")),
        render(
            breathe(source, scale, frame_size=SIZE),
            breathe(disparity, scale, frame_size=SIZE, blend=False),
            focus=2.0,
            chosen=still.replace(view="coc"),
        ),
    )


def test_breathing_leaves_a_closed_aperture_alone():
    source = picture()
    chosen = settings(f_stop=256.0, breathing=1.0)
    np.testing.assert_array_equal(render(source, chosen=chosen, focus=2.0), source)


def test_highlight_recovery_makes_blurred_lights_glow_and_keeps_sharp_ones():
    source = np.full((SIZE[1], SIZE[0], 3), 0.2, np.float32)
    source[16, 10] = source[16, 38] = 1.0
    usual, recovered = render(source), render(source, chosen=settings(highlight_recovery=4.0))
    np.testing.assert_array_equal(recovered[:, :20], source[:, :20])
    extra = color.to_linear(recovered, VIDEO) - color.to_linear(usual, VIDEO)
    assert extra.sum() == pytest.approx(3 * 15, rel=0.02)


def test_peaking_marks_the_edges_that_are_in_focus_and_no_others():
    source = np.full((SIZE[1], SIZE[0], 3), 0.2, np.float32)
    source[:, 10:14] = source[:, 34:38] = 0.8
    view = render(source, chosen=settings(view="peaking"))
    marked = (view[..., 1] > 0.9) & (view[..., 0] < 0.2)
    assert marked[:, 8:16].any(axis=1).all()
    assert not marked[:, 24:].any()


def test_a_dark_subject_peaks_beside_bright_lights():
    source = np.full((SIZE[1], SIZE[0], 3), 0.02, np.float32)
    source[:, 10:14] = 0.06
    source[::2, 30:] = 50.0
    view = render(source, chosen=settings(view="peaking"))
    marked = (view[..., 1] > 0.9) & (view[..., 0] < 0.2)
    assert marked[:, 8:16].any(axis=1).all()


def test_the_focal_plane_is_drawn_where_the_depth_is_in_focus():
    view = render(picture(4), chosen=settings(view="focal_plane"))
    plain = render(picture(4), chosen=settings(view="depth"))
    assert (view[:, :24, 0] > view[:, :24, 2] + 0.3).all()
    np.testing.assert_array_equal(view[:, 24:], plain[:, 24:])


def test_a_wipe_is_the_source_left_of_its_line_and_the_result_right_of_it():
    source = picture()
    result = render(source, focus=0.1)
    view = render(source, focus=0.1, chosen=settings(view="wipe", wipe_position=0.25))
    np.testing.assert_array_equal(view[:, :12], source[:, :12])
    np.testing.assert_array_equal(view[:, 13:], result[:, 13:])


def test_a_wipe_lies_at_the_same_place_of_the_picture_in_a_part_of_it():
    source = picture()
    chosen = settings(view="wipe", wipe_position=0.75, blur_scale=0.0)
    part = render_frame(
        source[:, 30:],
        halves()[:, 30:],
        chosen,
        space=VIDEO,
        focus_disparity=1.0,
        frame=Frame(SIZE, origin=(30, 0)),
    )
    assert (part[:, 6] == 1.0).all()
    np.testing.assert_array_equal(part[:, :6], source[:, 30:36])


def test_grain_match_grains_the_blur_and_keeps_the_sharp_part():
    rng = np.random.default_rng(0)
    source = 0.5 + rng.normal(0, 0.02, (120, 240, 3)).astype(np.float32)
    disparity = np.where(np.arange(240) < 120, 1.0, 0.0).astype(np.float32)
    disparity = np.tile(disparity, (120, 1))
    for space, grain in ((VIDEO, 0.02), (LINEAR, 0.02)):
        plain, grained = (
            render_frame(
                source,
                disparity,
                settings(grain_match=amount, f_stop=0.7),
                space=space,
                focus_disparity=1.0,
                frame=Frame((240, 120)),
            )
            for amount in (0.0, 1.0)
        )
        np.testing.assert_array_equal(grained[:, :100], source[:, :100])
        assert plain[:, 170:].std() < 0.3 * grain
        assert grained[:, 170:].std() == pytest.approx(grain, rel=0.12)


def test_each_frame_has_grain_of_its_own_at_places_of_the_whole_picture():
    source = 0.5 + np.random.default_rng(0).normal(0, 0.02, (192, 240, 3)).astype(np.float32)
    disparity = np.zeros((192, 240), np.float32)

    def rendered(part=np.s_[:], **where):
        return render_frame(
            source[part],
            disparity[part],
            settings(grain_match=1.0, f_stop=0.7),
            space=VIDEO,
            focus_disparity=1.0,
            frame=Frame((240, 192), **where),
        )

    whole, again, next_one = (rendered(time=time) for time in (3.0, 3.0, 4.0))
    np.testing.assert_array_equal(whole, again)
    likeness = np.corrcoef(whole.ravel(), next_one.ravel())[0, 1]
    assert likeness < 0.3
    part = rendered(np.s_[24:], origin=(0, 24), time=3.0)
    assert np.corrcoef(part[40:].ravel(), whole[64:].ravel())[0, 1] > 0.97


def test_edges_of_the_depth_are_refined_unless_it_is_clean():
    source, disparity = picture(), halves()
    source[:, :20] *= 0.1  # the picture's edge is four pixels from the depth's
    refined, exact = (
        render(source, disparity),
        render(source, disparity, chosen=settings(refine_edges=False)),
    )
    assert (refined != exact).any()


def clipped_lamps():
    """A dark picture with a clipped lamp in each half, and the gain of both, at half size."""
    source = np.full((SIZE[1], SIZE[0], 3), 0.05, np.float32)
    log_gain = np.zeros((SIZE[1] // 2, SIZE[0] // 2, 3), np.float32)
    for x in (8, 36):
        source[14:18, x : x + 4] = 1
        log_gain[6:10, x // 2 - 1 : x // 2 + 3] = np.log(8)
    return source, log_gain


@pytest.mark.parametrize("space", [LINEAR, VIDEO])
def test_estimated_light_makes_blurred_lamps_glow_and_touches_nothing_else(space):
    source, log_gain = clipped_lamps()
    plain = render(source, space=space)
    found = render(source, space=space, log_gain=log_gain)
    half = render(source, space=space, log_gain=log_gain, chosen=settings(recover_light=0.5))
    none = render(source, space=space, log_gain=log_gain, chosen=settings(recover_light=0.0))
    np.testing.assert_array_equal(none, plain)
    # The left half is in focus, and so far from the right lamp that nothing of it arrives.
    np.testing.assert_array_equal(found[:, :14], source[:, :14])
    lights = [color.to_linear(one, space)[:, 26:].sum() for one in (plain, half, found)]
    background = color.to_linear(np.full((1, 1, 3), 0.05, np.float32), space).sum() * 32 * 22
    lamp = lights[0] - background
    np.testing.assert_allclose(lights[1] - background, np.sqrt(8) * lamp, rtol=0.05)
    np.testing.assert_allclose(lights[2] - background, 8 * lamp, rtol=0.05)


def test_a_pixel_is_clipped_if_one_of_its_colours_is():
    light = np.full((8, 8, 3), 0.5, np.float32)
    light[2, 2] = [0.2, 1.0, 0.3]
    light[5, 5] = 0.94
    assert np.argwhere(clipped_pixels(light)).tolist() == [[2, 2]]


def test_one_colour_beyond_white_is_neon_in_a_video_and_not_light_that_was_kept():
    space = "Rec.1886 Rec.709 - Display"
    # Limited-range YUV of 8 bits, luma 235 and red chroma 240: what an encoder may leave of neon.
    luma, red_chroma = (235 - 16) / 219, (240 - 128) / 224
    neon = np.array([luma + 1.5748 * red_chroma, luma - 0.4681 * red_chroma, luma], np.float32)
    source = np.full((8, 8, 3), 0.2, np.float32)
    source[2, 2] = neon
    source[5, 5] = 1
    light = color.to_linear(source, space)
    assert light.max() > 2
    assert np.argwhere(clipped_pixels(light)).tolist() == [[2, 2], [5, 5]]


def test_light_that_was_not_clipped_at_white_is_left_alone():
    source, log_gain = clipped_lamps()
    source[0, 0] = 7.0  # so white is not where this picture ends
    assert not clipped_pixels(source).any()
    log = "ARRI LogC4"
    source, log_gain = clipped_lamps()
    source = color.from_linear(source, log)  # the white of a wall, far below where log ends
    np.testing.assert_array_equal(
        render(source, space=log, log_gain=log_gain), render(source, space=log)
    )
    assert not clips_at_white("Rec.2100-PQ - Display")
    assert clips_at_white("sRGB Encoded Rec.709 (sRGB)")


def test_estimated_disparity_runs_from_the_far_to_the_near_distance():
    chosen = settings(near_distance=0.5, far_distance=10.0)
    shares = np.array([[0.0, 0.5, 1.0, -1.0]], np.float32)
    np.testing.assert_allclose(
        dioptres(shares, chosen, metric=False), [[0.1, 1.05, 2.0, 0.0]], rtol=1e-6
    )
    np.testing.assert_array_equal(dioptres(shares, chosen, metric=True), [[0, 0.5, 1, 0]])


def test_gain_breathes_with_the_picture():
    source, log_gain = clipped_lamps()
    chosen = settings(breathing=2.0, focal_length=135.0)
    found = render(source, space=LINEAR, log_gain=log_gain, chosen=chosen)
    plain = render(source, space=LINEAR, chosen=chosen)
    gained = (found - plain)[..., 0]
    # Around where the lamp was magnified to, not where it was.
    columns = (gained.sum(axis=0) * np.arange(SIZE[0])).sum() / gained.sum()
    unmoved = render(source, space=LINEAR, log_gain=log_gain)
    before = (unmoved - render(source, space=LINEAR))[..., 0].sum(axis=0)
    assert columns > (before * np.arange(SIZE[0])).sum() / before.sum() + 0.5
