"""Attrs for queries to HAPI servers: ``a.hapi.Server``, ``a.hapi.Dataset``, ``a.hapi.Parameters``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from astropy import units as u

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.arguments import close_names, shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, name_of, suggesting
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.quantities.spans import seconds

__all__ = ["Chunk", "Dataset", "Format", "Parameters", "Server"]

__dir__ = lazy.listing(__all__)

__getattr__ = suggesting(__name__, __all__)


_FORMATS = ("binary", "csv", "json")


class _Named(ArchiveAttr):
    """An attr that needs at least one value."""

    def __init__(self, *values: Any) -> None:
        if not values:
            raise QueryError(f"{name_of(type(self))} needs at least one value.")
        super().__init__(*values)


class Server(_Named):
    """
    The HAPI server.

    Parameters
    ----------
    *values : str
        A short name, as in ``a.hapi.Server.cdaweb`` or ``a.hapi.Server("cdaweb")``, or the root URL of a server.

    Raises
    ------
    QueryError
        If a value is neither a known name nor a URL.
    """

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a short name in lower case, or a URL without a final slash."""
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
        Ids as in the catalogue of the server, or patterns such as ``"AC_H0_*"``, ignoring case. The id may follow the
        server, as in ``"cdaweb/AC_H0_MFI"``; without a server, the one listed server with this dataset is used. Without
        values, every dataset of the server that covers the time is found.
    """


class Parameters(_Named):
    """
    The parameters; all of them if this attr is not given.

    Parameters
    ----------
    *values : str
        Names as in the description of the dataset, or patterns such as ``"B*"``, in any order; ``"Bx,By"`` are two
        names. The time is always included, and so are parameters that contain bins of the given ones.
    """

    query_field, parameter, column = "parameters", "parameters", "Parameters"

    def __init__(self, *values: Any) -> None:
        texts = [self.check(one) for one in values]
        super().__init__(*PARAMETERS.check(name_of(type(self)), "value", texts))


class Format(_Named):
    """
    The format of the records; if not given, binary if the server supports it, else CSV.

    Parameters
    ----------
    *values : str
        ``"binary"``, ``"csv"`` or ``"json"``.
    """

    query_field, parameter, is_single = "format", "format", True

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        if len(self.values) > 1:
            raise QueryError("a.hapi.Format accepts only one format.")

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a format in lower case."""
        name: str = super().check(value).lower()
        if name not in _FORMATS:
            known = f"use one of {', '.join(_FORMATS)}.{close_names(value, _FORMATS)}"
            raise QueryError(f"{shown(value)} is not a supported format; {known}")
        return name

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the formats."""
        return [("binary", "Binary records"), ("csv", "Comma-separated values"), ("json", "JSON")]


class Chunk(_Named):
    """
    The longest time range of one request; longer ones are split.

    Parameters
    ----------
    *values : astropy.units.Quantity, datetime.timedelta or str
        A duration, such as ``1 * u.day`` or ``"P1D"``.
    """

    query_field, is_single = "chunk", True

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        if len(self.values) > 1:
            raise QueryError("a.hapi.Chunk accepts only one duration.")

    @classmethod
    def check(cls, value: Any) -> float:
        """Return a duration in seconds."""
        try:
            length = (
                seconds(value) if isinstance(value, str)
                else value.total_seconds() if isinstance(value, timedelta)
                else u.Quantity(value).to_value(u.s)
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - an object of any class
            length = None
        if length is None or np.ndim(length) or not 0.001 <= float(length) < float("inf"):
            raise QueryError(
                f"{shown(value)} is not a valid duration; use for example 1 * u.day, a timedelta, or 'P1D'."
            )
        return float(length)
