"""
Running differences of an eruption
==================================

A cube of coronagraph images, from each of which the one before is subtracted, so that only what changes is left.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer, sandbox

# %%
# ``to_ndcube`` returns the images as an `ndcube.NDCube` with the axes time, latitude and longitude. It checks that the
# images have the same pointing.

afternoon = a.Time("2026-01-10 14:00", "2026-01-10 15:30")
with sandbox.serve():
    found = Fido.search(afternoon, a.helioviewer.Image(), a.Instrument("LASCO"), a.Detector("C2"))
    cube = helioviewer.sequence(found, size=256).to_ndcube()

cube

# %%
# Subtract neighbouring images. Bytes are converted to floats first, since they do not have a sign.

difference = np.diff(cube.data.astype(float), axis=0)
times = cube.axis_world_coords("time")[0]

# %%
# Draw four of the differences: white is brighter than twelve minutes before, black is darker.

figure = plt.figure(figsize=(11, 3.3), layout="compressed")
for place, number in enumerate((0, 2, 3, 5), start=1):
    axes = figure.add_subplot(1, 4, place, projection=cube[number + 1].wcs)
    image = axes.imshow(difference[number], origin="lower", cmap="gray", vmin=-25, vmax=25)
    axes.set_title(f"{times[number + 1].strftime('%H:%M')} - {times[number].strftime('%H:%M')}")
    axes.coords[0].set_axislabel("Solar X [arcsec]")
    axes.coords[1].set_axislabel("Solar Y [arcsec]" if place == 1 else " ")
    axes.coords[1].set_ticklabel_visible(place == 1)
    for coordinate in axes.coords:
        coordinate.set_ticks(spacing=4000 * u.arcsec)
figure.colorbar(image, ax=figure.axes, label="Difference [bytes]", shrink=0.75)

plt.show()
