"""
Files of records that carry their header: what a ``.hapi`` file is.

Such a file is the answer of a HAPI server to ``include=header``: lines that begin with ``#`` and hold the header as
JSON, then the records in the format that the header names. JSON answers are files of this kind as well.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import IO, Any

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi import records
from sunpy_helio_plugins.hapi.header import NO_DATA, OK, Info, status_of

__all__ = [
    "SNIFFED",
    "SUFFIX",
    "TAIL",
    "Content",
    "header_of",
    "labels_length",
    "looks_like_hapi",
    "read_header",
    "split",
]

SUFFIX = ".hapi"

SNIFFED = 4096
"""Bytes that are read to tell whether a file is one of ours."""

TAIL = 65536
"""Bytes of records that are looked at from their end, or from their beginning."""

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
    data : object
        The records of a JSON answer, decoded.
    """

    info: Info
    format: str
    content: bytes = field(repr=False)
    start: int
    data: Any = field(default=None, repr=False)

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
            return records.from_json(self.data, self.info)
        if self.format == "binary":
            return records.from_binary(self.content, self.info, self.start)
        if self.format != "csv":
            raise FileError(f"The header says that the records are {self.format!r}; csv, binary and json can be read.")
        if len(self.content) > self.start and not self.content.endswith(b"\n"):
            _refuse_cut_csv(self.content[max(self.start, len(self.content) - TAIL) :], self.info)
        return records.from_csv(self.content, self.info, self.start)


def looks_like_hapi(head: bytes) -> bool:
    """
    Tell whether a file begins as one with a HAPI header does.

    Parameters
    ----------
    head : bytes
        Its first bytes, some thousand of them.
    """
    if head.startswith(b"#"):
        return head[1:].lstrip(b" \t\r\n#").startswith(b"{") and b'"HAPI"' in head
    return head.lstrip().startswith(b"{") and b'"HAPI"' in head and (b'"parameters"' in head or b'"startDate"' in head)


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
    own = header_of(content[:start])
    if own is not None:
        return Content(own, own.format or "csv", content, start)
    if info is None:
        raise FileError("No HAPI header stands before these records; give the dataset's info answer as info=...")
    chosen = info.format if info.format in ("csv", "binary") else "csv"
    if start and chosen == "csv":
        start += labels_length(content[start : start + TAIL])
    return Content(info, str(chosen), content, start)


def read_header(stream: IO[bytes]) -> tuple[bytes, int]:
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


def header_of(head: bytes) -> Info | None:
    """Decode header lines; `None` where they hold no header, such as ESA's names and labels."""
    text = b"\n".join(line.removeprefix(b"#") for line in head.splitlines())
    try:
        return Info.from_json(json.loads(text))
    except (ValueError, FileError):
        return None


def labels_length(body: bytes) -> int:
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
    if isinstance(answer, list):
        # server-nodejs answers without include=header by the bare records.
        assert info is not None  # noqa: S101 - for the type checker: a list is only read with an info
        return Content(info, "json", content, 0, answer)
    own = _headed(answer, info)
    if "data" not in answer and code != NO_DATA:
        raise FileError("This JSON answer describes a dataset, but it holds no records: it has no data.")
    return Content(own, "json", content, 0, answer.get("data"))


def _headed(answer: Any, info: Info | None) -> Info:
    try:
        return Info.from_json(answer)
    except FileError:
        if info is None:
            raise
        return info


def _refuse_cut_csv(tail: bytes, info: Info) -> None:
    last = tail.rpartition(b"\n")[2]
    shown = last[:120].decode("utf-8", "replace")
    has, wanted = last.count(b",") + 1, sum(parameter.width for parameter in info.parameters)
    if has != wanted and b'"' not in last:
        raise FileError(f"The last record {shown!r} has {has} fields, the header says {wanted}: it is cut.")
    raise FileError(
        f"No line end follows the last record {shown!r}: it may be cut; add one if you know that it is whole."
    )
