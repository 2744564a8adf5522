"""Find the variables of a CDF file that share a time variable, and so the rows of a table."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from astropy.time import Time

from sunpy_helio_plugins.arguments import INSTANT, Kind, choice
from sunpy_helio_plugins.cdf.counts import count_of
from sunpy_helio_plugins.cdf.variables import TIME_KINDS, Variable
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import silence

__all__ = [
    "RECORDS", "SPAN", "ReadSelection", "Variables", "choose", "epochs_of", "in_rows", "prepared", "without_time",
]  # fmt: skip

Variables = Mapping[str, Variable]


class ReadSelection(NamedTuple):
    """
    The part of a file to read.

    Attributes
    ----------
    epoch : str or None
        The time variable of the records.
    columns : tuple of str or None
        The variables to read besides it; `None` for all.
    time : tuple of astropy.time.Time or None
        The first time, and the one after the last.
    records : slice or None
        The numbers of the records, with a step of one.
    """

    epoch: str | None = None
    columns: tuple[str, ...] | None = None
    time: tuple[Time, Time] | None = None
    records: slice | None = None

    def includes(self, name: str) -> bool:
        """Return whether a variable is one of the columns to read."""
        return self.columns is None or name in self.columns


def _span(given: Any) -> tuple[Time, Time]:
    """Return the ends of a range of time."""
    is_range = hasattr(given, "start") and hasattr(given, "end") and not isinstance(given, type)
    first, last = (given.start, given.end) if is_range else given
    with silence.far_years():
        ends = _instant(first).utc, _instant(last).utc
        if isinstance(given, str) or not ends[0] < ends[1]:
            raise ValueError
    return ends


def _instant(given: Any) -> Time:
    """Return one time; sunpy does not read texts with nanoseconds."""
    is_stamp = isinstance(given, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{7,}", given)
    return Time(given, scale="utc") if is_stamp else INSTANT.of(given)


def _records(given: Any) -> slice:
    """Return a range of records as a slice."""
    first, last, step = (given.start, given.stop, given.step) if isinstance(given, slice | range) else (*given, 1)
    if isinstance(given, str) or step not in (None, 1):
        raise ValueError
    return slice(*(None if end is None else operator.index(end) for end in (first, last)))


SPAN = Kind("a range of time that does not end before it starts, such as ('2026-01-10', '2026-01-11')", _span)
RECORDS = Kind("a range of records with a step of one, such as (1000, 2000) or slice(-100, None)", _records)


def prepared(variables: Variables) -> dict[str, Variable]:
    """
    Return the variables, such that each with rows varies by record and names its time in ``depends_on``.

    In the file, a time may be named in DEPEND_TIME, may be a number that counts, or may not vary by record, or have one
    record, if the writer put all instants into it.
    """
    made = {name: _placed(variable, variables) for name, variable in variables.items()}
    named = {variable.depends_on for variable in made.values()}
    by_convention = {variable.named("DEPEND_TIME") for variable in made.values()}
    for name in made.keys() & (named | by_convention):
        variable = made[name]
        if variable.is_number and variable.kind not in TIME_KINDS:
            made[name] = replace(variable, count=count_of(variable.attributes, name in by_convention))
    for name in [*_unvaried(made, named), *_in_one_record(made)]:
        _unroll(made, name)
    return made


def _placed(variable: Variable, variables: Variables) -> Variable:
    """Use the time of DEPEND_TIME if that of DEPEND_0 is missing or, being virtual, does not have records."""
    first, other = (variables.get(variable.named(key) or "") for key in ("DEPEND_0", "DEPEND_TIME"))
    return variable if other is None or (first is not None and first.records) else replace(variable, time=other.name)


def _unvaried(variables: Variables, named: set[str | None]) -> list[str]:
    """Return the time variables that do not vary by record but give rows."""
    varying = any(variable.is_time and variable.records for variable in variables.values())
    return [
        name
        for name, variable in variables.items()
        if variable.is_instant and not variable.varies and variable.records
        and (name in named or (name.lower() == "epoch" and not varying))
    ]  # fmt: skip


def _in_one_record(variables: Variables) -> list[str]:
    """Return the time variables whose only record contains the times of all measurements, as that of the data does."""
    found = []
    for name, time in variables.items():
        if not time.is_time or time.records != 1 or len(time.shape) != 1 or time.shape[0] < 2:
            continue
        data = [one for one in variables.values() if one.depends_on == name and one.name != name and one.varies]
        if data and all(one.records == 1 and one.shape[:1] == time.shape for one in data):
            found.append(name)
    return found


def _unroll(variables: dict[str, Variable], epoch: str) -> None:
    """Split the one record of a time variable, and of those that depend on it, into one for each instant."""
    time = variables[epoch]
    length, axes = (time.shape[0] if time.shape else 1), _axes(variables)
    variables[epoch] = time.unrolled(length)
    for name, variable in variables.items():
        if variable.varies != time.varies or not variable.records or name == epoch:
            continue
        told = epoch in (variable.depends_on, variable.named("DEPEND_1"))
        fits = bool(time.shape) and variable.shape[:1] == (length,)
        if fits and (told or (variable.depends_on is None and name not in axes and not time.varies)):
            variables[name] = variable.unrolled(length)
        elif told and not time.shape:
            variables[name] = variable.unrolled(1, is_new=True)


def _axes(variables: Variables) -> set[str]:
    """Return the variables that are axes or labels of others."""
    pointers = re.compile(r"(?:DEPEND|LABL_PTR)_[1-9]\d*|(?:UNIT|FORM|SCAL)_PTR|DELTA_(?:PLUS|MINUS)_VAR")
    found = {
        variable.named(key) for variable in variables.values() for key in variable.attributes if pointers.fullmatch(key)
    }
    return {name for name in found if name is not None}


def epochs_of(variables: Variables) -> dict[str, int]:
    """Return the number of records of each time variable that can give the rows (not dependent on another)."""
    instants = {name: variable for name, variable in variables.items() if variable.is_time}
    return {
        name: variable.records
        for name, variable in instants.items()
        if variable.depends_on not in instants.keys() - {name}
    }


def choose(path: object, wanted: ReadSelection, epochs: Mapping[str, int], variables: Variables) -> str | None:
    """Return the time variable that gives the rows, or `None` if the file does not have one."""
    if wanted.epoch is not None and wanted.epoch not in epochs:
        raise QueryError(
            f"{path} does not have a time variable {wanted.epoch!r}; it has: {', '.join(epochs) or 'none'}."
        )
    named = _times_of(path, wanted, epochs, variables)
    if len(named) > 1:
        raise QueryError(
            f"{path}: the columns to read belong to {len(named)} time variables ({', '.join(named)}); read those of "
            "one at a time."
        )
    if named:
        return named[0]
    virtual = {name for name in epochs if not epochs[name] and "VIRTUAL" in variables[name].attributes}
    called_so = [name for name in epochs if name.lower() == "epoch" and name not in virtual]
    if called_so:
        return called_so[0]
    data = Counter(
        variable.depends_on for variable in variables.values() if variable.attributes.get("VAR_TYPE") == "data"
    )
    return max(epochs, key=lambda name: (epochs[name] > 0, data[name]), default=None)


def _times_of(path: object, wanted: ReadSelection, epochs: Mapping[str, int], variables: Variables) -> list[str]:
    """Return the time variables of the columns, and that of the records if it is given."""
    found = [] if wanted.epoch is None else [wanted.epoch]
    for name in wanted.columns or ():
        if name not in variables:
            raise QueryError(f"{path} does not have the variable {name!r}.{choice(name, variables, 'variables')}")
        time = name if name in epochs else variables[name].depends_on
        if time is not None and time in epochs:
            found.append(time)
    return list(dict.fromkeys(found))


def in_rows(variables: Variables, chosen: str | None, epochs: Mapping[str, int]) -> tuple[list[str], dict[str, str]]:
    """
    Return the names of the columns, and the irregularities of the file by the name of the variable, if there is one.

    Columns are the time variable and each variable with one value for each of its records. In some files DEPEND_0 is
    missing, a number, or the name of an energy: then a variable is placed by its length if only one time variable has
    it.
    """
    if chosen is None:
        return _by_record(variables)
    problems = _on_time(variables[chosen])
    length = epochs[chosen]
    alone = list(epochs.values()).count(length) <= 1
    names = [chosen]
    for name, variable in variables.items():
        if name in epochs or not variable.varies:
            continue
        told = variable.depends_on in epochs
        is_its = variable.depends_on == chosen if told else alone
        if variable.records == length and is_its and not variable.absence:
            names.append(name)
            if not told:
                problems[name] = f"{name} does not name a time variable in DEPEND_0: placed by its {length} records."
        elif told and is_its:
            has = f"{name} has {variable.records} records, {chosen} has {length}: see meta['support']."
            problems[name] = variable.absence or has
    return names, problems


def _on_time(time: Variable) -> dict[str, str]:
    """Return a description of the assumption about a time variable, if there is one."""
    if time.count is None or not time.count.is_assumed:
        return {}
    text = f"{time.name} does not state its start: read as UTC since 1970, by the convention of DEPEND_TIME."
    return {time.name: text}


def without_time(variables: Variables) -> Variables:
    """Return the variables of a file without times; data that do not vary (such as a calibration) become one row."""
    fixed = {name for name, variable in variables.items() if variable.records and not variable.varies}
    data = {name for name in fixed if variables[name].attributes.get("VAR_TYPE") == "data"}
    if not data or any(variable.varies and variable.records for variable in variables.values()):
        return variables
    row = data | {name for name in fixed if variables[name].is_instant}
    return {
        name: variable.unrolled(1, is_new=True) if name in row and variable.is_number else variable
        for name, variable in variables.items()
    }


def _by_record(variables: Variables) -> tuple[list[str], dict[str, str]]:
    """Return the columns of a file without times: its records, or the single row of data that do not vary."""
    lengths = Counter(variable.records for variable in variables.values() if variable.varies)
    length = lengths.most_common(1)[0][0] if lengths else 0
    names = [name for name, variable in variables.items() if variable.varies and variable.records == length]
    return names, {"": "The file does not have a time variable: the rows are its records, in order."}
