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
from sunpy_helio_plugins.quantities.exact import whole_number
from sunpy_helio_plugins.store.publish import write_whole
from sunpy_helio_plugins.transport.messages import server_message

__all__ = ["Parts", "VOEvent", "accept", "document", "from_row", "identifier", "parts", "read", "write"]

IVOA = "http://www.ivoa.net/xml/VOEvent/v1.1"
LMSAL = "http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd"
STC = "http://www.ivoa.net/xml/STC/stc-v1.30.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = f"{IVOA} http://www.lmsal.com/helio-informatics/VOEvent-v1.1.xsd"

PLACES = {
    "event_starttime": ".//TimeInterval/StartTime/ISOTime", "event_endtime": ".//TimeInterval/StopTime/ISOTime",
    "event_coord1": ".//Position2D/Value2/C1", "event_coord2": ".//Position2D/Value2/C2",
    "event_c1error": ".//Position2D/Error2/C1", "event_c2error": ".//Position2D/Error2/C2",
    "kb_archivdate": "./Who/Date", "frm_contact": "./Who/Author/contactName",
}  # fmt: skip
"""Keywords that are elements, and their paths."""

DESCRIPTIONS = ("./Why/Description", "./What/Description")
ATTRIBUTES = {
    "event_expires": ("./Why", "expires"), "event_importance": ("./Why", "importance"),
    "event_probability": ("./Why/Inference", "probability"),
    "event_coordsys": (".//ObservationLocation/AstroCoords", "coord_system_id"),
    "event_coordunit": (".//Position2D", "unit"), "obs_observatory": (".//ObservationLocation", "id"),
}  # fmt: skip
"""Keywords that are attributes: the path of an element, and the name of the attribute."""

OTHER = ("Concept",)
"""Elements with the name of a keyword that only repeat the event type."""
LINKED = ("frm_url", "event_mapurl")
"""Keywords that are references."""

Parts = tuple[dict[str, str], list[dict[str, str]], list[dict[str, str]]]


def parts(root: ET.Element) -> Parts:
    """
    Return the values, references and citations of a document, whose tags are without namespaces.

    Parameters
    ----------
    root : xml.etree.ElementTree.Element
        The document.

    Returns
    -------
    values : dict
        Keywords in lower case and their texts.
    references : list of dict
        ``ref_name``, ``ref_type`` and ``ref_url`` of each.
    citations : list of dict
        ``ivorn`` of each, and its attributes.
    """
    values = {name: (root.findtext(path) or "").strip() for name, path in PLACES.items()}
    values["event_description"] = next((text for path in DESCRIPTIONS if (text := root.findtext(path, "").strip())), "")
    for name, (path, attribute) in ATTRIBUTES.items():
        found = root.find(path)
        values[name] = found.get(attribute, "") if found is not None else ""
    values |= _box(root)
    for element in root.iter():
        # Some submitters omit the namespace of the elements of the method.
        if element.tag.lower() in keywords() and element.tag not in OTHER and len(element) == 0:
            values[element.tag.lower()] = (element.text or "").strip()
    values |= {param.get("name", "").lower(): param.get("value", "") for param in root.iter("Param")}
    references = [
        {"ref_name": found.get("name", ""), "ref_type": found.get("type", ""), "ref_url": found.get("uri", "")}
        for found in root.iterfind("./Reference")
    ]
    for reference in references:
        name = reference["ref_name"].lower()
        if name in keywords() and not values.get(name):
            values[name] = reference["ref_url"]
    cited = root.iterfind("./Citations/EventIVORN")
    citations = [{"ivorn": (found.text or "").strip(), **found.attrib} for found in cited]
    return {name: _spelled(name, text) for name, text in values.items() if name and text}, references, citations


def _spelled(name: str, text: str) -> str:
    """Return a value in the spelling of search results: booleans are T and F in documents."""
    if name in keywords() and keywords()[name].kind == "boolean":
        return {"T": "true", "F": "false"}.get(text.upper(), text.lower())
    return text


def _box(root: ET.Element) -> dict[str, str]:
    """Return the corners of the box, which the document contains as center and size."""
    made: dict[str, str] = {}
    for axis in ("1", "2"):
        try:
            middle, size = (float(root.findtext(f".//Box2/{part}/C{axis}") or "") for part in ("Center", "Size"))
        except ValueError:
            continue
        made |= {f"boundbox_c{axis}ll": repr(middle - size / 2), f"boundbox_c{axis}ur": repr(middle + size / 2)}
    return made


def document(
    ivorn: str, kind: str, values: dict[str, str], references: list[dict[str, str]], citations: list[dict[str, str]]
) -> bytes:
    """
    Return an event as a document.

    Parameters
    ----------
    ivorn, kind : str
        The IVORN, and the two letters of the type.
    values, references, citations
        As returned by `parts`.

    Returns
    -------
    bytes
        The document in UTF-8, not validated.
    """
    for prefix, name in (("voe", IVOA), ("lmsal", LMSAL), ("stc", STC), ("xsi", XSI)):
        ET.register_namespace(prefix, name)
    attributes = {"ivorn": ivorn, "role": "observation", "version": "1.1", f"{{{XSI}}}schemaLocation": SCHEMA}
    root = ET.Element(f"{{{IVOA}}}VOEvent", attributes)
    rest = dict(values)
    name = event_types().get(kind, kind)
    _who(root, ivorn, rest)
    what = _add(root, "What")
    # The schema requires this element.
    _add(what, "Description")
    where = _where(root, rest)
    how = _how(root, kind, rest)
    _why(root, f"{kind}: {name}", rest)
    linked = [
        {"ref_name": _spelling(key), "ref_url": rest.pop(key)} for key in LINKED if key in rest
    ]  # fmt: skip
    for parent, chosen in ((what, "what"), (where, "where"), (how, "how")):
        _groups(parent, name, kind, {key: text for key, text in rest.items() if _part_of(key) == chosen})
    _references(root, references, linked)
    _citations(root, citations)
    ET.indent(root)
    made: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return made


