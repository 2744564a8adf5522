"""The formats of files: their properties, and plain tables that are written and read in them; `tables` makes these."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from astropy.io import registry
from astropy.table import QTable, Table

from sunpy_helio_plugins.arguments import FLAG, TEXT, one_path, optional
from sunpy_helio_plugins.errors import (
    FileError,
    HelioPluginsError,
    MissingDependencyError,
    QueryError,
    disk_error,
    local,
)
from sunpy_helio_plugins.io.arrow import files
from sunpy_helio_plugins.io.arrow.sheet import ArrowSheet
from sunpy_helio_plugins.io.ecsv.read import read as read_ecsv
from sunpy_helio_plugins.io.ecsv.write import write as write_ecsv
from sunpy_helio_plugins.store.streams import check_compressed

__all__ = [
    "FORMATS", "FileFormat", "checked", "chosen_form", "format_of", "name_of", "named", "plain_from", "write_plain",
]  # fmt: skip


class FileFormat(NamedTuple):
    """
    The properties of a format.

    Attributes
    ----------
    name : str
        astropy's name of the format.
    suffixes : tuple of str
        The suffixes of its files.
    mixins : bool
        Whether times, masks, and objects as JSON are written as such, so that any astropy can read them.
    ragged : bool
        Whether the cells of a column may differ in length.
    arrays : bool
        Whether columns may have more than one dimension.
    is_ascii : bool
        Whether text must be ASCII and loses spaces at its end.
    is_fixed : bool
        Whether the names and types of the columns must not depend on the values: several files are one data set then.
    is_arrow : bool
        Whether plain columns are arrays of Arrow, whose nulls are masked elements.
    units : str or None
        The format of units that it supports; `None` if it supports any.
    names : str
        A regular expression of the allowed names of columns.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    mixins: bool = False
    ragged: bool = False
    arrays: bool = True
    is_ascii: bool = False
    is_fixed: bool = False
    is_arrow: bool = False
    units: str | None = None
    names: str = r"(?s:.*)"


FORMATS = {
    one.name: one
    for one in (
        FileFormat("ecsv", (".ecsv",), mixins=True, ragged=True),
        FileFormat(
            "fits", (".fits", ".fit", ".fts", ".fits.gz"), ragged=True, is_ascii=True, units="fits", names=r"[ -~]+"
        ),
        FileFormat("parquet", (".parquet", ".parq"), ragged=True, is_fixed=True, is_arrow=True),
        FileFormat("arrow", (".arrow", ".feather"), ragged=True, is_fixed=True, is_arrow=True),
        FileFormat("hdf5", (".h5", ".hdf5")),
        FileFormat("asdf", (".asdf",), names=r"(?s:[A-Za-z_].*)"),
    )
}
"""The formats from which every table is restored, by name."""

_OTHERS = {"votable": FileFormat("votable", units="vounit")}
"""Other formats of which more is known than that they support numbers and text."""


def format_of(form: str) -> FileFormat:
    """Return the properties of a format; an unknown one only supports numbers and text."""
    return FORMATS.get(form) or _OTHERS.get(form) or FileFormat(form, arrays=False)


_HDF5_PATH = "table"


