"""
Lists and mappings that are not concatenated when tables are stacked.

When tables are stacked, astropy concatenates the lists and arrays in their metadata: two days of vectors would have six
labels for three components, and twice as many energies as bins. These two types are kept if both tables agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from astropy.io.misc.yaml import AstropyDumper
from astropy.time import Time

from sunpy_helio_plugins.io import values

__all__ = ["FrozenList", "FrozenMapping", "LazyMapping"]


class FrozenList(Sequence[Any]):
    """A list that is never concatenated with another one."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = tuple(items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and tuple(other) == self._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return repr(list(self._items))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class FrozenMapping(Mapping[str, Any]):
    """A mapping that is never merged with another one; its values may contain arrays."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and _same(self, other)

    def __hash__(self) -> int:
        return hash(tuple(self._items))

    def __repr__(self) -> str:
        return repr(dict(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Every slice of a table copies its metadata.
        return self


class LazyMapping(FrozenMapping):
    """A mapping whose values are computed on first access, by functions without arguments."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__({})
        self._makers = dict(makers)

    def __getitem__(self, key: str) -> Any:
        if key not in self._items:
            self._items[key] = self._makers[key]()
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __hash__(self) -> int:
        return hash(tuple(self._makers))

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return FrozenMapping, (dict(self),)


def _same(one: Any, other: Any) -> bool:
    """Compare values that may be arrays, at any depth of mappings."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    try:
        return bool(np.all(one == other)) and np.shape(one) == np.shape(other)
    except ValueError:
        return False


def _writable(value: Any) -> Any:
    """Return a value in a form that a header can contain, at any depth: YAML cannot represent masked times."""
    if isinstance(value, Mapping):
        return {key: _writable(one) for key, one in value.items()}
    return _stamps(value) if isinstance(value, Time) and np.any(value.mask) else value


def _stamps(time: Time) -> Any:
    stamps = time.to_value("isot", subfmt="date_hms")
    known = np.array(getattr(stamps, "unmasked", stamps), dtype=object)
    known[np.asarray(time.mask)] = None
    return known.tolist()


# A written table contains plain lists and dicts.
AstropyDumper.add_representer(FrozenList, lambda dumper, items: dumper.represent_list(list(items)))
AstropyDumper.add_representer(FrozenMapping, lambda dumper, items: dumper.represent_dict(_writable(items)))
AstropyDumper.add_representer(LazyMapping, lambda dumper, items: dumper.represent_dict(_writable(items)))

# Formats that keep everything restore them unchanged; see `sunpy_helio_plugins.io`.
values.register("kept list", FrozenList, FrozenList)
values.register("kept mapping", FrozenMapping, FrozenMapping)
