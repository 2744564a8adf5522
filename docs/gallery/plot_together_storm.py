"""
A storm in all four archives
============================

The storm of 10 January 2026 in one figure: the Sun with the flare and the coronal hole of the day, the field that IMAP
measured, the solar wind at L1, and the ways from one to the other with the time that each of them took.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry, Helioviewer, the IMAP Science Data Center and CDAWeb.
"""

import time
from contextlib import contextmanager

import astropy.constants as const
import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import ConciseDateFormatter, DayLocator
from sunpy.coordinates import sun
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, helioviewer, her, imap, sandbox, series, together

# %%
# Ask each archive for its part, and note how long it takes: the registry for the eruption of two days before, the
# strongest flare of the day and its largest hole, Helioviewer for the image nearest to the flare, IMAP for its field,
# and a HAPI server for the wind.

week = a.Time("2026-01-08", "2026-01-13")
day = a.Time("2026-01-10", "2026-01-10 18:00")
seconds = {}


@contextmanager
def clock(archive):
    start = time.perf_counter()
    yield
    seconds[archive] = time.perf_counter() - start


with sandbox.serve():
    with clock("HER"):
        eruption = Fido.search(a.Time("2026-01-08", "2026-01-09"), a.her.CE)["her"][0]
        flares = Fido.search(day, a.her.FL, a.her.Supplier("SSW Latest Events"))["her"]
        holes = Fido.search(day, a.her.CH, a.her.frm_name == "SPoCA")["her"]
        flare = flares[np.argmax(flares["fl_goescls_flux"])]
        hole = max(holes, key=lambda one: one["hpc_boundcc"].area)
    with clock("Helioviewer"):
        image = helioviewer.nearest("AIA 193", flare["event_peaktime"], tolerance=3 * u.hour)
        disk = helioviewer.read(image, size=512)[0]
    with clock("IMAP"):
        field = imap.open([week, a.imap.Descriptor("norm-gse")]).table
    with clock("HAPI"):
        wind = series.to_pandas(hapi.load("cdaweb", "OMNI_HRO2_1MIN", week.start, week.end))

for archive, took in seconds.items():
    print(f"{archive:<12} {took:5.2f} s")

# %%
# The light of the flare needs minutes. The shock that IMAP observed three hours later is not its work: the eruption
# that drove it left the Sun two days before. The stream of the hole leaves from the passage of its western edge through
# the central meridian to that of its eastern edge, and needs almost three days at 620 km/s.

flared, erupted = (one.unmasked for one in (flare["event_peaktime"], eruption["event_starttime"]))
shock = field["epoch"][np.argmax(field["magnitude"].filled(0) > 10 * u.nT)].unmasked
speed = 620 * u.km / u.s
stream = together.arrival(hole, [speed, speed])
distance = sun.earth_distance(flared)
travel = {
    "Light": (distance / const.c).to(u.min),
    "Shock": (shock - erupted).to(u.day),
    "Stream": (distance / speed).to(u.day),
}
for name, needed in travel.items():
    print(f"{name:<8} {needed:5.1f}")

# %%
# The figure has the Sun and the series on one time axis, and above these what left the Sun and when it arrived: the
# slope of each way is its speed. The bars are the seconds that each archive took, with all of its requests and files.

FLARE, SHOCK, STREAM = "#a8326f", "#d55e00", "#56b4e9"
STYLE = {
    "font.size": 7, "axes.labelsize": 7, "axes.titlesize": 7, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5,
    "xtick.direction": "in", "ytick.direction": "in", "axes.linewidth": 0.6, "lines.linewidth": 0.6, "savefig.dpi": 300,
}  # fmt: skip


def name(axes, text):
    axes.annotate(text, (0, 1), (3, -3), "axes fraction", "offset points", va="top")


def draw_sun(axes):
    disk.plot(axes=axes, autoalign=False)
    her.overlay(axes, hole, color=STREAM, linewidth=1.2)
    her.overlay(axes, flare, color=FLARE, marker="*", markersize=9, markeredgecolor="white")
    title = f"{flare['fl_goescls']}, {flared.strftime('%H:%M')}"
    for event, text, shift in ((flare, title, (12, -22)), (hole, "Coronal hole", (0, 30))):
        place = disk.wcs.world_to_pixel(event["hpc_coord"])
        axes.annotate(text, place, shift, textcoords="offset points", color="white", ha="center", weight="bold")
    axes.set_title(f"(a) SDO AIA 193 Å, {disk.date.strftime('%Y-%m-%d %H:%M')}")
    axes.set(xlabel="Solar X [arcsec]", ylabel="Solar Y [arcsec]")
    axes.coords.grid(visible=False)


