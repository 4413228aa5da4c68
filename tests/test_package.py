"""What `pip install .` installs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A build folder of its own would compile everything anew.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=170)
    (found,) = folder.glob("synthetic_focus-*.whl")
    return found


def test_the_wheel_carries_the_plug_in_the_presets_and_the_table_and_no_sources(
    wheel: Path,
) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    binary = [name for name in names if name.endswith("/SyntheticFocus.ofx")]
    assert len(binary) == 1
    assert "synthetic_focus/SyntheticFocus.ofx.bundle/Contents/Linux-" in binary[0]
    presets = {Path(name).name for name in names if name.startswith("synthetic_focus/presets/")}
    assert presets == {path.name for path in (ROOT / "presets").glob("*.toml")}
    catalogue = {Path(name).name for name in names if "/scene/catalogue/" in name}
    written = ROOT / "python_core" / "synthetic_focus" / "scene" / "catalogue"
    assert catalogue == {path.name for path in written.glob("*.toml")}
    assert {"synthetic_focus/parameters.toml", "synthetic_focus/py.typed"} <= set(names)
    assert any(name.startswith("synthetic_focus/_native.") for name in names)
    trained = {"scene/rgbd_hdr.safetensors", "training/recipes/default.toml"}
    assert {f"synthetic_focus/{name}" for name in trained} <= set(names)
    assert not [name for name in names if name.endswith((".cpp", ".h", "CMakeLists.txt"))]


def test_the_wheel_works_where_nothing_of_the_checkout_is(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np, synthetic_focus as sf\n"
        "from synthetic_focus import installed\n"
        "assert str(installed.DIRECTORY).startswith(sys.argv[1]), installed.DIRECTORY\n"
        "assert sf.load_preset('arri-master-anamorphic-50').settings['squeeze'] == 2.0\n"
        "image = np.ones((8, 8, 3), np.float32)\n"
        "assert np.allclose(sf.defocus(image, np.full((8, 8), 3, np.float32)), 1)\n"
        "from synthetic_focus.ofx_host import Host\n"
        "with Host() as host:\n"
        "    host.load_one(installed.DIRECTORY / 'SyntheticFocus.ofx.bundle')\n"
    )
    # Without the .pth file that makes the checkout importable.
    paths = [path for path in sys.path if path.endswith("site-packages")]
    clean = (
        "import sys\n"
        "sys.meta_path = [f for f in sys.meta_path if 'Scikit' not in type(f).__name__]\n"
        f"sys.path += {paths!r}\n"
    )
    subprocess.run(
        [sys.executable, "-I", "-c", clean + code, str(tmp_path / "site")],
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        timeout=60,
    )


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, synthetic_focus\n"
        "heavy = {'torch', 'cv2', 'av', 'OpenImageIO', 'pydantic', 'scipy', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_frame_of_the_worker_imports_nothing_heavy() -> None:
    code = (
        "import sys, synthetic_focus.worker.server\n"
        "heavy = {'torch', 'cv2', 'av', 'OpenImageIO', 'pydantic', 'scipy', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
