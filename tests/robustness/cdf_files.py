"""Small CDF files of every kind, the parts that they consist of, and what a flipped bit in each part does."""

from __future__ import annotations

import gzip
import re
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.cdf.variables import Variable, load, salvaged
from sunpy_helio_plugins.errors import FileError, QueryError

__all__ = [
    "CHECKED",
    "KINDS",
    "Flips",
    "content_of",
    "flipped",
    "given",
    "parts",
    "readings",
    "salvaged_content",
    "values_of",
]

INT4, DOUBLE, CHAR, TT2000 = 4, 45, 51, 33
NETWORK, IBM_PC = 1, 6
START = 821_275_269_184_000_000

CHECKED = ("compressed", "with a checksum")
"""The parts in which every flipped bit must be found, or have no effect."""


def _series(count: int) -> dict[str, tuple[int, Any, dict[str, Any]]]:
    """Return variables of a series: name -> (type, values, attributes)."""
    chosen = np.random.default_rng(5)
    on_time = {"DEPEND_0": "epoch"}
    return {
        "epoch": (TT2000, START + np.arange(count) * 10**9, {"CATDESC": "Time"}),
        "b": (
            DOUBLE,
            np.round(chosen.normal(size=(count, 3)), 1),
            on_time | {"UNITS": "nT", "LABL_PTR_1": "label", "FILLVAL": [-1e31, "CDF_DOUBLE"]},
        ),
        "mode": (INT4, chosen.integers(0, 9, count), on_time | {"FILLVAL": [-1, "CDF_INT4"]}),
        "label": (CHAR, ["Bx", "By", "Bz"], {}),
    }


def _written(
    variables: dict[str, tuple[int, Any, dict[str, Any]]], spec: dict[str, dict[str, Any]], **of_file: Any
) -> bytes:
    from cdflib.cdfwrite import CDF

    with TemporaryDirectory() as folder:
        path = Path(folder, "x.cdf")
        made = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": IBM_PC, "Compressed": 0} | of_file, delete=True)
        made.write_globalattrs({"Project": {0: "STP>Solar Terrestrial Probes"}, "TEXT": {0: "one", 1: "two"}})
        for name, (kind, values, attributes) in variables.items():
            array = np.asarray(values)
            told = {
                "Variable": name, "Data_Type": kind, "Compress": 0, "Rec_Vary": name != "label",
                "Num_Elements": array.dtype.itemsize // 4 if array.dtype.kind == "U" else 1,
                "Dim_Sizes": list(array.shape if name == "label" else array.shape[1:]),
            } | spec.get(name, {})  # fmt: skip
            records = told.pop("Records", None)
            data: Any = array if records is None else [records, array]
            made.write_var(told, var_attrs=attributes, var_data=data)
        made.close()
        return path.read_bytes()


def _in_one_part(content: bytes, kind: int) -> bytes:
    """Return a file that is compressed as a whole: with gzip (5), or with runs of zeros (1)."""
    runs = re.sub(rb"\0+", lambda zeros: _runs(len(zeros[0])), content[8:])
    packed = gzip.compress(content[8:], mtime=0) if kind == 5 else runs
    about = struct.pack(">qiiiii", 28, 11, kind, 0, 1, 6)
    head = struct.pack(">qiqqi", 32 + len(packed), 10, 40 + len(packed), len(content) - 8, 0)
    return bytes.fromhex("cdf30001cccc0001") + head + packed + about


