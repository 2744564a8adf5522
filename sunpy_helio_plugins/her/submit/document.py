"""The elements of VOEvent documents: from a tree of elements to values, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.her.keywords import event_types, keywords

__all__ = ["Parts", "document", "inferences", "parts", "plain"]

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
        {"ref_name": found.get("name", ""), "ref_type": found.get("type", ""), "ref_url": _link(found)}
        # A part of the document may have references of its own.
        for found in root.iter("Reference")
    ]
    for reference in references:
        name = reference["ref_name"].lower()
        if name in keywords() and not values.get(name):
            values[name] = reference["ref_url"]
    cited = root.iterfind("./Citations/EventIVORN")
    citations = [{"ivorn": (found.text or "").strip(), **found.attrib} for found in cited]
    return {name: _spelled(name, text) for name, text in values.items() if name and text}, references, citations


def _link(reference: ET.Element) -> str:
    """Return the URL of a reference, which is an attribute of XLink in some documents."""
    return reference.get("uri") or next((url for name, url in reference.items() if plain(name) == "href"), "")


INFERENCE = {"name": "Name", "concept": "Concept", "description": "Description"}
"""The elements of an inference, besides its attributes ``probability`` and ``relation``."""


def inferences(root: ET.Element) -> list[dict[str, str]]:
    """Return the inferences of a document: for each its probability, relation, name, concept and description."""
    made = []
    for found in root.iterfind("./Why/Inference"):
        texts = {name: (found.findtext(tag) or "").strip() for name, tag in INFERENCE.items()}
        made.append({name: text for name, text in {**found.attrib, **texts}.items() if text})
    return [one for one in made if one]


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
    ivorn: str,
    kind: str,
    values: dict[str, str],
    references: list[dict[str, str]],
    citations: list[dict[str, str]],
    reasons: Sequence[dict[str, str]] = (),
) -> bytes:
    """
    Return an event as a document.

    Parameters
    ----------
    ivorn, kind : str
        The IVORN, and the two letters of the type.
    values, references, citations
        As returned by `parts`.
    reasons : sequence of dict, optional
        As returned by `inferences`; the probability of the first is ``event_probability``.

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
    _why(root, f"{kind}: {name}", rest, reasons)
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


def _why(root: ET.Element, kind: str, values: dict[str, str], reasons: Sequence[dict[str, str]]) -> None:
    why = _add(root, "Why")
    for name in ("event_importance", "event_expires"):
        if name in values:
            why.set(ATTRIBUTES[name][1], values.pop(name))
    first, *others = reasons or ({},)
    own = {"probability": values.pop("event_probability")} if "event_probability" in values else {}
    for reason in ({**{key: text for key, text in first.items() if key != "probability"}, **own}, *others):
        if reason:
            _infer(why, reason)
    _add(why, "Concept", kind.partition(": ")[2])
    _add(why, f"{{{LMSAL}}}EVENT_TYPE", kind)
    if "event_description" in values:
        _add(why, "Description", values.pop("event_description"))


def _infer(why: ET.Element, reason: dict[str, str]) -> None:
    found = _add(why, "Inference", **{name: text for name, text in reason.items() if name not in INFERENCE})
    for name, tag in INFERENCE.items():
        if name in reason:
            _add(found, tag, reason[name])


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


def plain(tag: Any) -> str:
    """Return the name of an element or attribute without its namespace."""
    return re.sub(r"^\{.*\}", "", tag) if isinstance(tag, str) else ""
