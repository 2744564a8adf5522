"""
Plans of mirrors: a folder and named queries, from a TOML file or a dict.

A plan is validated completely when it is read; no request is sent for it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import close_names, refused, shown
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.attrs import conjunction
from sunpy_helio_plugins.io.formats import FORMATS
from sunpy_helio_plugins.mirrors.plan_attrs import ARCHIVES, Archive, archive_named, duration

__all__ = ["Plan", "PlannedQuery"]

DELETABLE = ("superseded", "outside")
"""The kinds of files that ``delete`` may name."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_TIMES = ("window", "start", "end")
_OPTIONS = ("archive", *_TIMES, "path", "keep", "keep_files", "delete", "table", "picture")


@dataclass(frozen=True)
class PlannedQuery:
    """
    A named query of a plan.

    Attributes
    ----------
    name : str
        The name, which is that of its folder.
    archive : str
        ``"hapi"``, ``"imap"``, ``"helioviewer"`` or ``"her"``.
    attrs : tuple of sunpy.net.attr.Attr
        The attrs of the query, without the time range.
    window : float
        The length of a moving window in seconds; 0 for a fixed start.
    start, end : astropy.time.Time or None
        The fixed start and end; a window without an end moves with the present.
    path : str
        The template of the files' paths in the folder of the query.
    keep : float
        The age in seconds after which files are deleted; 0 to keep them.
    keep_files : int
        The number of files after which older ones are deleted; 0 to keep them.
    delete : tuple of str
        What else is deleted: ``"superseded"``, ``"outside"``.
    table : str
        The format of the daily tables; empty for none.
    picture : bool
        Whether daily pictures are drawn.

    Examples
    --------
    >>> from sunpy_helio_plugins.mirrors import Plan
    >>> query = {"archive": "her", "event_type": "FL", "start": "2026-01-10", "end": "2026-01-11"}
    >>> plan = Plan.of({"mirror": {"folder": "mirror"}, "queries": {"flares": query}})
    >>> plan.queries["flares"].archive
    'her'
    """

    name: str
    archive: str
    attrs: tuple[Attr, ...]
    window: float = 0
    start: Time | None = None
    end: Time | None = None
    path: str = ""
    keep: float = 0
    keep_files: int = 0
    delete: tuple[str, ...] = ()
    table: str = ""
    picture: bool = False

    def __repr__(self) -> str:
        return f"<PlannedQuery {self.name}: {self.archive}, {len(self.attrs)} attr{'s' * (len(self.attrs) != 1)}>"

    @property
    def is_sampled(self) -> bool:
        """Whether the query selects the images nearest to a grid of times, which change as images arrive."""
        return any(isinstance(attr, a.Sample) for attr in self.attrs)

    def span(self, now: Time) -> tuple[Time, Time]:
        """
        Return the time range of a run.

        Parameters
        ----------
        now : astropy.time.Time
            The time of the run.

        Returns
        -------
        tuple of astropy.time.Time
            The start, and the end, which is not part of the range. Ends that move are at the end of the day, and
            windows begin with a day (UTC), so that the requests for days that have ended are the same in every run.
            Samples end now, since the image nearest to a later time is not known.
        """
        end = self.end if self.end is not None else now if self.is_sampled else _midnight(now) + 1 * u.day
        if self.start is not None:
            return self.start, end
        return _midnight((now if self.end is None else end) - self.window * u.s), end

    def query(self, now: Time) -> Attr:
        """
        Return the query of a run.

        Parameters
        ----------
        now : astropy.time.Time
            The time of the run.

        Returns
        -------
        sunpy.net.attr.Attr
            The attrs with the time range.
        """
        start, end = self.span(now)
        # The end of a.Time is part of the range: the last day would be another request than when it is not the last.
        return conjunction(a.Time(start, end - 1 * u.ns), *self.attrs)


def _midnight(instant: Time) -> Time:
    return Time(instant.utc.strftime("%Y-%m-%d"), scale="utc")


