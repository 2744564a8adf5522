"""The commands of ``sunpy-helio hapi``: servers, their datasets, and records."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import NOTHING, PARTLY, Group, current_run
from sunpy_helio_plugins.cli.output import (
    PICTURES,
    Output,
    check_folder,
    chosen_form,
    output_options,
    show,
    show_value,
    value_options,
    written,
)

__all__ = ["hapi"]


def _server_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return short names of servers, from the list itself: the completion must not import what reads it."""
    listed = json.loads((Path(__file__).parents[1] / "hapi" / "servers.json").read_text(encoding="utf-8"))
    return [name for name in listed if name.startswith(incomplete)]


@click.group(
    "hapi",
    cls=Group,
    examples=(
        "sunpy-helio hapi servers",
        "sunpy-helio hapi catalog cdaweb 'AC_*'",
        "sunpy-helio hapi find 'ion density' --near L1 --server cdaweb",
        "sunpy-helio hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-11 --parameters Magnitude -o field.png",
    ),
)
def hapi() -> None:
    """List the servers of time series (HAPI) and their datasets, and download records."""


@hapi.command(examples=("sunpy-helio hapi servers", "sunpy-helio hapi servers --columns name,url --csv"))
@output_options
def servers(output: Output) -> None:
    """List the servers with a short name."""
    from sunpy_helio_plugins import hapi as archive

    show(archive.servers(), output)


@hapi.command(
    examples=("sunpy-helio hapi catalog cdaweb", "sunpy-helio hapi catalog cdaweb 'magnetic field' --availability")
)
@click.argument("server", shell_complete=_server_names)
@click.argument("pattern", default="*")
@click.option("--availability", is_flag=True, help="Print the time ranges, for which each dataset is requested.")
@output_options
def catalog(server: str, pattern: str, availability: bool, output: Output) -> None:
    """List the datasets of SERVER, by its short name or URL, whose id or title matches PATTERN (with * and ?)."""
    from sunpy_helio_plugins import hapi as archive

    show((archive.availability if availability else archive.catalog)(server, pattern), output)


@hapi.command(
    examples=("sunpy-helio hapi info cdaweb AC_H0_MFI", "sunpy-helio hapi info cdaweb AC_H0_MFI --json | jq .info")
)
@click.argument("server", shell_complete=_server_names)
@click.argument("dataset")
@click.option(
    "--parameters", multiple=True, callback=queries.texts, metavar="NAMES",
    help="Names or patterns of parameters; several with commas; all by default.",
)  # fmt: skip
@output_options
def info(server: str, dataset: str, parameters: tuple[str, ...], output: Output) -> None:
    """Describe a dataset: its time range and parameters; --json prints the unchanged response of the server."""
    from sunpy_helio_plugins import hapi as archive

    described = archive.info(server, dataset, parameters or None)
    if output.form == "json" and not output.columns:
        show_value({"info": described.raw}, "", output)
        return
    if output.form == "table" and output.path == "-":
        for name in ("description", "start", "stop", "cadence"):
            if text := " ".join(str(getattr(described, name) or "").split()):
                click.echo(_printable(f"{name}: {text}"))
    show(_parameters(described), output)


@hapi.command(
    examples=(
        "sunpy-helio hapi find 'ion density' --near L1 --server cdaweb",
        "sunpy-helio hapi find 'magnetic field in GSM 1 minute' --json",
        "sunpy-helio hapi find flux --unit 'cm-2 s-1 sr-1 MeV-1' --columns Dataset,Parameter --csv",
    )
)
@click.argument("words", nargs=-1, required=True)
@click.option("--near", metavar="PLACE", help="Only datasets of observatories there: L1, Earth, Moon, Mars, ...")
@click.option(
    "--server", "servers", multiple=True, callback=queries.texts, metavar="NAMES", shell_complete=_server_names,
    help="Short names or URLs, several with commas; all that are indexed by default.",
)  # fmt: skip
@click.option("--unit", metavar="UNIT", help="Only parameters with a unit of the same physical type.")
@click.option("--cadence", metavar="SECONDS", type=queries.POSITIVE, help="The longest interval between records.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The number of rows.")
@output_options
def find(
    words: tuple[str, ...], near: str | None, servers: tuple[str, ...], unit: str | None, cadence: float | None,
    limit: int, output: Output,
) -> None:  # fmt: skip
    """Find parameters by WORDS in the index of servers; the index of a server that is named is made first."""
    from astropy import units as u

    from sunpy_helio_plugins import hapi as archive

    table = archive.find(
        " ".join(words),
        near=near,
        unit=unit,
        cadence=None if cadence is None else cadence * u.s,
        server=list(servers) or None,
        limit=limit,
    )
    current_run().add(table)
    show(table, output)


