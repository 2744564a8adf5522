"""Daily tables and pictures of the files of a query, written again if a file of the day has changed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sunpy_helio_plugins import io
from sunpy_helio_plugins.errors import Problem, local
from sunpy_helio_plugins.mirrors.copies import Copy, Listing
from sunpy_helio_plugins.mirrors.plan import PlannedQuery
from sunpy_helio_plugins.mirrors.verdicts import Checks
from sunpy_helio_plugins.store.manifest import Entry, Manifest, entry, short_digest
from sunpy_helio_plugins.store.publish import make_folder, new_part, publish, sync_to_disk

__all__ = ["Made", "update"]

_TABLES, _PICTURES = "tables", "pictures"
"""The folders of the daily tables and pictures."""

_SUFFIX = {"hdf5": ".h5"}
_DPI = 120


@dataclass
class Made:
    """The entries of the products that were written, and what failed."""

    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Day:
    """The files of one product and one day."""

    archive: str
    day: str
    group: str
    copies: Sequence[Copy]
    listed: Listing

    def records(self) -> Any:
        """Return the table of the day: the records of its files, or the rows of the search with their files."""
        paths: Any = [one.place for one in self.copies]
        if self.archive == "hapi":
            from sunpy_helio_plugins import hapi

            return hapi.read(paths)
        if self.archive == "imap":
            from sunpy_helio_plugins import imap

            return imap.read(paths)
        table = self.listed.table[[one.row for one in self.copies]]
        table["File"] = np.array([path.name for path in paths], dtype=str)
        return table

    def draw(self) -> Any:
        """Return the figure of the day."""
        return _FIGURES[self.archive](self)


def update(query: PlannedQuery, folder: Path, listed: Listing, manifest: Manifest, checks: Checks) -> Made:
    """Write the products of the days whose files have changed since they were written, and those that were lost."""
    made = Made()
    for one in _days(query, listed, manifest):
        sources = [f"{copy.key} {manifest.files[copy.key]['sha256']}" for copy in one.copies]
        for kind, key, write in _kinds(query, one):
            mark = short_digest("\n".join((kind, query.table, *sorted(sources))))
            known = manifest.files.get(key, {})
            if known.get("mark") == mark and not checks.is_lost(folder / key, known):
                continue
            try:
                _write(folder / key, write)
            except Exception as error:  # noqa: BLE001 - libraries that read, write and draw fail in any way
                reason = str(error) or type(error).__name__
                made.problems.append(Problem(f"{key} could not be made: {reason}", "data", listed.table.archive))
                continue
            end = f"{one.day}T23:59:59.999"
            told = {"mark": mark, "product": kind, "start": f"{one.day}T00:00:00.000", "end": end, "own": True}
            made.entries[key] = entry(folder / key) | told
    return made


def _days(query: PlannedQuery, listed: Listing, manifest: Manifest) -> Iterator[_Day]:
    """Yield the days and products of which there are files."""
    found: dict[tuple[str, str], list[Copy]] = defaultdict(list)
    for one in listed.copies:
        # Only CDF files of the mission contain tables of records.
        is_read = query.archive != "imap" or one.key.endswith(".cdf")
        if one.start and is_read and one.key in manifest.files and one.place.is_file():
            found[one.start[:10], one.group].append(one)
    for (day, group), copies in sorted(found.items()):
        yield _Day(query.archive, day, group, copies, listed)


def _kinds(query: PlannedQuery, one: _Day) -> Iterator[tuple[str, str, Callable[[Path], None]]]:
    """Yield each product of a day: its kind, its path, and the function that writes it."""
    name = "_".join(filter(None, (one.day, re.sub(r"[^\w.-]", "_", one.group)[:100])))
    if query.table:
        key = f"{_TABLES}/{name}{_SUFFIX.get(query.table, f'.{query.table}')}"
        yield "table", key, lambda part: io.write(one.records(), part, format=query.table, overwrite=True)
    if query.picture:
        yield "picture", f"{_PICTURES}/{name}.png", lambda part: _save(one.draw(), part)


def _write(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file in one step."""
    make_folder(target.parent)
    with new_part(target) as (part, _), local(target):
        write(part)
        with part.open("rb+") as stream:
            sync_to_disk(stream)
        publish(part, target, True)


def _save(figure: Any, part: Path) -> None:
    import matplotlib.pyplot as plt

    try:
        figure.savefig(part, format="png", dpi=_DPI)
    finally:
        plt.close(figure)


def _records_figure(one: _Day) -> Any:
    """Plot the records of a day."""
    from sunpy_helio_plugins import hapi

    figure = hapi.quicklook(one.records())
    figure.suptitle(f"{one.group}, {one.day}")
    return figure


def _image_figure(one: _Day) -> Any:
    """Draw the last image of a day."""
    import matplotlib.pyplot as plt
    from sunpy.map import Map

    last = max(one.copies, key=lambda copy: copy.start)
    image = Map(last.place)
    figure = plt.figure(figsize=(8, 8), layout="constrained")
    axes = figure.add_subplot(projection=image)
    image.plot(axes=axes, autoalign=False)
    axes.set_title(f"{one.group.replace('_', ' ')}, {last.start[:16].replace('T', ' ')}")
    return figure


def _events_figure(one: _Day) -> Any:
    """Draw the events of a day on the disk, as seen from Earth at noon."""
    import astropy.units as u
    import matplotlib.pyplot as plt
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective
    from sunpy.map import Map, make_fitswcs_header

    from sunpy_helio_plugins import her

    center = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=Helioprojective(observer="earth", obstime=f"{one.day}T12:00"))
    header = make_fitswcs_header((240, 240), center, scale=(10, 10) * u.arcsec / u.pix)
    disk = Map(np.zeros((240, 240)), header)
    figure = plt.figure(figsize=(8, 8), layout="constrained")
    axes = figure.add_subplot(projection=disk)
    axes.set(xlim=(-0.5, 239.5), ylim=(-0.5, 239.5))
    disk.draw_limb(axes=axes, color="0.3")
    disk.draw_grid(axes=axes, color="0.7", linewidth=0.5)
    events = one.listed.table[[copy.row for copy in one.copies]]
    her.overlay(axes, events)
    axes.set(title=f"{len(events)} events, {one.day}", xlabel="Solar X", ylabel="Solar Y")
    return figure


_FIGURES: dict[str, Callable[[_Day], Any]] = {
    "hapi": _records_figure, "imap": _records_figure, "helioviewer": _image_figure, "her": _events_figure,
}  # fmt: skip