@dataclass(frozen=True)
class Plan:
    """
    The plan of a mirror: a folder, and named queries that are kept up to date in its subfolders.

    `Plan.read` reads a TOML file, `Plan.parse` a text in TOML, and `Plan.of` a dict of the same structure.

    Attributes
    ----------
    folder : pathlib.Path
        The folder.
    queries : dict of PlannedQuery
        The queries by name.
    origin : str
        The plan's file, for messages.

    Examples
    --------
    >>> from sunpy_helio_plugins.mirrors import Plan
    >>> query = {"archive": "her", "event_type": "FL", "window": "30 days"}
    >>> plan = Plan.of({"mirror": {"folder": "mirror"}, "queries": {"flares": query}})
    >>> list(plan.queries)
    ['flares']
    """

    folder: Path
    queries: dict[str, PlannedQuery] = field(default_factory=dict)
    origin: str = "The plan"

    def __repr__(self) -> str:
        return f"<Plan of {self.folder}: {', '.join(self.queries) or 'no queries'}>"

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """
        Read a plan from a TOML file.

        Parameters
        ----------
        path : str or pathlib.Path
            The file. Its ``folder`` is relative to the folder of the file.

        Returns
        -------
        Plan
            The plan, which is valid.

        Raises
        ------
        QueryError
            The file is not TOML, or the plan is not valid; the message names the file, the table and the key.
        DiskError
            The file cannot be read.
        """
        place = inputs.one_path("mirrors.Plan.read", path)
        with local(place, "read"):
            content = place.read_bytes()
        return cls._of(_toml(content, str(place)), str(place), place.parent)

    @classmethod
    def parse(cls, text: str | bytes, origin: str = "The plan") -> Plan:
        """
        Read a plan from a text in TOML, such as that of standard input.

        Parameters
        ----------
        text : str or bytes
            The text; bytes are in UTF-8. Its ``folder`` is relative to the working directory.
        origin : str, optional
            The origin of the text, for messages.

        Returns
        -------
        Plan
            The plan, which is valid.

        Raises
        ------
        QueryError
            The text is not TOML, or the plan is not valid; the message names the origin, the table and the key.
        """
        if not isinstance(text, str | bytes):
            raise refused("mirrors.Plan.parse", text, "a text in TOML")
        if not isinstance(origin, str):
            raise refused("mirrors.Plan.parse", origin, "a text as origin")
        return cls._of(_toml(text, origin), origin, Path())

    @classmethod
    def of(cls, given: str | Path | Mapping[str, Any] | Plan) -> Plan:
        """
        Return a plan in any form.

        Parameters
        ----------
        given : str, pathlib.Path, dict or Plan
            The path of a TOML file, a dict of the same structure, or a plan.

        Returns
        -------
        Plan
            The plan, which is valid.

        Raises
        ------
        QueryError
            The plan is not valid.
        DiskError
            The file cannot be read.
        """
        if isinstance(given, Plan):
            return given
        if isinstance(given, Mapping):
            return cls._of(given, "The plan", Path())
        if isinstance(given, str | Path):
            return cls.read(given)
        raise refused("mirror", given, "the path of a TOML file, a dict or a Plan")

    @classmethod
    def _of(cls, given: Mapping[str, Any], origin: str, base: Path) -> Plan:
        top = _Table(given, origin, "")
        top.refuse_unknown(("mirror", "queries"))
        mirror = top.table("mirror")
        mirror.refuse_unknown(("folder",))
        folder = mirror.need("folder", "the path of a folder, such as '~/mirror'", _text)
        named = top.table("queries")
        if not named.values:
            raise named.error("", "needs at least one query, such as [queries.wind].")
        lower = [str(name).lower() for name in named.values]
        for name in named.values:
            if not _NAME.fullmatch(str(name)) or lower.count(str(name).lower()) > 1:
                allowed = "a name is the name of a folder: letters, digits, - and _, each name once in any case"
                raise named.error("", f"has the name {shown(name)}; {allowed}.")
        queries = {name: _query(name, named.table(name)) for name in named.values}
        with local(folder, "read"):
            return cls(base.expanduser() / Path(folder).expanduser(), queries, origin)


