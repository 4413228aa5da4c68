"""Ray traces a scene with Mitsuba 3: deep (pinhole), shallow (thin lens), and its depth.

Rays start from points all over the pixel and all over the lens; that integral is what the renderer
imitates, so it is the only one left to chance (a low-discrepancy sequence, shifted at random for
each pixel). Light is exact: every point light with its shadow, and the sky's hemisphere.

Lamps are of a pixel's size and up to thousands of times brighter than the rest, so that a path
tracer that has to hit them by chance needs millions of samples for a clean disc. Here the traced
scene holds them as black discs, and their light is added from the lamp's side: points on the lamp
are joined with points on the lens, and what is not occluded is counted in the pixel where the thin
lens images it. Both give the same mean; this one's noise is a hundred times lower.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.gallery import Lamp, Scene
from synthetic_focus.evaluation.scenes.geometry import Floats, Mesh

_SAMPLES_A_PASS = 16
_LAMP_HITS_A_PIXEL = 3000


class RayTracerMissingError(SyntheticFocusError):
    """Mitsuba, or the LLVM library that it compiles with, is not installed."""


@dataclass(frozen=True)
class Halves:
    """A picture rendered twice with independent samples; (H, W, 3) scene-linear."""

    first: Floats
    second: Floats

    @property
    def mean(self) -> Floats:
        """The picture itself."""
        return np.asarray((self.first + self.second) / 2, np.float32)


def _find_llvm() -> Path:
    """The newest LLVM library (17 or newer) in the usual places."""
    roots = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
    roots += ["/opt/homebrew/opt/llvm/lib", "/usr/local/opt/llvm/lib"]
    roots += [str(p) for p in Path("/usr/lib").glob("llvm-*/lib")]
    found: dict[int, Path] = {}
    for root in roots:
        for path in Path(root).glob("libLLVM*"):
            match = re.fullmatch(r"libLLVM(?:-(\d+))?\.(?:so|dylib)(?:\.(\d+)[.\d]*)?", path.name)
            version = int(match[1] or match[2] or 0) if match else 0
            if version >= 17:
                found[version] = path
    if not found:
        raise RayTracerMissingError(
            "Mitsuba needs LLVM 17 or newer, and none is in the usual places. Debian/Ubuntu: "
            "sudo apt-get install libllvm19; elsewhere set DRJIT_LIBLLVM_PATH to libLLVM.so"
        )
    return found[max(found)]


def load_mitsuba() -> Any:
    """Mitsuba with its LLVM variant set. Raises RayTracerMissingError where either is missing."""
    if sys.platform != "win32" and "DRJIT_LIBLLVM_PATH" not in os.environ:
        os.environ["DRJIT_LIBLLVM_PATH"] = str(_find_llvm())
    try:
        import mitsuba
    except ImportError as error:
        raise RayTracerMissingError("Mitsuba is missing: pip install mitsuba") from error
    mitsuba.set_variant("llvm_ad_rgb")
    return mitsuba


def _shape(mi: Any, name: str, mesh: Mesh, texture: Floats | None) -> Any:
    """A Mitsuba mesh with a two-sided diffuse material."""
    reflectance: dict[str, Any] = {"type": "mesh_attribute", "name": "vertex_color"}
    if texture is not None:
        picture = np.ascontiguousarray(texture)
        reflectance = {"type": "bitmap", "bitmap": mi.Bitmap(picture), "raw": True}
    material = mi.load_dict(
        {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": reflectance}}
    )
    properties = mi.Properties()
    properties["mesh_bsdf"] = material
    shape = mi.Mesh(name, len(mesh.vertices), len(mesh.faces), properties, False, True)
    shape.add_attribute("vertex_color", 3, mesh.colour.ravel())
    parameters = mi.traverse(shape)
    parameters["vertex_positions"] = mesh.vertices.ravel()
    parameters["faces"] = mesh.faces.ravel()
    parameters["vertex_texcoords"] = mesh.uv.ravel()
    parameters.update()
    return shape


def _mitsuba_scene(mi: Any, scene: Scene) -> Any:
    parts: dict[str, Any] = {"type": "scene"}
    for index, surface in enumerate(scene.surfaces):
        parts[f"surface{index}"] = _shape(mi, f"surface{index}", surface.mesh, surface.texture)
    black = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.0}}
    for index, lamp in enumerate(scene.lamps):
        place = mi.ScalarTransform4f().translate(lamp.position).scale(lamp.radius)
        parts[f"lamp{index}"] = {"type": "disk", "to_world": place, "material": black}
    return mi.load_dict(parts)


def _sequence(mi: Any, index: Any, shifts: Sequence[Any]) -> list[Any]:
    """Roberts's four-dimensional low-discrepancy sequence in 0..1, shifted."""
    root = 1.1673039782614187  # solves x^5 = x + 1
    return [
        mi.Float(index * mi.UInt32(int(2**32 / root**power)) + shift) * 2.0**-32
        for power, shift in enumerate(shifts, start=1)
    ]


