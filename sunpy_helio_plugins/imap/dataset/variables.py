"""The CDF variables of several files as those of one file, of which records are read when they are used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import choice
from sunpy_helio_plugins.cdf import decode
from sunpy_helio_plugins.cdf.columns import as_column, as_support, as_time
from sunpy_helio_plugins.cdf.fills import fill_mask
from sunpy_helio_plugins.cdf.metadata import FrozenList, LazyMapping
from sunpy_helio_plugins.cdf.rows import ReadSelection, choose, epochs_of, in_rows, prepared
from sunpy_helio_plugins.cdf.variables import Variable, load
from sunpy_helio_plugins.errors import FileError, QueryError, local
from sunpy_helio_plugins.imap.dataset.timeline import Rows, TimelineSegment, Track
from sunpy_helio_plugins.quantities.leap import DAY

__all__ = ["OpenedFile", "ProductVariables", "UnreadableError", "UntimedError", "keys_of"]

_TT2000 = "CDF_TIME_TT2000"

_NO_TIME = int(np.iinfo(np.int64).min) + 1
"""The pad value of TT2000; it and the fill value, which is smaller, are not times."""

_FARTHEST = 106_000
"""The days before and after 2000 whose nanoseconds 64 bits represent; times beyond are ordered as these."""

_DTYPES = {
    "CDF_INT1": "i1", "CDF_INT2": "i2", "CDF_INT4": "i4", "CDF_INT8": "i8", "CDF_BYTE": "i1", "CDF_UINT1": "u1",
    "CDF_UINT2": "u2", "CDF_UINT4": "u4", "CDF_REAL4": "f4", "CDF_REAL8": "f8", "CDF_FLOAT": "f4", "CDF_DOUBLE": "f8",
    "CDF_TIME_TT2000": "i8", "CDF_EPOCH": "f8", "CDF_EPOCH16": "c16",
}  # fmt: skip
"""The types of variables; others are texts."""

_KEPT_BYTES = 2**26
"""The size on disk of the files that are kept open, so that those of many small ones are parsed once."""

_UNITED = ("Parents",)
"""Attributes of a file that are lists, of which a data set has the entries of all files."""

_OURS = ("epoch", "epochs", "files", "problems", "support")


class UntimedError(FileError):
    """A file does not contain times."""


class UnreadableError(FileError):
    """A column cannot be read, without which the others can be."""

    def __init__(self, name: str, error: FileError) -> None:
        super().__init__(f"{name} cannot be read: {error}")
        self.name = name


@dataclass(frozen=True)
class OpenedFile:
    """
    A file with the variables that are columns.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    variables : dict of Variable
        Its variables.
    attributes : dict
        Its attributes.
    epochs : dict of int
        The number of records of each time variable.
    epoch : str
        The time variable of the records.
    names : list of str
        The variables that are columns, beginning with the times.
    problems : list of str
        Its irregularities.
    """

    path: Path
    variables: dict[str, Variable]
    attributes: dict[str, Any]
    epochs: dict[str, int]
    epoch: str
    names: list[str]
    problems: list[str]

    @classmethod
    def of(cls, path: Path, epoch: str | None, columns: Sequence[str] | None = None) -> OpenedFile:
        """Open a file with the given time variable, or that of the columns; a `FileError` if it does not have times."""
        loaded, attributes = load(path)
        variables = prepared(loaded)
        epochs = epochs_of(variables)
        wanted = None if columns is None else tuple(name for name in columns if name in variables)
        chosen = choose(path, ReadSelection(epoch, wanted), epochs, variables)
        if chosen is None:
            raise UntimedError(f"{path} does not have a time variable: imap.read returns its content as a table.")
        names, problems = in_rows(variables, chosen, epochs)
        return cls(path, variables, attributes, epochs, chosen, names, list(problems.values()))

    def axes(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the variables that are axes of columns and do not vary with their records."""
        for name in names:
            for number in range(1, 10):
                axis = self.variables[name].named(f"DEPEND_{number}") if name in self.variables else None
                if axis in self.variables and axis not in self.names:
                    yield axis


