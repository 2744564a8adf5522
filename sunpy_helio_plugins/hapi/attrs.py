"""The words of a query to HAPI servers: ``a.hapi.Server``, ``a.hapi.Dataset``, ``a.hapi.Parameters``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from astropy import units as u

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, name_of
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.quantities.spans import seconds

__all__ = ["Chunk", "Dataset", "Format", "Parameters", "Server"]

__dir__ = lazy.listing(__all__)


_FORMATS = ("binary", "csv", "json")


class _Named(ArchiveAttr):
    """A word that says nothing without a value."""

    def __init__(self, *values: Any) -> None:
        if not values:
            raise QueryError(f"{name_of(type(self))} needs at least one value.")
        super().__init__(*values)


class Server(_Named):
    """
    The HAPI server to ask.

    Parameters
    ----------
    *values : str
        A short name, as in ``a.hapi.Server.cdaweb`` or ``a.hapi.Server("cdaweb")``, or the address of a server's root.

    Raises
    ------
    QueryError
        The name is not known and no address.
    """

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a short name in lower case, or an address without a final slash."""
        given = super().check(value)
        found = server_list.find(given)
        return found.name if found.name in server_list.known() else found.url

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the short names of the listed servers."""
        return [(one.name, f"{one.title}, {one.source}".strip(", ")) for one in server_list.known().values()]


class Dataset(ArchiveAttr):
    """
    A dataset, by its id.

    Parameters
    ----------
    *values : str
        Ids as the server's catalogue spells them, or patterns such as ``"AC_H0_*"``, in any case. The server may stand
        before the id, as in ``"cdaweb/AC_H0_MFI"``; without any, the one listed server that has the dataset is found.
        Without values, the query is for the catalogue: every dataset of the server that covers the time.
    """


class Parameters(_Named):
    """
    The parameters wanted; all when this is left out.

    Parameters
    ----------
    *values : str
        Names as the dataset spells them, or patterns such as ``"B*"``, in any order. The time always comes along, and
        so do parameters that hold the bins of a wanted one.
    """

    query_field, parameter, column = "parameters", "parameters", "Parameters"

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a name; commas separate names in HAPI, so that none can hold one."""
        name: str = super().check(value)
        if "," in name:
            raise QueryError(f"{name!r} holds a comma; give each parameter as a value of its own.")
        return name


class Format(_Named):
    """
    The format of the records; without it, binary where the server has it, else CSV.

    Parameters
    ----------
    *values : str
        ``"binary"``, ``"csv"`` or ``"json"``.
    """

    query_field, parameter, is_single = "format", "format", True

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        if len(self.values) > 1:
            raise QueryError("a.hapi.Format takes one format.")

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a format in lower case."""
        name: str = super().check(value).lower()
        if name not in _FORMATS:
            raise QueryError(f"{value!r} is no format of HAPI's that can be read: {', '.join(_FORMATS)}.")
        return name

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the formats."""
        return [("binary", "Binary records"), ("csv", "Comma-separated values"), ("json", "JSON")]


class Chunk(_Named):
    """
    The longest range of one request; longer ones are cut.

    Parameters
    ----------
    *values : astropy.units.Quantity, datetime.timedelta or str
        A duration, such as ``1 * u.day`` or ``"P1D"``.
    """

    query_field, is_single = "chunk", True

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        if len(self.values) > 1:
            raise QueryError("a.hapi.Chunk takes one duration.")

    @classmethod
    def check(cls, value: Any) -> float:
        """Return a duration in seconds."""
        try:
            length = (
                seconds(value) if isinstance(value, str)
                else value.total_seconds() if isinstance(value, timedelta)
                else u.Quantity(value).to_value(u.s)
            )  # fmt: skip
        except (TypeError, ValueError, u.UnitConversionError):
            length = None
        if length is None or not 0.001 <= float(length) < float("inf"):
            raise QueryError(f"{value!r} is no duration: a.hapi.Chunk takes 1 * u.day, a timedelta, or 'P1D'.")
        return float(length)
