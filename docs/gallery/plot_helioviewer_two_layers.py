"""
The corona over the chromosphere
================================

Two pictures of one moment from Helioviewer: the corona at 193 angstrom, where coronal holes are dark and the loops over
active regions are bright, and the chromosphere below it at 304 angstrom.

The example runs on the archive that is embedded in the package, whose Sun is synthetic. Without ``sandbox.serve()`` the
same lines ask Helioviewer.
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
# ``a.helioviewer.Measurement`` is Helioviewer's own word for a channel, and ``|`` asks for both at once. The files
# arrive through one queue, and each is checked before it gets its name.

noon = a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30")
channels = a.helioviewer.Measurement("193") | a.helioviewer.Measurement("304")
with sandbox.serve():
    images = Fido.search(noon, a.Instrument.aia, channels)
    files = Fido.fetch(images, path=folder + "/{file}")

images

# %%
# A fetched file is a `~sunpy.map.Map`: it knows its instrument, its time, its observer and its place on the sky, and
# opens also where no OpenJPEG is installed.

corona, chromosphere = sorted((Map(file) for file in files), key=lambda picture: picture.wavelength)
corona

# %%
# The limb and a grid of heliographic coordinates, as the observer sees them. In January the Sun's north pole is tipped
# away from the Earth, so that the parallels bow to the north.

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
