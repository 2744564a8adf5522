"""
SPICE kernels of the mission: the list of kernels, and metakernels.

The endpoint ``/spice-query`` has different parameters than the others, and rejects all other parameters. Its times are
integer seconds of TDB since J2000.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.arguments import ANY_TEXT, FLAG, TEXTS, taking
from sunpy_helio_plugins.errors import AnswerError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.imap.filenames import type_of
from sunpy_helio_plugins.imap.mission import KERNELS
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import current_access
from sunpy_helio_plugins.quantities import silence, times

if TYPE_CHECKING:
    from sunpy_helio_plugins.transport.exchange import Response

__all__ = ["ask", "kernel_names", "metakernel", "parameters"]

_TABLES = {"spin": "spin-table", "repoint": "repoint-table", "thruster": "small-forces-table"}
"""Files that are stored with the kernels but have separate tables."""

_ENDLESS = "9999999999"
"""A time after the start of every kernel, in seconds since J2000."""


def ask(query: Query) -> Partial[dict[str, Any]]:
    """Request kernels; each row has a ``"file_path"``."""
    from sunpy_helio_plugins.imap import service

    kind = query.kernel or (type_of(query.name) if query.name else None)
    endpoint = _TABLES.get(kind or "", "spice-query")
    asked = parameters(query) if endpoint == "spice-query" else _of_table(query)
    return service.split(current_access(), asked | _ingested(query), endpoint)


def parameters(query: Query) -> dict[str, str]:
    """Return the parameters of a query for kernels; at least one, since the service fails without any."""
    # The latest versions are selected later: the service would omit the kernels without a version.
    if query.name is not None:
        return {"file_name": query.name}
    asked = {"type": query.kernel} if query.kernel else {}
    if query.end:
        asked |= {"start_time": str(math.floor(_seconds(query.begin))), "end_time": str(math.ceil(_seconds(query.end)))}
    return asked or {"end_time": _ENDLESS}


def _of_table(query: Query) -> dict[str, str]:
    """Return the parameters for a table other than that of kernels, which does not support overlap with a range."""
    if query.name is not None:
        return {"file_path": filenames.key_of(query.name) or query.name}
    return {"start_date": "20200101"}


def _ingested(query: Query) -> dict[str, str]:
    """Return the range of ingestion; its last day must be the next one, since the service uses its midnight."""
    if query.name is not None or not query.until:
        return {}
    first, last = date.fromisoformat(query.since[:10]), date.fromisoformat(query.until[:10])
    asked = {"start_ingest_date": f"{first:%Y%m%d}"} if first.year > 1900 else {}
    return asked | ({"end_ingest_date": f"{last + timedelta(days=1):%Y%m%d}"} if last.year < 9000 else {})


def _seconds(text: str) -> float:
    """Return seconds of TDB since J2000, the ephemeris time of SPICE."""
    with silence.far_years():
        return float((times.from_iso([text])[0].tdb - Time(2451545.0, format="jd", scale="tdb")).to_value("s"))


@taking("imap.metakernel", types=TEXTS, folder=ANY_TEXT, complete=FLAG)
def metakernel(time: a.Time, types: tuple[str, ...] = (), folder: str = "", complete: bool = False) -> str:
    """
    Return a metakernel: the list of all kernels for a time range, in the order in which they have to be loaded.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
        The time range.
    types : tuple of str, optional
        Types of kernels to include, such as ``"attitude_history"``. Defaults to all.
    folder : str, optional
        The path of the folder of the kernels, ``imap/spice`` in the tree of the SDC, that is written to the text.
    complete : bool, optional
        Whether to raise an error if the range has gaps.

    Returns
    -------
    str
        The text of a file for ``furnsh`` of SPICE.

    Raises
    ------
    QueryError
        A type or the range is not valid.
    ServiceError
        The request failed, or the service does not have kernels for the range, or not for the complete range.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> print(imap.metakernel(("2026-01-10", "2026-01-11")).split()[-2])
    'ck/imap_2026_011_2026_012_01.ah.bc'
    """
    fields = _range_fields("imap.metakernel", time, types, complete) | ({"spice_path": folder} if folder else {})
    answer = _asked(fields)
    text = answer.text()
    found = re.search(r"KERNELS_TO_LOAD\s*=\s*\(([^()]*)\)", text)
    if found is None:
        raise AnswerError(answer.archive, answer.url, "a metakernel was expected in the response", answer.status)
    if not found[1].replace("'", "").strip():  # the response of some services if they do not have kernels
        raise AnswerError(answer.archive, answer.url, _NO_KERNELS, answer.status)
    return text


_NO_KERNELS = "it does not have kernels for this range"


def kernel_names(function: str, time: Any, types: Any, complete: bool) -> list[str]:
    """Return the names of the kernels of a metakernel, in its order."""
    answer = _asked(_range_fields(function, time, types, complete) | {"list_files": "true"})
    listed = answer.json()
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise AnswerError(answer.archive, answer.url, "a list of kernels was expected in the response", answer.status)
    names = [one.rpartition("/")[2] for one in listed]
    if not names:
        raise AnswerError(answer.archive, answer.url, _NO_KERNELS, answer.status)
    strange = [name for name in names if type_of(name) is None]
    if strange:
        problem = f"the name of a kernel does not follow a convention: {', '.join(map(repr, strange))}"
        raise AnswerError(answer.archive, answer.url, problem, answer.status)
    return names


def _range_fields(function: str, time: Any, types: Any, complete: bool) -> dict[str, str]:
    """Return the parameters of a metakernel."""
    time = inputs.span(function, time)
    types = (types,) if isinstance(types, str) else types
    unknown = sorted(set(types) - set(KERNELS))
    if unknown:
        given = ", ".join(map(repr, unknown))
        raise QueryError(f"{function}: {given} is not a type of kernels; types are: {', '.join(KERNELS)}.")
    fields = {
        "start_time": str(math.floor(_seconds(times.iso(time.start, 9)))),
        "end_time": str(math.ceil(_seconds(times.iso(time.end, 9)))),
    }
    fields |= {"file_types": ",".join(types)} if types else {}
    return fields | ({"require_coverage": "true"} if complete else {})


def _asked(fields: dict[str, str]) -> Response:
    """Request a metakernel, or the list of its kernels."""
    from sunpy_helio_plugins.imap import service
    from sunpy_helio_plugins.transport import metadata

    access = current_access()
    return metadata.get(access.url("metakernel"), fields, archive=service.ARCHIVE, login=access.login)
