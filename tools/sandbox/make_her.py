"""
Make the events that the embedded registry serves: ``python tools/sandbox/make_her.py``.

Writes ``sunpy_helio_plugins/sandbox/data/her/events.json.gz``, always with the same content, from the drafts of
``make_her_drafts.py``: more than a thousand events, so that a search of the month needs several pages.

The registry's habits are reproduced, as measured in its responses: a chaincode exists in four systems; heliographic
numbers are converted with L0 and B0 of event_starttime, independent of the submitter's time; Carrington longitudes are
not wrapped; numbers of the submitter are returned in single precision; the heliographic box of SSW Latest Events is
broken.
"""

from __future__ import annotations

import gzip
import itertools
import json
import struct
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth, sun

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

sys.path.insert(0, str(Path(__file__).parent))

from make_her_drafts import Draft, drafts, iso, single, to_helioprojective  # noqa: E402

DATA = ROOT / "sunpy_helio_plugins" / "sandbox" / "data" / "her"
KEYS = json.loads((DATA / "keys.json").read_text())
IVORN = "ivo://helio-informatics.org/"
CARRINGTON_OFFSET = 0.05
"""Degrees by which the registry's L0 exceeds sunpy's, the same in every record."""
RADIUS_RATIO = 0.999718
"""The registry's angular solar radius over sunpy's: it takes 695,506 km."""
ALWAYS = {
    "comment_count": "0",
    "frm_humanflag": "false",
    "noposition": "false",
    "active": "true",
    "event_testflag": "false",
    "hpc_heliosphere_corrected": "false",
    "hcr_checked": "false",
    "sum_overlap_scores": "0",
    "revision": "1",
    "event_score": "0.5",
    "obs_wavelunit": "cm",
    "event_coordunit": "degrees",
}
CONCEPTS = {
    "AR": ("Active Region", "1"),
    "CE": ("CME", "3"),
    "CH": ("Coronal Hole", "5"),
    "EF": ("Emerging Flux", "6"),
    "FI": ("Filament", "8"),
    "FL": ("Flare", "9"),
    "TO": ("Topological Object", "24"),
}


def number(value: float) -> str:
    """Return a coordinate in the format of chaincodes."""
    return f"{round(float(value), 6) + 0.0:.12g}"


def plain(value: Any) -> Any:
    """Return a value as the registry writes it: integers without a decimal point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_stonyhurst(arcsec: np.ndarray, when: Time) -> np.ndarray:
    """Convert arcsec seen from Earth to Stonyhurst degrees, both (n, 2), at n times."""
    frame = Helioprojective(observer=get_earth(when), obstime=when)
    place = SkyCoord(arcsec[:, 0] * u.arcsec, arcsec[:, 1] * u.arcsec, frame=frame)
    place = place.transform_to(HeliographicStonyhurst(obstime=when))
    return np.stack([place.lon.to_value("deg"), place.lat.to_value("deg")], axis=1)


def convert(events: list[Draft]) -> list[dict[str, np.ndarray]]:
    """Return the vertices of each draft in the four systems, as the registry converts them."""
    lengths = [len(draft.vertices()) for draft in events]
    flat = np.concatenate([np.array(draft.vertices(), dtype=float) for draft in events])
    system = np.repeat([draft.system for draft in events], lengths)
    when = Time(np.repeat([draft.start for draft in events], lengths), scale="utc")
    radius = sun.angular_radius(when).to_value("arcsec") * RADIUS_RATIO
    hpc, hgs = flat.copy(), np.full_like(flat, np.nan)
    for name, target, rule in (("hgs", hpc, to_helioprojective), ("hpc", hgs, to_stonyhurst)):
        chosen = system == name
        target[chosen] = rule(flat[chosen], when[chosen])
    hgs[system == "hgs"] = flat[system == "hgs"]
    radial = system == "hrc"
    distance, angle = flat[radial, 0] * radius[radial], np.radians(flat[radial, 1])
    hpc[radial] = np.stack([-distance * np.sin(angle), distance * np.cos(angle)], axis=1)
    hrc = np.stack([np.hypot(*hpc.T) / radius, np.degrees(np.arctan2(-hpc[:, 0], hpc[:, 1])) % 360], axis=1)
    hrc[radial] = flat[radial]
    origin = sun.L0(when).wrap_at("180d").to_value("deg") + CARRINGTON_OFFSET
    hgc = hgs + np.stack([origin, np.zeros(len(flat))], axis=1)
    ends = np.cumsum(lengths)[:-1]
    systems = {"hpc": hpc, "hgs": hgs, "hgc": hgc, "hrc": hrc}
    pieces = {name: np.split(values, ends) for name, values in systems.items()}
    return [{name: pieces[name][i] for name in pieces} for i in range(len(events))]


def polygon(vertices: np.ndarray) -> str:
    """Return a chaincode, or nothing if there are no vertices or no position on the Sun."""
    if not len(vertices) or np.isnan(vertices).any():
        return ""
    return "POLYGON((" + ",".join(f"{number(x)} {number(y)}" for x, y in vertices) + "))"


def geometry(vertices: np.ndarray) -> str:
    """Return a polygon as the hexadecimal well-known binary of ``hpc_geom``."""
    return (struct.pack("<BIII", 1, 3, 1, len(vertices)) + vertices.astype("<f8").tobytes()).hex().upper()


def places(draft: Draft, systems: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return every coordinate keyword of one event."""
    values: dict[str, Any] = {}
    names = {"hpc": ("hpc_x", "hpc_y"), "hgs": ("hgs_x", "hgs_y"), "hgc": ("hgc_x", "hgc_y"), "hrc": ("hrc_r", "hrc_a")}
    for system, vertices in systems.items():
        point = vertices[0]
        known = not np.isnan(point).any()
        values[f"{system}_coord"] = f"POINT({number(point[0])} {number(point[1])})" if known else ""
        values[f"{system}_bbox"] = polygon(vertices[1:6])
        values[f"{system}_boundcc"] = polygon(vertices[6:])
        values |= {key: round(float(x), 6) for key, x in zip(names[system], point, strict=True) if known}
    values["hpc_radius"] = number(np.hypot(*systems["hpc"][0]))
    turned = slice(None, None, -1) if draft.system == "hrc" else slice(None)
    values["event_coord1"], values["event_coord2"] = (single(x) for x in draft.point[turned])
    values["boundbox_c1ll"], values["boundbox_c2ll"] = (single(x) for x in draft.box[:2][turned])
    values["boundbox_c1ur"], values["boundbox_c2ur"] = (single(x) for x in draft.box[2:][turned])
    values["event_coordsys"] = f"UTC-{draft.system.upper()}-TOPO"
    if draft.outline:
        values |= {"bound_chaincode": values[f"{draft.system}_boundcc"], "bound_ccnsteps": len(draft.outline) - 1}
        values |= {f"bound_ccstartc{axis + 1}": single(draft.outline[0][axis]) for axis in (0, 1)}
        values["chaincodetype"] = f"ordered list of points in {draft.system.upper()}"
        values["hpc_geom"] = geometry(systems["hpc"][6:])
    if not np.isnan(systems["hgc"][0]).any():
        longitude, latitude = systems["hgc"][0]
        values["SOL_standard"] = f"SOL{iso(draft.start)}L{int(longitude % 360):03d}C{int(90 - latitude):03d}"
        values["solar_object_locator"] = values["SOL_standard"]
    return values