def chosen_form(mode: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the name of the format in which a file is written or read, or an empty text if it is not known."""
    given = optional(TEXT).check(mode, "format", kwargs.get("format"))
    if given is not None:
        return str(given).removeprefix("ascii.")
    is_path = isinstance(args[0], str | PathLike)
    name = str(args[0]).lower() if is_path else ""
    for form, known in FORMATS.items():
        if name.endswith(known.suffixes):
            return form
    path, stream = (str(args[0]), None) if is_path else (None, args[0])
    if mode == "write" and is_path and Path(name).suffix == "":
        return ""
    with local(path or "The stream", "read"):
        found = registry.identify_format(mode, QTable, path, stream, args, {})
    return str(found[0]).removeprefix("ascii.") if found else ""


def checked(function: str, args: tuple[Any, ...], way: str) -> tuple[Any, ...]:
    """Return the arguments of a reader or writer, whose first one is a path or a stream; ``way`` is its method."""
    if not args:
        raise QueryError(f"{function} takes the path of a file; none was given.")
    first = args[0]
    is_stream = hasattr(first, way) and not isinstance(first, type) and not hasattr(first, "colnames")
    return args if is_stream else (one_path(function, first), *args[1:])


def write_plain(plain: Table | ArrowSheet, form: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Write a table of plain columns."""
    if "overwrite" in kwargs:
        kwargs["overwrite"] = FLAG.check("write", "overwrite", kwargs["overwrite"])
    if isinstance(plain, ArrowSheet):
        with local(args[0] if isinstance(args[0], str | PathLike) else "The stream"):
            files.write(plain, form, *args, **{key: value for key, value in kwargs.items() if key != "format"})
        return
    path = args[0] if args and isinstance(args[0], str | PathLike) else None
    with local(path):
        exists = path is not None and Path(path).exists()
    if path is not None and exists and not kwargs.get("overwrite"):
        raise disk_error(FileExistsError(errno.EEXIST, ""), path)
    with local(path or "The stream"):
        if form == "asdf":
            _write_asdf(plain, *args, **{key: value for key, value in kwargs.items() if key != "format"})
            return
        if form == "hdf5":
            kwargs = {"path": _HDF5_PATH} | kwargs | {"serialize_meta": True}
        if form == "ecsv" and len(args) == 1 and not set(kwargs) - {"format", "overwrite"}:
            write_ecsv(plain, args[0])
            return
        plain.write(*args, **kwargs | {"format": "ascii.ecsv" if form == "ecsv" else form})


def _asdf() -> Any:
    """Import the asdf package and its converters of tables."""
    try:
        import asdf
        import asdf_astropy  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("Reading and writing ASDF files", "asdf") from error
    return asdf


def _write_asdf(plain: Table, path: Any, *, overwrite: bool = False, data_key: str = "data", **kwargs: Any) -> None:
    asdf = _asdf()
    with asdf.AsdfFile({data_key: plain}) as made:
        made.write_to(path, **kwargs)


def _read_asdf(path: Any, *, data_key: str = "data", **kwargs: Any) -> Any:
    asdf = _asdf()
    with asdf.open(path, **{"memmap": False, "lazy_load": False} | kwargs) as opened:
        return opened[data_key]


def plain_from(form: str, header: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Table | ArrowSheet:
    """Return the plain columns in a file, or raise a `FileError` if the file is damaged or of another format."""
    _check_stream(args)
    try:
        made = _read_any(form, header, args, kwargs)
    except (ImportError, HelioPluginsError):
        raise
    except OSError as error:
        if error.errno is None:
            raise FileError(f"{name_of(args)} cannot be read as a table: {str(error).partition(chr(10))[0]}") from error
        raise disk_error(error, name_of(args), "read") from error
    except Exception as error:
        shown = str(error).strip().partition("\n")[0]
        raise FileError(f"{name_of(args)} cannot be read as a table{f' in {form}' if form else ''}: {shown}") from error
    if not isinstance(made, Table | ArrowSheet):
        raise FileError(f"{name_of(args)} does not contain a table.")
    return made


def _read_any(form: str, header: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Read a file by pyarrow, asdf or astropy; files of other programs by astropy, if it supports the format."""
    options = {key: value for key, value in kwargs.items() if key != "format"}
    made = files.read(*args, form, header) if format_of(form).is_arrow and not options and len(args) == 1 else None
    if made is not None:
        return made
    if form == "asdf":
        return _read_asdf(*args, **options)
    if format_of(form).is_arrow:
        return _read_foreign(form, args, kwargs)
    if form == "ecsv" and not options and len(args) == 1 and isinstance(args[0], str | PathLike):
        # What it does not read is read, or refused, by astropy's own reader.
        with contextlib.suppress(Exception):
            return read_ecsv(args[0])
    known = {"ecsv": "ascii.ecsv"}.get(form, form)
    return Table.read(*args, **dict(kwargs) | ({"format": known} if form in FORMATS else {}))


def _read_foreign(form: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Table:
    """Read a Parquet or Arrow file without a header of this package."""
    options = {key: value for key, value in kwargs.items() if key != "format"}
    try:
        return files.foreign_table(*args, **options) if form == "arrow" else Table.read(*args, **options, format=form)
    except (TypeError, ValueError, KeyError) as error:
        raise FileError(
            f"{name_of(args)} does not have the header of this package, since another program wrote it, and cannot be "
            f"read as a table of astropy ({error}): use pandas or pyarrow."
        ) from error


def _check_stream(args: tuple[Any, ...]) -> None:
    """Raise a `FileError` for a compressed file that is damaged: astropy does not read it to its checksum."""
    if args and isinstance(args[0], str | PathLike) and Path(args[0]).is_file():
        try:
            check_compressed(Path(args[0]))
        except FileError as error:
            raise FileError(f"{name_of(args)} cannot be read as a table: {error}") from None


@contextlib.contextmanager
def named(args: tuple[Any, ...]) -> Iterator[None]:
    """Add the name of the file to errors about its content."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{name_of(args)}: {error}") from error


def name_of(args: tuple[Any, ...]) -> str:
    """Return the path of a file in a message."""
    return str(args[0]) if args and isinstance(args[0], str | PathLike) else "The file"
