"""The command line. Heavy imports happen in the commands that need them."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from synthetic_focus import parameters
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.command import evaluate
from synthetic_focus.parameters import Parameter, table
from synthetic_focus.scene.command import models
from synthetic_focus.training.command import train

_CTRL_C: Final = 130
# Given by options of their own (--preset, --depth and --focus), or of a host's buttons only.
_NOT_OPTIONS: Final = frozenset(
    {"preset", "depth_source", "depth_file", "focus_point", "preset_name", "bake_tolerance"}
)
_LENS_GROUPS: Final = ("lens", "character")
_OF_TARGETS: Final = ("target_follow", "target_hold")


def main() -> NoReturn:
    """Runs the command line and ends the process with its status."""
    debug = "--debug" in sys.argv[1:]
    # What ends a batch job, or closes its terminal, must clean up like Ctrl-C. nohup ignores the
    # latter, and so do its children.
    signal.signal(signal.SIGTERM, _interrupt)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        signal.signal(hang_up, _interrupt)
    try:
        status = program.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("synthetic-focus: stopped", err=True)
        status = _CTRL_C
    except BrokenPipeError:  # `synthetic-focus presets | head`
        status = 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        else:
            click.echo(f"synthetic-focus: {_one_line(error)}", err=True)
        status = 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if not isinstance(error, SyntheticFocusError):
        kind = type(error).__name__
        text = f"{kind}: {text}. This is a fault of the program; --debug shows where."
    notes = getattr(error, "__notes__", [])
    return f"{text} ({'; '.join(notes)})" if notes else text


class _GroupedCommand(click.Command):
    """Lists options under the headings that a host's panel has."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        headings = {group.name: group.label for group in table().groups}
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record and isinstance(option, click.Option):
                group = getattr(option, "group", None)
                sections.setdefault(headings.get(group or "", "Options"), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class _ParameterOption(click.Option):
    """The option of a row of the parameter table."""

    def __init__(self, parameter: Parameter) -> None:
        name = parameter.name.replace("_", "-")
        unit = f" [{parameter.unit}]" if parameter.unit else ""
        declaration = f"--{name}/--no-{name}" if parameter.type == "bool" else f"--{name}"
        super().__init__(
            [declaration, parameter.name],
            type=_type_of(parameter),
            default=None,
            metavar=_metavar(parameter),
            help=f"{parameter.hint}{unit}{_default_note(parameter)}",
        )
        self.group = parameter.group


def _type_of(parameter: Parameter) -> Any:
    if parameter.type == "choice":
        return click.Choice([option.key for option in parameter.options])
    low, high = parameter.range or (None, None)
    match parameter.type:
        case "double":
            return click.FloatRange(low, high)
        case "int":
            return click.IntRange(
                None if low is None else int(low), None if high is None else int(high)
            )
        case "bool":
            return None
        case "path":
            return click.Path(path_type=str)
        case _:
            return click.STRING


def _metavar(parameter: Parameter) -> str | None:
    if parameter.type == "choice":
        return "NAME" if len(parameter.options) > 6 else None
    return {"double": "NUMBER", "int": "COUNT", "bool": None}.get(parameter.type, "TEXT")


def _default_note(parameter: Parameter) -> str:
    default = parameter.default
    if default == "" or default is None:
        return ""
    if isinstance(default, bool):
        return f" [default: {'on' if default else 'off'}]"
    return f" [default: {default:g}]" if isinstance(default, float | int) else f" [{default}]"


def _options_of_parameters(wanted: Callable[[Parameter], bool]) -> Callable[[Any], Any]:
    """Adds an option for every wanted parameter that a person sets."""

    def decorate(function: Any) -> Any:
        for parameter in reversed(list(table().parameters.values())):
            if (
                wanted(parameter)
                and parameter.name not in _NOT_OPTIONS
                and parameter.has_value
                and parameter.type != "double2d"
                and not parameter.secret
            ):
                # As click.option does, which makes no option of a ready one.
                function.__dict__.setdefault("__click_params__", []).append(
                    _ParameterOption(parameter)
                )
        return function

    return decorate


_Point = tuple[float, float, float | None]


def _parse_points(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[_Point, ...]:
    """Each X,Y or X,Y@FRAME."""
    number = r"(-?\d*\.?\d+)"
    points = []
    for value in values:
        match = re.fullmatch(rf"{number},{number}(?:@{number})?", value.replace(" ", ""))
        if not match:
            raise click.BadParameter(f"{value!r} is not of the form 0.5,0.5 or 0.5,0.5@24")
        x, y = float(match[1]), float(match[2])
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise click.BadParameter(
                f"{value!r} lies outside the picture: X and Y go from 0,0 (top left) to 1,1"
            )
        points.append((x, y, None if match[3] is None else float(match[3])))
    return tuple(points)


def _parse_frames(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """A-B or A; numbers may be negative."""
    if value is None:
        return None
    match = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", value)
    if not match:
        raise click.BadParameter(f"{value!r} is not of the form 10-20 or 10")
    first = int(match[1])
    return first, first if match[2] is None else int(match[2])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="synthetic-focus", prog_name="synthetic-focus")
@click.option("--debug", is_flag=True, help="Show where an error came from.")
def program(debug: bool) -> None:
    """Gives casual footage the focus of cinema."""


_DEBUG = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show where an error came from."
)


@program.command(cls=_GroupedCommand)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--preset", metavar="NAME", help="The lens; `synthetic-focus presets` lists them. Options win."
)
@click.option(
    "--depth",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A movie, a sequence or an image of depth; else depth is estimated.",
)
@click.option(
    "--focus",
    metavar="X,Y[@FRAME]",
    multiple=True,
    callback=_parse_points,
    help="What is sharp, from 0,0 (top left) to 1,1, and from which frame on. Give it several "
    "times to pull focus from one to the next.",
)
@click.option(
    "--targets",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Focus targets and their pulls as JSON, instead of --focus.",
)
@click.option(
    "--report",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page (HTML) about the focus: its curve, the subjects, what was lost; or, as SVG,"
    " the curve alone.",
)
@click.option(
    "--export-targets",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the targets and the focus curve that came of them as JSON.",
)
@click.option(
    "--frames",
    metavar="A-B",
    callback=_parse_frames,
    help="The first and the last frame to render.",
)
@_DEBUG
@_options_of_parameters(lambda parameter: True)
def render(
    source: Path,
    output: Path,
    preset: str | None,
    depth: Path | None,
    focus: tuple[_Point, ...],
    targets: Path | None,
    report: Path | None,
    export_targets: Path | None,
    frames: tuple[int, int] | None,
    **values: Any,
) -> None:
    """Render IN to OUT: a movie, an image sequence (shot.%04d.exr, shot.####.exr) or one image."""
    from synthetic_focus.focus import FocusTarget, FocusTargetError
    from synthetic_focus.focus.exchange import load as load_plan
    from synthetic_focus.lens.preset import PresetError
    from synthetic_focus.parameters import ParameterError
    from synthetic_focus.rendering import render as render_shot

    given = {name: value for name, value in values.items() if value is not None}
    try:
        points: Sequence[FocusTarget | tuple[float, float]]
        if targets is None:
            chosen = parameters.settings(
                {name: given[name] for name in _OF_TARGETS if name in given}
            )
            follow = chosen.target_follow, chosen.target_hold
            points = [
                (x, y) if at is None else FocusTarget(x, y, at, *follow) for x, y, at in focus
            ]
        elif focus:
            raise click.UsageError("--targets and --focus both say what is sharp; give one.")
        elif given.keys() & set(_OF_TARGETS):
            raise click.UsageError(
                "--target-follow and --target-hold are for --focus; with --targets the file says "
                "them of every target."
            )
        else:
            plan = load_plan(targets)
            points = plan.targets
            given = {
                "pull_frames": plan.options.pull_frames,
                "settle_frames": plan.options.settle_frames,
                "pull_ease": plan.options.ease,
            } | given
        with _progress_bar() as progress:
            render_shot(
                source,
                output,
                preset=preset,
                depth=depth,
                focus=points,
                frames=frames,
                report=report,
                export_targets=export_targets,
                progress=progress,
                **given,
            )
    except (ParameterError, PresetError, FocusTargetError) as error:
        raise click.UsageError(" ".join(str(error).split())) from error


