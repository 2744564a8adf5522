"""
SPICE kernels of the mission: what the archive has, and metakernels made of it.

The service asks for them at ``/spice-query`` with words of its own: times are whole seconds of TDB since J2000, and
other words than these are refused.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from typing import Any

from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import AnswerError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.imap.filenames import type_of
from sunpy_helio_plugins.imap.mission import KERNELS
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import current_access
from sunpy_helio_plugins.quantities import silence, times

__all__ = ["ask", "metakernel", "parameters"]

_TABLES = {"spin": "spin-table", "repoint": "repoint-table", "thruster": "small-forces-table"}
"""Files beside the kernels, which have tables of their own."""

_ENDLESS = "9999999999"
"""After any kernel's first instant."""


def ask(query: Query) -> Partial[dict[str, Any]]:
    """
    Ask for kernels.

    Parameters
    ----------
    query : Query
        A question to the table ``"spice"``.

    Returns
    -------
    Partial
        The service's rows, each with its ``"file_path"``.
    """
    from sunpy_helio_plugins.imap import service

    kind = query.kernel or (type_of(query.name) if query.name else None)
    endpoint = _TABLES.get(kind or "", "spice-query")
    asked = parameters(query) if endpoint == "spice-query" else _of_table(query)
    return service.split(current_access(), asked | _ingested(query), endpoint)


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
        Names and values as the service takes them; never none, which would make it fail. The latest versions are
        chosen here: asked for them, the service leaves out the kernels that have no version.
    """
    if query.name is not None:
        return {"file_name": query.name}
    asked = {"type": query.kernel} if query.kernel else {}
    if query.end:
        asked |= {"start_time": str(math.floor(_seconds(query.begin))), "end_time": str(math.ceil(_seconds(query.end)))}
    return asked or {"end_time": _ENDLESS}


def _of_table(query: Query) -> dict[str, str]:
    """Return the fields for a table beside the kernels, which cannot be asked for what overlaps with a range."""
    if query.name is not None:
        return {"file_path": filenames.key_of(query.name) or query.name}
    return {"start_date": "20200101"}


def _ingested(query: Query) -> dict[str, str]:
    """Return the range of ingestion; its last day must be the next one, of which the service takes the midnight."""
    if query.name is not None or not query.until:
        return {}
    first, last = date.fromisoformat(query.since[:10]), date.fromisoformat(query.until[:10])
    asked = {"start_ingest_date": f"{first:%Y%m%d}"} if first.year > 1900 else {}
    return asked | ({"end_ingest_date": f"{last + timedelta(days=1):%Y%m%d}"} if last.year < 9000 else {})


def _seconds(text: str) -> float:
    """Return seconds of TDB since J2000, which is what SPICE calls ephemeris time."""
    with silence.far_years():
        return float((times.from_iso([text])[0].tdb - Time(2451545.0, format="jd", scale="tdb")).to_value("s"))


def metakernel(time: a.Time, types: tuple[str, ...] = (), folder: str = "", complete: bool = False) -> str:
    """
    Return a metakernel: the list of all kernels that a time range needs, in the order in which they are to be loaded.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
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
    from sunpy_helio_plugins.transport import metadata

    time = inputs.span("imap.metakernel", time)
    types = (types,) if isinstance(types, str) else types
    unknown = sorted(set(types) - set(KERNELS))
    if unknown:
        given = ", ".join(map(repr, unknown))
        raise QueryError(f"imap.metakernel: {given} cannot be used; types are: {', '.join(KERNELS)}.")
    fields = {
        "start_time": str(math.floor(_seconds(times.iso(time.start, 9)))),
        "end_time": str(math.ceil(_seconds(times.iso(time.end, 9)))),
    }
    fields |= {"file_types": ",".join(types)} if types else {}
    fields |= {"spice_path": folder} if folder else {}
    fields |= {"require_coverage": "true"} if complete else {}
    access = current_access()
    answer = metadata.get(access.url("metakernel"), fields, archive=service.ARCHIVE, login=access.login)
    text = answer.text()
    found = re.search(r"KERNELS_TO_LOAD\s*=\s*\(([^)]*)\)", text)
    if found is None:
        raise AnswerError(service.ARCHIVE, answer.url, "a metakernel was expected; something else came", answer.status)
    if not found[1].replace("'", "").strip():  # what some services answer where they have nothing
        raise AnswerError(service.ARCHIVE, answer.url, "it has no kernels for this range", answer.status)
    return text
