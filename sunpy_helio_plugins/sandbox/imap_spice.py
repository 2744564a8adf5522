"""SPICE kernels of the embedded IMAP archive: the service's questions about them, and metakernels made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sunpy_helio_plugins.sandbox.imap_catalogue import Refused

__all__ = ["ask", "metakernel"]

Row = dict[str, Any]

PARAMETERS = ["file_name", "start_time", "end_time", "type", "latest", "start_ingest_date", "end_ingest_date"]
ORDER = (
    "leapseconds", "planetary_constants", "imap_frames", "science_frames", "spacecraft_clock", "planetary_ephemeris",
    "ephemeris_reconstructed", "ephemeris_nominal", "ephemeris_predicted", "ephemeris_90days", "ephemeris_long",
    "ephemeris_launch", "attitude_history", "attitude_predict",
)  # fmt: skip
"""The order in which kernels are to be loaded."""


def ask(rows: list[Row], parameters: Mapping[str, str]) -> list[Row]:
    """Answer a question as the service does: overlap in whole seconds, equality elsewhere, in the order of arrival."""
    if not parameters:
        raise Refused(500)
    for name in parameters:
        if name not in PARAMETERS:
            words = f"{name} is not a valid query parameter. Valid query parameters are: {PARAMETERS}"
            raise Refused(400, words)
    wanted = dict(parameters)
    found = [row for row in rows if wanted.get("type") in (None, "kernels", row["kernel_type"])]
    found = [row for row in found if wanted.get("file_name") in (None, row["file_name"].rpartition("/")[2])]
    if "start_time" in wanted:
        found = [row for row in found if row["max_date_j2000"] >= seconds("start_time", wanted)]
    if "end_time" in wanted:
        found = [row for row in found if row["min_date_j2000"] <= seconds("end_time", wanted)]
    if "start_ingest_date" in wanted:
        found = [row for row in found if row["timestamp"] >= day(wanted["start_ingest_date"])]
    if "end_ingest_date" in wanted:
        found = [row for row in found if row["timestamp"] <= day(wanted["end_ingest_date"])]
    return newest(rows, found) if wanted.get("latest", "").lower() == "true" else found


def newest(every: list[Row], found: list[Row]) -> list[Row]:
    """Keep the highest version of each root."""
    best: dict[str, int] = {}
    for row in every:
        best[row["file_root"]] = max(row["version"], best.get(row["file_root"], 0))
    return [row for row in found if row["version"] == best[row["file_root"]]]


def seconds(name: str, parameters: Mapping[str, str]) -> int:
    """Return a time, which must be a whole number of seconds."""
    try:
        return int(parameters[name])
    except ValueError:
        raise Refused(400, f"Invalid value for {name}: {parameters[name]}") from None


def day(text: str) -> float:
    """Return a day as a moment."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(400, f"Invalid value: {text}") from None


def metakernel(rows: list[Row], parameters: Mapping[str, str]) -> str:
    """Return a metakernel, or the list of its files."""
    if not {"start_time", "end_time"} <= parameters.keys():
        raise Refused(500)
    times = {name: parameters[name] for name in ("start_time", "end_time")}
    types = [kind for kind in parameters.get("file_types", "").lower().split(",") if kind]
    found = ask(rows, {**times, "latest": "True"})
    chosen = [row for kind in ORDER for row in found if row["kernel_type"] == kind and (not types or kind in types)]
    if not chosen:
        raise Refused(404, "No SPICE files found")
    if parameters.get("list_files", "").lower() == "true":
        return json.dumps([row["file_name"] for row in chosen])
    folder = parameters.get("spice_path", "")
    names = "\n".join(f"    '{folder}{'/' if folder else ''}{row['file_name']}'" for row in chosen)
    return f"\\begintext\n\nMade by the embedded archive.\n\n\\begindata\n\nKERNELS_TO_LOAD = (\n{names}\n)\n"
