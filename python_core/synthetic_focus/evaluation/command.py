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
