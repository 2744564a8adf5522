"""
VOEvent documents of the registry: read, checked, written.

The form is the registry's: VOEvent 1.1 with its own namespace for methods and observations
(http://www.lmsal.com/helio-informatics/hpkb/voevent.html). No entities are read, and no document larger than `MOST`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.her.keywords import event_types, keywords
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["VOEvent", "accept", "from_row", "read", "write"]

MOST = 20_000_000
"""Bytes of the largest document that is read: a coronal hole's outline takes some tens of thousands."""

IVOA = "http://www.ivoa.net/xml/VOEvent/v1.1"
LMSAL = "http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd"
STC = "http://www.ivoa.net/xml/STC/stc-v1.30.xsd"

BY_THE_REGISTRY = ("kb_archivid", "kb_archivdate", "kb_archivist", "kb_archivurl")
"""Required keywords that the registry fills in itself ("user should leave blank")."""

PLACES = {
    "event_starttime": ".//TimeInterval/StartTime/ISOTime", "event_endtime": ".//TimeInterval/StopTime/ISOTime",
    "event_coord1": ".//Position2D/Value2/C1", "event_coord2": ".//Position2D/Value2/C2",
    "event_c1error": ".//Position2D/Error2/C1", "event_c2error": ".//Position2D/Error2/C2",
    "kb_archivdate": "./Who/Date", "frm_contact": "./Who/Author/contactName", "event_description": "./What/Description",
}  # fmt: skip
"""Keywords that have elements of their own."""


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
    """

    ivorn: str
    event_type: str
    values: dict[str, str] = field(default_factory=dict)
    references: list[dict[str, str]] = field(default_factory=list)

    def missing(self) -> list[str]:
        """Return the keywords that the registry requires of this type of event and that have no value."""
        required = [name for name, word in keywords().items() if word.filter and word.is_required(self.event_type)]
        given = {name for name, value in self.values.items() if value not in ("", None)} | {"event_type"}
        return [name for name in required if name not in given and name not in BY_THE_REGISTRY]

    def check(self) -> None:
        """
        Raise if the registry would refuse the event.

        Raises
        ------
        FileError
            A type that is none, or a required keyword without a value.
        """
        if self.event_type not in event_types():
            raise FileError(f"{self.ivorn or 'An event'}: {self.event_type!r} is no type of event.")
        missing = self.missing()
        if missing:
            raise FileError(f"{self.ivorn or 'An event'} of type {self.event_type} lacks {', '.join(missing)}.")

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
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    root = _parsed(content)
    for element in root.iter():
        element.tag = _plain(element.tag)
    if root.tag != "VOEvent":
        raise FileError(f"This is no VOEvent: its root is {root.tag!r}.")
    values = {name: (root.findtext(path) or "").strip() for name, path in PLACES.items()}
    values |= _box(root) | _system(root)
    values |= {param.get("name", "").lower(): param.get("value", "") for param in root.iter("Param")}
    for part in ("data", "method"):
        for element in root.iterfind(f"./How/{part}/*"):
            values[element.tag.lower()] = (element.text or "").strip()
    kind = (root.findtext("./Why/EVENT_TYPE") or values.get("event_type", "")).partition(":")[0].strip().upper()
    references = [
        {"ref_name": found.get("name", ""), "ref_type": found.get("type", ""), "ref_url": found.get("uri", "")}
        for found in root.iter("Reference")
    ]
    values.pop("event_type", None)
    known = {name: text for name, text in values.items() if name and text}
    return VOEvent(root.get("ivorn", ""), kind, known, references)


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
    size = part.stat().st_size
    if size > MOST:
        raise FileError(f"This document has {size} bytes; more than {MOST} are not read.")
    content = part.read_bytes()
    if content.lstrip()[:5].lower() == b"<html":
        raise FileError(f"The registry answered: {server_words(content)}")
    read(content)


def _parsed(content: bytes) -> ET.Element:
    if len(content) > MOST:
        raise FileError(f"This document has {len(content)} bytes; more than {MOST} are not read.")
    from defusedxml import ElementTree as Safe
    from defusedxml.common import DefusedXmlException

    try:
        root: ET.Element = Safe.fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise FileError(f"This is no VOEvent: {type(error).__name__}: {error}") from error
    return root


def _plain(tag: Any) -> str:
    return re.sub(r"^\{.*\}", "", tag) if isinstance(tag, str) else ""


def _box(root: ET.Element) -> dict[str, str]:
    """Return the corners of the box, which the document has as centre and size."""
    made: dict[str, str] = {}
    for axis in ("1", "2"):
        try:
            middle, size = (float(root.findtext(f".//Box2/{part}/C{axis}") or "") for part in ("Center", "Size"))
        except ValueError:
            continue
        made |= {f"boundbox_c{axis}ll": repr(middle - size / 2), f"boundbox_c{axis}ur": repr(middle + size / 2)}
    return made


def _system(root: ET.Element) -> dict[str, str]:
    system, position = root.find(".//ObservationLocation/AstroCoords"), root.find(".//Position2D")
    return {
        "event_coordsys": system.get("coord_system_id", "") if system is not None else "",
        "event_coordunit": position.get("unit", "") if position is not None else "",
    }


def from_row(row: Any) -> VOEvent:
    """
    Return an event of a table as a document.

    Parameters
    ----------
    row : astropy.table.Row or dict
        A row of a search result, or a record.
    """
    record = row if isinstance(row, dict) else row["raw"]
    listed = {name for name, word in keywords().items() if word.filter}
    values = {name: str(value) for name, value in record.items() if name in listed and value not in (None, "")}
    kind, ivorn = values.pop("event_type", ""), values.pop("kb_archivid", "")
    references = [
        {name: str(reference.get(name) or "") for name in ("ref_name", "ref_type", "ref_url")}
        for reference in record.get("refs") or []
        if isinstance(reference, dict)
    ]
    return VOEvent(ivorn, kind, values, references)


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
        A required keyword has no value; nothing was written.
    """
    if check:
        event.check()
    for prefix, name in (("voe", IVOA), ("lmsal", LMSAL), ("stc", STC)):
        ET.register_namespace(prefix, name)
    root = ET.Element(f"{{{IVOA}}}VOEvent", {"ivorn": event.ivorn, "role": "observation", "version": "1.1"})
    values = dict(event.values)
    _who(root, event.ivorn, values)
    what = _add(root, "What")
    _add(what, "Description", values.pop("event_description", ""))
    where = _where(root, values)
    _how(root, values)
    name = event_types().get(event.event_type, event.event_type)
    for parent, chosen in ((what, False), (where, True)):
        _groups(parent, name, event.event_type, {k: v for k, v in values.items() if _is_where(k) == chosen})
    why = _add(root, "Why")
    _add(why, "Concept", name)
    _add(why, f"{{{LMSAL}}}EVENT_TYPE", f"{event.event_type}: {name}")
    for found in event.references:
        _add(root, "Reference", name=found["ref_name"], type=found["ref_type"], uri=found["ref_url"])
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    if path is not None:
        Path(path).write_bytes(content)
    return content


