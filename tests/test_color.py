"""Colour spaces against the published formulas, and their way there and back."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import color

TABLE = Path(__file__).parents[1] / "ofx_bridge" / "parameters.toml"


def offered_spaces() -> list[str]:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    (parameter,) = (p for p in table["parameter"] if p["name"] == "colour_space")
    return [key for key, _label in parameter["options"]]


SPACES = offered_spaces()[1:]


def grey(values) -> np.ndarray:
    values = np.asarray(values, np.float32)
    return np.repeat(values.reshape(1, -1, 1), 3, axis=2)


def decode(space: str, values) -> np.ndarray:
    return color.to_linear(grey(values), space)[0, :, 0].astype(np.float64)


def test_automatic_comes_first():
    assert offered_spaces()[0] == "auto"
    assert len(set(offered_spaces())) == len(offered_spaces())


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("space", SPACES)
def test_every_offered_space_comes_back(space, channels):
    random = np.random.default_rng(7)
    values = np.concatenate(
        [
            np.linspace(-1, 2, 50_000),
            np.geomspace(2, 65504, 5_000),
            -np.geomspace(1, 65504, 5_000),
            np.geomspace(1e5, 1e12, 100),
            np.geomspace(1e-7, 1e-2, 899),
            [0.0],
        ]
    )
    pixels = np.stack([random.permutation(values) for _ in range(channels)], -1)
    pixels = pixels.astype(np.float32)[None]
    linear = color.to_linear(pixels, space)
    back = color.from_linear(linear, space)
    assert np.isfinite(linear).all()
    floor = 1e-6 if "PQ" in space or "ST2084" in space else 1e-7
    colour = pixels[..., :3].astype(np.float64)
    error = np.abs(back[..., :3] - colour)
    assert (error <= np.maximum(1e-5 * np.abs(colour), floor)).all()
    if channels == 4:
        np.testing.assert_array_equal(linear[..., 3], pixels[..., 3])
        np.testing.assert_array_equal(back[..., 3], pixels[..., 3])


@pytest.mark.parametrize("space", SPACES)
def test_light_rises_with_the_code_value(space):
    codes = np.concatenate([-np.geomspace(1e4, 1e-3, 500), [0], np.geomspace(1e-3, 1e4, 2000)])
    assert (np.diff(decode(space, codes)) > 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_not_a_number_and_infinity_stay_what_they_are(space):
    pixels = np.full((1, 3, 4), 0.5, np.float32)
    pixels[0, :, 0] = [np.nan, np.inf, -np.inf]
    linear = color.to_linear(pixels, space)
    for result in (linear, color.from_linear(linear, space)):
        np.testing.assert_array_equal(result[0, :, 0], [np.nan, np.inf, -np.inf])
        assert np.isfinite(result[..., 1:]).all()


def log_c3(x):
    cut, a, b, c, d, e, f = 0.010591, 5.555556, 0.052272, 0.247190, 0.385537, 5.367655, 0.092809
    return np.where(x > e * cut + f, (10 ** ((x - d) / c) - b) / a, (x - f) / e)


def log_c4(x):
    a = (2**18 - 16) / 117.45
    b, c = (1023 - 95) / 1023, 95 / 1023
    s = 7 * np.log(2) * 2 ** (7 - 14 * c / b) / (a * b)
    t = (2 ** (14 * (-c / b) + 6) - 64) / a
    return np.where(x >= 0, (2 ** (14 * (x - c) / b + 6) - 64) / a, x * s + t)


def s_log3(x):
    bright = 10 ** ((x * 1023 - 420) / 261.5) * (0.18 + 0.01) - 0.01
    return np.where(x >= 171.2102946929 / 1023, bright, (x * 1023 - 95) * 0.01125 / 76.2102946929)


def v_log(x):
    bright = 10 ** ((x - 0.598206) / 0.241514) - 0.00873
    return np.where(x < 0.181, (x - 0.125) / 5.6, bright)


def log3g10(x):
    a, b, c, g = 0.224282, 155.975327, 0.01, 15.1927
    return np.where(x < 0, x / g - c, (10 ** (np.abs(x) / a) - 1) / b - c)


def canon_log2(x):
    bright = (10 ** (np.abs(x - 0.092864125) / 0.24136077) - 1) / 87.099375
    return 0.9 * np.sign(x - 0.092864125) * bright


def canon_log3(x):
    dark = -(10 ** ((0.12783901 - x) / 0.36726845) - 1) / 14.98325
    bright = (10 ** ((x - 0.12240537) / 0.36726845) - 1) / 14.98325
    middle = (x - 0.12512219) / 1.9754798
    return 0.9 * np.select([x < 0.097465473, x <= 0.15277891], [dark, middle], bright)


def apple_log(x):
    foot, c, threshold = -0.05641088, 47.28711236, 0.01
    dark = np.sqrt(np.maximum(x, 0) / c) + foot
    bright = 2 ** ((x - 0.69336945) / 0.08550479) - 0.00964052
    return np.where(x < c * (threshold - foot) ** 2, dark, bright)


def d_log(x):
    return np.where(
        x <= 0.14, (x - 0.0929) / 6.025, (10 ** (3.89616 * x - 2.27752) - 0.0108) / 0.9892
    )


def davinci_intermediate(x):
    bright = 2 ** (x / 0.07329248 - 7.0) - 0.0075
    return np.where(x > 0.02740668, bright, x / 10.44426855)


def bmd_film_gen5(x):
    bright = np.exp((x - 0.5300133392291939) / 0.08692876065491224) - 0.005494072432257808
    return np.where(x < 0.13388378, (x - 0.09246575342465753) / 8.283605932402494, bright)


def aces_cct(x):
    return np.where(
        x > 0.155251141552511, 2 ** (x * 17.52 - 9.72), (x - 0.0729055341958355) / 10.5402377416545
    )


def aces_cc(x):
    dark = (2 ** (x * 17.52 - 9.72) - 2.0**-16) * 2
    return np.where(x < (9.72 - 15) / 17.52, dark, 2 ** (x * 17.52 - 9.72))


def pq(x):
    power = np.maximum(x, 0) ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return 100 * light ** (1 / 0.1593017578125)


def hlg(x):
    return (
        np.where(x <= 0.5, x**2 / 3, (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12) * 3
    )


def srgb(x):
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0) + 0.055) / 1.055) ** 2.4)


def rec709_camera(x):
    # BT.709 with the constants that make its two sides meet (BT.2020, table 4, footnote).
    a, b = 1.09929682680944, 0.018053968510807
    return np.where(x < 4.5 * b, x / 4.5, ((np.maximum(x, 0) + a - 1) / a) ** (1 / 0.45))


@pytest.mark.parametrize(
    ("space", "formula", "lowest"),
    [
        ("Rec.1886 Rec.709 - Display", lambda x: np.maximum(x, 0) ** 2.4, 0.0),
        ("Gamma 2.2 Encoded Rec.709", lambda x: np.maximum(x, 0) ** 2.2, 0.0),
        ("sRGB Encoded Rec.709 (sRGB)", srgb, -1.0),
        ("Camera Rec.709", rec709_camera, -1.0),
        ("Display P3 - Display", srgb, 0.0),
        ("P3-D65 - Display", lambda x: np.maximum(x, 0) ** 2.6, 0.0),
        ("Gamma 2.2 Encoded AdobeRGB", lambda x: np.maximum(x, 0) ** (563 / 256), 0.0),
        ("Rec.2100-PQ - Display", pq, 0.0),
        ("ST2084-P3-D65 - Display", pq, 0.0),
        ("Rec.2100-HLG - Display", hlg, 0.0),
        ("ACEScct", aces_cct, -1.0),
        ("ACEScc", aces_cc, -0.35),
        ("Apple Log", apple_log, 2e-4),
        ("ARRI LogC3 (EI800)", log_c3, -1.0),
        ("ARRI LogC4", log_c4, -1.0),
        ("BMDFilm WideGamut Gen5", bmd_film_gen5, -1.0),
        ("CanonLog2 CinemaGamut D55", canon_log2, -1.0),
        ("CanonLog3 CinemaGamut D55", canon_log3, -1.0),
        ("D-Log D-Gamut", d_log, -1.0),
        ("DaVinci Intermediate WideGamut", davinci_intermediate, -1.0),
        ("Log3G10 REDWideGamutRGB", log3g10, -1.0),
        ("S-Log3 S-Gamut3", s_log3, -1.0),
        ("S-Log3 Venice S-Gamut3.Cine", s_log3, -1.0),
        ("V-Log V-Gamut", v_log, -1.0),
    ],
)
def test_the_curve_is_the_published_one(space, formula, lowest):
    codes = np.linspace(lowest, 1.0, 4001).astype(np.float32).astype(np.float64)
    # The standards' rounded constants part the two sides of a break, which the config closes, by
    # up to 1e-4, and Rec.709's by 3e-3.
    rtol = 4e-3 if space == "Camera Rec.709" else 2e-4
    np.testing.assert_allclose(decode(space, codes), formula(codes), rtol=rtol, atol=2e-5)


@pytest.mark.parametrize(
    "space",
    [
        "Rec.1886 Rec.709 - Display",
        "Gamma 2.2 Encoded Rec.709",
        "Gamma 2.2 Encoded AdobeRGB",
        "P3-D65 - Display",
        "Display P3 - Display",
        "Rec.2100-PQ - Display",
        "Rec.2100-HLG - Display",
    ],
)
def test_curves_without_a_dark_side_are_mirrored(space):
    codes = np.linspace(0, 1, 101)
    np.testing.assert_array_equal(decode(space, -codes), -decode(space, codes))


def test_linear_spaces_pass_untouched():
    pixels = np.random.default_rng(1).normal(0, 1e3, (5, 7, 4)).astype(np.float32)
    for space in ("Linear Rec.2020", "ACES2065-1", "Linear D-Gamut"):
        assert color.is_linear(space)
        np.testing.assert_array_equal(color.to_linear(pixels, space), pixels)
    assert not color.is_linear("ARRI LogC4")


@pytest.mark.parametrize("space", SPACES)
def test_white_is_white_in_rec709(space):
    white = np.ones((2, 2, 3), np.float32)
    np.testing.assert_allclose(color.to_rec709(white, space), 1.0, atol=1e-4)


@pytest.mark.parametrize(
    ("space", "red"),
    [
        ("Linear Rec.2020", [1.660491, -0.124550, -0.018151]),  # ITU-R BT.2087
        ("Rec.2100-PQ - Display", [1.660491, -0.124550, -0.018151]),
        ("Rec.2100-HLG - Display", [1.660491, -0.124550, -0.018151]),
        ("Linear P3-D65", [1.224940, -0.042057, -0.019638]),  # SMPTE EG 432-1 primaries
        ("sRGB Encoded Rec.709 (sRGB)", [1.0, 0.0, 0.0]),
        ("ACEScg", [1.705051, -0.130256, -0.024003]),  # AP1 to Rec.709, Bradford
    ],
)
def test_primaries_become_those_of_rec709(space, red):
    pixels = np.zeros((1, 1, 4), np.float32)
    pixels[..., 0] = pixels[..., 3] = 1
    result = color.to_rec709(pixels, space)[0, 0]
    np.testing.assert_allclose(result, [*red, 1.0], atol=2e-4)


def test_result_can_replace_the_input_and_be_a_window():
    pixels = np.random.default_rng(2).random((300, 500, 4), np.float32)
    expected = color.to_linear(pixels, "ARRI LogC4")
    canvas = np.zeros((310, 520, 4), np.float32)
    window = canvas[5:305, 7:507]
    assert color.to_linear(pixels, "ARRI LogC4", out=window) is window
    np.testing.assert_array_equal(window, expected)
    flipped = color.to_linear(pixels[::-1], "ARRI LogC4")
    np.testing.assert_array_equal(flipped[::-1], expected)
    assert color.to_linear(pixels, "ARRI LogC4", out=pixels) is pixels
    np.testing.assert_array_equal(pixels, expected)


def test_bands_leave_no_seam():
    pixels = np.random.default_rng(3).random((1080, 640, 3), np.float32)
    whole = color.to_linear(pixels, "S-Log3 S-Gamut3")
    rows = [color.to_linear(pixels[y : y + 1], "S-Log3 S-Gamut3") for y in range(0, 1080, 97)]
    np.testing.assert_array_equal(whole[::97], np.concatenate(rows))


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 4), (1, 1, 3)])
def test_small_and_empty_pictures_work(shape):
    result = color.to_linear(np.zeros(shape, np.float32), "sRGB Encoded Rec.709 (sRGB)")
    assert result.shape == shape


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4), np.float32), "height, width, 3 or 4"),
        (np.zeros((4, 4, 2), np.float32), "height, width, 3 or 4"),
        (np.zeros((4, 4, 3)), "float32, not float64"),
        ([[[0.0, 0.0, 0.0]]], "NumPy array, not list"),
    ],
)
def test_what_is_no_picture_is_refused(pixels, message):
    with pytest.raises(color.ColourError, match=message):
        color.to_linear(pixels, "ACEScg")


def test_output_of_another_size_is_refused():
    pixels = np.zeros((4, 4, 3), np.float32)
    with pytest.raises(color.ColourError, match="output"):
        color.to_linear(pixels, "ACEScg", out=np.zeros((4, 5, 3), np.float32))


@pytest.mark.parametrize("space", ["Kodachrome", "auto", "", "Raw", "ADX10"])
def test_spaces_without_a_curve_back_are_refused(space):
    with pytest.raises(color.ColourError, match="Colour space"):
        color.to_linear(np.zeros((1, 1, 3), np.float32), space)


@pytest.mark.parametrize(
    ("host", "pixel_type", "expected"),
    [
        ("uk.co.thefoundry.nuke", "byte", color.REC709_LINEAR),
        ("fr.inria.Natron", "float", color.REC709_LINEAR),
        ("DaVinciResolve", "float", color.REC709_VIDEO),
        ("MLT", "byte", color.REC709_VIDEO),
        (None, "float", color.REC709_LINEAR),
        ("", "half", color.REC709_LINEAR),
        ("com.sonycreativesoftware.vegas", "byte", color.REC709_VIDEO),
        (None, "short", color.REC709_VIDEO),
    ],
)
def test_automatic_follows_the_host_then_the_pixels(host, pixel_type, expected):
    assert color.resolve("auto", host, pixel_type) == expected


def test_a_chosen_space_is_what_it_is():
    assert color.resolve("ARRI LogC4", "DaVinciResolve", "byte") == "ARRI LogC4"
    with pytest.raises(color.ColourError, match="Kodachrome"):
        color.resolve("Kodachrome")
    with pytest.raises(color.ColourError, match="Pixel type"):
        color.resolve("auto", None, "double")
