"""Compare each cell of the real responses with the record, by rules that do not use the code of this package."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins.her import HERTable, Points, Polygons
from sunpy_helio_plugins.her.keywords import Keyword, keywords

ANSWERS = (
    "hek/hek-events_2024-05-10.json", "hek/hek-to_pfss.json", "world/her/events_2023-03-29.json",
    "world/her/spoca_2017-09-06.json", "world/her/spoca_2018_sample.json",
)  # fmt: skip
MISSING = (None, "", "blank", -9999, -999999)
UNITS = {
    "km2": u.km**2, "Mm2": u.Mm**2, "km/sec": u.km / u.s, "deg": u.deg, "degrees": u.deg, "arcsec": u.arcsec,
    "DN/s": u.DN / u.s, "DN/sec/pixel": u.DN / u.s / u.pix, "cm": u.cm, "Angstroms": u.AA,
}  # fmt: skip
"""The units of the records, as their texts mean them."""

POLAR = re.compile(r"hg[sc]_(x|y|coord|bbox|boundcc|skeletoncc)")
"""Positions that are computed again if the registry mirrored them; other tests compare these with the sky."""


@pytest.fixture(params=ANSWERS)
def records(request: Any, real_data: Path) -> list[dict[str, Any]]:
    given = json.loads((real_data / request.param).read_bytes())
    return list(given["result"] if isinstance(given, dict) else given)


@cache
def numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"[-+0-9.eE]+(?=[\s,)])", text.partition("(")[2])]


def is_missing(given: Any) -> bool:
    return given in MISSING if not isinstance(given, list) else False


def wrong(name: str, cell: Any, given: Any, record: dict[str, Any]) -> bool:
    """Return whether a cell that is not masked differs from the value in the record."""
    word = keywords().get(name.lower(), Keyword(name, "string"))
    if isinstance(cell, Time):
        return not cell.isot.startswith(given.replace(" ", "T")[:19])
    if isinstance(cell, u.Quantity):
        unit = UNITS.get(record.get(word.unit) or word.fixed, u.Unit(word.fixed) if word.fixed else cell.unit)
        return not np.isclose(cell.to_value(unit**word.power), float(given), rtol=1e-12)
    if isinstance(cell, bool | np.bool_):
        return bool(cell) is not (str(given).lower() in ("true", "t"))
    if isinstance(cell, str):
        return cell != str(given)
    if isinstance(cell, list):
        return cell != given
    if name == "ar_noaanum":
        return int(cell) % 10000 != int(given) % 10000
    return float(cell) != float(given)


def lost(record: dict[str, Any], given: Any) -> bool:
    """Return whether a masked value is neither missing, nor a position of an event without one, nor a number 0."""
    return not (is_missing(given) or given == 0 or record.get("noposition") in ("true", True))


def cells(table: HERTable, name: str) -> Any:
    column = table[name]
    return column, np.broadcast_to(np.asarray(getattr(column, "mask", False)), (len(table),))


def test_no_cell_differs_from_its_record(records: list[dict[str, Any]]) -> None:
    table, compared, bad = HERTable.from_records(records), 0, []
    for name in {key for record in records for key in record} - {"coord1_unit", "coord2_unit", "coord3_unit"}:
        column, mask = cells(table, name)
        if isinstance(column, Points | Polygons):
            continue
        for row, record in enumerate(records):
            given = record.get(name)
            differs = (
                lost(record, given) if mask[row] else not is_missing(given) and wrong(name, column[row], given, record)
            )
            bad += [(name, given)] if differs and not POLAR.fullmatch(name) else []
            compared += 1
    assert bad == []
    assert compared > 100 * len(records)


def test_no_position_differs_from_its_record(records: list[dict[str, Any]]) -> None:
    table = HERTable.from_records(records)
    for name in [name for name in table.colnames if isinstance(table[name], Points | Polygons)]:
        if POLAR.fullmatch(name):
            continue
        column = table[name]
        for row, record in enumerate(records):
            given = numbers(f"{record.get(name) or ''} ")
            own = column.values[row] if isinstance(column, Points) else getattr(column[row], "vertices", np.empty(0))
            known = np.isfinite(own).all() and np.size(own) > 0
            if known:
                assert np.ravel(own).tolist() == given, (name, row)
            else:
                # Missing, without a position, the complete disk, or one point.
                pairs = set(zip(given[::2], given[1::2], strict=True))
                assert len(pairs) <= 1 or record.get("noposition") == "true", (name, given)


def plain(column: Any, rows: Any) -> Any:
    """Return the values of a column that are not missing, with all their digits."""
    if isinstance(column, Points):
        return column.values.tolist(), column.instants.sum(axis=1).tolist(), column.origins.tolist()
    if isinstance(column, Polygons):
        return [part.tolist() for part in (column.vertices, column.offsets, column.as_submitted, column.origins)]
    if isinstance(column, Time):
        return column.isot[rows].tolist()
    return np.asarray(getattr(column, "unmasked", column))[rows].tolist()


@pytest.mark.parametrize("ending", ["parquet", "arrow", "ecsv"])
def test_files_contain_every_cell(records: list[dict[str, Any]], ending: str, tmp_path: Path) -> None:
    table = HERTable.from_records(records)
    table.write(tmp_path / f"events.{ending}")
    back = HERTable.read(tmp_path / f"events.{ending}")
    assert json.dumps(list(back["raw"])) == json.dumps(records)
    assert back.colnames == table.colnames
    for name in table.colnames:
        (one, gone), (other, lost) = cells(table, name), cells(back, name)
        assert gone.tolist() == lost.tolist(), name
        assert getattr(one, "unit", None) == getattr(other, "unit", None), name
        assert repr(plain(one, ~gone)) == repr(plain(other, ~gone)), name
