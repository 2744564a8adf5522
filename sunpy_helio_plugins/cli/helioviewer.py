"""The commands of ``sunpy-helio helioviewer``: images, movies and screenshots of the Sun."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import Group, WrongUse, current_run
from sunpy_helio_plugins.cli.files import fetch as fetch_files
from sunpy_helio_plugins.cli.files import folder_option
from sunpy_helio_plugins.cli.output import Output, check_folder, output_options, show, show_value, value_options

__all__ = ["helioviewer"]

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group(
    "helioviewer",
    cls=Group,
    examples=(
        "sunpy-helio helioviewer list 2026-01-10T12:00 2026-01-10T12:05 --instrument AIA --wavelength 193",
        "sunpy-helio helioviewer nearest 2026-01-10T12:00",
        "sunpy-helio helioviewer screenshot 2026-01-10T12:00 sun.png --layers 11,13",
    ),
)
def helioviewer() -> None:
    """List and download images of the Sun from Helioviewer, and let it draw movies and screenshots."""


def _selection(function: Function) -> Function:
    """Add the options that select images."""
    options = [
        _several("--source", "Ids of sources (see list without times)"),
        _several("--instrument", "Instruments, such as AIA"),
        _several("--observatory", "Observatories, such as SDO"),
        _several("--detector", "Detectors, such as C2"),
        _several("--wavelength", "Wavelengths in Angstrom"),
        _several("--measurement", "Measurements, such as magnetogram"),
        click.option(
            "--sample", type=queries.POSITIVE, metavar="SECONDS", help="Only the images nearest to a grid of times."
        ),
    ]
    for one in reversed(options):
        function = one(function)
    return function


def _several(name: str, text: str) -> Callable[[Function], Function]:
    return click.option(name, multiple=True, callback=queries.texts, help=f"{text}; several with commas.")


def _part(function: Function) -> Function:
    """Add the options that select a part of images, or a smaller size."""
    options = [
        click.option(
            "--region", metavar="X1,Y1,X2,Y2", callback=_corners,
            help="Only this part: two corners in arcseconds from the centre of the Sun, as seen in the image.",
        ),
        click.option(
            "--size", type=click.IntRange(1), metavar="PIXELS",
            help="At least this many pixels on the longer side of the image or the region; images are halved.",
        ),
    ]  # fmt: skip
    for one in reversed(options):
        function = one(function)
    return function


def _corners(_: click.Context, __: click.Parameter, given: str | None) -> tuple[float, ...] | None:
    """Return the corners of a region, the lower left one first."""
    if given is None:
        return None
    try:
        found = [float(one) for one in given.split(",")]
    except ValueError:
        found = []
    if len(found) != 4 or not all(map(math.isfinite, found)) or found[0] >= found[2] or found[1] >= found[3]:
        raise click.UsageError(
            f"--region takes the lower left and the upper right corner as four numbers, such as -300,100,100,400, not "
            f"{given!r}"
        )
    return tuple(found)


def _fetched_part(region: tuple[float, ...] | None, size: int | None) -> dict[str, Any]:
    """Return the arguments of a download for a part of images."""
    made: dict[str, Any] = {} if size is None else {"size": size}
    if region is not None:
        import astropy.units as u
        import sunpy.coordinates  # noqa: F401 - registers the frame
        from astropy.coordinates import SkyCoord

        made["region"] = SkyCoord(region[::2] * u.arcsec, region[1::2] * u.arcsec, frame="helioprojective")
    return made


def _attrs(start: str, end: str, asked: dict[str, Any]) -> list[Any]:
    """Return the attrs of a search for images."""
    import astropy.units as u
    from sunpy.net import attrs as a
    from sunpy.net.attr import or_

    import sunpy_helio_plugins.helioviewer.client  # noqa: F401 - registers the attrs

    made: dict[str, Callable[[str], Any]] = {
        "source": lambda text: a.helioviewer.SourceID(_number("--source", text, int)),
        "instrument": a.Instrument,
        "observatory": a.Source,
        "detector": a.Detector,
        "wavelength": lambda text: a.Wavelength(_number("--wavelength", text, float) * u.AA),
        "measurement": a.helioviewer.Measurement,
    }
    chosen = [or_(*map(made[name], values)) for name, values in asked.items() if name in made and values]
    sample = [a.Sample(asked["sample"] * u.s)] if asked.get("sample") is not None else []
    return [queries.time_range(start, end), a.helioviewer.Image(), *chosen, *sample]


def _number(option: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise click.UsageError(f"{option} takes numbers, not {text!r}") from None


def _search(start: str, end: str, asked: dict[str, Any]) -> Any:
    if not any(value for name, value in asked.items() if name != "sample"):
        raise click.UsageError(
            "Images are selected by --source, --instrument, --observatory, --detector, --wavelength or --measurement: "
            "give at least one, such as --instrument AIA"
        )
    from sunpy_helio_plugins import HelioviewerClient

    return HelioviewerClient().search(*_attrs(start, end, asked))


@helioviewer.command(
    "list",
    examples=(
        "sunpy-helio helioviewer list",
        "sunpy-helio helioviewer list 2026-01-10T11:58 2026-01-10T12:00 --source 13 --json",
    ),
)
@click.argument("start", required=False)
@click.argument("end", required=False)
@_selection
@output_options
def list_images(start: str | None, end: str | None, output: Output, **asked: Any) -> None:
    """List the images from START to END; without times, the sources with their ids."""
    from sunpy_helio_plugins import helioviewer as archive

    if start is None:
        if any(asked.values()):
            raise click.UsageError("Images need a START and an END: give both times")
        show(archive.sources(), output)
        return
    if end is None:
        raise click.UsageError(f"Images need a START and an END: give the end of the range that starts at {start}")
    show(_search(start, end, asked), output, empty="No images.")


@helioviewer.command(
    examples=(
        "sunpy-helio helioviewer fetch 2026-01-10T11:58 2026-01-10T12:00 --source 13 -d images",
        "sunpy-helio helioviewer fetch 20260110 20260111 --source 13 --sample 14400 --dry-run",
        "sunpy-helio helioviewer fetch 2026-01-10T11:58 2026-01-10T12:00 --source 13 --region -300,100,100,400",
    )
)
@click.argument("start")
@click.argument("end")
@_selection
@_part
@folder_option
@click.option("--overwrite", is_flag=True, help="Download files that exist already.")
@click.option("--dry-run", is_flag=True, help="List the files, without a download.")
@value_options
def fetch(
    start: str, end: str, region: tuple[float, ...] | None, size: int | None, folder: str, overwrite: bool,
    dry_run: bool, output: Output, **asked: Any,
) -> None:  # fmt: skip
    """Download the images from START to END, or a part of them, as JPEG 2000 files."""
    table = _search(start, end, asked)
    part = _fetched_part(region, size)
    fetch_files(table, folder, _urls(table), output, overwrite=overwrite, dry_run=dry_run, **part)


def _urls(table: Any) -> Sequence[str]:
    return [str(one) for one in table["url"]] if len(table) else []


@helioviewer.command(
    examples=(
        "sunpy-helio helioviewer nearest 2026-01-10T12:00 --tolerance 120",
        "sunpy-helio helioviewer nearest 2026-01-10T12:00 --source 13 --fetch -d images",
    )
)
@click.argument("time")
@click.option(
    "--tolerance", type=queries.NOT_NEGATIVE, default=600.0, metavar="SECONDS", help="The largest difference in time."
)
@_several("--source", "Only these ids of sources")
@click.option("--fetch", "is_fetched", is_flag=True, help="Download the images.")
@_part
@folder_option
@click.option("--overwrite", is_flag=True, help="Download files that exist already.")
@click.option("--dry-run", is_flag=True, help="List what --fetch would download.")
@output_options
def nearest(
    time: str, tolerance: float, source: tuple[str, ...], is_fetched: bool, region: tuple[float, ...] | None,
    size: int | None, folder: str, overwrite: bool, dry_run: bool, output: Output,
) -> None:  # fmt: skip
    """List the image of every source that is nearest to TIME, from one request."""
    import astropy.units as u

    from sunpy_helio_plugins import helioviewer as archive

    table = archive.near(queries.day_of(time), tolerance * u.s)
    if source:
        ids = {_number("--source", one, int) for one in source}
        table = table[[int(one) in ids for one in table["Source ID"]]]
    if is_fetched or dry_run:
        part = _fetched_part(region, size)
        fetch_files(table, folder, _urls(table), output, overwrite=overwrite, dry_run=dry_run, **part)
    else:
        show(table, output)


def _drawing(function: Function) -> Function:
    """Add the options of what Helioviewer draws."""
    options = [
        click.option(
            "--layers", multiple=True, required=True, callback=queries.texts, help="Ids of sources, the lowest first."
        ),
        click.option("--image-scale", type=queries.POSITIVE, metavar="ARCSEC", help="Arcseconds per pixel."),
        click.option("--size", metavar="WIDTHxHEIGHT", help="The size in pixels."),
        click.option("--dry-run", is_flag=True, help="Print what would be requested."),
    ]
    for one in reversed(options):
        function = one(function)
    return function


def _drawn(layers: Sequence[str], image_scale: float | None, size: str | None) -> dict[str, Any]:
    """Return the options of a drawing, checked."""
    found: dict[str, Any] = {"layers": [_number("--layers", one, int) for one in layers]}
    if image_scale is not None:
        found["image_scale"] = image_scale
    if size is not None:
        width, _, height = size.lower().partition("x")
        found["size"] = tuple(_number("--size", one, int) for one in (width, height))
    return found


@helioviewer.command(examples=("sunpy-helio helioviewer movie 2026-01-10T12:00 2026-01-10T13:00 sun.mp4 --layers 13",))
@click.argument("start")
@click.argument("end")
@click.argument("file")
@_drawing
@click.option(
    "--wait", type=queries.NOT_NEGATIVE, default=3600.0, metavar="SECONDS", help="The longest wait for the movie."
)
@value_options
def movie(
    start: str, end: str, file: str, layers: Sequence[str], image_scale: float | None, size: str | None,
    dry_run: bool, wait: float, output: Output,
) -> None:  # fmt: skip
    """Let Helioviewer make a movie from START to END, wait for it, and save it to FILE (.mp4 or .webm)."""
    import astropy.units as u

    from sunpy_helio_plugins import helioviewer as archive

    _check_file(file, ".mp4", ".webm")
    options = _drawn(layers, image_scale, size)
    time = queries.time_range(start, end)
    if dry_run:
        _print_plan(file, options, output)
        return
    path = archive.movie(
        time.start, time.end, file=file, progress=current_run().shows_progress, wait=wait * u.s, **options
    )
    show_value({"files": [str(path)], "dry_run": False}, str(path), output)


def _check_file(path: str, *suffixes: str) -> None:
    """Refuse a file in a folder that does not exist, or whose suffix is not that of its format."""
    check_folder(path)
    if Path(path).suffix.lower() not in suffixes:
        raise WrongUse(f"The name of the file ends with {' or '.join(suffixes)}; {path!r} does not.")


def _print_plan(file: str, options: dict[str, Any], output: Output) -> None:
    words = f"Would request {file} with the layers {', '.join(map(str, options['layers']))}"
    show_value({"files": [file], "dry_run": True, **options}, words, output)


@helioviewer.command(examples=("sunpy-helio helioviewer screenshot 2026-01-10T12:00 sun.png --layers 13",))
@click.argument("time")
@click.argument("file")
@_drawing
@value_options
def screenshot(
    time: str, file: str, layers: Sequence[str], image_scale: float | None, size: str | None, dry_run: bool,
    output: Output,
) -> None:  # fmt: skip
    """Save a picture of layered images at TIME, drawn by Helioviewer, to FILE (.png)."""
    from sunpy_helio_plugins import helioviewer as archive

    _check_file(file, ".png")
    options = _drawn(layers, image_scale, size)
    moment = queries.day_of(time)
    if dry_run:
        _print_plan(file, options, output)
        return
    path = archive.screenshot(moment, file=file, **options)
    show_value({"files": [str(path)], "dry_run": False}, str(path), output)


@helioviewer.command(examples=("sunpy-helio helioviewer status",))
@output_options
def status(output: Output) -> None:
    """Print the age of the newest image of each instrument."""
    from sunpy_helio_plugins import helioviewer as archive

    table = archive.status()
    if output.form == "table" and "Behind" in table.colnames:
        table["Behind"] = [_duration(seconds) for seconds in table["Behind"].to_value("s").tolist()]
    show(table, output)


def _duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    if not math.isfinite(seconds):
        return "--"
    minutes = round(abs(seconds) / 60)
    days, hours, sign = minutes // 1440, minutes // 60 % 24, "-" if seconds < 0 and minutes else ""
    return f"{sign}{days} d {hours} h" if days else f"{sign}{hours} h {minutes % 60} min"
