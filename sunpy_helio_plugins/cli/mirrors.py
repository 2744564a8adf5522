"""The commands that update a mirror and check the files in folders."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sunpy_helio_plugins.cli.command import Command, current_run, one_line
from sunpy_helio_plugins.cli.output import Output, show_value, value_options

if TYPE_CHECKING:
    from sunpy_helio_plugins.mirrors import FolderCheck

__all__ = ["fsck", "mirror"]

_TERMINATED = 128 + signal.SIGTERM
"""The exit code of a run that SIGTERM ended."""


class _Terminated(KeyboardInterrupt):
    """SIGTERM was received."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that the report is written."""

    def end(*_: Any) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


@click.command(
    cls=Command,
    examples=(
        "sunpy-helio mirror mirror.toml",
        "sunpy-helio mirror mirror.toml --query wind --query flares --json",
        "sunpy-helio mirror mirror.toml --dry-run",
        "sed s/2025/2026/ mirror.toml | sunpy-helio mirror -",
    ),
)
@click.argument("plan", metavar="FILE")
@click.option("--query", "queries", multiple=True, metavar="NAME", help="Run this query only; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Search only, and print what a run would do; nothing is written.")
@value_options
def mirror(plan: str, queries: tuple[str, ...], dry_run: bool, output: Output) -> int:
    """Bring the mirror of the plan in FILE up to date: new files, revisions, retention, daily tables and pictures.

    With - as FILE, the plan is read from standard input, and its folder is relative to the working directory.

    A second run in the same folder ends at once with the exit code 4. Ctrl-C and SIGTERM end a run with the codes 130
    and 143; the next one continues. The report is also written to report.json in the folder of the mirror.
    """
    from sunpy_helio_plugins import mirrors
    from sunpy_helio_plugins.errors import DiskError

    run = current_run()
    try:
        if plan == "-":
            read = mirrors.Plan.parse(sys.stdin.buffer.read(), "Standard input")
        else:
            read = mirrors.Plan.read(_path("FILE", "file", plan))
    except DiskError as error:
        raise click.UsageError(str(error)) from None
    try:
        with _terminable():
            report = mirrors.mirror(read, queries=queries or None, dry_run=dry_run, progress=run.shows_progress)
    except _Terminated:
        click.echo("Terminated.", err=True)
        return _TERMINATED
    run.problems += [str(one) for one in report.problems]
    run.notes += [f"{name}: {note}" for name, one in report.queries.items() for note in one.notes]
    show_value(report.plain(), report.summary, output)
    return report.code


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
@value_options
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
    places = [_path("FOLDER", "folder", folder) for folder in folders]
    checks = [mirrors.check_folder(place, ask=ask, again=again, told=told) for place in places]
    checks += [mirrors.check_cache()] if cache else []
    if told is not None:
        click.echo("\r\x1b[K", nl=False, err=True)
    before = len(run.problems)
    for one in checks:
        run.problems += [str(problem) for problem in one.problems]
        run.notes += one.notes
    show_value({"checks": [one.plain() for one in checks]}, "\n".join(one.summary for one in checks), output)
    del run.problems[before:]  # told here by their kinds
    for one in checks:
        for text in _told(one):
            click.echo(one_line(text), err=True)
    return max(one.code for one in checks)


def _path(name: str, kind: str, given: str) -> Path:
    """Return the path of an argument, which is named as in the help."""
    from sunpy_helio_plugins.arguments import one_path
    from sunpy_helio_plugins.errors import local

    if not given.strip() or ("://" in given and not given.lower().startswith("file:")):
        raise click.UsageError(f"{name} is the path of a {kind} on this machine, not {given!r}")
    path = one_path(name, given, folder=True)
    with local(path, "read"):
        is_folder, exists = path.is_dir(), path.exists()
    if exists and is_folder != (kind == "folder"):
        other = "folder" if is_folder else "file"
        raise click.UsageError(f"{name} is the path of a {kind}, but {path} is a {other}")
    return path


def _told(check: FolderCheck) -> Iterator[str]:
    """Yield what a check has found wrong, by kind."""
    yield from (f"Damaged: {path}: {reason}" for path, reason in check.damaged.items())
    yield from (f"Changed: {path}: its digest differs from that noted before." for path in check.changed)
    yield from (f"Missing: {path}: the manifest lists it." for path in check.missing)
    yield from (f"Outdated: {path}: the archive has another revision." for path in check.outdated)
    yield from (f"Not checked: {error}" for error in check.errors)


def _tell(path: Path) -> None:
    """Show the file that is being judged on one line of the terminal."""
    name = path.name if path.name.isprintable() else "?"
    click.echo(f"\r\x1b[K{name[:70]}", nl=False, err=True)
