"""
Files of records: what must be true of one before it is published, and how pieces of a range become one.

A row is one file, also where the server wants its range in pieces: records of all pieces follow one header.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import FileError, ServiceError
from sunpy_helio_plugins.hapi import stream
from sunpy_helio_plugins.hapi.content import header_of, read_header
from sunpy_helio_plugins.hapi.header import NO_DATA, Info, status_of
from sunpy_helio_plugins.hapi.pieces import Piece
from sunpy_helio_plugins.hapi.refusals import Refusal, refusal
from sunpy_helio_plugins.hapi.spans import Span
from sunpy_helio_plugins.hapi.trimming import trim
from sunpy_helio_plugins.hapi.whole import exact_json
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload
from sunpy_helio_plugins.transport.messages import server_words
from sunpy_helio_plugins.transport.retry import RefusedError

__all__ = ["Order", "download", "nothing_between"]

_MAY_BE_EMPTY = 1 << 22
"""Bytes up to which an answer is looked at for records: no header without any is longer."""

_COPIED = 1 << 20


@dataclass(frozen=True)
class Order:
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
    """

    target: Path
    archive: str
    dataset: str
    info: Info = field(repr=False)
    format: str
    login: Login | None = None

    @property
    def subject(self) -> str:
        """What was asked for, as messages name it."""
        return f"{self.dataset} of {self.archive}"


class _RefusedRecordsError(FileError):
    """An answer of HTTP status 200 that is a refusal."""

    def __init__(self, text: str, said: Refusal) -> None:
        super().__init__(text)
        self.said = said


def download(piece: Piece, order: Order, alone: bool = True) -> PiecedDownload:
    """
    Return the file of one request.

    Parameters
    ----------
    piece : Piece
        The request.
    order : Order
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


def _instead(failure: Exception, piece: Piece, order: Order) -> list[PiecedDownload]:
    said: Refusal | None = None
    if isinstance(failure, RefusedError):
        said = refusal(failure.status, failure.phrase, failure.body)
    elif isinstance(failure, _RefusedRecordsError):
        said = failure.said
    return [] if said is None else [download(other, order, alone=False) for other in piece.instead(said)]


def _accept(part: Path, order: Order, span: Span, alone: bool) -> None:
    """Refuse what is no records of this range; write a header where there is none, leave out what lies beyond."""
    _refuse_message(part, order)
    if _is_empty(part, order):
        if alone:
            raise FileError(nothing_between(order.subject, span))
        part.write_bytes(_nothing(order))
        return
    if order.format == "json":
        _complete_json(part, order)
    else:
        stream.acceptance(order.info, order.format, order.subject)(part)
    info, start = _header(part, order)
    try:
        left = trim(part, start, info, order.format if order.format == "json" else str(info.format), span)
    except ValueError as error:
        raise FileError(f"{order.subject}: a record does not begin with a time: {error}") from None
    if alone and not left:
        raise FileError(nothing_between(order.subject, span))


def _refuse_message(part: Path, order: Order) -> None:
    with part.open("rb") as opened:
        head = opened.read(_MAY_BE_EMPTY)
    said = refusal(200, "", head)
    if said is not None:
        words = f"{order.subject}: the server sent a message instead of records: {said.text}"
        raise _RefusedRecordsError(words, said)


def _is_empty(part: Path, order: Order) -> bool:
    if part.stat().st_size > _MAY_BE_EMPTY:
        return False
    content = part.read_bytes()
    try:
        made = stream.from_answer(content, order.info, order.format, order.subject)
    except ServiceError:
        words = f"{order.subject}: the server sent a message instead of records: {server_words(content)}"
        raise FileError(words) from None
    return not (_data(content, order) if made.format == "json" and made.size else made.size)


def _data(content: bytes, order: Order) -> list[Any]:
    """Return the records of an answer in JSON; none where it says that there are none."""
    try:
        answer = exact_json(content)
    except (ValueError, RecursionError):
        raise FileError(f"{order.subject}: the answer is no JSON: {server_words(content)}") from None
    data = answer.get("data") if isinstance(answer, dict) else answer
    if isinstance(data, list):
        return data
    if status_of(answer)[0] == NO_DATA:
        return []
    raise FileError(f"{order.subject}: the answer holds no list of records: {server_words(content)}")


def _nothing(order: Order) -> bytes:
    """Return a file without records."""
    return _json(order.info, []) if order.format == "json" else order.info.header(order.format)


def _json(info: Info, data: list[Any]) -> bytes:
    head = json.loads(info.header("json").removeprefix(b"#"))
    return json.dumps({**head, "data": data}, ensure_ascii=False).encode()


def _complete_json(part: Path, order: Order) -> None:
    """Refuse JSON that is cut; write a header where there is none (server-nodejs gives the bare records)."""
    content = part.read_bytes()
    stream.from_answer(content, order.info, "json", order.subject)
    data, answer = _data(content, order), exact_json(content)
    if not isinstance(answer, dict) or "parameters" not in answer:
        part.write_bytes(_json(order.info, data))
    stream.note_origin(part, order.info)


def _header(part: Path, order: Order) -> tuple[Info, int]:
    """Return the header that a file has, and where its records begin."""
    with part.open("rb") as opened:
        head, size = read_header(opened)
    return header_of(head) or order.info, size


def _join(pieces: Sequence[Path], whole: Path, order: Order) -> None:
    """Write the records of pieces behind one header."""
    if order.format == "json":
        contents = [piece.read_bytes() for piece in pieces]
        first = exact_json(contents[0])
        data = [record for content in contents for record in _data(content, order)]
        whole.write_bytes(json.dumps({**first, "data": data}, ensure_ascii=False).encode())
        return
    infos, starts = zip(*(_header(piece, order) for piece in pieces), strict=True)
    full = [index for index, piece in enumerate(pieces) if piece.stat().st_size > starts[index]] or [0]
    if len({tuple((one.name, one.type, one.shape) for one in infos[index].parameters) for index in full}) > 1:
        raise FileError(f"{order.subject}: its pieces hold different parameters.")
    if len({infos[index].format for index in full}) > 1:
        raise FileError(f"{order.subject}: its pieces came in different formats.")
    with whole.open("wb") as target:
        for index in full:
            with pieces[index].open("rb") as source:
                source.seek(0 if index == full[0] else starts[index])
                shutil.copyfileobj(source, target, _COPIED)
