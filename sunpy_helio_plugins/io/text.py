"""Conversion of columns of text and of objects to plain columns, which every format keeps exactly, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from operator import ne
from typing import Any

import numpy as np
from astropy.table import Column, MaskedColumn
from astropy.table.pprint import TableFormatter
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.errors import warn_incomplete
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.arrow.arrays import (
    has_match,
    mask_of_array,
    masked_array,
    objects_of,
    strings,
    text_array,
)
from sunpy_helio_plugins.io.sheet import Parts, Sheet
from sunpy_helio_plugins.quantities import fills
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.urls import public_url

__all__ = [
    "ALWAYS", "ObjectCodec", "SafeFormatter", "TextCodec", "add_text", "column_of", "masked_class", "masked_part",
    "text_of", "without_secrets",
]  # fmt: skip

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|^\s|\s$")
_WITH_SECRETS = "^(?:https?|ftp)://[^@?]*[@?]"
"""URLs that can contain a password or a key; see `without_secrets`."""

_LISTED = 2_000_000
"""The limit of the number of characters of unequal texts in the header; see `ObjectCodec`."""


_masked = unchecked(fills.masked)

ALWAYS = "always"
"""Marks columns that are written with their mask, even if no value is missing."""


def masked_class(column: Any) -> bool | str:
    """Return whether the class of a column supports masks."""
    if isinstance(column, fills.MaskKeepingColumn | fills.MaskKeepingQuantity):
        return ALWAYS
    return hasattr(column, "mask") and not (isinstance(column, Column) and not isinstance(column, MaskedColumn))


def masked_part(name: str, mask: NDArray[np.bool_] | None, sheet: Sheet) -> dict[str, str]:
    """Add a mask as a separate column, if it has to be written."""
    mask = sheet.mask_of(mask)
    if mask is None:
        return {}
    return {"mask": sheet.add(name, "mask", Column(np.array(mask)))}


def add_text(name: str, part: str, given: NDArray[np.str_], mask: Any, sheet: Sheet) -> dict[str, Any]:
    """Add a one-dimensional column of text; return the names of its parts, and whether the text is escaped."""
    if sheet.format.is_arrow:
        return _add_strings(name, part, given, mask, sheet)
    texts = given if mask is None else np.where(mask, "", given)
    known = set(texts.tolist()) if mask is None else set(texts[~mask].tolist())
    texts = _without_secrets(name, texts, known)
    is_escaped = any(map(_UNSAFE.search, known)) or (
        sheet.format.is_ascii and not all(text.isascii() for text in known)
    )
    if is_escaped:
        texts = np.array([_escape(text) for text in texts.tolist()], dtype=str)
    told: dict[str, Any] = {"escaped": True} if is_escaped else {}
    # Missing and empty texts cannot be distinguished in most formats.
    if mask is not None and sheet.format.mixins and "" not in known:
        return told | {"blank": True, "parts": {part: sheet.add(name, part, MaskedColumn(texts, mask=mask))}}
    return told | {"parts": masked_part(name, mask, sheet) | {part: sheet.add(name, part, Column(texts, copy=False))}}


def _add_strings(name: str, part: str, texts: NDArray[Any], mask: Any, sheet: Sheet) -> dict[str, Any]:
    """Add a column of text in Arrow, where missing texts are nulls; only text that is not Unicode is escaped."""
    told: dict[str, Any] = {}
    try:
        made = strings(texts, mask)
    except UnicodeError:
        told["escaped"] = True
        made = strings(np.array([_escape(text) for text in texts.tolist()], dtype=str), mask)
    if has_match(made, "://", _WITH_SECRETS):
        known = texts if mask is None else np.where(mask, "", texts)
        bare = _without_secrets(name, known, set(known.tolist()))
        made = made if bare is known else strings(bare, mask)
    blank = {} if mask is None else {"blank": True}
    return told | blank | {"parts": {part: sheet.add(name, part, made)}}


def text_of(spec: Mapping[str, Any], parts: Parts, part: str = "") -> NDArray[np.str_]:
    """Return the texts that `add_text` added."""
    texts = parts.array(part).astype(str, copy=False)
    if spec.get("escaped"):
        texts = np.array([_unescape(text) for text in texts.tolist()], dtype=str)
    return texts


def _escape(text: str) -> str:
    made = text.encode("unicode_escape").decode()
    inner = made.strip(" ")
    if not inner:
        return "\\x20" * len(made)
    before = len(made) - len(made.lstrip(" "))
    return "\\x20" * before + inner + "\\x20" * (len(made) - before - len(inner))


def _unescape(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


class SafeFormatter(TableFormatter):
    """The printed form of a table; control characters of servers' texts are replaced."""

    def _pformat_col(self, *args: Any, **kwargs: Any) -> Any:
        texts, told = super()._pformat_col(*args, **kwargs)
        return [one if one.isprintable() else safe_cell(one) for one in texts], told


