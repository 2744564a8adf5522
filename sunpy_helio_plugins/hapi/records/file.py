"""Files that carry a HAPI header, and the checks of a response that may become one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from sunpy_helio_plugins.errors import FileError, ServiceRefused
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records import csv, decode
from sunpy_helio_plugins.hapi.records.buffers import ColumnBuffers
from sunpy_helio_plugins.hapi.records.content import Content, FileContent, end_last_line, replace_bytes
from sunpy_helio_plugins.hapi.records.csv import exact_json
from sunpy_helio_plugins.hapi.status import NO_DATA, OK, is_success, status_of
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.messages import server_message

__all__ = [
    "SNIFFED",
    "SUFFIX",
    "TAIL",
    "HAPIDocument",
    "NoRecordsError",
    "as_json",
    "begins_like_hapi",
    "format_of",
    "header_of",
    "header_of_whole",
    "is_json",
    "looks_like_hapi",
    "make_validator",
    "note_origin",
    "parse_document",
    "parse_response",
    "read_header",
]

SUFFIX = ".hapi"

SNIFFED = 4096
"""Bytes that are read to tell whether a file is one of ours; more where its header is longer."""

TAIL = 65536
"""Bytes of records that are looked at from their end, or from their beginning."""

_LONGEST_HEADER = 64_000_000

_MOST_SNIFFED = 1 << 24

_STAMP = re.compile(rb'"?\d{4}(-|Z)')
"""How a record begins: with the year of its time."""

_FIRST_FIELD = re.compile(rb'("?)[0-9TZ:.+-]{4,40}\1(,|\s*\Z)')

_BINARY_STAMP = re.compile(rb"\d{4}[0-9TZ:.+-]*[\0 ]*")

_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")


class NoRecordsError(FileError):
    """A range without records, which the server confirms (HAPI status 1201)."""


@dataclass(frozen=True)
class HAPIDocument:
    """
    A file, taken apart.

    Attributes
    ----------
    info : Info
        The header.
    format : str
        csv, binary or json.
    content : bytes or FileContent
        The whole.
    start : int
        Where the records begin; they are not copied out, since they may be large.
    data : object
        The records of a JSON answer, decoded.
    has_header : bool
        Whether the header is part of a JSON answer, and not the dataset's description in its place.
    """

    info: Info
    format: str
    content: Content = field(repr=False)
    start: int
    data: Any = field(default=None, repr=False)
    has_header: bool = True

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return len(self.content) - self.start

    @property
    def count(self) -> int:
        """Records of a JSON answer, or bytes of the records of another one: 0 if there are none."""
        return len(self.data or ()) if self.format == "json" else self.size

    @property
    def expected_rows(self) -> int:
        """The number of records, or an estimate for CSV; 0 if it cannot be known before they are read."""
        if self.format == "binary":
            return decode.binary_count(self.content, self.info, self.start)
        return len(self.data or ()) if self.format == "json" else csv.expected_lines(self.content, self.start)

    def columns(self) -> decode.Columns:
        """
        Return the records as one array for each parameter; the times are time stamps.

        Raises
        ------
        FileError
            The records are not what the header says.
        """
        gathered = ColumnBuffers(self.info.parameters, self.expected_rows)
        self.add_to(gathered)
        return gathered.finish()

    def release(self) -> None:
        """Close a file until its records are read."""
        if isinstance(self.content, FileContent):
            self.content.release()

    def add_to(self, gathered: ColumnBuffers) -> None:
        """
        Append the records to others; those of a file are read in parts.

        Raises
        ------
        FileError
            The records are not what the header says.
        """
        if self.format == "json":
            gathered.add(decode.from_json(self.data, self.info))
        elif self.format == "binary":
            decode.add_binary(self.content, self.info, self.start, gathered)
        elif self.format == "csv":
            if len(self.content) > self.start and not self.content.endswith(b"\n"):
                _refuse_cut_csv(self.content[max(self.start, len(self.content) - TAIL) :], self.info)
            csv.add_csv(self.content, self.info, self.start, gathered)
        else:
            raise FileError(f"The header says that the records are {self.format!r}; csv, binary and json can be read.")


def looks_like_hapi(head: bytes) -> bool:
    """Return whether a file begins like one with a HAPI header; ``head`` is its first bytes, some thousand of them."""
    if not _may_be_hapi(head):
        return False
    # The key HAPI may be the last one, behind thousands of bytes; "isotime" is a word of HAPI alone.
    if b'"parameters"' in head and b'"isotime"' in head:
        return True
    return b'"HAPI"' in head and (head.startswith(b"#") or b'"parameters"' in head or b'"startDate"' in head)


def _may_be_hapi(head: bytes) -> bool:
    start = head[1:].lstrip(b" \t\r\n#") if head.startswith(b"#") else head.lstrip()
    return start.startswith(b"{")


def begins_like_hapi(peek: Callable[[int], bytes]) -> bool:
    """Return whether a file begins with a HAPI header; ``peek`` returns a given number of its first bytes."""
    head = peek(SNIFFED)
    return looks_like_hapi(head) or (_may_be_hapi(head) and looks_like_hapi(peek(_MOST_SNIFFED)))


def format_of(info: Info, head: bytes, asked: str | None = None) -> str:
    """
    Return the format of records: their bytes decide, then what was asked for, then what the header says.

    AMDA's headers say csv before binary records, and some servers send CSV whatever they are asked for.

    Parameters
    ----------
    info : Info
        The header.
    head : bytes
        The first records, whole ones among them; or all of them.
    asked : str, optional
        The format that was asked for, where that is known.
    """
    if asked is None and info.format not in (None, "csv", "binary", "json"):
        return str(info.format)
    if _is_csv(head, info):
        return "csv"
    if _is_binary(head, info):
        return "binary"
    return next((known for known in (asked, info.format) if known in ("csv", "binary")), "csv")


def _is_csv(head: bytes, info: Info) -> bool:
    """Tell whether records begin with a line of text that has a time and as many fields as the header says."""
    text = head.lstrip(b"\r\n")
    line, end, _ = text.partition(b"\n")
    fields = sum(parameter.width for parameter in info.parameters)
    if not _FIRST_FIELD.match(line) or _CONTROL.search(line) or (fields == 1 and not end):
        return False
    return line.count(b",") == fields - 1 or (b'"' in line and line.count(b",") >= fields - 1)


def _is_binary(head: bytes, info: Info) -> bool:
    """Tell whether records of the header's layout begin with a time each."""
    size = _record_size(info)
    stamps = [head[at : at + (info.time.length or 0)] for at in (0, size) if at < len(head)]
    return len(head) >= size > 0 and all(_BINARY_STAMP.fullmatch(stamp) for stamp in stamps)


