"""
=======================================
A superposed epoch of sector boundaries
=======================================

The interplanetary magnetic field points away from the Sun or towards it, and turns around at sector boundaries. The
mean over several of them, in the time before and after the boundary, needs a few lines once the data are on a regular
axis.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to CDAWeb.
"""

from itertools import pairwise

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np

from sunpy_helio_plugins import hapi, sandbox, series

# %%
# Four months of one-minute data are read month by month: a generator of tables is one series, of which only one part is
# in memory.

months = ["2025-09-01", "2025-10-01", "2025-11-01", "2025-12-01", "2026-01-01"]

with sandbox.serve():
    parts = (hapi.load("cdaweb", "WI_H0_MFI@0", first, last, parameters="BGSE") for first, last in pairwise(months))
    wind = series.align(parts, every=1 * u.hour)

wind[:3]

# %%
# The sign of the component along the spiral, averaged over two days, is the polarity of the sector; a boundary is where
# it changes from away to towards.

x, y, _ = wind["BGSE"].filled(np.nan).value.T
spiral = (y - x) / np.sqrt(2)
smooth = np.convolve(spiral, np.ones(48) / 48, mode="same")
boundaries = np.flatnonzero((smooth[:-1] > 0) & (smooth[1:] <= 0))

# %%
# Each row is the time around one boundary: the axis is regular, so that hours are numbers of rows.

hours = np.arange(-96, 97)
complete = boundaries[(boundaries >= 96) & (boundaries < len(wind) - 96)]
print(wind["time"][complete].iso)
epochs = spiral[complete[:, np.newaxis] + hours]
mean, spread = np.nanmean(epochs, axis=0), np.nanstd(epochs, axis=0)

figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
axes.plot(hours, epochs.T, color="0.8", linewidth=0.7)
axes.fill_between(hours, mean - spread, mean + spread, color="tab:blue", alpha=0.25)
axes.plot(hours, mean, color="tab:blue", label=f"mean of {len(epochs)} boundaries")
axes.axvline(0, color="0.4", linewidth=0.7)
axes.set_xlabel("Hours from the boundary")
axes.set_ylabel(f"Field along the spiral, away from the Sun [{wind['BGSE'].unit}]")
axes.set_title("Sector boundaries at Wind (synthetic values of the embedded archive)")
axes.legend()

plt.show()
