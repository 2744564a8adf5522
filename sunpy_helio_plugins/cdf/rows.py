"""Which variables of a CDF file share rows: those of one time variable, in whichever of its ways a file says so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from sunpy_helio_plugins.cdf.counts import count_of
from sunpy_helio_plugins.cdf.variables import TIME_KINDS, Variable
from sunpy_helio_plugins.errors import QueryError

__all__ = ["Variables", "choose", "epochs_of", "in_rows", "prepared", "without_time"]

Variables = Mapping[str, Variable]


def prepared(variables: Variables) -> dict[str, Variable]:
    """
    Return variables of which each that has rows varies by record and names its time in ``depends_on``.

    Parameters
    ----------
    variables : mapping of Variable
        The variables as they are in the file: a time may be named in DEPEND_TIME, may count in numbers, or may not vary
        by record, where the writer put all instants into one record.
    """
    made = {name: _placed(variable, variables) for name, variable in variables.items()}
    named = {variable.depends_on for variable in made.values()}
    by_convention = {variable.named("DEPEND_TIME") for variable in made.values()}
    for name in made.keys() & (named | by_convention):
        variable = made[name]
        if variable.is_number and variable.kind not in TIME_KINDS:
            made[name] = replace(variable, count=count_of(variable.attributes, name in by_convention))
    for name in _unvaried(made, named):
        _unroll(made, name)
    return made


def _placed(variable: Variable, variables: Variables) -> Variable:
    """Take the time of DEPEND_TIME where that of DEPEND_0 is not there or, being virtual, has no records."""
    first, other = (variables.get(variable.named(key) or "") for key in ("DEPEND_0", "DEPEND_TIME"))
    return variable if other is None or (first is not None and first.records) else replace(variable, time=other.name)


def _unvaried(variables: Variables, named: set[str | None]) -> list[str]:
    """Return the time variables that do not vary by record and yet give rows."""
    varying = any(variable.is_time and variable.records for variable in variables.values())
    return [
        name
        for name, variable in variables.items()
        if variable.is_instant and not variable.varies and variable.records
        and (name in named or (name.lower() == "epoch" and not varying))
    ]  # fmt: skip


def _unroll(variables: dict[str, Variable], epoch: str) -> None:
    """Make the one record of a time variable, and of what depends on it, as many as it holds instants."""
    time = variables[epoch]
    length, axes = (time.shape[0] if time.shape else 1), _axes(variables)
    variables[epoch] = time.unrolled(length)
    for name, variable in variables.items():
        if variable.varies or not variable.records:
            continue
        told = epoch in (variable.depends_on, variable.named("DEPEND_1"))
        fits = bool(time.shape) and variable.shape[:1] == (length,)
        if fits and (told or (variable.depends_on is None and name not in axes)):
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
    """Return the time variables that can give the rows, with their records: those that hang on no other one."""
    instants = {name: variable for name, variable in variables.items() if variable.is_time}
    return {
        name: variable.records
        for name, variable in instants.items()
        if variable.depends_on not in instants.keys() - {name}
    }


def choose(path: object, wanted: str | None, epochs: Mapping[str, int], variables: Variables) -> str | None:
    """Return the time variable that gives the rows, or `None` where the file has none."""
    if wanted is not None:
        if wanted not in epochs:
            raise QueryError(f"{path} has no time variable {wanted!r}; it has: {', '.join(epochs) or 'none at all'}.")
        return wanted
    virtual = {name for name in epochs if not epochs[name] and "VIRTUAL" in variables[name].attributes}
    called_so = [name for name in epochs if name.lower() == "epoch" and name not in virtual]
    if called_so:
        return called_so[0]
    data = Counter(
        variable.depends_on for variable in variables.values() if variable.attributes.get("VAR_TYPE") == "data"
    )
    return max(epochs, key=lambda name: (epochs[name] > 0, data[name]), default=None)


def in_rows(variables: Variables, chosen: str | None, epochs: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """
    Return the names of the columns, and what is odd about the file.

    Columns are the time variable and whatever has one value for each of its records. Some files name no variable in
    DEPEND_0, or a number, or an energy: there the length says where a variable belongs, if only one time has it.
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
        if variable.records == length and (variable.depends_on == chosen if told else alone):
            names.append(name)
            if not told:
                problems.append(f"{name} names no time variable in DEPEND_0: placed by its {length} records.")
        elif told and variable.depends_on == chosen:
            problems.append(f"{name} has {variable.records} records, {chosen} has {length}: see meta['support'].")
    return names, problems


def _on_time(time: Variable) -> list[str]:
    """Say what had to be taken for granted of a time variable."""
    if time.count is None or not time.count.is_assumed:
        return []
    return [f"{time.name} does not say from when it counts: taken as UTC since 1970, by the convention of DEPEND_TIME."]


def without_time(variables: Variables) -> Variables:
    """Return the variables of a file without time variables; data that do not vary, as of a calibration, make a row."""
    fixed = {name for name, variable in variables.items() if variable.records and not variable.varies}
    data = {name for name in fixed if variables[name].attributes.get("VAR_TYPE") == "data"}
    if not data or any(variable.varies and variable.records for variable in variables.values()):
        return variables
    row = data | {name for name in fixed if variables[name].is_instant}
    return {
        name: variable.unrolled(1, is_new=True) if name in row and variable.is_number else variable
        for name, variable in variables.items()
    }


def _by_record(variables: Variables) -> tuple[list[str], list[str]]:
    """Return the columns of a file without times: its records, or the one row of what does not vary."""
    lengths = Counter(variable.records for variable in variables.values() if variable.varies)
    length = lengths.most_common(1)[0][0] if lengths else 0
    names = [name for name, variable in variables.items() if variable.varies and variable.records == length]
    return names, ["The file has no time variable: the rows are its records, in order."]
