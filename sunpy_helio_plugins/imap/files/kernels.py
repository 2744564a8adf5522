"""SPICE kernels, and the tables of spins and pointings, for a time range."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table, vstack
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net import attrs as a

from sunpy_helio_plugins.arguments import FLAG, TEXTS, taking
from sunpy_helio_plugins.errors import AnswerError, FileError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap import search, service
from sunpy_helio_plugins.imap.endpoints.spice import kernel_names
from sunpy_helio_plugins.imap.files.download import download_all, tree_folder
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.tables import IMAPTable
from sunpy_helio_plugins.quantities import times

__all__ = ["kernels", "repoint_table", "spin_table"]


@taking("imap.kernels", types=TEXTS, complete=FLAG, overwrite=FLAG, progress=FLAG)
def kernels(
    time: a.Time,
    path: str | Path | None = None,
    *,
    types: tuple[str, ...] = (),
    complete: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> list[Path]:
    """
    Download the SPICE kernels for a time range.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
        The time range.
    path : str or pathlib.Path, optional
        The folder above the tree of the SDC. Defaults to ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or the download
        folder of sunpy.
    types : tuple of str, optional
        Types of kernels, such as ``"attitude_history"``. Defaults to all of a metakernel.
    complete : bool, optional
        Whether to raise an error if the range has gaps.
    overwrite : bool, optional
        Whether to download files that exist.
    progress : bool, optional
        Whether to show a progress bar.

    Returns
    -------
    list of pathlib.Path
        The files, in the order in which they have to be loaded. Complete files that exist are not downloaded again.

    Raises
    ------
    QueryError
        A type or the range is not valid.
    ServiceError
        The service does not have kernels for the range, or not for the complete range, or does not respond.
    TransferError
        Some of the files could not be downloaded; the others were saved.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> files = imap.kernels(("2026-01-10", "2026-01-11"), "kernels")
    >>> print(*[file.name for file in files[:3]])
    naif0012.tls imap_130.tf imap_sclk_0042.tsc
    """
    folder = tree_folder("imap.kernels", path)
    names = kernel_names("imap.kernels", time, types, complete)
    return download_all(names, folder, overwrite=overwrite, progress=progress)


def spin_table(time: a.Time, path: str | Path | None = None) -> QTable:
    """
    Return the spins of the spacecraft within a time range.

    The files of the archive are downloaded to the tree of the SDC, unless they exist.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
        The time range.
    path : str or pathlib.Path, optional
        The folder above the tree of the SDC. Defaults to ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or the download
        folder of sunpy.

    Returns
    -------
    astropy.table.QTable
        A row for each spin that overlaps with the range, with the columns of the files: ``spin_number``,
        ``spin_start_utc`` as times, ``spin_period_sec`` in seconds, flags, and readings of the spacecraft's clock. Of
        a spin that several files contain, the row is that of the file which was ingested last. ``meta["files"]``
        contains the paths of the files, and ``meta["problems"]`` the missing parts.

    Raises
    ------
    ServiceError
        The request failed, or the archive does not have spins for the range.
    TransferError
        A file could not be downloaded.
    FileError
        A file is not a table of spins.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> spins = imap.spin_table(("2026-01-10", "2026-01-11"))
    >>> print(spins["spin_period_sec"][0])
    15.002 s
    """
    folder = tree_folder("imap.spin_table", path)
    span = inputs.span("imap.spin_table", time)
    begin, end = times.range_text(span.start, span.end, 9)
    files = _by_ingestion(Query(begin, end, kernel="spin", table="spice"))
    made = _read(files, folder, ("spin_number", "spin_start_utc", "spin_period_sec"))
    last = len(made) - 1 - np.unique(np.asarray(made["spin_number"])[::-1], return_index=True)[1]
    spins = made[last]
    starts = spins["spin_start_utc"]
    within = (starts <= span.end) & (starts + spins["spin_period_sec"] > span.start)
    return spins[_known(within)]


def repoint_table(time: a.Time | None = None, path: str | Path | None = None) -> QTable:
    """
    Return the maneuvers between the pointings of the spacecraft.

    A pointing lasts from the end of a maneuver to that of the next one, and has the number of the first. The newest
    file of the archive, which contains all maneuvers, is downloaded to the tree of the SDC, unless it exists.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times, optional
        The time range. Defaults to the whole mission.
    path : str or pathlib.Path, optional
        As of `sunpy_helio_plugins.imap.spin_table`.

    Returns
    -------
    astropy.table.QTable
        A row for each pointing that overlaps with the range, with the columns of the file: ``repoint_id``,
        ``repoint_start_utc`` and ``repoint_end_utc`` as times, and readings of the spacecraft's clock; and with the
        column ``pointing_end_utc``, the end of the next maneuver. Values that are not known yet are masked.
        ``meta["files"]`` contains the path of the file.

    Raises
    ------
    ServiceError, TransferError, FileError
        As of `sunpy_helio_plugins.imap.spin_table`, for the table of pointings.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> pointings = imap.repoint_table(("2026-01-10", "2026-01-11"))
    >>> pointings["repoint_id"].tolist()
    [119, 120]
    """
    folder = tree_folder("imap.repoint_table", path)
    span = None if time is None else inputs.span("imap.repoint_table", time)
    newest = _by_ingestion(Query(kernel="repoint", table="spice"))[-1:]
    needed = ("repoint_id", "repoint_start_utc", "repoint_end_utc")
    made = _read(newest, folder, needed)
    made = made[np.argsort(np.asarray(made["repoint_id"]), kind="stable")]
    ends = made["repoint_end_utc"]
    following = np.minimum(np.arange(1, len(made) + 1), len(made) - 1)
    next_ends = ends[following]
    if len(made):
        next_ends[-1] = np.ma.masked
    made.add_column(next_ends, name="pointing_end_utc")
    if span is None:
        return made
    after = _known(ends > span.end) | _missing(ends)
    before = _known(next_ends <= span.start)
    return made[~after & ~before]


def _known(condition: Any) -> NDArray[np.bool_]:
    """Return a condition that is `False` where a value is masked."""
    return np.asarray(np.ma.getdata(getattr(condition, "unmasked", condition)), dtype=bool) & ~_missing(condition)


def _missing(column: Any) -> NDArray[np.bool_]:
    return np.array(np.broadcast_to(getattr(column, "mask", False), np.shape(column)), dtype=bool)


def _by_ingestion(query: Query) -> IMAPTable:
    """Return the files of a query in the order in which they were ingested; at least one."""
    found = search.find([query])
    if not len(found):
        base = service.current_access().url("spice-query")
        raise AnswerError(service.ARCHIVE, base, f"it does not have files of the type {query.kernel!r} for this range")
    return found[np.lexsort([found["File Name"], found["Ingestion Time"].jd2, found["Ingestion Time"].jd1])]


def _read(files: IMAPTable, folder: Path, needed: tuple[str, ...]) -> QTable:
    """Download files and return their rows, one below the other."""
    paths = download_all(list(files["File Name"]), folder)
    made = QTable(vstack([_rows(path, needed) for path in paths], join_type="outer", metadata_conflicts="silent"))
    for name in made.colnames:
        if name.endswith("_utc"):
            column = made[name]
            # A column without a text has the type of integers.
            texts = np.where(_missing(column), "", np.ma.getdata(column).astype(str)).tolist()
            stamps = np.array([text.replace(" ", "T") for text in texts], dtype="S")
            made[name] = _times(stamps, column, paths)
            made[name].format = "iso"
        elif name.endswith("_period_sec"):
            made[name] = made[name] * u.s
    made.meta = {"files": [str(path) for path in paths], "problems": list(files.problems)}
    return made


def _times(stamps: Any, column: Any, paths: Sequence[Path]) -> Time:
    try:
        return times.from_iso(stamps, mask=_missing(column))
    except ValueError as error:
        words = f"the column {column.name} contains what is not a time: {error}"
        raise FileError(f"{', '.join(map(str, paths))}: {words} Download again with overwrite=True.") from None


def _rows(path: Path, needed: tuple[str, ...]) -> Table:
    """Return the rows of a CSV file, in which values that are not known are empty or NaN."""
    missing = [(text, "0") for text in ("", "NaN", "nan", "NAN")]
    try:
        with local(path, "read"):
            made = Table.read(path, format="ascii.csv", fill_values=missing)
    except (ValueError, IndexError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise FileError(f"{path} is not a table in CSV: {reason}; download it again with overwrite=True.") from None
    lacking = [name for name in needed if name not in made.colnames]
    if lacking:
        raise FileError(f"{path} does not have the columns {', '.join(lacking)}; download it again.")
    for name in made.colnames:
        made[name] = MaskedColumn(made[name])
    return made
