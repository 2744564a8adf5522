"""Tables into files and back, in astropy's formats: what `tables` makes plain is written, and made again when read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from astropy.io import registry
from astropy.table import QTable, Table
from astropy.table.connect import TableRead, TableWrite

from sunpy_helio_plugins.errors import FileError, MissingDependencyError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.quantities.silence import far_years

__all__ = ["FORMATS", "StoredRead", "StoredWrite", "form_of", "named", "plain_from", "write_plain"]

FORMATS = {
    "ecsv": (".ecsv",), "fits": (".fits", ".fit", ".fts", ".fits.gz"), "parquet": (".parquet", ".parq"),
    "hdf5": (".h5", ".hdf5"), "asdf": (".asdf",),
}  # fmt: skip
"""Formats that hold everything, and how the names of their files end."""

_HDF5_PATH = "table"


def form_of(mode: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Return the name of the format in which a file is to be written or read; empty where it is not known."""
    given = kwargs.get("format")
    if given is not None:
        return str(given).removeprefix("ascii.")
    if not args:
        return ""
    is_path = isinstance(args[0], str | PathLike)
    name = str(args[0]).lower() if is_path else ""
    for form, endings in FORMATS.items():
        if name.endswith(endings):
            return form
    path, stream = (str(args[0]), None) if is_path else (None, args[0])
    found = registry.identify_format(mode, QTable, path, stream, args, {})
    return str(found[0]).removeprefix("ascii.") if found else ""


def write_plain(plain: Table, form: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Write a table of plain columns."""
    if form == "asdf":
        _write_asdf(plain, *args, **{key: value for key, value in kwargs.items() if key != "format"})
        return
    if form == "hdf5":
        kwargs = {"path": _HDF5_PATH} | kwargs | {"serialize_meta": True}
    plain.write(*args, **kwargs | {"format": "ascii.ecsv" if form == "ecsv" else form})


def _asdf() -> Any:
    """Return the asdf package, with what reads and writes tables."""
    try:
        import asdf
        import asdf_astropy  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("Reading and writing ASDF files", "asdf") from error
    return asdf


def _write_asdf(plain: Table, path: Any, *, overwrite: bool = False, data_key: str = "data", **kwargs: Any) -> None:
    asdf = _asdf()
    if isinstance(path, str | PathLike) and Path(path).exists() and not overwrite:
        raise OSError(f"The file {path} exists already; give overwrite=True to replace it.")
    with asdf.AsdfFile({data_key: plain}) as made:
        made.write_to(path, **kwargs)


def _read_asdf(path: Any, *, data_key: str = "data", **kwargs: Any) -> Any:
    asdf = _asdf()
    with asdf.open(path, **{"memmap": False, "lazy_load": False} | kwargs) as opened:
        return opened[data_key]


def plain_from(form: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Table:
    """
    Return the plain table of a file.

    Parameters
    ----------
    form : str
        The format.
    args, kwargs
        What the user gave.

    Raises
    ------
    FileError
        The file is damaged, or of another format.
    """
    try:
        if form == "asdf":
            made = _read_asdf(*args, **{key: value for key, value in kwargs.items() if key != "format"})
        else:
            known = {"ecsv": "ascii.ecsv"}.get(form, form)
            made = Table.read(*args, **kwargs | ({"format": known} if form in FORMATS else {}))
    except (FileNotFoundError, PermissionError, IsADirectoryError, ImportError):
        raise
    except Exception as error:
        shown = str(error).strip().partition("\n")[0]
        raise FileError(f"{_name(args)} cannot be read as a table{f' in {form}' if form else ''}: {shown}") from error
    if not isinstance(made, Table):
        raise FileError(f"{_name(args)} holds no table.")
    return made


@contextlib.contextmanager
def named(args: tuple[Any, ...]) -> Iterator[None]:
    """Name the file in an error about what it holds."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{_name(args)}: {error}") from error


def _name(args: tuple[Any, ...]) -> str:
    return str(args[0]) if args and isinstance(args[0], str | PathLike) else "The file"


class StoredWrite(TableWrite):
    """
    Write a table so that `read` gives it back: ECSV, FITS, Parquet, HDF5 or ASDF.

    Columns of numbers and text are written as they are, for any reader; a header in the file's metadata says what each
    was. The file holds no password or key, and nothing that reading it would execute.

    Parameters
    ----------
    *args, **kwargs
        As for `astropy.table.Table.write`. Other formats than these are written as astropy writes them and cannot be
        read back.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Write the table."""
        table = self._instance
        form = form_of("write", args, kwargs)
        if form not in FORMATS:
            other = table._for_format(form)
            if other is table:
                super().__call__(*args, **kwargs)
            else:
                other.write(*args, **kwargs)
            return
        with far_years():
            write_plain(tables.pack(table, form, table._kept()), form, args, kwargs)


class StoredRead(TableRead):
    """
    Read a table that `write` wrote.

    Parameters
    ----------
    *args, **kwargs
        As for `astropy.table.Table.read`.

    Raises
    ------
    FileError
        The file is damaged, or holds something else.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Read a table."""
        with far_years():
            plain = plain_from(form_of("read", args, kwargs), args, kwargs)
            with named(args):
                return self._cls._from_plain(plain)
