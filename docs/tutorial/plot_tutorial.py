"""
Four archives in ten minutes
============================

One import, one sentence, four archives: the solar wind, files of IMAP, pictures of the Sun, and events on it.
"""

###############################################################################
# Begin
# -----
# The import registers four clients with `sunpy.net.Fido`. It makes no request.

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
# This page was made without a network. The package holds an archive of its own, which answers as the four services do
# and knows one made-up day; these two lines start it. Leave them out, and everything below asks the real archives.

stack = ExitStack()
stack.enter_context(sandbox.serve())

###############################################################################
# Made-up files must never lie among real ones, so that these go into a folder of their own. Without a ``path``,
# `Fido.fetch` uses the download folder of sunpy.

folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

day = a.Time("2026-01-10", "2026-01-11")

###############################################################################
# The solar wind, from a HAPI server
# ----------------------------------
# A dataset has a server, an identifier and parameters. What comes back is one row for each file that can be made.

wind = Fido.search(day, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc"))
wind

###############################################################################
# `Fido.fetch` brings the file. It holds its own description, so that a table with units can be read from it,

files = Fido.fetch(wind, path=folder, progress=False)
field = QTable.read(files[0])
field[:5]

###############################################################################
# and a time series, which knows how to draw itself.

series = TimeSeries(files[0])

fig, ax = plt.subplots(layout="constrained")
series.plot(axes=ax)
ax.get_legend().remove()
fig.legend(loc="outside lower center", ncols=4)
ax.set_title("The magnetic field of the solar wind at ACE")
plt.show()

###############################################################################
# A name that is not right is refused before anything is asked, or with the server's own words.

try:
    a.hapi.Server("cdawep")
except ValueError as error:
    print(error)

###############################################################################
# Files of IMAP
# -------------
# ``a.imap.File()`` says that the rows are files of the IMAP Science Data Center; sunpy's own words narrow the search.

found = Fido.search(day, a.imap.File(), a.Instrument("mag"), a.Level("l2"))
found

###############################################################################
# They are CDF files. `sunpy_helio_plugins.imap.read` opens them as tables, with exact times and with masks where the
# file says that there is no value.

(cdf,) = Fido.fetch(found["imap"][:1], path=folder, progress=False)
imap.read(cdf)[:5]

###############################################################################
# Pictures of the Sun
# -------------------
# Helioviewer lists pictures with their true times. These are the ones of half a minute at noon.

noon = a.Time("2026-01-10 12:00:30", "2026-01-10 12:01:00")
pictures = Fido.search(noon, a.helioviewer.Image(), a.Instrument("AIA"), a.Wavelength(304 * u.AA))
pictures

###############################################################################
# The JPEG 2000 file is a `sunpy.map.Map` like any other.

(jp2,) = Fido.fetch(pictures, path=folder, progress=False)
sun = Map(jp2)
sun

###############################################################################
# Events on the Sun
# -----------------
# The registry behind the HEK knows what was seen on the Sun and where. sunpy's words for the kinds of events are
# understood; ``a.her.Event()`` says who shall answer.

events = Fido.search(noon, a.her.Event(), a.hek.CH)["her"]
events

###############################################################################
# An outline is a coordinate, and so it can be drawn on the picture. The made-up day agrees with itself: the outlines
# lie around the dark regions that the picture shows.

fig = plt.figure(layout="constrained")
ax = fig.add_subplot(projection=sun)
sun.plot(axes=ax, cmap="sdoaia304", autoalign=False)
her.overlay(ax, events, color="white", linewidth=1)
ax.set_title(f"Coronal holes, {sun.date.iso[:16]}")
plt.show()

###############################################################################
# All in one sentence
# -------------------
# ``|`` between archives asks each of them; the answer holds one table for each.

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
# At the end the embedded archive stops, every setting is as it was, and the made-up files are gone.

stack.close()
