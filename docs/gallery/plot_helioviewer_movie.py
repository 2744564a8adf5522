"""
A movie of an eruption
======================

The images of the LASCO C2 coronagraph after the largest flare of the day, as a sequence of maps and as an animation.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import tempfile
from pathlib import Path

import astropy.units as u
import matplotlib.pyplot as plt
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer, sandbox

# %%
# List the images, and fetch each at a size of 256 pixels or more. `sunpy_helio_plugins.helioviewer.sequence` fetches
# and decodes them side by side.

afternoon = a.Time("2026-01-10 14:00", "2026-01-10 15:30")
with sandbox.serve():
    found = Fido.search(afternoon, a.helioviewer.Image(), a.Instrument("LASCO"), a.Detector("C2"))
    images = helioviewer.sequence(found, size=256)
    maps = images.to_maps()

images

# %%
# Plot four of the maps, each with its own coordinates.

figure = plt.figure(figsize=(11, 3.4), layout="compressed")
for place, picture in enumerate(maps[::2], start=1):
    axes = figure.add_subplot(1, 4, place, projection=picture)
    picture.plot(axes=axes, title=picture.date.strftime("%H:%M"))
    axes.set_xlabel("Solar X [arcsec]")
    axes.set_ylabel("Solar Y [arcsec]" if place == 1 else " ")
    axes.coords[1].set_ticklabel_visible(place == 1)
    for coordinate in axes.coords:
        coordinate.set_ticks(spacing=4000 * u.arcsec)

plt.show()

# %%
# ``maps.plot`` returns an animation of matplotlib, which is saved with Pillow or ffmpeg.

figure = plt.figure(figsize=(5, 5))
animation = maps.plot(axes=figure.add_subplot(projection=maps[0]), interval=200)
movie = Path(tempfile.mkdtemp(), "eruption.gif")
animation.save(movie, writer="pillow")
print(f"{movie.name}: {len(images)} frames")
