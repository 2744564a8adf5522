"""
Files of records that carry their header: what a ``.hapi`` file is, and when what a server sent may become one.

Such a file is the answer of a HAPI server to ``include=header``: lines that begin with ``#`` and hold the header as
JSON, then the records in the format that the header names. JSON answers are files of this kind as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from sunpy_helio_plugins.errors import FileError, ServiceRefused
from sunpy_helio_plugins.hapi import records
from sunpy_helio_plugins.hapi.header import NO_DATA, OK, Info, status_of
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["SUFFIX", "Content", "acceptance", "from_answer", "looks_like_hapi", "split"]

SUFFIX = ".hapi"

SNIFFED = 4096
"""Bytes that are read to tell whether a file is one of ours."""

_TAIL = 65536
_LONGEST_HEADER = 64_000_000
_STAMP = re.compile(rb'"?\d{4}(-|Z)')
"""How a record begins: with the year of its time."""


@dataclass(frozen=True)
class Content:
    """
    A file, taken apart.

    Attributes
    ----------
    info : Info
        The header.
    format : str
        csv, binary or json.
    content : bytes
        The whole.
    start : int
        Where the records begin; they are not copied out, since they may be large.
    """

    info: Info
    format: str
    content: bytes = field(repr=False)
    start: int

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return len(self.content) - self.start

    def columns(self) -> records.Columns:
        """
        Return the records as one array for each parameter.

        Raises
        ------
        FileError
            The records are not what the header says.
        """
        if self.format == "json":
            answer = json.loads(self.content)
            return records.from_json(answer if isinstance(answer, list) else answer.get("data"), self.info)
        if self.format == "binary":
            return records.from_binary(self.content, self.info, self.start)
        if self.format != "csv":
            raise FileError(f"The header says that the records are {self.format!r}; csv, binary and json can be read.")
        if len(self.content) > self.start and not self.content.endswith(b"\n"):
            _refuse_cut_csv(self.content[max(self.start, len(self.content) - _TAIL) :], self.info)
        return records.from_csv(self.content, self.info, self.start)


def looks_like_hapi(head: bytes) -> bool:
    """
    Tell whether a file begins as one with a HAPI header does.

    Parameters
    ----------
    head : bytes
        Its first bytes, some thousand of them.
    """
    return head.startswith(b"#") and head[1:].lstrip(b" \t\r\n#").startswith(b"{") and b'"HAPI"' in head


def split(content: bytes, info: Info | None = None) -> Content:
    """
    Take an answer or a file apart.

    Parameters
    ----------
    content : bytes
        Header and records, or a JSON answer.
    info : Info, optional
        The description of the dataset, for records that came without header or with one that cannot be read.

    Returns
    -------
    Content
        Header and records.

    Raises
    ------
    FileError
        There is no header that can be read and no ``info`` in its place.
    """
    first = content[:SNIFFED].lstrip()[:1]
    if first == b"{" or (first == b"[" and info is not None):
        return _json(content, info)
    start = _header_end(content)
    own = _info(content[:start])
    if own is not None:
        return Content(own, own.format or "csv", content, start)
    if info is None:
        raise FileError("No HAPI header stands before these records; give the dataset's info answer as info=...")
    chosen = info.format if info.format in ("csv", "binary") else "csv"
    if start and chosen == "csv":
        start += _labels_length(content[start : start + _TAIL])
    return Content(info, str(chosen), content, start)


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
    if chosen != "json":
        _refuse_strangers(head, chosen, subject)
    made = split(content, Info({**info.raw, "format": chosen}))
    if made.format == "csv" and chosen == "csv":
        _refuse_bytes(content, made, subject)
        if is_whole and not content.endswith(b"\n"):
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
        in JSON, no records, and records that are cut; a header that is missing or cannot be read is replaced in place.
    """
    return partial(_accept, info=info, chosen=chosen, subject=subject)


