"""The built plug-in and its worker in hosts that behave as the real ones do.

docs/developer/hosts.md lists which lesson each test holds.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import effect as core
from synthetic_focus import installed
from synthetic_focus.ofx_host import (
    REAL_HOSTS,
    STRICT,
    ActionError,
    Behaviour,
    Host,
    Image,
    Instance,
    Project,
)
from synthetic_focus.ofx_host.behaviour import (
    HOSTILE_ENVIRONMENT,
    OPTIONAL_IMAGE_PROPERTIES,
    OPTIONAL_RENDER_ARGUMENTS,
    OPTIONAL_SUITES,
)
from synthetic_focus.ofx_host.image import UNPREMULTIPLIED
from synthetic_focus.parameters import settings, table

BUNDLE = installed.DIRECTORY / "SyntheticFocus.ofx.bundle"
WIDTH, HEIGHT = 48, 28
VALUES = {
    "focus_mode": "distance",
    "focus_distance": 0.6,
    "f_stop": 0.7,
    "focal_length": 85.0,
    "colour_space": "Linear Rec.709 (sRGB)",
}
Open = Callable[..., Instance]


def photograph() -> np.ndarray:
    """A picture with highlights, alpha 1."""
    random = np.random.default_rng(4)
    pixels = random.random((HEIGHT, WIDTH, 4), dtype=np.float32)
    pixels[5, 7, :3] = 30.0
    pixels[20, 40, :3] = 12.0
    pixels[..., 3] = 1.0
    return pixels


def floor() -> np.ndarray:
    """Disparity: a floor, near at the bottom, with a nearer box on it."""
    disparity = np.linspace(0.1, 0.8, HEIGHT, dtype=np.float32)[:, np.newaxis]
    disparity = np.repeat(disparity, WIDTH, axis=1)
    disparity[8:20, 14:26] = 0.95
    return np.repeat(disparity[:, :, np.newaxis], 4, axis=2)


@pytest.fixture
def open_effect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Open]:
    """A function (behaviour, **create) -> instance in a host of its own, with the test's values."""
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with ExitStack() as open_hosts:

        def open_one(
            behaviour: Behaviour = STRICT, values: dict[str, object] = VALUES, **create: object
        ) -> Instance:
            open_hosts.close()
            host = open_hosts.enter_context(Host(behaviour))
            create.setdefault("clips", {"Source": photograph(), "Depth": floor()})
            create.setdefault("project", Project(region=(0, 0, WIDTH, HEIGHT)))
            instance = host.load_one(BUNDLE).create(**create)
            if "saved" not in create:
                put(instance, values)
            return instance

        yield open_one


def put(instance: Instance, values: dict[str, object]) -> None:
    values = {"depth_source": "clip", **values}
    for name, value in values.items():
        numbers = table()[name].to_host(value)
        integer = instance[name].type in ("OfxParamTypeChoice", "OfxParamTypeBoolean")
        value = numbers if len(numbers) > 1 else numbers[0]
        instance[name].set(int(value) if integer else value)


def expected(source: np.ndarray, **values: object) -> np.ndarray:
    """The core's own picture, with the depth convention written out: 1 m to 100 m."""
    s = settings({**VALUES, **values})
    disparity = 0.01 + floor()[..., 0].astype(np.float64) * 0.99
    focus = 0.01 + s.focus_distance * 0.99
    frame = core.Frame((WIDTH, HEIGHT))
    return core.render_frame(
        source,
        disparity.astype(np.float32),
        s,
        space=s.colour_space,
        focus_disparity=focus,
        frame=frame,
    )


def test_the_picture_is_the_cores_own(open_effect: Open) -> None:
    result = open_effect().render(0).pixels
    reference = expected(photograph())
    assert np.abs(reference - photograph()).max() > 1.0
    np.testing.assert_allclose(result, reference, rtol=2e-5, atol=2e-5)