@hapi.command(
    examples=(
        "sunpy-helio hapi index --all", "sunpy-helio hapi index cdaweb", "sunpy-helio hapi index",
    )
)  # fmt: skip
@click.argument("servers", nargs=-1, shell_complete=_server_names)
@click.option("--all", "every", is_flag=True, help="Download the descriptions of all servers in one file.")
@output_options
def index(servers: tuple[str, ...], every: bool, output: Output) -> None:
    """Refresh the index of SERVERS or of all of them; without either, list the servers that are indexed."""
    from sunpy_helio_plugins import hapi as archive

    if every and servers:
        raise click.UsageError("--all already includes the servers: give either of them")
    table = archive.update_index(*servers) if every or servers else archive.indexed()
    current_run().add(table)
    show(table, output)


def _printable(text: str) -> str:
    from sunpy_helio_plugins.errors import printable

    return printable(text)


def _parameters(described: Any) -> Any:
    """Return the parameters of a dataset as a table."""
    import numpy as np
    from astropy.table import QTable

    rows = [
        (one.name, one.type, _spelt(one.units), " x ".join(map(str, one.size or ())), one.description or "")
        for one in described.parameters
    ]
    names = ("name", "type", "units", "size", "description")
    columns = [np.array([" ".join(str(row[index]).split()) for row in rows], dtype=str) for index in range(len(names))]
    return QTable(columns, names=names)


def _spelt(units: Any) -> str:
    return ", ".join(map(str, units)) if isinstance(units, list | tuple) else str(units or "")


@hapi.command(
    examples=(
        "sunpy-helio hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-11 --parameters Magnitude,BGSEc > field.csv",
        "sunpy-helio hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-11 -o field.parquet",
        "sunpy-helio hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-11 --parameters BGSEc -o field.png",
    )
)
@click.argument("server", shell_complete=_server_names)
@click.argument("dataset")
@click.argument("start")
@click.argument("stop")
@click.option(
    "--parameters", multiple=True, callback=queries.texts, metavar="NAMES",
    help="Names or patterns of parameters; several with commas; all by default.",
)  # fmt: skip
@click.option(
    "--chunk", metavar="SECONDS", type=queries.POSITIVE, help="The longest range of one request.",
)  # fmt: skip
@click.option("--format", "transfer", type=click.Choice(["binary", "csv", "json"]), help="The form of the transfer.")
@click.option("--scale", default="utc", help="The scale of the times: utc, tai, tt, ...")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, which is the default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with a version, the rows, problems and notes.")
@click.option("--ecsv", "as_ecsv", is_flag=True, help="Print ECSV, from which astropy reads the same table.")
@click.option("--dry-run", is_flag=True, help="Print the dataset's range, without a request for records.")
@click.option(
    "-o", "--output", "path", default="-", metavar="FILE",
    help="A file instead of standard output: .csv, .parquet, .ecsv, .json, .fits; or a plot: .png, .pdf, .svg.",
)  # fmt: skip
def data(
    server: str, dataset: str, start: str, stop: str, parameters: tuple[str, ...], chunk: float | None,
    transfer: str | None, scale: str, as_csv: bool, as_json: bool, as_ecsv: bool, dry_run: bool, path: str,
) -> None:  # fmt: skip
    """Print the records from START until before STOP as CSV, or write them to a file or a plot.

    A record at STOP is not included, as in HAPI. A vector has one column of CSV for each component.
    """
    from sunpy_helio_plugins import hapi as archive

    suffix = Path(path).suffix.lower()
    _check_suffix(path, suffix)
    forms = {"csv": as_csv, "json": as_json, "ecsv": as_ecsv}
    form = chosen_form([name for name, is_given in forms.items() if is_given], path, tuple(forms), "csv")
    begin, end = queries.day_of(start), queries.day_of(stop)
    if dry_run:
        held = archive.info(server, dataset)
        asked = f"Would request {dataset} of {server} from {start} to {stop}"
        click.echo(_printable(f"{asked}; it has data from {held.start} to {held.stop}."))
        return
    table = archive.load(server, dataset, begin, end, parameters or None, chunk=chunk, format=transfer, scale=scale)
    current_run().add(table)
    if suffix in PICTURES:
        _draw(table, path, suffix)
    elif suffix in (".parquet", ".fits"):
        _write(table, path, suffix)
    else:
        show(table, Output(form, path))


