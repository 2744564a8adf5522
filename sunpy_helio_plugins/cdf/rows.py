"""Find the variables of a CDF file that share a time variable, and so the rows of a table."""

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
    Return the variables, such that each with rows varies by record and names its time in ``depends_on``.

    In the file, a time may be named in DEPEND_TIME, may be a number that counts, or may not vary by record, if the
    writer put all instants into one record.
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


def _unroll(variables: dict[str, Variable], epoch: str) -> None:
    """Split the one record of a time variable, and of those that depend on it, into one for each instant."""
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
    """Return the number of records of each time variable that can give the rows (not dependent on another)."""
    instants = {name: variable for name, variable in variables.items() if variable.is_time}
    return {
        name: variable.records
        for name, variable in instants.items()
        if variable.depends_on not in instants.keys() - {name}
    }


def choose(path: object, wanted: str | None, epochs: Mapping[str, int], variables: Variables) -> str | None:
    """Return the time variable that gives the rows, or `None` if the file does not have one."""
    if wanted is not None:
        if wanted not in epochs:
            raise QueryError(f"{path} does not have a time variable {wanted!r}; it has: {', '.join(epochs) or 'none'}.")
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
    Return the names of the columns, and the irregularities of the file.

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
        if variable.records == length and (variable.depends_on == chosen if told else alone):
            names.append(name)
            if not told:
                problems.append(f"{name} does not name a time variable in DEPEND_0: placed by its {length} records.")
        elif told and variable.depends_on == chosen:
            problems.append(f"{name} has {variable.records} records, {chosen} has {length}: see meta['support'].")
    return names, problems


def _on_time(time: Variable) -> list[str]:
    """Return a description of the assumption about a time variable, if there is one."""
    if time.count is None or not time.count.is_assumed:
        return []
    return [f"{time.name} does not state its start: read as UTC since 1970, by the convention of DEPEND_TIME."]


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


def _by_record(variables: Variables) -> tuple[list[str], list[str]]:
    """Return the columns of a file without times: its records, or the single row of data that do not vary."""
    lengths = Counter(variable.records for variable in variables.values() if variable.varies)
    length = lengths.most_common(1)[0][0] if lengths else 0
    names = [name for name, variable in variables.items() if variable.varies and variable.records == length]
    return names, ["The file does not have a time variable: the rows are its records, in order."]
