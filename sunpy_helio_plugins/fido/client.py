"""The behaviour that all clients share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ClassVar, Self

from sunpy.net.attr import Attr, AttrAnd
from sunpy.net.base_client import BaseClient, QueryResponseTable

from sunpy_helio_plugins.arguments import ATTR, close_names
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import MarkerAttr, conjunction, name_of
from sunpy_helio_plugins.fido.dispatch import Names

__all__ = ["ArchiveClient"]


def _refuse_uncalled(query: Iterable[Any]) -> None:
    """Raise an error for a class in place of an attr: no client would handle it, and Fido would not give the reason."""
    for one in query:
        if isinstance(one, type) and one.__module__.startswith("sunpy_helio_plugins."):
            example = f"{name_of(one)}()" if issubclass(one, MarkerAttr) else f"{name_of(one)}(...)"
            raise QueryError(f"{name_of(one)} is not an attr yet; write {example}.")


class ArchiveClient:
    """
    A mixin for clients, in addition to `sunpy.net.base_client.BaseClient`.

    It selects the queries that the client handles, and lets a client be copied, stacked, pickled and written with its
    tables. The client must not have any state.
    """

    own: ClassVar[tuple[type, ...]] = ()
    """The classes of the archive's attrs; a query with one of them is for this client."""

    names: ClassVar[Names] = Names()
    """The values of sunpy's core attrs for which the client handles a query."""

    _fetch_options: ClassVar[tuple[str, ...]] = ()
    """Keywords of ``Fido.fetch`` that the client uses, besides ``overwrite``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if any(issubclass(base, ArchiveClient) and base is not ArchiveClient for base in cls.__bases__):
            raise TypeError(f"{cls.__name__}: a subclass of a client would be registered with Fido; do not define one.")
        if "search" in cls.__dict__:
            cls.search = _asking(cls.search)  # type: ignore[attr-defined]
        if "fetch" in cls.__dict__:
            cls.fetch = _checking(cls.fetch)  # type: ignore[attr-defined]
        super().__init_subclass__(**kwargs)
        _teach_yaml(cls)

    @classmethod
    def _can_handle_query(cls, *query: Attr) -> bool:
        _refuse_uncalled(query)
        # Fido passes single attrs; a conjunction means the same.
        attrs = [leaf for one in query for leaf in (one.attrs if isinstance(one, AttrAnd) else (one,))]
        return cls._is_named(*attrs) or cls.names.are_in(attrs)

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        """Return whether a query contains an attr of this archive."""
        return any(isinstance(attr, cls.own) for attr in query)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _asking(search: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the search of a client, so that it takes attrs only, and its table contains the query."""

    @wraps(search)
    def searched(self: Any, *query: Attr, **kwargs: Any) -> Any:
        from sunpy_helio_plugins.io.queries import retrieved_now, stored

        _refuse_uncalled(query)
        ATTR.check_each(f"{type(self).__name__}.search", "query", query)
        table = search(self, *query, **kwargs)
        if query and hasattr(type(table), "search_again"):
            table.query, table.retrieved = [stored(conjunction(*query))], [retrieved_now()]
        return table

    return searched


def _refuse_unknown(client: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse a keyword of ``Fido.fetch`` that no client has: it would be ignored."""
    own = {"path", "downloader", "overwrite", *(name for kind in _clients() for name in kind._fetch_options)}
    if kwargs.keys() <= own:
        return
    known = own | {name for kind in BaseClient._registry for name in inspect.signature(kind.fetch).parameters}
    known |= {"max_conn", "progress"} - {"self"}
    for name in kwargs.keys() - known:
        words = sorted(own)
        text = f"{type(client).__name__}.fetch does not take the keyword {name!r}; it takes {', '.join(words)}."
        raise QueryError(f"{text}{close_names(name, sorted(known - {'self', 'args', 'kwargs'}))}")


def _clients() -> list[type[ArchiveClient]]:
    return [kind for kind in BaseClient._registry if issubclass(kind, ArchiveClient)]


def _checking(fetch: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the fetch of a client, so that it takes tables and rows of its own archive only, one or several."""

    @wraps(fetch)
    def fetched(self: Any, query_results: Any, **kwargs: Any) -> None:
        from sunpy_helio_plugins.fido import inputs
        from sunpy_helio_plugins.fido.table import ArchiveTable

        if type(query_results) is QueryResponseTable and not len(query_results):
            return  # sunpy 8 passes an empty table of its own for a client whose search failed
        _refuse_unknown(self, kwargs)
        archive = _archive(type(self))
        function, allowed = f"{type(self).__name__}.fetch", f"rows of a search with {type(self).__name__}"
        tables = inputs.tables(function, query_results, ArchiveTable, allowed)
        for table in tables:
            if _archive(type(table)) != archive:
                raise inputs.refused(function, table, allowed)
        for table in tables:
            fetch(self, table, **kwargs)

    return fetched


def _archive(cls: type) -> str:
    """Return the package of an archive; one outside this package may have any layout below its top level."""
    parts = cls.__module__.split(".")
    return ".".join(parts[:2]) if parts[0] == __name__.partition(".")[0] else parts[0]


def _teach_yaml(cls: type) -> None:
    """Let astropy write a client to the header of an ECSV file as its name."""
    from astropy.io.misc.yaml import AstropyDumper

    def represent(dumper: Any, client: object) -> Any:
        return dumper.represent_str(f"{type(client).__module__}.{type(client).__qualname__}")

    AstropyDumper.add_representer(cls, represent)
