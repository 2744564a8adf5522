"""
Pixels within coronal holes
===========================

A mask of the pixels of an image within the outlines of coronal holes, and the brightness inside and outside of them.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry and Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from sunpy.map import Map
from sunpy.map.maputils import all_coordinates_from_map, coordinate_is_on_solar_disk
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, sandbox

folder = tempfile.mkdtemp()

# %%
# Search the outlines that SPoCA detected in the morning, and an image at noon.

with sandbox.serve():
    holes = Fido.search(a.Time("2026-01-10 06:00", "2026-01-10 06:10"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
    pictures = Fido.search(
        a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30"),
        a.helioviewer.Image(),
        a.Instrument("AIA"),
        a.Wavelength(193 * u.AA),
    )
    files = Fido.fetch(pictures, path=folder)

sun = Map(files[0])
holes = holes[holes.in_view(sun)]
holes["detection_time", "frm_specificid", "hpc_boundcc"]

# %%
# `sunpy_helio_plugins.her.mask` rotates each outline to the time of the image. With ``labels=True``, each pixel has the
# number of its hole.

labels = her.mask(sun, holes, labels=True)
disk = coordinate_is_on_solar_disk(all_coordinates_from_map(sun))
for number, hole in enumerate(holes["hpc_boundcc"], start=1):
    inside = sun.data[labels == number]
    print(f"Hole {number}: {inside.size} pixels, {hole.area:.3g}, median {np.median(inside):.0f}")

print(f"Outside: median {np.median(sun.data[disk & (labels == 0)]):.0f}")

# %%
# `sunpy_helio_plugins.her.cutout` returns the part of the image around one of them.

largest = holes[np.argmax(holes["hpc_boundcc"].area)]
part = her.cutout(sun, largest, margin=60 * u.arcsec)

figure = plt.figure(figsize=(11, 5), layout="compressed")
left = figure.add_subplot(121, projection=sun)
sun.plot(axes=left, autoalign=False)
left.contourf(labels > 0, levels=[0.5, 1.5], colors=["#40c4ff"], alpha=0.4)
left.set_title("Pixels within coronal holes")
right = figure.add_subplot(122, projection=part)
part.plot(axes=right, autoalign=False)
her.overlay(right, largest, linewidth=1.5)
right.set_title("The largest one")
for axes in (left, right):
    axes.set_xlabel("Solar X [arcsec]")
    axes.set_ylabel("Solar Y [arcsec]")

plt.show()
