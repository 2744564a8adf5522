"""
Follow a coronal hole
=====================

Images of one day that show a coronal hole of the registry: in a region that is fixed on the sky, the hole rotates out
of view; after a rotation of the images with the Sun, it stays in its place.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry and Helioviewer.
"""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from sunpy.coordinates import propagate_with_solar_surface
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer, sandbox

# %%
# Search the hole, and the images nearest to four times of the day with `sunpy_helio_plugins.helioviewer.nearest`.
# ``Offset`` is the difference between the image and the requested time. The region is the box of the hole, and the part
# of the Sun to which it rotates; ``region=hole`` would be the box alone.

times = np.datetime64("2026-01-10T04:00") + np.arange(4) * np.timedelta64(4, "h")
with sandbox.serve():
    holes = Fido.search(a.Time("2026-01-10 04:00", "2026-01-10 04:10"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
    hole = holes[np.argmax(holes["hpc_boundcc"].area)]
    images = helioviewer.nearest("AIA 193", times)
    outline = hole["hpc_bbox"]
    east, west = outline.Tx.min() - 50 * u.arcsec, outline.Tx.max() + 200 * u.arcsec
    corners = SkyCoord([east, west], [outline.Ty.min(), outline.Ty.max()], frame=outline.frame)
    maps = helioviewer.sequence(images, size=200, region=corners).to_maps()

images["Start Time", "Requested Time", "Offset"]

# %%
# ``reproject_to`` with ``propagate_with_solar_surface`` rotates each image to the time of the first one.

with propagate_with_solar_surface():
    tracked = [picture.reproject_to(maps[0].wcs) for picture in maps]

# %%
# The upper row shows the region as it was seen, the lower row the region that rotates with the Sun.

figure = plt.figure(figsize=(11, 6.5), layout="compressed")
for place, (seen, followed) in enumerate(zip(maps, tracked, strict=True), start=1):
    for row, picture in enumerate((seen, followed)):
        axes = figure.add_subplot(2, 4, place + 4 * row, projection=maps[0])
        axes.imshow(picture.data, origin="lower", cmap=maps[0].cmap, vmin=0, vmax=255)
        rotated = f", rotated to {maps[0].date.strftime('%H:%M')}" if row == 1 else ""
        axes.set_title(f"{seen.date.strftime('%H:%M')}{rotated}", fontsize="medium")
        axes.coords[0].set_axislabel("Solar X [arcsec]" if row == 1 else " ")
        axes.coords[0].set_ticklabel_visible(row == 1)
        axes.coords[1].set_axislabel("Solar Y [arcsec]" if place == 1 else " ")
        axes.coords[1].set_ticklabel_visible(place == 1)
        for coordinate in axes.coords:
            coordinate.set_ticks(spacing=200 * u.arcsec)

plt.show()
