"""The commands of ``sunpy-helio imap`` for members of the mission, with the options of imap-data-access."""

from __future__ import annotations

from typing import Any

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import WrongUse, current_run
from sunpy_helio_plugins.cli.files import end
from sunpy_helio_plugins.cli.imap import imap
from sunpy_helio_plugins.cli.output import Output, show_value, value_options

__all__ = ["imap"]

_INSTRUMENTS = (
    "codice", "glows", "hi", "hit", "ialirt", "idex", "lo", "mag", "spacecraft", "swapi", "swe", "ultra",
)  # fmt: skip
"""Instruments with packets."""


@imap.command(
    examples=(
        "sunpy-helio imap webpoda --instrument mag --start-date 20260110 --dry-run",
        "sunpy-helio imap webpoda --instrument hi --start-date 20260110 --end-date 20260112 --upload-to-sdc",
    )
)
@click.option("--instrument", type=click.Choice(_INSTRUMENTS), required=True, help="The instrument.")
@click.option("--start-date", metavar="DAY", required=True, help="The first day, as 20260110 or 2026-01-10.")
@click.option("--end-date", metavar="DAY", help="The last day; by default the first one.")
@click.option(
    "--query-mode", type=click.Choice(["ert", "sct"]), default="ert",
    help="Whether the days are those of the reception on Earth (ert, the default), or of the spacecraft (sct).",
)  # fmt: skip
@click.option("--upload-to-sdc", is_flag=True, help="Upload new and changed files.")
@click.option("--dry-run", is_flag=True, help="List the files, for which only times are requested.")
@value_options
def webpoda(
    instrument: str, start_date: str, end_date: str | None, query_mode: str, upload_to_sdc: bool, dry_run: bool,
    output: Output,
) -> None:  # fmt: skip
    """Write files of level 0 from the packets of an instrument, by day or by pointing.

    The login is IMAP_WEBPODA_TOKEN; see also "sunpy-helio sign-in --help".
    """
    from sunpy_helio_plugins import imap as archive
    from sunpy_helio_plugins.errors import TransferError

    time = queries.time_range(start_date, end_date, has_last_day=True)
    run = current_run()
    found = archive.packets(
        instrument, time, by_reception=query_mode == "ert", send=upload_to_sdc, dry_run=dry_run,
        progress=run.shows_progress,
    )  # fmt: skip
    unsent = [one for one in found if one.uploaded is not None and one.uploaded.problem]
    end([TransferError(f"{one.path}: {one.uploaded.problem}") for one in unsent if one.uploaded], [*found])
    rows = [
        {"file": str(one.path), "state": one.state, "sent": bool(one.uploaded and one.uploaded.sent)} for one in found
    ]
    lines = [f"{row['state']} {row['file']}{' (uploaded)' if row['sent'] else ''}" for row in rows]
    show_value({"files": rows, "dry_run": dry_run}, "\n".join(lines), output, empty="No packets.")


@imap.command(
    examples=("sunpy-helio imap reprocess --start-date 20260110 --end-date 20260112 --instrument mag --dry-run",)
)
@click.option("--start-date", metavar="DAY", required=True, help="The first day of the files.")
@click.option("--end-date", metavar="DAY", required=True, help="The last day of the files.")
@click.option("--instrument", metavar="NAME", help="The instrument; all by default.")
@click.option("--data-level", metavar="LEVEL", help="The level; all by default.")
@click.option("--descriptor", metavar="NAME", help="The descriptor of the product; all by default.")
@click.option("--dry-run", is_flag=True, help="Print the request without sending it.")
@value_options
def reprocess(
    start_date: str, end_date: str, instrument: str | None, data_level: str | None, descriptor: str | None,
    dry_run: bool, output: Output,
) -> None:  # fmt: skip
    """Start the reprocessing of files at the Science Data Center. An API key is required."""
    from sunpy_helio_plugins import imap as archive

    days = [queries.date_of("--start-date", start_date), queries.date_of("--end-date", end_date)]
    queries.check_order(days[0], days[1], start_date, end_date)
    time = queries.time_range(start_date, end_date)
    done = archive.reprocess(time, instrument, level=data_level, descriptor=descriptor, dry_run=dry_run)
    _show(done, "reprocessing", output)


@imap.command(
    examples=(
        "sunpy-helio imap release --release-type release --dry-run "
        "--manifest-file imap_mag_data-release-001_20260101_20260131_v001.txt",
    )
)
@click.option(
    "--release-type", type=click.Choice(["release", "early-release", "unrelease"]), required=True,
    help="Release all files of the days in the name of the manifest except those in it, or only those in it (early), "
    "or reverse their release.",
)  # fmt: skip
@click.option("--manifest-file", metavar="PATH", required=True, help="The text file with the paths of files.")
@click.option(
    "--wait", type=queries.NOT_NEGATIVE, default=10.0, metavar="SECONDS",
    help="The time between the upload of the manifest and the release; 10 by default.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check the manifest, and print the request without sending it.")
@value_options
def release(release_type: str, manifest_file: str, wait: float, dry_run: bool, output: Output) -> None:
    """Make files public, or not public any more, by a manifest. An API key is required."""
    from sunpy_helio_plugins import imap as archive
    from sunpy_helio_plugins.errors import FileError

    progress = current_run().shows_progress
    try:
        done = archive.release(manifest_file, release_type, dry_run=dry_run, wait=wait, progress=progress)
    except FileError as error:  # the manifest is absent or wrong, and nothing was sent
        raise WrongUse(str(error)) from error
    _show(done, "release", output)


def _show(done: Any, what: str, output: Output) -> None:
    """Print a request, or the answer to it."""
    asked = " ".join(f"{name}={text}" for name, text in done.parameters.items())
    text = done.answer or f"Successfully submitted the {what} to the IMAP SDC."
    value = {"method": done.method, "url": done.url, "parameters": dict(done.parameters), "sent": done.sent}
    show_value(
        value | {"answer": done.answer}, text if done.sent else f"Would send {done.method} {done.url} {asked}", output
    )
