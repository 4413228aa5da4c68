"""How much memory pictures take."""

import subprocess
import sys

import pytest

_PEAK = """
# Not ru_maxrss, which begins with what the process that started this one holds.
from pathlib import Path
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""

_LARGE_WITH_ALPHA = """
import numpy as np
from synthetic_focus import defocus

rng = np.random.default_rng(0)
image = rng.random((2160, 3840, 4), np.float32)
# Boxes before a slope: depth edges all over the frame.
coc = np.linspace(-8, 32, 3840, dtype=np.float32)[None].repeat(2160, 0)
for _ in range(300):
    top, left = rng.integers(0, 2000), rng.integers(0, 3600)
    coc[top : top + 120, left : left + 160] = rng.uniform(-32, 0)
defocus(image, coc)
"""

_FOCUS_PULL = """
import numpy as np
from synthetic_focus import Aperture, defocus

rng = np.random.default_rng(0)
image = rng.random((1080, 1920, 3), np.float32)
# Thousands of patches at each place of the frame, of three colours.
lens = Aperture(swirl=0.6, cat_eye=0.5, rim=0.7, chromatic=0.04)
coc = np.linspace(-28, 28, 1920, dtype=np.float32)[None].repeat(1080, 0)
coc += rng.uniform(-4, 4, coc.shape).astype(np.float32)
for scale in (0.8, 0.9, 1.0):
    defocus(image, coc * np.float32(scale), aperture=lens)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("script", "most"),
    [(_LARGE_WITH_ALPHA, 2.5e9), (_FOCUS_PULL, 1.7e9)],
    ids=["3840x2160 with alpha", "1920x1080 through a lens that varies over the frame"],
)
def test_pictures_fit_into_memory(script: str, most: float) -> None:
    command = [sys.executable, "-c", script + _PEAK]
    done = subprocess.run(command, capture_output=True, check=True)
    assert int(done.stdout) < most