def _light(mi: Any, traced: Any, scene: Scene, ray: Any) -> Any:
    """The radiance (RGB) that comes back along rays."""
    import drjit as dr

    hit = traced.ray_intersect(ray)
    found = hit.is_valid()
    normal = hit.n * dr.select(dr.dot(hit.n, ray.d) > 0, -1.0, 1.0)
    # A sky over the upper half; what comes from below is half as bright
    arriving = mi.Color3f(scene.sky) * dr.pi * (0.75 + 0.25 * normal.y)
    for light in scene.lights:
        way = mi.Point3f(light.position) - hit.p
        cosine = dr.dot(normal, dr.normalize(way))
        lit = found & (cosine > 0)
        shadow = mi.Ray3f(hit.p + normal * 1e-4, way, 1 - 1e-4, 0.0, mi.Color0f())
        lit &= ~traced.ray_test(shadow, lit)
        strength = dr.select(lit, cosine / dr.squared_norm(way), 0.0)
        arriving += mi.Color3f(light.intensity) * strength
    reflectance = hit.bsdf(ray).eval_diffuse_reflectance(hit, found)
    return dr.select(found, reflectance * arriving * dr.inv_pi, mi.Color3f(scene.sky))


def _rays(mi: Any, scene: Scene, size: tuple[int, int], column: Any, row: Any, lens: Any) -> Any:
    """From points on the lens (metres) through what a place in the picture (pixels) focuses on."""
    slope = scene.camera.pixels_per_slope(size[0])
    focus = scene.camera.focus_distance
    origin = mi.Point3f(lens.x, lens.y, 0)
    target = mi.Point3f(
        (column - size[0] / 2) / slope * focus, (size[1] / 2 - row) / slope * focus, -focus
    )
    return mi.Ray3f(origin, mi.Vector3f(target - origin))


