"""
Check the arguments of public functions.

A kind of argument is a `Kind`: what is allowed, as in a sentence, and a function that converts a value to what the code
uses. ``@taking("imap.read", epoch=optional(TEXT))`` checks the arguments of a function before it is called; values that
are not allowed are a `QueryError` that states what was given and what is allowed.
"""

from __future__ import annotations

import inspect
import math
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import numpy as np

from sunpy_helio_plugins.errors import FileError, QueryError, local

__all__ = [
    "ANY_TEXT",
    "ARRAY",
    "ATTR",
    "ATTRS",
    "DURATION",
    "FLAG",
    "FRAME",
    "INSTANT",
    "INTEGERS",
    "MAPPING",
    "MARGIN",
    "MASK",
    "NUMBER",
    "OBSERVER",
    "PLACE",
    "PLAIN_ARRAY",
    "RECORDS",
    "STAMPS",
    "TABLE",
    "TEXT",
    "TEXTS",
    "TIMES",
    "UNSIGNED",
    "VALUES",
    "Kind",
    "address_parts",
    "choice",
    "close_names",
    "instance",
    "integer",
    "is_several",
    "listed",
    "no_column",
    "number",
    "one_of",
    "one_path",
    "optional",
    "paths",
    "records",
    "refused",
    "shown",
    "taking",
    "unchecked",
    "unknown_keyword",
]  # fmt: skip

_LONGEST_REPR = 60
_LONGEST_LIST = 240
"""Characters of the longest list of names in a message."""

Function = TypeVar("Function", bound=Callable[..., Any])


def shown(given: Any) -> str:
    """Return a short description of a value for a message, without control characters."""
    if given is None:
        return "None"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    kind = type(given).__name__
    names = getattr(given, "colnames", None)
    if isinstance(names, list | tuple):
        what = "row" if hasattr(given, "as_void") else kind
        return f"a {what} with the columns {', '.join(map(str, names[:5])) or '(none)'}"
    # Not numpy.shape: columns of this package do not support all functions of numpy.
    shape = getattr(given, "shape", None)
    if isinstance(shape, tuple) and shape and not isinstance(given, np.ndarray):
        return f"a {kind} of shape {shape}"
    try:
        text = " ".join(repr(given).split())
    except Exception:  # noqa: BLE001 - an object of any class
        return f"a {kind}"
    if "://" in text and "?" in text:  # an address may end with a key
        text = f"{text.partition('?')[0]}?..."
    text = "".join(char if char.isprintable() else "?" for char in text)
    text = text if len(text) <= _LONGEST_REPR else f"{text[:_LONGEST_REPR]}..."
    return text if isinstance(given, str) else f"{text} ({kind})"


def refused(function: str, given: Any, allowed: str) -> QueryError:
    """Return the error for an argument that a function does not take; ``function`` is its name as a user calls it."""
    return QueryError(f"{function} takes {allowed}, not {shown(given)}.")


def is_several(given: Any) -> bool:
    """Return whether an object can be iterated; scalars of numpy and astropy look as if they could."""
    return isinstance(given, Iterable) and getattr(given, "shape", None) != ()


def close_names(given: Any, known: Iterable[Any], count: int = 3) -> str:
    """Return ``" Did you mean ...?"`` with the names that are similar, in any case of letters, or an empty text."""
    by_key = {str(one).lower(): str(one) for one in known}
    asked = str(given).lower()
    near = get_close_matches(asked, by_key, n=count, cutoff=0.6)
    near += [key for key in by_key if len(asked) > 2 and asked in key and key not in near]
    return f" Did you mean {' or '.join(by_key[key] for key in near[:count])}?" if near else ""


