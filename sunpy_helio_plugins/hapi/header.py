"""
The info object of HAPI: what a dataset's parameters are called, what they mean, how their records are laid out.

Follows the HAPI specification 3.3, section "info"
(https://github.com/hapi-server/data-specification), and forgives what real servers do: keys that are missing, sizes of
one, numbers where strings belong, references that were left unresolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import FileError

__all__ = ["NO_DATA", "OK", "Info", "Parameter", "status_of"]

OK, NO_DATA = 1200, 1201
"""HAPI status codes of answers that are no errors: records came, and the range has none."""

_NUMBERS = {"double": "<f8", "integer": "<i4"}
_TEXTS = ("string", "isotime")


@dataclass(frozen=True)
class Parameter:
    """
    One parameter, as the server describes it.

    Parameters
    ----------
    raw : mapping
        The member of ``parameters``, untouched.

    Attributes
    ----------
    raw : mapping
        As given.
    """

    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name, as the server spells it."""
        return str(self.raw["name"])

    @property
    def type(self) -> str:
        """``double``, ``integer``, ``string`` or ``isotime``; empty where the server does not say."""
        return str(self.raw.get("type") or "")

    @property
    def is_text(self) -> bool:
        """Whether the values are strings or times."""
        return self.type in _TEXTS

    @cached_property
    def size(self) -> tuple[int, ...]:
        """The shape of one value as the server declares it; empty for a scalar."""
        size = self.raw.get("size")
        return tuple(int(length) for length in (size if isinstance(size, list) else [size] if size else []))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one value in a table: a size of [1] is a scalar (legal, discouraged, and ESA's habit)."""
        return () if self.size == (1,) else self.size

    @property
    def width(self) -> int:
        """How many values one record holds: the parameter's fields in CSV."""
        return prod(self.size)

    @property
    def length(self) -> int | None:
        """Bytes of one text in binary, where the server says so."""
        length = self.raw.get("length")
        return int(length) if length is not None else None

    @property
    def units(self) -> str | list[str | None] | None:
        """The unit's text; a list where elements differ; `None` where there is none."""
        units = _flat(self.raw.get("units"))
        if not isinstance(units, list):
            return units if units is None else str(units)
        distinct = list(dict.fromkeys(units))
        return distinct[0] if len(distinct) == 1 else units

    @property
    def labels(self) -> list[str] | None:
        """One label for each element, where the server gives as many; `None` otherwise."""
        labels = _flat(self.raw.get("label"))
        return [str(label) for label in labels] if isinstance(labels, list) and len(labels) == self.width else None

    @property
    def fill(self) -> str | float | None:
        """The fill value: text by the specification, a number on some servers."""
        fill: str | float | None = self.raw.get("fill")
        return fill

    @property
    def description(self) -> str | None:
        """What the parameter is, where the server says so."""
        return self.raw.get("description") or None

    def dtype(self) -> str:
        """
        Return the numpy type of one value in a binary stream (little-endian, no alignment; texts padded with nulls).

        Raises
        ------
        FileError
            The type is unknown, or a text has no length.
        """
        if self.type in _NUMBERS:
            return _NUMBERS[self.type]
        if self.is_text and self.length:
            return f"S{self.length}"
        what = "no length" if self.is_text else f"the type {self.type or '(none)'!r}"
        raise FileError(f"The parameter {self.name!r} has {what}: its binary records cannot be read.")


@dataclass(frozen=True)
class Info:
    """
    A dataset's description, or the header of a stream of its records.

    Parameters
    ----------
    raw : mapping
        The object, with references resolved.

    Attributes
    ----------
    raw : mapping
        As given.
    """

    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, answer: Any) -> Info:
        """
        Read a decoded info answer or header.

        Parameters
        ----------
        answer : dict
            The decoded JSON; ``data`` is left out.

        Raises
        ------
        FileError
            It has no parameters.
        """
        parameters = answer.get("parameters") if isinstance(answer, dict) else None
        if not isinstance(parameters, list) or not parameters or not all(_is_named(member) for member in parameters):
            raise FileError("This is no HAPI header: it has no list of named parameters.")
        definitions = answer.get("definitions") or {}
        kept = {key: value for key, value in answer.items() if key not in ("data", "definitions")}
        return cls(_resolved(kept, definitions))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, the primary time first."""
        return tuple(Parameter(raw) for raw in self.raw["parameters"])

    @property
    def time(self) -> Parameter:
        """The primary time, whatever its name."""
        return self.parameters[0]

    @property
    def code(self) -> int | None:
        """The HAPI status code, where there is one."""
        return status_of(self.raw)[0]

    @property
    def format(self) -> str | None:
        """The format of the records: csv, binary or json."""
        return self.raw.get("format")

    @property
    def start(self) -> str | None:
        """Where the dataset begins, as the server spells it."""
        return self.raw.get("startDate") or None

    @property
    def stop(self) -> str | None:
        """Where the dataset ends, as the server spells it; a year far ahead marks one that still grows."""
        return self.raw.get("stopDate") or None

    @property
    def cadence(self) -> str:
        """The nominal distance of records as an ISO duration; empty where the server does not say."""
        return str(self.raw.get("cadence") or "")

    @property
    def description(self) -> str:
        """What the dataset is; empty where the server does not say."""
        return str(self.raw.get("description") or "")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters, the primary time's first."""
        return tuple(parameter.name for parameter in self.parameters)

    def subset(self, names: Iterable[str]) -> Info:
        """
        Return the description of some parameters, in the server's order, the primary time included.

        Parameters
        ----------
        names : iterable of str
            The parameters wanted; none means all.
        """
        wanted = set(names)
        if not wanted:
            return self
        kept = [self.time.raw, *(other.raw for other in self.parameters[1:] if other.name in wanted)]
        return Info({**self.raw, "parameters": kept})

    def record(self) -> np.dtype[Any]:
        """
        Return the layout of one binary record; its fields are called ``f0``, ``f1``, ... since names may repeat.

        Raises
        ------
        FileError
            A parameter's layout is not known.
        """
        fields = [(f"f{index}", one.dtype(), one.shape) for index, one in enumerate(self.parameters)]
        return np.dtype(fields)

    def header(self, chosen: str) -> bytes:
        """
        Return the header for a file whose server gave none: one line that begins with ``#``.

        Parameters
        ----------
        chosen : str
            The format of the records.
        """
        document = {"HAPI": "3.0", "status": {"code": OK, "message": "OK"}, **self.raw, "format": chosen}
        return b"#" + json.dumps(document, ensure_ascii=False).encode() + b"\n"