ALONE = {
    "rows top down": Behaviour(rows="top down"),
    "padded rows": Behaviour(row_padding=36),
    "padded rows top down": Behaviour(rows="top down", row_padding=16),
    "larger output": Behaviour(output_covers="frame"),
    "only regions of interest": Behaviour(inputs_cover="region of interest"),
    "no optional suite": Behaviour(missing_suites=OPTIONAL_SUITES),
    "hollow optional suites": Behaviour(hollow_suites=OPTIONAL_SUITES),
    "no optional image property": Behaviour(missing_image_properties=OPTIONAL_IMAGE_PROPERTIES),
    "no optional argument": Behaviour(missing_arguments=OPTIONAL_RENDER_ARGUMENTS),
    "image scale 1": Behaviour(image_scale="one"),
    "image scale inverse": Behaviour(image_scale="inverse"),
    "no other times": Behaviour(other_times="refused"),
    "the current time for all times": Behaviour(other_times="current"),
    "keys refused": Behaviour(keys="refused"),
    "keys hidden": Behaviour(keys="hidden"),
    "volatile strings": Behaviour(volatile_strings=True),
    "accepts unknown properties": Behaviour(accepts_unknown_properties=True),
    "insists on OK": Behaviour(insists_on_ok=True),
    "secret stays secret": Behaviour(secret_stays_secret=True),
    "clamps numbers without ranges": Behaviour(clamps_numbers_without_ranges=True),
    "hostile environment": Behaviour(environment=HOSTILE_ENVIRONMENT),
    "OpenFX 1.5 colour": Behaviour(
        api_version=(1, 5), colour_management="OfxImageEffectColourManagementCore"
    ),
}


@pytest.mark.parametrize("name", [*ALONE, *REAL_HOSTS])
def test_no_behaviour_changes_the_picture_or_finds_a_violation(
    open_effect: Open, name: str
) -> None:
    behaviour = {**ALONE, **REAL_HOSTS}[name]
    instance = open_effect(behaviour)
    result = instance.render(0).pixels
    saved = instance.save()["parameters"]
    instance.plugin.host.close()
    np.testing.assert_allclose(result, expected(photograph()), rtol=2e-5, atol=2e-5)
    assert instance.plugin.host.violations == []
    doubles = [p for n, p in table().parameters.items() if p.type == "double" and n not in VALUES]
    assert len(doubles) > 10
    for parameter in doubles:
        assert saved[parameter.name]["value"] == pytest.approx(parameter.default), parameter.name


@pytest.mark.parametrize("name", REAL_HOSTS)
def test_half_resolution_says_its_scale_as_the_host_does_and_looks_like_the_full_one(
    open_effect: Open, name: str
) -> None:
    smooth = np.zeros((HEIGHT, WIDTH, 4), np.float32) + np.float32(0.2)
    smooth[10:18, 18:30, :3] = 3.0
    clips = {"Source": smooth, "Depth": floor()}
    half = open_effect(REAL_HOSTS[name], clips=clips).render(0, scale=(0.5, 0.5)).pixels
    full = open_effect(clips=clips).render(0).pixels
    means = full.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 4).mean(axis=(1, 3))
    assert half.shape == means.shape
    # A blur that did not follow the scale would be off by about the box's contrast.
    assert np.abs(half - means).mean() < 0.05 * np.abs(full - smooth).max()


def test_every_window_is_a_piece_of_the_whole_picture(open_effect: Open) -> None:
    behaviour = Behaviour(
        inputs_cover="region of interest", output_covers="frame", row_padding=16, always_tiles=True
    )
    instance = open_effect(behaviour)
    whole = instance.render(0).pixels
    for x1, y1, x2, y2 in [(0, 0, 7, 5), (11, 9, 30, 28), (47, 27, 48, 28)]:
        part = instance.render(0, window=(x1, y1, x2, y2)).pixels
        piece = whole[HEIGHT - y2 : HEIGHT - y1, x1:x2]
        np.testing.assert_allclose(part, piece, rtol=1e-5, atol=1e-5)
    assert instance.plugin.host.violations == []


def test_a_frame_that_does_not_start_at_zero_is_rendered_the_same(open_effect: Open) -> None:
    origin = (-17, 230)
    clips = {
        "Source": Image(photograph(), origin=origin),
        "Depth": Image(floor(), origin=origin),
    }
    region = (*origin, origin[0] + WIDTH, origin[1] + HEIGHT)
    moved = open_effect(clips=clips, project=Project(region=region)).render(0)
    assert moved.bounds == region
    np.testing.assert_array_equal(moved.pixels, open_effect().render(0).pixels)


