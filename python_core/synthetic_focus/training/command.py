"""The command `synthetic-focus train`."""

from __future__ import annotations

import math
from pathlib import Path

import click


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The samples' folder; `python -m synthetic_focus.training.generate` makes one.",
)
@click.option(
    "--photographs",
    "photographed",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folders of photographed pairs and triplets (deep.jpg, shallow.jpg, adjusted.jpg), too.",
)
@click.option(
    "--out",
    "folder",
    metavar="RUN_DIR",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The run: recipe, checkpoint, weights, log and plot of the losses.",
)
@click.option(
    "--recipe",
    metavar="NAME",
    default="default",
    show_default=True,
    help="default (for two cores), card (for a graphics card), smoke, or a TOML file.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in RUN_DIR.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=math.inf,
    help="Stop after so long, with a checkpoint.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Begin with these weights (safetensors) instead of random ones.",
)
def train(
    data: Path,
    photographed: Path | None,
    folder: Path,
    recipe: str,
    resume: bool,
    seed: int,
    minutes: float,
    weights: Path | None,
) -> None:
    """Train the estimator of disparity and light."""
    from tqdm import tqdm

    from synthetic_focus.scene.rgbd_hdr import read_weights
    from synthetic_focus.training import recipe as recipes
    from synthetic_focus.training import train as training
    from synthetic_focus.training.batches import read_folder, read_photographs

    chosen = recipes.load(recipe)
    samples = read_folder(data)
    photographs = [] if photographed is None else read_photographs(photographed)
    also = f" and {len(photographs)} of photographs" if photographs else ""
    click.echo(f"{len(samples)} samples{also}, {chosen.steps} steps")
    initial = None if weights is None else read_weights(weights.read_bytes(), str(weights))
    with tqdm(total=chosen.steps, unit="step", mininterval=2) as bar:

        def show(step: int, means: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(
                {
                    name: f"{means[name]:.3f}"
                    for name in (*training.LOSSES, *training.PHOTOGRAPHED)
                    if name in means
                }
            )

        training.train(
            chosen,
            samples,
            folder,
            photographs=photographs,
            seed=seed,
            resume=resume,
            initial=initial,
            minutes=minutes,
            progress=show,
        )
    click.echo(f"written: {folder}/weights.safetensors, losses.png beside it")
