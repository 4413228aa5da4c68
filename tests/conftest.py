"""What all tests share: none sees the user's cache, and any may estimate with a fake."""

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.scene import providers


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Programs that tests start can be interrupted, though a job in the background cannot.

    What a process ignores, those that it starts ignore as well: SIGINT a shell's job in the
    background, SIGHUP what nohup starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures that several tests share leave behind lies here."""
    before = os.environ.get("SYNTHETIC_FOCUS_CACHE")
    os.environ["SYNTHETIC_FOCUS_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SYNTHETIC_FOCUS_CACHE"]
    else:
        os.environ["SYNTHETIC_FOCUS_CACHE"] = before


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's shots are cached, by this process and those that it starts."""
    folder = tmp_path_factory.mktemp("cache") / "shots"
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(folder))
    return folder


@pytest.fixture
def fake_provider(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What estimates in a test, whatever model is named."""
    path = Path(__file__).with_name("fake_provider.py")
    spec = importlib.util.spec_from_file_location("fake_provider", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    provider = module.FakeProvider()
    monkeypatch.setattr(providers, "provider", lambda model="built-in": provider)
    return provider


@pytest.fixture
def save_picture() -> Callable[..., Path]:
    """A function (path, pixels, kind) that writes an image."""

    def save(path: Path, pixels: np.ndarray, kind: str = "uint8") -> Path:
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
        output = oiio.ImageOutput.create(str(path))
        assert output.open(str(path), spec)
        assert output.write_image(np.ascontiguousarray(pixels))
        assert output.close()
        return path

    return save


@pytest.fixture
def moving_picture() -> Callable[..., np.ndarray]:
    """A function (number, width, height) -> (H, W, 3) uint8 frame of a shot.

    A box moves over a structured background, two pixels a frame, under a lamp that is clipped.
    """

    def picture(number: int, width: int = 96, height: int = 54) -> np.ndarray:
        coarse = np.random.default_rng(99).integers(30, 120, (height // 6, width // 6, 3), np.uint8)
        pixels = np.kron(coarse, np.ones((6, 6, 1), np.uint8))
        left = 10 + 2 * number
        pixels[height // 3 : 2 * height // 3, left : left + width // 4] += 90
        pixels[4:10, 3 * width // 4 : 3 * width // 4 + 10] = 255
        return pixels

    return picture