def _toml(text: str | bytes, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise QueryError(f"{origin} is not a plan in TOML ({error}); correct it.") from None


class _Table:
    """A table of a plan, with its place for messages."""

    def __init__(self, values: Mapping[str, Any], origin: str, place: str) -> None:
        self.values, self.origin, self.place = values, origin, place

    def error(self, key: str, text: str) -> QueryError:
        """Return the error for a key, or for the table itself."""
        where = f"[{self.place}] " if self.place else ""
        return QueryError(f"{self.origin}: {where}{key}{' ' if key else ''}{text}")

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Refuse keys that the table does not have."""
        for key in self.values:
            if key not in known:
                hint = close_names(key, known)
                raise self.error("", f"does not take the key {shown(key)}; it takes {', '.join(known)}.{hint}")

    def table(self, key: str) -> _Table:
        """Return a table in this one."""
        place = f"{self.place}.{key}" if self.place else key
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"is a table, [{place}], not {shown(value)}.")
        return _Table(value, self.origin, place)

    def get(self, key: str, allowed: str, of: Callable[[Any], Any], default: Any) -> Any:
        """Return a value of the table, or a default."""
        if key not in self.values:
            return default
        try:
            return of(self.values[key])
        except (TypeError, ValueError):
            raise self.error(key, f"takes {allowed}, not {shown(self.values[key])}.") from None

    def need(self, key: str, allowed: str, of: Callable[[Any], Any]) -> Any:
        """Return a value that the table must have."""
        if key not in self.values:
            raise self.error("", f"needs the key {key}: {allowed}.")
        return self.get(key, allowed, of, None)


_DURATION = "a duration such as '30 days' or 'P30D'"
_INSTANT = "a time such as 2026-01-10 or 2026-01-10T12:00:00"


def _query(name: str, table: _Table) -> PlannedQuery:
    """Return a validated query."""
    archive = table.need("archive", f"one of {', '.join(ARCHIVES)}", _one_of(tuple(ARCHIVES)))
    about = archive_named(archive)
    table.refuse_unknown((*_OPTIONS, *about.keys))
    window = table.get("window", _DURATION, duration, 0)
    start, end = (table.get(key, _INSTANT, _instant, None) for key in ("start", "end"))
    if start is not None and window:
        raise table.error("", "takes either window or start, not both.")
    if start is None and not window:
        raise table.error("", "needs either window, such as '30 days', or start.")
    if start is not None and end is not None and start >= end:
        raise table.error("end", f"must be later than start, {start.isot}; it is {end.isot}.")
    keep = table.get("keep", _DURATION, duration, 0)
    made = PlannedQuery(
        name, archive, _attrs(table, about), window, start, end,
        path=table.get("path", "a template such as '{start_time:%Y}/{file}'", _text, _PATHS.get(archive, _PATH)),
        keep=keep, keep_files=table.get("keep_files", "a number of files of at least 1", _count, 0),
        delete=table.get("delete", f"a list of {' and '.join(DELETABLE)}", _kinds, ()),
        table=table.get("table", f"a format: {', '.join(FORMATS)}", _one_of(tuple(FORMATS)), ""),
        picture=table.get("picture", "true or false", _flag, False),
    )  # fmt: skip
    _check_keep(table, made)
    _check_query(table, made, about)
    return made


_PATH = "{start_time:%Y}/{start_time:%m}/{file}"
_PATHS = {"imap": "{tree}/{file}"}
"""The paths of files if the plan does not give any; those of IMAP are the tree of the SDC."""


def _attrs(table: _Table, about: Archive) -> tuple[Attr, ...]:
    """Return the attrs of a query, and the one that selects the archive."""
    found: list[Attr] = []
    for key, reader in about.keys.items():
        if key not in table.values:
            continue
        given = table.values[key]
        values = given if isinstance(given, list) else [given]
        if not values or any(isinstance(value, Mapping | list) for value in values):
            raise table.error(key, f"takes a value or a list of values, not {shown(given)}.")
        try:
            found.append(reader(values))
        except (HelioPluginsError, TypeError, ValueError, AttributeError) as error:
            raise table.error(key, f"is not valid: {error}") from None
    classes = {type(attr) for attr in found}
    return (*(attr for attr in about.defaults() if type(attr) not in classes), *found)


def _check_keep(table: _Table, query: PlannedQuery) -> None:
    """Refuse a retention that deletes files which the next run would download again."""
    first, _ = query.span(Time.now())
    if query.keep and first < Time.now() - (query.keep + 86400) * u.s:
        raise table.error("keep", f"is shorter than the range that is mirrored, which starts at {first.isot}.")


def _check_query(table: _Table, query: PlannedQuery, about: Archive) -> None:
    """Check the attrs together, as the archive does, and the template of the paths."""
    if Path(query.path).is_absolute() or ".." in Path(query.path).parts:
        raise table.error("path", f"is in the folder of the query, and must be relative; it is {shown(query.path)}.")
    try:
        about.translator.queries(*query.attrs, a.Time(*query.span(Time.now())))
    except (HelioPluginsError, TypeError) as error:
        raise table.error("", f"is not a valid query: {error}") from None


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise TypeError
    return given


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _count(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise TypeError
    return given


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str]:
    def of(given: Any) -> str:
        if given not in words:
            raise ValueError
        return str(given)

    return of


def _kinds(given: Any) -> tuple[str, ...]:
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not all(one in DELETABLE for one in found):
        raise ValueError
    return tuple(dict.fromkeys(found))


def _instant(given: Any) -> Time:
    if not isinstance(given, str | date | Time):
        raise TypeError
    return inputs.instant("mirror", given).utc
