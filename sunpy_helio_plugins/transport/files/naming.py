"""Safe file names, and paths of files from a template."""

from __future__ import annotations

import math
import os
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sunpy_helio_plugins.errors import QueryError

__all__ = ["PathTemplate", "SafePath", "escaped", "safe_name", "target"]

MAX_BYTES = 240
"""Longest name in bytes of UTF-8: file systems take 255, and the suffix of the part file needs the rest."""

UNKNOWN = "unknown"
"""The text of a missing value in a path."""

_RESERVED = re.compile(r'[<>:"/\\|?*]')

_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")

_PLAIN = re.compile(rf"[\w-](?:[\w.+ -]{{0,{MAX_BYTES - 2}}}[\w-])?", re.ASCII)
"""Names that are safe as they are, unless they are those of devices."""

_HUGE = re.compile(r"\d{5}")


def safe_name(name: str, fallback: str = "file") -> str:
    """
    Return a file name that stays in its folder.

    Parameters
    ----------
    name : str
        Any name, for example from a server.
    fallback : str, optional
        The name to use if nothing of ``name`` is left.

    Returns
    -------
    str
        The last component of ``name``, without control and reserved characters, leading or trailing dots and blanks,
        at most `MAX_BYTES` bytes long with its suffix kept.

    Examples
    --------
    >>> safe_name("../../etc/passwd")
    'passwd'
    >>> safe_name("..", fallback="data.bin")
    'data.bin'
    """
    if _PLAIN.fullmatch(name) and not _DEVICES.match(name):
        return name
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    cleaned = _RESERVED.sub("_", printable).strip(". ")
    if not cleaned:
        return fallback
    if _DEVICES.match(cleaned):
        cleaned = f"_{cleaned}"
    return _shortened(cleaned)


