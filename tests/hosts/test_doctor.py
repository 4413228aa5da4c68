"""The doctor says what is wrong with a bundle, and survives it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from synthetic_focus.ofx_host.bundle import architecture
from synthetic_focus.ofx_host.doctor import doctor_render, explain_load_error

SYMPTOMS = {
    "crash": ("int OfxGetNumberOfPlugins() { __builtin_trap(); }", "crashed (SIG"),
    "hang": ("int OfxGetNumberOfPlugins() { for (volatile int i = 0;; i++); }", "not come back"),
    "exit": ("void _exit(int); int OfxGetNumberOfPlugins() { _exit(7); }", "with status 7"),
    "symbol": ("int nowhere(); int OfxGetNumberOfPlugins() { return nowhere(); }", "needs nowhere"),
    "foreign": ("int something() { return 1; }", "does not export OfxGetNumberOfPlugins"),
    "empty": ("int OfxGetNumberOfPlugins() { return 0; }", "holds no image effect"),
}  # fmt: skip


def compiled(folder: Path, source: str) -> Path:
    (folder / "plugin.c").write_text(source + "\nvoid* OfxGetPlugin(int i) { (void)i; return 0; }")
    binary = folder / "plugin.ofx"
    command = ["cc", "-shared", "-fPIC", "-O1", folder / "plugin.c", "-o", binary]
    subprocess.run(command, check=True)
    return binary


def test_a_working_binary_passes_every_step(probe_binary):
    report = doctor_render(probe_binary)
    assert report.ok, str(report)
    assert [step.name for step in report.steps] == ["find", "load", "describe", "create", "render"]
    assert "64x36 float32" in str(report)


def test_a_binary_is_found_in_its_bundle(probe_binary, tmp_path):
    bundle = tmp_path / "Probe.ofx.bundle"
    folder = bundle / "Contents" / architecture()
    folder.mkdir(parents=True)
    shutil.copy(probe_binary, folder / "Probe.ofx")
    assert doctor_render(bundle).ok


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_a_broken_binary_is_reported_with_its_symptom(tmp_path, symptom):
    source, said = SYMPTOMS[symptom]
    report = doctor_render(compiled(tmp_path, source), timeout=5 if symptom == "hang" else 60)
    assert not report.ok
    assert [step.ok for step in report.steps] == [True, False]
    assert report.steps[-1].name == "load"
    assert said in report.steps[-1].detail


@pytest.mark.parametrize("path", ["missing.ofx", "Missing.ofx.bundle"])
def test_a_missing_file_is_reported(tmp_path, path):
    report = doctor_render(tmp_path / path)
    assert not report.ok
    assert "does not exist" in report.steps[0].detail


def test_a_damaged_file_is_reported(tmp_path):
    (tmp_path / "damaged.ofx").write_bytes(b"\x7fELF" + bytes(100))
    report = doctor_render(tmp_path / "damaged.ofx")
    assert not report.ok
    assert "damaged" in report.steps[-1].detail


def test_an_old_c_library_is_named():
    text = "/lib/libc.so.6: version `GLIBC_2.99' not found (required by x.ofx)"
    assert "newer C library than this system's: GLIBC_2.99" in explain_load_error(text)
