"""Helioviewer's data sources, read from ``sources.json`` in the package, and their selection by names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from operator import attrgetter

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["Source", "by_id", "chosen", "folded", "known", "members", "misplaced"]

_DATED = re.compile(r"^(.+)/\d{4}/\d\d/\d\d(/.+)/[^/]*$")


@dataclass(frozen=True)
class Source:
    """
    One data source.

    Attributes
    ----------
    id : int
        Its number in the API.
    nickname, description : str
        Its names.
    observatory, instrument, detector, measurement : str
        The labels of the web interface; empty if there is none.
    fits_observatory : str
        The observatory as the files' headers spell it.
    wavelength : float or None
        In angstroms; `None` if the measurement is not a wavelength.
    members : tuple of int
        The sources of a group; empty for a single source.
    hapi_id : str or None
        The dataset of the HAPI server that lists it.
    hapi_state : str
        ``ok``; ``absent``: not listed; ``wrong``: listed with an id that belongs to another source; ``group``: listed,
        but without rows.
    folder : str or None
        The folder below the root of the static tree, with fields for the date.
    """

    id: int
    nickname: str
    description: str
    observatory: str
    instrument: str
    detector: str
    measurement: str
    fits_observatory: str
    wavelength: float | None
    members: tuple[int, ...]
    hapi_id: str | None
    hapi_state: str
    folder: str | None

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.description or f"{self.observatory} {self.nickname}"

    @property
    def physobs(self) -> tuple[str, ...]:
        """The values of ``a.Physobs`` that select it, as used by the VSO."""
        if self.measurement == "magnetogram":
            return ("LOS_magnetic_field",)
        if self.measurement == "Polarized Brightness":
            return ("polarized_brightness",)
        return ("intensity",)

    @property
    def instruments(self) -> tuple[str, ...]:
        """The names that select its instrument, with that of the observatory if it has a single instrument."""
        own = self.instrument or self.observatory
        return (own, self.observatory) if self.observatory in _single_instruments() else (own,)

    @property
    def observatories(self) -> tuple[str, ...]:
        """The names that select its observatory."""
        return tuple(dict.fromkeys((self.observatory, self.fits_observatory)))

    @property
    def detectors(self) -> tuple[str, ...]:
        """The names that select its detector; the instrument's name if it does not have several."""
        return (self.detector or self.instrument or self.observatory,)


@cache
def known() -> tuple[Source, ...]:
    """Return every source and group, in the order of their ids."""
    rows = kept_json(files(__package__).joinpath("sources.json").read_text(encoding="utf-8"))
    return tuple(Source(**{**row, "members": tuple(row["members"])}) for row in rows)


@cache
def by_id() -> dict[int, Source]:
    """Return the sources and groups by their ids."""
    return {source.id: source for source in known()}


@cache
def _by_folder() -> dict[str, tuple[Source, ...]]:
    """Return the sources by their folders without the date; the bands of RHESSI share a folder."""
    found: dict[str, tuple[Source, ...]] = {}
    for source in known():
        if source.folder is not None:
            folder = source.folder.replace("/{date:%Y/%m/%d}", "")
            found[folder] = (*found.get(folder, ()), source)
    return found


def misplaced(source: Source, path: str) -> Source | None:
    """Return the other source whose folder contains a path; `None` for the source's own folder or an unknown one."""
    found = _by_folder().get(_DATED.sub(r"\1\2", path), ())
    return None if not found or source in found else found[0]


@cache
def _single_instruments() -> frozenset[str]:
    """Return the observatories with only one instrument."""
    carried: dict[str, set[str]] = {}
    for source in known():
        carried.setdefault(source.observatory, set()).add(source.instrument)
    return frozenset(name for name, instruments in carried.items() if len(instruments) == 1)


def members(ids: Iterable[int]) -> tuple[Source, ...]:
    """Return sources by their ids, each group replaced by its members."""
    flat = (member for one in ids for member in (by_id()[one].members or (one,)))
    return tuple(by_id()[one] for one in dict.fromkeys(flat))


def folded(name: str) -> str:
    """Return a name without case and punctuation: K-Cor is KCor, STEREO A is STEREO_A."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def chosen(
    sources: Sequence[Source],
    given: str,
    kind: str,
    names: str,
    advice: Callable[[str, Sequence[Source]], str] = lambda given, sources: "",
) -> tuple[Source, ...]:
    """
    Return those sources with a given name; raise `QueryError` with the possible names if there is none.

    ``kind`` describes the name in messages, ``names`` is the attribute of a source with its names of that kind, and
    ``advice`` returns a hint for a name of another kind, as `sunpy_helio_plugins.helioviewer.synonyms.advice`.
    """
    wanted, names_of = folded(given), attrgetter(names)
    found = tuple(source for source in sources if wanted in map(folded, names_of(source)))
    if found:
        return found
    everywhere = sorted({name for source in known() for name in names_of(source)})
    left = sorted({name for source in sources for name in names_of(source)})
    if wanted in map(folded, everywhere):
        raise QueryError(f"With the rest of the query, the {kind} cannot be {given!r}; possible: {', '.join(left)}.")
    hint = advice(given, sources)
    similar = [] if hint else get_close_matches(given, everywhere, n=3)
    if similar:
        hint = f"Did you mean {' or '.join(similar)}? "
    raise QueryError(f"Helioviewer does not have the {kind} {given!r}. {hint}It has: {', '.join(everywhere)}.")