def choice(given: Any, known: Iterable[Any], what: str = "values") -> str:
    """Return ``" Did you mean ...? The values are ..."``: similar names first, and the beginning of a long list."""
    names = [str(one) for one in known]
    return f"{close_names(given, names)} The {what} are {listed(names)}."


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names with commas; of a long list its beginning and the number of the others."""
    text = ", ".join(names)
    is_long = len(text) > _LONGEST_LIST and len(names) > most
    return f"{', '.join(names[:most])} and {len(names) - most} more" if is_long else text


def no_column(table: str, name: Any, names: Iterable[Any]) -> QueryError:
    """Return the error for a column that a table does not have; ``table`` says which one, such as ``"The table"``."""
    known = [str(one) for one in names]
    return QueryError(
        f"{table} does not have a column {str(name)!r}; it has {listed(known)}.{close_names(name, known)}"
    )


def address_parts(text: str) -> SplitResult:
    """Return the parts of an address; all are empty if it is not a valid one."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


@dataclass(frozen=True)
class Kind:
    """
    A kind of argument.

    Attributes
    ----------
    allowed : str
        The allowed values, such as "a duration", for the message "<function> takes ... as <argument>".
    of : callable
        Converts a value; it raises `TypeError`, `ValueError` or `AttributeError` for one that is not allowed.
    """

    allowed: str
    of: Callable[[Any], Any]

    def check(self, function: str, argument: str, given: Any) -> Any:
        """Return the converted value of an argument, or raise `QueryError`."""
        try:
            return self.of(given)
        except QueryError:
            raise
        except Exception:  # noqa: BLE001 - an object of any class may fail in any way
            raise QueryError(f"{function} takes {self.allowed} as {argument}, not {shown(given)}.") from None

    def check_each(self, function: str, argument: str, given: Iterable[Any]) -> list[Any]:
        """Return the converted values of an argument that may be repeated; see `check`."""
        return [self.check(function, argument, one) for one in given]


def taking(function: str, **kinds: Kind) -> Callable[[Function], Function]:
    """Return a decorator that checks the arguments of a function that a user calls by a name."""

    def decorate(called: Function) -> Function:
        call = _Call(function, tuple(inspect.signature(called).parameters.values()), kinds)

        @wraps(called)
        def checked(*args: Any, **kwargs: Any) -> Any:
            made: list[Any] = list(call.checked(args, kwargs))
            # Tracebacks show variables, and an argument may be a password.
            del args, kwargs
            return called(*made.pop(0), **made.pop())

        return checked  # type: ignore[return-value]

    return decorate


def unchecked(function: Function) -> Function:
    """Return a function of users without the check of its arguments, for calls within the package."""
    inner: Function = function.__wrapped__  # type: ignore[attr-defined]
    return inner


