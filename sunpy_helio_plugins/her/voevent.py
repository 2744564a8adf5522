"""
VOEvent documents of the registry: read, checked, written.

The form is the registry's (http://www.lmsal.com/helio-informatics/hpkb/voevent.html), see `voevent_xml`. No entities
are read, and no document larger than `MOST`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.her import voevent_xml
from sunpy_helio_plugins.her.keywords import event_types, keywords
from sunpy_helio_plugins.store import publish
from sunpy_helio_plugins.transport.messages import server_words

__all__ = ["VOEvent", "accept", "from_row", "identifier", "read", "write"]

MOST = 20_000_000
"""Bytes of the largest document that is read: a coronal hole's outline takes some tens of thousands."""

BY_THE_REGISTRY = ("kb_archivid", "kb_archivdate", "kb_archivist", "kb_archivurl")
"""Required keywords that the registry fills in itself ("user should leave blank")."""

NOTHING = ("", "blank", "inf", "Infinity", "-9999", "-999999")
"""What stands for a missing value: the defaults of SolarSoft's structures."""

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""


@dataclass
class VOEvent:
    """
    An event as a document.

    Attributes
    ----------
    ivorn : str
        Its name in the registry.
    event_type : str
        Two letters.
    values : dict
        Keywords in lower case and their texts.
    references : list of dict
        ``ref_name``, ``ref_type`` and ``ref_url`` of each.
    citations : list of dict
        ``ivorn`` of each, and in what way it is cited.
    """

    ivorn: str
    event_type: str
    values: dict[str, str] = field(default_factory=dict)
    references: list[dict[str, str]] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)

    def missing(self) -> list[str]:
        """Return the keywords that the registry requires of this type of event and that have no value."""
        required = [name for name, word in keywords().items() if word.filter and word.is_required(self.event_type)]
        given = {name for name, value in self.values.items() if str(value).strip() not in NOTHING} | {"event_type"}
        return [name for name in required if name not in given and name not in BY_THE_REGISTRY]

    def check(self) -> None:
        """
        Raise if the registry would refuse the event.

        Raises
        ------
        FileError
            A type that is none, a required keyword without a value, no IVORN, or a character that XML cannot hold.
        """
        whose = self.ivorn or "An event"
        if self.event_type not in event_types():
            raise FileError(f"{whose}: {self.event_type!r} is no type of event.")
        missing = self.missing()
        if missing:
            raise FileError(f"{whose} of type {self.event_type} lacks {', '.join(missing)}.")
        if not re.fullmatch(r"ivo://\S+", self.ivorn):
            raise FileError(f"An event has an IVORN, not {self.ivorn!r}; her.voevent.identifier makes a new one.")
        self._check_characters()

    def _check_characters(self) -> None:
        texts = {**self.values, "ivorn": self.ivorn}
        for number, found in enumerate([*self.references, *self.citations]):
            texts |= {f"{name} of reference {number}": text for name, text in found.items()}
        bad = [name for name, text in texts.items() if _FORBIDDEN.search(f"{name}{text}")]
        if bad:
            raise FileError(f"{self.ivorn or 'An event'}: {bad[0]!r} holds a character that XML cannot hold.")

    def record(self) -> dict[str, Any]:
        """Return the event as the registry's searches do, for `HERTable.from_records`."""
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
        It is no such document: other XML, entities, or too large.
    """
    if not isinstance(source, bytes):
        _refuse_large(Path(source).stat().st_size)
    root = _parsed(source if isinstance(source, bytes) else Path(source).read_bytes())
    for element in root.iter():
        element.tag = _plain(element.tag)
    if root.tag != "VOEvent":
        raise FileError(f"This is no VOEvent: its root is {root.tag!r}.")
    values, references, citations = voevent_xml.parts(root)
    kind = (root.findtext("./Why/EVENT_TYPE") or values.get("event_type", "")).partition(":")[0].strip().upper()
    values.pop("event_type", None)
    return VOEvent(root.get("ivorn", ""), kind, values, references, citations)


def accept(part: Path) -> None:
    """
    Accept a file that came if it is a VOEvent document; the registry answers questions it does not like with HTML.

    Parameters
    ----------
    part : pathlib.Path
        The file.

    Raises
    ------
    FileError
        It is none.
    """
    _refuse_large(part.stat().st_size)
    content = part.read_bytes()
    if content.lstrip()[:5].lower() == b"<html":
        raise FileError(f"The registry answered: {server_words(content)}")
    read(content)


def _refuse_large(size: int) -> None:
    if size > MOST:
        raise FileError(f"This document has {size} bytes; more than {MOST} are not read.")


def _parsed(content: bytes) -> ET.Element:
    _refuse_large(len(content))
    from defusedxml import ElementTree as Safe
    from defusedxml.common import DefusedXmlException

    try:
        root: ET.Element = Safe.fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FileError(f"This is no VOEvent: {type(error).__name__}: {error}") from error
    return root


def _plain(tag: Any) -> str:
    return re.sub(r"^\{.*\}", "", tag) if isinstance(tag, str) else ""


def from_row(row: Any) -> VOEvent:
    """
    Return an event of a table as a document.

    Parameters
    ----------
    row : astropy.table.Row or dict
        A row of a search result, or a record.
    """
    record = row if isinstance(row, dict) else row["raw"]
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
        When it is submitted. Defaults to now.
    suffix : str, optional
        What tells events apart that one method submits in one second.

    Returns
    -------
    str
        As SolarSoft's export_event.pro makes it: type, method and time.
    """
    stamp = (when or datetime.now(UTC)).strftime("%Y%m%d_%H%M%S")
    name = re.sub(r"[\s,;:/\\{}\[\]`~=\".]", "", method)
    return f"ivo://helio-informatics.org/{event_type}_{name}_{stamp}" + (f"_{suffix}" if suffix else "")


def write(event: VOEvent, path: Any = None, check: bool = True) -> bytes:
    """
    Write a document.

    Parameters
    ----------
    event : VOEvent
        The event.
    path : path-like, optional
        Where to; nowhere by default.
    check : bool, optional
        Whether to refuse what the registry would refuse.

    Returns
    -------
    bytes
        The document.

    Raises
    ------
    FileError
        A required keyword has no value, see `VOEvent.check`; nothing was written.
    """
    if check:
        event.check()
    event._check_characters()
    texts = {name: str(value) for name, value in event.values.items()}
    content = voevent_xml.document(event.ivorn, event.event_type, texts, event.references, event.citations)
    if path is not None:
        target = Path(path)
        with publish.new_part(target) as (part, stream):
            stream.write(content)
            stream.flush()
            publish.settle(part)
            publish.publish(part, target, overwrite=True)
    return content
