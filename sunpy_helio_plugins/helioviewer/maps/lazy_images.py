"""Open images, whose headers and pixels are read when they are used, and plot them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import FLAG, is_several, taking
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer.jp2 import header, reduce
from sunpy_helio_plugins.helioviewer.listers.filenames import named_times
from sunpy_helio_plugins.helioviewer.maps.header_repairs import repaired
from sunpy_helio_plugins.helioviewer.maps.read import read_file
from sunpy_helio_plugins.helioviewer.tables import HelioviewerTable, columns_of_headers
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.datetimes import from_datetime64, to_datetime64
from sunpy_helio_plugins.quantities.fills import masked
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.views.plain import number_series, plain_records

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from ndcube import NDCube, NDCubeSequence
    from sunpy.timeseries import GenericTimeSeries

__all__ = ["open", "quicklook"]

_ENDINGS = (".jp2", ".j2k")
_MOST_PANELS = 12


@taking("helioviewer.open", physical=FLAG)
def open(images: Any, size: int | None = None, physical: bool = False) -> LazyTable:  # noqa: A001
    """
    Open images, whose headers and pixels are read when they are first used.

    Parameters
    ----------
    images : str, pathlib.Path, HelioviewerTable, row, UnifiedResponse, or list of these
        JPEG 2000 files, a folder of them, or the rows of a search.
    size, physical
        As of `sunpy_helio_plugins.helioviewer.read`, for ``to_ndcube()``.

    Returns
    -------
    sunpy_helio_plugins.series.LazyTable
        ``table`` contains one row for each image: of files, in the order of time, with the columns ``Time``,
        ``Instrument``, ``Detector`` and ``Wavelength`` of the header, those of ``a.helioviewer.Header``, and ``File``;
        of a search, its own rows. ``to_timeseries(columns="DATAMEAN")`` returns numbers in the headers, and
        ``to_xarray()``, ``to_pandas()`` and ``to_parquet(path)`` convert all columns of times, numbers and text.
        ``to_ndcube()`` returns the pixels of files: an `ndcube.NDCube` with the coordinates of its map for one image,
        and an `ndcube.NDCubeSequence` of these in the order of time for several, since each image has its own pointing
        and scale; ``sequence_axis_coords["time"]`` are the times. A file that cannot be read is a `FileError` at the
        first use.

    Raises
    ------
    QueryError
        ``images`` are neither paths nor rows of a search, or the size is not a number of pixels.
    FileError
        A folder does not contain images.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> files = Fido.fetch(images[:2], path="images/{file}", size=256)
    >>> helioviewer.open("images").to_ndcube().shape
    (2, 256, 256)
    """
    pixels = reduce.checked(size)
    paths = _paths("helioviewer.open", images)
    if paths is None:
        rows = inputs.tables("helioviewer.open", images, HelioviewerTable, "files, or images of a search")
        if len(rows) != 1:
            raise QueryError(f"helioviewer.open takes the rows of one search, not of {len(rows)}: open each of them.")
        found = rows[0]
        return LazyTable(f"{len(found)} images of a search", lambda: found, _to_timeseries, _no_files, plain_records)
    name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} images"
    cube = partial(_to_ndcube, size=pixels, physical=physical)
    return LazyTable(name, partial(_headers, paths), _to_timeseries, cube, plain_records)


@taking("helioviewer.quicklook", physical=FLAG)
def quicklook(images: Any, size: int = 512, physical: bool = False) -> Figure:
    """
    Plot images, one in each panel.

    Parameters
    ----------
    images : str, pathlib.Path, sunpy.map.GenericMap, or list of these
        JPEG 2000 files, a folder of them, or maps. Of more than 12, 12 are plotted, at equal steps.
    size, physical
        As of `sunpy_helio_plugins.helioviewer.read`, for files.

    Returns
    -------
    matplotlib.figure.Figure
        Each image with its colours and coordinates, as ``map.plot()`` draws it; the title of the
        panel contains the instrument and the time.

    Raises
    ------
    QueryError
        ``images`` are neither paths nor maps, or the size is not a number of pixels.
    FileError
        A file does not exist or is not an image of Helioviewer.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> files = Fido.fetch(images[:2], path="{file}", size=128)
    >>> helioviewer.quicklook(files).savefig("images.png")
    """
    import matplotlib.pyplot as plt
    from sunpy.map import GenericMap

    pixels = reduce.checked(size)
    given = [images] if isinstance(images, GenericMap) else images
    if is_several(given) and not _is_path(given) and not hasattr(given, "colnames"):
        given = list(given)
    is_maps = isinstance(given, list) and bool(given) and all(isinstance(one, GenericMap) for one in given)
    every: Sequence[Any] | None = given if is_maps else _paths("helioviewer.quicklook", given)
    if every is None:
        raise inputs.refused(
            "helioviewer.quicklook", images, "files or maps (download the images of a search with Fido.fetch first)"
        )
    chosen = [every[index] for index in _steps(len(every))]
    columns = min(len(chosen), 3 if len(chosen) > 4 else 2)
    rows = -(-len(chosen) // columns)
    figure = plt.figure(figsize=(4.6 * columns, 4.4 * rows), layout="constrained")
    for number, one in enumerate(chosen, start=1):
        shown = one if is_maps else read_file(one, physical, pixels)
        axes = figure.add_subplot(rows, columns, number, projection=shown)
        shown.plot(axes=axes)
        axes.set_title(axes.get_title(), fontsize="medium")
    if len(chosen) < len(every):
        figure.suptitle(f"{len(chosen)} of {len(every)} images")
    return figure


def _steps(count: int) -> list[int]:
    most = min(count, _MOST_PANELS)
    return [int(index) for index in np.linspace(0, count - 1, most).round()]


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike)


def _paths(function: str, given: Any) -> list[Path] | None:
    """Return files; `None` for other objects."""
    if _is_path(given):
        return inputs.paths(function, given, _ENDINGS)
    if not is_several(given) or hasattr(given, "colnames"):
        return None
    parts = list(given)
    return inputs.paths(function, parts, _ENDINGS) if all(map(_is_path, parts)) else None


def _headers(paths: Sequence[Path]) -> QTable:
    """Return the table of the headers of files, in the order of time."""
    known = [_header(path) for path in paths]
    stamps = _times(paths, known)
    made: dict[str, Any] = {"Time": times.as_column(stamps, "Time of the image", may_be_missing=True)}
    made["Instrument"] = _texts([one.get("INSTRUME", one.get("TELESCOP")) for one in known])
    made["Detector"] = _texts([one.get("DETECTOR") for one in known])
    made["Wavelength"] = _wavelengths(known)
    made |= columns_of_headers(known)
    made["File"] = Column([str(path) for path in paths], dtype=str)
    table = QTable(made, copy=False)
    return table[np.argsort(to_datetime64(stamps), kind="stable")]


def _header(path: Path) -> dict[str, Any]:
    with local(path, "read"):
        try:
            found = header.file_header(path)
        except FileError as error:
            raise FileError(f"{path.name}: {error}") from error
    return {key.upper(): value for key, value in repaired(found, path.name).items()}


def _times(paths: Sequence[Path], headers: Sequence[dict[str, Any]]) -> Time:
    """Return the times in the names of the files, as a search does, or else those in the headers."""
    found = named_times(np.array([path.name for path in paths], dtype="S")).astype("M8[ns]")
    told = columns_of_headers(headers)["DATE-OBS"]
    for index in np.flatnonzero(np.isnat(found) & ~np.ma.getmaskarray(told)).tolist():
        try:
            found[index] = to_datetime64(times.from_iso(str(told[index])))
        except ValueError as error:
            raise FileError(f"{paths[index].name}: its header does not contain a valid time: {error}") from error
    return from_datetime64(found)


def _texts(values: Sequence[Any]) -> MaskedColumn:
    gone = [value is None for value in values]
    return MaskedColumn(["" if value is None else str(value) for value in values], mask=gone, dtype=str)


def _wavelengths(headers: Sequence[dict[str, Any]]) -> Any:
    """Return the wavelengths, in angstrom unless the header gives nanometres; masked for other measurements."""
    values = np.full(len(headers), np.nan)
    for index, one in enumerate(headers):
        value = one.get("WAVELNTH")
        if isinstance(value, int | float) and value > 0:
            values[index] = value * (10 if str(one.get("WAVEUNIT")).strip().lower() == "nm" else 1)
    return masked(values * u.AA, np.isnan(values))


def _to_timeseries(table: QTable, columns: str | Sequence[str] | None = None) -> GenericTimeSeries:
    return number_series("helioviewer.open(...).to_timeseries", table, columns)


def _no_files(table: HelioviewerTable, *args: Any, **options: Any) -> Any:
    raise QueryError(
        f"The {len(table)} images of this search are not on this machine: download them with Fido.fetch, and open the "
        "files."
    )


def _to_ndcube(table: QTable, *columns: Any, size: int | None, physical: bool) -> NDCube | NDCubeSequence:
    """Return the pixels of the images of a table."""
    if columns:
        raise QueryError(f"Images are converted to a cube as a whole, without a column, not {columns[0]!r}: omit it.")
    try:
        from ndcube import NDCube, NDCubeSequence
    except ImportError:
        raise MissingDependencyError("Making an NDCube", "ndcube") from None
    cubes = []
    for time, file in zip(table["Time"], table["File"], strict=True):
        shown = read_file(Path(file), physical, size)
        cube = NDCube(shown.data, wcs=shown.wcs, unit=shown.unit, meta=dict(shown.meta))
        cube.global_coords.add("time", "time", time)
        cubes.append(cube)
    return cubes[0] if len(cubes) == 1 else NDCubeSequence(cubes, meta={"files": list(table["File"])})
