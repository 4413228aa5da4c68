"""How much memory a large frame takes."""

import subprocess
import sys

import pytest

_RENDER = """
from pathlib import Path
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
# Not ru_maxrss, which begins with what the process that started this one holds.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_4k_frame_with_alpha_fits_into_two_and_a_half_gigabytes():
    done = subprocess.run([sys.executable, "-c", _RENDER], capture_output=True, check=True)
    assert int(done.stdout) < 2.5e9
