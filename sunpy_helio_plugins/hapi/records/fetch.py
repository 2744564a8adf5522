"""Download the records of a row to a file, and the files that a column names."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, ServiceError
from sunpy_helio_plugins.fido.fetch import RowFile
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.cache import holdings
from sunpy_helio_plugins.hapi.cache.files import file_of
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest, Piece
from sunpy_helio_plugins.hapi.records import decode, file
from sunpy_helio_plugins.hapi.records.file import header_of, read_header
from sunpy_helio_plugins.hapi.records.file_names import file_names
from sunpy_helio_plugins.hapi.records.trim import trim
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.service import Service, login_of
from sunpy_helio_plugins.hapi.status import Refusal, refusal
from sunpy_helio_plugins.hapi.tables import HAPIFiles, HAPITable
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment
from sunpy_helio_plugins.store.streams import check_compressed, decompressed, is_compressed
from sunpy_helio_plugins.transport.connections import NOWHERE
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload
from sunpy_helio_plugins.transport.messages import server_message
from sunpy_helio_plugins.transport.retry import RefusedError, TransientFileError

__all__ = ["DownloadSpec", "accept", "download", "files", "nothing_between"]

_READ = 4096

_PAGES = (b"<!doctype html", b"<html")

_SUFFIXES = {
    ".fits": "image/fits", ".fts": "image/fits", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".gif": "image/gif", ".jp2": "image/jp2", ".pdf": "application/pdf", ".zip": "application/zip",
    ".gz": "application/gzip", ".h5": "application/x-hdf5", ".hdf": "application/x-hdf", ".nc": "application/x-netcdf",
    ".cdf": "application/x-cdf",
}  # fmt: skip
"""What a name promises where the dataset does not say what its files are: that it is no page and no message."""

_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "image/fits": (b"SIMPLE", b"\x1f\x8b"),
    "application/fits": (b"SIMPLE", b"\x1f\x8b"),
    "image/png": (b"\x89PNG",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF8",),
    "image/jp2": (b"\x00\x00\x00\x0cjP", b"\xff\x4f\xff\x51"),
    "application/pdf": (b"%PDF",),
    "application/zip": (b"PK",),
    "application/gzip": (b"\x1f\x8b",),
    "application/x-hdf": (b"\x89HDF", b"\x0e\x03\x13\x01"),
    "application/x-hdf5": (b"\x89HDF",),
    "application/x-netcdf": (b"CDF", b"\x89HDF"),
    "application/x-cdf": (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff"),
}
"""How files of a type begin, for types that HAPI's specification names or its servers use."""


def accept(part: Path, name: str, media_type: str = "") -> None:
    """
    Refuse what is certainly not the file.

    Parameters
    ----------
    part : pathlib.Path
        What came.
    name : str
        The name that its address gives it.
    media_type : str, optional
        What the dataset says that its files are (``stringType``); empty where it does not.

    Raises
    ------
    FileError
        It is empty, a page or message in the place of a file, not of its type, or compressed and damaged.
    """
    with part.open("rb") as opened:
        head = opened.read(_READ)
    declared = media_type.partition(";")[0].strip().lower()
    kind = declared or _SUFFIXES.get(Path(name.lower()).suffix, "")
    if not head:
        raise FileError(f"{name}: an empty file came.")
    start = head.lstrip()[:16].lower()
    if start.startswith(_PAGES) and kind and not _is_of(kind, "html", "xml", "text/plain"):
        raise FileError(f"{name}: a page came in the place of the file: {server_message(head)}")
    if start.startswith(b"{") and kind and not _is_of(kind, "json", "text"):
        raise FileError(f"{name}: a message came in the place of the file: {server_message(head)}")
    beginnings = _BEGINNINGS.get(declared)
    if beginnings is not None and not head.startswith(beginnings):
        raise FileError(f"{name}: it does not begin as files of the type {declared} do, which its dataset promises.")
    try:
        check_compressed(part)
    except FileError as error:
        raise TransientFileError(f"{name}: {error}.") from None


def _is_of(kind: str, *words: str) -> bool:
    return any(word in kind for word in words)


_MAY_BE_EMPTY = 1 << 22
"""Bytes up to which an answer is looked at for records: no header without any is longer."""

_COPIED = 1 << 20


@dataclass(frozen=True)
class DownloadSpec:
    """
    What is the same for all pieces of a file.

    Attributes
    ----------
    target : pathlib.Path
        Where it goes.
    archive, dataset : str
        Whose records they are, as messages name them.
    info : Info
        What the server says of the parameters asked for.
    format : str
        The format asked for.
    login : Login or None
        How to sign in.
    keep : callable or None
        Called with the accepted file of the whole range, or `None` if the server has no records in it.
    """

    target: Path
    archive: str
    dataset: str
    info: Info = field(repr=False)
    format: str
    login: Login | None = None
    keep: Callable[[Path | None], None] | None = field(default=None, repr=False)

    @property
    def subject(self) -> str:
        """What was asked for, as messages name it."""
        return f"{self.dataset} of {self.archive}"


