"""
The variables of a CDF file, as cdflib finds them.

cdflib was chosen over pycdfpp, which is twice as fast: what is damaged makes pycdfpp end the interpreter, as 38 of 200
mutated files did. What cdflib cannot stand, endless chains and billions of records, `structure` finds out before.

Attributes are those of the ISTP guidelines (https://spdf.gsfc.nasa.gov/istp_guide/variables.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.imap import structure
from sunpy_helio_plugins.imap.kept import KeptList

__all__ = ["Variable", "load", "plain"]

_TEXTS = (51, 52)
_BIG = (1, 2, 5, 7, 9, 11, 12)
"""Encodings that write the highest byte first."""

_NUMBERS = {
    1: "i1", 2: "i2", 4: "i4", 8: "i8", 11: "u1", 12: "u2", 14: "u4", 21: "f4", 22: "f8", 31: "f8", 32: "c16",
    33: "i8", 41: "i1", 44: "f4", 45: "f8",
}  # fmt: skip
"""Data types of the attributes."""

_TIME_KINDS = {"CDF_TIME_TT2000", "CDF_EPOCH", "CDF_EPOCH16"}


@dataclass(frozen=True)
class Variable:
    """
    One variable of a CDF file.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        The CDF data type.
    records : int
        How many records it has.
    varies : bool
        Whether its records are instants, or it is one value for the whole file.
    attributes : dict
        The variable's attributes, as plain Python.
    cdf : object
        The open file, which is read when ``values`` are first asked for.
    """

    name: str
    kind: str
    records: int
    varies: bool
    attributes: dict[str, Any] = field(repr=False)
    cdf: Any = field(repr=False)

    @property
    def is_time(self) -> bool:
        """Whether its values are instants."""
        return self.varies and self.kind in _TIME_KINDS

    @property
    def depends_on(self) -> str | None:
        """
        The variable that ``DEPEND_0`` names.

        `None` where there is none; some files have a number there, which names nothing.
        """
        named = self.attributes.get("DEPEND_0")
        return named if isinstance(named, str) and named else None

    @cached_property
    def values(self) -> NDArray[Any]:
        """The values; the first axis is the record where the variable varies."""
        try:
            found = np.asarray(self.cdf.varget(self.name))
        except Exception as error:
            raise FileError(f"{self.cdf.file}: the variable {self.name} cannot be read ({error}).") from error
        if self.varies and found.shape[:1] != (self.records,) and self.records == 1:
            found = found.reshape(1, *found.shape)
        if self.varies and len(found) != self.records:
            raise FileError(f"{self.cdf.file}: of {self.name} there are {len(found)} records, not {self.records}.")
        return found


def load(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """
    Return what a CDF file holds.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    variables : dict of Variable
        By name, in the file's order.
    attributes : dict
        The global attributes; a list where one has several entries.

    Raises
    ------
    FileError
        The file is not there or is no CDF file.
    """
    import cdflib

    path = Path(path).expanduser()
    if not path.is_file():
        raise FileError(f"{path}: there is no such file.")
    entries = structure.check(path)
    try:
        try:
            return _contents(cdflib.CDF(path, string_encoding="utf-8"), entries)
        except UnicodeDecodeError:
            # Texts are UTF-8 as a rule, and in old files Latin-1; cdflib's own choice would drop letters.
            return _contents(cdflib.CDF(path, string_encoding="latin-1"), entries)
    except Exception as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error!r}).") from error


def _contents(cdf: Any, entries: list[structure.Entry]) -> tuple[dict[str, Variable], dict[str, Any]]:
    info = cdf.cdf_info()
    attributes: dict[tuple[bool, int], dict[str, Any]] = {}
    for entry in entries:
        attributes.setdefault((entry.is_z, entry.variable), {}).setdefault(entry.attribute, _value(entry))
    variables = {name: _variable(cdf, name, attributes) for name in [*info.rVariables, *info.zVariables]}
    return variables, {name: _single(entries) for name, entries in cdf.globalattsget().items()}


def _variable(cdf: Any, name: str, attributes: Mapping[tuple[bool, int], dict[str, Any]]) -> Variable:
    about = cdf.varinq(name)
    own = attributes.get((about.Var_Type == "zVariable", about.Num), {})
    return Variable(name, about.Data_Type_Description, about.Last_Rec + 1, bool(about.Rec_Vary), own, cdf)


def _value(entry: structure.Entry) -> Any:
    """Return the value of an attribute in plain Python: a text, a number, or several."""
    if entry.type in _TEXTS:
        try:
            text = entry.content.decode("utf-8")
        except UnicodeDecodeError:
            text = entry.content.decode("latin-1")
        return text.replace("\0", "")
    order: Literal[">", "<"] = ">" if entry.encoding in _BIG else "<"
    found = np.frombuffer(entry.content, np.dtype(_NUMBERS[entry.type]).newbyteorder(order))
    values = found.astype(found.dtype.newbyteorder("="))
    return plain(values[0] if len(values) == 1 else values)


def _single(entries: Any) -> Any:
    found = [plain(entry) for entry in entries] if isinstance(entries, list) else [plain(entries)]
    return found[0] if len(found) == 1 else KeptList(found)


def plain(value: Any) -> Any:
    """
    Return an attribute's value without numpy's types, so that it can be written into a table's header.

    Several values become a `KeptList`.

    Parameters
    ----------
    value
        A number, a text or an array of them.
    """
    bare = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return KeptList(bare) if isinstance(bare, list) else bare
