"""The command that brings a mirror up to date."""

from __future__ import annotations

import click

from sunpy_helio_plugins.cli.command import Command, current_run
from sunpy_helio_plugins.cli.output import Output, output_options, show_value

__all__ = ["mirror"]


@click.command(
    cls=Command,
    examples=(
        "sunpy-helio mirror mirror.toml",
        "sunpy-helio mirror mirror.toml --query wind --query flares --json",
        "sunpy-helio mirror mirror.toml --dry-run",
    ),
)
@click.argument("plan", metavar="PLAN.toml")
@click.option("--query", "queries", multiple=True, metavar="NAME", help="Run this query only; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Search only, and print what a run would do; nothing is written.")
@output_options
def mirror(plan: str, queries: tuple[str, ...], dry_run: bool, output: Output) -> int:
    """Bring the mirror of PLAN.toml up to date: new files, revisions, retention, daily tables and pictures.

    A second run in the same folder ends at once with the exit code 4. The report is also written to report.json in the
    folder of the mirror.
    """
    from sunpy_helio_plugins import mirrors
    from sunpy_helio_plugins.errors import DiskError

    run = current_run()
    try:
        read = mirrors.Plan.read(plan)
    except DiskError as error:
        raise click.UsageError(str(error)) from None
    report = mirrors.mirror(read, queries=queries or None, dry_run=dry_run, progress=run.shows_progress)
    run.problems += [str(one) for one in report.problems]
    run.notes += [f"{name}: {note}" for name, one in report.queries.items() for note in one.notes]
    show_value(report.plain(), report.summary, output)
    return report.code