def _is_where(name: str) -> bool:
    return re.match(r"bound_|skel_|chaincodetype|(hpc|hgs|hgc|hrc)_", name) is not None


def _add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, tag, attributes)
    made.text = text or None
    return made


def _who(root: ET.Element, ivorn: str, values: dict[str, str]) -> None:
    who = _add(root, "Who")
    _add(who, "AuthorIVORN", ivorn)
    _add(_add(who, "Author"), "contactName", values.get("frm_contact", ""))
    _add(who, "Date", values.pop("kb_archivdate", "") or values.get("frm_daterun", ""))


def _where(root: ET.Element, values: dict[str, str]) -> ET.Element:
    where = _add(root, "WhereWhen")
    system = values.pop("event_coordsys", "")
    data = _add(where, "ObsDataLocation")
    _add(_add(data, "ObservatoryLocation"), "AstroCoords", id=system, coord_system_id=system)
    location = _add(data, "ObservationLocation", id=values.get("obs_observatory", ""))
    coords = _add(location, "AstroCoords", coord_system_id=system)
    start = values.pop("event_starttime", "")
    _add(_add(_add(coords, "Time"), "TimeInstant"), "ISOTime", start)
    position = _add(coords, "Position2D", unit=values.pop("event_coordunit", ""))
    for part, names in (("Value2", ("event_coord1", "event_coord2")), ("Error2", ("event_c1error", "event_c2error"))):
        pair = _add(position, part)
        for tag, name in zip(("C1", "C2"), names, strict=True):
            _add(pair, tag, values.pop(name, ""))
    area = _add(location, "AstroCoordArea", coord_system_id=system)
    interval = _add(area, "TimeInterval")
    _add(_add(interval, "StartTime"), "ISOTime", start)
    _add(_add(interval, "StopTime"), "ISOTime", values.pop("event_endtime", ""))
    _write_box(area, values)
    return where


def _write_box(area: ET.Element, values: dict[str, str]) -> None:
    sides = [[values.pop(f"boundbox_c{axis}{end}", "") for end in ("ll", "ur")] for axis in "12"]
    if not all(text for side in sides for text in side):
        return
    box = _add(area, "Box2")
    centre, size = _add(box, "Center"), _add(box, "Size")
    for axis, (low, high) in zip("12", sides, strict=True):
        _add(centre, f"C{axis}", repr((float(low) + float(high)) / 2))
        _add(size, f"C{axis}", repr(float(high) - float(low)))


def _how(root: ET.Element, values: dict[str, str]) -> None:
    how = _add(root, "How")
    for part, prefix in (("data", "obs_"), ("method", "frm_")):
        parent = _add(how, f"{{{LMSAL}}}{part}")
        for name in [name for name in values if name.startswith(prefix)]:
            word = keywords().get(name)
            _add(parent, f"{{{LMSAL}}}{(word.spelling if word else '') or name}", values.pop(name))


def _groups(parent: ET.Element, name: str, kind: str, values: dict[str, str]) -> None:
    for label, wanted in (("required", True), ("optional", False)):
        required = {key for key in values if key in keywords() and keywords()[key].is_required(kind)}
        chosen = {key: text for key, text in values.items() if (key in required) == wanted}
        if chosen:
            group = _add(parent, "Group", name=f"{name}_{label}")
            for key, text in chosen.items():
                _add(group, "Param", name=key.upper(), value=text)
