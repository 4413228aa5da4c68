"""The command `synthetic-focus models`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click


@click.group()
def models() -> None:
    """List, install and remove depth networks.

    The built-in estimator needs none of them. One that is installed here is used by `render
    --depth-model NAME`, and in a host by its name as the Depth Model.
    """


@models.command("list")
def list_models() -> None:
    """List the networks: those in the catalogue and those installed.

    All in the catalogue may be used commercially. Those marked "from a file" have to be fetched by
    hand first; the line below them says from where.
    """
    from synthetic_focus.scene.models import models as known

    found = known()
    width = max(len(model.name) for model in found)
    for model in found:
        size = f"{max(model.bytes / 1e6, 1):.0f} MB" if model.bytes else ""
        what = model.description
        if what is None:
            click.echo(f"{model.name:<{width}}  {model.state}: {model.fault}")
            continue
        click.echo(
            f"{model.name:<{width}}  {what.licence:<10}  {size:>7}  {model.state:<13}  {what.label}"
        )
        for line in (model.fault, what.note if model.state == "from a file" else ""):
            if line:
                click.echo(f"{'':<{width}}  {line}")
        if model.state == "from a file":
            click.echo(f"{'':<{width}}  {what.source}")


@models.command()
@click.argument("model", metavar="NAME|FILE")
@click.option(
    "--toml",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With FILE: what says how the network is fed; else the .toml beside FILE.",
)
@click.option("--name", help="With FILE: what the network is to be known by; else FILE's name.")
def install(model: str, toml: Path | None, name: str | None) -> None:
    """Install a network of the catalogue by its NAME, or any one from an ONNX FILE.

    A NAME is fetched from its public address and checked against the SHA-256 of the catalogue. What
    has arrived when it is stopped is kept; the same command goes on from there. Proxies are taken
    from the environment (https_proxy, no_proxy).

    A FILE is copied, with the files of weights that it names. It needs a TOML that says how it is
    fed; for a network of the catalogue, give its --name instead:

    \b
      synthetic-focus models install depth-anything-v2-small
      synthetic-focus models install my-network.onnx
      synthetic-focus models install model.onnx --name depth-anything-3-base
    """
    from synthetic_focus.scene import models as library

    # A file has a suffix or a folder; a name may have a full stop, but none of these endings.
    is_file = model.endswith(".onnx") or "/" in model or Path(model).is_file()
    if is_file:
        place = library.install_file(Path(model), toml, name)
    elif toml is not None or name is not None:
        raise click.UsageError("--toml and --name go with an ONNX FILE.")
    else:
        with _progress_bar(model) as progress:
            place = library.install(model, progress)
    click.echo(place)


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove an installed network, or what has arrived of one."""
    from synthetic_focus.scene.models import remove as remove_model

    remove_model(name)


@contextlib.contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """What shows progress on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(
        desc=name, unit="B", unit_scale=True, file=sys.stderr, dynamic_ncols=True, leave=False
    ) as bar:

        def show(done: int, total: int) -> None:
            if bar.total is None:  # the rate is of what arrives now, not of what is there already
                bar.initial = bar.n = done
                bar.total = total
            bar.update(done - bar.n)

        yield show
