"""Path-traced scenes on disk: a folder a scene, with deep.exr, shallow.exr, depth.exr, scene.json.

deep and shallow are scene-linear Rec.709; depth is in metres along the optical axis, of what the
pixel's centre shows, infinite where nothing is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import platformdirs

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.gallery import Camera
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.lens.model import coc_map


class TruthMissingError(SyntheticFocusError):
    """The path-traced scenes, or a part of one, are not there or cannot be read."""


@dataclass(frozen=True)
class Truth:
    """One scene: what goes in (deep, depth, camera) and what should come out (shallow).

    deep, shallow: (H, W, 3) float32. depth: (H, W) float32. noise_db: the PSNR that the sampling
    noise of deep and shallow alone would allow, in display space.
    """

    name: str
    about: str
    camera: Camera
    deep: Floats
    shallow: Floats
    depth: Floats
    tracer: str
    samples: int
    noise_db: dict[str, float]

    @property
    def disparity(self) -> Floats:
        """The true disparity (H, W) in dioptres."""
        return np.asarray(1 / self.depth, np.float32)

    @property
    def aperture(self) -> Aperture:
        """The lens's opening."""
        lens = self.camera
        return Aperture(
            blades=lens.blades,
            curvature=0.0 if lens.blades else 1.0,
            rotation_deg=lens.rotation_deg,
            squeeze=lens.squeeze,
        )

    def coc(self, disparity: Floats) -> Floats:
        """The signed blur radius (H, W) in pixels, positive behind the focus, of a disparity."""
        camera = self.camera
        return coc_map(
            disparity,
            1 / camera.focus_distance,
            focal_length_mm=camera.focal_length_mm,
            f_stop=camera.f_stop,
            sensor_width_mm=camera.sensor_width_mm,
            width_px=self.deep.shape[1],
        )


def default_folder() -> Path:
    """Where the scenes are kept: the user's cache."""
    return Path(platformdirs.user_cache_dir("synthetic-focus")) / "truth"


def read_exr(path: Path) -> Floats:
    """An image (H, W, C) float32, or (H, W) when it has one channel."""
    picture = oiio.ImageBuf(str(path))
    if not picture.initialized or picture.has_error:
        raise TruthMissingError(f"{path} cannot be read: {picture.geterror()}")
    pixels = np.asarray(picture.get_pixels(oiio.FLOAT), np.float32)
    if picture.has_error:  # a header that is whole, and pixels that are not
        raise TruthMissingError(f"{path} is damaged: {picture.geterror()}")
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def write_exr(path: Path, pixels: Floats, kind: str = "half") -> None:
    """Writes (H, W, 3) or (H, W) as an EXR of that pixel type, under a temporary name first."""
    channels = ["R", "G", "B"] if pixels.ndim == 3 else ["Z"]
    height, width = pixels.shape[:2]
    spec = oiio.ImageSpec(width, height, len(channels), kind)
    spec.channelnames = channels
    spec["compression"] = "zip"
    partial = path.with_name(f".{path.stem}.partial.exr")
    buffer = oiio.ImageBuf(spec)
    buffer.set_pixels(oiio.ROI(), np.ascontiguousarray(pixels.reshape(height, width, -1)))
    if not buffer.write(str(partial)):
        raise OSError(f"{path} cannot be written: {buffer.geterror()}")
    partial.replace(path)


def save(truth: Truth, folder: Path) -> None:
    """Writes the scene into `folder`/name; scene.json last, so that a scene with it is whole."""
    place = folder / truth.name
    place.mkdir(parents=True, exist_ok=True)
    write_exr(place / "deep.exr", truth.deep)
    write_exr(place / "shallow.exr", truth.shallow)
    write_exr(place / "depth.exr", truth.depth, "float")
    facts = {
        "about": truth.about,
        "tracer": truth.tracer,
        "samples": truth.samples,
        "noise_db": truth.noise_db,
        "camera": asdict(truth.camera),
    }
    partial = place / ".scene.json.partial"
    partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    partial.replace(place / "scene.json")


def load(place: Path) -> Truth:
    """Reads one scene's folder. Raises TruthMissingError."""
    try:
        facts = json.loads((place / "scene.json").read_text(encoding="utf-8"))
        camera = Camera(**facts["camera"])
        about, tracer, samples = facts["about"], facts["tracer"], facts["samples"]
        noise_db = {name: float(value) for name, value in facts["noise_db"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TruthMissingError(f"{place}/scene.json is missing or not valid: {error}") from error
    deep, shallow, depth = (
        read_exr(place / f"{name}.exr") for name in ("deep", "shallow", "depth")
    )
    if deep.shape != shallow.shape or deep.shape[:2] != depth.shape:
        raise TruthMissingError(f"{place}: deep, shallow and depth differ in size")
    return Truth(place.name, about, camera, deep, shallow, depth, tracer, int(samples), noise_db)


def load_all(folder: Path, names: Sequence[str] = ()) -> list[Truth]:
    """The named scenes of a folder, or all, by name. Raises TruthMissingError where none is."""
    places = [folder / n for n in names] or sorted(p.parent for p in folder.glob("*/scene.json"))
    if not places:
        raise TruthMissingError(
            f"no path-traced scenes in {folder}; make them (an hour or so on two cores) with: "
            f"python -m synthetic_focus.evaluation.scenes.make --to {folder}"
        )
    return [load(place) for place in places]


def cut(truth: Truth, top: int, left: int, height: int, width: int) -> Truth:
    """A part of a scene, through the same lens: the sensor shrinks with the picture."""
    rows, columns = slice(top, top + height), slice(left, left + width)
    sensor = truth.camera.sensor_width_mm * width / truth.deep.shape[1]
    return replace(
        truth,
        camera=replace(truth.camera, sensor_width_mm=sensor),
        deep=truth.deep[rows, columns],
        shallow=truth.shallow[rows, columns],
        depth=truth.depth[rows, columns],
    )
