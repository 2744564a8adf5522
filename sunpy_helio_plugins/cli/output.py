"""Tables as text, JSON, CSV and ECSV, on standard output or in a file, which is complete or does not exist."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from sunpy_helio_plugins.cli.command import Run, WrongUse, current_run
from sunpy_helio_plugins.cli.queries import texts

__all__ = [
    "JSON_VERSION", "PICTURES", "Output", "check_folder", "chosen_form", "document", "output_options", "plain_columns",
    "show", "show_value", "value_options", "written",
]  # fmt: skip

JSON_VERSION = 1
"""The version of the JSON documents; it is incremented when a key is removed or changes its meaning."""

PRINTED = {
    "json": "JSON with a version, the result, problems and notes",
    "csv": "CSV with one header line",
    "ecsv": "ECSV, from which astropy reads the same table",
}
"""The formats that commands print, with their descriptions in the help."""

PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")

_SUFFIXES = {*PRINTED, "parquet", "fits", *(suffix[1:] for suffix in PICTURES)}
"""Suffixes that set a format, with some command."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Output:
    """
    Where and how a table is printed.

    Parameters
    ----------
    form : str
        ``"table"`` for people, or one of `PRINTED`.
    path : str
        The file, or ``"-"`` for standard output.
    columns : tuple of str
        The names of the columns; empty for all, or for those that a table shows to people.
    """

    def __init__(self, form: str, path: str = "-", columns: tuple[str, ...] = ()) -> None:
        self.form, self.path, self.columns = form, path, columns

    def chosen(self, table: Any) -> dict[str, list[Any]]:
        """Return the columns to print."""
        made = plain_columns(table)
        if self.columns:
            return {name: made[name] for name in _known(self.columns, made)}
        if self.form != "table":
            return made
        shown = getattr(table, "display_keys", None)
        if isinstance(shown, list):
            return {name: cells for name, cells in made.items() if name.rpartition(".")[0] in shown or name in shown}
        hidden = set(getattr(table, "hide_keys", ())) - {"file_path"}
        return {name: cells for name, cells in made.items() if name not in hidden}


