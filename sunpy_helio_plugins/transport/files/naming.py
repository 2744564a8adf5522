"""Safe names of files, and the path of a row's file."""

from __future__ import annotations

import math
import os
import re
import string
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sunpy_helio_plugins.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["row_values", "safe_name", "target"]

MAX_BYTES = 240
"""Longest name that is kept, in bytes of UTF-8: file systems take 255, the rest is for the part file's suffix."""

_RESERVED = re.compile(r'[<>:"/\\|?*]')

_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def safe_name(name: str, fallback: str = "file") -> str:
    """
    Return a name for a file that stays in its folder.

    Parameters
    ----------
    name : str
        The name as it came.
    fallback : str, optional
        What to use where nothing of ``name`` is left.

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
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    cleaned = _RESERVED.sub("_", printable).strip(". ")
    if not cleaned:
        return fallback
    if _DEVICES.match(cleaned):
        cleaned = f"_{cleaned}"
    return _shortened(cleaned)


def _shortened(name: str) -> str:
    """Cut a name to `MAX_BYTES` bytes, keeping its suffix where that is short."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    head = name.encode()[: MAX_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail


_HUGE = re.compile(r"\d{5}")


UNKNOWN = "unknown"
"""What stands in a path for a value that is missing."""


class _Value:
    """A value in a path template: formatted as the user asks, then made safe; one that is missing is `UNKNOWN`."""

    def __init__(self, value: Any) -> None:
        self._value = value.datetime if hasattr(value, "datetime") and hasattr(value, "scale") else value

    def __format__(self, spec: str) -> str:
        if _HUGE.search(spec):
            raise ValueError(f"the format {spec[:40]!r} asks for more than a name can hold")
        return UNKNOWN if _is_missing(self._value) else _as_folder(format(self._value, spec))

    def __repr__(self) -> str:
        return format(self)

    __str__ = __repr__


def _is_missing(value: Any) -> bool:
    """Tell whether a cell of a table has no value: masked, `None`, or not a number."""
    if value is None or value is np.ma.masked:
        return True
    mask = getattr(value, "mask", False)
    if np.ndim(mask) == 0 and bool(mask):
        return True
    return isinstance(value, float) and math.isnan(value)


def _as_folder(text: str) -> str:
    """Return a value as one name: "SDO/HMI" is no folder with another in it, and ".." leads nowhere."""
    parts = [part for part in re.split(r"[/\\]", text) if part.strip(". ")]
    return safe_name("_".join(parts), fallback=UNKNOWN)


class _Template(string.Formatter):
    """Fills fields by their names alone: what lies behind an attribute or an index would not be made safe."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        if re.search(r"[.\[]", field_name):
            raise ValueError(f"the field {field_name!r} asks for a part of a value")
        return super().get_field(field_name, args, kwargs)


def row_values(row: Any) -> dict[str, Any]:
    """
    Return what a row offers to a path template.

    Parameters
    ----------
    row : sunpy.net.base_client.QueryResponseRow
        A row of a search result.

    Returns
    -------
    dict
        Lower-case column names with underscores, and the row's values.
    """
    return dict(row.response_block_map)


def target(path: str | Path, name: str, values: Mapping[str, Any] | None = None, fallback: str = "file") -> Path:
    """
    Return the path of a file from the template that Fido hands to ``fetch``.

    Parameters
    ----------
    path : str or pathlib.Path
        The template: ``{file}`` stands for the file's name, other fields for values of the row. Times take a format, as
        in ``{start_time:%Y}``. A value that is missing, such as the instrument of a HAPI dataset, is "unknown".
    name : str
        The file's name as the archive gives it; it is made safe.
    values : mapping, optional
        What the other fields stand for, as from `row_values`.
    fallback : str, optional
        The name where nothing of ``name`` can be used.

    Returns
    -------
    pathlib.Path
        A path below the part of the template that holds no field.

    Raises
    ------
    QueryError
        The template has a field that the row does not offer, or a format that its value does not take.
    """
    template = str(path)
    fields = {key: _Value(value) for key, value in (values or {}).items()}
    fields["file"] = _Value(safe_name(name, fallback))
    try:
        filled = Path(_Template().vformat(template, (), fields))
    except KeyError as error:
        offered = ", ".join(sorted(fields))
        raise QueryError(f"The path {template!r} has the field {error}, which is none of: {offered}.") from None
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise QueryError(f"The path {template!r} cannot be filled: {error}.") from None
    root = Path(re.split(r"[^/\\]*\{", template, maxsplit=1)[0] or ".")
    # By the names alone: a folder that the user has linked to another disk is inside where it is linked.
    if not Path(os.path.normpath(filled)).is_relative_to(os.path.normpath(root)):
        raise QueryError(f"The path {template!r} would leave the folder {root}.")
    return filled
