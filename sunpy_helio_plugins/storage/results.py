"""What a search result is besides its columns: its client, what is hidden of it, and the attributes of its class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from astropy.table import Table, TableAttribute
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.storage import tables

__all__ = ["client_of", "kept", "restored", "show", "shown"]

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
