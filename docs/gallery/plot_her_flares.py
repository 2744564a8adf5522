"""
Flares and their active regions
===============================

Events of one day on one image: active regions, the flares in them, and coronal holes that SPoCA tracked.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry and Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import ConciseDateFormatter, HourLocator
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, sandbox

folder = tempfile.mkdtemp()

# %%
# One search returns three types of events. Flares are limited to one supplier: SWPC reports the same flares without a
# position.

day = a.Time("2026-01-10 00:10", "2026-01-10 19:50")
flares = a.her.FL & a.her.Supplier("SSW Latest Events")
with sandbox.serve():
    events = Fido.search(day, flares | a.her.AR | a.her.CH)
    pictures = Fido.search(
        a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30"),
        a.helioviewer.Image(),
        a.Instrument("AIA"),
        a.Wavelength(193 * u.AA),
    )
    files = Fido.fetch(pictures, path=folder)

events = her.HERTable.stack(*events)
events["event_type", "event_starttime", "frm_name", "fl_goescls", "ar_noaanum", "hpc_boundcc"]

# %%
# GOES classes are converted to fluxes, so that they can be compared and plotted as numbers. The registry compares them
# as text, so that X10 is less than X2.

flares = events[events["event_type"] == "FL"]
flares.sort("fl_goescls_flux")
flares["event_peaktime", "fl_goescls", "fl_goescls_flux", "ar_noaanum"]

# %%
# `sunpy_helio_plugins.her.tracks` groups the detections of one feature. Each detection is an outline at a different
# time, whose centre moves across the disk by 13 to 14 degrees per day.

holes = events[events["event_type"] == "CH"]
tracks = her.tracks(holes)
[(str(track["frm_specificid"][0]), len(track)) for track in tracks]

# %%
# Regions are drawn as boxes with their numbers, flares as points and holes as outlines, all rotated to the time of the
# image. Several flares of a region are close to each other: they are labelled in the plot of their fluxes instead.

sun = Map(files[0])
figure = plt.figure(figsize=(12, 5.6), layout="constrained")
panels = figure.add_gridspec(2, 2, width_ratios=[1.5, 1])

disk = figure.add_subplot(panels[:, 0], projection=sun)
sun.plot(axes=disk, autoalign=False)
her.overlay(disk, events[events["event_type"] == "AR"], labels=True, color="white")
her.overlay(disk, flares)
her.overlay(disk, holes, linewidth=0.8)
disk.legend(loc="lower right")
disk.set_xlabel("Solar X [arcsec]")
disk.set_ylabel("Solar Y [arcsec]")

times = figure.add_subplot(panels[0, 1])
for number in np.unique(flares["ar_noaanum"].compressed()):
    mine = flares[flares["ar_noaanum"].filled(0) == number]
    peaks, fluxes = mine["event_peaktime"].unmasked, mine["fl_goescls_flux"].unmasked
    times.plot(peaks.datetime, fluxes.to_value("W/m2"), "o", label=f"{number}")
    for peak, flux, text in zip(peaks.datetime, fluxes.to_value("W/m2"), mine["fl_goescls"], strict=True):
        times.annotate(text, (peak, flux), (6, 4), textcoords="offset points", fontsize="small")
times.set(yscale="log", ylim=(6e-7, 1e-3), ylabel="Flux [W/m²]", title="Flares at their peak")
for letter, flux in zip("CMX", (1e-6, 1e-5, 1e-4), strict=True):
    times.axhline(flux, color="0.8", linewidth=0.8)
    times.text(0.01, 1.1 * flux, letter, transform=times.get_yaxis_transform())
times.legend(title="Region", loc="center left", bbox_to_anchor=(1, 0.5))
times.tick_params(axis="x", labelbottom=False)

drift = figure.add_subplot(panels[1, 1], sharex=times)
for track in tracks:
    centres = track["hpc_coord"].transform_to("heliographic_stonyhurst")
    latitude = centres.lat.mean().to_value("deg")
    drift.plot(track["detection_time"].datetime, centres.lon.to_value("deg"), ".-", label=f"{latitude:+.0f}°")
drift.set(ylabel="Stonyhurst longitude [deg]", title="Coronal holes, followed")
drift.legend(title="Latitude", loc="center left", bbox_to_anchor=(1, 0.5))
drift.xaxis.set_major_locator(hours := HourLocator(byhour=range(0, 24, 6)))
drift.xaxis.set_major_formatter(ConciseDateFormatter(hours))

plt.show()
