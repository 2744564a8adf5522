"""
SPICE kernels of the mission: what the archive has, and metakernels made of it.

The service asks for them at ``/spice-query`` with words of its own: times are whole seconds of TDB since J2000, and
other words than these are refused.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import erfa
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import AnswerError, QueryError
from sunpy_helio_plugins.imap.access import current
from sunpy_helio_plugins.imap.translate import Query
from sunpy_helio_plugins.imap.vocabulary import KERNELS
from sunpy_helio_plugins.quantities import times

__all__ = ["ask", "metakernel", "parameters"]

Row = dict[str, Any]

_TABLES = {"spin": "spin-table", "repoint": "repoint-table", "thruster": "small-forces-table"}
"""Files beside the kernels, which older services list at an endpoint of their own."""


def ask(query: Query) -> list[Row]:
    """
    Ask for kernels.

    Parameters
    ----------
    query : Query
        A question to the table ``"spice"``.

    Returns
    -------
    list of dict
        The service's rows, each with its ``"file_path"``.
    """
    from sunpy_helio_plugins.imap import service

    access = current()
    if query.kernel in _TABLES:
        rows = service.rows_of(access, _TABLES[query.kernel], {"start_date": "20200101"})
    else:
        rows = service.rows_of(access, "spice-query", parameters(query))
    return [row if "file_path" in row else {**row, "file_path": f"imap/spice/{row['file_name']}"} for row in rows]


def parameters(query: Query) -> dict[str, str]:
    """
    Return the query fields of a question about kernels.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    dict of str
        Names and values as the service takes them; never none, which would make it fail.
    """
    if query.name is not None:
        return {"file_name": query.name}
    asked = {"type": query.kernel} if query.kernel else {}
    if query.end:
        asked |= {"start_time": str(math.floor(_seconds(query.begin))), "end_time": str(math.ceil(_seconds(query.end)))}
    if query.version == "latest":
        asked["latest"] = "true"
    return asked or {"end_time": "9999999999"}


def _seconds(text: str) -> float:
    """Return seconds of TDB since J2000, which is what SPICE calls ephemeris time."""
    with warnings.catch_warnings():
        # Leap seconds of later years are not announced yet.
        warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
        return float((times.from_iso([text])[0].tdb - Time(2451545.0, format="jd", scale="tdb")).to_value("s"))


def metakernel(time: a.Time, types: tuple[str, ...] = (), folder: str = "", complete: bool = False) -> str:
    """
    Return a metakernel: the list of all kernels that a time range needs, in the order in which they are to be loaded.

    Parameters
    ----------
    time : sunpy.net.attrs.Time
        The time range.
    types : tuple of str, optional
        Types of kernels to keep, such as ``"attitude_history"``. Defaults to all.
    folder : str, optional
        The folder of the kernels, ``imap/spice`` in the SDC's tree, as it is to stand in the text.
    complete : bool, optional
        Whether a range with gaps is to be refused.

    Returns
    -------
    str
        The text, for a file that SPICE furnishes.

    Raises
    ------
    QueryError
        A type is unknown, or the range is none.
    ServiceError
        The service did not answer as it should: it has no kernels for the range, or not for all of it.
    """
    from sunpy_helio_plugins.imap import service
    from sunpy_helio_plugins.transport import session

    unknown = sorted(set(types) - set(KERNELS))
    if unknown or time.start > time.end:
        given = ", ".join(map(repr, unknown)) or "a time range that ends before it starts"
        raise QueryError(f"imap.metakernel: {given} cannot be used; types are: {', '.join(KERNELS)}.")
    fields = {
        "start_time": str(math.floor(_seconds(times.iso(time.start, 9)))),
        "end_time": str(math.ceil(_seconds(times.iso(time.end, 9)))),
    }
    fields |= {"file_types": ",".join(types)} if types else {}
    fields |= {"spice_path": folder} if folder else {}
    fields |= {"require_coverage": "true"} if complete else {}
    access = current()
    answer = session.get(access.url("metakernel"), fields, archive=service.ARCHIVE, login=access.login)
    text = answer.text()
    if "KERNELS_TO_LOAD" not in text:
        raise AnswerError(service.ARCHIVE, answer.url, "a metakernel was expected; something else came", answer.status)
    return text