class _Call:
    """The names of a function's arguments, and their kinds."""

    def __init__(self, function: str, parameters: Sequence[inspect.Parameter], kinds: Mapping[str, Kind]) -> None:
        self.function, self.kinds = function, kinds
        by_place = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        self.order = [one.name for one in by_place]
        self.by_place = [kinds.get(name) for name in self.order]
        self.is_plain = self.kinds.get("mask") is not MASK
        self.rest = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), "")
        words = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        self.words = None if any(one.kind is one.VAR_KEYWORD for one in parameters) else words
        if unknown := kinds.keys() - {one.name for one in parameters}:
            raise TypeError(f"{function} does not have the arguments {', '.join(sorted(unknown))}.")

    def checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call, converted."""
        if self.is_plain and not kwargs and len(args) <= len(self.order):
            return tuple(map(self._by_place, self.by_place, self.order, args)), kwargs
        if self.words is not None and not kwargs.keys() <= set(self.words):
            rest = [f"*{self.rest} without a keyword"] if self.rest else []
            raise unknown_keyword(self.function, min(kwargs.keys() - set(self.words)), [*self.words, *rest])
        if len(args) > len(self.order) and not self.rest:
            raise self._too_many(len(args))
        names = [*self.order[: len(args)], *[self.rest] * (len(args) - len(self.order))]
        made = tuple(self.one(name, value) for name, value in zip(names, args, strict=True))
        words = {name: self.one(name, value) for name, value in kwargs.items()}
        if self.kinds.get("mask") is MASK:
            _check_mask(self.function, dict(zip(names, made, strict=True)) | words)
        return made, words

    def _too_many(self, given: int) -> QueryError:
        """Return the error for more arguments than a function has places; they are not shown, since some are secret."""
        places = [name for name in self.order if name != "self"]
        keywords = [name for name in self.words or () if name not in self.order]
        allowed = f"at most {len(places)} arguments by position ({', '.join(places)})" if places else "no arguments"
        others = f"; by keyword {', '.join(keywords)}" if keywords else ""
        return QueryError(f"{self.function} takes {allowed}, not {given - len(self.order) + len(places)}{others}.")

    def _by_place(self, kind: Kind | None, name: str, value: Any) -> Any:
        return value if kind is None else kind.check(self.function, name, value)

    def one(self, name: str, value: Any) -> Any:
        """Return one argument, converted."""
        kind = self.kinds.get(name)
        return value if kind is None else kind.check(self.function, name, value)


def _check_mask(function: str, given: Mapping[str, Any]) -> None:
    """Refuse a mask that does not have the shape of the values."""
    values: Any = given.get("values")
    mask: Any = given.get("mask")
    shape = np.shape(values)[: np.ndim(mask)]
    if np.ndim(mask) > np.ndim(values):
        raise QueryError(f"{function} takes a mask of the shape of the values, not {shown(mask)} for {shown(values)}.")
    if mask is not None and np.ndim(mask) and np.shape(mask) != shape:
        raise QueryError(
            f"{function} takes a mask of the shape {np.shape(values)} of the values, not {np.shape(mask)}."
        )


def unknown_keyword(function: str, name: str, known: Sequence[str]) -> QueryError:
    """Return the error for a keyword that a function does not have."""
    allowed = ", ".join(one for one in known if one != "self") or "none"
    return QueryError(f"{function} does not take the keyword {name!r}; it takes {allowed}.{close_names(name, known)}")


def optional(kind: Kind) -> Kind:
    """Return a kind that also allows `None`."""
    return Kind(f"{kind.allowed} or None", lambda given: None if given is None else kind.of(given))


def instance(allowed: str, *classes: type) -> Kind:
    """Return the kind of the objects of some classes."""

    def of(given: Any) -> Any:
        if not isinstance(given, classes):
            raise TypeError
        return given

    return Kind(allowed, of)


def one_of(*allowed: str) -> Kind:
    """Return the kind of some words."""

    def of(given: Any) -> str:
        if not isinstance(given, str) or given not in allowed:
            raise ValueError
        return given

    return Kind(f"one of {', '.join(map(repr, allowed))}", of)


def _is_number(given: Any) -> bool:
    return isinstance(given, numbers.Real | np.number) and not isinstance(given, bool | np.bool_)


def integer(least: int, most: float = math.inf) -> Kind:
    """Return the kind of the integers in a range."""

    def of(given: Any) -> int:
        if not _is_number(given) or int(given) != given or not least <= given <= most:
            raise ValueError
        return int(given)

    limits = f"of at least {least}" if most == math.inf else f"from {least} to {int(most)}"
    return Kind(f"an integer {limits}", of)


def number(least: float = -math.inf, most: float = math.inf, allowed: str = "a finite number") -> Kind:
    """Return the kind of the finite numbers in a range."""

    def of(given: Any) -> float:
        if not _is_number(given) or not math.isfinite(given) or not least <= given <= most:
            raise ValueError
        return given

    return Kind(allowed, of)


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise TypeError
    return given


def _any_text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _texts(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (_text(given),)
    if isinstance(given, Mapping) or hasattr(given, "colnames"):
        raise TypeError
    return tuple(_text(str(one) if isinstance(one, np.str_) else one) for one in given)


def _flag(given: Any) -> bool:
    if not isinstance(given, bool | np.bool_) and not (_is_number(given) and np.ndim(given) == 0 and given in (0, 1)):
        raise TypeError
    return bool(given)


def _array(given: Any) -> Any:
    if isinstance(given, str | bytes | Mapping | type | set) or given is None or hasattr(given, "colnames"):
        raise TypeError
    if np.asarray(given).dtype.kind not in "biuf":
        raise TypeError
    return given


def _mask(given: Any) -> Any:
    if given is None:
        return None
    made = np.asarray(given)
    if isinstance(given, str | bytes | Mapping) or made.dtype.kind != "b":
        raise TypeError
    return made


def _plain_array(given: Any) -> Any:
    if type(given) not in (np.ndarray, np.ma.MaskedArray):
        raise TypeError
    return given


def _stamps(given: Any) -> Any:
    if isinstance(given, Mapping | type | set) or given is None or hasattr(given, "colnames"):
        raise TypeError
    array = np.asarray(given)
    is_text = array.dtype.kind in "SU" or (array.dtype.kind == "O" and all(isinstance(one, str) for one in array.flat))
    if not is_text and array.size:
        raise TypeError
    return given


def _integers(given: Any) -> Any:
    array = np.asarray(_array(given))
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError
    return given


def _values(given: Any) -> Any:
    if not hasattr(given, "dtype") or not hasattr(given, "shape") or hasattr(given, "colnames"):
        raise TypeError
    return given


def _mapping(given: Any) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise TypeError
    return given


def _table(given: Any) -> Any:
    if not isinstance(getattr(given, "colnames", None), list) or hasattr(given, "as_void"):
        raise TypeError
    return given


def _attr(given: Any) -> Any:
    from sunpy.net.attr import Attr

    if isinstance(given, Attr):
        return given
    if hasattr(given, "refuse_alone"):  # a keyword that is not compared explains itself
        given.refuse_alone()
    raise TypeError


def _record_table(given: Any) -> Any:
    if hasattr(_table(given), "query_attrs"):
        raise TypeError
    return given


def _times(given: Any) -> Any:
    from astropy.time import Time

    if not isinstance(given, Time):
        raise TypeError
    return given


def _duration(given: Any) -> Any:
    from datetime import timedelta

    from astropy import units as u

    made = u.Quantity(given.total_seconds(), u.s) if isinstance(given, timedelta) else given
    if not isinstance(made, u.Quantity) or not made.isscalar or not np.isfinite(made.to_value(u.s)):
        raise TypeError
    return made


def _place(given: Any) -> Any:
    if not hasattr(given, "transform_to"):
        raise TypeError
    return given


def _margin(given: Any) -> Any:
    made = _duration(given)
    if made.value < 0:
        raise ValueError
    return made


def _observer(given: Any) -> Any:
    if not isinstance(given, str):
        return _place(given)
    from astropy.coordinates import solar_system_ephemeris

    if given.strip().lower() not in solar_system_ephemeris.bodies:
        raise ValueError
    return given


def _frame_of_image(given: Any) -> Any:
    if not hasattr(given, "observer") or not hasattr(given, "obstime"):
        raise TypeError
    return given


def _instant(given: Any) -> Any:
    from sunpy.time import parse_time

    made = parse_time(given)
    if not made.isscalar:
        raise ValueError
    return made


TEXT = Kind("a text", _text)
ANY_TEXT = Kind("a text, which may be empty,", _any_text)
TEXTS = Kind("a text or a list of texts", _texts)
FLAG = Kind("True or False", _flag)
NUMBER = number()
UNSIGNED = number(0, allowed="a finite number of at least 0")
ARRAY = Kind("an array of numbers", _array)
MASK = Kind("an array of True and False, or None,", _mask)
STAMPS = Kind("texts of times", _stamps)
INTEGERS = Kind("an array of integers", _integers)
PLAIN_ARRAY = Kind("a numpy.ndarray", _plain_array)
VALUES = Kind("an array of numbers or texts", _values)
MAPPING = Kind("a dict", _mapping)
RECORDS = Kind("a table of records, such as imap.read returns,", _record_table)
TABLE = Kind("a table", _table)
ATTRS = Kind("a list of attrs", lambda given: tuple(map(_attr, given)))
ATTR = Kind("attrs, such as a.Time(...),", _attr)
TIMES = Kind("an astropy.time.Time", _times)
PLACE = Kind("a SkyCoord", _place)
OBSERVER = Kind("a SkyCoord or the name of a planet", _observer)
FRAME = Kind("the frame of an image, map.coordinate_frame,", _frame_of_image)
INSTANT = Kind("one time", _instant)
DURATION = Kind("a duration such as 60 * u.s", _duration)
MARGIN = Kind("a duration of at least 0, such as 60 * u.s,", _margin)


def records(function: str, given: Any) -> Any:
    """Return a table of records, whose first column contains times."""
    from astropy.table import Table
    from astropy.time import Time

    if not isinstance(given, Table) or not given.colnames or not isinstance(given.columns[0], Time):
        raise refused(function, given, "a table of records, whose first column is an astropy.time.Time")
    return given


def paths(function: str, given: Any, endings: Sequence[str] = ()) -> list[Path]:
    """
    Return the paths of files from one or several paths or ``file:`` URLs.

    A folder is replaced by its files with one of the endings, or refused without ``endings``. Other objects or an empty
    list are a `QueryError`; a folder without such files is a `FileError`.
    """
    found = [path for one in _each_path(function, given) for path in _files_of(function, one, endings)]
    if not found:
        raise QueryError(f"{function} takes at least one path; none was given.")
    return found


def one_path(function: str, given: Any, *, folder: bool = False) -> Path:
    """Return one path, which may be that of a folder only if ``folder`` is true."""
    if isinstance(given, str | os.PathLike) and not isinstance(given, bytes):
        path = _path(function, given)
        if folder or not _is_folder(path):
            return path
        raise refused(function, given, "the path of a file and not of a folder")
    raise refused(function, given, "one path: a str, a pathlib.Path, or a file: URL")


def _each_path(function: str, given: Any) -> Iterator[Path]:
    allowed = "paths: a str, a pathlib.Path, a file: URL, a folder, or a list of these"
    if isinstance(given, str | os.PathLike):
        yield _path(function, given)
        return
    is_other = isinstance(given, bytes | bytearray | dict) or hasattr(given, "colnames")
    if is_other or not is_several(given):
        raise refused(function, given, allowed)
    for one in given:
        if not isinstance(one, str | os.PathLike | Iterable):
            raise refused(function, given, allowed)
        yield from _each_path(function, one)


def _path(function: str, given: str | os.PathLike[Any]) -> Path:
    text = os.fspath(given)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise refused(function, given, "the path of a file")
    if text.lower().startswith("file:"):
        address = address_parts(text)
        if address.netloc not in ("", "localhost") or not address.path:
            raise refused(function, given, "the path of a file on this machine")
        return Path(unquote(address.path))
    if text.lower().startswith(("http://", "https://", "ftp://", "s3://")):
        raise QueryError(f"{function} reads files on this machine; download {text.partition('?')[0]} first.")
    return Path(text).expanduser()


def _is_folder(path: Path) -> bool:
    with local(path, "read"):
        return path.is_dir()


def _files_of(function: str, path: Path, endings: Sequence[str]) -> list[Path]:
    if not _is_folder(path):
        return [path]
    if not endings:
        raise refused(function, str(path), "the path of a file and not of a folder")
    with local(path, "read"):
        found = sorted(one for one in path.iterdir() if one.name.lower().endswith(tuple(endings)) and one.is_file())
    if not found:
        raise FileError(f"{path}: this folder does not contain files that end with {' or '.join(endings)}.")
    return found
