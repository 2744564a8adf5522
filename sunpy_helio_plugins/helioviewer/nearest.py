"""What every source has nearest to one time: a synchronised set of images, from one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.helioviewer import api, catalogue, coverage_list, service, tables, translate
from sunpy_helio_plugins.helioviewer.attrs import Tolerance
from sunpy_helio_plugins.quantities import datetimes, times

__all__ = ["NEAREST", "Place", "near", "places"]

NEAREST = "nearest"
"""What the column ``Lister`` says of images of which only the second is known."""

AT_ONCE = 3


def near(time: Any, tolerance: u.Quantity | None = None) -> tables.HelioviewerTable:
    """
    Return the image nearest to a time of every source, from one request.

    Parameters
    ----------
    time : str, datetime or astropy.time.Time
        The time; UTC where it says nothing else.
    tolerance : astropy.units.Quantity, optional
        How far from it an image may be. Defaults to ten minutes; ``problems`` names the sources left out.

    Returns
    -------
    HelioviewerTable
        One row for each source, the nearest first. Times are whole seconds, as the database keeps them; ``Offset`` is
        how much later they are than the time asked for. The rows can be fetched; only then their names are asked for.

    Raises
    ------
    QueryError
        The tolerance is no time.
    ServiceError
        Helioviewer does not answer as it should.
    """
    from sunpy.time import parse_time

    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient

    limit = Tolerance(10 * u.min if tolerance is None else tolerance).values[0].to_value(u.s)
    instant = times.datetime64_from_iso(np.array([times.iso(parse_time(time), 6)])).astype("M8[us]")[0]
    sources = [one for one in catalogue.known() if not one.members]
    dates = _dates(sources, instant)
    found = [(one, second) for one in sources if (second := _nearest(dates.get(str(one.id)), instant)) is not None]
    kept = [(one, second) for one, second in found if abs((second - instant) / np.timedelta64(1, "s")) <= limit]
    kept.sort(key=lambda pair: abs(pair[1] - instant))
    problems = []
    if len(kept) < len(sources):
        problems = [f"{len(sources) - len(kept)} sources have no image within {limit:g} s of {instant}."]
    return _table(kept, instant, problems, HelioviewerClient())


def _dates(sources: Iterable[catalogue.Source], instant: np.datetime64) -> dict[str, Any]:
    """Ask for the dates before and after an instant."""
    # The answer leaves out an image of the very second asked for: half a second is nobody's.
    asked = instant.astype("M8[s]").astype("M8[us]") + np.timedelta64(500_000, "us")
    # Without brackets: the web page sends none, and before 2024 the API refused them.
    ids = ",".join(str(one.id) for one in sources)
    date = f"{np.datetime_as_string(asked, unit='ms')}Z"
    return api.ask_object("getClosestImageDatesForSources", {"date": date, "sources": ids})


def _nearest(dates: Any, instant: np.datetime64) -> np.datetime64 | None:
    given = [dates.get(name) for name in ("prev_date", "next_date")] if isinstance(dates, dict) else []
    try:
        seconds = [np.datetime64(str(text).replace(" ", "T"), "us") for text in given if text]
    except ValueError as error:
        words = f"dates were expected, {str(dates)[:100]} came"
        raise AnswerError(translate.PROVIDER, api.address("getClosestImageDatesForSources"), words) from error
    return min(seconds, key=lambda second: abs(second - instant), default=None)


def _table(
    rows: list[tuple[catalogue.Source, np.datetime64]], instant: np.datetime64, problems: list[str], client: Any
) -> tables.HelioviewerTable:
    root = f"{api.address('getJP2Image')}?"
    listings = []
    for source, second in rows:
        stamp = np.datetime_as_string(second, unit="s").replace("-", "_").replace("T", "__").replace(":", "_")
        path = f"/{stamp}__{source.label.replace(' ', '_').replace('/', '-')}.jp2"
        listings.append(
            service.Listing(source, np.array([second]), np.array([path.encode()]), root, np.array([NEAREST]))
        )
    table = tables.images_table(listings, problems, client)
    stamps = [np.datetime_as_string(second, unit="s") for _, second in rows]
    table["url"] = [f"{root}date={stamp}Z&sourceId={one.id}" for stamp, (one, _) in zip(stamps, rows, strict=True)]
    table["Offset"] = np.array([(second - instant) / np.timedelta64(1, "s") for _, second in rows]) * u.s
    return table


@dataclass(frozen=True)
class Place:
    """
    Where the image of a row is.

    Attributes
    ----------
    url : str
        Its address.
    path : str
        Its path, whose last part is its name.
    missing : str
        Why it is not to be had, although the address would give another image; empty where it is.
    """

    url: str
    path: str
    missing: str = ""


def places(rows: Iterable[Any]) -> Iterator[Place]:
    """
    Yield where the images of some rows are; of those from `near` the names are asked for now.

    Parameters
    ----------
    rows : iterable of astropy.table.Row
        Rows of a result.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(_place, list(rows))


def _place(row: Any) -> Place:
    url, path = str(row["url"]), str(row["Path"])
    if str(row["Lister"]) != NEAREST:
        return Place(url, path)
    # Half a second more: a time is a float, and may lie a nanosecond before its second.
    instant: np.datetime64 = datetimes.to_datetime64(row["Start Time"])[()]  # type: ignore[assignment]
    second = (instant + np.timedelta64(500, "ms")).astype("M8[s]")
    try:
        path = coverage_list.path_of(catalogue.by_id()[int(row["Source ID"])], second)
    except ServiceError as error:
        return Place(url, path, str(error))
    (url,) = tables.addresses(conf.helioviewer.jp2_url.rstrip("/"), np.array([path.encode()]))
    return Place(url.decode(), path)