def parse_document(content: Content, info: Info | None = None, asked: str | None = None) -> HAPIDocument:
    """
    Take an answer or a file apart.

    Parameters
    ----------
    content : bytes or FileContent
        Header and records, or a JSON answer.
    info : Info, optional
        The description of the dataset, for records that came without header or with one that cannot be read. A row of
        names selects its parameters.
    asked : str, optional
        The format that was asked for, where that is known.

    Returns
    -------
    HAPIDocument
        Header and records, in the format that `format_of` finds.

    Raises
    ------
    FileError
        There is no header that can be read and no ``info`` in its place.
    """
    first = content[:SNIFFED].lstrip()[:1]
    if first == b"{" or (first == b"[" and info is not None):
        return _json(content[:], info)
    start = _header_end(content)
    own = header_of(content[:start])
    if own is not None:
        return _content(own, content, start, asked)
    if start == len(content) and content[1:SNIFFED].lstrip()[:1] == b"{":
        raise FileError("The HAPI header is cut: the answer ends inside it.")
    if info is None:
        raise FileError(
            "There is no HAPI header; for records without one, give the description of their parameters, as in "
            "info=hapi.info(server, dataset, parameters)."
        )
    if start:
        info = _named(content[:start], info)
        start += _labels_before(content[start : start + TAIL], info, asked or info.format)
    return _content(info, content, start, asked or info.format or "csv")


def _named(head: bytes, info: Info) -> Info:
    """Return the description of the parameters in a row of names, which ESA's server sends instead of a header."""
    names = tuple(name.strip() for name in head.decode("utf-8", "replace").removeprefix("#").split(","))
    if names[0] != info.time.name or (set(names) - set(info.names) and len(names) != len(info.names)):
        return info  # not a row of names, or not those of parameters but of their elements
    found = info.subset(names)
    if found.names != names:
        raise FileError(
            f"The names before the records, {', '.join(names)}, are not those of info, {', '.join(info.names)}, in the "
            "same order: give the description of these parameters."
        )
    return found


def _labels_before(body: bytes, info: Info, asked: str | None) -> int:
    """Return the length of a row of labels before CSV records, or 0 if there is none."""
    length = _labels_length(body)
    return length if asked != "binary" or _is_csv(body[length:], info) else 0


def _content(info: Info, content: Content, start: int, asked: str | None) -> HAPIDocument:
    found = format_of(info, content[start : start + max(TAIL, 2 * _record_size(info))], asked)
    return HAPIDocument(_in_format(info, found), found, content, start)


def _in_format(info: Info, found: str) -> Info:
    """Return a header that states the format which the records have."""
    return info if info.format == found else info.with_format(found)


