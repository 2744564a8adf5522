"""The command that judges the files in folders again."""

from __future__ import annotations

from pathlib import Path

import click

from sunpy_helio_plugins.cli.command import Command, current_run
from sunpy_helio_plugins.cli.output import Output, output_options, show_value

__all__ = ["fsck"]


@click.command(
    cls=Command,
    examples=(
        "sunpy-helio fsck ~/mirror",
        "sunpy-helio fsck ~/imap --ask --json",
        "sunpy-helio fsck --cache",
    ),
)
@click.argument("folders", nargs=-1, metavar="[FOLDER]...")
@click.option("--ask", is_flag=True, help="Ask the archives for the revisions of the files in manifests.")
@click.option("--again", is_flag=True, help="Read all files, also those that an earlier check has judged.")
@click.option("--cache", is_flag=True, help="Judge the cache of metadata.")
@output_options
def fsck(folders: tuple[str, ...], ask: bool, again: bool, cache: bool, output: Output) -> int:
    """Judge the files in each FOLDER again: their structure, and the digests of manifests.

    No file is changed or removed. An interrupted check continues where it was, and the next one skips files that have
    not changed.
    """
    from sunpy_helio_plugins import mirrors

    if not folders and not cache:
        raise click.UsageError("give a folder, or --cache")
    run = current_run()
    told = _tell if run.shows_progress else None
    checks = [mirrors.check_folder(folder, ask=ask, again=again, told=told) for folder in folders]
    checks += [mirrors.check_cache()] if cache else []
    if told is not None:
        click.echo("\r\x1b[K", nl=False, err=True)
    for one in checks:
        run.problems += [str(problem) for problem in one.problems]
        run.notes += one.notes
    show_value({"checks": [one.plain() for one in checks]}, "\n".join(one.summary for one in checks), output)
    return max(one.code for one in checks)


def _tell(path: Path) -> None:
    """Show the file that is being judged on one line of the terminal."""
    name = path.name if path.name.isprintable() else "?"
    click.echo(f"\r\x1b[K{name[:70]}", nl=False, err=True)
