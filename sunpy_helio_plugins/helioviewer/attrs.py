"""The words of a query to Helioviewer: ``Image``, ``SourceID``, ``Measurement`` and more of ``a.helioviewer``."""

from __future__ import annotations

from difflib import get_close_matches
from functools import reduce
from numbers import Integral
from operator import or_
from typing import Any

import astropy.units as u

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr
from sunpy_helio_plugins.helioviewer import source_table, synonyms
from sunpy_helio_plugins.helioviewer.query import LISTERS

__all__ = ["Backend", "Header", "Image", "Measurement", "Quality", "SourceID", "Tolerance"]

__dir__ = lazy.listing(__all__)

NEAR_REAL_TIME = (1 << 30) | (1 << 10)
"""Bits of QUALITY that mark quick data: bit 30 of AIA, bit 10 of HMI. All images of Helioviewer are made of such."""


class Image(MarkerAttr):
    """Rows are images of Helioviewer; to be used beside ``a.Instrument``, ``a.Wavelength`` and other general attrs."""


class SourceID(ArchiveAttr):
    """
    The number under which Helioviewer knows a kind of image.

    Parameters
    ----------
    *values : int
        Such as 13 for AIA 304; `sunpy_helio_plugins.helioviewer.sources` lists them. A group of XRT filter pairs (10001
        and above) stands for its members.

    Raises
    ------
    QueryError
        There is no such source, or no number is given.
    """

    column = "Source ID"

    def __init__(self, *values: int) -> None:
        if not values:
            raise QueryError("a.helioviewer.SourceID needs a number, such as 13 for AIA 304.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number of a known source."""
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise QueryError(f"a.helioviewer.SourceID takes an integer, not {value!r}.")
        if int(value) not in source_table.by_id():
            raise QueryError(
                f"Helioviewer has no source {int(value)}; sunpy_helio_plugins.helioviewer.sources() lists the "
                f"{len(source_table.known())} that it has."
            )
        return int(value)


class Measurement(ArchiveAttr):
    """
    What an image shows, in Helioviewer's words.

    Parameters
    ----------
    *values : str
        Such as ``"304"``, ``"magnetogram"``, ``"white-light"`` or ``"Al_poly/Open"``; case does not matter.

    Raises
    ------
    QueryError
        No source has such a measurement, or none is given.
    """

    column = "Measurement"

    def __init__(self, *values: str) -> None:
        if not values:
            raise QueryError("a.helioviewer.Measurement needs a value, such as '304' or 'magnetogram'.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a measurement as Helioviewer spells it."""
        given = source_table.folded(super().check(value))
        spelt = {source_table.folded(source.measurement): source.measurement for source in source_table.known()}
        if given not in spelt:
            similar = get_close_matches(given, spelt, n=4, cutoff=0.4)
            hint = ", ".join(spelt[one] for one in similar) or ", ".join(sorted(spelt.values()))
            advice = synonyms.advice(str(value), ())
            raise QueryError(f"Helioviewer has no measurement {value!r}. {advice}It has, among others: {hint}.")
        return spelt[given]

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the measurements, each with the instruments that have it."""
        shown: dict[str, dict[str, None]] = {}
        for source in source_table.known():
            shown.setdefault(source.measurement, {})[source.instruments[0]] = None
        return sorted((measurement, ", ".join(instruments)) for measurement, instruments in shown.items())


class Tolerance(ArchiveAttr):
    """
    How far from the time asked for an image may be: one that is farther is no row.

    It belongs to ``a.Time(start, end, near=...)`` or ``a.Sample``.

    Parameters
    ----------
    value : astropy.units.Quantity
        A time, zero or longer.

    Raises
    ------
    QueryError
        It is no time.
    """

    query_field = "tolerance"

    def __init__(self, value: u.Quantity) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> u.Quantity:
        """Return a time in seconds."""
        if not isinstance(value, u.Quantity) or not value.isscalar or not value.unit.is_equivalent(u.s):
            raise QueryError(f"a.helioviewer.Tolerance takes a time such as 30*u.s, not {value!r}.")
        if not 0 <= value.to_value(u.s) < float("inf"):
            raise QueryError(f"a.helioviewer.Tolerance takes a time of zero or longer, not {value}.")
        return value.to(u.s)

    def asked(self) -> dict[str, Any]:
        """Return the tolerance in seconds."""
        return {"tolerance": float(self.values[0].to_value(u.s))}

    def __or__(self, other: Any) -> Any:
        if isinstance(other, Tolerance):
            raise QueryError("Two tolerances cannot hold at once: give the longer one.")
        return super().__or__(other)


class Backend(ArchiveAttr):
    """
    Who is to list the images: others are not asked, also where this one fails.

    Parameters
    ----------
    *values : str
        ``"HAPI"`` (Helioviewer's HAPI server), ``"index"`` (the directory pages of its files), ``"coverage"`` (the
        API's data coverage, for a few hours); several are asked one after the other.

    Raises
    ------
    QueryError
        There is no such lister, or none is given.
    """

    query_field, column = "listers", "Lister"

    def __init__(self, *values: str) -> None:
        if not values:
            raise QueryError(f"a.helioviewer.Backend needs one of: {', '.join(LISTERS)}.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a lister as it is spelt here."""
        spelt = {one.lower(): one for one in LISTERS}
        given = super().check(value).lower()
        if given not in spelt:
            raise QueryError(f"There is no lister {value!r}; there are: {', '.join(LISTERS)}.")
        return spelt[given]


class Header(MarkerAttr):
    """
    Read the header of each image, the first 16 kB of its file, into columns: exposure, quality, statistics of the data.

    No image is fetched; ``DATAMEAN`` of each row makes a light curve.
    """

    query_field = "header"


class Quality(ArchiveAttr):
    """
    Leave out images whose header says that something is wrong with them.

    Each image's header is read for it, as with `Header`.

    Parameters
    ----------
    *bits : int
        Bits of the keyword QUALITY that do no harm, as numbers whose bits are set. By default those that mark
        near-real-time data, of which Helioviewer's images of AIA and HMI are made.

    Raises
    ------
    QueryError
        Something is no such number.
    """

    query_field = "quality"

    def __init__(self, *bits: int) -> None:
        super().__init__(*(bits or (NEAR_REAL_TIME,)))

    @classmethod
    def check(cls, value: Any) -> int:
        """Return a number of bits."""
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise QueryError(f"a.helioviewer.Quality takes whole numbers whose bits are allowed, not {value!r}.")
        return int(value)

    def asked(self) -> dict[str, Any]:
        """Return all allowed bits as one number; headers are needed to judge it."""
        return {"header": True, "quality": reduce(or_, self.values)}
