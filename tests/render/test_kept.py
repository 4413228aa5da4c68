"""What is kept of one picture for the next changes none."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from synthetic_focus import Aperture, defocus

_RENDER = """
import hashlib, sys
import numpy as np
from synthetic_focus import Aperture, defocus

rng = np.random.default_rng(0)
image = rng.random((90, 160, 3), dtype=np.float32)
steps = np.sort(rng.random((90, 160), dtype=np.float32), axis=1) * 2 - 1
noise = rng.random((90, 160), dtype=np.float32) * 2 - 1
swirled = Aperture(swirl=0.6, cat_eye=0.5, rim=0.7, chromatic=0.04)
bladed = Aperture(blades=5, curvature=0.2)
jobs = {
    "small": (steps * 6, swirled),
    "large": (steps * 20, swirled),
    "between": (steps * 13, swirled),
    "nearly as large": (steps * np.float32(19.7), swirled),
    "too many patches": (noise * 79, swirled),
    "as large": (steps * 79, swirled),
    "blades": (steps * 20, bladed),
    "disc": (steps * 20, Aperture()),
    "cropped": (steps[:, :100] * 20, swirled),
}
for name in sys.argv[1:]:
    coc, shape = jobs[name]
    out = defocus(image[:, : coc.shape[1]], coc.astype(np.float32), aperture=shape)
    print(name, hashlib.sha256(out.tobytes()).hexdigest(), sep=": ")
"""


def _rendered(*names: str) -> dict[str, str]:
    command = [sys.executable, "-c", _RENDER, *names]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(line.split(": ") for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    "names",
    [
        ("small", "large", "between", "nearly as large"),
        ("too many patches", "as large"),
        ("large", "cropped", "blades", "disc", "between", "large"),
    ],
    ids=["more radii", "too many patches", "other lenses"],
)
def test_a_picture_does_not_depend_on_those_before(names: tuple[str, ...]) -> None:
    backwards = _rendered(*reversed(names))
    assert _rendered(*names) == backwards
    assert _rendered(names[-1]) == {names[-1]: backwards[names[-1]]}


def test_pictures_rendered_at_once_are_those_rendered_in_turn() -> None:
    rng = np.random.default_rng(1)
    image = rng.random((60, 100, 3), dtype=np.float32)
    coc = np.sort(rng.random((60, 100), dtype=np.float32), axis=1) * 16 - 8
    shape = Aperture(swirl=0.6, cat_eye=0.5, rim=0.7, chromatic=0.04)
    scales = [np.float32(0.5 + 0.05 * i) for i in range(12)]

    def render(scale: np.float32) -> np.ndarray:
        return defocus(image, coc * scale, aperture=shape, threads=1)

    in_turn = [render(scale) for scale in scales]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(render, scales))
    for one, other in zip(in_turn, at_once, strict=True):
        np.testing.assert_array_equal(one, other)