def keys_of(variable: Variable) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Return the times of records as nanoseconds of terrestrial time since 2000-01-01 12:00, and which are missing."""
    if variable.kind == _TT2000:
        found = variable.read()
        raw = found.values.reshape(-1)
        missing = fill_mask(raw, variable.attributes)
        if raw.size and int(raw.min()) <= _NO_TIME:
            missing = (raw <= _NO_TIME) | (False if missing is None else missing)
        return raw, _either(missing, found.missing)
    time = as_time(variable, "tt")
    days, rest = (np.asarray(getattr(part, "unmasked", part)) for part in (time.jd1 - 2451545.0, time.jd2))
    whole = np.clip(np.rint(days), -_FARTHEST, _FARTHEST)
    rest = np.where(np.abs(days) > _FARTHEST, whole - days, rest)
    keys = whole.astype(np.int64) * DAY + np.rint((days - whole + rest) * DAY).astype(np.int64)
    return keys.reshape(-1), np.broadcast_to(np.asarray(time.mask, dtype=bool), time.shape).reshape(-1)


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return other if one is None else one if other is None else one | other


class ProductVariables:
    """
    The variables of the files of one product.

    Attributes
    ----------
    paths : list of pathlib.Path
        The files.
    first : OpenedFile
        The first of them.
    names : list of str
        The columns, beginning with the times.
    problems : list of str
        Irregularities of the files, and differences between them.
    """

    def __init__(self, paths: Sequence[Path], epoch: str | None, columns: Sequence[str] | None) -> None:
        self.paths, self._wanted = list(paths), (epoch, columns)
        self._opened: OrderedDict[int, tuple[OpenedFile, int]] = OrderedDict()
        self._lock = Lock()  # dask reads blocks in several threads
        self._last: tuple[tuple[int, str], decode.Values] | None = None
        self.first = self.file(0)
        self._sources: dict[str, int] = {}
        self._forms: dict[str, str] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._epochs: dict[str, int] = {}
        self._attributes: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self._compare()
        self.names, self._are_chosen = self._chosen(columns), columns is not None
        self.problems += self._differences()

    def file(self, number: int) -> OpenedFile:
        """Open a file, or return it if it is one of the last that were opened."""
        with self._lock:
            if number not in self._opened:
                path = self.paths[number]
                opened = OpenedFile.of(path, *self._wanted)
                with local(path, "read"):
                    self._opened[number] = opened, path.stat().st_size
                while len(self._opened) > 2 and sum(size for _, size in self._opened.values()) > _KEPT_BYTES:
                    self._opened.popitem(last=False)
            self._opened.move_to_end(number)
            return self._opened[number][0]

    def _compare(self) -> None:
        """Find the columns of all files; raise a `FileError` if one of them has other types, sizes or units."""
        for number, path in enumerate(self.paths):
            opened = self.file(number)
            if opened.epoch != self.first.epoch:
                raise FileError(
                    f"The time variable of {self.first.path} is {self.first.epoch}, and that of {path} is "
                    f"{opened.epoch}: open the files of one product at a time, or give the epoch."
                )
            for name in opened.names:
                self._compare_one(number, opened.variables[name])
            self.problems += [problem for problem in opened.problems if problem not in self.problems]
            self._attributes.append(opened.attributes)
            for name, count in opened.epochs.items():
                self._epochs[name] = self._epochs.get(name, 0) + count

    def _compare_one(self, number: int, variable: Variable) -> None:
        name, form = variable.name, _form(variable)
        source = self._sources.setdefault(name, number)
        known = self._forms.setdefault(name, form)
        if form != known:
            raise FileError(
                f"{name} has {known} in {self.paths[source]}, and {form} in {self.paths[number]}: open these files "
                "apart."
            )
        dtype = np.dtype(_DTYPES.get(variable.kind, "U1"))
        self._dtypes[name] = np.result_type(self._dtypes.get(name, dtype), dtype)

    def _chosen(self, columns: Sequence[str] | None) -> list[str]:
        epoch = self.first.epoch
        if columns is None:
            return [epoch, *(name for name in self._sources if name != epoch)]
        unknown = [name for name in columns if name not in self._sources]
        if unknown:
            others = [name for name in self._sources if name != epoch]
            hint = choice(unknown[0], others, "columns")
            raise QueryError(f"{self.first.path.name} does not contain the column {unknown[0]!r}.{hint}")
        return [epoch, *dict.fromkeys(name for name in columns if name != epoch)]

    def _differences(self) -> Iterator[str]:
        """Yield the columns that are missing from files, and the axes that differ between them."""
        axes: dict[str, tuple[int, Any]] = {}
        for number, path in enumerate(self.paths) if len(self.paths) > 1 else ():
            opened = self.file(number)
            lacking = [name for name in self.names if name not in opened.names]
            if lacking:
                yield f"{path.name} does not contain {', '.join(lacking)}: missing in its records."
            for name in dict.fromkeys(opened.axes(self.names)):
                values = opened.variables[name].read().values
                source, known = axes.setdefault(name, (number, values))
                if not _are_equal(values, known):
                    yield f"{name} differs between {self.paths[source].name} and {path.name}: it is that of the former."

    def track(self, number: int) -> Track:
        """Return the times of a file's records."""
        opened = self.file(number)
        variable = opened.variables[opened.epoch]
        return Track.of(*keys_of(replace(variable, read=partial(self._read, number, opened.epoch))))

    def variable(self, name: str, segments: Sequence[TimelineSegment]) -> Variable:
        """Return a variable with the records of segments, which are read when its values are used."""
        source = self.file(self._sources[name]).variables[name]
        count = sum(one.length for one in segments)
        return replace(source, records=count, read=partial(self._block, name, segments, source))

    def _block(self, name: str, segments: Sequence[TimelineSegment], source: Variable) -> decode.Values:
        """Read the records of segments."""
        parts = [self._segment(name, one, source) for one in segments]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return decode.Values(np.empty((0, *source.shape), self._dtypes[name]), None)
        missing = None
        if any(part.missing is not None for part in parts):
            missing = np.concatenate(
                [np.zeros(len(part.values), bool) if part.missing is None else part.missing for part in parts]
            )
        return decode.Values(np.concatenate([part.values for part in parts]), missing)

    def _segment(self, name: str, segment: TimelineSegment, source: Variable) -> decode.Values:
        values, missing = None, None
        for number, rows, place in segment.pieces:
            found = self._aligned(number, name, source, rows)
            if found is None:
                missing = np.zeros(segment.length, bool) if missing is None else missing
                missing[place] = True
                continue
            part, lost = found
            if len(segment.pieces) == 1:
                return found
            values = np.zeros((segment.length, *part.shape[1:]), part.dtype) if values is None else values
            if part.dtype.kind == "U" and part.dtype.itemsize > values.dtype.itemsize:
                values = values.astype(part.dtype)
            values[place] = part
            if lost is not None:
                missing = np.zeros(segment.length, bool) if missing is None else missing
                missing[place] = lost
        if values is None:
            values = np.zeros((segment.length, *source.shape), self._dtypes[name])
        return decode.Values(values, missing)

    def _read(self, number: int, name: str, rows: Rows | None = None) -> decode.Values:
        """Read records of a variable of a file; if they are few, other blocks are not decoded."""
        variable = self.file(number).variables[name]
        first, last = (0, variable.records) if rows is None else _ends(rows)
        known = self._last
        if known is not None and known[0] == (number, name):
            found = known[1]
        elif 2 * (last - first) > variable.records:
            found = variable.read()
            self._last = (number, name), found
        else:
            found, rows = variable.within(range(first, last)).read(), _shifted(rows, -first)
        if rows is None or (isinstance(rows, slice) and (rows.start, rows.stop) == (0, len(found.values))):
            return found
        return decode.Values(found.values[rows], None if found.missing is None else found.missing[rows])

    def _aligned(self, number: int, name: str, source: Variable, rows: Rows) -> decode.Values | None:
        """Read records of a file, with the type and fill values of all files; `None` if it lacks the variable."""
        opened = self.file(number)
        if name not in opened.names:
            return None
        found = self._read(number, name, rows)
        if found.values.dtype.kind != "U":
            found = found._replace(values=found.values.astype(self._dtypes[name], copy=False))
        own, theirs = opened.variables[name].attributes, source.attributes
        keys = ("FILLVAL", "VALIDMIN", "VALIDMAX")
        if all(_are_equal(own.get(key), theirs.get(key)) for key in keys) or found.values.dtype.kind not in "iuf":
            return found
        mask, other = (fill_mask(found.values, attributes) for attributes in (own, theirs))
        mask, other = (np.zeros(found.values.shape, bool) if one is None else one for one in (mask, other))
        if not (mask != other).any():
            return found
        values = found.values.copy()
        values[mask] = np.nan if values.dtype.kind == "f" else theirs.get("FILLVAL", 0)
        again = fill_mask(values, theirs)
        if not np.array_equal(mask, np.zeros(mask.shape, bool) if again is None else again):
            raise FileError(
                f"{name} has another fill value in {opened.path} than in {self.paths[self._sources[name]]}, where it "
                "is also data: open these files apart."
            )
        return found._replace(values=values)

    def meta(self, length: int, scale: str) -> dict[str, Any]:
        """Return the metadata of a table with this number of records."""
        opened = self.first
        support = {
            name: partial(_support, self, name, scale)
            for name, variable in opened.variables.items()
            if name not in opened.names and name not in opened.epochs
            and variable.depends_on not in opened.epochs.keys() - {opened.epoch}
        }  # fmt: skip
        attributes = {
            (f"{name}_of_file" if name in _OURS else name): value for name, value in _united(self._attributes).items()
        }
        return attributes | {
            "epoch": opened.epoch, "epochs": self._epochs | {opened.epoch: length}, "support": LazyMapping(support),
            "files": FrozenList(path.name for path in self.paths), "problems": FrozenList(self.problems),
        }  # fmt: skip

    def table(self, segments: Sequence[TimelineSegment], scale: str) -> QTable:
        """Return the records of segments as a table."""
        while True:
            variables = {**self.first.variables, **{name: self.variable(name, segments) for name in self.names}}
            columns: dict[str, Any] = {}
            try:
                for name in self.names:
                    with self.reading(name):
                        columns[name] = self.column(variables, name, scale)
            except UnreadableError as error:
                self.leave_out(error)
                continue
            table = QTable(list(columns.values()), names=list(columns), copy=False)
            table.meta = self.meta(len(table), scale)
            return table

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Raise an `UnreadableError` if a column cannot be read that is neither the times nor one that a user chose."""
        try:
            yield
        except FileError as error:
            if name == self.first.epoch or self._are_chosen:
                raise
            raise UnreadableError(name, error) from error

    def leave_out(self, error: UnreadableError) -> None:
        """Leave out a column that cannot be read, which does not affect the others."""
        self.names = [name for name in self.names if name != error.name]
        self.problems.append(str(error))

    def column(self, variables: Mapping[str, Variable], name: str, scale: str) -> Any:
        """Return a variable as a column of a table."""
        variable = variables[name]
        return as_time(variable, scale, may_be_missing=True) if variable.is_time else as_column(variable, variables)


def _support(product: ProductVariables, name: str, scale: str) -> dict[str, Any]:
    opened = product.file(0)
    return as_support(opened.variables[name], opened.variables, scale)


def _ends(rows: Rows) -> tuple[int, int]:
    """Return the first of some records, and the one after the last."""
    return (rows.start, rows.stop) if isinstance(rows, slice) else (int(rows.min()), int(rows.max()) + 1)


def _shifted(rows: Rows | None, by: int) -> Rows | None:
    return slice(rows.start + by, rows.stop + by) if isinstance(rows, slice) else None if rows is None else rows + by


def _form(variable: Variable) -> str:
    """Return the type, the size and the unit of a variable as text, which must be equal in all files."""
    kind = "texts" if not variable.is_number else variable.kind if variable.is_instant else "numbers"
    size = f" of shape {variable.shape}" if variable.shape else ""
    unit = str(variable.attributes.get("UNITS", "")).strip()
    return f"{kind}{size} in {unit!r}" if unit else f"{kind}{size}"


def _are_equal(one: Any, other: Any) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and bool(
        np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")
    )


def _united(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the attributes of files; one that differs between them is a list with that of each file."""
    made: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in attributes for name in one):
        values = [one.get(name) for one in attributes]
        if name in _UNITED:
            lists = [[value] if isinstance(value, str) else value for value in values if value]
            made[name] = FrozenList(dict.fromkeys(text for one in lists for text in one))
        else:
            made[name] = values[0] if all(value == values[0] for value in values) else FrozenList(values)
    return made
