"""Run the queries side by side."""

from sunpy_helio_plugins.fido.partial import Partial, gather

from . import service

__all__ = ["search"]


def search(queries):
    """Return the rows received, and the problems of queries that failed."""
    return gather(queries, lambda query: Partial(tuple(service.rows(query))), at_once=4)