def _known(columns: Sequence[str], made: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of columns, if the table has them."""
    from sunpy_helio_plugins.arguments import choice
    from sunpy_helio_plugins.errors import QueryError

    for name in columns:
        if name not in made:
            raise QueryError(f"There is no column {name!r}.{choice(name, made, 'columns')}")
    return columns


def output_options(function: Function) -> Function:
    """Add ``--json``, ``--csv``, ``--ecsv``, ``--columns`` and ``--output`` to a command, as its ``output``."""
    columns = click.option(
        "--columns", multiple=True, callback=texts, metavar="NAMES", help="The columns to print; several with commas."
    )
    return columns(_with_output(function, tuple(PRINTED)))


def value_options(function: Function) -> Function:
    """Add ``--json`` and ``--output`` to a command whose result is not a table, as its ``output``."""
    return _with_output(function, ("json",))


def _with_output(function: Function, forms: Sequence[str]) -> Function:
    def gathered(*args: Any, output_path: str, columns: tuple[str, ...] = (), **kwargs: Any) -> Any:
        chosen = [form for form in forms if kwargs.pop(f"as_{form}")]
        form = chosen_form(chosen, output_path, forms, "table")
        return function(*args, output=Output(form, output_path, columns), **kwargs)

    endings = ", ".join(f".{form}" for form in forms)
    options = [click.option(f"--{form}", f"as_{form}", is_flag=True, help=f"Print {PRINTED[form]}.") for form in forms]
    path = click.option(
        "-o", "--output", "output_path", default="-", metavar="FILE",
        help=f"Write to a file; the suffix sets the format ({endings}; else text).",
    )  # fmt: skip
    made: Any = wraps(function)(gathered)
    for one in (path, *reversed(options)):
        made = one(made)
    return made


def chosen_form(chosen: Sequence[str], path: str, forms: Sequence[str], default: str) -> str:
    """Return the form of an output: that of an option, else that of the suffix of the file; they must not differ."""
    check_folder(path)
    suffix = Path(path).suffix.lower().removeprefix(".")
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    if chosen and suffix != chosen[0] and suffix in _SUFFIXES:
        raise click.UsageError(f"--{chosen[0]} does not write {path}: leave it out, or give a file .{chosen[0]}")
    return chosen[0] if chosen else suffix if suffix in forms else default


def show(table: Any, output: Output, *, empty: str = "No rows.") -> None:
    """Print a table, and report its problems and notes; print ``empty`` as text if the table does not have rows."""
    run = current_run()
    run.add(table)
    columns, units = output.chosen(table), _units(table)
    with written(output.path) as stream:
        if output.form == "ecsv":
            _write_ecsv(table[list(output.columns)] if output.columns else table, stream)
        elif output.form == "json":
            shown = {name: unit for name, unit in units.items() if name in columns}
            stream.write(document(run, rows=list(_records(columns)), units=shown))
        elif output.form == "csv":
            _write_csv(columns, stream)
        elif not len(table):
            run.say(empty)
        else:
            stream.write(_aligned(columns, units))


def show_value(value: Mapping[str, Any], text: str, output: Output, *, empty: str = "") -> None:
    """Print a result that is not a table, as JSON or as text; print ``empty`` if the text is empty."""
    if output.form in ("csv", "ecsv") or output.columns:
        given = "columns" if output.columns else output.form
        raise click.UsageError(f"--{given} is for tables; this command prints text or --json")
    from sunpy_helio_plugins.errors import printable

    with written(output.path) as stream:
        if output.form == "json":
            stream.write(document(current_run(), **value))
        elif text:
            stream.write(f"{printable(text.rstrip())}\n")
        elif empty:
            current_run().say(empty)


def document(run: Run, **parts: Any) -> str:
    """Return a JSON document with its version, and the problems and notes of the run."""
    whole = {"version": JSON_VERSION, **parts, "problems": run.missing, "notes": run.notes}
    try:
        return json.dumps(whole, default=str, allow_nan=False) + "\n"
    except ValueError:  # a server's own description may contain NaN, which JSON does not have
        return json.dumps(_finite(whole), default=str) + "\n"


def _finite(value: Any) -> Any:
    """Return a value with the texts of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value if not isinstance(value, float) or value - value == 0 else str(value)


def check_folder(path: str | Path) -> None:
    """Refuse a file in a folder that does not exist."""
    folder = Path(path).expanduser().parent
    if str(path) != "-" and not folder.is_dir():
        raise WrongUse(f"The folder {folder} does not exist; create it, or give another path.")


@contextlib.contextmanager
def written(path: str | Path, mode: str = "w") -> Iterator[Any]:
    """Yield a stream for standard output (``"-"``), or for a file that appears at the end of the block, complete."""
    if str(path) == "-":
        yield sys.stdout if mode == "w" else sys.stdout.buffer
        return
    from sunpy_helio_plugins.store.publish import whole_file

    check_folder(path)
    with whole_file(Path(path).expanduser()) as stream:
        if mode == "w":
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()
        else:
            yield stream


def plain_columns(table: Any) -> dict[str, list[Any]]:
    """Return the columns of a table as lists of numbers, texts, booleans and `None`; times are ISO 8601."""
    made: dict[str, list[Any]] = {}
    for name in table.colnames:
        column = table[name]
        if name == "raw":  # the records from which the other columns of events are made
            continue
        if hasattr(column, "coordinate"):  # the points of events
            values, gone = column.values, list(column.mask)
            for index, axis in enumerate(("lon", "lat")):
                pairs = zip(values[:, index].tolist(), gone, strict=True)
                made[f"{name}.{axis}"] = [_cell(value, missing) for value, missing in pairs]
        else:
            made[name] = _plain(column)
    return made


def _plain(column: Any) -> list[Any]:
    """Return the values of a column."""
    import numpy as np
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    if isinstance(column, Time):
        return _stamps(column)
    if hasattr(column, "wkt"):  # the polygons of events
        return [text or None for text in column.wkt]
    if isinstance(column, SkyCoord):
        return [one.to_string() for one in column]
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False), dtype=bool), np.shape(column))
    bare = getattr(column, "unmasked", column)
    values = np.asarray(np.ma.getdata(getattr(bare, "value", bare)))
    if values.dtype.kind == "f":
        mask = mask | ~np.isfinite(values)
    if values.dtype.kind in "biuf":
        found = values.astype(object) if mask.any() else values
        if mask.any():
            found[mask] = None
        return list(found.tolist())
    return [_cell(value, missing) for value, missing in zip(values.tolist(), mask.tolist(), strict=True)]


