"""Downloads of the files of a search, and their failures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sunpy_helio_plugins.cli.command import WrongUse, current_run
from sunpy_helio_plugins.cli.output import Output, show_value

__all__ = ["downloaded", "end", "failure", "fetch", "folder_option"]

Function = TypeVar("Function", bound=Callable[..., Any])


def folder_option(function: Function) -> Function:
    """Add ``--folder`` to a command."""
    option = click.option(
        "-d", "--folder", default=".", metavar="FOLDER", callback=_checked_folder, help="The folder of the files."
    )
    return option(function)


def _checked_folder(_: click.Context, __: click.Parameter, given: str) -> str:
    """Refuse a file in the place of a folder, before any request."""
    place = Path(given).expanduser()
    if place.exists() and not place.is_dir():
        raise WrongUse(f"{given} is a file and not a folder; give another folder.")
    return given


def end(failed: Sequence[Exception], done: Sequence[Any]) -> None:
    """Raise the first failure if nothing was done; else all failures are what is missing."""
    run = current_run()
    if failed and not done:
        run.problems += [str(error) for error in failed[1:]]
        raise failed[0]
    run.problems += [str(error) for error in failed]


def failure(error: Any) -> Exception:
    """Return the exception of a download that failed."""
    from sunpy_helio_plugins.errors import HelioPluginsError, TransferError

    found = error.exception
    return found if isinstance(found, HelioPluginsError) else TransferError(str(found))


@contextlib.contextmanager
def downloaded(
    table: Any, folder: str | Path, *, progress: bool, overwrite: bool = False, **kwargs: Any
) -> Iterator[Any]:
    """Download the files of a table and yield the results; unlike ``Fido.fetch``, a signal ends the command."""
    from sunpy_helio_plugins.transport.files import queue
    from sunpy_helio_plugins.transport.files.naming import escaped

    downloader = queue.Downloader(progress=progress, overwrite=overwrite)
    path = f"{escaped(Path(folder).expanduser())}/{{file}}"
    table.client.fetch(table, path=path, downloader=downloader, overwrite=overwrite, **kwargs)
    with queue.downloaded(downloader) as results:
        yield results


def fetch(
    table: Any, folder: str, names: Sequence[str], output: Output, *, overwrite: bool, dry_run: bool, **options: Any
) -> None:
    """
    Download the files of a table to a folder, and print their paths.

    ``names`` are printed for a dry run; ``options`` are those of the client's ``fetch``.
    """
    run = current_run()
    run.add(table)
    if dry_run:
        show_value(
            {"files": list(names), "dry_run": True},
            "\n".join(f"Would download {one}" for one in names),
            output,
            empty="No files.",
        )
        return
    paths: list[str] = []
    if len(table):
        with downloaded(table, folder, progress=run.shows_progress, overwrite=overwrite, **options) as results:
            paths = [str(path) for path in results]
        end(list(map(failure, results.errors)), paths)
    show_value({"files": paths, "dry_run": False}, "\n".join(paths), output, empty="No files.")
