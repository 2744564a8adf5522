"""
Coronal holes of one day, rotated to one time
=============================================

SPoCA outlines coronal holes every four hours. Because of the solar rotation, the outlines of one day do not coincide
with each other or with an image of another time, unless each of them is rotated with the solar surface.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry and Helioviewer.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, sandbox

folder = tempfile.mkdtemp()

# %%
# Search the registry for the outlines, and Helioviewer for an image at noon.

with sandbox.serve():
    holes = Fido.search(a.Time("2026-01-10 00:10", "2026-01-10 19:50"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
    pictures = Fido.search(
        a.Time("2026-01-10 12:00:00", "2026-01-10 12:00:30"),
        a.helioviewer.Image(),
        a.Instrument("AIA"),
        a.Wavelength(193 * u.AA),
    )
    files = Fido.fetch(pictures, path=folder)

holes

# %%
# SPoCA submits the time of its image as the end of an event and the time of its previous run as the start. The
# coordinates of the outlines take this into account: their time is the time of detection.

outlines = [polygon.skycoord for polygon in holes["hpc_boundcc"]]
outlines[0]

# %%
# As detected, the outlines move across the disk (left). `sunpy_helio_plugins.her.overlay` rotates each to the time of
# the image and transforms it to the image's observer (right), so that all of them surround the same dark regions.

sun = Map(files[0])
hours = holes["detection_time"].ymdhms["hour"]
colours = [to_hex(plt.get_cmap("plasma")(0.15 + 0.85 * hour / 24)) for hour in hours]

figure = plt.figure(figsize=(11, 6), layout="compressed")
left = figure.add_subplot(121, aspect="equal")
for outline, colour in zip(outlines, colours, strict=True):
    left.plot(outline.Tx.to_value("arcsec"), outline.Ty.to_value("arcsec"), color=colour, linewidth=1)
limb = np.linspace(0, 2 * np.pi, 200)
radius = sun.rsun_obs.to_value("arcsec")
left.plot(radius * np.cos(limb), radius * np.sin(limb), color="0.5", linewidth=0.8)
left.set(xlabel="Solar X [arcsec]", ylabel="Solar Y [arcsec]", title="As detected, every four hours")

right = figure.add_subplot(122, projection=sun)
sun.plot(axes=right, autoalign=False)
for index, colour in enumerate(colours):
    her.overlay(right, holes[index : index + 1], color=colour, linewidth=1)
right.set(xlabel="Solar X [arcsec]", ylabel=" ", title=f"Rotated to {sun.date.iso[:16]}")

shades = {f"{hour:02d}:00": colour for hour, colour in sorted(zip(hours, colours, strict=True))}
handles = [plt.Line2D([], [], color=colour, label=label) for label, colour in shades.items()]
figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), title="Detected at (UTC)")

plt.show()