def _stamps(column: Any) -> list[str | None]:
    """Return times with the digits that they need, at least milliseconds; those in UTC end with Z."""
    import numpy as np
    from astropy.time import Time

    from sunpy_helio_plugins.quantities.silence import far_years

    gone = np.broadcast_to(np.asarray(column.mask, dtype=bool), column.shape).tolist()
    known = column.filled(Time(0, format="unix", scale=column.scale)) if column.masked else column
    with far_years():
        plain = known.copy(format="isot")
        plain.precision = 9
        texts = np.asarray(plain.value).tolist()
    end = "Z" if column.scale == "utc" else ""
    return [
        None if lost else f"{text[:23]}{text[23:].rstrip('0')}{end}" for text, lost in zip(texts, gone, strict=True)
    ]


def _cell(value: Any, missing: Any) -> Any:
    if isinstance(value, list):
        lost = missing if isinstance(missing, list) else [missing] * len(value)
        return [_cell(one, each) for one, each in zip(value, lost, strict=True)]
    if missing or (isinstance(value, float) and (value != value or value in (float("inf"), -float("inf")))):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _units(table: Any) -> dict[str, str]:
    units = {name: getattr(table[name], "unit", None) for name in table.colnames}
    return {name: str(unit) for name, unit in units.items() if unit is not None and str(unit)}


def _records(columns: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _flat(columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return columns of several components as one column for each: ``name_0``, ``name_1``."""
    flat: dict[str, list[Any]] = {}
    for name, cells in columns.items():
        width = len(cells[0]) if cells and isinstance(cells[0], list) else 0
        if width and all(isinstance(cell, list) and len(cell) == width for cell in cells):
            flat |= _flat({f"{name}_{index}": [cell[index] for cell in cells] for index in range(width)})
        else:
            flat[name] = list(cells)
    return flat


def _write_csv(columns: Mapping[str, Sequence[Any]], stream: Any) -> None:
    flat = _flat(columns)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_safe(name) for name in flat])
    writer.writerows(zip(*map(_csv_cells, flat.values()), strict=True))


def _csv_cells(cells: Sequence[Any]) -> list[Any]:
    """Return a column as csv writes it: missing values are empty."""
    if all(type(cell) in (float, int, bool, type(None)) for cell in cells):
        return list(cells)
    return [json.dumps(cell) if isinstance(cell, list) else _safe(cell) for cell in cells]


def _safe(cell: Any) -> Any:
    """Return a text without the control characters that a terminal would obey."""
    from sunpy_helio_plugins.io.text import safe_cell

    return safe_cell(cell) if isinstance(cell, str) and not cell.isprintable() else cell


def _write_ecsv(table: Any, stream: Any) -> None:
    from sunpy_helio_plugins import io as tables

    made = io.StringIO()
    tables.write(table, made, format="ecsv")
    stream.write("".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in made.getvalue()))


_WIDEST = 60
"""Characters of the widest cell of a table on a terminal; elsewhere cells are complete."""


def _aligned(columns: Mapping[str, Sequence[Any]], units: Mapping[str, str]) -> str:
    """Return columns as lines of text."""
    most = _WIDEST if sys.stdout.isatty() else 10**6
    shown: dict[str, list[str]] = {}
    for name, cells in columns.items():
        unit = f" [{units[name]}]" if name in units else ""
        for each, values in _flat({name: cells}).items():
            shown[_safe(f"{each}{unit}")] = [_shown(value, most) for value in values]
    widths = [max(len(name), *map(len, cells)) for name, cells in shown.items()]
    lines = [shown.keys(), ["-" * width for width in widths], *zip(*shown.values(), strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def _shown(cell: Any, most: int) -> str:
    text = "--" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(_safe(cell))
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
