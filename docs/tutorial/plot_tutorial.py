"""
Search and fetch from four archives
===================================

This example fetches solar wind data, IMAP files, images of the Sun and solar events with the same functions.
"""

###############################################################################
# Set up
# ------
# The import registers four clients with `sunpy.net.Fido`. It does not send any request.

import tempfile
from contextlib import ExitStack
from pathlib import Path

import astropy.units as u
import matplotlib.pyplot as plt
from astropy.table import QTable
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

import sunpy_helio_plugins
from sunpy_helio_plugins import her, imap, sandbox

print(sunpy_helio_plugins.__version__)

###############################################################################
# This page was built without a network. The package contains an embedded archive, which imitates the four services with
# synthetic data for one day; these two lines start it. Without them, all requests below go to the real archives.

stack = ExitStack()
stack.enter_context(sandbox.serve())

###############################################################################
# Synthetic files must not be mixed with real ones, so these are saved to a separate folder. Without a ``path``,
# `Fido.fetch` uses the download folder of sunpy.

folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

day = a.Time("2026-01-10", "2026-01-11")

###############################################################################
# Solar wind data from a HAPI server
# ----------------------------------
# A dataset has a server, an identifier and parameters. The result has one row for each file that can be made.

wind = Fido.search(day, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc"))
wind

###############################################################################
# `Fido.fetch` downloads the file. It contains its own description, so that a table with units can be read from it,

files = Fido.fetch(wind, path=folder, progress=False)
field = QTable.read(files[0])
field[:5]

###############################################################################
# or a time series, which can be plotted.

series = TimeSeries(files[0])

fig, ax = plt.subplots(layout="constrained")
series.plot(axes=ax, linewidth=0.8)
ax.get_legend().remove()
fig.legend(ax.lines, ["|B|", "Bx", "By", "Bz"], loc="outside lower center", ncols=4)
ax.set(title="The magnetic field of the solar wind at ACE", ylabel="B, GSE [nT]")
plt.show()

###############################################################################
# A misspelt name raises an error before any request is sent, or an error with the server's message.

try:
    a.hapi.Server("cdawep")
except ValueError as error:
    print(error)

###############################################################################
# Files of IMAP
# -------------
# ``a.imap.File()`` searches for files of the IMAP Science Data Center; sunpy's attrs narrow the search.

found = Fido.search(day, a.imap.File(), a.Instrument("mag"), a.Level("l2"))
found

###############################################################################
# They are CDF files. `sunpy_helio_plugins.imap.read` opens them as tables, with exact times and masked fill values.

(cdf,) = Fido.fetch(found["imap"][:1], path=folder, progress=False)
imap.read(cdf)[:5]

###############################################################################
# Images of the Sun
# -----------------
# Helioviewer lists images with their exact times. These are the images of half a minute at noon.

noon = a.Time("2026-01-10 12:00:30", "2026-01-10 12:01:00")
pictures = Fido.search(noon, a.helioviewer.Image(), a.Instrument("AIA"), a.Wavelength(304 * u.AA))
pictures

###############################################################################
# The JPEG 2000 file can be opened with `sunpy.map.Map`.

(jp2,) = Fido.fetch(pictures, path=folder, progress=False)
sun = Map(jp2)
sun

###############################################################################
# Solar events
# ------------
# The registry behind the HEK lists events that were detected on the Sun. sunpy's attrs for the event types are
# supported; ``a.her.Event()`` selects the archive.

events = Fido.search(noon, a.her.Event(), a.hek.CH)["her"]
events

###############################################################################
# An outline is a coordinate, so it can be drawn on the image. The synthetic data are consistent: the outlines
# surround the dark regions of the image.

fig = plt.figure(layout="constrained")
ax = fig.add_subplot(projection=sun)
sun.plot(axes=ax, cmap="sdoaia304", autoalign=False)
her.overlay(ax, events, color="white", linewidth=1)
ax.set_xlabel("Solar X [arcsec]")
ax.set_ylabel("Solar Y [arcsec]")
ax.set_title(f"Coronal holes, {sun.date.iso[:16]}")
plt.show()

###############################################################################
# All archives in one search
# --------------------------
# ``|`` between archives searches each of them; the response contains one table for each.

everything = Fido.search(
    noon,
    (a.hapi.Server("cdaweb") & a.hapi.Dataset("AC_H0_MFI"))
    | (a.imap.File() & a.Instrument("mag"))
    | (a.helioviewer.Image() & a.Instrument("AIA") & a.Wavelength(304 * u.AA))
    | (a.her.Event() & a.hek.CH),
)
for table in everything:
    print(type(table.client).__name__, len(table))

###############################################################################
# This stops the embedded archive, restores the settings and deletes the synthetic files.

stack.close()
