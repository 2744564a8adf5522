"""The attrs of a query to Helioviewer: ``Image``, ``SourceID``, ``Measurement`` and others of ``a.helioviewer``."""

from __future__ import annotations

from difflib import get_close_matches
from functools import reduce
from numbers import Integral
from operator import or_
from typing import Any

import astropy.units as u

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.arguments import close_names, listed, shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, suggesting
from sunpy_helio_plugins.helioviewer import source_table, synonyms
from sunpy_helio_plugins.helioviewer.query import LISTERS

__all__ = ["Backend", "Header", "Image", "Measurement", "Quality", "SourceID", "Tolerance"]

__dir__ = lazy.listing(__all__)

__getattr__ = suggesting(__name__, __all__)

NEAR_REAL_TIME = (1 << 30) | (1 << 10)
"""Bits of QUALITY for near-real-time data (bit 30 of AIA, bit 10 of HMI), from which Helioviewer's images are made."""


class Image(MarkerAttr):
    """Search for images of Helioviewer; used together with ``a.Instrument``, ``a.Wavelength`` and other core attrs."""


class SourceID(ArchiveAttr):
    """
    The number of a data source in Helioviewer.

    Parameters
    ----------
    *values : int
        Such as 13 for AIA 304; `sunpy_helio_plugins.helioviewer.sources` lists them. A group of XRT filter pairs (10001
        and above) is replaced by its members.

    Raises
    ------
    QueryError
        The source does not exist, or no number is given.
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
            raise QueryError(f"a.helioviewer.SourceID takes an integer, not {shown(value)}.")
        if int(value) not in source_table.by_id():
            raise QueryError(
                f"Helioviewer does not have the source {int(value)}; sunpy_helio_plugins.helioviewer.sources() lists "
                f"the {len(source_table.known())} that it has."
            )
        return int(value)


class Measurement(ArchiveAttr):
    """
    The measurement of an image, with the name that Helioviewer uses.

    Parameters
    ----------
    *values : str
        Such as ``"304"``, ``"magnetogram"``, ``"white-light"`` or ``"Al_poly/Open"``, in any case of letters.

    Raises
    ------
    QueryError
        No source has the measurement, or none is given.
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
            hint = ", ".join(spelt[one] for one in similar) or listed(sorted(spelt.values()))
            advice = synonyms.advice(str(value), ())
            raise QueryError(
                f"Helioviewer does not have the measurement {shown(value)}. {advice}It has, among others: {hint}."
            )
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
    The maximum difference between the requested time and that of an image; images outside of it are left out.

    It is used with ``a.Time(start, end, near=...)`` or ``a.Sample``.

    Parameters
    ----------
    value : astropy.units.Quantity
        A duration, zero or longer.

    Raises
    ------
    QueryError
        The value is not a duration.
    """

    query_field = "tolerance"

    def __init__(self, value: u.Quantity) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> u.Quantity:
        """Return a duration in seconds."""
        if not isinstance(value, u.Quantity) or not value.isscalar or not value.unit.is_equivalent(u.s):
            raise QueryError(f"a.helioviewer.Tolerance takes a duration such as 30*u.s, not {shown(value)}.")
        if not 0 <= value.to_value(u.s) < float("inf"):
            raise QueryError(f"a.helioviewer.Tolerance takes a duration of zero or longer, not {value}.")
        return value.to(u.s)

    def asked(self) -> dict[str, Any]:
        """Return the tolerance in seconds."""
        return {"tolerance": float(self.values[0].to_value(u.s))}

    def __or__(self, other: Any) -> Any:
        if isinstance(other, Tolerance):
            raise QueryError(f"{self!r} and {other!r} cannot be alternatives: give the longer one only.")
        return super().__or__(other)


class Backend(ArchiveAttr):
    """
    The service that lists the images; others are not requested, even if this one fails.

    Parameters
    ----------
    *values : str
        ``"HAPI"`` (Helioviewer's HAPI server), ``"index"`` (the directory pages of its files), ``"coverage"`` (the
        API's data coverage, for a few hours). Several are requested one after the other.

    Raises
    ------
    QueryError
        The backend does not exist, or none is given.
    """

    query_field, column = "listers", "Lister"

    def __init__(self, *values: str) -> None:
        if not values:
            raise QueryError(f"a.helioviewer.Backend needs one of: {', '.join(LISTERS)}.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the canonical name of a backend."""
        spelt = {one.lower(): one for one in LISTERS}
        given = super().check(value).lower()
        if given not in spelt:
            hint = close_names(value, LISTERS)
            raise QueryError(f"a.helioviewer.Backend takes one of {', '.join(LISTERS)}, not {shown(value)}.{hint}")
        return spelt[given]


class Header(MarkerAttr):
    """
    Add columns from the header of each image, read from the first 16 kB of its file: exposure, quality, data
    statistics.

    Images are not downloaded; ``DATAMEAN`` of each row makes a light curve.
    """

    query_field = "header"


class Quality(ArchiveAttr):
    """
    Leave out images whose header contains bits of a bad quality.

    This reads the header of each image, as `Header` does.

    Parameters
    ----------
    *bits : int
        Allowed bits of the keyword QUALITY, as integers whose bits are set. Defaults to the bits for near-real-time
        data, from which Helioviewer's images of AIA and HMI are made.

    Raises
    ------
    QueryError
        A value is not a non-negative integer.
    """

    query_field = "quality"

    def __init__(self, *bits: int) -> None:
        super().__init__(*(bits or (NEAR_REAL_TIME,)))

    @classmethod
    def check(cls, value: Any) -> int:
        """Return an integer of bits."""
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise QueryError(f"a.helioviewer.Quality takes non-negative integers of allowed bits, not {shown(value)}.")
        return int(value)

    def asked(self) -> dict[str, Any]:
        """Return all allowed bits as one number, and that headers are needed."""
        return {"header": True, "quality": reduce(or_, self.values)}
