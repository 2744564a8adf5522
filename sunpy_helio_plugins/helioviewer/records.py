"""Exact records at JSOC, asked for through drms: one question for many images of a series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sunpy_helio_plugins.errors import MissingDependencyError, ServiceUnreachable
from sunpy_helio_plugins.helioviewer.archives import Twin

__all__ = ["resolved"]

AT_ONCE = 150
"""Values in one question: it is an address, and servers take no longer ones than some 8 kB."""


def resolved(twins: Sequence[Twin], client: Any = None) -> list[str]:
    """
    Return the names of the records of twins at JSOC.

    Parameters
    ----------
    twins : sequence of Twin
        The twins.
    client : drms.Client, optional
        Who asks. Defaults to a plain ``drms.Client()``.

    Returns
    -------
    list of str
        Names such as ``aia.lev1_euv_12s[2026-01-10T12:00:05Z][304]``; empty where JSOC has none.

    Raises
    ------
    MissingDependencyError
        drms is not installed.
    ServiceUnreachable
        JSOC does not answer, or with an error.
    """
    sought = [one for one in twins if one.archive == "JSOC"]
    found: dict[tuple[str, str], str] = {}
    for series, key in dict.fromkeys((one.series, one.key) for one in sought):
        values = dict.fromkeys(one.value for one in sought if (one.series, one.key) == (series, key))
        for some in _parts(list(values)):
            found |= {(series, value): record for value, record in _asked(client or _client(), series, key, some)}
    return [found.get((one.series, _plain(one.value)), "") if one.archive == "JSOC" else "" for one in twins]


def _client() -> Any:
    try:
        import drms  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingDependencyError("Finding records at JSOC", "all") from error
    return drms.Client()


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _asked(client: Any, series: str, key: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    joined = ",".join(values)
    asked = f"{series}[? FSN in ({joined}) ?]" if key == "FSN" else f"{series}[{joined}]"
    try:
        answer = client.query(asked, key=[key], rec_index=True, convert_numeric=False)
    except Exception as error:
        words = f"the records of {series} cannot be found: {type(error).__name__}: {error}"
        raise ServiceUnreachable("JSOC", "drms", words) from error
    if key in answer:
        yield from ((_plain(value), str(record)) for record, value in answer[key].items())


def _plain(value: Any) -> str:
    """Return a key as it is compared: JSOC writes times of records with and without a fraction."""
    return str(value).replace(".000_TAI", "_TAI").strip()
