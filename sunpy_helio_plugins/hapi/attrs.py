"""The words of a query to HAPI servers: ``a.hapi.Server``, ``a.hapi.Dataset``, ``a.hapi.Parameters``."""

from __future__ import annotations

from typing import Any

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import Word, name_of
from sunpy_helio_plugins.hapi import listing

__all__ = ["Dataset", "Parameters", "Server"]


class _Named(Word):
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
        found = listing.find(given)
        return found.name if found.name in listing.known() else found.url


class Dataset(Word):
    """
    A dataset of the server, by its id.

    Parameters
    ----------
    *values : str
        Ids as the server's catalogue spells them. Without any, the query is for the catalogue: every dataset of the
        server that covers the time.
    """


class Parameters(_Named):
    """
    The parameters wanted; all when this is left out.

    Parameters
    ----------
    *values : str
        Names as the dataset spells them, in any order. The time always comes along.
    """

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a name; commas separate names in HAPI, so that none can hold one."""
        name: str = super().check(value)
        if "," in name:
            raise QueryError(f"{name!r} holds a comma; give each parameter as a value of its own.")
        return name
