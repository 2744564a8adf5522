"""
Which images show a place
=========================

The nearest image of every source is listed with a single request, and its outline on the sky is made of the first 16 kB
of its file: no image is downloaded before it is known which ones show a place.

The example uses the embedded archive of the package, whose images are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer.
"""

import itertools

import astropy.units as u
import matplotlib.pyplot as plt
import sunpy.coordinates  # noqa: F401 - the frame "helioprojective"
from astropy.coordinates import SkyCoord

from sunpy_helio_plugins import helioviewer, sandbox

# %%
# A streamer 3000 arcseconds from the centre of the Sun is in the images of the coronagraph only.

streamer = SkyCoord(3000 * u.arcsec, 500 * u.arcsec, frame="helioprojective")
with sandbox.serve():
    images = helioviewer.near("2026-01-10 14:36", tolerance=2 * u.hour)
    outlines = helioviewer.footprints(images)
    showing = images[outlines.contain(streamer).filled(False)]
    corona = helioviewer.read(showing[0], size=512)
    edges = list(outlines)

showing["Start Time", "Instrument", "Detector", "Measurement"]

# %%
# Draw the outlines of all images on the one that shows the streamer.

figure = plt.figure(figsize=(7, 6.2), layout="compressed")
axes = figure.add_subplot(projection=corona)
corona.plot(axes=axes)
styles = itertools.cycle([("#4cc9f0", 4, "-"), ("#f72585", 4, "-"), ("white", 1.5, "--")])
for edge, (colour, width, dashes), instrument, measurement in zip(
    edges, styles, images["Instrument"], images["Measurement"], strict=False
):
    line = SkyCoord(edge.Tx, edge.Ty, frame=corona.coordinate_frame)
    axes.plot_coord(line, color=colour, linewidth=width, linestyle=dashes, label=f"{instrument} {measurement}")
axes.plot_coord(SkyCoord(streamer.Tx, streamer.Ty, frame=corona.coordinate_frame), "w+", markersize=12)
axes.legend(loc="lower right", fontsize="small", facecolor="black", labelcolor="white")
axes.set_xlabel("Solar X [arcsec]")
axes.set_ylabel("Solar Y [arcsec]")

plt.show()
