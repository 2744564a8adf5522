"""
A light curve from image headers, and one moment from every source
==================================================================

A Helioviewer file begins with its header, and the header contains the statistics of the science data. A light curve of
one day can therefore be made from a few kilobytes of each file, without the images. The example then plots the coverage
of the archive, and one moment as seen by every source.

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

from sunpy_helio_plugins import helioviewer, sandbox

folder = tempfile.mkdtemp()
day = a.Time("2026-01-10", "2026-01-10 20:06")

# %%
# ``a.helioviewer.Header()`` adds columns from the headers. The mean of an image divided by its exposure time is a point
# of a light curve; an ejection in the coronagraph's field of view shows in the brightest of its pixels. The embedded
# archive has images of AIA every four hours only, twenty at a time.

with sandbox.serve():
    channels = a.Wavelength(193 * u.AA) | a.Wavelength(304 * u.AA)
    disk = Fido.search(day, a.Instrument.aia, channels, a.helioviewer.Header())
    corona = Fido.search(day, a.Detector("C2"), a.helioviewer.Header())["helioviewer"]

disk[0]["Start Time", "EXPTIME", "QUALITY", "DATAMEAN"][:3]

# %%
# The disk at 193 angstrom changes by a quarter of a percent in a day: bright regions rotate towards the limb. The
# ejection leaves the coronagraph's field of view within an hour.

figure, (above, below) = plt.subplots(2, figsize=(9, 6), layout="constrained")
for channel, color in zip(disk, ("#b5651d", "#c0392b"), strict=True):
    mean = channel["DATAMEAN"] / channel["EXPTIME"]
    label = f"{channel['Wavelength'][0].value:.0f} Å"
    change = 100 * (mean / mean[0] - 1)
    above.plot(channel["Start Time"].datetime64, change, "o-", markersize=4, color=color, label=label)
above.set_title("AIA, the whole disk")
above.set_ylabel("change since midnight [%]")
above.legend(frameon=False)
below.plot(corona["Start Time"].datetime64, corona["DATAMAX"], "o-", color="#2a6f97")
below.set_title("LASCO C2")
below.set_ylabel("brightest pixel [DN]")
for axes in (above, below):
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.grid(alpha=0.3)

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
