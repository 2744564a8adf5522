"""
Requests for members of the mission in the embedded archive: releases, reprocessing, and packets of telemetry.

Releases follow the service's function of September 2026, and also accept the parameters of imap-data-access 1.3, which
only names the manifest. Packets are those of the mission's packet server (``poda``): a packet of each kind every six
hours of the scene's days, which is received at 02:00 of the next day.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from sunpy_helio_plugins.sandbox.imap.catalogue import INSTRUMENTS, LEVELS, Catalogue, Refused, day, versions

__all__ = ["PASSWORD", "USER", "packets", "release", "reprocess"]

USER, PASSWORD = "sandbox-poda-user", "sandbox-poda-password"
"""The login of the packet server."""

NEEDS_NUMBER = False
"""Whether the number of a release is required, as in the service's code of September 2026."""

MANIFEST = re.compile(
    r"imap_(?P<instrument>[^_]+)_(?P<descriptor>[^_]+)_(?P<start_date>\d{8})_(?P<end_date>\d{8})_v\d{3}\.txt"
)
RELEASE_PARAMETERS = (
    "instrument", "start_date", "end_date", "release_type", "exclude_file", "manifest_file", "release_number",
)  # fmt: skip
DONE = {"release": "released", "unrelease": "unreleased", "early-release": "early released"}
"""The kinds of releases, and the word for each in the answer."""

FIRST, LAST = datetime(2026, 1, 8, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)
STEP = timedelta(hours=6)
LATENCY = timedelta(hours=2)
"""The time after the end of a day at which its packets are received."""


def release(catalogue: Catalogue, objects: Mapping[str, bytes], asked: Mapping[str, str]) -> str:
    """Apply a release and return the service's sentence."""
    kind, manifest = checked(asked), asked.get("manifest_file")
    if kind == "release":
        manifest = asked.get("exclude_file", manifest)
    elif manifest is None:
        raise Refused(500)
    listed = lines(objects, manifest) if manifest else set()
    if kind == "release":
        found = list(covered(catalogue, {**parts(manifest), **asked}, listed))
    else:
        every = [*catalogue.tables["science"], *catalogue.tables["ancillary"]]
        found = [row for row in every if row["file_path"] in listed]
    if not found:
        raise Refused(400, "No files to release." if kind == "release" else "No files found in the manifest file.")
    for row in found:
        row["released"] = kind != "unrelease"
    science = sum("data_level" in row for row in found)
    return f"Successfully {DONE[kind]} {science} science files and {len(found) - science} ancillary files."


def checked(asked: Mapping[str, str]) -> str:
    """Return the kind of a release; refuse other parameters, like the service."""
    kind = asked.get("release_type")
    if kind is None:
        raise Refused(500)
    if kind not in DONE:
        raise Refused(400, f"'{kind}' is not a valid release_type. Valid options are: {list(DONE)}")
    if kind == "release" and NEEDS_NUMBER and "release_number" not in asked:
        raise Refused(400, "'release_number' query parameter is required when 'release_type' is 'release'.")
    for name in asked:
        if name not in RELEASE_PARAMETERS:
            words = f"'{name}' is not a valid query parameter. Valid query parameters are: {list(RELEASE_PARAMETERS)}"
            raise Refused(400, words)
    return kind


def parts(manifest: str | None) -> dict[str, str]:
    """Return the parts of a manifest's name."""
    found = MANIFEST.fullmatch(manifest or "")
    return found.groupdict() if found else {}


def lines(objects: Mapping[str, bytes], manifest: str) -> set[str]:
    """Return the paths in a manifest; one that was not uploaded makes the service fail."""
    content = objects.get(f"imap/release/{parts(manifest).get('instrument')}/{manifest}")
    if content is None:
        raise Refused(500)
    return {line.strip() for line in content.decode().splitlines() if line.strip()}


def covered(catalogue: Catalogue, asked: Mapping[str, str], without: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the latest versions of an instrument's files in a range of days."""
    if not {"instrument", "start_date", "end_date"} <= asked.keys():
        raise Refused(500)
    first, last = day(asked["start_date"]), day(asked["end_date"])
    for table in ("science", "ancillary"):
        rows = [row for row in catalogue.tables[table] if row["instrument"] == asked["instrument"]]
        rows = [row for row in rows if first <= row["start_date"] <= last]
        # Files are left out after the ranking: an older version does not take their place.
        for row in versions(rows, True) if table == "science" else rows:
            if row["file_path"] not in without:
                yield row


def reprocess(asked: Mapping[str, str]) -> str:
    """Check the parameters of a reprocessing, and return a sentence."""
    if not {"start_date", "end_date", "reprocessing"} <= asked.keys():
        raise Refused(400, "start_date, end_date and reprocessing are required.")
    first, last = day(asked["start_date"]), day(asked["end_date"])
    if asked.get("instrument", "mag") not in INSTRUMENTS or asked.get("data_level", "l2") not in LEVELS:
        raise Refused(500)
    return f"Reprocessing of {first} to {last} was started."


def packets(request: web.Request) -> web.Response:
    """Handle a request for the times of packets (``.txt``), or for the packets themselves (``.bin``)."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {login}":
        return web.Response(status=401, text="Unauthorized", headers={"WWW-Authenticate": 'Basic realm="poda"'})
    apid = int(request.match_info["apid"])
    found = list(selected(apid, unquote(request.rel_url.raw_query_string)))
    if request.match_info["form"] == "txt":
        return web.Response(text="".join(f"{time:%Y-%m-%dT%H:%M:%S}\r\n" for time in found))
    return web.Response(body=b"".join(packet(apid, time) for time in found), content_type="application/octet-stream")


def selected(apid: int, query: str) -> Iterator[datetime]:
    """Yield the times of the packets that fulfil the conditions of a query; an ``ert`` is the time of reception."""
    conditions = re.findall(r"(ert|time)(>=|<)([\d:T.-]+)", query)
    for number in range((LAST - FIRST) // STEP):
        time = FIRST + number * STEP + timedelta(seconds=apid % 60)
        received = FIRST + (number * STEP // timedelta(days=1) + 1) * timedelta(days=1) + LATENCY
        if all(holds(received if field == "ert" else time, sign, limit) for field, sign, limit in conditions):
            yield time


def holds(time: datetime, sign: str, limit: str) -> bool:
    """Return whether a condition is true."""
    other = datetime.fromisoformat(limit).replace(tzinfo=UTC)
    return time >= other if sign == ">=" else time < other


def packet(apid: int, time: datetime) -> bytes:
    """Return a CCSDS packet with its time in the payload."""
    seconds = int((time - datetime(2010, 1, 1, tzinfo=UTC)).total_seconds())
    return struct.pack(">HHHI", 0x0800 | apid, 0xC000, 9, seconds) + bytes(6)
