"""When what a server sent may become a file of records, or records in memory: only if it is whole, and no message."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sunpy_helio_plugins.errors import FileError, ServiceRefused
from sunpy_helio_plugins.hapi.content import (
    SNIFFED,
    SUFFIX,
    TAIL,
    Content,
    begins_like_hapi,
    format_of,
    header_of,
    labels_length,
    looks_like_hapi,
    read_header,
    split,
)
from sunpy_helio_plugins.hapi.header import NO_DATA, Info, status_of
from sunpy_helio_plugins.transport.messages import server_words

__all__ = [
    "SNIFFED", "SUFFIX", "Content", "acceptance", "begins_like_hapi", "from_answer", "looks_like_hapi",
    "note_origin", "split",
]  # fmt: skip


_COPIED = 1 << 20


def from_answer(content: bytes, info: Info, chosen: str, subject: str, url: str = "", is_whole: bool = True) -> Content:
    """
    Take a server's answer apart, once it is known to hold records.

    Parameters
    ----------
    content : bytes
        The body of the answer; an empty one is an answer without records.
    info : Info
        What the server says of the parameters that were asked for, for an answer without header.
    chosen : str
        The format that was asked for.
    subject : str
        What was asked for, as messages name it.
    url : str, optional
        What was asked, for the error of a server that refuses in a body of HTTP status 200.
    is_whole : bool, optional
        Whether the connection told how long the answer is; else CSV without a last line end may be cut.

    Raises
    ------
    ServiceRefused
        The server sent a message instead of records.
    FileError
        A page came, or records that are cut.
    """
    head = content[:SNIFFED]
    nothing = Content(info, "csv", b"", 0)
    if not head.strip():
        return nothing
    if head.lstrip()[:1] == b"{" and chosen != "json":
        code, message = _message(content)
        if code == NO_DATA:
            return nothing
        raise ServiceRefused(subject, url, f"{message} (HAPI {code})", 200)
    _refuse_strangers(head, chosen, subject)
    made = split(content, Info({**info.raw, "format": chosen}), chosen)
    if made.format in ("csv", "binary"):
        _refuse_bytes(content, made, subject)
    if made.format == "csv" and is_whole and not content.endswith(b"\n"):
        made = Content(made.info, made.format, content + b"\n", made.start)
    return made


def _message(content: bytes) -> tuple[int | None, str]:
    try:
        return status_of(json.loads(content))
    except (ValueError, RecursionError):
        return None, server_words(content)


def acceptance(info: Info, chosen: str, subject: str) -> Callable[[Path], None]:
    """
    Return the check through which a fetched file must go.

    Parameters
    ----------
    info : Info
        What the server says of the parameters that were asked for.
    chosen : str
        The format that was asked for.
    subject : str
        What was asked for, as messages name it.

    Returns
    -------
    callable
        Takes the path of the part file. It raises `~sunpy_helio_plugins.errors.FileError` for a page of HTML, an error
        in JSON, no records, and records that are cut; a header that is missing, cannot be read or names another format
        is replaced in place, and the `Info.origin` of ``info`` is noted in it.
    """
    return partial(_accept, info=info, chosen=chosen, subject=subject)


def _accept(part: Path, *, info: Info, chosen: str, subject: str) -> None:
    with part.open("rb") as stream:
        _refuse_strangers(stream.read(SNIFFED), chosen, subject)
        stream.seek(0)
        head, size = read_header(stream)
        own = header_of(head)
        rest = stream.read(TAIL)
        if own is None and head:
            labels = labels_length(rest) if chosen == "csv" else 0
            size += labels
            rest = rest[labels:]
    if not rest.strip() or (own is not None and own.code == NO_DATA):
        raise FileError(f"{subject}: there are no records in this range (HAPI 1201).")
    layout = own or info
    found = format_of(layout, rest, chosen)
    _refuse_ends(part, size, found, layout, subject)
    if found == "csv":
        _end_last_line(part)
    if own is None or own.format != found:
        _replace(part, 0, size, layout.header(found))
    note_origin(part, info)


def _refuse_strangers(head: bytes, chosen: str, subject: str) -> None:
    """Refuse what is no stream of records at all."""
    start = head.lstrip()[:1]
    if not start:
        raise FileError(f"{subject}: there are no records in this range (the answer is empty, HAPI 1201).")
    if start == b"<":
        raise FileError(f"{subject}: a page came instead of records: {server_words(head)}")
    if start == b"{" and chosen != "json":
        code = re.search(rb'"code"\s*:\s*"?(\d+)', head)
        if code and int(code[1]) == NO_DATA:
            raise FileError(f"{subject}: there are no records in this range (HAPI 1201).")
        raise FileError(f"{subject}: the server sent a message instead of records: {server_words(head)}")


def _refuse_ends(part: Path, size: int, chosen: str, info: Info, subject: str) -> None:
    """Refuse records that do not end as they must: cut, or followed by an error (server-nodejs appends one)."""
    length = part.stat().st_size - size
    with part.open("rb") as stream:
        stream.seek(size + max(0, length - TAIL))
        _refuse_tail(stream.read(), length, chosen, info, subject)


def _refuse_bytes(content: bytes, made: Content, subject: str) -> None:
    length = len(content) - made.start
    _refuse_tail(content[max(made.start, len(content) - TAIL) :], length, made.format, made.info, subject)


def _refuse_tail(tail: bytes, length: int, chosen: str, info: Info, subject: str) -> None:
    appended = re.search(rb'\{\s*"(HAPI|status)"\s*:.*\}\s*$', tail, re.DOTALL)
    if appended:
        raise FileError(f"{subject}: the server failed midway: {server_words(appended[0])}")
    if chosen == "binary":
        record = info.record().itemsize
        if length % record:
            raise FileError(f"{subject}: {length} bytes came, no whole number of records of {record} bytes: cut.")
    elif chosen == "csv" and _is_cut(tail, sum(parameter.width for parameter in info.parameters)):
        last = tail.rpartition(b"\n")[2][:120].decode("utf-8", "replace")
        raise FileError(f"{subject}: the last record, {last!r}, is cut.")


def _end_last_line(part: Path) -> None:
    """Write the line end that some servers leave out: without it nobody could tell later that the file is whole."""
    with part.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) != b"\n":
            stream.seek(0, os.SEEK_END)
            stream.write(b"\n")


def _is_cut(tail: bytes, fields: int) -> bool:
    """Tell whether CSV stops inside a record; some servers leave out the last line end."""
    if not tail or tail.endswith(b"\n"):
        return False
    before, _, last = tail.rpartition(b"\n")
    if b'"' in last:
        return last.count(b'"') % 2 == 1
    if last.count(b",") != fields - 1:
        return True
    # A last number with fewer digits than the record before it has been cut within.
    usual = before.rpartition(b"\n")[2].rpartition(b",")[2].strip()
    value = last.rpartition(b",")[2].strip()
    return b"." in usual and (b"." not in value or len(value.rpartition(b".")[2]) < len(usual.rpartition(b".")[2]))


def note_origin(part: Path, info: Info) -> None:
    """
    Write into a file's header whose records it holds: units may depend on it.

    Parameters
    ----------
    part : pathlib.Path
        A file that begins with a header or is a JSON answer; it is changed in place.
    info : Info
        A description with its `Info.origin`; nothing is done where it has none.
    """
    with part.open("rb") as stream:
        head = stream.read(SNIFFED)
    if not info.origin or b'"x_origin"' in head or b"{" not in head:
        return
    place = head.index(b"{") + 1
    is_empty = head[place:].lstrip(b"# \t\r\n").startswith(b"}")
    note = f'"x_origin": {json.dumps(info.origin, ensure_ascii=False)}{"" if is_empty else ", "}'
    _replace(part, place, place, note.encode())


def _replace(part: Path, start: int, end: int, text: bytes) -> None:
    """Put a text in the place of some bytes of a file. The file stays the same one: it may be locked."""
    shift = len(text) - (end - start)
    size = part.stat().st_size
    blocks = range(end, size, _COPIED)
    with part.open("r+b") as stream:
        for block in reversed(blocks) if shift > 0 else blocks:
            stream.seek(block)
            moved = stream.read(min(_COPIED, size - block))
            stream.seek(block + shift)
            stream.write(moved)
        stream.seek(start)
        stream.write(text)
        stream.truncate(size + shift)
