"""The meaning of flags, in the words of the file, and the uncertainties of columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import RECORDS, TEXT, listed, taking
from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.errors import QueryError

__all__ = ["describe", "flags", "words_of"]

_TEXTS = ("VAR_NOTES", "CATDESC", "UNITS", "FIELDNAM")
"""The attributes in which files explain flags, the most detailed first."""

_BITS = re.compile(
    r"\bbits?\s+(\d+)(?:\s*(?:-|to)\s*(\d+))?\s*(?:\((?:value\s+)?([^()]*)\)\s*:?|:|=)?\s*", re.IGNORECASE | re.ASCII
)
"""``Bit 0:``, ``bit 0 (value 1)``, ``Bit 2 (LAST_CAL_INTERVAL):`` and ``Bits 4-7:``."""

_VALUE = re.compile(r"(?:^|(?<=[\s(,;.\"]))-?\s*(\d{1,5})\s*(?:=|:|\s-\s)\s*(?=[A-Za-z])", re.ASCII)
"""``0=good``, ``0: Good data`` and ``1 - valid``."""

_FLAG = re.compile(r"flag|mask|quality|status|state|mode|type|(?:^|[\s(])bit\b", re.IGNORECASE)
"""Words in the name or description of variables whose values are explained; others have numbers that are data."""

_SUFFIXES = (
    "_stat_uncert", "_total_uncert", "_sys_err", "_uncertainty", "_uncert", "_unc", "_sigma", "_stdev", "_std_dev",
    "_std", "_error", "_err",
)  # fmt: skip
_PREFIXES = ("unc_", "sigma_", "uncert_")
_SIDES = (("_plus", "plus"), ("_minus", "minus"))


def words_of(name: str, attributes: Mapping[str, Any], most: int) -> dict[str, Any] | None:
    """
    Return the meaning of each bit or value of a flag up to ``most``, as the attributes of its variable explain it.

    The result has ``"masks"`` or ``"values"``, and ``"meanings"``; it is `None` for a variable that is not a flag.
    """
    texts = [text for key in _TEXTS if isinstance(text := attributes.get(key), str) and text.strip()]
    for text in texts:
        bits = _distinct({mask: words for mask, words in _bits(text) if mask <= most})
        if bits:
            return {"masks": FrozenList(bits), "meanings": FrozenList(bits.values())}
    if not any(_FLAG.search(one) for one in (name, *texts)):
        return None
    for text in texts:
        known = {value: words for value, words in _values(text) if value <= most}
        if len(known) > 1 or (known and 0 in known):
            values = sorted(known)
            return {"values": FrozenList(values), "meanings": FrozenList(known[value] for value in values)}
    return None


def _bits(text: str) -> Iterator[tuple[int, str]]:
    found = list(_BITS.finditer(text))
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        first, last = int(match[1]), int(match[2] or match[1])
        said = (match[3] or "").strip()
        # A name in brackets is the shortest form; a number is the value of the bit.
        words = said if said and not said.isdigit() else _sentence(text[match.end() : end])
        if words and not re.match(r"[0-9:]|of\b", words) and first <= last < 64:
            yield sum(1 << bit for bit in range(first, last + 1)), words


def _distinct(bits: dict[int, str]) -> dict[int, str]:
    """Return masks without those of several bits that are explained one by one, as in "bits 0-14 are all set"."""
    single = [mask for mask in bits if mask.bit_count() == 1]
    return {mask: words for mask, words in bits.items() if single and (mask in single or not mask & sum(single))}


def _values(text: str) -> Iterator[tuple[int, str]]:
    found = list(_VALUE.finditer(text))
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        yield int(match[1]), _sentence(text[match.end() : end])


def _sentence(text: str) -> str:
    """Return the first sentence or item of a text in one line."""
    line = re.split(r"\n\s*(?:-|\*|\n)|[;]|\.(?:\s|$)|[,](?=\s*(?:and\s+)?$)", text.strip(), maxsplit=1)[0]
    words = re.sub(r",? (?:and|value \d+)$", "", " ".join(line.split()).strip(" ,.;:-")).strip(" ,")
    # The bracket that contains all items is not a part of the last one.
    while words.count(")") > words.count("("):
        words = words[: words.rindex(")")].rstrip(" ,.;")
    return words[: words.rindex("(")].rstrip(" ,.;") if words.count("(") > words.count(")") else words


def describe(table: Table) -> Table:
    """Set in ``info.meta`` of columns what flags mean and which columns are the uncertainties of which."""
    for name in table.colnames:
        meta = table[name].info.meta
        dtype = getattr(table[name], "dtype", np.dtype("U"))
        found = words_of(name, meta, int(np.iinfo(dtype).max)) if meta and dtype.kind in "iu" else None
        if found is not None:
            table[name].info.meta = {**meta, "flags": found}
    for name, role, other in _uncertainties(table):
        told = table[name].info.meta or {}
        table[name].info.meta = {**told, "uncertainty": {**told.get("uncertainty", {}), role: other}}
        table[other].info.meta = {**(table[other].info.meta or {}), "uncertainty_of": name}
    return table


def _uncertainties(table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield columns, the kind of their uncertainty, and the column that contains it."""
    names = set(table.colnames)
    linked: set[tuple[str, str]] = set()
    for name in table.colnames:
        meta = table[name].info.meta or {}
        for role, key in (("plus", "DELTA_PLUS_VAR"), ("minus", "DELTA_MINUS_VAR")):
            said = meta.get(key)
            other = said.strip() if isinstance(said, str) else ""
            if other in names and other != name and table[other].shape == table[name].shape:
                linked.add((name, other))
                yield name, role, other
    for name in table.colnames:
        owner, role = _owner(name, names)
        if owner and (owner, name) not in linked and table[owner].shape == table[name].shape:
            yield owner, role, name


