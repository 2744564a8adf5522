"""
The file tables of the embedded IMAP archive, and the queries of the real service.

The rules are those of the service's query function as of 2026 (science, ancillary) and of 2024 (science only): every
filter is an equality, ``start_date`` and ``end_date`` are both compared with the row's start date and are inclusive,
and versions are selected after all filters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["DATA", "Catalogue", "Refused", "file_key"]

DATA = Path(__file__).parents[1] / "data" / "imap"

Row = dict[str, Any]

INSTRUMENTS = frozenset(
    "codice glows hi hit ialirt idex l1const lo mag spacecraft swapi swe ultra".split()  # noqa: SIM905
)
LEVELS = frozenset("l0 l1 l1a l1b l1c l1ca l1cb l1d l2 l2a l2b l2c l3 l3a l3b l3c l3d l3e".split())  # noqa: SIM905
ANCILLARY_EXTENSIONS = frozenset("cdf csv dat json zip tsv pgm xlsx".split())  # noqa: SIM905

KERNEL_FOLDERS = {
    ".ah.bc": "ck", ".ap.bc": "ck", ".bsp": "spk", ".tls": "lsk", ".tsc": "sclk", ".tf": "fk", ".bpc": "pck",
    ".spin.csv": "spin", ".repoint.csv": "repoint", ".sff": "activities",
}  # fmt: skip
BESIDE = {"spin": "spin", "repoint": "repoint", "activities": "thruster"}
"""The tables of other files in the folders of kernels, by folder."""

SCIENCE_NAME = re.compile(
    r"imap_(?P<instrument>[^_]+)_(?P<data_level>[^_]+)_(?P<descriptor>[^_]+)_(?P<start_date>\d{8})"
    r"(?:-repoint(?P<repointing>\d{5})|-cr(?P<cr>\d{5}))?_v(?:(?P<major>\d{3})\.(?P<minor>\d{4})|(?P<legacy>\d{3}))"
    r"\.(?P<extension>[^.]+)"
)
ANCILLARY_NAME = re.compile(
    r"imap_(?P<instrument>[^_]+)_(?P<descriptor>[^_]+)_(?P<start_date>\d{8})(?:_(?P<end_date>\d{8})|-repoint\d{5})?"
    r"_(?P<version>v\d{3})\.(?P<extension>[^.]+)"
)


class Refused(Exception):  # noqa: N818
    """A query that the service refuses: 400 for errors that it checks, 500 for errors that make its function fail."""

    def __init__(self, status: int, words: str = "Internal Server Error") -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def one_of(allowed: Iterable[str]) -> Callable[[str], str]:
    """Return a check for a column whose database type is an enumeration: another value is a failure."""

    def check(text: str) -> str:
        if text not in allowed:
            raise Refused(500)
        return text

    return check


def day(text: str) -> str:
    """Return a day in the form of the rows; anything but YYYYMMDD makes the service fail."""
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).strftime("%Y%m%d")
    except ValueError:
        raise Refused(500) from None


def whole(text: str) -> int:
    """Return an integer; anything else makes the service fail."""
    try:
        return int(text)
    except ValueError:
        raise Refused(500) from None


def truth(text: str) -> bool:
    """Return a boolean."""
    return text.lower() == "true"


EQUAL: dict[str, Callable[[str], Any]] = {
    "instrument": one_of(INSTRUMENTS),
    "data_level": one_of(LEVELS),
    "descriptor": str,
    "repointing": whole,
    "cr": whole,
    "major_version": whole,
    "minor_version": whole,
    "extension": one_of({"cdf", "pkts"}),
    "file_path": str,
    "crid": str,
    "released": truth,
    "ingestion_date": str,
}
BETWEEN: dict[str, Callable[[Row, str], bool]] = {
    "start_date": lambda row, text: row["start_date"] >= day(text),
    "end_date": lambda row, text: row["start_date"] <= day(text),
    "ingestion_start_date": lambda row, text: row["ingestion_date"][:8] >= day(text),
    "ingestion_end_date": lambda row, text: row["ingestion_date"][:8] <= day(text),
}
PARAMETERS = {
    "science": (*EQUAL, *BETWEEN, "version", "latest", "table"),
    "ancillary": (
        "file_path", "instrument", "descriptor", "start_date", "end_date", "version", "extension", "ingestion_date",
        "released", "ingestion_start_date", "ingestion_end_date", "table",
    ),
    "quicklook": (*EQUAL, *BETWEEN, "table"),
    "science_2024": (
        "instrument", "data_level", "descriptor", "start_date", "end_date", "repointing", "version", "extension",
    ),
}  # fmt: skip


PUBLIC = ("science", "ancillary", "science_2024")
"""Tables whose released files are public."""


def file_key(name: str) -> str | None:
    """Return the full path of a file in the archive, or `None` if its name does not follow any convention."""
    science = SCIENCE_NAME.fullmatch(name)
    if science and science["data_level"] in LEVELS and science["instrument"] in INSTRUMENTS:
        start = science["start_date"]
        return f"imap/{science['instrument']}/{science['data_level']}/{start[:4]}/{start[4:6]}/{name}"
    kernel = re.search(r"\.(?:ah\.bc|ap\.bc|bsp|tls|tsc|tf|bpc|spin\.csv|repoint\.csv|sff)$", name)
    if kernel:
        return f"imap/spice/{KERNEL_FOLDERS[kernel[0]]}/{name}"
    ancillary = ANCILLARY_NAME.fullmatch(name)
    if ancillary and ancillary["instrument"] in INSTRUMENTS and ancillary["extension"] == "txt":
        return f"imap/release/{ancillary['instrument']}/{name}"
    if ancillary and ancillary["instrument"] in INSTRUMENTS and ancillary["extension"] in ANCILLARY_EXTENSIONS:
        return f"imap/ancillary/{ancillary['instrument']}/{name}"
    return None


def versions(rows: list[Row], single: bool) -> list[Row]:
    """Keep the highest major version of each series, with all its minor versions or (``single``) the newest of them."""
    best: dict[tuple[Any, ...], tuple[int, ...]] = {}
    length = 2 if single else 1
    # The Carrington rotation is not part of a series in the service's ranking.
    names = ("instrument", "data_level", "descriptor", "start_date", "repointing")
    for row in rows:
        key = tuple(row[name] for name in names)
        rank = (row["major_version"], row["minor_version"])[:length]
        best[key] = max(best.get(key, rank), rank)
    return [
        row
        for row in rows
        if (row["major_version"], row["minor_version"])[:length] == best[tuple(row[name] for name in names)]
    ]


@dataclass
class Catalogue:
    """The tables of one archive: the shipped rows, and those of files uploaded since."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: json.loads((DATA / "catalogue.json").read_text()))

    def ask(self, parameters: Mapping[str, str], *, keyed: bool) -> list[Row]:
        """Return the rows of a query of 2026; callers that are ``keyed`` also get unreleased files."""
        if not parameters:
            raise Refused(500)
        table = parameters.get("table", "science")
        if table not in ("science", "ancillary", "quicklook"):
            raise Refused(500)
        refuse_unknown(parameters, PARAMETERS[table], f" for {table} table")
        filters = {name: text for name, text in parameters.items() if name not in ("table", "latest", "version")}
        rows = [row for row in self.tables[table] if keyed or row["released"]]
        if table == "ancillary":
            chosen = [row for row in rows if parameters.get("version") in (None, row["version"])]
            return self.ordered(narrow(chosen, filters, {"extension": str}))
        if table == "quicklook":
            return self.ordered(narrow(rows, filters, {"extension": str}))
        filters |= numbers(parameters["version"]) if "version" in parameters else {}
        chosen = narrow(rows, filters, {})
        if "major_version" in filters:  # then all rows that match, independent of other parameters
            return self.ordered(chosen)
        return self.ordered(versions(chosen, truth(parameters.get("latest", "false"))))

    def ask_2024(self, parameters: Mapping[str, str]) -> list[Row]:
        """Return the rows of a query of 2024: versions are not selected, and any failure is 502."""
        refuse_unknown(parameters, PARAMETERS["science_2024"])
        if not parameters:
            raise Refused(502, "Internal server error")
        try:
            return self.ordered(narrow(self.tables["science_2024"], parameters, {"version": str}))
        except Refused:
            raise Refused(502, "Internal server error") from None

    def keys(self) -> list[str]:
        """Return the full path of every file."""
        kernels = [f"imap/spice/{row['file_name']}" for row in self.tables["spice"]]
        return [row["file_path"] for table, rows in self.tables.items() if table != "spice" for row in rows] + kernels

    def released(self, key: str) -> bool:
        """Return whether the public may download a file: kernels always, images never, independent of their table."""
        if key.startswith("imap/spice/"):
            return True
        rows = [row for name in PUBLIC for row in self.tables[name] if row["file_path"] == key]
        return any(row.get("released", True) for row in rows)

    def index(self, key: str, table: str) -> None:
        """Add the row of a file that was uploaded; the manifests of releases are not in a table."""
        if key.startswith("imap/release/"):
            return
        name = key.rpartition("/")[2]
        science = SCIENCE_NAME.fullmatch(name) if not key.startswith("imap/ancillary/") else None
        if table == "science_2024" and science:
            self.tables[table].append(row_2024(science, key))
        elif science:
            self.tables["science"].append(row_2026(science, key))
        elif key.startswith("imap/spice/"):
            beside = BESIDE.get(key.split("/")[2])
            self.tables[beside or "spice"].append(row_beside(key) if beside else row_kernel(key))
        elif ancillary := ANCILLARY_NAME.fullmatch(name):
            self.tables["ancillary"].append(
                {"file_path": key, **{column: ancillary[column] for column in ("instrument", "descriptor")},
                 "start_date": ancillary["start_date"], "end_date": ancillary["end_date"],
                 "version": ancillary["version"], "extension": ancillary["extension"],
                 "ingestion_date": now("%Y%m%d %H:%M:%S"), "released": True}
            )  # fmt: skip

    @staticmethod
    def ordered(rows: list[Row]) -> list[Row]:
        """Return rows in the service's order: by path."""
        return sorted(rows, key=lambda row: str(row["file_path"]))


