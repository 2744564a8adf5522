"""
Coronal holes and their wind, superposed
========================================

The wind around the time at which the stream of a coronal hole should arrive, averaged over the detections of the hole,
and the hole itself: its pixels in the image in which it was found.

The example uses the embedded archive of the package, whose values are synthetic and contain one hole near the equator,
which was detected every four hours. Without ``sandbox.serve()`` the same code sends its requests to the registry,
Helioviewer and CDAWeb, and the holes can be those of years.
"""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, helioviewer, her, sandbox, together

# %%
# Eight lines. ``her.picture_of`` returns the attrs of the image that shows an event, ``her.mask`` the pixels within the
# outlines of events, and ``together.arrival`` the range in which the stream of a hole arrives at L1 if its speed is
# constant.

with sandbox.serve():
    found = Fido.search(a.Time("2026-01-10", "2026-01-10 20:00"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
    holes = found[np.abs(found["hgs_y"].filled(90 * u.deg)) < 20 * u.deg]
    sun = helioviewer.read(Fido.search(her.picture_of(holes[0])), size=512)[0]
    mask = her.mask(sun, holes[0])
    wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-08", "2026-01-17")
    arrivals = [together.arrival(hole, [600, 640] * u.km / u.s) for hole in holes]
    streams = together.superpose(wind, "flow_speed", arrivals, every=2 * u.hour)

streams["offset", "mean", "low", "high", "n"][::8]

# %%
# The hole in its image, and the speed from two days before to two days after the expected begin of its stream.

figure = plt.figure(figsize=(9, 4), layout="constrained")
left = figure.add_subplot(121, projection=sun)
sun.plot(axes=left, autoalign=False)
left.contour(mask, levels=[0.5], colors="white", linewidths=1)
left.set_title(f"{mask.sum()} pixels, mean {sun.data[mask].mean():.0f} of {sun.data.mean():.0f}")
right = figure.add_subplot(122)
offset = streams["offset"].to_value("day")
right.fill_between(offset, streams["low"].value, streams["high"].value, color="#56b4e9", alpha=0.5, label="quartiles")
right.plot(offset, streams["mean"].value, color="black", label=f"mean of {len(holes)} detections")
right.axvline(0, color="#d55e00", linestyle="--", linewidth=0.8, label="expected begin")
right.set(xlabel="Days from the expected begin", ylabel=f"Speed [{streams['mean'].unit}]")
right.legend(frameon=False)

plt.show()
