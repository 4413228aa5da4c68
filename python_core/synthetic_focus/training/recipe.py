"""Recipes: what a training run does, as TOML."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from synthetic_focus.errors import SyntheticFocusError

RECIPES = Path(__file__).parent / "recipes"


class RecipeError(SyntheticFocusError):
    """A recipe that is not there or says nothing that can be done."""


@dataclass(frozen=True)
class Weights:
    """What each loss counts (see `losses`); 0 leaves it out.

    smoothness is w1 of the paper's equation 6, and counts within the rendering losses' weight.
    """

    invariant: float = 1.0
    gradient: float = 0.5
    relative: float = 0.0
    calibration: float = 0.5
    light: float = 0.1
    rendering: float = 0.0
    smoothness: float = 10.0


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        name: for the log.
        steps: how many.
        batch: pictures a step.
        frames: (width, height) of pictures, one of them a step.
        learning_rate: at the beginning and the end; a half cosine between.
        merging, standing: see `batches.Batches`.
        rendering_every: a step of so many has the rendering losses, if they have a weight.
        weights: of the losses.
    """

    name: str
    steps: int
    batch: int
    frames: tuple[tuple[int, int], ...]
    learning_rate: tuple[float, float]
    merging: float
    standing: float
    rendering_every: int
    weights: Weights

    def rate(self, step: int) -> float:
        """The learning rate at a step of this stage."""
        begin, end = self.learning_rate
        return end + (begin - end) * (1 + math.cos(math.pi * step / self.steps)) / 2

    def renders(self, step: int) -> bool:
        """Whether a step of this stage has the rendering losses."""
        return bool(self.weights.rendering) and step % self.rendering_every == 0


@dataclass(frozen=True)
class Recipe:
    """A network and the stages that train it.

    widths, blocks, bins: of `rgbd_hdr.Architecture`. warm_up: steps from a learning rate of 0.
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    bins: int
    weight_decay: float
    warm_up: int
    averaging: float
    stages: tuple[Stage, ...]

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stages)

    def facts(self) -> dict[str, Any]:
        """The recipe as plain values, to compare and to write down."""
        return asdict(self)


def load(name: str) -> Recipe:
    """A recipe of the package by its name, or any by its path (….toml).

    Raises:
        RecipeError: it is not there, or wrong.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise RecipeError(f"there is no recipe {path}; the package has {known}") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"the recipe {path} cannot be read: {error}") from error
    try:
        stages = tuple(_stage(stage) for stage in table.pop("stage"))
        widths, blocks = (tuple(map(int, table.pop(key))) for key in ("widths", "blocks"))
        recipe = Recipe(widths, blocks, **table, stages=stages)
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(f"the recipe {path} is wrong: {error}") from error
    if not stages or any(stage.steps < 1 or stage.batch < 1 for stage in stages):
        raise RecipeError(f"the recipe {path} has no stage, or one without steps or pictures")
    return recipe


def _stage(table: dict[str, Any]) -> Stage:
    weights = Weights(**{key: float(value) for key, value in table.pop("weights", {}).items()})
    begin, end = table.pop("learning_rate")
    frames = tuple((int(width), int(height)) for width, height in table.pop("frames"))
    unknown = table.keys() - {field.name for field in fields(Stage)}
    if unknown:
        raise ValueError(f"a stage has no {', '.join(sorted(unknown))}")
    given = {"merging": 0.0, "standing": 0.0, "rendering_every": 1} | table
    return Stage(**given, weights=weights, frames=frames, learning_rate=(float(begin), float(end)))