@pytest.mark.parametrize("time", [-1001.0, 0.5, -2.25, 1e7])
def test_any_time_is_a_time(open_effect: Open, time: float) -> None:
    asked = []

    def at(moment: float) -> np.ndarray:
        asked.append(moment)
        return photograph()

    instance = open_effect(clips={"Source": at, "Depth": floor()})
    asked.clear()
    result = instance.render(time).pixels
    np.testing.assert_allclose(result, expected(photograph()), rtol=2e-5, atol=2e-5)
    assert set(asked) == {time}


@pytest.mark.parametrize("empty", ["unconnected", "no image", "null handle", "null data", "black"])
def test_an_unconnected_depth_clip_is_a_clear_failure_however_it_looks(
    open_effect: Open, empty: str
) -> None:
    instance = open_effect(Behaviour(empty_clip=empty), clips={"Source": photograph()})
    if empty == "black":
        # Black is a depth picture like any other: everything is far.
        assert np.isfinite(instance.render(0).pixels).all()
    else:
        with pytest.raises(ActionError, match=r"[Dd]epth"):
            instance.render(0)
    put(instance, {"f_stop": 256.0})
    np.testing.assert_array_equal(instance.render(0, asks_identity=False).pixels, photograph())
    assert instance.plugin.host.violations == []


@pytest.mark.parametrize(
    "depth",
    [
        floor()[::2, ::2],
        floor().astype(np.float16),
        (floor() * 255).astype(np.uint8),
        (floor() * 65535).astype(np.uint16),
        floor()[:, :, :3],
        Image(floor()[:14], origin=(0, 14)),
        np.full_like(floor(), np.nan),
        np.where(floor() > 0.5, np.inf, floor()),
        np.full((1, 1, 4), 0.5, np.float32),
    ],
    ids=["half size", "half", "byte", "short", "RGB", "half covered", "NaN", "infinity", "1x1"],
)
@pytest.mark.parametrize("converts", [True, False], ids=["host converts", "as it is"])
def test_every_kind_of_depth_picture_is_rendered_or_refused_in_words(
    open_effect: Open, depth: np.ndarray | Image, converts: bool
) -> None:
    behaviour = Behaviour(sends_unsupported_images=not converts)
    instance = open_effect(behaviour, clips={"Source": photograph(), "Depth": depth})
    refused = None
    try:
        result = instance.render(0).pixels
    except ActionError as error:
        refused = str(error)
    if refused is None:
        assert np.isfinite(result).all()
        assert result.shape == photograph().shape
    else:
        assert "epth" in refused
    assert instance.plugin.host.violations == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16])
@pytest.mark.parametrize("channels", [3, 4])
def test_other_pixels_are_those_of_float_within_their_precision(
    open_effect: Open, dtype: type, channels: int
) -> None:
    source = np.minimum(photograph(), 1.0)[:, :, :channels]
    most = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    step = 1.0 / most if most > 1 else 1e-3
    given = np.rint(source * most).astype(dtype) if most > 1 else source.astype(dtype)
    instance = open_effect(clips={"Source": given, "Depth": floor()})
    result = instance.render(0).pixels
    reference = expected(given.astype(np.float32) / np.float32(most))
    if most > 1:
        reference = reference.clip(0.0, 1.0)
    assert result.dtype == dtype
    np.testing.assert_allclose(result / np.float32(most), reference, atol=1.01 * step)


