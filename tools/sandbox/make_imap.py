"""
Make the files and the catalogue of the embedded archive's IMAP Science Data Center.

    python tools/sandbox/make_imap.py [FOLDER]

The default folder is ``sunpy_helio_plugins/sandbox/data/imap``. Everything is synthetic and deterministic: five days of
solar wind with a shock on 2026-01-10 at 16:42 and a magnetic cloud after it, as seen by MAG and SWAPI, and one small
product for each way in which an IMAP file covers time (day, pointing, ten days, Carrington rotation, map). Attributes
follow the ISTP guidelines like the mission's files.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cdflib.cdfwrite import CDF
from imap_variables import FILLS, Variable, glows, mag, profile, realtime, sky, swapi, swe

FOLDER = Path(__file__).parents[2] / "sunpy_helio_plugins" / "sandbox" / "data" / "imap"
NAME = re.compile(
    r"imap_(?P<instrument>[^_]+)_(?P<level>l\d\w{0,2})_(?P<descriptor>[^_]+)_(?P<date>\d{8})"
    r"(?:-repoint(?P<repointing>\d{5})|-cr(?P<cr>\d{5}))?"
    r"_v(?:(?P<major>\d{3})\.)?(?P<minor>\d{3,4})\.(?P<extension>\w+)"
)
CDF_TYPES = {"f4": 44, "f8": 45, "i8": 8, "u1": 11, "u2": 12, "U": 51, "tt": 33}
CDF_NAMES = {44: "CDF_FLOAT", 45: "CDF_DOUBLE", 8: "CDF_INT8", 11: "CDF_UINT1", 12: "CDF_UINT2", 33: "CDF_TIME_TT2000"}


def packets(count: int) -> bytes:
    """Return CCSDS telemetry packets with counting headers and an empty payload."""
    return b"".join(struct.pack(">HHH", 0x0C2C, 0xC000 | number, 57) + bytes(58) for number in range(count))


def products() -> dict[str, dict[str, Variable] | bytes]:
    """Return every file of the archive: name -> variables, or bytes for a file that is not a CDF."""
    made: dict[str, dict[str, Variable] | bytes] = {}
    for number, day in enumerate(("2026-01-08", "2026-01-09", "2026-01-10", "2026-01-11", "2026-01-12")):
        date = day.replace("-", "")
        made[f"imap_mag_l2_norm-gse_{date}_v001.0001.cdf"] = mag(day, "gse", number)
        made[f"imap_mag_l2_norm-rtn_{date}_v001.0001.cdf"] = mag(day, "rtn", number)
        made[f"imap_swapi_l3a_proton-sw_{date}_v001.0001.cdf"] = swapi(day, number)
        made[f"imap_glows_l2_hist_{date}-repoint{118 + number:05}_v001.0001.cdf"] = glows(day, number)
        made[f"imap_ialirt_l1_realtime_{date}_v001.cdf"] = realtime(day, number)
    made["imap_mag_l2_norm-gse_20260110_v001.0002.cdf"] = mag("2026-01-10", "gse", 22)
    made["imap_mag_l2_norm-gse_20260111_v002.0001.cdf"] = mag("2026-01-11", "gse", 23)
    made["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"] = mag("2026-01-12", "gse", 24)
    made["imap_ialirt_l1_realtime_20260110_v002.cdf"] = realtime("2026-01-10", 25)
    made["imap_swe_l2_sci_20260110_v001.0001.cdf"] = swe("2026-01-10")
    made["imap_swe_l0_raw_20260110_v001.0001.pkts"] = packets(40)
    latitude = np.linspace(-1, 1, 19)
    made["imap_glows_l3b_ion-rate-profile_20251227-cr02306_v001.0001.cdf"] = profile(
        "2025-12-27", "ion_rate", "s^-1", 6e-7 * (1 + 0.2 * latitude**2), "latitude"
    )
    made["imap_idex_l2b_sci-10days_20260101_v001.0001.cdf"] = profile(
        "2026-01-01", "dust_rate", "counts / s", 2 + latitude**2, "spin_phase"
    )
    made["imap_hi_l2_h45-ena-h-hf-nsp-full-hae-6deg-6mo_20251001_v001.0001.cdf"] = sky(
        "2025-10-01", "cm -2 s -1 sr -1 keV -1"
    )
    made["imap_mag_l2_norm-gse_20260110_v001.0002.pdf"] = b"%PDF-1.1\n% A quicklook, synthetic.\n%%EOF\n"
    made |= KERNELS | {name: content for name, (_, content) in BESIDE.items()}
    made["imap_mag_l2-calibration_20250901_v001.json"] = b'{"scale": [1.0, 1.0, 1.0]}\n'
    made["imap_swapi_efficiency-lut_20250901_20261231_v002.csv"] = b"energy_keV,efficiency\n0.1,0.11\n1,0.19\n"
    return made | seed_products()


DAF = b"DAF/CK  synthetic, holds no attitude\n".ljust(1024, b"\0")
KERNELS: dict[str, bytes] = {
    "naif0012.tls": b"KPL/LSK\n\\begindata\nDELTET/DELTA_T_A = 32.184\n\\begintext\nSynthetic.\n",
    "imap_sclk_0042.tsc": b"KPL/SCLK\n\\begintext\nSynthetic.\n",
    "imap_130.tf": b"KPL/FK\n\\begintext\nSynthetic.\n",
    "de440.bsp": DAF,
    "imap_recon_20251201_20260131_v01.bsp": DAF,
    "imap_recon_20251201_20260131_v02.bsp": DAF,
    "imap_pred_20260101_20260401_v01.bsp": DAF,
    "imap_2026_009_2026_010_01.ah.bc": DAF,
    "imap_2026_010_2026_011_01.ah.bc": DAF,
    "imap_2026_011_2026_012_01.ah.bc": DAF,
    "imap_90days_20260101_20260401_v01.bsp": DAF,
    "imap_90days_20260101_20260501_v01.bsp": DAF,
    "earth_000101_260601_260301.bpc": DAF,
}
"""SPICE kernels by name; their coverage is defined in `kernel_row`."""

CLOCK = datetime(2010, 1, 1)
"""The start of the spacecraft's clock."""