def _record_size(info: Info) -> int:
    """Return the bytes of a binary record; 0 where its layout is not known."""
    try:
        return info.record().itemsize
    except FileError:
        return 0


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


def _header_end(content: Content) -> int:
    end = 0
    while content[end : end + 1] == b"#":
        line = content.find(b"\n", end)
        end = len(content) if line < 0 else line + 1
    return end


def header_of(head: bytes) -> Info | None:
    """Decode header lines; `None` where they hold no header, such as ESA's names and labels."""
    text = b"\n".join(line.removeprefix(b"#") for line in head.splitlines())
    try:
        return Info.from_json(exact_json(text))
    except (ValueError, FileError):
        return None


def _labels_length(body: bytes) -> int:
    """Return the length of the row of labels that ESA's server puts before the records (its guide, Examples)."""
    return 0 if _STAMP.match(body) or not body else body.find(b"\n") + 1 or len(body)


def _json(content: bytes, info: Info | None) -> HAPIDocument:
    try:
        answer: Any = exact_json(content)
    except ValueError as error:
        raise FileError(f"This JSON answer cannot be read, it may be cut: {error}.") from None
    code, message = status_of(answer)
    if not is_success(code):
        raise FileError(f"The server sent a message instead of records: {message} (HAPI {code})")
    if isinstance(answer, list):
        # server-nodejs answers without include=header by the bare records.
        assert info is not None  # noqa: S101 - for the type checker: a list is only read with an info
        return HAPIDocument(_in_format(info, "json"), "json", content, 0, answer, has_header=False)
    own = _headed(answer, info)
    if "data" not in answer and code != NO_DATA:
        raise FileError("This JSON answer describes a dataset, but it holds no records: it has no data.")
    data = answer.get("data")
    if not isinstance(data, list) and (data is not None or code != NO_DATA):
        raise FileError(f"The data of this JSON answer are of the type {type(data).__name__}, not a list of records.")
    return HAPIDocument(_in_format(own, "json"), "json", content, 0, data, has_header=own is not info)


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


def parse_response(
    content: bytes, info: Info, chosen: str, subject: str, url: str = "", is_whole: bool = True
) -> HAPIDocument:
    """
    Return the records of a response, or raise `ServiceRefused` or `FileError` if there are none or they are cut.

    ``subject`` is what was requested, for messages; ``is_whole``, whether the length of the response was given.
    """
    head = content[:SNIFFED]
    nothing = HAPIDocument(info, "csv", b"", 0)
    if not head.strip():
        if not is_whole:
            raise FileError(f"{subject}: the answer is empty, and its length was not given: it may be cut.")
        return nothing
    if head.lstrip()[:1] == b"{" and chosen != "json" and not _contains_records(content):
        code, message = _message(content)
        if code == NO_DATA:
            return nothing
        raise ServiceRefused(subject, url, f"{message} (HAPI {code})", 200)
    _reject_non_records(head, subject)
    made = parse_document(content, info.with_format(chosen), chosen)
    if made.format in ("csv", "binary"):
        _refuse_bytes(content, made, subject)
    if made.format == "csv" and is_whole and not content.endswith(b"\n"):
        made = HAPIDocument(made.info, made.format, content + b"\n", made.start)
    return made


def _contains_records(content: bytes) -> bool:
    """Return whether a JSON object contains records, or is the beginning of one that may contain them."""
    try:
        answer = exact_json(content)
    except ValueError:
        return b'"parameters"' in content and looks_like_hapi(content)
    return isinstance(answer, dict) and isinstance(answer.get("data"), list) and status_of(answer)[0] in (None, OK)


def _message(content: bytes) -> tuple[int | None, str]:
    try:
        return status_of(exact_json(content))
    except ValueError:
        return None, server_message(content)


def make_validator(info: Info, chosen: str, subject: str) -> Callable[[Path], None]:
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