def now(pattern: str) -> str:
    """Return the current time, UTC."""
    return datetime.now(UTC).strftime(pattern)


def row_2026(part: re.Match[str], key: str) -> Row:
    """Return the row of a new science file, not yet released; a version without a major part counts as major 1."""
    major, minor = int(part["major"] or 1), int(part["minor"] or part["legacy"])
    return {
        "extension": part["extension"], "file_path": key, "instrument": part["instrument"],
        "data_level": part["data_level"], "descriptor": part["descriptor"], "start_date": part["start_date"],
        "repointing": int(part["repointing"]) if part["repointing"] else None,
        "major_version": major, "minor_version": minor, "ingestion_date": now("%Y%m%d %H:%M:%S"),
        "cr": int(part["cr"]) if part["cr"] else None, "crid": None, "released": False,
        "version": f"v{major:03}.{minor:04}",
    }  # fmt: skip


def row_kernel(key: str) -> Row:
    """Return the row of a new kernel, which is assumed to cover all times."""
    name = key.rpartition("/")[2]
    return {
        "file_name": key.removeprefix("imap/spice/"), "file_root": name, "kernel_type": "attitude_history",
        "version": 1,
        "min_date_j2000": -789000000, "max_date_j2000": 1577000000, "ingestion_date": now("%Y-%m-%d, %H:%M:%S"),
        "timestamp": datetime.now(UTC).timestamp(),
    }  # fmt: skip


