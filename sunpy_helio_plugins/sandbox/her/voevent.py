"""The embedded registry's pages of one event: the VOEvent document, the summary, the recent submissions."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from sunpy_helio_plugins.sandbox.her.search import Event, RefusedError, catalogue, keys

__all__ = ["event_of", "recent", "summary", "voevent"]

HEAD = (
    '<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v1.1"'
    ' xmlns:stc="http://www.ivoa.net/xml/STC/stc-v1.30.xsd"'
    ' xmlns:lmsal="http://www.lmsal.com/helio-informatics/lmsal-v1.0.xsd"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" role="observation" version="1.1" ivorn={}>'
)
WHERE = (
    '<ObsDataLocation xmlns="http://www.ivoa.net/xml/STC/stc-v1.30.xsd"><ObservatoryLocation><AstroCoordSystem/>'
    '<AstroCoords id="{system}" coord_system_id="{system}"/></ObservatoryLocation>'
    '<ObservationLocation id="{observatory}"><AstroCoordSystem/><AstroCoords coord_system_id="{system}">'
    "<Time><TimeInstant><ISOTime>{start}</ISOTime></TimeInstant></Time>"
    '<Position2D unit="{unit}"><Value2><C1>{x}</C1><C2>{y}</C2></Value2><Error2><C1>{dx}</C1><C2>{dy}</C2></Error2>'
    '</Position2D></AstroCoords><AstroCoordArea coord_system_id="{system}"><TimeInterval><StartTime>'
    "<ISOTime>{start}</ISOTime></StartTime><StopTime><ISOTime>{end}</ISOTime></StopTime></TimeInterval>"
    "<Box2><Center><C1>{box[0]}</C1><C2>{box[1]}</C2></Center><Size><C1>{box[2]}</C1><C2>{box[3]}</C2></Size></Box2>"
    "</AstroCoordArea></ObservationLocation></ObsDataLocation>"
)
ELSEWHERE = {
    "event_starttime",
    "event_endtime",
    "event_coord1",
    "event_coord2",
    "event_c1error",
    "event_c2error",
    "event_coordsys",
    "event_coordunit",
    "boundbox_c1ll",
    "boundbox_c2ll",
    "boundbox_c1ur",
    "boundbox_c2ur",
    "refs",
    "event_type",
    "concept",
    "kb_archivid",
    "kb_archivdate",
    "event_description",
    "frm_contact",
}
"""Keywords with dedicated elements in the document."""


def event_of(request: Mapping[str, str]) -> Event:
    """Return the event of a request, in the requested revision."""
    ivorn = request.get("ivorn", "")
    found = [event for event in catalogue()["events"] if event["kb_archivid"] == ivorn]
    if not found:
        raise RefusedError(f"no event with ivorn {ivorn}")
    latest = int(found[0]["revision"])
    asked = request.get("rev", "") or str(latest)
    if not asked.isdigit() or not 1 <= int(asked) <= latest:
        raise RefusedError(f"no revision {asked} of {ivorn}")
    # An earlier revision has a different description, since revisions are corrections.
    older = {} if int(asked) == latest else {"revision": asked, "event_description": f"as revised {asked} times"}
    return found[0] | older


def voevent(event: Event) -> str:
    """Return the VOEvent document of an event."""
    name = event["concept"].replace(" ", "")
    listed = {key: value for key, value in event.items() if key not in ELSEWHERE and value not in (None, "")}
    what = {key: value for key, value in listed.items() if not key.startswith(("frm_", "obs_"))}
    how = {key: value for key, value in listed.items() if key.startswith(("frm_", "obs_"))}
    parts = [
        HEAD.format(quoteattr(event["kb_archivid"])),
        f"<Who><AuthorIVORN>{escape(event['kb_archivid'])}</AuthorIVORN><Author>"
        f"<contactName>{escape(event['frm_contact'] or '')}</contactName></Author>"
        f"<Date>{event['kb_archivdate']}</Date></Who>",
        f"<What><Description>{escape(event.get('event_description') or '')}</Description>{groups(name, what)}</What>",
        f"<WhereWhen>{where(event)}</WhereWhen>",
        f"<How><lmsal:data>{elements(how, 'obs_')}</lmsal:data>"
        f"<lmsal:method><lmsal:FRM_Contact>{escape(event['frm_contact'] or '')}</lmsal:FRM_Contact>"
        f"{elements(how, 'frm_')}</lmsal:method></How>",
        f"<Why><Concept>{name}</Concept><lmsal:EVENT_TYPE>{event['event_type']}: {name}</lmsal:EVENT_TYPE></Why>",
        *(
            f"<Reference name={quoteattr(ref['ref_name'])} type={quoteattr(ref['ref_type'])} "
            f"uri={quoteattr(ref['ref_url'])}/>"
            for ref in event["refs"]
        ),
        "</voe:VOEvent>",
    ]
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(parts)


def groups(name: str, values: Mapping[str, object]) -> str:
    """Return the parameters of an event, with required ones separate from the others."""
    demanded = {key: value for key, value in values.items() if keys()[key].get("required")}
    rest = {key: value for key, value in values.items() if key not in demanded}
    return "".join(
        f'<Group name="{name}_{kind}">{"".join(parameters(chosen.items()))}</Group>'
        for kind, chosen in (("required", demanded), ("optional", rest))
    )


def parameters(items: Iterable[tuple[str, object]]) -> Iterable[str]:
    """Return parameters as elements, with names in capitals as in the registry."""
    return (f'<Param name="{key.upper()}" value={quoteattr(str(value))}/>' for key, value in items)


def elements(values: Mapping[str, object], prefix: str) -> str:
    """Return the keywords of a method or an observation as elements of the registry's namespace."""
    chosen = {key: value for key, value in values.items() if key.startswith(prefix)}
    tags = {key: key[:4].upper() + key[4:] for key in chosen}
    return "".join(f"<lmsal:{tags[key]}>{escape(str(value))}</lmsal:{tags[key]}>" for key, value in chosen.items())


def where(event: Event) -> str:
    """Return the time and position of an event."""
    x1, y1, x2, y2 = (event.get(f"boundbox_{name}") or 0.0 for name in ("c1ll", "c2ll", "c1ur", "c2ur"))
    return WHERE.format(
        system=event["event_coordsys"], observatory=escape(event["obs_observatory"] or "unknown"),
        start=event["event_starttime"], end=event["event_endtime"], unit=event["event_coordunit"],
        x=event["event_coord1"], y=event["event_coord2"], dx=event["event_c1error"], dy=event["event_c2error"],
        box=((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
    )  # fmt: skip


def summary(event: Event) -> str:
    """Return the page about an event."""
    rows = "".join(
        f"<tr><td>{key}</td><td>{html.escape(str(value))}</td></tr>" for key, value in event.items() if value
    )
    return f"<html><head><title>{event['kb_archivid']}</title></head><body><table>{rows}</table></body></html>"


def recent() -> str:
    """Return the page of recent submissions."""
    human = [event for event in catalogue()["events"] if event["frm_humanflag"] == "true"]
    human.sort(key=lambda event: str(event["kb_archivdate"]), reverse=True)
    items = "".join(
        f'<li><a href="her?cmd=view-voevent&amp;ivorn={html.escape(event["kb_archivid"])}">'
        f"{html.escape(event['kb_archivid'])}</a></li>"
        for event in human[:20]
    )
    return f"<html><head><title>HER</title></head><body><ul>{items}</ul></body></html>"