def safe_cell(text: str) -> str:
    """Return a text of the same length without control characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _without_secrets(name: str, texts: NDArray[np.str_], known: set[str]) -> NDArray[np.str_]:
    """Return texts without the passwords and keys in URLs, with a warning."""
    bare = {text: without_secrets(text) for text in known}
    changed = {text: shown for text, shown in bare.items() if shown != text}
    if not changed:
        return texts
    warn_incomplete(f"{name}: URLs with passwords or keys are written without these; downloads from them may fail.")
    return np.array([changed.get(text, text) for text in texts.tolist()], dtype=str)


def without_secrets(text: str) -> str:
    """Return a URL without its password and keys; other text is not changed."""
    if not text.startswith(("http://", "https://", "ftp://")) or not ("@" in text or "?" in text):
        return text
    shown = public_url(text)
    return shown if "***" in shown or "@" in text.split("/")[2] else text


class TextCodec:
    """Columns of text and of bytes."""

    kind = "text"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains one-dimensional text."""
        return isinstance(column, Column) and column.dtype.kind in "US" and column.ndim == 1

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the texts of a column."""
        data = np.asarray(np.ma.getdata(column))
        texts = np.char.decode(data, "utf-8", "surrogateescape") if data.dtype.kind == "S" and data.size else data
        mask = np.ma.getmaskarray(column) if masked_class(column) else None
        told = add_text(name, "", texts.astype(str), sheet.mask_of(mask), sheet)
        return told | {"dtype": data.dtype.str, "masked": masked_class(column)}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        dtype, mask = values.safe_dtype(spec["dtype"]), parts.mask(spec)
        texts = text_of(spec, parts)
        data = np.char.encode(texts, "utf-8", "surrogateescape") if dtype.kind == "S" and texts.size else texts
        return column_of(data.astype(dtype, copy=False), mask, spec["masked"])


def column_of(data: NDArray[Any], mask: NDArray[np.bool_] | None, masked: bool | str) -> Any:
    """Return a column of the class that `masked_class` returned."""
    if masked == ALWAYS:
        return _masked(data, mask)
    return MaskedColumn(data, mask=mask, copy=False) if masked else Column(data, copy=False)


class ObjectCodec:
    """
    Columns of Python objects that can be converted to JSON.

    If only a few different texts occur, such as the descriptions of datasets in many rows, they are listed once in the
    header, and the column contains their numbers.
    """

    kind = "objects"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains objects, or text of more than one dimension."""
        return isinstance(column, Column) and column.dtype.kind in "OUS"

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the objects of a column as JSON, or unchanged if the format writes JSON itself."""
        mask = np.ma.getmaskarray(column) if masked_class(column) else None
        if sheet.format.is_arrow and column.ndim == 1 and column.dtype.kind == "O":
            texts = _as_strings(name, np.asarray(np.ma.getdata(column)), mask, sheet)
            if texts is not None:
                return texts | {"masked": masked_class(column)}
        cells = list(np.ma.getdata(column))
        if mask is not None and column.ndim == 1:
            cells = [None if missing else cell for cell, missing in zip(cells, mask, strict=True)]
        told: dict[str, Any] = {"masked": masked_class(column)}
        if mask is not None and column.ndim > 1:
            if column.dtype.kind == "O":
                raise TypeError("masked objects in more than one dimension")
            data = np.ma.getdata(column).astype(object)
            data[mask] = None
            cells = data.tolist()
        if column.dtype.kind in "US" or column.ndim > 1:
            return told | {"dtype": column.dtype.str, "shape": list(column.shape[1:])} | _as_json(name, cells, sheet)
        listed = None if sheet.format.is_arrow else _listed(cells)
        if listed is not None:
            numbers = {text: number for number, text in enumerate(listed)}
            index = Column(np.array([numbers[cell] for cell in cells], dtype=np.int64))
            parts = masked_part(name, mask, sheet) | {"": sheet.add(name, "", index)}
            return told | {"listed": listed, "parts": parts}
        made = _as_objects(name, cells, sheet) if sheet.format.mixins else _as_json(name, cells, sheet)
        made["parts"] |= masked_part(name, mask, sheet)
        return told | made

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "dtype" in spec:
            return self._shaped(spec, parts)
        if "texts" in spec:
            data = objects_of(parts.arrow(""))
            return column_of(data, parts.mask(spec), spec["masked"])
        cells = self._cells(spec, parts)
        data = np.empty(len(cells), dtype=object)
        for index, cell in enumerate(cells):
            data[index] = cell
        mask = np.asarray(parts.array("mask"), dtype=bool) if "mask" in parts else None
        return column_of(data, mask, spec["masked"])

    def _cells(self, spec: Mapping[str, Any], parts: Parts) -> list[Any]:
        if "listed" in spec:
            return [spec["listed"][number] for number in parts.array("")]
        if spec.get("plain"):
            return list(np.ma.getdata(parts[""]))
        return [values.decoded(kept_json(text)) for text in text_of(spec, parts).tolist()]

    def _shaped(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        cells = [values.decoded(kept_json(text)) for text in text_of(spec, parts).tolist()]
        dtype = np.dtype(object) if spec["dtype"] == "|O" else values.safe_dtype(spec["dtype"])
        data = np.empty((len(cells), *spec["shape"]), dtype=object)
        for index, cell in enumerate(cells):
            data[index] = cell
        if not spec["masked"]:
            return column_of(data.astype(dtype), None, False)
        mask = np.array([cell is None for cell in data.flat], dtype=bool).reshape(data.shape)
        data[mask] = b"" if dtype.kind == "S" else ""
        return column_of(data.astype(dtype), mask, spec["masked"])


def _as_strings(name: str, cells: NDArray[np.object_], mask: Any, sheet: Sheet) -> dict[str, Any] | None:
    """Add objects that are texts as such, with nulls for missing ones; return `None` if others are among them."""
    try:
        made = text_array(cells)
    except (UnicodeError, TypeError, ValueError):
        return None
    gone = mask_of_array(made)
    if mask is not None:
        if gone is not None and (gone > mask).any():
            return None
        made, gone = masked_array(made, mask), mask
    if has_match(made, "://", _WITH_SECRETS):
        texts = np.array(["" if cell is None else cell for cell in made.to_pylist()], dtype=str)
        made = strings(_without_secrets(name, texts, set(texts.tolist())), gone)
    return {"texts": True, "blank": mask is not None, "parts": {"": sheet.add(name, "", made)}}


def _listed(cells: Sequence[Any]) -> list[str] | None:
    """Return the different texts, if it is better to write them once; `None` if not all cells are text."""
    if not cells or not all(type(cell) is str or cell is None for cell in cells):
        return None
    known = list(dict.fromkeys(cells))
    lengths = [len(cell or "") for cell in known]
    is_uneven = max(lengths) * len(cells) > 4 * sum(lengths) and sum(lengths) < _LISTED
    return known if 2 * len(known) <= len(cells) or is_uneven else None


def _as_objects(name: str, cells: list[Any], sheet: Sheet) -> dict[str, Any]:
    """Add objects for a format that writes them as JSON, unless JSON cannot represent them."""
    if any(type(cell) is str for cell in cells) or not all(map(_is_plain, cells)):
        return _as_json(name, cells, sheet)
    data = np.empty(len(cells), dtype=object)
    for index, cell in enumerate(cells):
        data[index] = cell
    return {"plain": True, "parts": {"": sheet.add(name, "", Column(data, copy=False))}}


def _is_plain(cell: Any) -> bool:
    """Return whether JSON represents a cell so that it is the same when it is read."""
    if isinstance(cell, dict):
        return "#" not in cell and set(map(type, cell)) <= _TEXT and _are_plain(cell.values())
    return _are_plain(cell if type(cell) is list else [cell])


def _are_plain(cells: Collection[Any]) -> bool:
    others = set(map(type, cells)) - _PLAIN
    if not others:
        return True
    # Nothing but NaN differs from itself.
    if float in others and any(map(ne, cells, cells)):
        return False
    nested = others - {float}
    if not all(kind is list or issubclass(kind, dict) for kind in nested):
        return False
    return not nested or all(_is_plain(cell) for cell in cells if type(cell) in nested)


_TEXT = frozenset({str})
_PLAIN = frozenset({str, bool, int, type(None)})


def _as_json(name: str, cells: list[Any], sheet: Sheet) -> dict[str, Any]:
    texts = [json.dumps(values.encoded(cell)) for cell in cells]
    return add_text(name, "", np.array(texts, dtype=str), None, sheet)