def test_an_alpha_that_is_not_premultiplied_comes_back_so(open_effect: Open) -> None:
    source = photograph()
    source[..., 3] = 0.5
    straight = Image(source, premultiplication=UNPREMULTIPLIED)
    result = open_effect(clips={"Source": straight, "Depth": floor()}).render(0)
    opaque = expected(photograph())
    assert result.premultiplication == UNPREMULTIPLIED
    np.testing.assert_allclose(result.pixels[..., :3], opaque[..., :3], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(result.pixels[..., 3], 0.5, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_stay_where_they_are(open_effect: Open, bad: float) -> None:
    source = photograph()
    source[3, 3, :3] = bad
    result = open_effect(clips={"Source": source, "Depth": floor()}).render(0).pixels
    assert np.isfinite(np.delete(result.reshape(-1, 4), 3 * WIDTH + 3, axis=0)).all()


def test_a_picture_of_one_pixel_is_rendered(open_effect: Open) -> None:
    dot = np.array([[[0.25, 0.5, 0.75, 1.0]]], np.float32)
    near = np.full((1, 1, 4), 0.3, np.float32)
    instance = open_effect(
        clips={"Source": dot, "Depth": near}, project=Project(region=(0, 0, 1, 1))
    )
    assert instance.render(0).pixels.shape == (1, 1, 4)


def test_a_closed_aperture_is_identity_and_bit_identical(open_effect: Open) -> None:
    source = photograph()
    source[0, 0] = [-1.0, 70000.0, 1e-20, 1.0]
    instance = open_effect(clips={"Source": source, "Depth": floor()})
    assert instance.is_identity(0) is None
    for closed in ({"f_stop": 256.0}, {"f_stop": 2.0, "blur_scale": 0.0}):
        put(instance, closed)
        assert instance.is_identity(3) == ("Source", 3.0)
        result = instance.render(3, asks_identity=False).pixels
        assert result.tobytes() == source.tobytes()


def test_eight_threads_render_two_instances_in_any_order(open_effect: Open) -> None:
    def at(time: float) -> np.ndarray:
        return photograph() * np.float32(1.0 + time / 10.0)

    first = open_effect(clips={"Source": at, "Depth": floor()})
    second = first.plugin.create(
        clips={"Source": at, "Depth": floor()}, project=Project(region=(0, 0, WIDTH, HEIGHT))
    )
    put(second, {**VALUES, "f_stop": 2.0})
    wanted = {
        (which, time): expected(at(time), f_stop=stop)
        for which, stop in ((0, 0.7), (1, 2.0))
        for time in range(12)
    }
    jobs = [wanted_key for wanted_key in wanted for _ in range(2)]
    np.random.default_rng(0).shuffle(jobs)
    jobs = [(int(which), int(time)) for which, time in jobs]
    wrong: list[object] = []
    take = threading.Lock()

    def work() -> None:
        while True:
            with take:
                if not jobs:
                    return
                which, time = jobs.pop()
            try:
                result = (first, second)[which].render(time).pixels
                np.testing.assert_allclose(result, wanted[which, time], rtol=2e-5, atol=2e-5)
            except (AssertionError, ActionError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert first.plugin.host.violations == []


def test_focus_pulls_from_key_to_key_where_the_host_shows_keys(open_effect: Open) -> None:
    points = {"near": (20 / WIDTH, 14 / HEIGHT), "far": (0.1, 0.95)}
    values = {**VALUES, "focus_mode": "point", "settle_frames": 0.0, "pull_frames": 4.0}

    def pulled(behaviour: Behaviour) -> dict[float, float]:
        instance = open_effect(behaviour, values)
        instance["focus_point"].set_key(0.0, points["near"])
        instance["focus_point"].set_key(20.0, points["far"])
        boxes = {t: instance.render(t).pixels[10:18, 16:24] for t in (0.0, 10.0, 20.0)}
        assert instance.plugin.host.violations == []
        return {
            t: float(np.abs(box - photograph()[10:18, 16:24]).mean()) for t, box in boxes.items()
        }

    blur = pulled(STRICT)
    # The pull takes the last four frames: at 10 the focus is still on the near box.
    assert blur[0.0] < 0.01
    assert blur[10.0] < 0.01
    assert blur[20.0] > 0.05
    # Without keys, the point of the moment is the target.
    for keys in ("refused", "hidden"):
        hidden = pulled(Behaviour(keys=keys))
        assert hidden[0.0] < 0.01
        assert hidden[20.0] > 0.05


def test_a_preset_sets_the_lens_in_one_step_that_can_be_undone(open_effect: Open) -> None:
    instance = open_effect()
    option = next(o.key for o in table()["preset"].options if o.key != "custom")
    before = instance.save()["parameters"]
    put(instance, {"preset": option})
    changed = {n for n, v in instance.save()["parameters"].items() if v != before[n]}
    assert len(changed - {"preset"}) > 2
    instance.undo()
    after = instance.save()["parameters"]
    assert {n for n in changed - {"preset"} if after[n] != before[n]} == set()
    assert instance.plugin.host.violations == []


def test_a_project_of_another_version_opens(open_effect: Open) -> None:
    instance = open_effect()
    picture = instance.render(0).pixels
    saved = instance.save()
    saved["parameters"]["parameter of a newer version"] = {"value": 1.0}
    del saved["parameters"]["cat_eye"]
    again = open_effect(saved=saved)
    np.testing.assert_array_equal(again.render(0).pixels, picture)


def test_nothing_that_a_user_sets_is_described_secret(open_effect: Open) -> None:
    description = open_effect().plugin.describe()
    secret = {n for n, p in description.parameters.items() if p["OfxParamPropSecret"] == [1]}
    assert secret == {name for name, p in table().parameters.items() if p.secret}


def test_what_is_described_is_all_there_however_poor_the_host(open_effect: Open) -> None:
    poor = replace(
        REAL_HOSTS["resolve"],
        missing_suites=OPTIONAL_SUITES,
        missing_host_properties=frozenset(
            {
                "OfxPropVersion",
                "OfxPropVersionLabel",
                "OfxPropAPIVersion",
                "OfxPropLabel",
                "OfxPropName",
                "OfxImageEffectHostPropIsBackground",
                "OfxImageEffectHostPropNativeOrigin",
                "OfxParamHostPropSupportsStringAnimation",
                "OfxParamHostPropSupportsChoiceAnimation",
                "OfxParamHostPropSupportsBooleanAnimation",
                "OfxImageEffectPropMultipleClipDepths",
                "OfxImageEffectPropTemporalClipAccess",
            }
        ),
    )
    names = set(open_effect(STRICT).plugin.describe("General").parameters)
    plugin = open_effect(poor).plugin
    assert set(plugin.describe("General").parameters) == names
    assert plugin.host.violations == []


def children() -> set[str]:
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


def test_the_hosts_environment_does_not_reach_the_worker(open_effect: Open) -> None:
    before = children()
    open_effect(Behaviour(environment=HOSTILE_ENVIRONMENT)).render(0)
    (worker,) = children() - before
    variables = Path(f"/proc/{worker}/environ").read_text().split("\0")
    names = {variable.partition("=")[0] for variable in variables}
    assert "SYNTHETIC_FOCUS_PYTHON" in names
    assert names.isdisjoint(name for name, _ in HOSTILE_ENVIRONMENT)


def test_nothing_is_left_behind(open_effect: Open) -> None:
    def descriptors() -> list[str]:
        folder = Path("/proc/self/fd")
        names = [str(fd.readlink()) for fd in folder.iterdir() if fd.is_symlink()]
        return sorted(n for n in names if n.startswith(("socket:", "/memfd:")))

    before = descriptors(), children()
    instance = open_effect()
    instance.render(0)
    assert children() != before[1]
    instance.plugin.host.close()
    assert (descriptors(), children()) == before


CTRL_C = """
import sys
import numpy as np
from synthetic_focus import installed
from synthetic_focus.ofx_host import Host

picture = np.random.default_rng(0).random((1500, 2000, 4), dtype=np.float32)
with Host() as host:
    effect = host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle").create(
        clips={"Source": picture, "Depth": picture}
    )
    effect["depth_source"].set("Depth Input")
    effect["f_stop"].set(0.5)
    effect["focal_length"].set(300.0)
    effect["focus_mode"].set("Distance")
    print("rendering", flush=True)
    while True:
        effect.render(0)
"""


def test_ctrl_c_ends_a_render_and_leaves_no_process(open_effect: Open) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "rendering\n"
    threading.Event().wait(2.0)
    process.send_signal(signal.SIGINT)
    # The worker holds the other end of stderr: this returns when both are gone.
    _, complaint = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in complaint
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