@contextlib.contextmanager
def _progress_bar(unit: str = "frame") -> Iterator[Callable[[int, int], None] | None]:
    """What shows progress on a terminal once it has lasted 2 seconds; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=unit, delay=2, file=sys.stderr, dynamic_ncols=True, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        # The first frame alone can take longer: it is made of those after it, too.
        waiting = threading.Timer(2, bar.refresh)
        waiting.start()
        try:
            yield show
        finally:
            waiting.cancel()


@program.command(cls=_GroupedCommand)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "--frames",
    metavar="A-B",
    callback=_parse_frames,
    help="The first and the last frame to analyse.",
)
@_DEBUG
@_options_of_parameters(lambda parameter: parameter.name in ("depth_model", "colour_space"))
def analyze(source: Path, frames: tuple[int, int] | None, **values: Any) -> None:
    """Estimate the depth and the clipped light of IN now, for every later render of it."""
    from synthetic_focus.scene.shot import analyze as analyze_shot

    given = parameters.settings({k: v for k, v in values.items() if v is not None})
    with _progress_bar() as progress:
        analyze_shot(
            source,
            model=given.depth_model,
            frames=frames,
            colour_space=given.colour_space,
            progress=progress,
        ).close()


@program.group()
def cache() -> None:
    """What has been estimated so far, for the plug-in and the command line alike."""


@cache.command("list")
def list_cache() -> None:
    """List the shots, the least recently used first."""
    from datetime import datetime

    from synthetic_focus.scene.cache import Cache

    for shot in Cache().shots():
        used = datetime.fromtimestamp(shot.used).strftime("%Y-%m-%d %H:%M")
        size = f"{shot.size / 1e6:.1f} MB"
        # Checksums of weights tell models apart by their first digits too.
        provider = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24,}\b", r"\1", shot.provider)
        click.echo(f"{used}  {size:>11}  {shot.frames:>6} frames  {shot.source}  ({provider})")


@cache.command()
def size() -> None:
    """Say where the cache is, how large it is and how large it may become."""
    from synthetic_focus.scene.cache import Cache

    used = Cache()
    click.echo(f"{used.folder}: {used.size() / 1e9:.3f} GB of {used.limit / 1e9:g} GB")


@cache.command()
def clear() -> None:
    """Remove all shots from the cache."""
    from synthetic_focus.scene.cache import Cache

    click.echo(f"{Cache().clear() / 1e9:.3f} GB removed")


@program.command(cls=_GroupedCommand)
@click.argument("name", required=False)
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="Draw the lenses (or NAME) as a picture."
)
@click.option("--save", metavar="LABEL", help="Save a lens of your own under this name.")
@click.option("--preset", metavar="NAME", help="What --save begins with; options win.")
@click.option("--replace", is_flag=True, help="Let --save replace a preset of that name.")
@_DEBUG
@_options_of_parameters(lambda parameter: parameter.group in _LENS_GROUPS)
def presets(
    name: str | None,
    sheet: Path | None,
    save: str | None,
    preset: str | None,
    replace: bool,
    **values: Any,
) -> None:
    """List the lenses, show one (NAME), draw them, or save one of your own."""
    from synthetic_focus.lens import preset as lenses

    given = {name: value for name, value in values.items() if value is not None}
    if save is None and (given or preset is not None or replace):
        raise click.UsageError("Lens options, --preset and --replace are for --save.")
    if save is not None and (name is not None or sheet is not None):
        raise click.UsageError("--save goes with lens options only, not with NAME or --sheet.")
    try:
        if save is not None:
            from synthetic_focus.rendering import parameter_values

            path = lenses.save_preset(save, parameter_values(preset, given), replace=replace)
            click.echo(path)
        elif sheet is not None:
            from synthetic_focus.lens.sheet import write_sheet

            with _progress_bar("lens") as progress:
                write_sheet(sheet, [name] if name else None, progress=progress)
        elif name is not None:
            _show_preset(lenses.load_preset(name))
        else:
            _list_presets()
    except lenses.PresetError as error:
        raise click.UsageError(" ".join(str(error).split())) from error


def _list_presets() -> None:
    from synthetic_focus.lens.preset import PresetError, load_preset, preset_names

    names = preset_names()
    width = max(map(len, names), default=0)
    for name in names:
        try:
            lens = load_preset(name)
        except PresetError as error:
            click.echo(f"{name:<{width}}  faulty: {' '.join(str(error).split())}", err=True)
        else:
            click.echo(f"{name:<{width}}  {lens.label}: {lens.character}")


def _show_preset(lens: Any) -> None:
    click.echo(f"{lens.label}\n{lens.character}\n")
    known = table()
    for name, value in lens.settings.items():
        unit = known[name].unit
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        figure = lens.optics.get(name)
        source = f"   ({figure.value:g}: {figure.source})" if figure else ""
        click.echo(f"{name:<18} {shown} {unit}".rstrip() + source)


@program.command()
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the host looks for OpenFX plug-ins; else the system's place for them.",
)
@_DEBUG
def install_plugin(folder: Path | None) -> None:
    """Install the OpenFX plug-in, and tell it which Python to start."""
    from synthetic_focus.install_plugin import install_plugin

    click.echo(install_plugin(folder))


@program.command()
@click.option(
    "--plugin",
    metavar="BUNDLE",
    type=click.Path(path_type=Path),
    help="The installed plug-in to try; else those in the usual places.",
)
@_DEBUG
def doctor(plugin: Path | None) -> None:
    """Check the installation, and render a frame through the installed plug-in."""
    from synthetic_focus.doctor import examine

    well = True
    for finding in examine(plugin):
        well = well and finding.ok
        click.echo(finding)
    if not well:
        raise click.exceptions.Exit(1)


program.add_command(evaluate)
program.add_command(models)
program.add_command(train)


if __name__ == "__main__":
    main()