def spins(*days: int) -> bytes:
    """Return a table of 20 spins at the start of each day of January 2026; thrusters fire in the first minute."""
    lines = [
        "spin_number,spin_start_sec_sclk,spin_start_subsec_sclk,spin_start_utc,spin_period_sec,spin_period_valid,"
        "spin_phase_valid,spin_period_source,thruster_firing"
    ]
    for day in days:
        for number in range(20):
            start = datetime(2026, 1, day) + timedelta(seconds=15.002 * number)
            seconds, fires = divmod((start - CLOCK) // timedelta(microseconds=1), 10**6), number < 4
            lines.append(
                f"{5760 * day + number},{seconds[0]},{seconds[1]},{start:%Y-%m-%dT%H:%M:%S.%f},15.002,"
                f"{int(not fires)},{int(not fires)},0,{int(fires)}"
            )
    return "\n".join([*lines, ""]).encode()


def repointings(last: int, *, is_unfinished: bool = False) -> bytes:
    """Return a table of the maneuvers at 05:00 of each day from 8 January 2026, and of one that has not ended."""
    lines = [
        "repoint_start_sec_sclk,repoint_start_subsec_sclk,repoint_end_sec_sclk,repoint_end_subsec_sclk,"
        "repoint_start_utc,repoint_end_utc,repoint_id"
    ]
    for day in range(8, last + 1 + is_unfinished):
        start, end = datetime(2026, 1, day, 5), datetime(2026, 1, day, 5, 15)
        ended = day <= last
        clock = [(one - CLOCK) // timedelta(seconds=1) for one in (start, end)]
        lines.append(
            f"{clock[0]},0,{clock[1] if ended else 'NaN'},{0 if ended else 'NaN'},{start:%Y-%m-%d %H:%M:%S}.000,"
            f"{f'{end:%Y-%m-%d %H:%M:%S}.000' if ended else 'NaN'},{110 + day}"
        )
    return "\n".join([*lines, ""]).encode()


BESIDE: dict[str, tuple[str, bytes]] = {
    "imap_2026_008_2026_009_01.spin.csv": ("spin", spins(8, 9)),
    "imap_2026_009_2026_010_01.spin.csv": ("spin", spins(9)),
    "imap_2026_009_2026_010_02.spin.csv": ("spin", spins(9, 10)),
    "imap_2026_009_01.repoint.csv": ("repoint", repointings(9)),
    "imap_2026_012_01.repoint.csv": ("repoint", repointings(12, is_unfinished=True)),
    "imap_2026_009_2026_010_hist_01.sff": ("thruster", b"Synthetic.\n"),
}
"""Other files in the folders of kernels by name: their table and content."""


# --- the older format: the rows of the service's tutorial of 2024 -------------------------------------------------

SEED_INGESTED = {
    "imap_glows_l1a_hist_20110920_v001.cdf": "2024-07-09 15:42:23",
    "imap_glows_l1a_hist_20110921_v001.cdf": "2024-07-09 15:42:24",
    "imap_mag_l0_raw_20250502_v000.pkts": "2024-07-16 10:27:13",
    "imap_mag_l0_raw_20250502_v001.pkts": "2024-07-16 10:29:33",
    "imap_mag_l0_raw_20250511_v000.pkts": "2024-07-19 16:34:35",
    "imap_mag_l0_raw_20250511_v001.pkts": "2024-07-19 16:35:02",
    "imap_codice_l0_hskp_20240724_v001.pkts": "2024-07-31 22:58:50",
}


def seed_products() -> dict[str, dict[str, Variable] | bytes]:
    """Return the files that the tutorial of 2024 lists."""
    made: dict[str, dict[str, Variable] | bytes] = {name: packets(8) for name in SEED_INGESTED if name.endswith("pkts")}
    made["imap_glows_l0_raw_20110921_v001.pkts"] = packets(8)
    for version, date in (
        ("001", "20240610"),
        ("100", "20240610"),
        ("200", "20240610"),
        ("210", "20240610"),
        ("001", "20240720"),
        ("001", "20240721"),
        ("001", "20240722"),
        ("001", "20240723"),
    ):
        made[f"imap_codice_l0_hskp_{date}_v{version}.pkts"] = packets(8)
    for number, (level, descriptor, day) in enumerate(
        (
            ("l1a", "de", "2011-09-20"),
            ("l1a", "hist", "2011-09-20"),
            ("l1a", "hist", "2011-09-21"),
            ("l1b", "de", "2011-09-20"),
            ("l1b", "hist", "2011-09-20"),
            ("l1b", "hist", "2011-09-21"),
        )
    ):
        made[f"imap_glows_{level}_{descriptor}_{day.replace('-', '')}_v001.cdf"] = glows(day, 40 + number)
    return made


# --- the catalogue ------------------------------------------------------------------------------------------------

UNRELEASED = {"imap_mag_l2_norm-gse_20260112_v001.0002.cdf", "imap_swe_l0_raw_20260110_v001.0001.pkts"}


def science_row(name: str) -> dict[str, Any]:
    """Return the row of a science file, keys in the service's order of 2026."""
    part = match(name)
    day = part["date"]
    number = (int(day) - 20260101) % 28 + 1
    return {
        "extension": part["extension"],
        "file_path": f"imap/{part['instrument']}/{part['level']}/{day[:4]}/{day[4:6]}/{name}",
        "instrument": part["instrument"],
        "data_level": part["level"],
        "descriptor": part["descriptor"],
        "start_date": day,
        "repointing": int(part["repointing"]) if part["repointing"] else None,
        "major_version": int(part["major"]),
        "minor_version": int(part["minor"]),
        "ingestion_date": f"202602{number:02} 04:{int(part['major']):02}:{int(part['minor']):02}",
        "cr": int(part["cr"]) if part["cr"] else None,
        "crid": None,
        "released": name not in UNRELEASED,
        "version": f"v{part['major']}.{part['minor']}",
    }


def seed_row(name: str) -> dict[str, Any]:
    """Return the row of a science file in the form of the service of 2024."""
    part = match(name)
    day = part["date"]
    return {
        "file_path": f"imap/{part['instrument']}/{part['level']}/{day[:4]}/{day[4:6]}/{name}",
        "instrument": part["instrument"],
        "data_level": part["level"],
        "descriptor": part["descriptor"],
        "start_date": day,
        "repointing": None,
        "version": f"v{part['minor']}",
        "extension": part["extension"],
        "ingestion_date": SEED_INGESTED.get(name, "2024-07-09 15:42:20"),
    }


def ancillary_row(name: str) -> dict[str, Any]:
    """Return the row of an ancillary file, columns in the table's order."""
    stem, extension = name.split(".")
    _, instrument, descriptor, *dates, version = stem.split("_")
    return {
        "file_path": f"imap/ancillary/{instrument}/{name}",
        "instrument": instrument,
        "descriptor": descriptor,
        "start_date": dates[0],
        "end_date": dates[1] if len(dates) > 1 else None,
        "version": version,
        "extension": extension,
        "ingestion_date": "20250902 11:00:00",
        "released": True,
    }


KERNEL_TYPES = {
    "naif": "leapseconds", "imap_sclk": "spacecraft_clock", "imap_130": "imap_frames", "de": "planetary_ephemeris",
    "imap_recon": "ephemeris_reconstructed", "imap_pred": "ephemeris_predicted", "imap_20": "attitude_history",
    "imap_90days": "ephemeris_90days", "earth": "earth_attitude",
}  # fmt: skip
FOLDERS = {"tls": "lsk", "tsc": "sclk", "tf": "fk", "bsp": "spk", "bc": "ck", "bpc": "pck"}


def kernel_row(name: str) -> dict[str, Any]:
    """Return the row of a kernel, keys in the service's order; times in seconds of TDB since J2000."""
    dates = re.findall(r"(20\d{6}|20\d{2}_\d{3})(?=[_.])", name)
    if name.startswith("earth"):
        dates = [f"20{text}" for text in re.findall(r"_(\d{6})", name)[:2]]
    if len(dates) == 2:
        formats = ["%Y_%j" if "_" in text else "%Y%m%d" for text in dates]
        spans = [datetime.strptime(text, form) for text, form in zip(dates, formats, strict=True)]
    else:
        spans = [datetime(1975, 1, 1), datetime(2050, 1, 1)]
    # 32.184 s and 37 leap seconds separate TDB from UTC in these years.
    seconds = [round((moment - datetime(2000, 1, 1, 12)).total_seconds() + 69.184) for moment in spans]
    version = re.search(r"(\d+)(?:\.[a-z]+)+$", name) if not name.startswith("earth") else None
    kind = next(kind for start, kind in KERNEL_TYPES.items() if name.startswith(start))
    shown = [moment.strftime("%Y-%m-%d, %H:%M:%S") for moment in spans]
    return {
        "file_name": f"{FOLDERS[name.rpartition('.')[2]]}/{name}",
        "file_root": re.sub(r"_?v?\d+(?=(?:\.[a-z]+)+$)", "_", name),
        "kernel_type": kind,
        "version": int(version[1]) if version else None,
        "min_date_j2000": seconds[0],
        "max_date_j2000": seconds[1],
        "file_intervals_j2000": [seconds],
        "min_date_datetime": shown[0],
        "max_date_datetime": shown[1],
        "file_intervals_datetime": [shown],
        "min_date_sclk": None,
        "max_date_sclk": None,
        "file_intervals_sclk": None,
        "sclk_kernel": "/tmp/imap_sclk_0042.tsc",
        "lsk_kernel": "/tmp/naif0012.tls",
        "ingestion_date": "2026-02-01, 04:05:06",
        "timestamp": 1769918706.0,
    }


def beside_row(name: str) -> dict[str, Any]:
    """Return the row of another file; its dates are those of its name, and a repoint file has only the end."""
    table = BESIDE[name][0]
    days = [datetime.strptime(text, "%Y_%j") for text in re.findall(r"20\d{2}_\d{3}", name)]
    shown = [day.strftime("%Y-%m-%d, %H:%M:%S") for day in days]
    folder = {"thruster": "activities"}.get(table, table)
    version = re.search(r"_(\d{2})\.", name)
    return {
        "file_path": f"imap/spice/{folder}/{name}",
        **({} if table == "repoint" else {"start_date": shown[0]}),
        "end_date": shown[-1],
        "version": version[1] if version else "01",
        "ingestion_date": "2026-02-01, 04:05:06",
    }


def match(name: str) -> re.Match[str]:
    """Parse the name of a science file."""
    found = NAME.fullmatch(name)
    assert found, name
    return found


def catalogue(names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table, sorted by path."""
    pictures = [name for name in names if name.endswith(".pdf")]
    daily = [name for name in names if name.startswith("imap_ialirt_")]
    science = [name for name in names if NAME.fullmatch(name) and name not in {*pictures, *daily}]
    others = {*science, *pictures, *KERNELS, *daily, *BESIDE}
    tables = {
        "science": [science_row(name) for name in science if match(name)["major"]],
        "ancillary": [ancillary_row(name) for name in names if name not in others],
        "science_2024": [seed_row(name) for name in science if not match(name)["major"]],
    }
    tables["quicklook"] = [
        {**row, "file_path": row["file_path"].replace("imap/", "imap/quicklook/", 1)}
        for row in map(science_row, pictures)
    ]
    tables["ialirt"] = [{"file_path": f"archive/{name}"} for name in daily]
    for table in ("spin", "repoint", "thruster"):
        tables[table] = [beside_row(name) for name, (kind, _) in BESIDE.items() if kind == table]
    found = {table: sorted(rows, key=lambda row: row["file_path"]) for table, rows in tables.items()}
    # The service returns kernels in order of ingestion.
    return found | {"spice": [kernel_row(name) for name in KERNELS]}


# --- writing ------------------------------------------------------------------------------------------------------


def attributes(variable: Variable, name: str) -> dict[str, Any]:
    """Return a variable's attributes, with the mission's names and types."""
    kind = CDF_NAMES.get(CDF_TYPES[variable.kind])
    held: dict[str, Any] = {"CATDESC": variable.text or name, "FIELDNAM": name, "VAR_TYPE": variable.role}
    if kind:
        held |= {"UNITS": variable.unit, "FILLVAL": [FILLS[variable.kind], kind]}
        held |= {"VALIDMIN": [variable.low, kind], "VALIDMAX": [variable.high, kind], "LABLAXIS": name}
    held |= {f"DEPEND_{number}": other for number, other in enumerate(variable.depends)}
    held |= variable.more
    if variable.labels:
        held["LABL_PTR_1"] = variable.labels
    if variable.kind == "tt":
        held |= {"TIME_BASE": "J2000", "TIME_SCALE": "Terrestrial Time", "MONOTON": "INCREASE"}
    return held


def write_cdf(path: Path, variables: dict[str, Variable]) -> None:
    """Write one CDF file."""
    part = match(path.name)
    source = f"imap_{part['instrument']}_{part['level']}_{part['descriptor']}"
    texts = {
        "Project": "STP>Solar Terrestrial Probes",
        "Mission_group": "IMAP",
        "Discipline": "Solar Physics>Heliospheric Physics",
        "Source_name": "IMAP>Interstellar Mapping and Acceleration Probe",
        "Logical_source": source,
        "Logical_file_id": path.stem,
        "Data_type": f"{part['level'].upper()}_{part['descriptor']}>Synthetic",
        "Data_version": path.stem.rpartition("_v")[2],
        "Descriptor": f"{part['instrument'].upper()}>Synthetic data",
        "TEXT": "Synthetic values, made for the embedded archive of sunpy_helio_plugins. No measurement of IMAP.",
    }
    cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0}, delete=True)
    cdf.write_globalattrs({key: {0: text} for key, text in texts.items()})
    for name, variable in variables.items():
        text = variable.kind == "U"
        values = variable.values if text else variable.values.astype("i8" if variable.kind == "tt" else variable.kind)
        spec = {
            "Variable": name,
            "Data_Type": CDF_TYPES[variable.kind],
            "Rec_Vary": variable.varies,
            "Compress": 0 if text else 6,
            "Num_Elements": int(values.dtype.itemsize / 4) if text else 1,
            "Dim_Sizes": list(values.shape[1:] if variable.varies else values.shape),
        }
        cdf.write_var(spec, var_attrs=attributes(variable, name), var_data=values)
    cdf.close()


def make(folder: Path) -> None:
    """Write every file and the catalogue to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    made = products()
    for name, content in made.items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            write_cdf(folder / name, content)
    (folder / "catalogue.json").write_text(json.dumps(catalogue(sorted(made)), indent=1) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
