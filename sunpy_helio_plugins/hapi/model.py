"""The info object of a dataset: parameters, units, fills and bins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import FileError

__all__ = ["NO_DATA", "NUMBERS", "OK", "Info", "Parameter", "status_of"]

NUMBERS = ("double", "integer", "long")
"""Types whose values are numbers; the last is of a later HAPI, with no layout in binary yet."""

_LAYOUTS = {"double": "<f8", "integer": "<i4"}

_TEXTS = ("string", "isotime")

_SPELLINGS = {"int": "integer", "float": "double"}
"""Types as examples of the specification spell them."""

_LARGEST = 10_000_000
"""Values of one parameter in one record that are believed."""


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

    @cached_property
    def name(self) -> str:
        """The name, as the server spells it; CDAWeb's prototypes put it into a list."""
        return str(_alone(self.raw["name"]))

    @cached_property
    def type(self) -> str:
        """``double``, ``integer``, ``string`` or ``isotime``; empty where the server does not say."""
        said = str(self.raw.get("type") or "").lower()
        return _SPELLINGS.get(said, said)

    @property
    def is_text(self) -> bool:
        """Whether the values are strings or times."""
        return self.type in _TEXTS

    @cached_property
    def size(self) -> tuple[int, ...]:
        """The shape of one value as the server declares it; empty for a scalar."""
        size = self.raw.get("size")
        try:
            given = size if isinstance(size, list) else [size] if size else []
            lengths = tuple(int(length) for length in given)
        except (TypeError, ValueError):
            raise FileError(f"The size {size!r} of the parameter {self.name!r} is no list of lengths.") from None
        if any(length < 1 for length in lengths) or prod(lengths) > _LARGEST:
            raise FileError(f"The parameter {self.name!r} has the size {size!r}, which is not believed.")
        return lengths

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one value in a table: a size of [1] is a scalar (legal, discouraged, and ESA's habit)."""
        return () if self.size == (1,) else self.size

    @cached_property
    def width(self) -> int:
        """How many values one record holds: the parameter's fields in CSV."""
        return prod(self.size)

    @property
    def length(self) -> int | None:
        """Bytes of one text in binary, where the server says so."""
        length = self.raw.get("length")
        try:
            return int(length) if length is not None and 0 < int(length) <= _LARGEST else None
        except (TypeError, ValueError):
            return None

    @property
    def units(self) -> str | list[str | None] | None:
        """The unit's text; a list where elements differ; `None` where there is none."""
        given = self.raw.get("units")
        spread = _spread(given, self.size)
        units = flat(given) if spread is None and isinstance(given, list) else spread or [given]
        # A reference that leads nowhere is no unit.
        texts = [None if unit is None or isinstance(unit, dict) else str(unit) for unit in units]
        distinct = list(dict.fromkeys(texts))
        return distinct[0] if len(distinct) == 1 else texts or None

    @property
    def labels(self) -> list[str] | None:
        """One label for each element, where the server gives as many; `None` otherwise."""
        labels = flat(self.raw.get("label"))
        return [str(label) for label in labels] if isinstance(labels, list) and len(labels) == self.width else None

    @property
    def title(self) -> str:
        """What a plot calls the parameter: its one label, or its name."""
        label = flat(self.raw.get("label"))
        one = label[0] if isinstance(label, list) and len(label) == 1 else label
        return one if isinstance(one, str) and one else self.name

    @property
    def components(self) -> list[str]:
        """What the elements are called: by labels where they differ, by ``vectorComponents``, else by numbers."""
        labels = self.labels
        if labels is not None and len(set(labels)) == len(labels):
            return labels
        vector = self.vector_components
        if vector is not None and len(set(vector)) == self.width:
            return vector
        numbers = [""] if not self.shape else [str(i) for i in range(self.shape[0])]
        for length in self.shape[1:]:
            numbers = [f"{before}_{i}" for before in numbers for i in range(length)]
        return numbers

    @property
    def vector_components(self) -> list[str] | None:
        """``vectorComponents``; x, y, z where a coordinate system is named and the size is 3, as the default is."""
        given = self.raw.get("vectorComponents")
        if isinstance(given, str):
            return [given]
        if isinstance(given, list) and given:
            return [str(one) for one in given]
        return ["x", "y", "z"] if self.coordinate_system and self.size == (3,) else None

    @property
    def coordinate_system(self) -> str | None:
        """``coordinateSystemName``, where the server gives it."""
        name = self.raw.get("coordinateSystemName")
        return str(name) if name else None

    @property
    def bins(self) -> list[Mapping[str, Any]]:
        """One description for each dimension that has bins, in order; empty where there are none."""
        bins = self.raw.get("bins")
        bins = [bins] if isinstance(bins, dict) else bins
        return [one for one in bins if isinstance(one, dict)] if isinstance(bins, list) else []

    @property
    def references(self) -> set[str]:
        """Names of the parameters that hold this one's time-varying bins."""
        named = (one.get(key) for one in self.bins for key in ("centers", "ranges"))
        return {name for name in named if isinstance(name, str)}

    @property
    def fill(self) -> str | float | None:
        """The fill value: text by the specification, a number or one of each element on some servers."""
        fill = _alone(self.raw.get("fill"))
        return fill if _is_fill(fill) else None

    @property
    def fills(self) -> list[str | float | None] | None:
        """The fill value of each element, in the order of a record, where they differ; `None` where there is one."""
        given = self.raw.get("fill")
        if not isinstance(given, list) or not isinstance(_alone(given), list):
            return None
        spread = _spread(given, self.size)
        return None if spread is None else [one if _is_fill(one) else None for one in spread]

    @property
    def may_be_missing(self) -> bool:
        """Whether values can be missing at all: numbers always, since CSV and JSON have fields without any."""
        return not self.is_text or self.fill is not None or self.fills is not None

    @property
    def description(self) -> str | None:
        """What the parameter is, where the server says so."""
        description = self.raw.get("description")
        return str(description) if description else None

    def dtype(self) -> str:
        """
        Return the numpy type of one value in a binary stream (little-endian, no alignment; texts padded with nulls).

        Raises
        ------
        FileError
            The type is unknown, or a text has no length.
        """
        if self.type in _LAYOUTS:
            return _LAYOUTS[self.type]
        if self.is_text and self.length:
            return f"S{self.length}"
        what = "no length" if self.is_text else f"the type {self.type or '(none)'!r}"
        raise FileError(f"The parameter {self.name!r} has {what}: its binary records cannot be read.")

    def __repr__(self) -> str:
        shape = f"[{', '.join(map(str, self.size))}]" if self.shape else ""
        unit = self.units
        unit_text = f" ({', '.join(map(str, unit)) if isinstance(unit, list) else unit})" if unit else ""
        return f"<{self.name}: {self.type or 'unknown'}{shape}{unit_text}>"


def _is_fill(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def flat(value: Any) -> Any:
    """Return nested lists as one list, last index fastest."""
    if not isinstance(value, list):
        return value
    return [leaf for part in value for leaf in (flat(part) if isinstance(part, list) else [part])]


def _alone(value: Any) -> Any:
    """Return the one value of a list that holds no other; what is no list, as it is."""
    leaves = flat(value) if isinstance(value, list) else []
    return leaves[0] if leaves and all(leaf == leaves[0] for leaf in leaves) else value


def _spread(value: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """Return one value for each element, where one may stand for all of a dimension; `None` where they do not fit."""
    width = prod(shape)
    if not isinstance(value, list):
        return [value] * width
    if len(value) == 1:
        return _spread(value[0], shape)
    if shape and len(value) == shape[0]:
        parts = [_spread(part, shape[1:]) for part in value]
        return None if None in parts else [leaf for part in parts for leaf in part or ()]
    leaves = flat(value)
    return leaves if len(leaves) == width else None


OK, NO_DATA = 1200, 1201
"""HAPI status codes of answers that are no errors: records came, and the range has none."""

_MOST_FIELDS = 20_000_000

_SHOWN = 60


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
        definitions = answer.get("definitions")
        kept = {key: value for key, value in answer.items() if key not in ("data", "definitions")}
        kept["parameters"] = [_tidied(member) for member in parameters]
        info = cls(_resolved(kept, definitions if isinstance(definitions, dict) else {}))
        if sum(parameter.width for parameter in info.parameters) > _MOST_FIELDS:
            raise FileError(f"This HAPI header describes records of more than {_MOST_FIELDS} values: not believed.")
        return info

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, the primary time first."""
        first, *rest = self.raw["parameters"]
        # The first is the time by definition; some servers forget to say so, or say it in their own words.
        first = first if Parameter(first).is_text else {**first, "type": "isotime"}
        return tuple(map(Parameter, (first, *rest)))

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
        chosen = self.raw.get("format")
        return str(chosen).lower() if chosen else None

    @property
    def version(self) -> str:
        """The version of HAPI; empty where the server does not say."""
        return str(self.raw.get("HAPI") or "")

    @property
    def units_schema(self) -> str | None:
        """The convention of the units, where the server names one: udunits2, astropy3, cdf-cluster, vounits1.1."""
        schema = self.raw.get("unitsSchema")
        return str(schema) if schema else None

    @property
    def time_stamp_location(self) -> str:
        """Where in its interval a record's time lies: begin, center (the default), end or other."""
        return str(self.raw.get("timeStampLocation") or "center").lower()

    @property
    def start(self) -> str | None:
        """Where the dataset begins, as the server spells it."""
        return _text(self.raw.get("startDate"))

    @property
    def stop(self) -> str | None:
        """Where the dataset ends, as the server spells it; a year far ahead marks one that still grows."""
        return _text(self.raw.get("stopDate"))

    @property
    def cadence(self) -> str:
        """The nominal distance of records as an ISO duration; empty where the server does not say."""
        return str(self.raw.get("cadence") or "")

    @property
    def description(self) -> str:
        """What the dataset is; empty where the server does not say."""
        return str(self.raw.get("description") or "")

    @property
    def instrument(self) -> str | None:
        """The instrument; `None` where the server does not say, as HAPI has no keyword for it, only its own ``x_``."""
        said = self.raw.get("x_instrument") or self.raw.get("instrument")
        return said if isinstance(said, str) else None

    @property
    def origin(self) -> dict[str, str]:
        """``server`` and ``dataset``, where `of` wrote them down: HAPI's headers do not say whose they are."""
        said = self.raw.get("x_origin")
        return {str(key): str(value) for key, value in said.items()} if isinstance(said, Mapping) else {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters, the primary time's first."""
        return tuple(parameter.name for parameter in self.parameters)

    def with_origin(self, server: str, dataset: str) -> Info:
        """
        Return the description with a note of whose it is.

        Parameters
        ----------
        server : str
            The server's name.
        dataset : str
            The dataset's id.
        """
        return Info({**self.raw, "x_origin": {"server": server, "dataset": dataset}})

    def subset(self, names: Iterable[str]) -> Info:
        """
        Return the description of some parameters, in the server's order.

        The primary time comes along, and so do parameters that hold the time-varying bins of a wanted one.

        Parameters
        ----------
        names : iterable of str
            The parameters wanted; none means all.
        """
        wanted = set(names)
        if not wanted:
            return self
        for parameter in self.parameters:
            wanted |= parameter.references if parameter.name in wanted else set()
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
        try:
            return np.dtype(fields)
        except ValueError as error:
            raise FileError(f"These binary records cannot be laid out: {error}.") from None

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

    def __repr__(self) -> str:
        lines = [self.description[:200] or "(no description)", f"{self.start or '?'} to {self.stop or '?'}"]
        lines[1] += f", every {self.cadence}" if self.cadence else ""
        lines += [f"    {parameter!r} {(parameter.description or '')[:_SHOWN]}" for parameter in self.parameters]
        return "\n".join(lines)


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


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _is_named(member: Any) -> bool:
    return isinstance(member, dict) and bool(member.get("name"))


def _tidied(member: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a member of ``parameters`` without spaces around its keys: an example of the specification has them."""
    return {**{key.strip(): value for key, value in member.items()}, **member} if " " in "".join(member) else member


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
