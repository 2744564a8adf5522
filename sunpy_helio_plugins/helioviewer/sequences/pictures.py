"""The pictures of a sequence, in files or on Helioviewer's server: their names, times and bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import is_several
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, FileError, Problem, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer import matching
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, reduce, remote_headers
from sunpy_helio_plugins.helioviewer.jp2.region import RegionCut
from sunpy_helio_plugins.helioviewer.listers.filenames import named_times
from sunpy_helio_plugins.helioviewer.maps.read import file_beginning, named
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.tables import HelioviewerTable, columns_of_headers
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.urls import without_user

__all__ = ["Picture", "all_pictures_of", "headers_of", "pictures_of"]

ENDINGS = (".jp2", ".j2k")

_Stamp = np.datetime64


class Picture(NamedTuple):
    """
    One picture.

    Attributes
    ----------
    name : str
        The name of its file.
    time : numpy.datetime64
        The time in the name.
    place : pathlib.Path or str
        Its file, or its URL.
    told : dict or None
        EXPTIME and QUALITY, if the row of a search contains them.
    """

    name: str
    time: _Stamp
    place: Path | str
    told: dict[str, Any] | None = None

    def __reduce__(self) -> Any:
        """Pickle it without a user and password in its address."""
        place = without_user(self.place) if isinstance(self.place, str) else self.place
        return type(self), (self.name, self.time, place, self.told)

    def load(self, size: int | None) -> bytes:
        """Return its file, or a smaller one that is made of the bytes that a size needs; raise `FileError`."""
        data = self.beginning(size)
        with self.named():
            return data if size is None else reduce.reduce(data, size)

    def beginning(self, size: int | None) -> bytes:
        """Return its file, or the first bytes of it that a size needs; raise `FileError`."""
        if isinstance(self.place, Path):
            return file_beginning(self.place, size)
        with self.named():
            return _whole(self.place) if size is None else _beginning(self.place, size)

    def region(self, cut: RegionCut) -> tuple[NDArray[Any], str]:
        """Return the samples of a region and the text of its header, from the bytes that it needs."""
        if isinstance(self.place, Path):
            with local(self.place, "read"), self.place.open("rb") as stream, self.named():
                return cut.pixels(stream)
        with self.named():
            return cut.pixels(io.BytesIO(_parts(self.place, cut)))

    def named(self) -> contextlib.AbstractContextManager[None]:
        """Put its name before the messages of errors within a block."""
        return named(self.name)


def pictures_of(function: str, given: Any) -> list[Picture]:
    """Return the pictures of files or of rows of one source, in the order of time; masked rows are left out."""
    found = [one for one in all_pictures_of(function, given, True) if one is not None]
    if not found:
        raise QueryError(f"{function} needs at least one image, but the rows do not have any.")
    return sorted(found, key=attrgetter("time"))


def all_pictures_of(function: str, given: Any, is_one_source: bool = False) -> list[Picture | None]:
    """Return the picture of each file, or of each row; `None` for masked rows."""
    is_rows = hasattr(given, "colnames") or hasattr(given, "get_response")
    parts = [given] if is_rows or isinstance(given, str | Path) else list(given) if is_several(given) else None
    if parts is None or not parts:
        raise inputs.refused(function, given, "the rows of a search, or paths of images")
    if all(isinstance(one, str | Path) for one in parts):
        paths = inputs.paths(function, parts, ENDINGS)
        if container := next((path for path in paths if path.suffix.lower() == ".jpx"), None):
            raise QueryError(
                f"{function} takes files with one image each, not the JPX {container.name}: read its images as maps "
                "with helioviewer.read."
            )
        stamps = named_times(np.array([path.name for path in paths], dtype="S")).astype("M8[us]")
        for index in np.flatnonzero(np.isnat(stamps)).tolist():
            stamps[index] = _told_time(paths[index])
        return [Picture(path.name, stamp, path) for path, stamp in zip(paths, stamps, strict=True)]
    tables = inputs.tables(function, parts, HelioviewerTable, "the rows of a search, or paths of images")
    return [picture for table in tables for picture in _of_rows(function, table, is_one_source)]


def _of_rows(function: str, table: HelioviewerTable, is_one_source: bool) -> list[Picture | None]:
    is_known = ~np.broadcast_to(np.ma.getmaskarray(table["Path"]), len(table))
    known = table if is_known.all() else table[is_known]
    sources = np.unique(np.asarray(known["Source ID"])).tolist()
    if is_one_source and len(sources) > 1:
        raise QueryError(
            f"{function} takes the images of one source, not of {', '.join(map(str, sources))}: select rows with "
            'table[table["Source ID"] == ...].'
        )
    stamps = to_datetime64(known["Start Time"]).astype("M8[us]")
    told = _told(known)
    if matching.NEAREST in known["Lister"]:
        places = matching.places(known)
        if lost := next((one for one in places if one.missing), None):
            raise FileError(lost.missing)
        urls, paths = [one.url for one in places], [one.path for one in places]
    else:
        urls, paths = known["url"].tolist(), known["Path"].tolist()
    pictures = map(Picture, [path.rpartition("/")[2] for path in paths], stamps, urls, told)
    if is_known.all():
        return list(pictures)
    return [next(pictures) if is_there else None for is_there in is_known.tolist()]


def _told(table: Table) -> list[dict[str, Any] | None]:
    """Return the keywords of the header that a table contains, for each row."""
    if not {"EXPTIME", "QUALITY"} <= set(table.colnames):
        return [None] * len(table)
    lists = []
    for key in ("EXPTIME", "QUALITY"):
        column = table[key]
        missing = np.broadcast_to(getattr(column, "mask", False), len(table))
        plain = np.asarray(getattr(column, "unmasked", column))
        lists.append([None if gone else value for gone, value in zip(missing, plain.tolist(), strict=True)])
    return [{"EXPTIME": seconds, "QUALITY": marks} for seconds, marks in zip(*lists, strict=True)]


def _told_time(path: Path) -> _Stamp:
    with local(path, "read"):
        try:
            own = {key.upper(): value for key, value in header.file_header(path).items()}
        except FileError as error:
            raise FileError(f"{path.name}: {error}") from error
    try:
        found = to_datetime64(times.from_iso(str(columns_of_headers([own])["DATE-OBS"][0]))).astype("M8[us]")
        return found[()]  # type: ignore[return-value]
    except ValueError:
        raise FileError(f"{path.name}: neither its name nor its header contains the time of the image.") from None


def headers_of(pictures: Sequence[Picture]) -> list[dict[str, Any] | Problem]:
    """Return the keywords of pictures, or why they cannot be read; only the first bytes of each file are requested."""
    missing = [number for number, one in enumerate(pictures) if one.told is None]
    remote = [number for number in missing if not isinstance(pictures[number].place, Path)]
    found: dict[int, Any] = dict(
        zip(remote, remote_headers.fetch([str(pictures[number].place) for number in remote]), strict=True)
    )
    for number in set(missing) - set(remote):
        found[number] = _local_header(Path(pictures[number].place))
    every = [found.get(number, one.told or {}) for number, one in enumerate(pictures)]
    return [one if isinstance(one, Problem) else {key.upper(): value for key, value in one.items()} for one in every]


def _local_header(path: Path) -> dict[str, Any] | Problem:
    try:
        with local(path, "read"):
            return header.file_header(path)
    except FileError as error:
        return Problem.of_error(error)


def _whole(url: str) -> bytes:
    data = metadata.get(url, archive=PROVIDER, max_bytes=int(conf.max_file)).content
    return _checked(data)


def _beginning(url: str, size: int) -> bytes:
    """Request the beginning of a file until it is sufficient for a size."""
    return _Ranges(url).beginning(partial(reduce.needed, size))


def _parts(url: str, cut: RegionCut) -> bytes:
    """Request the parts of a file that a region needs; the bytes between them are zero."""
    ranges = _Ranges(url)
    data = ranges.beginning(cut.needed)
    if ranges.has_all():
        return data
    spans = cut.parts(data)
    if spans is None:
        return _whole(url)
    made = bytearray(data)
    for start, stop in spans:
        start = max(start, len(data))
        if start < stop:
            part = ranges.get(start, stop)
            if ranges.has_all():
                return part
            if len(part) < stop - start:
                words = f"the bytes {start} to {stop - 1} were requested, and {len(part)} came"
                raise AnswerError(PROVIDER, url, words, 206)
            made.extend(bytes(max(stop - len(made), 0)))
            made[start : start + len(part)] = part
    return bytes(made)


@dataclass
class _Ranges:
    """Ranges of bytes of one version of a file; the complete file from a server without ranges."""

    url: str
    tag: str = ""
    total: int = -1
    is_whole: bool = False

    def has_all(self) -> bool:
        """Return whether the last request returned the complete file."""
        return self.is_whole

    def beginning(self, needed: Callable[[bytes], int | None]) -> bytes:
        """Request the beginning of the file until it is sufficient."""
        data = b""
        want: int | None = reduce.FIRST_BYTES
        while want is None or want > len(data):
            part = self.get(len(data), want)
            data = _checked(part if self.is_whole else data + part)
            if self.is_whole or not part or want is None or len(data) == self.total:
                self.is_whole |= want is None or len(data) == self.total
                break
            want = needed(data)
        return data

    def get(self, start: int, stop: int | None) -> bytes:
        """Request the bytes of a range; sets ``is_whole`` and returns the complete file if the server sends that."""
        wish = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}", "Accept-Encoding": "identity"}
        answer = metadata.get(
            self.url, archive=PROVIDER, headers=wish | ({"If-Range": self.tag} if self.tag else {}),
            accept=(200, 206), max_bytes=int(conf.max_file),
        )  # fmt: skip
        if answer.status == 200:  # a server without ranges, or a file that was replaced in between
            self.is_whole = True
            return _checked(answer.content)
        told = str(answer.headers.get("Content-Range", ""))
        if not told.startswith(f"bytes {start}-"):
            words = f"the bytes from {start} on were requested, not {told or 'others'}"
            raise AnswerError(PROVIDER, answer.url, words, answer.status)
        given = answer.headers.get("ETag", "")
        self.tag = self.tag or ("" if given.startswith("W/") else given)
        total = told.rpartition("/")[2]
        self.total = int(total) if total.isdigit() else -1
        return answer.content


def _checked(data: bytes) -> bytes:
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    return data