def _check_suffix(path: str, suffix: str) -> None:
    """Refuse a file whose format is not known, before any request."""
    check_folder(path)
    known = (".csv", ".json", ".ecsv", ".parquet", ".fits", *PICTURES)
    if path != "-" and suffix not in known:
        raise click.UsageError(f"The suffix of {path} sets the format; it is one of {', '.join(known)}")


def _draw(table: Any, path: str, suffix: str) -> None:
    """Write a plot of the records."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    from sunpy_helio_plugins import hapi as archive

    figure = archive.quicklook(table)
    with written(path, "wb") as stream:
        figure.savefig(stream, format=suffix[1:])
    plt.close(figure)


def _write(table: Any, path: str, suffix: str) -> None:
    """Write a table to a binary format, by way of a file that is complete before it gets its name."""
    import tempfile

    from sunpy_helio_plugins import io
    from sunpy_helio_plugins.errors import local

    with written(path, "wb") as stream, local(path), tempfile.TemporaryDirectory() as folder:
        made = Path(folder, f"table{suffix}")
        io.write(table, made)
        stream.write(made.read_bytes())


@hapi.command(examples=("sunpy-helio hapi check cdaweb",))
@click.argument("server", shell_complete=_server_names)
@value_options
def check(server: str, output: Output) -> None:
    """Test a server: its capabilities, its catalogue, and the records of a dataset."""
    from sunpy_helio_plugins import hapi as archive

    found = archive.check(server)
    steps = [{"step": name, "ok": well, "message": words} for name, well, words in found.steps]
    show_value({"server": server, "ok": bool(found), "steps": steps}, repr(found), output)
    if not found:
        click.get_current_context().exit(PARTLY if any(well for _, well, _ in found.steps) else NOTHING)


@hapi.command(
    examples=(
        "ACCESS_TOKEN=$(sunpy-helio hapi token -s -i $CLIENT_ID -x $CLIENT_SECRET)",
        'ACCESS_TOKEN=$(echo "$CLIENT_SECRET" | sunpy-helio hapi token -s -i $CLIENT_ID -x -)',
        'curl -H "Authorization: Bearer $ACCESS_TOKEN" https://swe.ssa.esa.int/hapi/catalog',
    )
)
@click.argument("server", default="swe", shell_complete=_server_names)
@click.option("-s", "--silent", is_flag=True, help="Print the token only.")
@click.option("-i", "--client-id", metavar="ID", help="The client id; by default SWE_CLIENT_ID, netrc or the keyring.")
@click.option(
    "-x", "--client-secret", metavar="SECRET",
    help="The client secret; - reads it from standard input, which other users of the machine cannot see.",
)  # fmt: skip
def token(server: str, silent: bool, client_id: str | None, client_secret: str | None) -> None:
    """Print an access token of SERVER, by default of ESA's Space Weather portal, for other programs.

    The token is valid for some minutes. It is as secret as a password.
    """
    from sunpy_helio_plugins import hapi as archive
    from sunpy_helio_plugins.transport.credentials import signed_in

    if client_secret is not None and client_id is None:
        raise click.UsageError("-x needs the client id: add -i")
    if client_id is not None and client_secret in (None, "-"):
        client_secret = queries.secret("Client secret")
    current_run().secrets += [client_secret] if client_secret else []
    given = signed_in(server, client_id, client_secret or "") if client_id is not None else contextlib.nullcontext()
    with given:
        made = archive.access_token(server)
    if not silent:
        until = "" if made.expires is None else f", valid until {made.expires.strftime('%H:%M:%S')} UTC"
        current_run().say(f"A token for {server}{until}; treat it as a password:")
    click.echo(made)
