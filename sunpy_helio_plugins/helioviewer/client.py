"""The Fido client of Helioviewer."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, convert_row_to_table

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.fido import client
from sunpy_helio_plugins.fido.attrs import offered
from sunpy_helio_plugins.helioviewer import attrs, source_table, translator
from sunpy_helio_plugins.helioviewer.query import PROVIDER

if TYPE_CHECKING:
    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.helioviewer import matching, tables
    from sunpy_helio_plugins.helioviewer.maps.regions import Region
    from sunpy_helio_plugins.transport.files.prefix import PrefixDownload

__all__ = ["HelioviewerClient"]


class HelioviewerClient(client.ArchiveClient, BaseClient):
    """
    Helioviewer: JPEG 2000 images of the Sun from SDO, SOHO, STEREO, Hinode, Solar Orbiter and more.

    The client handles a query that contains an attr of ``a.helioviewer``, such as ``a.helioviewer.Image()``, or
    ``a.Provider("Helioviewer")``, together with general attrs (``a.Instrument``, ``a.Wavelength``, ``a.Detector``,
    ``a.Source``, ``a.Physobs``, ``a.Sample``).
    ``a.Time`` is required; with ``near=`` only the nearest image of each source is returned.

    Examples
    --------
    >>> import astropy.units as u
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> noon = a.Time("2026-01-10 11:58", "2026-01-10 12:00")
    >>> found = Fido.search(noon, a.helioviewer.Image(), a.Instrument.aia, a.Wavelength(304 * u.AA))
    >>> print(found["helioviewer"]["Start Time", "Measurement"])
           Start Time       Measurement
    ----------------------- -----------
    2026-01-10 11:58:17.131         304
    2026-01-10 11:58:53.130         304
    2026-01-10 11:59:29.129         304
    """

    info_url = "https://helioviewer.org"
    names = translator.NAMES
    own = translator.OWN
    _fetch_options = ("region", "size")

    def search(self, *query: Attr, **kwargs: Any) -> tables.HelioviewerTable:
        """
        List the images of a query.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            Attrs that are joined with ``&``; trees of any depth.
        **kwargs
            Not used.

        Returns
        -------
        HelioviewerTable
            One row for each image; its ``problems`` list what is missing.

        Raises
        ------
        QueryError
            The query is not valid.
        ServiceError
            No image could be listed.
        """
        from sunpy_helio_plugins.fido.partial import Partial, warn
        from sunpy_helio_plugins.helioviewer import search, tables

        answer = search.with_headers(search.list_images(translator.queries(*query)))
        table = tables.images_table(answer, self)
        # If no image is found, the warning gives the reasons.
        warn(answer if len(table) else Partial(problems=answer.problems + answer.notes))
        return table

    @convert_row_to_table
    def fetch(
        self, query_results: tables.HelioviewerTable, *, path: str | Path, downloader: Any, **kwargs: Any
    ) -> None:
        """
        Add the images to the queue of a downloader.

        Parameters
        ----------
        query_results : HelioviewerTable
            The rows to download.
        path : str or pathlib.Path
            Template of the files' paths.
        downloader : parfive.Downloader
            The downloader that Fido passes.
        **kwargs
            ``overwrite``;
            ``size``: the minimum number of pixels of the longer side of each image, or of the region;
            ``region``: a part of each image, as of `sunpy_helio_plugins.helioviewer.read`.
            If the server supports requests of parts of files, only the bytes that are needed are downloaded, and a
            smaller file is written, with the number of pixels in its name.

        Raises
        ------
        QueryError
            The size is not a number of pixels, or the region is not one.
        """
        from sunpy_helio_plugins.fido.fetch import enqueue_rows
        from sunpy_helio_plugins.helioviewer.jp2 import reduce
        from sunpy_helio_plugins.helioviewer.maps.regions import region_of

        size = reduce.checked(kwargs.get("size"))
        files = _files(query_results, size, region_of("HelioviewerClient.fetch", kwargs.get("region")))
        enqueue_rows(query_results, files, path, downloader, kwargs.get("overwrite"), fallback="image.jp2")

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "helioviewer", "sunpy_helio_plugins.helioviewer.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[tuple[str, str]]]:
        """
        Return the values of ``a.helioviewer`` and of general attrs for tab completion.

        Returns
        -------
        dict
            The values of each attr, with their descriptions, from the list in the package.
        """
        detectors = {source.detector for source in source_table.known() if source.detector}
        return {
            # Instruments and observatories are not registered: a query with only these is for sunpy's clients.
            a.Provider: [(name, "The Helioviewer Project") for name in translator.NAMES.providers],
            a.Detector: [(detector, "") for detector in sorted(detectors)],
            **offered(attrs),
        }


class SizedNames:
    """
    The names of smaller images, which contain the number of pixels of the longer side.

    The number is known when the file was made: until then, it is the requested one.
    """

    def __init__(self, size: int) -> None:
        self._size, self._folders = size, dict[Path, dict[tuple[str, str], list[int]]]()

    def named(self, part: Path, target: Path) -> Path:
        """Return a target with the size of a file."""
        with part.open("rb") as stream:
            start = stream.read(4096)
        at = start.find(b"ihdr") + 4
        return self._with_size(target, max(struct.unpack_from(">II", start, at))) if at > 3 else target

    def existing(self, target: Path) -> Path:
        """Return the existing file that was made for such a size, or else the target."""
        found = _SIZED.fullmatch(target.name)
        if found is None or not target.parent.is_dir():
            return target
        if target.parent not in self._folders:
            names = filter(None, (_SIZED.fullmatch(name) for name in os.listdir(target.parent)))
            made = self._folders[target.parent] = {}
            for one in names:
                made.setdefault((one[1], one[3]), []).append(int(one[2]))
        sides = self._folders[target.parent].get((found[1], found[3]), [])
        side = min((one for one in sides if one >= self._size > -(-one // 2)), default=self._size)
        return self._with_size(target, side)

    def _with_size(self, target: Path, side: int) -> Path:
        return target.with_name(_SIZED.sub(rf"\g<1>.{side}px\g<3>", target.name))


_SIZED = re.compile(r"(.*)\.(\d+)px((?:-\d+)?\.jp2)")


def _files(rows: tables.HelioviewerTable, size: int | None, region: Region | None) -> Iterator[RowFile]:
    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.helioviewer import matching
    from sunpy_helio_plugins.helioviewer.jp2 import boxes, reduce
    from sunpy_helio_plugins.helioviewer.maps.regions import cut_of

    sizes = None if size is None else SizedNames(size)
    told = {"accept": boxes.accept} if size is None else reduce.plan(size)
    if region is not None:
        told = cut_of(region, size).plan()
    # Rows of `nearest` without an image do not have a path.
    for row, place in ((row, place) for row, place in enumerate(matching.places(rows)) if place.path):
        name = reduce.named(place.path, size, "" if region is None else region.name)
        yield RowFile(row, name, partial(_download, rows, row, place, told, sizes))


def _download(
    rows: tables.HelioviewerTable,
    number: int,
    place: matching.ImageLocation,
    told: dict[str, Any],
    sizes: SizedNames | None,
    target: Path,
) -> PrefixDownload:
    from sunpy_helio_plugins.helioviewer.jp2 import boxes
    from sunpy_helio_plugins.helioviewer.servers.copies import copies_of
    from sunpy_helio_plugins.transport.files.prefix import PrefixDownload

    wanted: dict[str, Any] = {"accept": partial(_refuse, place.missing)} if place.missing else dict(told)
    if sizes is not None:
        target, wanted["named"] = sizes.existing(target), sizes.named
    download = PrefixDownload(place.url, target, PROVIDER, is_complete=boxes.is_complete, **wanted)
    return download if place.missing else replace(download, copies=partial(copies_of, download, rows, number))


def _refuse(words: str, part: Path) -> None:
    """Refuse a file, because its URL now returns an image other than that of the row."""
    raise FileError(words)
