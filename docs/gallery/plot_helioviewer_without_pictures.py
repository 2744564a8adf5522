"""
A light curve from image headers, and one moment from every source
==================================================================

A Helioviewer file begins with its header, and the header contains the statistics of the science data. A light curve can
therefore be made from a few kilobytes of each file, without the images. The example then plots the coverage of the
archive, and one moment as seen by every source.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.dates as dates
import matplotlib.pyplot as plt
import numpy as np
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer, her, sandbox

folder = tempfile.mkdtemp()
day = a.Time("2026-01-10", "2026-01-10 20:06")

# %%
# ``a.helioviewer.Header()`` adds columns from the headers: here those of the images that the LASCO C2 coronagraph took
# after the largest flare of the day.

with sandbox.serve():
    corona = Fido.search(day, a.Detector("C2"), a.helioviewer.Header())["helioviewer"]
    flare = her.flares(a.Time("2026-01-10 13:00", "2026-01-10 15:00"))[0]

corona["Start Time", "EXPTIME", "DATAMEAN", "DATAMAX"]

# %%
# The ejection enters the field of view while the flare decays, and fades as it expands. The mean of the images
# increases until it begins to leave an hour later.

figure, (above, below) = plt.subplots(2, figsize=(9, 5), sharex=True, layout="constrained")
times = corona["Start Time"].datetime64
above.plot(times, corona["DATAMAX"], "o-", color="#b5651d")
above.set_ylabel("Brightest pixel [DN]")
below.plot(times, 100 * (corona["DATAMEAN"] / corona["DATAMEAN"][0] - 1), "o-", color="#2a6f97")
below.set_ylabel("Change of the mean [%]")
above.set_title("LASCO C2, from the headers of seven images")
label = f"{flare['fl_goescls']} flare"
for axes in (above, below):
    axes.axvspan(flare["event_starttime"].datetime64, flare["event_endtime"].datetime64, color="0.9", label=label)
    axes.axvline(flare["event_peaktime"].datetime64, color="0.5", linestyle="--", label="its peak")
    axes.grid(alpha=0.3)
above.legend(loc="upper right", frameon=False)
locator = dates.AutoDateLocator()
below.xaxis.set_major_locator(locator)
below.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))

# %%
# Coverage of a time range: each mark is an image, each red bar is a gap of more than two and a half cadences.

with sandbox.serve():
    held = helioviewer.coverage(day, a.helioviewer.SourceID(4, 11, 13, 19))

plt.figure(figsize=(9, 3), layout="constrained")
axes = held.plot()
axes.legend(axes.lines[:2], ["image", "gap"], loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
axes.set_xlabel("Time (UTC)")

held.table

# %%
# One search returns the image of every source that is nearest to a moment. Only the part of each file that 512 pixels
# need is fetched, and `sunpy_helio_plugins.helioviewer.read` repairs known errors in headers.

with sandbox.serve():
    moment = helioviewer.near("2026-01-10 12:00:05", tolerance=1 * u.min)
    files = Fido.fetch(moment, path=folder + "/{file}", size=512)

moment

# %%
# Each map keeps its own instrument's colours and coordinates.

maps = sorted((helioviewer.read(file) for file in files), key=lambda picture: picture.name)
figure = plt.figure(figsize=(12, 4.4), layout="compressed")
for place, picture in enumerate(maps, start=1):
    axes = figure.add_subplot(1, len(maps), place, projection=picture)
    picture.plot(axes=axes, clip_interval=(1, 99.7) * u.percent)
    picture.draw_limb(axes=axes, color="white", linewidth=0.6)
    name = f"{picture.wavelength.value:.0f} Å" if picture.instrument.startswith("AIA") else picture.measurement
    axes.set_title(f"{picture.instrument.split()[0]} {name}\n{picture.date.iso[11:22]}")
    for coordinate in axes.coords:
        coordinate.set_ticks_visible(False)
        coordinate.set_ticklabel_visible(False)
        coordinate.set_axislabel("")
print(np.round([picture.scale[0].value for picture in maps], 2), "arcseconds to the pixel")

plt.show()
