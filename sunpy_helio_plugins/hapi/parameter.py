"""
One parameter of a HAPI dataset: what it is called, what it means, how its values are laid out in a record.

Follows the HAPI specification 3.3, section "The Parameter Object"
(https://github.com/hapi-server/data-specification), and forgives what real servers do: keys that are missing, sizes of
one, numbers where strings belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from sunpy_helio_plugins.errors import FileError

__all__ = ["NUMBERS", "Parameter"]

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
