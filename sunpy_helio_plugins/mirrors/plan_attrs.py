"""The attrs of a plan: the keys that each archive takes, and how their values become attrs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from types import ModuleType
from typing import Any, NamedTuple

import astropy.units as u
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.spans import seconds

__all__ = ["ARCHIVES", "Archive", "archive_named", "duration"]

_Values = list[Any]
_Reader = Callable[[_Values], Attr]

_WORD = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(seconds?|s|minutes?|min|hours?|h|days?|d|weeks?)\s*")

_SECONDS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400,
            "week": 604800}  # fmt: skip


def duration(given: Any) -> float:
    """Return a duration in seconds, from a text such as ``"30 days"`` or ``"P30D"``; raise `ValueError` for others."""
    text = given if isinstance(given, str) else ""
    found = _WORD.fullmatch(text.lower())
    if found:
        word = found[2]
        length = float(found[1]) * _SECONDS[word if word in _SECONDS else word.removesuffix("s")]
    else:
        length = seconds(text) or 0
    if not length > 0:
        raise ValueError
    return length


class Archive(NamedTuple):
    """
    The terms of an archive in a plan.

    Attributes
    ----------
    client : type
        The class of its Fido client.
    defaults : callable
        Returns the attrs of a query that does not have others of their classes, such as the one that selects the
        archive.
    keys : mapping
        The keys that select data, and how their values become attrs.
    translator : module
        The module that checks the attrs together.
    """

    client: Callable[[], Any]
    defaults: Callable[[], list[Attr]]
    keys: Mapping[str, _Reader]
    translator: ModuleType


def archive_named(name: str) -> Archive:
    """Return an archive by its name in a plan."""
    return ARCHIVES[name]()


def _own(kind: type[Attr]) -> _Reader:
    """Return the reader of an attr that takes all values at once."""
    return lambda values: kind(*values)


def _core(kind: type[Attr]) -> _Reader:
    """Return the reader of one of sunpy's attrs, of which several are alternatives."""
    return lambda values: reduce(or_, [kind(_text(value)) for value in values])


def _each(kind: type[Attr], of: Callable[[Any], Any]) -> _Reader:
    """Return the reader of an attr whose values are converted first, and of which several are alternatives."""
    return lambda values: reduce(or_, [kind(of(value)) for value in values])


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise QueryError(f"a text is required, not {shown(given)}.")
    return given


def _time(given: Any) -> u.Quantity:
    try:
        return duration(given) * u.s
    except ValueError:
        raise QueryError(f"a duration such as '1 hour' is required, not {shown(given)}.") from None


def _wavelength(values: _Values) -> Attr:
    """Return ``a.Wavelength`` for lengths, each of which is an alternative."""
    return reduce(or_, [a.Wavelength(_length(value)) for value in values])


def _length(given: Any) -> u.Quantity:
    try:
        made = u.Quantity(_text(given))
        if made.unit.is_equivalent(u.AA) and made > 0 * u.AA:
            return made
    except (TypeError, ValueError):
        pass
    raise QueryError(f"a wavelength with its unit is required, such as '193 AA' or '17.1 nm', not {shown(given)}.")


def _flag(kind: type[Attr]) -> _Reader:
    """Return the reader of an attr without a value, which is given as ``true``."""

    def of(values: _Values) -> Attr:
        if values != [True]:
            raise QueryError(f"only true is allowed, not {shown(values[0] if len(values) == 1 else values)}.")
        return kind()

    return of


_COMPARISON = re.compile(r"\s*([A-Za-z]\w*)\s*(==|!=|<=|>=|<|>|=)\s*(.+?)\s*")
_OPERATORS = {"==": eq, "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def _comparisons(values: _Values) -> Attr:
    """Return comparisons that must all be true, from texts such as ``"frm_name == SPoCA"``."""
    return reduce(and_, [_comparison(value) for value in values])


def _comparison(given: Any) -> Any:
    from sunpy_helio_plugins.her import attrs

    found = _COMPARISON.fullmatch(_text(given))
    if found is None:
        raise QueryError(f"a comparison is required, such as 'fl_goescls >= M1', not {shown(given)}.")
    name, operator, value = found.groups()
    # A keyword of numbers converts the text.
    return _OPERATORS[operator](getattr(attrs, name.lower()), value.strip("'\""))


def _shared(*names: str) -> dict[str, _Reader]:
    return {name: _core(getattr(a, name.capitalize())) for name in names}


def _named(attrs: ModuleType, *names: str) -> dict[str, _Reader]:
    """Return readers of an archive's attrs by their names: ``source_id`` is SourceID."""
    kinds = {name.lower(): name for name in attrs.__all__}
    return {name: _own(getattr(attrs, kinds[name.replace("_", "")])) for name in names}


def _hapi() -> Archive:
    from sunpy_helio_plugins.hapi import attrs, translator
    from sunpy_helio_plugins.hapi.client import HAPIClient

    keys = _named(attrs, "server", "dataset", "parameters", "format") | _shared("instrument", "source", "physobs")
    return Archive(
        HAPIClient, lambda: [attrs.Chunk(1 * u.day)], keys | {"chunk": _each(attrs.Chunk, _time)}, translator
    )


def _imap() -> Archive:
    from sunpy_helio_plugins.imap import attrs, translator
    from sunpy_helio_plugins.imap.client import IMAPClient

    keys = _shared("instrument", "detector", "level") | _named(
        attrs, "descriptor", "version", "extension", "file_name", "kernel", "repointing", "carrington_rotation"
    )
    return Archive(IMAPClient, lambda: [attrs.File()], keys | {"sdc_table": _own(attrs.Table)}, translator)


def _helioviewer() -> Archive:
    from sunpy_helio_plugins.helioviewer import attrs, translator
    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient

    keys = _shared("instrument", "source", "detector", "physobs") | _named(
        attrs, "source_id", "measurement", "backend", "quality"
    )
    timed: dict[str, _Reader] = {"sample": _each(a.Sample, _time), "tolerance": _each(attrs.Tolerance, _time)}
    return Archive(HelioviewerClient, lambda: [attrs.Image()], keys | timed | {"wavelength": _wavelength}, translator)


def _her() -> Archive:
    from sunpy_helio_plugins.her import attrs, translator
    from sunpy_helio_plugins.her.client import HERClient

    keys = _named(attrs, "event_type", "supplier", "tests") | _shared("instrument", "source", "detector", "physobs")
    flags = {"strict": _flag(attrs.Strict), "latest": _flag(attrs.Latest)}
    return Archive(
        HERClient,
        # Kept events may be outdated.
        lambda: [attrs.Event(), attrs.Refresh()],
        keys | flags | {"wavelength": _wavelength, "where": _comparisons},
        translator,
    )


ARCHIVES: dict[str, Callable[[], Archive]] = {"hapi": _hapi, "imap": _imap, "helioviewer": _helioviewer, "her": _her}
"""The archives by their names in a plan; each is imported when a plan uses it."""