def _trace(
    mi: Any,
    traced: Any,
    scene: Scene,
    size: tuple[int, int],
    samples: int,
    seed: int,
    done: Callable[[int], None],
    *,
    shallow: bool,
) -> Floats:
    import drjit as dr

    width, height = size
    pixels, passes = width * height, max(1, samples // _SAMPLES_A_PASS)
    random = np.random.default_rng(seed).integers(2**32, size=(4, pixels), dtype=np.uint32)
    shifts = [mi.UInt32(row) for row in random]
    pupil = scene.camera.aperture_radius if shallow else 0.0
    total = np.zeros((3, pixels), np.float64)
    lane = dr.arange(mi.UInt32, pixels * _SAMPLES_A_PASS)
    pixel = lane // _SAMPLES_A_PASS
    for index in range(passes):
        sample = lane % _SAMPLES_A_PASS + dr.opaque(mi.UInt32, index * _SAMPLES_A_PASS)
        u, v, s, t = _sequence(mi, sample, [dr.gather(mi.UInt32, shift, pixel) for shift in shifts])
        lens = mi.warp.square_to_uniform_disk_concentric(mi.Point2f(s, t)) * pupil
        column, row = mi.Float(pixel % width) + u, mi.Float(pixel // width) + v
        radiance = _light(mi, traced, scene, _rays(mi, scene, size, column, row, lens))
        sums = [dr.block_sum(channel, _SAMPLES_A_PASS) for channel in radiance]
        dr.eval(sums)
        total += [np.array(channel) for channel in sums]
        done(_SAMPLES_A_PASS)
    mean = total / (passes * _SAMPLES_A_PASS)
    return mean.T.reshape(height, width, 3).astype(np.float32)


def _lamp_light(
    mi: Any,
    traced: Any,
    scene: Scene,
    lamps: Iterable[Lamp],
    size: tuple[int, int],
    seed: int,
    *,
    shallow: bool,
) -> Floats:
    """What the lamps add to every pixel, by connecting points on the lamp and on the lens."""
    import drjit as dr

    camera = scene.camera
    width, height = size
    slope = camera.pixels_per_slope(width)
    pupil = camera.aperture_radius if shallow else 0.0
    picture = np.zeros((height, width, 3), np.float32)
    shifts = np.random.default_rng(seed)
    for lamp in lamps:
        depth = -lamp.position[2]
        image_radius = lamp.radius * slope / depth
        blur = pupil * slope * abs(1 / camera.focus_distance - 1 / depth)
        count = int(min(6e7, max(4e5, pi * (blur + image_radius + 1) ** 2 * _LAMP_HITS_A_PIXEL)))
        index = dr.arange(mi.UInt32, count)
        # Opaque to the compiler, so that all lamps share one kernel
        x, y, z, radius = (dr.opaque(mi.Float, n) for n in (*lamp.position, lamp.radius))
        u, v, s, t = _sequence(
            mi, index, [dr.opaque(mi.UInt32, int(n)) for n in shifts.integers(2**32, size=4)]
        )
        lens = mi.warp.square_to_uniform_disk_concentric(mi.Point2f(u, v)) * pupil
        spot = mi.warp.square_to_uniform_disk_concentric(mi.Point2f(s, t)) * radius
        way = mi.Vector3f(x + spot.x - lens.x, y + spot.y - lens.y, z)
        origin = mi.Point3f(lens.x, lens.y, 0)
        seen = ~traced.ray_test(mi.Ray3f(origin, way, 1 - 1e-3, 0.0, mi.Color0f()))
        column = width / 2 + slope * (lens.x / camera.focus_distance - way.x / z)
        row = height / 2 - slope * (lens.y / camera.focus_distance - way.y / z)
        inside = seen & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        counts = dr.zeros(mi.Float, width * height)
        dr.scatter_reduce(
            dr.ReduceOp.Add,
            counts,
            mi.Float(1),
            mi.UInt32(row) * width + mi.UInt32(column),
            inside,
        )
        covered = np.array(counts).reshape(height, width, 1) * (pi * image_radius**2 / count)
        picture += covered.astype(np.float32) * np.asarray(lamp.radiance, np.float32)
    return picture


def _depth(mi: Any, traced: Any, scene: Scene, size: tuple[int, int]) -> Floats:
    """The depth (-z, metres) of what each pixel's centre shows; infinite where nothing is."""
    import drjit as dr

    width, height = size
    index = dr.arange(mi.UInt32, width * height)
    column, row = mi.Float(index % width) + 0.5, mi.Float(index // width) + 0.5
    hit = traced.ray_intersect(_rays(mi, scene, size, column, row, mi.Point2f(0, 0)))
    depth = dr.select(hit.is_valid(), -hit.p.z, dr.inf)
    return np.array(depth, np.float32).reshape(height, width)


def trace(
    scene: Scene, size: tuple[int, int], samples: int, done: Callable[[int], None]
) -> tuple[Halves, Halves, Floats]:
    """Renders `scene` at size (width, height): deep, shallow, depth in metres (H, W).

    samples: a pixel, for each of deep and shallow; `done` is told how many have been traced.
    Raises RayTracerMissingError where Mitsuba or LLVM is missing.
    """
    mi = load_mitsuba()
    traced = _mitsuba_scene(mi, scene)
    pictures = []
    for shallow in (False, True):
        halves = []
        for half in (1, 2):
            seed = 10 * half + int(shallow)
            halves.append(
                _lamp_light(mi, traced, scene, scene.lamps, size, seed, shallow=shallow)
                + _trace(mi, traced, scene, size, samples // 2, seed, done, shallow=shallow)
            )
        pictures.append(Halves(*halves))
    return pictures[0], pictures[1], _depth(mi, traced, scene, size)
