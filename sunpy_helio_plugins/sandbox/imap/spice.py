"""SPICE kernels of the embedded IMAP archive: the service's queries for them, and metakernels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sunpy_helio_plugins.sandbox.imap.catalogue import Refused, refuse_unknown

__all__ = ["ask", "beside", "metakernel"]

Row = dict[str, Any]

PARAMETERS = ["file_name", "start_time", "end_time", "type", "latest", "start_ingest_date", "end_ingest_date"]
ORDER = (
    "leapseconds", "planetary_constants", "imap_frames", "science_frames", "spacecraft_clock", "planetary_ephemeris",
    "ephemeris_reconstructed", "ephemeris_nominal", "ephemeris_predicted", "ephemeris_90days", "ephemeris_long",
    "ephemeris_launch", "attitude_history", "attitude_predict",
)  # fmt: skip
"""The order in which kernels have to be loaded."""


BESIDE = ["file_path", "start_date", "end_date", "latest", "start_ingest_date", "end_ingest_date"]
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
RENAMED = {"file_name": "file_path", "start_time": "start_date", "end_time": "end_date"}


def ask(tables: Mapping[str, list[Row]], parameters: Mapping[str, str]) -> list[Row]:
    """Return the kernels of a query like the service: overlap in seconds, equality elsewhere, in order of ingestion."""
    if not parameters:
        raise Refused(500)
    wanted = dict(parameters)
    if wanted.get("type") in ("spin", "repoint", "thruster"):
        return beside(tables[wanted.pop("type")], renamed(wanted))
    refuse_unknown(wanted, PARAMETERS)
    rows = tables["spice"]
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


def renamed(wanted: Mapping[str, str]) -> dict[str, str]:
    """Rename the parameters of a query for kernels to those of the other tables: days instead of seconds."""
    days = {
        name: (J2000 + timedelta(seconds=seconds(name, wanted) - 69.184)).strftime("%Y%m%d")
        for name in ("start_time", "end_time")
        if name in wanted
    }
    return {RENAMED.get(name, name): days.get(name, text) for name, text in wanted.items()}


def beside(rows: list[Row], parameters: Mapping[str, str]) -> list[Row]:
    """Return the rows of a query of another table in the folders of kernels, with the peculiarities of the service."""
    refuse_unknown(parameters, BESIDE)
    if parameters.get("latest", "").lower() == "true":
        raise Refused(500)  # a bug of the service
    found = [row for row in rows if parameters.get("file_path") in (None, row["file_path"])]
    if "start_date" in parameters:
        found = [row for row in found if moment(row.get("start_date", "")) >= day(parameters["start_date"])]
    if "end_date" in parameters:
        found = [row for row in found if moment(row["end_date"]) <= day(parameters["end_date"])]
    if "start_ingest_date" in parameters:
        found = [row for row in found if moment(row["ingestion_date"]) >= day(parameters["start_ingest_date"])]
    if "end_ingest_date" in parameters:
        found = [row for row in found if moment(row["ingestion_date"]) <= day(parameters["end_ingest_date"])]
    return found


def moment(text: str) -> float:
    """Return a row's date as a timestamp; a row without a date is never too early."""
    return datetime.strptime(text, "%Y-%m-%d, %H:%M:%S").replace(tzinfo=UTC).timestamp() if text else float("inf")


def newest(every: list[Row], found: list[Row]) -> list[Row]:
    """Keep the highest version of each root."""
    best: dict[str, int] = {}
    for row in every:
        if row["version"] is not None:  # None is not equal to any greatest version, not even its own
            best[row["file_root"]] = max(row["version"], best.get(row["file_root"], 0))
    return [row for row in found if row["version"] is not None and row["version"] == best[row["file_root"]]]


def seconds(name: str, parameters: Mapping[str, str]) -> float:
    """Return a time, which must be a number of seconds."""
    try:
        return float(parameters[name])
    except ValueError:
        raise Refused(400, f"Invalid value for {name}: {parameters[name]}") from None


def day(text: str) -> float:
    """Return a day as a timestamp."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(400, f"Invalid value: {text}") from None


def metakernel(tables: Mapping[str, list[Row]], parameters: Mapping[str, str]) -> str:
    """Return a metakernel, or the list of its files."""
    if not {"start_time", "end_time"} <= parameters.keys():
        raise Refused(500)
    times = {name: parameters[name] for name in ("start_time", "end_time")}
    types = [kind for kind in parameters.get("file_types", "").lower().split(",") if kind]
    found = ask(tables, {**times, "latest": "True"})
    chosen = [row for kind in ORDER for row in found if row["kernel_type"] == kind and (not types or kind in types)]
    if not chosen:
        raise Refused(404, "No SPICE files found")
    if parameters.get("list_files", "").lower() == "true":
        return json.dumps([row["file_name"] for row in chosen])
    folder = parameters.get("spice_path", "")
    names = "\n".join(f"    '{folder}{'/' if folder else ''}{row['file_name']}'" for row in chosen)
    return f"\\begintext\n\nMade by the embedded archive.\n\n\\begindata\n\nKERNELS_TO_LOAD = (\n{names}\n)\n"