class _RefusedRecordsError(FileError):
    """An answer of HTTP status 200 that is a refusal."""

    def __init__(self, text: str, said: Refusal) -> None:
        super().__init__(text)
        self.said = said


def download(piece: Piece, order: DownloadSpec, alone: bool = True) -> PiecedDownload:
    """
    Return the file of one request.

    Parameters
    ----------
    piece : Piece
        The request.
    order : DownloadSpec
        What it is part of.
    alone : bool, optional
        Whether it is the whole file: then there must be records.
    """
    return PiecedDownload(
        url=piece.url,
        target=order.target,
        archive=order.archive,
        login=order.login,
        accept=partial(_accept, order=order, span=piece.span, alone=alone),
        instead=partial(_instead, piece=piece, order=order),
        join=partial(_join, order=order),
    )


def nothing_between(subject: str, span: Span) -> str:
    """Say that a range holds no records."""
    first, last = span.first.text(3), span.last.text(3)
    if span.first == span.last:
        return f"{subject}: there is no record at {first} (HAPI 1201)."
    return f"{subject}: there are no records from {first} to {last} (HAPI 1201)."


def _instead(failure: Exception, piece: Piece, order: DownloadSpec) -> list[PiecedDownload]:
    said: Refusal | None = None
    if isinstance(failure, RefusedError):
        said = refusal(failure.status, failure.phrase, failure.body)
    elif isinstance(failure, _RefusedRecordsError):
        said = failure.said
    return [] if said is None else [download(other, order, alone=False) for other in piece.instead(said)]


def _accept(part: Path, order: DownloadSpec, span: Span, alone: bool) -> None:
    """Refuse what is no records of this range, and keep the whole of it."""
    keep = order.keep if alone and order.keep is not None else _keep_nothing
    try:
        _check(part, order, span, alone)
    except file.NoRecordsError:
        keep(None)
        raise
    keep(part)


def _keep_nothing(part: Path | None) -> None:
    """Do nothing: a piece is kept with the others."""


def _check(part: Path, order: DownloadSpec, span: Span, alone: bool) -> None:
    """Refuse what is no records of this range; write a header where there is none, leave out what lies beyond."""
    _decompress(part, order)
    _refuse_message(part, order)
    if _is_empty(part, order):
        if alone:
            raise file.NoRecordsError(nothing_between(order.subject, span))
        part.write_bytes(order.info.header("csv"))
        return
    file.make_validator(order.info, order.format, order.subject)(part)
    info, start, found = _layout(part, order)
    try:
        left = trim(part, start, info, found, span)
    except ValueError as error:
        raise FileError(f"{order.subject}: a record does not begin with a time: {error}") from None
    if alone and not left:
        raise file.NoRecordsError(nothing_between(order.subject, span))


def _decompress(part: Path, order: DownloadSpec) -> None:
    """Decompress a part file in place if it is compressed although that was not requested."""
    with part.open("rb") as opened:
        if not is_compressed(opened.read(8)):
            return
    try:
        part.write_bytes(decompressed(part.read_bytes(), int(conf.max_file)))
    except FileError as error:
        raise TransientFileError(f"{order.subject}: the compressed answer cannot be read: {error}.") from None


def _refuse_message(part: Path, order: DownloadSpec) -> None:
    with part.open("rb") as opened:
        head = opened.read(_MAY_BE_EMPTY)
    said = refusal(200, "", head)
    if said is not None:
        words = f"{order.subject}: the server sent a message instead of records: {said.text}"
        raise _RefusedRecordsError(words, said)


def _is_empty(part: Path, order: DownloadSpec) -> bool:
    if part.stat().st_size > _MAY_BE_EMPTY:
        return False
    content = part.read_bytes()
    try:
        return not file.parse_response(content, order.info, order.format, order.subject).count
    except ServiceError:
        words = f"{order.subject}: the server sent a message instead of records: {server_message(content)}"
        raise FileError(words) from None


def _layout(part: Path, order: DownloadSpec) -> tuple[Info, int, str]:
    """Return the header of an accepted file, where its records begin, and their format."""
    with part.open("rb") as opened:
        if file.is_json(opened.read(_READ)):
            return file.parse_document(part.read_bytes(), order.info).info, 0, "json"
        opened.seek(0)
        head, size = read_header(opened)
    info = header_of(head) or order.info
    return info, size, str(info.format)


def _join(pieces: Sequence[Path], whole: Path, order: DownloadSpec) -> None:
    """Write the records of pieces behind one header; pieces of different formats become JSON."""
    full = [piece for piece in pieces if not _is_empty(piece, order)] or list(pieces[:1])
    infos, starts, formats = zip(*(_layout(piece, order) for piece in full), strict=True)
    if len({tuple((one.name, one.type, one.shape) for one in info.parameters) for info in infos}) > 1:
        raise FileError(f"{order.subject}: its pieces hold different parameters.")
    if "json" in formats or len({*formats}) > 1:
        data = [record for piece in full for record in _records(piece)]
        whole.write_bytes(file.as_json(infos[0], data))
        return
    with whole.open("wb") as target:
        for piece, start in zip(full, starts, strict=True):
            with piece.open("rb") as source:
                source.seek(0 if piece == full[0] else start)
                shutil.copyfileobj(source, target, _COPIED)


