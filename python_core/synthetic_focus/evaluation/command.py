"""The command `synthetic-focus evaluate`."""

import subprocess
from pathlib import Path

import click

from synthetic_focus.errors import SyntheticFocusError


@click.group()
def evaluate() -> None:
    """Print the tables that say how good the effect is."""


def _commit() -> str | None:
    """The commit of the source tree that this package runs from, if it is one."""
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


@evaluate.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The scenes' folder; default: the user's cache.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write scores.json, the worst places and the plot into this folder.",
)
@click.option("--scene", "names", multiple=True, help="Only this scene; may be given again.")
@click.option(
    "--degraded/--true-depth", default=False, help="Repeat with degraded depth, or not (default)."
)
def lens(data: Path | None, report: Path | None, names: tuple[str, ...], degraded: bool) -> None:
    """Compare the renderer with published methods, against ray-traced scenes.

    `python -m synthetic_focus.evaluation.scenes.make` makes the scenes.
    """
    try:
        from synthetic_focus.evaluation import lens as study
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'synthetic-focus[dev]'"
        ) from error
    from synthetic_focus.evaluation.truth import default_folder, load_all

    try:
        scenes = load_all(data or default_folder(), names)
    except SyntheticFocusError as error:
        raise click.ClickException(str(error)) from error
    depths = list(study.DEGRADATIONS) if degraded else list(study.DEGRADATIONS)[:1]
    scores = study.evaluate(scenes, depths, report)
    click.echo(study.table(scores, scenes, depths[0]))
    if degraded:
        click.echo(study.degradation_table(scores, depths))
    if report is not None:
        study.write_json(report / "scores.json", scores, scenes, _commit())
        study.write_thumbnails(scenes, report / "scenes.jpg")
        if degraded:
            study.write_plot(report / "degraded.svg", scores, depths)
        click.echo(f"written: {report}/scores.json, pictures beside it")


@evaluate.command()
def focus() -> None:
    """Compare followed focus with simpler ways, on shots whose subjects' depths are known."""
    from tqdm import tqdm

    from synthetic_focus.evaluation import focus as study
    from synthetic_focus.evaluation.focus_shots import SHOTS

    total = len(SHOTS) * len(study.METHODS)
    click.echo(study.table(list(tqdm(study.scores(), total=total, delay=2, leave=False))))


@evaluate.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of generated samples, whose held-out ones are measured; else photographs only.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write scores.json and pictures of disparity (sheet.jpg) into this folder.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Measure these weights (safetensors) instead of the shipped ones.",
)
@click.option(
    "--movie",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --report: show frames of this movie too.",
)
def scene(data: Path | None, report: Path | None, weights: Path | None, movie: Path | None) -> None:
    """Compare estimated depth and light with known ones, and with simple guesses.

    `python -m synthetic_focus.training.generate` makes the samples.
    """
    import cv2
    from tqdm import tqdm

    from synthetic_focus.evaluation import scene as study
    from synthetic_focus.scene.estimator import WEIGHTS, EmbeddedEstimator

    estimator = EmbeddedEstimator(weights or WEIGHTS)
    frames = [*(study.held_out(data) if data else ()), study.motorcycle()]
    scores = [study.score(frame, estimator) for frame in tqdm(frames, delay=2, leave=False)]
    click.echo(study.table(scores))
    if report is not None:
        study.write_json(report / "scores.json", scores, estimator.identity, _commit())
        shown = study.photographs()
        if movie is not None:
            shown |= study.movie_frames(movie, (0, 60, 120, 190))
        sheet = study.sheet(shown, estimator)
        cv2.imwrite(str(report / "sheet.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])
        click.echo(f"written: {report}/scores.json, sheet.jpg beside it")


@evaluate.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The shots' folder; default: the user's cache.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write scores.json, a plot over time and pictures of every shot into this folder.",
)
@click.option("--shot", "names", multiple=True, help="Only this shot; may be given again.")
@click.option(
    "--degraded/--estimated",
    default=False,
    help="Take the truth with a network's faults, or the built-in estimator (default).",
)
def temporal(
    data: Path | None, report: Path | None, names: tuple[str, ...], degraded: bool
) -> None:
    """Measure how steady depth, light and blur are over time, on shots of which the truth is known.

    `python -m synthetic_focus.evaluation.moving_shots` makes the shots.
    """
    from tqdm import tqdm

    try:
        from synthetic_focus.evaluation import moving_shots
        from synthetic_focus.evaluation import temporal as study
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'synthetic-focus[dev]'"
        ) from error
    from synthetic_focus.scene.providers import provider

    folder = data or moving_shots.default_folder()
    try:
        shots = [moving_shots.load(folder / name) for name in names or moving_shots.SHOTS]
        network = None if degraded else provider()
        results = [
            study.evaluate(shot, network or study.Degraded(shot))
            for shot in tqdm(shots, unit="shot", delay=2, leave=False)
        ]
    except SyntheticFocusError as error:
        raise click.ClickException(str(error)) from error
    click.echo(study.table(results))
    if report is not None:
        identity = study.Degraded.identity if network is None else network.identity
        study.write_json(report / "scores.json", results, identity, _commit())
        study.write_plot(report / "over-time.svg", results)
        for result in results:
            study.write_sheet(report / f"{result.shot}.jpg", result)
        click.echo(f"written: {report}/scores.json, over-time.svg, pictures beside them")
