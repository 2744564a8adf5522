"""Helioviewer's data sources, read from the shipped ``sources.json``, and how a user's words choose among them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from operator import attrgetter

from sunpy_helio_plugins.errors import QueryError

__all__ = ["Source", "by_id", "chosen", "folded", "known", "members", "misplaced"]

_DATED = re.compile(r"^(.+)/\d{4}/\d\d/\d\d(/.+)/[^/]*$")


@dataclass(frozen=True)
class Source:
    """
    One kind of image.

    Attributes
    ----------
    id : int
        The number under which the API knows it.
    nickname, description : str
        What it is called.
    observatory, instrument, detector, measurement : str
        The labels of the web interface; empty where it has none.
    fits_observatory : str
        The observatory as the files' headers spell it.
    wavelength : float or None
        In angstroms; `None` where the measurement is none.
    members : tuple of int
        The sources of which a group is made; empty for a source of its own.
    hapi_id : str or None
        The dataset of the HAPI server that lists it.
    hapi_state : str
        ``ok``; ``absent``: not listed; ``wrong``: listed under an id that means another source; ``group``: listed, and
        without rows.
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
        """What it is called in a sentence."""
        return self.description or f"{self.observatory} {self.nickname}"

    @property
    def physobs(self) -> tuple[str, ...]:
        """The physical observables, in the VSO's words, for which it can be asked."""
        if self.measurement == "magnetogram":
            return ("LOS_magnetic_field",)
        if self.measurement == "Polarized Brightness":
            return ("polarized_brightness",)
        return ("intensity",)

    @property
    def instruments(self) -> tuple[str, ...]:
        """The names under which the instrument can be asked for: a mission with one instrument gives its own name."""
        own = self.instrument or self.observatory
        return (own, self.observatory) if self.observatory in _single_instruments() else (own,)

    @property
    def observatories(self) -> tuple[str, ...]:
        """The names under which the observatory can be asked for."""
        return tuple(dict.fromkeys((self.observatory, self.fits_observatory)))

    @property
    def detectors(self) -> tuple[str, ...]:
        """The names under which the detector can be asked for; an instrument without several is its own."""
        return (self.detector or self.instrument or self.observatory,)


@cache
def known() -> tuple[Source, ...]:
    """Return every source and group, in the order of their ids."""
    rows = json.loads(files(__package__).joinpath("sources.json").read_text(encoding="utf-8"))
    return tuple(Source(**{**row, "members": tuple(row["members"])}) for row in rows)


@cache
def by_id() -> dict[int, Source]:
    """Return the sources and groups by their ids."""
    return {source.id: source for source in known()}


@cache
def _by_folder() -> dict[str, tuple[Source, ...]]:
    """Return the sources by their folders without the date; the bands of RHESSI share theirs."""
    found: dict[str, tuple[Source, ...]] = {}
    for source in known():
        if source.folder is not None:
            folder = source.folder.replace("/{date:%Y/%m/%d}", "")
            found[folder] = (*found.get(folder, ()), source)
    return found


def misplaced(source: Source, path: str) -> Source | None:
    """
    Return the source to whose folder a path leads, where that is another one.

    Parameters
    ----------
    source : Source
        The source that it should be of.
    path : str
        The path of a file.

    Returns
    -------
    Source or None
        `None` where it leads to the source's own folder, or to one that is not known: names may have changed.
    """
    found = _by_folder().get(_DATED.sub(r"\1\2", path), ())
    return None if not found or source in found else found[0]


@cache
def _single_instruments() -> frozenset[str]:
    """Return the observatories that carry one instrument only."""
    carried: dict[str, set[str]] = {}
    for source in known():
        carried.setdefault(source.observatory, set()).add(source.instrument)
    return frozenset(name for name, instruments in carried.items() if len(instruments) == 1)


def members(ids: Iterable[int]) -> tuple[Source, ...]:
    """
    Return sources by their ids, each group replaced by its members.

    Parameters
    ----------
    ids : iterable of int
        Known ids.
    """
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
    Return those sources that bear a name.

    Parameters
    ----------
    sources : sequence of Source
        The sources to choose from.
    given : str
        The name as the user spells it.
    kind : str
        What it names, for messages.
    names : str
        The attribute of a source that holds its names of that kind.
    advice : callable, optional
        Says what to write for a name that is of another kind, as `sunpy_helio_plugins.helioviewer.synonyms.advice`.

    Raises
    ------
    QueryError
        No source of Helioviewer bears it, or none of those that are left; the message names what is possible.
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
    raise QueryError(f"Helioviewer has no {kind} {given!r}. {hint}It has: {', '.join(everywhere)}.")
