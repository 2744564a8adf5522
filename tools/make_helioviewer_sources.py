"""
Write ``sunpy_helio_plugins/helioviewer/sources.json`` from a table of Helioviewer's data sources.

Run ``python tools/make_helioviewer_sources.py table.csv``. The table has the columns sourceId, nickname, description,
observatory, instrument, detector, measurement, fits_path, members, hapi_id, hapi_state and jp2_dir, gathered from the
database of the API (github.com/Helioviewer-Project/api), hvpy's enumeration and the HAPI server's list.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "sunpy_helio_plugins" / "helioviewer" / "sources.json"

NANOMETRES = frozenset({"83"})
"""KCor's measurement, 735, is in nanometres; all others are in angstroms."""

FOLDERS = {
    "131": "/PUNCH/YYYY/MM/DD/CAM", "132": "/CCOR-1/YYYY/MM/DD/white-light", "133": "/CCOR-2/YYYY/MM/DD/white-light",
    "134": "/PUNCH/YYYY/MM/DD/PAM",
}  # fmt: skip
"""
Folders for which Helioviewer's ``jp2parser.py`` (repository Helioviewer-Project/api) uses other names than its
database; they take precedence over the table's jp2_dir.
"""


def state(row: dict[str, str]) -> str:
    """Return the state of a source on the HAPI server."""
    told = row["hapi_state"]
    if row["members"]:
        return "group"
    if told == "ok":
        return "ok"
    return "absent" if told.startswith("not in") else "wrong"


def wavelength(row: dict[str, str]) -> float | None:
    """Return the wavelength in angstroms if the measurement is a wavelength."""
    if not row["measurement"].isdigit():
        return None
    return float(row["measurement"]) * (10 if row["sourceId"] in NANOMETRES else 1)


def folder(row: dict[str, str]) -> str | None:
    """Return the folder below the root of the static tree, with fields for the date, if it is certain."""
    told = FOLDERS.get(row["sourceId"], row["jp2_dir"])
    certain = told and "(" not in told and not row["members"]
    return told.replace("YYYY/MM/DD", "{date:%Y/%m/%d}") if certain else None


def source(row: dict[str, str]) -> dict[str, Any]:
    """Return one source in the form of the package's data file."""
    named = {
        key: row[key] for key in ("nickname", "description", "observatory", "instrument", "detector", "measurement")
    }
    if row["observatory"] == "RHESSI":
        # The detector field contains the method of reconstruction, which is part of the measurement.
        named |= {"detector": "", "measurement": f"{row['measurement']}/{row['detector']}"}
    return {
        "id": int(row["sourceId"]),
        **named,
        "fits_observatory": row["fits_path"].partition("/")[0],
        "wavelength": wavelength(row),
        "members": [int(member) for member in row["members"].split(",") if member],
        "hapi_id": row["hapi_id"] or None,
        "hapi_state": state(row),
        "folder": folder(row),
    }


def main(table: Path) -> None:
    """Write the sources of the API, one per line."""
    with table.open(newline="", encoding="utf-8") as stream:
        # A row without a nickname is an id that other programs list but the API does not have.
        rows = [source(row) for row in csv.DictReader(stream) if row["nickname"]]
    lines = ",\n".join(json.dumps(row) for row in sorted(rows, key=lambda row: row["id"]))
    TARGET.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
