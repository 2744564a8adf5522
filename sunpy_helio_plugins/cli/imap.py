"""The commands of ``sunpy-helio imap``: those of imap-data-access under their own names, and more."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import Group, Run, WrongUse, current_run
from sunpy_helio_plugins.cli.files import end
from sunpy_helio_plugins.cli.output import Output, document, output_options, show, show_value, value_options, written

__all__ = ["imap"]

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group(
    "imap",
    cls=Group,
    examples=(
        "sunpy-helio imap query --instrument glows --data-level l1a",
        "sunpy-helio imap download imap_mag_l2_norm-gse_20260110_v001.0002.cdf",
        "sunpy-helio imap --data-dir ~/imap sync --instrument mag --data-level l2 --recent 30",
    ),
)
@click.option(
    "--api-key", metavar="KEY",
    help="The API key. Other users of the machine can see it here: prefer IMAP_API_KEY, or a netrc file.",
)  # fmt: skip
@click.option(
    "--data-dir", metavar="FOLDER",
    help="The folder above the tree of the SDC; by default IMAP_DATA_DIR, conf.imap.data_dir, or sunpy's folder.",
)  # fmt: skip
@click.option("--url", metavar="URL", help="The URL of the Data Access API, also in IMAP_DATA_ACCESS_URL.")
@click.option(
    "--webpoda-token", metavar="TOKEN",
    help="The base64 of user:password for webpoda. Others can see it here, too: prefer IMAP_WEBPODA_TOKEN.",
)  # fmt: skip
@click.version_option(package_name="sunpy_helio_plugins", message="%(version)s")
@click.pass_context
def imap(
    context: click.Context, api_key: str | None, data_dir: str | None, url: str | None, webpoda_token: str | None
) -> None:
    """Query, download and upload files of the IMAP Science Data Center.

    The commands query, download, upload, webpoda, reprocess and release have the options of imap-data-access: a user of
    that command only changes the first word.
    """
    if data_dir is not None and not Path(data_dir).expanduser().is_dir():
        raise click.UsageError(f"The data directory {data_dir} does not exist", context)
    given = {"IMAP_DATA_DIR": data_dir, "IMAP_DATA_ACCESS_URL": url, "IMAP_WEBPODA_TOKEN": webpoda_token}
    if webpoda_token is not None:
        context.ensure_object(Run).secrets.append(webpoda_token)
    context.with_resource(_environment({name: value for name, value in given.items() if value}))
    if api_key is not None:
        from sunpy_helio_plugins.transport.credentials import signed_in

        context.ensure_object(Run).secrets.append(api_key)
        context.with_resource(signed_in("imap", api_key))


@contextlib.contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment within a block: they override the settings, as options must."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _words(name: str, kind: str) -> Callable[[Function], Function]:
    """Add an option of several values, with completion of the known ones."""

    def check(context: click.Context, parameter: click.Parameter, given: Any) -> tuple[str, ...]:
        values = queries.texts(context, parameter, given)
        for value in values if name in _CLOSED else ():
            queries.check_word(f"--{name}", value, _KNOWN[name])
        return tuple(value.lower() for value in values) if name in _CLOSED else values

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{one}" for one in _KNOWN.get(name, ()) if one.startswith(last)]

    return click.option(
        f"--{name}",
        multiple=True,
        callback=check,
        shell_complete=complete,
        help=f"{kind}; several with commas.",
    )


_CLOSED = ("instrument", "data-level", "type")
"""Options that allow no other words than those of the completion."""

_KNOWN = {
    "instrument": (
        "codice", "glows", "hi", "hit", "ialirt", "idex", "l1const", "lo", "mag", "spacecraft", "swapi", "swe", "ultra",
    ),
    "data-level": (
        "l0", "l1", "l1a", "l1b", "l1c", "l1ca", "l1cb", "l1d", "l2", "l2a", "l2b", "l2c",
        "l3", "l3a", "l3b", "l3c", "l3d", "l3e",
    ),
    "extension": ("cdf", "pkts"),
    "version": ("latest",),
    "type": (
        "attitude_history", "attitude_predict", "pointing_attitude", "lo_pivot_attitude", "ephemeris_reconstructed",
        "ephemeris_nominal", "ephemeris_predicted", "ephemeris_90days", "ephemeris_long", "ephemeris_launch",
        "planetary_ephemeris", "lagrange_point", "planetary_constants", "earth_attitude", "leapseconds",
        "spacecraft_clock", "imap_frames", "science_frames", "metakernel", "thruster", "spin", "repoint",
    ),
}  # fmt: skip
"""Words of the completion, which must not import sunpy; a test compares them with those of the archive."""


def _selection(function: Function) -> Function:
    """Add the options of the official command that select files."""
    options = [
        click.option(
            "--table", type=click.Choice(["science", "ancillary", "spice"]), default="science",
            help="The table of the service; science by default.",
        ),
        _words("instrument", "Names of instruments"),
        _words("data-level", "Levels of the products (l0, l1a, l2, ...)"),
        _words("descriptor", "Descriptors of the products (raw, burst, ...)"),
        click.option("--start-date", metavar="DAY", help="The first day of the files, as 20260110 or 2026-01-10."),
        click.option("--end-date", metavar="DAY", help="The last day of the files."),
        click.option("--ingestion-start-date", metavar="DAY", help="The first day when they were added."),
        click.option("--ingestion-end-date", metavar="DAY", help="The last day when they were added."),
        _words("repointing", "Numbers of pointings (repoint00120)"),
        _words("version", "Versions (v001, v001.0002), or 'latest'"),
        _words("extension", "Extensions of the files (cdf, pkts)"),
        _words("type", "Types of SPICE kernels, with --table spice"),
    ]  # fmt: skip
    for one in reversed(options):
        function = one(function)
    return function


@imap.command(
    examples=(
        "sunpy-helio imap query --instrument glows --data-level l1a,l1b",
        "sunpy-helio imap query --instrument hi --start-date 20260110 --end-date 20260110 --overlap",
        "sunpy-helio imap query --filename imap_mag_l2_norm-gse_20260110_v001.0002.cdf --json",
    )
)
@_selection
@click.option("--major-version", metavar="N", help="The major version; the latest by default.")
@click.option("--minor-version", metavar="N", help="The minor version.")
@click.option("--filename", metavar="NAME", help="The name of a file, without other options; - reads names from stdin.")
@click.option(
    "--output-format", type=click.Choice(["table", "json"]), default="table",
    help="The official command's table or list of rows.",
)  # fmt: skip
@click.option(
    "--overlap", is_flag=True,
    help="Find files whose data overlap with the dates, in their latest versions; names may contain * and ?.",
)  # fmt: skip
@output_options
def query(output: Output, output_format: str, overlap: bool, **asked: Any) -> None:
    """List the files that match all options; at least one is required.

    Without --overlap, dates are compared with the start dates of files, as the service does it. Lists that the service
    would refuse for their size (6 MB) are requested in parts.
    """
    rows = _overlapping(asked) if overlap else _rows(asked)
    if output.columns or output.form in ("csv", "ecsv"):
        show(_as_table(rows), output)
        return
    if output.form == "json":
        text = document(current_run(), rows=rows)
    else:
        text = f"{json.dumps(rows)}\n" if output_format == "json" else _official_table(rows)
    with written(output.path) as stream:
        stream.write(text)


def _rows(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the service."""
    from sunpy_helio_plugins import imap as archive

    chosen = {name: value for name, value in asked.items() if value and name not in ("table", "filename")}
    if asked["filename"] is None:
        _check_options(asked["table"], chosen)
        return archive.rows(asked["table"], **chosen | _dates(chosen))
    if chosen:
        raise click.UsageError("--filename is used by itself, without other options")
    return [row for name in queries.words_of([asked["filename"]]) for row in archive.rows(filename=name)]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_DATES = ("start_date", "end_date", "ingestion_start_date", "ingestion_end_date")

