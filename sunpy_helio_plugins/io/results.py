"""What a search result is besides its columns: its client, what is hidden of it, and the attributes of its class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

from astropy.io.registry import UnifiedReadWriteMethod
from astropy.table import Table, TableAttribute
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.io.comparison import Comparison, compared
from sunpy_helio_plugins.io.files import StoredRead, StoredWrite
from sunpy_helio_plugins.io.queries import query_of

__all__ = ["Stored", "client_of", "kept", "restored", "show", "shown"]


class Stored:
    """Mixed into a search result: it is written and read by its own class, searched again and compared."""

    client: Any

    query = TableAttribute(default=[])
    """What was asked, in a form that files hold, without secrets; `query_attrs` has the attrs."""

    identity: tuple[str, ...] = ("url",)
    """The columns that say which row is which, when two tables are compared."""

    read = UnifiedReadWriteMethod(StoredRead)
    write = UnifiedReadWriteMethod(StoredWrite)

    @property
    def query_attrs(self) -> Attr:
        """
        The query that gave this table, as attrs; where tables were stacked, the alternative of theirs.

        Raises
        ------
        QueryError
            The table has none: it was not made by a search.
        """
        if not self.query:
            raise QueryError("This table holds no query: it was not made by a search.")
        return query_of(self.query)

    def search_again(self) -> Self:
        """
        Search for the same again, also after the table was written and read.

        Returns
        -------
        HelioTable
            A new table; `compare` tells how it differs from this one.

        Raises
        ------
        QueryError
            The table holds no query.
        """
        attrs = self.query_attrs
        client = self.client or client_of(type(self), None)
        found: Self = client.search(attrs)
        return found

    def compare(self, newer: Table) -> Comparison:
        """
        Return what differs between this table and a newer one of the same kind.

        Parameters
        ----------
        newer : HelioTable
            Such as `search_again` returns.

        Raises
        ------
        QueryError
            It is of another kind.
        """
        if type(newer) is not type(self):
            raise QueryError(f"A {type(self).__name__} is compared with another one, not with {type(newer).__name__}.")
        return compared(self, newer, self.identity)

    def _kept(self) -> dict[str, Any]:
        """Return what is to be written besides columns and meta."""
        return kept(self)

    def _for_format(self, form: str) -> Table:
        """Return what is written in a format from which the table cannot be read back."""
        return self

    @classmethod
    def _from_plain(cls, plain: Table) -> Self:
        """Return the table that a file holds."""
        found: Self = restored(cls, plain)
        return found


_SHOWN = ("display_keys", "hide_keys", "_display_keys")
_EVERYTHING = "everything"


def kept(table: Table) -> dict[str, Any]:
    """Return what is to be written besides columns and meta."""
    attributes = dict(table.meta.get("__attributes__", {}))
    client = attributes.pop("client", None)
    for name in ("display_keys", "hide_keys"):
        attributes.pop(name, None)
    return {
        "attributes": attributes,
        "client": None if client is None else f"{type(client).__module__}.{type(client).__qualname__}",
        "shown": shown(table),
    }


def shown(table: Table) -> dict[str, Any]:
    """Return which columns were chosen to be printed or hidden, where that differs from what the class says."""
    own = {**table.meta.get("__attributes__", {}), **vars(table)}
    chosen = {name: own[name] for name in _SHOWN if name in own}
    return {
        name: keys if keys is None else _EVERYTHING if isinstance(keys, slice) else list(keys)
        for name, keys in chosen.items()
    }


def show(table: Table, keys: Mapping[str, Any]) -> None:
    """Choose columns as `shown` told."""
    for name, chosen in keys.items():
        if name in _SHOWN:
            # "_display_keys" is where a table of events keeps what its property holds.
            setattr(table, name.removeprefix("_"), slice(None) if chosen == _EVERYTHING else chosen)


def restored(cls: type[Any], plain: Table) -> Any:
    """
    Return the search result that a plain table was.

    Parameters
    ----------
    cls : type
        The class whose ``read`` was asked: the table's own, or one of its bases.
    plain : astropy.table.Table
        What was read.

    Raises
    ------
    FileError
        It holds none, one of another class, or is damaged.
    """
    header = tables.header_of(plain)
    if header is None:
        raise FileError(
            f"This is not a {cls.__name__} that was written by this package, or its format kept the columns alone; "
            "formats that keep everything are ECSV, FITS, Parquet, HDF5 and ASDF."
        )
    name = header.get("class")
    known = {one.__name__: one for one in _with_subclasses(cls)}
    if name not in known:
        raise FileError(f"This holds a {name!s:.80}, not a {cls.__name__}; read it by the class that wrote it.")
    table, extra = tables.unpack(plain, header, known[name])
    try:
        for key, value in extra["attributes"].items():
            if isinstance(inspect.getattr_static(known[name], key, None), TableAttribute):
                setattr(table, key, value)
        show(table, extra["shown"])
        table.client = client_of(known[name], extra["client"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"The table is damaged: its header lacks {error}.") from error
    return table


def _with_subclasses(cls: type[Any]) -> list[type[Any]]:
    return [cls, *(kind for one in cls.__subclasses__() for kind in _with_subclasses(one))]


def client_of(cls: type[Any], name: str | None) -> Any:
    """
    Return the client that fetches the rows of a table.

    Parameters
    ----------
    cls : type
        The class of the table, which stands in the package of its archive.
    name : str or None
        The client's own name. It is looked for among the clients that are registered with Fido; nothing is imported.
    """
    clients = [kind for kind in BaseClient._registry if hasattr(kind, "_is_named")]
    archive = cls.__module__.split(".")[:2]
    named = [kind for kind in clients if f"{kind.__module__}.{kind.__qualname__}" == name]
    own = [kind for kind in clients if kind.__module__.split(".")[:2] == archive and len(archive) == 2]
    found = (named + own)[:1]
    return found[0]() if found else None
