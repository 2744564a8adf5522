"""Translate attrs to queries."""

from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import asked, branches, explain_foreign, of_type, own
from sunpy_helio_plugins.fido.dispatch import Names
from sunpy_helio_plugins.quantities import times

from . import attrs
from .query import ARCHIVE, Query

__all__ = ["NAMES", "OWN", "queries"]

NAMES = Names(providers=(ARCHIVE,))
OWN = own(attrs)


def queries(*query):
    """Return one query for each alternative."""
    return tuple(dict.fromkeys(_of_branch(branch) for branch in branches(*query)))


def _of_branch(branch):
    explain_foreign(branch, (a.Time, a.Provider, *OWN), ARCHIVE)
    time = of_type(branch, a.Time)
    if time is None:
        raise QueryError("A search of SOAR needs a.Time(start, end).")
    return Query(times.iso(time.start, 3), times.iso(time.end, 3), **asked(branch, OWN))
