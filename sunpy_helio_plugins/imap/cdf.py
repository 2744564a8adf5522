"""
CDF files as tables.

The way of an IMAP file, and of any that follows the ISTP guidelines: a time variable gives the rows, each variable that
depends on it a column with all its dimensions, and whatever does not vary, or does not fit, stays at hand in the
table's ``meta``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from astropy.table import QTable

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.imap.kept import KeptMapping
from sunpy_helio_plugins.imap.variables import Variable, as_column, as_support, as_time, load

__all__ = ["read"]

Variables = Mapping[str, Variable]


def read(path: str | Path, epoch: str | None = None) -> QTable:
    """
    Read a CDF file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    epoch : str, optional
        The time variable whose records are wanted, where a file has several. Defaults to ``"epoch"``, in any case of
        letters; where none is called so, to the one on which most data depend.

    Returns
    -------
    astropy.table.QTable
        The time variable first, as UTC, exact to the nanosecond, leap seconds included; then the variables that depend
        on it, in the file's order, n-d ones as n-d columns. Fill values are masked, except where they lie inside the
        valid range. A unit that is not understood stays text in ``info.meta["unit_string"]``; ``info.meta`` holds the
        variable's attributes, and the names and labels of its axes.

        ``meta`` holds the file's attributes and

        - ``"epoch"``, the time variable of this table, and ``"epochs"``, the records of each one in the file;
        - ``"support"``, the variables that have no place in the rows (axes, labels, others), each a dict of its
          ``"values"`` and attributes;
        - ``"problems"``, what is odd about the file.

    Raises
    ------
    FileError
        There is no such file, or it cannot be read as CDF.
    QueryError
        The file has no time variable ``epoch``.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> table = imap.read("imap_mag_l2_norm-gse_20260110_v001.0002.cdf")  # doctest: +SKIP
    >>> table["b_gse"].unit  # doctest: +SKIP
    Unit("nT")
    """
    variables, attributes = load(path)
    epochs = _epochs(variables)
    chosen = _choose(path, epoch, epochs, variables)
    rows, problems = _in_rows(variables, chosen, epochs)
    support = {
        name: as_support(variable, variables)
        for name, variable in variables.items()
        if name not in rows and name not in epochs and variable.depends_on not in epochs.keys() - {chosen}
    }
    table = QTable()
    for variable in map(variables.__getitem__, rows):
        table[variable.name] = as_time(variable) if variable.is_time else as_column(variable, variables)
    of_file = {"epoch": chosen, "epochs": epochs, "support": KeptMapping(support), "problems": problems}
    table.meta = {**attributes, **of_file}
    return table


def _epochs(variables: Variables) -> dict[str, int]:
    """Return the time variables that can give the rows, with their records: those that hang on no other one."""
    instants = {name: variable for name, variable in variables.items() if variable.is_time}
    return {
        name: variable.records
        for name, variable in instants.items()
        if variable.depends_on not in instants.keys() - {name}
    }


def _choose(path: str | Path, wanted: str | None, epochs: Mapping[str, int], variables: Variables) -> str | None:
    """Return the time variable that gives the rows, or `None` where the file has none."""
    if wanted is not None:
        if wanted not in epochs:
            raise QueryError(f"{path} has no time variable {wanted!r}; it has: {', '.join(epochs) or 'none at all'}.")
        return wanted
    called_so = [name for name in epochs if name.lower() == "epoch"]
    if called_so:
        return called_so[0]
    data = Counter(
        variable.depends_on for variable in variables.values() if variable.attributes.get("VAR_TYPE") == "data"
    )
    return max(epochs, key=lambda name: (epochs[name] > 0, data[name]), default=None)


def _in_rows(variables: Variables, chosen: str | None, epochs: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """
    Return the names of the columns, and what is odd about the file.

    Columns are the time variable and whatever has one value for each of its records. Some files name no variable in
    DEPEND_0, or a number, or an energy: there the length says where a variable belongs, if only one time has it.
    """
    problems = [] if chosen is not None else ["The file has no time variable: the rows are its records, in order."]
    length = epochs[chosen] if chosen is not None else _usual_length(variables)
    alone = list(epochs.values()).count(length) <= 1
    names = [] if chosen is None else [chosen]
    for name, variable in variables.items():
        if name in epochs or not variable.varies:
            continue
        told = variable.depends_on in epochs
        if variable.records == length and (variable.depends_on == chosen if told else alone):
            names.append(name)
            if not told and chosen is not None:
                problems.append(f"{name} names no time variable in DEPEND_0: placed by its {length} records.")
        elif told and variable.depends_on == chosen:
            problems.append(f"{name} has {variable.records} records, {chosen} has {length}: see meta['support'].")
    return names, problems


def _usual_length(variables: Variables) -> int:
    """Return the number of records that most variables have."""
    lengths = Counter(variable.records for variable in variables.values() if variable.varies)
    return lengths.most_common(1)[0][0] if lengths else 0