def status_of(answer: Any) -> tuple[int | None, str]:
    """
    Return the HAPI status code and message of a decoded answer.

    Parameters
    ----------
    answer : object
        Any decoded JSON.

    Returns
    -------
    code : int or None
        `None` where there is none; codes that come as text are read.
    message : str
        The server's words.
    """
    status = answer.get("status") if isinstance(answer, Mapping) else None
    if not isinstance(status, Mapping):
        return None, ""
    try:
        code = int(status.get("code", ""))
    except (TypeError, ValueError):
        return None, str(status.get("message", ""))
    return code, str(status.get("message", ""))


def _is_named(member: Any) -> bool:
    return isinstance(member, dict) and bool(member.get("name"))


def _flat(value: Any) -> Any:
    """Return nested lists as one list, last index fastest."""
    if not isinstance(value, list):
        return value
    return [leaf for part in value for leaf in (_flat(part) if isinstance(part, list) else [part])]


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Replace ``{"$ref": "#/definitions/name"}`` by what it names; the specification forbids references that nest."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).removeprefix("#/definitions/")
        if name in definitions:
            return definitions[name]
        return {key: _resolved(member, definitions) for key, member in value.items()}
    if isinstance(value, list) and definitions:
        return [_resolved(member, definitions) for member in value]
    return value
