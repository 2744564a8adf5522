"""
Demonstrate the package: ``python -m sunpy_helio_plugins.demo [folder] [--live]``.

It searches each of the four archives and all of them at once, downloads the files with progress bars, prints tables,
a TimeSeries, a Map and events, and saves figures to the folder. Without ``--live`` it uses an embedded archive on the
local machine.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sunpy.map import GenericMap
    from sunpy.net.attr import Attr

__all__ = ["main"]

DAY = ("2026-01-10 00:00", "2026-01-10 23:59:59")
STORM = ("2026-01-10 00:00", "2026-01-13 23:59:59")
PICTURE = ("2026-01-10 12:00:00", "2026-01-10 12:00:30")
EARLIER = 4
"""Hours before the image in which its coronal holes were outlined; this is done every four hours."""


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run the demonstration.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments of the command line. Defaults to those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m sunpy_helio_plugins.demo", description=(__doc__ or "").strip())
    parser.add_argument("folder", nargs="?", type=Path, default=Path("helio-demo"), help="folder for the figures")
    parser.add_argument("--live", action="store_true", help="use the real archives; this needs a network")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with _archives(chosen.live):
        _run(chosen.folder)
    print(f"\nDone in {time.monotonic() - started:.0f} s. The figures and files are in {chosen.folder}.")


@contextlib.contextmanager
def _archives(live: bool) -> Iterator[None]:
    """Use the real archives or the embedded one."""
    if live:
        print("Using the real archives.")
        yield
        return
    from astropy.utils import iers

    from sunpy_helio_plugins import sandbox

    # Earth orientation data are not needed for synthetic data.
    with sandbox.serve() as archive, iers.conf.set_temp("auto_download", False):
        print(f"Using an embedded archive at {archive.url}.")
        yield


def _run(folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from sunpy_helio_plugins.store.publish import make_folder

    make_folder(folder)
    # sunpy 7.0 aborts a combined search at the first failure, so only archives that responded are searched together.
    queries = {name: query for name, query in _queries().items() if _search(name, query)}
    files = _fetch(queries, folder) if queries else {}
    _show_wind(files, folder)
    _show_imap(files)
    _show_sun(files, folder)


def _queries() -> dict[str, Attr]:
    """Return the four queries: each contains an attr of its archive, so that only that archive is searched."""
    import astropy.units as u
    from sunpy.net import attrs as a

    import sunpy_helio_plugins  # noqa: F401 - registers the clients

    day, storm, moment = a.Time(*DAY), a.Time(*STORM), a.Time(*PICTURE)
    return {
        "HAPI": storm & a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI") & a.hapi.Parameters("Magnitude", "BGSEc"),
        "IMAP": day & a.imap.File() & a.Instrument("mag") & a.Level("l2"),
        "Helioviewer": moment & a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(193 * u.AA),
        "HER": day & a.her.Event() & (a.hek.CH | a.hek.FL),
    }


def _search(name: str, query: Attr) -> bool:
    """Search, and return whether there are results."""
    from sunpy.net import Fido

    print(f"\n=== {name}: Fido.search({_spoken(query)})\n")
    with _reported(name):
        found = Fido.search(query)
        print(found)
        return bool(len(found))
    return False


def _spoken(query: Any) -> str:
    return ", ".join(_said(part) for part in query.attrs)


def _said(attr: Any) -> str:
    """Return an attr as Python code."""
    from sunpy.net import attrs as a

    from sunpy_helio_plugins.fido import attrs

    if isinstance(attr, a.Time):
        return f"a.Time({attr.start.iso[:19]!r}, {attr.end.iso[:19]!r})"
    if isinstance(attr, a.Wavelength):
        return f"a.Wavelength({attr.min.value:g} * u.{attr.min.unit})"
    if isinstance(attr, a.hek.EventType):
        return " | ".join(f"a.hek.{code.upper()}" for code in attr.item.split(","))
    value = getattr(attr, "value", None)
    return repr(attr) if value is None or isinstance(attr, attrs.ArchiveAttr) else f"{attrs.name_of(attr)}({value!r})"


@contextlib.contextmanager
def _reported(what: str) -> Iterator[None]:
    """Report the failure of one archive and continue with the others."""
    try:
        yield
    except (OSError, ValueError) as error:
        print(f"{what} could not be shown: {error}")


def _fetch(queries: dict[str, Attr], folder: Path) -> dict[str, list[str]]:
    """Search all archives at once, and download all files with one progress bar."""
    from sunpy.net import Fido
    from sunpy.net.attr import or_

    print(f"\n=== All of them at once: Fido.search({' | '.join('...' for _ in queries)}), then Fido.fetch\n")
    found = Fido.search(or_(*queries.values()))
    for table in found:
        print(f"{type(table.client).__name__:<18} {len(table):>4} rows")
    results = Fido.fetch(found, path=folder / "data" / "{file}")
    print(results)
    kinds = {"HAPI": ".hapi", "IMAP": ".cdf", "Helioviewer": ".jp2"}
    return {name: [path for path in results if path.endswith(suffix)] for name, suffix in kinds.items()}


def _first(files: dict[str, list[str]], name: str) -> str:
    if not files.get(name):
        raise OSError("no file was downloaded.")
    return files[name][0]


def _show_wind(files: dict[str, list[str]], folder: Path) -> None:
    import matplotlib.pyplot as plt
    from astropy.table import QTable
    from sunpy.timeseries import TimeSeries

    with _reported("The solar wind"):
        path = _first(files, "HAPI")
        print(f"\n=== QTable.read({Path(path).name!r})\n")
        print(QTable.read(path)[:5])
        series = TimeSeries(path)
        print(f"\n=== TimeSeries({Path(path).name!r})\n")
        print(series.to_dataframe().describe().round(2))
        figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
        series.plot(axes=axes)
        axes.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        axes.get_legend().remove()
        figure.legend(loc="outside lower center", ncols=4)
        axes.set(title="Magnetic field of the solar wind at ACE", ylabel=f"B ({_one_unit(series)})")
        figure.savefig(folder / "solar-wind.png", dpi=120)
        plt.close(figure)


def _one_unit(series: Any) -> str:
    """Return the unit that all columns share."""
    return ", ".join(sorted({unit.to_string() for unit in series.units.values()}))


def _show_imap(files: dict[str, list[str]]) -> None:
    from sunpy_helio_plugins import imap

    with _reported("IMAP"):
        path = _first(files, "IMAP")
        print(f"\n=== imap.read({Path(path).name!r})\n")
        print(imap.read(path)[:5])


def _show_sun(files: dict[str, list[str]], folder: Path) -> None:
    from sunpy.map import Map

    with _reported("The Sun"):
        path = _first(files, "Helioviewer")
        sun = Map(path)
        print(f"\n=== Map({Path(path).name!r})\n")
        print(repr(sun).split("\n", 1)[1].split("\narray")[0])
        _draw_sun(sun, folder / "sun-with-events.png")


def _draw_sun(sun: GenericMap, path: Path) -> None:
    """Draw the image with the latest outlines of coronal holes and the flares of the day."""
    import astropy.units as u
    import matplotlib.pyplot as plt
    from sunpy.net import attrs as a

    from sunpy_helio_plugins import HERClient, her

    before = a.Time(sun.date - EARLIER * u.hour + 10 * u.min, sun.date - 10 * u.min)
    # A client used directly raises errors that sunpy 8 would store in Fido's response.
    holes = HERClient().search(before, a.her.Event(), a.hek.CH)
    flares = HERClient().search(a.Time(*DAY), a.her.Event(), a.hek.FL)
    figure = plt.figure(figsize=(8, 8), layout="constrained")
    axes = figure.add_subplot(projection=sun)
    sun.plot(axes=axes, autoalign=False)
    sun.draw_limb(axes=axes, color="white", linewidth=0.5)
    lines = her.overlay(axes, holes, color="cyan", linewidth=1.5)
    print(f"\n{len(lines)} coronal holes and {len(flares)} reports of flares that day are drawn on it.")
    _draw_flares(axes, flares, sun)
    axes.set_title(f"{sun.observatory} {sun.instrument} {sun.wavelength:latex}, {sun.date.iso[:16]}", fontsize=12)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_flares(axes: Any, flares: Any, sun: GenericMap) -> None:
    """Mark each flaring region, rotated to the time of the image."""
    import astropy.units as u
    import numpy as np
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective, propagate_with_solar_surface

    placed = flares[~np.asarray(flares["hpc_x"].mask)]
    for region in set(placed["ar_noaanum"]):
        events = placed[placed["ar_noaanum"] == region]
        frame = Helioprojective(observer="earth", obstime=events["event_starttime"][0])
        place = SkyCoord(*(u.Quantity(events[name].unmasked[0]) for name in ("hpc_x", "hpc_y")), frame=frame)
        with propagate_with_solar_surface():
            turned = place.transform_to(sun.coordinate_frame)
        axes.plot_coord(turned, "+", color="yellow", markersize=12)
        axes.annotate(
            "\n".join(events["fl_goescls"]),
            (turned.Tx.to_value("deg"), turned.Ty.to_value("deg")),
            xycoords=axes.get_transform("world"),
            xytext=(10, 6),
            textcoords="offset points",
            color="yellow",
        )


if __name__ == "__main__":  # pragma: no cover - run in another process
    main()
