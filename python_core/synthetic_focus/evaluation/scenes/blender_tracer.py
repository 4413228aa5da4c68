"""Renders a scene with Blender's Cycles, in an interpreter that has `bpy`: bladed and oval lenses.

`bpy` wants a Python and a NumPy of its own, so it lives in another environment; the option
``--blender-python`` or the variable SYNTHETIC_FOCUS_BLENDER_PYTHON says which.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.gallery import Scene
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.scenes.mitsuba_tracer import Halves
from synthetic_focus.evaluation.truth import read_exr

VARIABLE = "SYNTHETIC_FOCUS_BLENDER_PYTHON"


class BlenderError(SyntheticFocusError):
    """Blender as a Python module is not there, or it failed."""


def find_blender_python() -> Path | None:
    """The interpreter that can import `bpy`, or None."""
    python = Path(os.environ.get(VARIABLE, sys.executable))
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('bpy') is None)"
    try:
        found = subprocess.run([python, "-c", probe], check=False).returncode == 0
    except OSError:
        found = False
    return python if found else None


def _write_scene(scene: Scene, path: Path) -> None:
    arrays: dict[str, Any] = {}
    for index, surface in enumerate(scene.surfaces):
        for name, values in vars(surface.mesh).items():
            arrays[f"{name}{index}"] = values
        if surface.texture is not None:
            arrays[f"texture{index}"] = surface.texture
    camera = asdict(scene.camera) | {
        "image_distance_mm": scene.camera.image_distance_mm,
        "aperture_radius": scene.camera.aperture_radius,
    }
    facts = {
        "surfaces": len(scene.surfaces),
        "lamps": [asdict(lamp) for lamp in scene.lamps],
        "lights": [asdict(light) for light in scene.lights],
        "sky": scene.sky,
        "camera": camera,
    }
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)


def trace(
    scene: Scene, size: tuple[int, int], samples: int, done: Callable[[int], None]
) -> tuple[Halves, Halves, Floats]:
    """Renders `scene` at size (width, height): deep, shallow, depth in metres (H, W).

    samples: a pixel, for each of deep and shallow; `done` is told how many have been traced.
    Raises BlenderError where `bpy` is missing or fails.
    """
    python = find_blender_python()
    if python is None:
        raise BlenderError(
            "Blender's Python module is missing: python3.11 -m venv FOLDER, FOLDER/bin/pip install "
            f"bpy==5.0.1, and set {VARIABLE} to FOLDER/bin/python"
        )
    script = Path(__file__).with_name("scene_bpy.py")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write_scene(scene, folder / "scene.npz")
        command = [*map(str, (python, script, folder / "scene.npz", folder, *size, samples))]
        log = folder / "log"
        with (
            log.open("w") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as child,
        ):
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith(("deep", "shallow")):
                    done(int(line.split()[1]))
        if child.returncode:
            raise BlenderError(f"Blender failed on {scene.name}: {log.read_text()[-2000:]}")
        deep, shallow = (
            Halves(read_exr(folder / f"{name}1.exr"), read_exr(folder / f"{name}2.exr"))
            for name in ("deep", "shallow")
        )
        depth = read_exr(folder / "depth.exr")[..., 0]
    return deep, shallow, np.where(depth > 0, depth, np.inf).astype(np.float32)