def _records(piece: Path) -> list[Any]:
    """Return the records of an accepted piece as JSON has them."""
    made = file.parse_document(piece.read_bytes())
    return made.data if made.format == "json" else decode.to_json(made.columns())


@dataclass(frozen=True)
class _Origin:
    """What all rows of a dataset have in common."""

    server: HAPIServer
    dataset: str
    info: Info
    format: str
    login: Login | None

    @classmethod
    def of(cls, server_url: str, dataset: str, info: str, kind: str) -> _Origin:
        server = server_list.find(server_url)
        described = Info.from_json(kept_json(info)).with_origin(server.name, dataset)
        return cls(server, dataset, described, kind, login_of(server))

    def download(self, span: Span, url: str, target: Path) -> PiecedDownload:
        """Return the file of one row."""
        # The same for every request after the end of the range, so that the files are equal.
        until = str(min(Moment.now(), span.before))
        info = self.info.with_origin(self.info.origin["server"], self.dataset, until)
        request = DataRequest(self.server, self.dataset, "", self.info, span, until, self.format, url)
        keep = partial(_keep, request=request, began=time.time())
        order = DownloadSpec(target, self.server.archive, self.dataset, info, self.format, self.login, keep)
        complete = partial(is_complete, last=span.last)
        at_hand = partial(_kept, request, order.subject) if conf.hapi.cache else None
        return replace(download(Piece.of(span, url, self.info.stop), order), is_complete=complete, at_hand=at_hand)


_LARGEST_KEPT = 1 << 28
"""Bytes of the largest file that is read again to keep its records."""


def _keep(part: Path | None, request: DataRequest, began: float) -> None:
    """Keep the records of a downloaded file, so that `hapi.load` does not request them."""
    with contextlib.suppress(HelioPluginsError):
        held = holdings.opened([request], Service(request.server), began=began)
        if held is None:
            return
        if part is None:
            held.take(file.HAPIDocument(request.info, "csv", b"", 0))
        elif part.stat().st_size <= _LARGEST_KEPT:
            held.take(file.parse_document(part.read_bytes()))


def _kept(request: DataRequest, subject: str) -> bytes | None:
    """Return the file of a request if all of its records are kept, and can be read from the file again."""
    held = holdings.opened([request], Service(request.server))
    kept = None if held is None else held.kept()
    if kept is None or kept[0].size > _LARGEST_KEPT:
        return None
    document, asked = kept
    if not document.count:
        raise file.NoRecordsError(nothing_between(subject, request.span))
    until = str(min(asked, request.span.before))
    info = document.info.with_origin(request.server.name, request.dataset, until)
    return file_of(document, info, request.format)


def is_complete(path: Path, last: Moment) -> bool:
    """Return whether an existing file is whole, and was requested after the last time of its range."""
    info = file.header_of_whole(path)
    if info is None:
        return False
    until = moment(info.complete_until) or Moment(0, 0).later(path.stat().st_mtime_ns)
    return until >= last


def files(rows: HAPITable | HAPIFiles) -> Iterator[RowFile]:
    """
    Yield the file of each row.

    Parameters
    ----------
    rows : HAPITable or HAPIFiles
        The rows.
    """
    return _named_files(rows) if isinstance(rows, HAPIFiles) else _record_files(rows)


def _record_files(rows: HAPITable) -> Iterator[RowFile]:
    keys = list(zip(*(_texts(rows, name) for name in ("server_url", "Dataset", "info", "format")), strict=True))
    origins = {key: _Origin.of(*key) for key in dict.fromkeys(keys)}
    spans = Span.read_all(_texts(rows, "range"))
    for row, (name, key, span, url) in enumerate(zip(file_names(rows), keys, spans, _texts(rows, "url"), strict=True)):
        yield RowFile(row, name, partial(origins[key].download, span, url))


def _texts(rows: HAPITable | HAPIFiles, name: str) -> list[str]:
    return list(map(str, rows[name].tolist()))


def _named_files(rows: HAPIFiles) -> Iterator[RowFile]:
    """Yield the files whose addresses were in a column."""
    kinds, servers = (_texts_if_any(rows, name) for name in ("media_type", "server_url"))
    cells = zip(_texts(rows, "Name"), _texts(rows, "url"), kinds, servers, strict=True)
    for row, (name, url, kind, server) in enumerate(cells):
        yield RowFile(row, name, partial(_named_file, name, url, kind, server))


def _texts_if_any(rows: HAPIFiles, name: str) -> list[str]:
    return _texts(rows, name) if name in rows.colnames else [""] * len(rows)


def _named_file(name: str, url: str, kind: str, server: str, target: Path) -> Download:
    check = partial(accept, name=name, media_type=kind)
    return Download(
        url, target, "the server of the file", check, is_complete=partial(_is_accepted, check),
        given_by=server or NOWHERE,
    )  # fmt: skip


def _is_accepted(check: Callable[[Path], None], path: Path) -> bool:
    try:
        check(path)
    except FileError:
        return False
    return True
