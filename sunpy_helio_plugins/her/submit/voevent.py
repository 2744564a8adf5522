"""Read and write VOEvent documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.arguments import ANY_TEXT, FLAG, TEXT, Kind, instance, one_path, optional, refused, taking
from sunpy_helio_plugins.errors import FileError, local
from sunpy_helio_plugins.her.keywords import event_types, keywords
from sunpy_helio_plugins.her.submit.document import Parts, document, inferences, parts, plain
from sunpy_helio_plugins.quantities.exact import whole_number
from sunpy_helio_plugins.store.publish import write_whole
from sunpy_helio_plugins.transport.messages import server_message

__all__ = ["Parts", "VOEvent", "accept", "document", "from_row", "identifier", "parts", "read", "write"]

MOST = 20_000_000
"""The largest size of a document in bytes: one with the outline of a coronal hole has some tens of thousands."""

BY_THE_REGISTRY = ("kb_archivid", "kb_archivdate", "kb_archivist", "kb_archivurl")
"""Required keywords that the registry sets itself ("user should leave blank")."""

NOTHING = ("", "blank", "inf", "Infinity", "-9999", "-999999")
"""Texts for a missing value: the defaults of SolarSoft's structures."""

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow."""


@dataclass
class VOEvent:
    """
    An event as a document.

    Attributes
    ----------
    ivorn : str
        Its IVORN, the name in the registry.
    event_type : str
        Two letters.
    values : dict
        Keywords in lower case and their texts.
    references : list of dict
        ``ref_name``, ``ref_type`` and ``ref_url`` of each.
    citations : list of dict
        ``ivorn`` of each, and the type of the citation.
    inferences : list of dict
        ``probability``, ``relation``, ``name``, ``concept`` and ``description`` of each. When the event is written, the
        probability of the first is the value of ``event_probability``.
    """

    ivorn: str
    event_type: str
    values: dict[str, str] = field(default_factory=dict)
    references: list[dict[str, str]] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)
    inferences: list[dict[str, str]] = field(default_factory=list)

    def missing(self) -> list[str]:
        """
        Return the keywords without a value that the registry requires for this event type.

        Returns
        -------
        list of str
            The names of the keywords.
        """
        required = [name for name, word in keywords().items() if word.filter and word.is_required(self.event_type)]
        given = {name for name, value in self.values.items() if str(value).strip() not in NOTHING} | {"event_type"}
        return [name for name in required if name not in given and name not in BY_THE_REGISTRY]

    def check(self) -> None:
        """
        Raise an error if the registry would refuse the event.

        Raises
        ------
        FileError
            The type does not exist, a required keyword does not have a value, the IVORN is missing, or a text contains
            a character that XML does not allow.
        """
        whose = self.ivorn or "An event"
        if self.event_type not in event_types():
            raise FileError(f"{whose}: {self.event_type!r} is not an event type; use {', '.join(event_types())}.")
        missing = self.missing()
        if missing:
            raise FileError(f"{whose} of type {self.event_type} lacks {', '.join(missing)}; add values for them.")
        if not re.fullmatch(r"ivo://\S+", self.ivorn):
            raise FileError(f"{self.ivorn!r} is not an IVORN, ivo://...; her.voevent.identifier creates a new one.")
        self._check_characters()

    def _check_characters(self) -> None:
        texts = {**self.values, "ivorn": self.ivorn}
        for number, found in enumerate([*self.references, *self.citations, *self.inferences]):
            texts |= {f"{name} of reference {number}": text for name, text in found.items()}
        bad = [name for name, text in texts.items() if _FORBIDDEN.search(f"{name}{text}")]
        if bad:
            raise FileError(
                f"{self.ivorn or 'An event'}: {bad[0]!r} contains a character that XML does not allow; remove it."
            )

    def record(self) -> dict[str, Any]:
        """
        Return the event as a record of a search, for `HERTable.from_records`.

        Returns
        -------
        dict
            Keywords and their values.
        """
        own = {"event_type": self.event_type, "kb_archivid": self.ivorn, "refs": list(self.references)}
        return {name: _valued(name, text) for name, text in self.values.items()} | own


def _valued(name: str, text: str) -> Any:
    keyword = keywords().get(name)
    if keyword is None or keyword.kind not in ("float", "integer"):
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _when(given: Any) -> datetime:
    from sunpy.time import parse_time

    made: datetime = given if isinstance(given, datetime) else parse_time(given).to_datetime()
    return made


_WHEN = Kind("a time", _when)
_EVENT = instance("a VOEvent, as made by read or from_row,", VOEvent)


def read(source: Any) -> VOEvent:
    """
    Read a document.

    Parameters
    ----------
    source : path-like or bytes
        A file, or its content.

    Returns
    -------
    VOEvent
        The event.

    Raises
    ------
    FileError
        The file is not a VOEvent document (other XML, or with entities), or it is too large.
    """
    if isinstance(source, bytes):
        return _event(source)
    path = one_path("her.voevent.read", source)
    content = _content(path)
    try:
        return _event(content)
    except FileError as error:
        raise FileError(f"{path}: {error}") from error


def _event(content: bytes) -> VOEvent:
    root = _parsed(content)
    for element in root.iter():
        element.tag = plain(element.tag)
    if root.tag != "VOEvent":
        raise FileError(f"Not a VOEvent: the root element is {root.tag!r}.")
    values, references, citations = parts(root)
    kind = (root.findtext("./Why/EVENT_TYPE") or values.get("event_type", "")).partition(":")[0].strip().upper()
    values.pop("event_type", None)
    return VOEvent(root.get("ivorn", ""), kind, values, references, citations, inferences(root))


def _content(path: Path) -> bytes:
    with local(path, "read"):
        _refuse_large(path.stat().st_size)
        return path.read_bytes()


@taking("her.voevent.accept", ivorn=TEXT)
def accept(part: Path, ivorn: str, rev: int | None = None) -> None:
    """
    Check that a downloaded file is the VOEvent document of an event.

    The registry responds to requests that it cannot answer with HTML.

    Parameters
    ----------
    part : pathlib.Path
        The file.
    ivorn : str
        The event.
    rev : int, optional
        The number of the revision, if one was requested.

    Raises
    ------
    FileError
        The file is not a VOEvent document, or that of another event or revision.
    """
    content = _content(one_path("her.voevent.accept", part))
    if content.lstrip()[:5].lower() == b"<html":
        raise FileError(f"The registry responded: {server_message(content)}")
    found = _event(content)
    if found.ivorn.strip() != ivorn:
        shown = server_message(found.ivorn.encode()) or "an event without an IVORN"
        raise FileError(f"The document of {ivorn} was requested, but the registry sent that of {shown}.")
    own = _revision(found)
    if rev is not None and own not in (None, rev):
        raise FileError(f"The revision {rev} of {ivorn} was requested, but the registry sent the revision {own}.")


def is_current(path: Path, ivorn: str, rev: int | None, latest: int | None) -> bool:
    """Return whether an existing file is the document of an event, and not of an older revision than ``latest``."""
    try:
        accept(path, ivorn, rev)
        own = _revision(read(path))
    except FileError:
        return False
    return rev is not None or own is None or latest is None or own >= latest


def _revision(event: VOEvent) -> int | None:
    return whole_number(event.values.get("revision", "").strip())


def _refuse_large(size: int) -> None:
    if size > MOST:
        raise FileError(f"The document has {size} bytes; the limit is {MOST}.")


def _parsed(content: bytes) -> ET.Element:
    _refuse_large(len(content))
    from defusedxml import ElementTree as Safe
    from defusedxml.common import DefusedXmlException

    try:
        root: ET.Element = Safe.fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FileError(f"Not a VOEvent: {type(error).__name__}: {error}.") from error
    return root


def from_row(row: Any) -> VOEvent:
    """
    Return an event of a table as a document.

    Parameters
    ----------
    row : astropy.table.Row or dict
        A row of a search result, or a record.

    Returns
    -------
    VOEvent
        The event.
    """
    if not isinstance(row, Mapping) and "raw" not in getattr(row, "colnames", ()):
        raise refused("her.voevent.from_row", row, "one row of a search, such as table[0], or a dict")
    record = row if isinstance(row, Mapping) else row["raw"]
    if not isinstance(record, Mapping):
        raise refused("her.voevent.from_row", row, "one row of a search, such as table[0], or a dict")
    listed = {name for name, word in keywords().items() if word.filter} | {"event_description"}
    known = {name: str(value) for name, value in record.items() if name in listed and value is not None}
    values = {name: text for name, text in known.items() if text not in NOTHING}
    kind, ivorn = values.pop("event_type", ""), values.pop("kb_archivid", "")
    references = [
        {name: str(reference.get(name) or "") for name in ("ref_name", "ref_type", "ref_url")}
        for reference in record.get("refs") or []
        if isinstance(reference, dict)
    ]
    return VOEvent(ivorn, kind, values, references)


@taking("her.voevent.identifier", event_type=TEXT, method=TEXT, when=optional(_WHEN), suffix=ANY_TEXT)
def identifier(event_type: str, method: str, when: datetime | None = None, suffix: str = "") -> str:
    """
    Return the IVORN of a new event.

    Parameters
    ----------
    event_type : str
        Two letters.
    method : str
        The name of the method, ``frm_name``.
    when : datetime.datetime, optional
        The time of submission. Defaults to now.
    suffix : str, optional
        A text to distinguish events that one method submits in the same second.

    Returns
    -------
    str
        Type, method and time, as created by SolarSoft's export_event.pro.
    """
    stamp = (when or datetime.now(UTC)).strftime("%Y%m%d_%H%M%S")
    name = re.sub(r"[\s,;:/\\{}\[\]`~=\".]", "", method)
    return f"ivo://helio-informatics.org/{event_type}_{name}_{stamp}" + (f"_{suffix}" if suffix else "")


@taking("her.voevent.write", event=_EVENT, check=FLAG)
def write(event: VOEvent, path: Any = None, check: bool = True) -> bytes:
    """
    Write a document.

    Parameters
    ----------
    event : VOEvent
        The event.
    path : path-like, optional
        The file to write. By default the document is only returned.
    check : bool, optional
        Whether to raise an error for an event that the registry would refuse.

    Returns
    -------
    bytes
        The document.

    Raises
    ------
    FileError
        The event is not complete, see `VOEvent.check`; nothing was written.
    """
    if check:
        event.check()
    event._check_characters()
    texts = {name: str(value) for name, value in event.values.items()}
    parted = (event.references, event.citations, event.inferences)
    content = document(event.ivorn, event.event_type, texts, *parted)
    if path is not None:
        write_whole(one_path("her.voevent.write", path), content)
    return content
