"""
A map of IMAP on the sky
========================

A map of energetic neutral atoms with coordinates: over the whole sky, about the nose of the heliosphere, and the change
from one energy to the next.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the IMAP Science Data Center.
"""

import tempfile

import matplotlib.pyplot as plt
from astropy.coordinates import SkyCoord
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap, sandbox

folder = tempfile.mkdtemp()

# %%
# Maps are found by the parts of their descriptors.

with sandbox.serve():
    found = Fido.search(a.imap.Map(species="h", frame="hf", coordinates="hae", months=6), a.Level("l2"))
    files = Fido.fetch(found, path=f"{folder}/{{file}}")

sky = imap.to_skymap(imap.read(files[0]))
print(sky)

# %%
# The directions of pixels are coordinates of astropy in the mean ecliptic of J2000, the frame of the map. Other
# directions are plotted in it, whatever their frame is.

crab = SkyCoord("05h34m32s", "+22d00m52s")
center = SkyCoord(0, 0, unit="deg", frame="galactic")

figure = imap.plot_skymap(sky[1], cmap="inferno")
axes = figure.axes[0]
for name, where in (("Crab nebula", crab), ("Galactic centre", center)):
    axes.plot_coord(where, "o", color="cyan", markersize=5)
    place = where.transform_to(sky[1].wcs.pixel_to_world(0, 0).frame)
    axes.annotate(
        name, (place.lon.deg, place.lat.deg), xycoords=axes.get_transform("world"), xytext=(-6, 6),
        textcoords="offset points", ha="right", color="cyan", fontsize="small",
    )  # fmt: skip

plt.show()

# %%
# The difference of two energies is a map as well, here about the direction opposite to the nose.

change = sky[2] - sky[1].data * sky.unit
tail = SkyCoord(75.59, 0, unit="deg", frame="barycentricmeanecliptic")
figure = imap.plot_skymap(change, center=tail, cmap="cividis")
figure.axes[0].set_title("Change of the intensity from 1.1 to 1.65 keV")

plt.show()
