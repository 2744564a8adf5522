"""From lists of images to a table, one row for each image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, QTable
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.fido import HelioTable
from sunpy_helio_plugins.helioviewer import catalogue
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.helioviewer.translate import PROVIDER
from sunpy_helio_plugins.quantities import times

__all__ = ["HelioviewerTable", "images_table", "sources_table"]


class HelioviewerTable(HelioTable):
    """
    Images of Helioviewer.

    ``Start Time`` and ``End Time`` are both the time in the file's name, that is the start of the exposure or the time
    that the instrument's team gives to the image: a list does not tell how long the exposure was.
    """

    hide_keys = ["url", "Path", "Source ID", "Lister"]


def images_table(listings: Iterable[Any], problems: Sequence[str], client: object) -> HelioviewerTable:
    """
    Return a search result.

    Parameters
    ----------
    listings : iterable of `~sunpy_helio_plugins.helioviewer.service.Listing`
        The images of each source.
    problems : sequence of str
        What is missing from them.
    client : sunpy.net.base_client.BaseClient
        The client that will fetch the rows.
    """
    kept = list(listings)
    counts = [len(one.paths) for one in kept]
    sources = [one.source for one in kept]
    instants = np.concatenate([np.empty(0, "M8[us]"), *(one.times for one in kept)])
    paths = np.concatenate([np.empty(0, "U1"), *(one.paths for one in kept)])
    roots = np.repeat(np.array([one.root for one in kept], dtype=str), counts)
    columns = {
        "Start Time": _time(instants),
        "End Time": _time(instants),
        "Instrument": _repeated([source.instruments[0] for source in sources], counts),
        "Source": _repeated([source.observatory for source in sources], counts),
        "Provider": _repeated([PROVIDER for _ in sources], counts),
        "Detector": _text([source.detector for source in sources], counts),
        "Wavelength": _wavelength(sources, counts),
        "Measurement": _repeated([source.measurement for source in sources], counts),
        "url": np.array([root + quote(path) for root, path in zip(roots, paths, strict=True)], dtype=str),
        "Path": paths,
        "Source ID": np.repeat(np.array([source.id for source in sources], dtype=int), counts),
        "Lister": _repeated([one.lister for one in kept], counts),
    }
    table = HelioviewerTable(columns, client=client)
    table.problems = list(problems)
    return table


def sources_table() -> QTable:
    """Return the sources of Helioviewer; see `sunpy_helio_plugins.helioviewer.sources`."""
    known = catalogue.known()
    ones = [1] * len(known)
    return QTable(
        {
            "Source ID": [source.id for source in known],
            "Nickname": [source.nickname for source in known],
            "Source": [source.observatory for source in known],
            "Instrument": [source.instruments[0] for source in known],
            "Detector": _text([source.detector for source in known], ones),
            "Measurement": [source.measurement for source in known],
            "Wavelength": _wavelength(known, ones),
            "HAPI ID": _text([source.hapi_id or "" for source in known], ones),
            # A group is searched by way of its members.
            "Listed": [source.hapi_state in ("ok", "group") for source in known],
        }
    )


def _time(instants: NDArray[np.datetime64]) -> Any:
    made = times.from_iso(np.datetime_as_string(instants, unit="us").astype("S26"))
    made.format = "iso"
    return made


def _repeated(values: Sequence[str], counts: Sequence[int]) -> Column:
    return Column(np.repeat(np.array(values, dtype=str), counts))


def _text(values: Sequence[str], counts: Sequence[int]) -> MaskedColumn:
    """Return a column of texts in which an empty one is missing; of one class always, so that tables stack."""
    repeated = np.repeat(np.array(values, dtype=str), counts)
    return MaskedColumn(repeated, mask=repeated == "")


def _wavelength(sources: Sequence[Source], counts: Sequence[int]) -> u.Quantity:
    """Return wavelengths in angstroms; masked where a measurement is none."""
    given = np.repeat(np.array([source.wavelength or np.nan for source in sources], dtype=float), counts)
    missing = np.isnan(given)
    return Masked(given, mask=missing) * u.AA if missing.any() else given * u.AA