def _part_of(name: str) -> str:
    if re.match(r"bound_|boundbox_|skel_|chaincodetype|event_coord3|(hpc|hgs|hgc|hrc)_", name):
        return "where"
    return "how" if name.startswith(("obs_", "frm_")) else "what"


def _spelling(name: str) -> str:
    word = keywords().get(name)
    return (word.spelling if word else "") or {"frm_daterun": "FRM_DateRun"}.get(name, name)


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
    # As a default namespace, as written by the registry's own tools.
    data = _add(where, "ObsDataLocation", xmlns=STC)
    observatory = _add(data, "ObservatoryLocation")
    _add(observatory, "AstroCoordSystem")
    _add(observatory, "AstroCoords", id=system, coord_system_id=system)
    location = _add(data, "ObservationLocation", id=values.get("obs_observatory", ""))
    _add(location, "AstroCoordSystem")
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
    names = [f"boundbox_c{axis}{end}" for axis in "12" for end in ("ll", "ur")]
    try:
        left, right, bottom, top = (float(values[name]) for name in names)
    except (KeyError, ValueError):
        return
    for name in names:
        del values[name]
    box = _add(area, "Box2")
    for part, numbers in (("Center", ((left + right) / 2, (bottom + top) / 2)), ("Size", (right - left, top - bottom))):
        pair = _add(box, part)
        for tag, number in zip(("C1", "C2"), numbers, strict=True):
            _add(pair, tag, repr(number))


def _how(root: ET.Element, kind: str, values: dict[str, str]) -> ET.Element:
    how = _add(root, "How")
    for part, prefix in (("data", "obs_"), ("method", "frm_")):
        parent = _add(how, f"{{{LMSAL}}}{part}")
        for name in [name for name in values if name.startswith(prefix) and name not in LINKED]:
            if name in keywords() and keywords()[name].is_required(kind):
                _add(parent, f"{{{LMSAL}}}{_spelling(name)}", _flag(name, values.pop(name)))
    return how


def _why(root: ET.Element, kind: str, values: dict[str, str]) -> None:
    why = _add(root, "Why")
    for name in ("event_importance", "event_expires"):
        if name in values:
            why.set(ATTRIBUTES[name][1], values.pop(name))
    if "event_probability" in values:
        _add(why, "Inference", probability=values.pop("event_probability"))
    _add(why, "Concept", kind.partition(": ")[2])
    _add(why, f"{{{LMSAL}}}EVENT_TYPE", kind)
    if "event_description" in values:
        _add(why, "Description", values.pop("event_description"))


def _groups(parent: ET.Element, name: str, kind: str, values: dict[str, str]) -> None:
    required = {key for key in values if key in keywords() and keywords()[key].is_required(kind)}
    for label, wanted in (("required", True), ("optional", False)):
        chosen = {key: text for key, text in values.items() if (key in required) == wanted}
        if chosen:
            group = _add(parent, "Group", name=f"{name}_{label}")
            for key, text in chosen.items():
                _add(group, "Param", name=key.upper(), value=_flag(key, text))


def _flag(name: str, text: str) -> str:
    """Return a value in the spelling of documents."""
    if name in keywords() and keywords()[name].kind == "boolean":
        return {"true": "T", "false": "F"}.get(text.lower(), text)
    return text


def _references(root: ET.Element, references: list[dict[str, str]], linked: list[dict[str, str]]) -> None:
    there = {(found.get("ref_name", "").lower(), found.get("ref_url")) for found in references}
    for found in [*(one for one in linked if (one["ref_name"].lower(), one["ref_url"]) not in there), *references]:
        names = {"name": "ref_name", "type": "ref_type", "uri": "ref_url"}
        _add(root, "Reference", **{name: found[key] for name, key in names.items() if found.get(key)})


def _citations(root: ET.Element, citations: list[dict[str, Any]]) -> None:
    if citations:
        parent = _add(root, "Citations")
        for found in citations:
            own = {name: text for name, text in found.items() if name != "ivorn"}
            _add(parent, "EventIVORN", found.get("ivorn", ""), **own)


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
    """

    ivorn: str
    event_type: str
    values: dict[str, str] = field(default_factory=dict)
    references: list[dict[str, str]] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)

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
        for number, found in enumerate([*self.references, *self.citations]):
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
        element.tag = _plain(element.tag)
    if root.tag != "VOEvent":
        raise FileError(f"Not a VOEvent: the root element is {root.tag!r}.")
    values, references, citations = parts(root)
    kind = (root.findtext("./Why/EVENT_TYPE") or values.get("event_type", "")).partition(":")[0].strip().upper()
    values.pop("event_type", None)
    return VOEvent(root.get("ivorn", ""), kind, values, references, citations)


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


def _plain(tag: Any) -> str:
    return re.sub(r"^\{.*\}", "", tag) if isinstance(tag, str) else ""


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
    content = document(event.ivorn, event.event_type, texts, event.references, event.citations)
    if path is not None:
        write_whole(one_path("her.voevent.write", path), content)
    return content