def _owner(name: str, names: Iterable[str]) -> tuple[str, str]:
    """Return the column to which an uncertainty belongs by its name, and its kind; empty texts if there is none."""
    by_lower = {one.lower(): one for one in names}
    bare, side = name.lower(), ""
    for ending, word in _SIDES:
        if bare.endswith(ending):
            bare, side = bare.removesuffix(ending), word
    for suffix in _SUFFIXES:
        if bare.endswith(suffix) and bare.removesuffix(suffix) in by_lower:
            return by_lower[bare.removesuffix(suffix)], " ".join(filter(None, (suffix.strip("_"), side)))
    for prefix in _PREFIXES:
        if bare.startswith(prefix) and bare.removeprefix(prefix) in by_lower:
            return by_lower[bare.removeprefix(prefix)], " ".join(filter(None, (prefix.strip("_"), side)))
    return "", ""


@taking("imap.flags", table=RECORDS, column=TEXT)
def flags(table: Table, column: str) -> dict[str, NDArray[np.bool_]]:
    """
    Return where each flag of a column is set, in the words of the file.

    Parameters
    ----------
    table : astropy.table.Table
        A table from `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.open`.
    column : str
        A column of flags, whose bits or values the file explains, such as ``"quality_bitmask"`` of MAG.

    Returns
    -------
    dict of numpy.ndarray of bool
        For each meaning, in the order of the bits or values, an array of the shape of the column. Missing elements are
        false in all of them.

    Raises
    ------
    QueryError
        The table does not contain the column, or the file does not explain it.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> table = imap.read(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    >>> bad = imap.flags(table, "quality_flags")["bad data"]
    >>> print(bad.sum())
    60
    """
    if column not in table.colnames:
        raise QueryError(f"The table does not contain {column!r}; it has: {listed(table.colnames)}.")
    explained = [name for name in table.colnames if "flags" in (table[name].info.meta or {})]
    if column not in explained:
        raise QueryError(
            f"The file does not explain the values of {column!r}; it explains: {listed(explained) or 'no column'}."
        )
    words, values = table[column].info.meta["flags"], table[column]
    lost = np.asarray(getattr(values, "mask", False), dtype=bool)
    bare = getattr(values, "unmasked", values)
    plain = np.ma.getdata(np.asarray(getattr(bare, "value", bare)))
    if "masks" in words:
        found = [(plain & np.array(mask, dtype=np.uint64).astype(plain.dtype)) != 0 for mask in words["masks"]]
    else:
        found = [plain == value for value in words["values"]]
    return {text: one & ~lost for text, one in zip(words["meanings"], found, strict=True)}
