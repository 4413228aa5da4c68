"""install-plugin: the bundle goes where hosts look, and knows the Python to start."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import installed
from synthetic_focus.install_plugin import BUNDLE, InstallError, install_plugin
from synthetic_focus.ofx_host import Host


def test_the_installed_bundle_is_the_built_one_and_names_this_python(tmp_path: Path) -> None:
    bundle = install_plugin(tmp_path / "OFX" / "Plugins")
    assert bundle == tmp_path / "OFX" / "Plugins" / BUNDLE
    assert (bundle / "Contents/Resources/python").read_text() == f"{sys.executable}\n"
    built = installed.DIRECTORY / BUNDLE
    for file in built.rglob("*"):
        if file.is_file():
            assert (bundle / file.relative_to(built)).read_bytes() == file.read_bytes()
    assert list(bundle.parent.iterdir()) == [bundle]


def test_installing_again_replaces_what_was_there(tmp_path: Path) -> None:
    bundle = install_plugin(tmp_path)
    (bundle / "Contents" / "left-over").write_text("of an earlier version")
    (bundle / "Contents/Resources/python").write_text("/gone/python\n")
    install_plugin(tmp_path)
    assert not (bundle / "Contents" / "left-over").exists()
    assert (bundle / "Contents/Resources/python").read_text() == f"{sys.executable}\n"
    assert list(tmp_path.iterdir()) == [bundle]


def test_an_installed_plugin_starts_the_recorded_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNTHETIC_FOCUS_PYTHON", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    bundle = install_plugin(tmp_path)
    picture = np.ones((8, 8, 4), np.float32)
    with Host() as host:
        effect = host.load_one(bundle).create(
            "General", clips={"Source": picture, "Depth": picture * 0.5}
        )
        effect["depth_source"].set("Depth Input")
        assert np.allclose(effect.render(0).pixels, picture, atol=1e-5)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InstallError, match=r"file/Plugins: Not a directory"):
        install_plugin(tmp_path / "file" / "Plugins")


def test_a_folder_that_may_not_be_written_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "copytree", refuse)
    with pytest.raises(InstallError, match=r"Permission denied\. Run \"sudo .*--to DIR"):
        install_plugin(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_bundle_is_not_found_in_an_installation_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "DIRECTORY", tmp_path)
    with pytest.raises(InstallError, match="without the plug-in"):
        install_plugin(tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_importing_the_installer_loads_no_heavy_library() -> None:
    code = "import sys, synthetic_focus.install_plugin; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
