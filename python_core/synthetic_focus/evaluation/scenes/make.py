"""Renders the evaluation's scenes: python -m synthetic_focus.evaluation.scenes.make --help."""

from pathlib import Path

import click
from tqdm import tqdm

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.metrics import noise_floor
from synthetic_focus.evaluation.scenes import blender_tracer, mitsuba_tracer
from synthetic_focus.evaluation.scenes.gallery import SCENES
from synthetic_focus.evaluation.truth import Truth, default_folder, load, save


def make(name: str, folder: Path, width: int, samples: int) -> Truth:
    """Renders one scene at width x width * 9 / 16 and saves it."""
    scene = SCENES[name]()
    # Mitsuba's lens is round
    round_lens = scene.camera.blades == 0 and scene.camera.squeeze == 1
    tracer = mitsuba_tracer if round_lens else blender_tracer
    with tqdm(total=2 * samples, desc=name, unit="sample") as progress:
        deep, shallow, depth = tracer.trace(
            scene, (width, width * 9 // 16), samples, progress.update
        )
    truth = Truth(
        name,
        scene.about,
        scene.camera,
        deep.mean,
        shallow.mean,
        depth,
        "Mitsuba" if round_lens else "Blender Cycles",
        samples,
        {
            "deep": noise_floor(deep.first, deep.second),
            "shallow": noise_floor(shallow.first, shallow.second),
        },
    )
    save(truth, folder)
    return truth


def _made(place: Path, width: int, samples: int) -> bool:
    if not (place / "scene.json").exists():
        return False
    there = load(place)
    return there.samples >= samples and there.deep.shape[1] == width


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SCENES)))
@click.option("--to", "folder", type=click.Path(path_type=Path), default=default_folder)
@click.option("--samples", default=512, show_default=True, help="A pixel, for each picture.")
@click.option("--width", default=960, show_default=True, help="The height is 9/16 of it.")
def main(names: tuple[str, ...], folder: Path, samples: int, width: int) -> None:
    """Ray traces the scenes (all, or NAMES) deep, shallow and with depth into a folder.

    Scenes that are there with at least as many samples are kept.
    """
    for name in names or SCENES:
        if _made(folder / name, width, samples):
            click.echo(f"{name}: already there")
            continue
        try:
            truth = make(name, folder, width, samples)
        except SyntheticFocusError as error:
            raise click.ClickException(str(error)) from error
        floors = ", ".join(f"{which} {value:.1f} dB" for which, value in truth.noise_db.items())
        click.echo(f"{name}: {samples} samples a pixel; noise floor: {floors}")


if __name__ == "__main__":
    main()