def draw_ways(axes):
    left = [(end - distance / speed).datetime64 for end in (stream.start, stream.end)]
    arrived = [end.datetime64 for end in (stream.start, stream.end)]
    axes.fill([*left, *arrived[::-1]], [0, 0, 1, 1], color=STREAM, alpha=0.35, linewidth=0)
    axes.plot([erupted.datetime64, shock.datetime64], [0, 1], color=SHOCK, linewidth=1.4)
    axes.axvline(flared.datetime64, color=FLARE, linewidth=1)
    for text, when, height, shift, align, color in (
        ("Shock", erupted + 0.4 * (shock - erupted), 0.45, -14, "right", SHOCK),
        ("Light", flared, 0.78, 14, "left", FLARE),
        ("Stream", stream.start + (stream.end - stream.start - distance / speed) / 2, 0.5, 0, "center", "#1f6f9f"),
    ):
        label, place = f"{text}\n{travel[text]:.1f}", (when.datetime64, height)
        axes.annotate(label, place, (shift, 0), textcoords="offset points", color=color, ha=align, va="center")
    axes.set(ylim=(0, 1), yticks=[0, 0.5, 1], yticklabels=["Sun", "0.5 au", "L1"])
    name(axes, "(c)")


def draw_records(field_axes, speed_axes, ring_axes):
    field_axes.plot(field["epoch"].datetime64, field["magnitude"].filled(np.nan), color="black", label="$|B|$")
    field_axes.plot(field["epoch"].datetime64, field["b_gse"].filled(np.nan)[:, 2], color="#0072b2", label="$B_z$")
    field_axes.legend(loc="lower left", frameon=False, handlelength=1.2, ncols=2)
    field_axes.set(ylabel="B, GSE [nT]", ylim=(-29, 33))
    speed_axes.plot(wind["flow_speed"], color="black")
    speed_axes.set(ylabel="V [km/s]", ylim=(310, 710))
    ring_axes.plot(wind["SYM_H"], color="black")
    ring_axes.set(ylabel="SYM-H [nT]", ylim=(-155, 45))
    for axes, text in ((field_axes, "(d) IMAP MAG"), (speed_axes, "(e) OMNI"), (ring_axes, "(f) OMNI")):
        axes.axvspan(stream.start.datetime64, stream.end.datetime64, color=STREAM, alpha=0.3, linewidth=0)
        axes.axvline(flared.datetime64, color=FLARE, linewidth=1)
        name(axes, text)


def draw_seconds(axes):
    axes.bar_label(axes.barh(list(seconds), list(seconds.values()), color="0.6"), fmt="%.2f s", padding=2)
    axes.set_title("(b) Time that each archive took")
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    axes.invert_yaxis()
    axes.margins(x=0.2)


def draw(size, rows, columns, **ratios):
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=size.to_value(u.imperial.inch), layout="constrained")
        figure.get_layout_engine().set(hspace=0, h_pad=0.02)
        left, right = figure.subfigures(rows, columns, **ratios)
        parts = left.subplot_mosaic(
            [["sun"], ["took"]], height_ratios=[4, 1], per_subplot_kw={"sun": {"projection": disk}}
        )
        draw_sun(parts["sun"])
        draw_seconds(parts["took"])
        ways, *records = right.subplots(4, 1, sharex=True)
        draw_ways(ways)
        draw_records(*records)
        for axes in (ways, *records):
            axes.axvline(shock.datetime64, color=SHOCK, linewidth=1, linestyle="--", zorder=0)
        ways.set_xlim(week.start.datetime64, week.end.datetime64)
        ways.xaxis.set_major_locator(days := DayLocator())
        ways.xaxis.set_major_formatter(ConciseDateFormatter(days))
    return figure


draw([180, 95] * u.mm, 1, 2, width_ratios=[1, 1.5])

plt.show()

# %%
# The same in one column of a journal.

draw([88, 190] * u.mm, 2, 1)

plt.show()
