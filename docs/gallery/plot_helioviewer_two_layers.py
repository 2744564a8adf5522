"""
The corona over the chromosphere
================================

Two simultaneous images from Helioviewer: the corona at 193 angstrom, where coronal holes are dark and the loops over
active regions are bright, and the chromosphere below it at 304 angstrom.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import sandbox

folder = tempfile.mkdtemp()

# %%
# ``a.helioviewer.Measurement`` takes Helioviewer's name of a channel, and ``|`` searches for both channels at once. The
# files are downloaded through one queue, and each is checked before it gets its final name.

noon = a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30")
channels = a.helioviewer.Measurement("193") | a.helioviewer.Measurement("304")
with sandbox.serve():
    images = Fido.search(noon, a.Instrument.aia, channels)
    files = Fido.fetch(images, path=folder + "/{file}")

images

# %%
# A fetched file can be opened with `~sunpy.map.Map`: its instrument, time, observer and coordinates are known. This
# also works without an installation of OpenJPEG.

corona, chromosphere = sorted((Map(file) for file in files), key=lambda picture: picture.wavelength)
corona

# %%
# Draw the limb and a grid of heliographic coordinates, as seen by the observer. In January the Sun's north pole is
# tilted away from the Earth, so that the parallels curve to the north.

figure = plt.figure(figsize=(11, 5.4), layout="compressed")
for place, picture in enumerate((corona, chromosphere), start=121):
    axes = figure.add_subplot(place, projection=picture)
    picture.plot(axes=axes)
    picture.draw_limb(axes=axes, color="white", linewidth=0.8)
    picture.draw_grid(axes=axes, grid_spacing=15 * u.deg, color="white", alpha=0.35, annotate=False)
    axes.set_title(f"{picture.instrument.split()[0]} {picture.wavelength:latex}, {picture.date.iso[:19]}")
    axes.set_xlabel("Solar X [arcsec]")
    axes.set_ylabel("Solar Y [arcsec]" if picture is corona else " ")

plt.show()
