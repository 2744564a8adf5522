"""
A region of an image, without the rest of the file
==================================================

A small image shows where to look, and only the parts of the file that contain the region of interest are downloaded at
full resolution.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer, sandbox

folder = tempfile.mkdtemp()

# %%
# The rows of a search can be read at once. With ``size``, the beginning of the file is sufficient.

with sandbox.serve() as archive:
    images = HelioviewerClient().search(
        a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30"), a.helioviewer.SourceID(13)
    )
    overview = helioviewer.read(images[0], size=256)
    archive.log.clear()

    # A box in helioprojective coordinates around the brightest pixel, for any observer
    y, x = np.unravel_index(overview.data.argmax(), overview.data.shape)
    brightest = overview.wcs.pixel_to_world(x, y)
    box = SkyCoord(
        u.Quantity([brightest.Tx - 150 * u.arcsec, brightest.Tx + 150 * u.arcsec]),
        u.Quantity([brightest.Ty - 150 * u.arcsec, brightest.Ty + 150 * u.arcsec]),
        frame="helioprojective",
    )
    region = helioviewer.read(images[0], region=box)
    values = helioviewer.read(images[0], region=box, physical=True)
    requests = [request.headers["range"] for request in archive.log if request.path.endswith(".jp2")]

region

# %%
# These are the parts of the file that were requested for the two regions.

for request in requests:
    print(request)

# %%
# The region has the pixels of the complete image. In physical units, the uncertainty by the steps of the bytes is known
# for each pixel, and pixels at a limit are masked.

relative = np.ma.masked_array(values.uncertainty.array / values.data, values.mask)
print(f"{values.unit}, {relative.mean():.1%} by the steps, {values.mask.sum()} pixels at a limit")

# %%
# Draw the region, and its outline on the small image.

figure = plt.figure(figsize=(11, 5), layout="constrained")
axes = figure.add_subplot(121, projection=overview)
overview.plot(axes=axes)
overview.draw_limb(axes=axes, color="white", linewidth=0.8)
overview.draw_quadrangle(
    region.bottom_left_coord, top_right=region.top_right_coord, axes=axes, edgecolor="white", linewidth=1.2
)
axes.set_title("256 pixels")
axes = figure.add_subplot(122, projection=region)
region.plot(axes=axes)
axes.set_title("The region at full resolution")

plt.show()