def row_beside(key: str) -> Row:
    """Return the row of a new file in a folder of kernels."""
    days = [datetime.strptime(text, "%Y_%j").strftime("%Y-%m-%d, %H:%M:%S") for text in re.findall(r"\d{4}_\d{3}", key)]
    return {
        "file_path": key, "start_date": days[0], "end_date": days[-1], "version": "01",
        "ingestion_date": now("%Y-%m-%d, %H:%M:%S"),
    }  # fmt: skip


def row_2024(part: re.Match[str], key: str) -> Row:
    """Return the row of a new file in the form of the service of 2024."""
    return {
        "file_path": key, "instrument": part["instrument"], "data_level": part["data_level"],
        "descriptor": part["descriptor"], "start_date": part["start_date"],
        "repointing": int(part["repointing"]) if part["repointing"] else None,
        "version": f"v{part['legacy'] or part['minor']}", "extension": part["extension"],
        "ingestion_date": now("%Y-%m-%d %H:%M:%S"),
    }  # fmt: skip


def refuse_unknown(parameters: Iterable[str], valid: Iterable[str], where: str = "") -> None:
    """Refuse a parameter that is not a column, with the service's message."""
    for name in parameters:
        if name not in valid:
            words = f"{name} is not a valid query parameter{where}. Valid query parameters are: {list(valid)}"
            raise Refused(400, words)


def numbers(version: str) -> dict[str, str]:
    """Return the filters for a version: ``v001`` is a minor, ``v001.0002`` both."""
    major, _, minor = version.lstrip("vV").rpartition(".")
    try:
        return {"minor_version": str(int(minor))} | ({"major_version": str(int(major))} if major else {})
    except ValueError:
        raise Refused(400, "Invalid 'version' value. Use format 'vMMM.mmmm' or 'vXXX'.") from None


def narrow(rows: list[Row], filters: Mapping[str, str], kinds: Mapping[str, Callable[[str], Any]]) -> list[Row]:
    """Keep the rows that fulfil every filter."""
    wanted = {name: {**EQUAL, **kinds}[name](text) for name, text in filters.items() if name not in BETWEEN}
    bounds = [(BETWEEN[name], text) for name, text in filters.items() if name in BETWEEN]
    for name, text in filters.items():
        if name in BETWEEN:
            day(text)
    kept = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return [row for row in kept if all(inside(row, text) for inside, text in bounds)]