def _accept(part: Path, *, info: Info, chosen: str, subject: str) -> None:
    with part.open("rb") as stream:
        _refuse_strangers(stream.read(SNIFFED), chosen, subject)
        stream.seek(0)
        head, size = _read_header(stream)
        own = _info(head)
        rest = stream.read(_TAIL)
        if own is None and head:
            labels = _labels_length(rest) if chosen == "csv" else 0
            size += labels
            rest = rest[labels:]
    if not rest.strip() or (own is not None and own.code == NO_DATA):
        raise FileError(f"{subject}: there are no records in this range (HAPI 1201).")
    layout = own or info
    _refuse_ends(part, size, chosen, layout, subject)
    if chosen == "csv":
        _end_last_line(part)
    if own is None or own.format != chosen:
        _prepend(part, size, layout.header(chosen))


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
        stream.seek(size + max(0, length - _TAIL))
        _refuse_tail(stream.read(), length, chosen, info, subject)


def _refuse_bytes(content: bytes, made: Content, subject: str) -> None:
    length = len(content) - made.start
    _refuse_tail(content[max(made.start, len(content) - _TAIL) :], length, made.format, made.info, subject)


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


def _refuse_cut_csv(tail: bytes, info: Info) -> None:
    last = tail.rpartition(b"\n")[2]
    shown = last[:120].decode("utf-8", "replace")
    has, wanted = last.count(b",") + 1, sum(parameter.width for parameter in info.parameters)
    if has != wanted and b'"' not in last:
        raise FileError(f"The last record {shown!r} has {has} fields, the header says {wanted}: it is cut.")
    raise FileError(f"No line end follows the last record {shown!r}: it may be cut.")


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


def _prepend(part: Path, size: int, header: bytes) -> None:
    """Put a header before the records, in the place of the first ``size`` bytes."""
    whole = part.with_name(f"{part.name}.headed")
    try:
        with part.open("rb") as source, whole.open("wb") as target:
            source.seek(size)
            target.write(header)
            shutil.copyfileobj(source, target, 1 << 20)
        whole.replace(part)
    finally:
        whole.unlink(missing_ok=True)


def _read_header(stream: IO[bytes]) -> tuple[bytes, int]:
    """Read the lines that begin with ``#``; return them and their size, and leave the stream at the first record."""
    lines: list[bytes] = []
    size = 0
    while stream.read(1) == b"#":
        line = b"#" + stream.readline(_LONGEST_HEADER)
        lines.append(line)
        size += len(line)
    stream.seek(size)
    return b"".join(lines), size


def _header_end(content: bytes) -> int:
    end = 0
    while content[end : end + 1] == b"#":
        line = content.find(b"\n", end)
        end = len(content) if line < 0 else line + 1
    return end


def _info(head: bytes) -> Info | None:
    """Decode header lines; `None` where they hold no header, such as ESA's names and labels."""
    text = b"\n".join(line.removeprefix(b"#") for line in head.splitlines())
    try:
        return Info.from_json(json.loads(text))
    except (ValueError, FileError):
        return None


def _labels_length(body: bytes) -> int:
    """Return the length of the row of labels that ESA's server puts before the records (its guide, Examples)."""
    return 0 if _STAMP.match(body) or not body else body.find(b"\n") + 1 or len(body)


def _json(content: bytes, info: Info | None) -> Content:
    try:
        answer: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"This JSON answer cannot be read, it may be cut: {error}.") from None
    code, message = status_of(answer)
    if code not in (None, OK, NO_DATA):
        raise FileError(f"The server sent a message instead of records: {message} (HAPI {code})")
    # server-nodejs answers without include=header by the bare records.
    own = info if isinstance(answer, list) else _headed(answer, info)
    assert own is not None  # noqa: S101 - for the type checker: a list is only read with an info
    return Content(own, "json", content, 0)


def _headed(answer: Any, info: Info | None) -> Info:
    try:
        return Info.from_json(answer)
    except FileError:
        if info is None:
            raise
        return info