_OF_KERNELS = (*_DATES, "type", "version")
"""The options that select kernels."""


def _check_options(table: str, chosen: Mapping[str, Any]) -> None:
    """Refuse a query without an option, or with one that the table does not have, or with a text of another form."""
    from sunpy_helio_plugins.imap.endpoints.rows import FORMS

    if not chosen:
        raise click.UsageError("A query needs an option that selects files, such as --instrument, or --filename")
    if table != "spice" and "type" in chosen:
        raise click.UsageError("--type is for kernels: add --table spice")
    for name in chosen if table == "spice" else ():
        if name not in _OF_KERNELS:
            has = ", ".join(map(_option, _OF_KERNELS))
            raise click.UsageError(f"{_option(name)} does not select kernels; with --table spice, use {has}")
    for name in [one for one in chosen if one in FORMS and one not in _DATES]:
        pattern, form = FORMS[name]
        for text in [chosen[name]] if isinstance(chosen[name], str) else chosen[name]:
            if not re.fullmatch(pattern, text, re.ASCII):
                raise click.UsageError(f"{_option(name)} takes {form}, not {text!r}")


def _dates(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return the days of a query in the service's form, in their order."""
    made = {name: queries.date_of(_option(name), chosen[name]) for name in _DATES if name in chosen}
    for first, last in (_DATES[:2], _DATES[2:]):
        if first in made and last in made:
            queries.check_order(made[first], made[last], chosen[first], chosen[last])
    return made


def _search(asked: Mapping[str, Any]) -> Any:
    """Search for files, and return the table."""
    from sunpy_helio_plugins import IMAPClient

    lists = {name: value for name, value in asked.items() if value}
    name = lists.pop("filename", None)
    for unknown in ("major_version", "minor_version"):
        if unknown in lists:
            raise click.UsageError(f"{_option(unknown)} is not for overlapping files; give --version")
    attrs = _attrs(lists | ({"filename": queries.words_of([name])} if name else {}))
    table = IMAPClient().search(*attrs)
    current_run().add(table)
    return table


def _overlapping(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a search in the form of the service's rows."""
    from sunpy_helio_plugins.cli.output import plain_columns

    table = _search(asked)
    columns = plain_columns(table)
    return [_row_of(dict(zip(columns, cells, strict=True))) for cells in zip(*columns.values(), strict=True)]


def _row_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file in the form of the service's rows."""
    return {
        "file_path": cells["file_path"], "instrument": cells["Instrument"], "data_level": cells["Level"],
        "descriptor": cells["Descriptor"], "start_date": _digits(cells["Start Time"]),
        "repointing": cells["Repointing"], "version": cells["Version"], "cr": cells["Rotation"],
        "extension": cells["file_path"].rpartition(".")[2], "released": cells["Released"],
        "ingestion_date": (cells["Ingestion Time"] or "").replace("-", "").replace("T", " ")[:17],
    }  # fmt: skip


def _digits(stamp: str | None) -> str:
    return (stamp or "")[:10].replace("-", "")


def _as_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a table, with the columns of all rows."""
    from astropy.table import MaskedColumn, Table

    names = list(dict.fromkeys(name for row in rows for name in row))
    made = Table()
    for name in names:
        cells = [row.get(name) for row in rows]
        gone = [cell is None for cell in cells]
        kinds = {type(cell) for cell in cells if cell is not None}
        is_plain = len(kinds) == 1 and kinds <= {bool, int, float}
        kind = kinds.pop() if is_plain else str
        made[name] = MaskedColumn([kind() if cell is None else kind(cell) for cell in cells], mask=gone, dtype=kind)
    return made


_HEADERS = {
    "science": (
        ("Instrument", "instrument"), ("Data Level", "data_level"), ("Descriptor", "descriptor"),
        ("Start Date", "start_date"), ("Ingestion Date", "ingestion_date"), ("Version", "version"), ("CR", "cr"),
        ("Repointing", "repointing"), ("Filename", "file_path"),
    ),
    "ancillary": (
        ("Instrument", "instrument"), ("Descriptor", "descriptor"), ("Start Date", "start_date"),
        ("End Date", "end_date"), ("Ingestion Date", "ingestion_date"), ("Version", "version"),
        ("Filename", "file_path"),
    ),
    "spice": (
        ("Kernel Type", "kernel_type"), ("Min Date", "min_date_datetime"), ("Max Date", "max_date_datetime"),
        ("Ingestion Date", "ingestion_date"), ("Version", "version"), ("Filename", "file_name"),
    ),
}  # fmt: skip
"""The headers of the official command's tables, and the keys of the rows."""


def _official_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as the table of imap-data-access 1.3."""
    if not rows:
        return "Found [0] matching files\n"
    first = rows[0]
    kind = "spice" if "kernel_type" in first else "ancillary" if "end_date" in first else "science"
    shown = [
        (header, [_cell(key, row) for row in rows])
        for header, key in _HEADERS[kind]
        if key not in ("cr", "repointing") or any(row.get(key) not in (None, "", []) for row in rows)
    ]
    widths = [max(len(header), *map(len, cells)) for header, cells in shown]
    rule = f"|{'-' * (sum(widths) + 3 * len(widths) - 1)}|"
    lines = [[header for header, _ in shown], *zip(*(cells for _, cells in shown), strict=True)]
    texts = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines]
    table = f" in {kind} table"
    return "\n".join([f"Found [{len(rows)}] matching files{table}", rule, texts[0], rule, *texts[1:], rule, ""])


def _cell(key: str, row: Mapping[str, Any]) -> str:
    from sunpy_helio_plugins.errors import printable

    if key == "version" and row.get("minor_version") is not None:
        text = f"v{int(row.get('major_version') or 0):03}.{int(row['minor_version']):04}"
    elif key == "file_path":
        text = str(row.get(key, "")).rpartition("/")[2]
    else:
        text = str(row.get(key, ""))
    return printable(text).replace("\n", " ")


@imap.command(
    examples=(
        "sunpy-helio imap download imap_mag_l2_norm-gse_20260110_v001.0002.cdf",
        "sunpy-helio imap query --instrument mag --json | jq -r '.rows[].file_path' | sunpy-helio imap download -",
    )
)
@click.argument("file_path", nargs=-1, required=True)
@click.option("--overwrite", is_flag=True, help="Download files that exist already.")
@click.option("--dry-run", is_flag=True, help="Print the paths, without any request.")
@value_options
def download(file_path: tuple[str, ...], overwrite: bool, dry_run: bool, output: Output) -> None:
    """Download files by their names, to the tree of the SDC; - reads names from standard input."""
    from sunpy_helio_plugins import imap as archive
    from sunpy_helio_plugins.errors import DiskError, HelioPluginsError, QueryError
    from sunpy_helio_plugins.imap import filenames

    names = queries.words_of(file_path)
    for name in names:
        if filenames.key_of(Path(name).name) is None:
            raise QueryError(f"{name!r} does not follow the SDC's naming conventions; find the file with imap query.")
    here: list[str] = []
    failed: list[Exception] = []
    for name in [] if dry_run else names:
        try:
            here.append(str(archive.download(name, overwrite=overwrite)))
        except HelioPluginsError as error:
            failed.append(error)
            if isinstance(error, DiskError):  # the disk would refuse the others as well
                break
    end(failed, here)
    lines = [f"Would download {name}" for name in names] if dry_run else [
        f"Successfully downloaded the file to: {path}" for path in here
    ]  # fmt: skip
    value = {"files": here, "dry_run": dry_run} if not dry_run else {"files": names, "dry_run": True}
    show_value(value, "\n".join(lines), output, empty="No names.")


@imap.command(
    examples=(
        "sunpy-helio imap upload imap_swe_l2_sci_20260112_v001.0001.cdf",
        "sunpy-helio imap upload --dry-run *.cdf",
    )
)
@click.argument("file_path", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Check names and contents only, without any request.")
@click.option(
    "--wait", type=queries.NOT_NEGATIVE, default=0.0, metavar="SECONDS", help="Wait until the archive lists the files."
)
@value_options
def upload(file_path: tuple[str, ...], dry_run: bool, wait: float, output: Output) -> None:
    """Upload files, after a check of their names and contents; - reads names from standard input.

    An API key is required: see "sunpy-helio sign-in --help".
    """
    from sunpy_helio_plugins import imap as archive
    from sunpy_helio_plugins.errors import FileError, TransferError

    names = queries.words_of(file_path)
    run = current_run()
    try:
        sent = archive.upload(names, dry_run=dry_run, wait=wait, progress=run.shows_progress)
    except FileError as error:  # a file of the user is absent or damaged, and nothing was sent
        raise WrongUse(str(error)) from error
    end([TransferError(f"{one.path}: {one.problem}") for one in sent if one.problem], [one for one in sent if one.sent])
    run.problems += [f"{one.path} is not listed by the archive yet." for one in sent if wait and one.indexed is False]
    rows = [{"file": str(one.path), "file_path": one.key, "sent": one.sent, "indexed": one.indexed} for one in sent]
    word = "Would upload {} as {}" if dry_run else "Successfully uploaded the file to the IMAP SDC"
    lines = [word.format(one.path, one.key) for one in sent if one.sent or dry_run]
    show_value({"files": rows, "dry_run": dry_run}, "\n".join(lines), output)


@imap.command(
    examples=(
        "sunpy-helio imap sync ~/imap --instrument mag --data-level l2 --recent 30",
        "sunpy-helio imap sync ~/imap --instrument swe --start-date 20260101 --dry-run --json",
    )
)
@click.argument("folder", required=False)
@_selection
@click.option("--recent", type=queries.POSITIVE, metavar="DAYS", help="Data of the last days, instead of dates.")
@click.option("--check", is_flag=True, help="Compare the digests of existing files, for which they must be read.")
@click.option("--dry-run", is_flag=True, help="List the files that are missing from the folder, without a download.")
@value_options
def sync(folder: str | None, check: bool, dry_run: bool, output: Output, **asked: Any) -> None:
    """Download the files of a query that are missing from FOLDER, by default the data directory.

    Files are those whose data overlap with the dates, in their latest versions. No file is deleted.
    """
    from sunpy_helio_plugins import imap as archive
    from sunpy_helio_plugins.errors import TransferError

    place = Path(folder or _data_dir()).expanduser()
    run = current_run()
    if dry_run:
        paths = [str(row) for row in _search(asked)["file_path"]]
        new = [str(place / path) for path in paths if not (place / path).is_file()]
        lists: dict[str, list[str]] = {"new": new}
    else:
        lists_of = {name: value for name, value in asked.items() if value}
        synced = archive.sync(_attrs(lists_of), place, progress=run.shows_progress, check=check)
        run.add(synced)
        kinds = ("new", "kept", "superseded", "outside", "gone")
        lists = {name: [str(path) for path in getattr(synced, name)] for name in kinds}
        end([TransferError(one) for one in synced.errors], [*synced.new, *synced.kept])
    said = ", ".join(f"{len(paths)} {name}" for name, paths in lists.items())
    text = "\n".join([*lists["new"], f"{'Would download: ' if dry_run else ''}{said}"])
    show_value({"folder": str(place), "dry_run": dry_run, **lists}, text, output)


def _data_dir() -> str:
    """Return the folder above the tree of the SDC."""
    from sunpy import config

    from sunpy_helio_plugins.imap.service import data_dir

    return str(data_dir() or config.get("downloads", "download_dir"))


_LIMITS = ("time", "recent", *_DATES, "repointing", "filename")
"""The options of which a search for files whose data overlap needs one."""


def _attrs(lists: Mapping[str, Any]) -> list[Any]:
    import sunpy_helio_plugins.imap.client  # noqa: F401 - registers the attrs

    if not any(lists.get(name) for name in _LIMITS):
        options = ", ".join(_option(name) for name in _LIMITS if name not in ("time", "end_date", "filename"))
        raise click.UsageError(f"This needs a time range, from one of {options}")
    return queries.imap_attrs(**lists)


@imap.command(
    examples=(
        "sunpy-helio imap realtime 2026-03-10T04:00 2026-03-10T05:00 --instrument mag",
        "sunpy-helio imap realtime 20260310 --instrument swapi --csv -o swapi.csv",
    )
)
@click.argument("start")
@click.argument("end", required=False)
@click.option("--instrument", default="mag", help="An instrument, or its name with _hk for its housekeeping.")
@output_options
def realtime(start: str, end: str | None, instrument: str, output: Output) -> None:
    """Print values of the real-time stream I-ALiRT, of at most 31 days; without END of the whole day."""
    from sunpy_helio_plugins import imap as archive

    show(archive.realtime(queries.time_range(start, end), instrument), output)


@imap.command(
    examples=(
        "sunpy-helio imap kernels 20260110 20260111 --type attitude_history",
        "sunpy-helio imap kernels 20260110 20260111 --metakernel --folder ~/imap/imap/spice -o imap.tm",
        "sunpy-helio imap --data-dir ~/imap kernels 20260110 20260111 --fetch",
    )
)
@click.argument("start")
@click.argument("end", required=False)
@_words("type", "Types of SPICE kernels; all by default")
@click.option("--metakernel", is_flag=True, help="Print a metakernel for furnsh of SPICE.")
@click.option("--folder", default="", metavar="FOLDER", help="The folder of the kernels in the metakernel.")
@click.option("--fetch", is_flag=True, help="Download the kernels of the metakernel to the tree of the SDC.")
@click.option("--complete", is_flag=True, help="Fail if the kernels of the metakernel have gaps.")
@output_options
def kernels(
    start: str,
    end: str | None,
    metakernel: bool,
    folder: str,
    fetch: bool,
    complete: bool,
    output: Output,
    **asked: Any,
) -> None:
    """List the SPICE kernels of a time range, print a metakernel of them, or download them."""
    from sunpy_helio_plugins import imap as archive

    time = queries.time_range(start, end)
    if metakernel:
        text = archive.metakernel(time, asked["type"], folder, complete)
        show_value({"metakernel": text}, text, output)
        return
    if folder:
        raise click.UsageError("--folder is an option of --metakernel")
    if fetch:
        files = archive.kernels(time, types=asked["type"], complete=complete, progress=current_run().shows_progress)
        show_value({"files": list(map(str, files))}, "\n".join(map(str, files)), output)
        return
    if complete:
        raise click.UsageError("--complete is an option of --metakernel and --fetch")
    show(_search({"time": time, "table": "spice", **asked}), output)