def record(draft: Draft, systems: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return one event with the keywords of its type, in the registry's order."""
    concept, eventtype = CONCEPTS[draft.kind]
    values = ALWAYS | {"event_type": draft.kind, "concept": concept, "eventtype": eventtype}
    values |= {"event_starttime": iso(draft.start), "event_endtime": iso(draft.end), "kb_archivid": IVORN + draft.name}
    values |= {"frm_daterun": iso(draft.end), "kb_archivdate": iso(draft.end + timedelta(hours=2))}
    values |= places(draft, systems) | draft.values
    for name in ("frm_name", "obs_observatory", "obs_instrument"):
        values.setdefault(f"search_{name if name == 'frm_name' else name[4:]}", values.get(name, ""))
    values.setdefault("search_channelid", values.get("obs_channelid", ""))
    values["refs"] = [{"ref_name": "FRM_URL", "ref_type": "unknown", "ref_url": values.get("frm_url", "")}]
    kinds = {key: entry for key, entry in KEYS.items() if draft.kind in entry.get("types", CONCEPTS)}
    return {key: plain(values.get(key, entry["missing"])) for key, entry in kinds.items()}


def associations(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the associations of each coronal hole's detections, in order of time."""
    tracks: dict[str, list[int]] = {}
    for index, event in enumerate(records):
        if event["event_type"] == "CH":
            tracks.setdefault(event["frm_specificid"], []).append(index)
    return [
        {
            "first_id": 15000000 + first,
            "second_id": 15000000 + second,
            "first_ivorn": records[first]["kb_archivid"],
            "second_ivorn": records[second]["kb_archivid"],
            "first_event_type": "CH",
            "second_event_type": "CH",
            "reported_by": "rtimmons",
            "edge_type": "is_followed_by",
            "strength": 1.0,
        }
        for track in tracks.values()
        for first, second in itertools.pairwise(track)
    ]


def with_box_of_the_flare(event: dict[str, Any]) -> dict[str, Any]:
    """Return an SSW Latest Events flare with the only usable box that the registry has for it, in ``hpc_geom``."""
    x, y = event["hpc_x"], event["hpc_y"]
    corners = np.array([(x - 56, y - 56), (x - 56, y + 56), (x + 56, y + 56), (x + 56, y - 56), (x - 56, y - 56)])
    return event | {"hpc_geom": geometry(np.round(corners, 3))}


def build() -> dict[str, Any]:
    """Return the complete content of the data file."""
    events = drafts()
    records = [record(draft, systems) for draft, systems in zip(events, convert(events), strict=True)]
    records = [with_box_of_the_flare(r) if r["frm_name"] == "SSW Latest Events" else r for r in records]
    return {"events": records, "associations": associations(records)}


def main() -> None:
    """Write the data file."""
    text = json.dumps(build(), ensure_ascii=False, separators=(",", ":"))
    target = DATA / "events.json.gz"
    target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
