"""The main command, to which the commands of the archives belong."""

from __future__ import annotations

from typing import Any

import click

from sunpy_helio_plugins.cli.command import Root
from sunpy_helio_plugins.cli.hapi import hapi
from sunpy_helio_plugins.cli.helioviewer import helioviewer
from sunpy_helio_plugins.cli.her import her
from sunpy_helio_plugins.cli.imap_operations import imap
from sunpy_helio_plugins.cli.mirrors import fsck, mirror
from sunpy_helio_plugins.cli.settings import cache, config, demo, sandbox, sign_in

__all__ = ["command", "main"]

_EXIT_CODES = """\
Exit codes: 0 whole, 1 a part is missing, 2 wrong use, 3 nothing came, 4 another run holds the lock, 130 Ctrl-C."""


def _print_version(context: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given:
        from sunpy_helio_plugins import __version__

        click.echo(f"sunpy-helio {__version__}")
        context.exit()


@click.group(
    "sunpy-helio",
    cls=Root,
    help=f"""Search and download data of HAPI servers, the IMAP Science Data Center, Helioviewer and the Heliophysics
    Events Registry.

    {_EXIT_CODES}""",
    examples=(
        "sunpy-helio imap query --instrument mag --data-level l2 --start-date 20260110 --end-date 20260111",
        "sunpy-helio hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-11 --parameters Magnitude",
        "sunpy-helio her search 2026-01-10 2026-01-11 --type FL --json",
        "sunpy-helio helioviewer nearest 2026-01-10T12:00",
    ),
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print the version."
)
@click.option(
    "--sandbox", "url", metavar="URL", help="Use the embedded archive at this address, which the command sandbox runs."
)
@click.pass_context
def command(context: click.Context, url: str | None) -> None:
    """Run a command of one of the archives."""
    if url is not None and not context.resilient_parsing:
        from sunpy_helio_plugins.sandbox import use

        context.with_resource(use(url))


for _one in (hapi, imap, helioviewer, her, mirror, fsck, demo, sandbox, cache, config, sign_in):
    command.add_command(_one)


def main(args: list[str] | None = None, **kwargs: Any) -> None:
    """Run the command ``sunpy-helio``, and exit with its code."""
    command.main(args, **{"prog_name": "sunpy-helio"} | kwargs)
