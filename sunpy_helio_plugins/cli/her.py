"""The commands of ``sunpy-helio her``: solar events of the Heliophysics Events Registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import Group
from sunpy_helio_plugins.cli.files import downloaded, failure, fetch, folder_option
from sunpy_helio_plugins.cli.output import Output, output_options, show, show_value, value_options

__all__ = ["her"]

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group(
    "her",
    cls=Group,
    examples=(
        "sunpy-helio her search 2026-01-10 2026-01-11 --type FL --where 'fl_goescls>M1'",
        "sunpy-helio her search 2026-01-10 2026-01-11 --type CH --json",
        "sunpy-helio her export ivo://helio-informatics.org/... -d events",
    ),
)
def her() -> None:
    """Search the Heliophysics Events Registry (HER, HEK), and download its events."""


@her.command(
    examples=(
        "sunpy-helio her search 2026-01-10 2026-01-11 --type FL,CH --columns event_type,event_starttime,kb_archivid",
        "sunpy-helio her search 2026-01-10 2026-01-11 --type FL --where 'fl_goescls>M1' --where 'frm_name=SWPC'",
        "sunpy-helio her search 2026-01-10 2026-01-11 --dry-run",
    )
)
@click.argument("start")
@click.argument("end", required=False)
@click.option(
    "--type", "kinds", multiple=True, callback=queries.texts, help="Two letters of event types (FL, CH, AR, ...)."
)
@click.option(
    "--where", multiple=True, metavar="COMPARISON",
    help="A keyword, one of = != < <= > >= ~ and a value; ~ is for patterns with %. All comparisons must be true.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The largest number of events.")
@click.option("--dry-run", is_flag=True, help="Print the URLs of the requests, without sending them.")
@output_options
def search(
    start: str, end: str | None, kinds: Sequence[str], where: Sequence[str], limit: int | None, dry_run: bool,
    output: Output,
) -> None:  # fmt: skip
    """List the events that overlap with the time from START to END, or with a day."""
    from sunpy_helio_plugins import HERClient
    from sunpy_helio_plugins import her as archive

    attrs = _attrs(start, end, kinds, where, limit)
    if dry_run:
        urls = [request.url for request in archive.translate(*attrs)]
        show_value({"requests": urls, "dry_run": True}, "\n".join(urls), output)
        return
    show(HERClient().search(*attrs), output, empty="No events.")


def _attrs(
    start: str, end: str | None, kinds: Sequence[str], where: Sequence[str], limit: int | None
) -> list[Any]:  # fmt: skip
    from sunpy.net import attrs as a
    from sunpy.net.attr import or_

    import sunpy_helio_plugins.her.client  # noqa: F401 - registers the attrs

    chosen = [or_(*map(a.her.EventType, kinds))] if kinds else [a.her.Event()]
    limits = [a.her.Limit(limit)] if limit is not None else []
    return [queries.time_range(start, end), *chosen, *map(_comparison, where), *limits]


_COMPARISON = re.compile(
    r"\s*(?:(?P<kind>[A-Za-z]{2})\.)?(?P<name>\w+)\s*(?P<sign>!=|<=|>=|=|<|>|~)\s*(?P<value>.+?)\s*"
)


def _comparison(text: str) -> Any:
    """Return a comparison of a keyword, such as ``fl_goescls>M1`` or ``CH.area_raw>1e4``."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins.errors import QueryError

    found = _COMPARISON.fullmatch(text)
    if found is None:
        raise QueryError(f"{text!r} is not a comparison; write a keyword, a sign and a value, as in 'fl_goescls>M1'.")
    _check_keyword(found["kind"], found["name"])
    place = getattr(a.her, found["kind"].upper()) if found["kind"] else a.her
    field = getattr(place, found["name"])
    value = _typed(found["value"])
    compared: dict[str, Callable[[Any], Any]] = {
        "=": field.__eq__, "!=": field.__ne__, "<": field.__lt__, "<=": field.__le__, ">": field.__gt__,
        ">=": field.__ge__, "~": field.like,
    }  # fmt: skip
    return compared[found["sign"]](str(value) if found["sign"] == "~" else value)


def _check_keyword(kind: str | None, name: str) -> None:
    """Refuse a comparison of an event type or a keyword that does not exist."""
    from sunpy_helio_plugins.arguments import choice, close_names
    from sunpy_helio_plugins.errors import QueryError
    from sunpy_helio_plugins.her.keywords import event_types, keywords

    if kind is not None and kind.upper() not in event_types():
        raise QueryError(f"There is no event type {kind!r}.{choice(kind, event_types(), 'types')}")
    if name.lower() not in keywords():
        raise QueryError(f"There is no keyword {name!r} to compare.{close_names(name, keywords())}")


def _typed(text: str) -> Any:
    """Return a value as a number or a boolean if it looks like one."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _records(ivorns: Sequence[str]) -> Any:
    """Return a table of events of which only the IVORNs are known."""
    from sunpy_helio_plugins import HERClient
    from sunpy_helio_plugins import her as archive
    from sunpy_helio_plugins.errors import QueryError

    for one in ivorns:
        if not one.startswith("ivo://"):
            raise QueryError(f"An event is given by its IVORN, ivo://..., not {one!r}; her search lists kb_archivid.")
    table = archive.HERTable.from_records([{"kb_archivid": one} for one in ivorns], client=HERClient(), partial=True)
    table.problems = []
    return table


@her.command(
    "show", examples=("sunpy-helio her show ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800",)
)
@click.argument("ivorn")
@click.option("--rev", type=int, metavar="N", help="The number of an earlier revision.")
@value_options
def show_event(ivorn: str, rev: int | None, output: Output) -> None:
    """Print the keywords of an event, from its document in the registry."""
    from sunpy_helio_plugins import her as archive

    event = archive.voevent.read(_document(ivorn, rev))
    values = {"event_type": event.event_type, "kb_archivid": event.ivorn, **event.values}
    page = archive.summary_url(ivorn, rev)
    lines = [f"{name}: {' '.join(str(text).split())}" for name, text in values.items()]
    links = [f"reference: {one['ref_name']} {one['ref_url']}" for one in event.references]
    shown = {"event": values, "references": event.references, "citations": event.citations, "url": page}
    show_value(shown, "\n".join([*lines, *links, f"page: {page}"]), output)


def _document(ivorn: str, rev: int | None) -> bytes:
    """Return the document of an event."""
    import tempfile
    from pathlib import Path

    options: dict[str, Any] = {} if rev is None else {"rev": rev}
    with (
        tempfile.TemporaryDirectory() as folder,
        downloaded(_records([ivorn]), folder, progress=False, **options) as files,
    ):
        if files.errors:
            raise failure(files.errors[0])
        return Path(files[0]).read_bytes()


@her.command(
    examples=(
        "sunpy-helio her export ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800 -d events",
        "sunpy-helio her search 2026-01-10 --type FL --json | jq -r '.rows[].kb_archivid' | sunpy-helio her export -",
    )
)
@click.argument("ivorn", nargs=-1, required=True)
@folder_option
@click.option("--overwrite", is_flag=True, help="Download files that exist already.")
@click.option("--dry-run", is_flag=True, help="Print the URLs, without a download.")
@value_options
def export(ivorn: tuple[str, ...], folder: str, overwrite: bool, dry_run: bool, output: Output) -> None:
    """Download events as VOEvent documents; - reads IVORNs from standard input."""
    from sunpy_helio_plugins import her as archive

    names = queries.words_of(ivorn)
    table = _records(names)
    fetch(table, folder, [archive.voevent_url(one) for one in names], output, overwrite=overwrite, dry_run=dry_run)
