"""The words of a query to Helioviewer: ``Image``, ``SourceID`` and ``Measurement`` of ``a.helioviewer``."""

from __future__ import annotations

from difflib import get_close_matches
from numbers import Integral
from typing import Any

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import Marker, Word
from sunpy_helio_plugins.helioviewer import catalogue

__all__ = ["Image", "Measurement", "SourceID"]


class Image(Marker):
    """Rows are images of Helioviewer; to be used beside ``a.Instrument``, ``a.Wavelength`` and other general attrs."""


class SourceID(Word):
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

    def __init__(self, *values: int) -> None:
        if not values:
            raise QueryError("a.helioviewer.SourceID needs a number, such as 13 for AIA 304.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number of a known source."""
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise QueryError(f"a.helioviewer.SourceID takes an integer, not {value!r}.")
        if int(value) not in catalogue.by_id():
            raise QueryError(
                f"Helioviewer has no source {int(value)}; sunpy_helio_plugins.helioviewer.sources() lists the "
                f"{len(catalogue.known())} that it has."
            )
        return int(value)


class Measurement(Word):
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

    def __init__(self, *values: str) -> None:
        if not values:
            raise QueryError("a.helioviewer.Measurement needs a value, such as '304' or 'magnetogram'.")
        super().__init__(*values)

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a measurement as Helioviewer spells it."""
        given = catalogue.folded(super().check(value))
        spelt = {catalogue.folded(source.measurement): source.measurement for source in catalogue.known()}
        if given not in spelt:
            similar = get_close_matches(given, spelt, n=4, cutoff=0.4)
            hint = ", ".join(spelt[one] for one in similar) or ", ".join(sorted(spelt.values()))
            raise QueryError(f"Helioviewer has no measurement {value!r}; it has, among others: {hint}.")
        return spelt[given]