def _runs(count: int) -> bytes:
    return b"\0\xff" * (count // 256) + (bytes([0, count % 256 - 1]) if count % 256 else b"")


KINDS = ("plain", "packed", "checksum", "whole", "runs", "sparse", "big-endian, column-major")


@cache
def given(kind: str) -> bytes:
    """Return the file of a kind."""
    packed = {name: {"Compress": 6} for name in ("epoch", "b", "mode")}
    if kind == "packed":
        return _written(_series(150), packed)
    if kind == "checksum":
        return _written(_series(20), {}, Checksum=True)
    if kind == "whole":
        return _in_one_part(_written(_series(20), {}), 5)
    if kind == "runs":
        return _in_one_part(_written(_series(20), {}), 1)
    if kind == "sparse":
        some = {**_series(20)}
        for name in ("b", "mode"):
            some[name] = (some[name][0], some[name][1][:6], some[name][2])
        records = [0, 4, 8, 12, 16, 19]
        spec = {
            "b": {"Sparse": "pad_sparse", "Records": records},
            "mode": {"Sparse": "prev_sparse", "Records": records},
        }
        return _written(some, spec)
    if kind == "plain":
        return _written(_series(20), {})
    return _written(_series(60), {"b": {"Compress": 6}}, Encoding=NETWORK, Majority="column_major")


_NAMES = {8: "variables", 3: "variables", 4: "attributes", 9: "attributes", 5: "attributes", 6: "indices", 7: "values"}
_GZIP_HEAD = 10


def parts(content: bytes) -> list[tuple[int, int, str]]:
    """Return the ranges of bytes of a file, with the names of the parts to which they belong."""
    found, place = [(0, 8, "structure")], 8
    has_checksum = content[4:8] == b"\0\0\xff\xff" and bool(content[8 + 35] & 12)
    while place + 12 <= len(content):
        size, kind = struct.unpack_from(">qi", content, place)
        if size < 12 or place + size > len(content):
            break
        head = {7: 12, 13: 24, 10: 32}.get(kind, 12)
        found.append((place, place + head, "structure"))
        found.extend(_inside(content, kind, place + head, place + size))
        place += size
    if place < len(content):
        found.append((place, len(content), "structure"))
    return [(first, last, "with a checksum" if has_checksum else name) for first, last, name in found]


def _inside(content: bytes, kind: int, first: int, last: int) -> Iterable[tuple[int, int, str]]:
    """Return the parts of one record after its first fields."""
    if kind not in (10, 13):
        name = _NAMES.get(kind, "structure")
        # The value of an attribute is the last part of its record.
        start = min(first + 44, last) if kind in (5, 9) else first
        return [(first, start, "structure"), (start, last, "values of attributes" if kind in (5, 9) else name)]
    if content[first : first + 2] != b"\x1f\x8b":
        return [(first, last, "runs of zeros")]
    # The time and the system in the header of gzip have no effect.
    return [(first, first + _GZIP_HEAD, "structure"), (first + _GZIP_HEAD, last, "compressed")]


def values_of(variable: Variable) -> Any:
    """Return the values of a variable and what is missing, in a form that can be compared."""
    values = variable.values
    missing = None if variable.missing is None else variable.missing.tolist()
    return values.dtype.str, values.shape, values.tolist() if values.dtype.kind == "U" else values.tobytes(), missing


def _described(variables: dict[str, Variable], attributes: dict[str, Any]) -> Any:
    return {
        name: (one.kind, one.varies, one.shape, one.records, str(one.attributes), values_of(one))
        for name, one in variables.items()
    }, str(attributes)


def content_of(path: Path) -> Any:
    """Return all that a file contains."""
    return _described(*load(path))


def salvaged_content(path: Path) -> Any:
    """Return all that is left of a file, and what is lost."""
    variables, attributes, problems = salvaged(path)
    return _described(variables, attributes), problems


@dataclass
class Flips:
    """What flipped bits do, by the part of the file: found, without effect, other content; and what must not occur."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def flipped(kind: str, each: int = 1, seed: int = 0, names: Iterable[str] = ()) -> Flips:
    """
    Flip every ``each``-th bit of some parts of a file, one at a time, and read it in three ways.

    Where a sum covers the bit, ``load`` must raise `FileError` or return the same content, ``read`` must raise it or
    list problems, and with ``salvage`` values that are not masked must be right. No other exception may be raised.
    """
    tally, start, whole = Flips(), time.perf_counter(), given(kind)
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.cdf")
        path.write_bytes(whole)
        right = content_of(path)
        wanted = [(part, bit) for first, last, part in parts(whole) if not names or part in names
                  for bit in range(8 * first, 8 * last)]  # fmt: skip
        for part, bit in wanted[seed::each]:
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            try:
                verdict = _verdict(path, right, part)
            except Exception as error:  # noqa: BLE001 - it is judged
                verdict = "foreign"
                tally.failures.append(f"{kind}, bit {bit} in {part}: {error!r}"[:400])
            if verdict == "wrong" or (verdict == "other content" and part in CHECKED):
                tally.failures.append(f"{kind}, bit {bit} in {part}: {verdict}")
            tally.counts[part][verdict] += 1
    tally.seconds = time.perf_counter() - start
    return tally


def _verdict(path: Path, right: Any, part: str) -> str:
    try:
        found = content_of(path)
        verdict = "without effect" if found == right else "other content"
    except FileError:
        verdict = "found"
    problems = ["refused"]
    with suppress(FileError, QueryError):
        problems = cdf.read(path).meta["problems"]
    if verdict == "other content" and problems:
        verdict = "said"
    try:
        left, lost = salvaged_content(path)
    except FileError:
        return verdict
    if part == "compressed" and not _agree(left[0], right[0]):
        return "wrong"
    return "not said by salvage" if verdict == "found" and part in CHECKED and not lost and left != right else verdict


def _agree(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Return whether the values that are not masked are the right ones."""
    for name, (*_, (dtype, shape, values, missing)) in left.items():
        expected = right[name][-1][2]
        if missing is None and values != expected:
            return False
        if missing is not None and not all(missing) and isinstance(values, bytes):
            kept = ~np.array(missing)
            one, other = (np.frombuffer(each, dtype).reshape(shape) for each in (values, expected))
            if len(kept) == len(one) and one[kept].tobytes() != other[kept].tobytes():
                return False
    return True


def _support(path: Path, **options: Any) -> Any:
    return dict(cdf.read(path, **options).meta["support"])


def readings(path: Path) -> dict[str, str]:
    """Read a file in four ways, and return for each "read", "refused", or another exception."""
    ways: dict[str, Callable[[], Any]] = {
        "variables": lambda: content_of(path),
        "table": lambda: _support(path),
        "variables, salvaged": lambda: salvaged_content(path),
        "table, salvaged": lambda: _support(path, salvage=True),
    }
    found = {}
    for name, way in ways.items():
        try:
            way()
        except (FileError, QueryError):
            found[name] = "refused"
        except Exception as error:  # noqa: BLE001 - it is judged
            found[name] = repr(error)
        else:
            found[name] = "read"
    return found