def header_of_whole(path: Path) -> Info | None:
    """Return the header of an existing file; `None` if the file is damaged, or does not end with a complete record."""
    try:
        return _header_of_whole(path)
    except (FileError, ServiceRefused, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


def _header_of_whole(path: Path) -> Info | None:
    with path.open("rb") as stream:
        start = stream.read(SNIFFED)
        stream.seek(0)
        if is_json(start):
            return parse_document(stream.read()).info
        head, size = read_header(stream)
        own, rest = header_of(head), stream.read(TAIL)
    if own is None or not rest.strip():
        return None
    found = format_of(own, rest)
    _refuse_ends(path, size, found, own, path.name)
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return own if found != "csv" or stream.read(1) == b"\n" else None


def _accept(part: Path, *, info: Info, chosen: str, subject: str) -> None:
    with part.open("rb") as stream:
        start = stream.read(SNIFFED)
        _reject_non_records(start, subject)
        stream.seek(0)
        if is_json(start):
            _accept_json(part, stream.read(), info, chosen, subject)
            return
        head, size = read_header(stream)
        own = header_of(head)
        rest = stream.read(TAIL)
    if own is None and head:
        info = _named(head, info)
        labels = _labels_before(rest, info, chosen)
        size += labels
        rest = rest[labels:]
    if not rest.strip() or (own is not None and own.code == NO_DATA):
        raise NoRecordsError(f"{subject}: there are no records in this range (HAPI 1201).")
    layout = own or info
    found = format_of(layout, rest, chosen)
    _refuse_ends(part, size, found, layout, subject)
    if found == "csv":
        _refuse_no_record(rest, layout, subject)
        end_last_line(part)
    if own is None or own.format != found:
        replace_bytes(part, 0, size, layout.header(found))
    note_origin(part, info)


def _accept_json(part: Path, content: bytes, info: Info, chosen: str, subject: str) -> None:
    """Refuse JSON that is cut or without records; write a header if it has none (server-nodejs sends bare records)."""
    try:
        made = parse_response(content, info, chosen, subject)
    except ServiceRefused:
        message = server_message(content)
        raise FileError(f"{subject}: the server sent a message instead of records: {message}") from None
    if not made.count:
        raise NoRecordsError(f"{subject}: there are no records in this range (HAPI 1201).")
    if not made.has_header:
        part.write_bytes(as_json(made.info, made.data))
    note_origin(part, info)


def is_json(head: bytes) -> bool:
    """Return whether a response begins as JSON does; header lines and records of CSV or binary never do."""
    return head.lstrip()[:1] in (b"{", b"[")


def as_json(info: Info, data: Any) -> bytes:
    """Return a JSON file of records, which begins with their header."""
    head = kept_json(info.header("json").removeprefix(b"#"))
    return json.dumps({**head, "data": data}, ensure_ascii=False).encode()


def _reject_non_records(head: bytes, subject: str) -> None:
    """Refuse an empty response and an HTML page."""
    start = head.lstrip()[:1]
    if not start:
        raise NoRecordsError(f"{subject}: there are no records in this range (the answer is empty, HAPI 1201).")
    if start == b"<":
        raise FileError(f"{subject}: a page came instead of records: {server_message(head)}")


def _refuse_ends(part: Path, size: int, chosen: str, info: Info, subject: str) -> None:
    """Refuse records that do not end as they must: cut, or followed by an error (server-nodejs appends one)."""
    length = part.stat().st_size - size
    with part.open("rb") as stream:
        stream.seek(size + max(0, length - TAIL))
        _refuse_tail(stream.read(), length, chosen, info, subject)


def _refuse_no_record(rest: bytes, info: Info, subject: str) -> None:
    """Refuse CSV whose first line is neither a record nor names: a text, or a header without its ``#``."""
    line = rest.lstrip(b"\r\n").partition(b"\n")[0]
    if not _STAMP.match(line) and not csv.is_names_row(line, info):
        shown = line[:120].decode("utf-8", "replace")
        raise FileError(f"{subject}: the first record, {shown!r}, does not begin with a time.")


def _refuse_bytes(content: bytes, made: HAPIDocument, subject: str) -> None:
    length = len(content) - made.start
    _refuse_tail(content[max(made.start, len(content) - TAIL) :], length, made.format, made.info, subject)


def _refuse_tail(tail: bytes, length: int, chosen: str, info: Info, subject: str) -> None:
    appended = re.search(rb'\{\s*"(HAPI|status)"\s*:.*\}\s*$', tail, re.DOTALL)
    if appended:
        raise FileError(f"{subject}: the server failed midway: {server_message(appended[0])}")
    if chosen == "binary":
        record = info.record().itemsize
        if length % record:
            raise FileError(f"{subject}: {length} bytes came, no whole number of records of {record} bytes: cut.")
        if length and not tail[-record:][: info.time.length or 0].strip(b"\0 "):
            raise FileError(f"{subject}: the last record has no time: the answer is damaged.")
    elif chosen == "csv" and _is_cut(tail, sum(parameter.width for parameter in info.parameters)):
        last = tail.rpartition(b"\n")[2][:120].decode("utf-8", "replace")
        raise FileError(f"{subject}: the last record, {last!r}, is cut.")


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
    Write into a file's header whose records it holds, on which units may depend, and until when they are complete.

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
    until = {"x_complete_until": info.complete_until} if info.complete_until else {}
    text = json.dumps({"x_origin": info.origin, **until}, ensure_ascii=False)
    note = f"{text[1:-1]}{'' if is_empty else ', '}"
    replace_bytes(part, place, place, note.encode())