def _shortened(name: str) -> str:
    """Cut a name to `MAX_BYTES` bytes and keep its suffix if it is short."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    head = name.encode()[: MAX_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail


class SafePath(str):
    """A value of a path template that may contain several folders, each of which is a safe name."""

    __slots__ = ()

    @classmethod
    def of(cls, folders: Iterable[str]) -> SafePath:
        """Return the path of folders, whose names are made safe."""
        return cls("/".join(safe_name(folder, "_") for folder in folders) or ".")


def _is_missing(value: Any) -> bool:
    """Return whether a cell of a table is empty: masked, `None`, or not a number."""
    if type(value) in (str, int, datetime):
        return False
    if value is None or value is np.ma.masked:
        return True
    mask = getattr(value, "mask", False)
    if np.ndim(mask) == 0 and bool(mask):
        return True
    return isinstance(value, float) and math.isnan(value)


@lru_cache(maxsize=4096)
def _as_folder(text: str) -> str:
    """Return a text as one name: "SDO/HMI" becomes one folder, and ".." is removed."""
    parts = [part for part in re.split(r"[/\\]", text) if part.strip(". ")]
    return safe_name("_".join(parts), fallback=UNKNOWN)


def _formatted(value: Any, spec: str) -> str:
    """Format a value as the user wants it, and make the text safe."""
    if isinstance(value, SafePath):
        return str(value)
    if _is_missing(value):
        return UNKNOWN
    return _as_folder(format(value.datetime if hasattr(value, "datetime") else value, spec))


class _Part(NamedTuple):
    """A field of a template, with the text before it."""

    literal: str
    field: str | None
    spec: str
    conversion: str | None

    def text(self, values: Mapping[str, Any]) -> str:
        """Return the text before the field and that of its value."""
        if self.field is None:
            return self.literal
        spec = "".join(part.text(values) for part in _parsed(self.spec)) if "{" in self.spec else self.spec
        if _HUGE.search(spec):
            raise ValueError(f"the result of the format {spec[:40]!r} is too long for a name")
        value = values[self.field]
        if self.conversion is None:
            return self.literal + _formatted(value, spec)
        text = _formatted(value, "")
        return self.literal + (text if isinstance(value, SafePath) else _as_folder(format(text, spec)))

    def names(self) -> Iterator[str]:
        """Return the names of the field and of those in its format."""
        if self.field is not None:
            if re.search(r"[.\[]", self.field):
                raise ValueError(f"the field {self.field!r} selects a part of a value, which is not supported")
            if self.conversion not in (None, "s", "r", "a"):
                raise ValueError(f"the conversion {self.conversion!r} does not exist")
            yield self.field
            for part in _parsed(self.spec):
                yield from part.names()


def _parsed(template: str) -> list[_Part]:
    return [_Part(text, name, spec or "", how) for text, name, spec, how in string.Formatter().parse(template)]


def escaped(path: str | Path) -> str:
    """Return a path as a part of a template, in which braces are doubled."""
    return str(path).replace("{", "{{").replace("}", "}}")


class PathTemplate:
    """
    The template of paths that Fido hands to ``fetch``, parsed once for all rows.

    Parameters
    ----------
    path : str or pathlib.Path
        The template: ``{file}`` is replaced by the file's name, other fields by values of the row. Times take a format,
        as in ``{start_time:%Y}``. A missing value is "unknown". Without ``{file}`` the template is a folder.
    known : iterable of str
        The names of the fields that may be used, besides ``file``.

    Raises
    ------
    QueryError
        The template cannot be parsed, uses an unknown field, or leaves the folder that it begins with.
    """

    def __init__(self, path: str | Path, known: Iterable[str]) -> None:
        self.path = str(path)
        try:
            self._parts = _parsed(self.path)
            named = dict.fromkeys(name for part in self._parts for name in part.names())
            if "file" not in named:
                self._parts = _parsed(str(Path(path) / "{file}"))
        except ValueError as error:
            raise self._refusal(error) from None
        allowed = {*known, "file"}
        for name in named:
            if name not in allowed:
                offered = ", ".join(sorted(allowed))
                raise QueryError(f"The path {self.path!r} has the field {name!r}, which is none of: {offered}.")
        self.fields = tuple(name for name in named if name != "file")
        """Names of the fields whose values are needed."""
        self._refuse_escape()

    def fill(self, name: str, values: Mapping[str, Any], fallback: str = "file") -> Path:
        """
        Return the path of a file.

        Parameters
        ----------
        name : str
            The file's name as the archive gives it; it is made safe.
        values : mapping
            The values of `fields`.
        fallback : str, optional
            The name if nothing of ``name`` can be used.

        Raises
        ------
        QueryError
            A value does not take its format.
        """
        every = {**values, "file": safe_name(name, fallback)}
        try:
            return Path("".join([part.text(every) for part in self._parts]))
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> QueryError:
        return QueryError(f"The path {self.path!r} cannot be filled: {error}.")

    def _refuse_escape(self) -> None:
        """Refuse a template whose text leaves the folder before the first field; values never do."""
        before = "".join(part.literal for part in takewhile(lambda part: part.field is None, self._parts))
        before += next((part.literal for part in self._parts if part.field is not None), "")
        root = before[: max(before.rfind(sep) for sep in "/\\") + 1] or "."
        filled = "".join(part.literal + ("x" if part.field is not None else "") for part in self._parts)
        # By the names alone: a folder that is a link to another disk counts as inside.
        if not Path(os.path.normpath(filled)).is_relative_to(os.path.normpath(root)):
            raise QueryError(f"The path {self.path!r} would leave the folder {root}.")


def target(path: str | Path, name: str, values: Mapping[str, Any] | None = None, fallback: str = "file") -> Path:
    """
    Return the path of one file.

    Parameters
    ----------
    path, name, values, fallback
        As for `PathTemplate` and `PathTemplate.fill`.
    """
    return PathTemplate(path, values or ()).fill(name, values or {}, fallback)
