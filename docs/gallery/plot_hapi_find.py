"""
======================================
Find a quantity among all HAPI servers
======================================

`sunpy_helio_plugins.hapi.find` answers which dataset has a quantity: words, places and units are compared with the
parameters of the servers in an index on disk.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code downloads the descriptions of all servers once, and loads the records from CDAWeb.
"""

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.visualization import quantity_support
from matplotlib.dates import ConciseDateFormatter
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, sandbox

sandbox.start()

# %%
# The descriptions of all servers are in one file, which is downloaded and indexed; later searches send no request.

hapi.update_index(progress=False)

# %%
# The best parameter is first, with the reason.

density = hapi.find("proton density", near="L1", unit=u.cm**-3)
density

# %%
# Words of the field find what they mean: the parameters of these rows have other names.

time = a.Time("2026-01-09", "2026-01-13")
field = hapi.find("B field at L1", time=time, cadence=20 * u.s)
field

# %%
# A row contains what is needed to load the records.

figure, axes = plt.subplots(2, 1, figsize=(10, 6), sharex=True, layout="constrained")
with quantity_support():
    for panel, row in zip(axes, (density[0], field[0]), strict=True):
        table = hapi.load(row["Server"], row["Dataset"], "2026-01-09", "2026-01-13", row["Parameter"])
        panel.plot(table["Time"].datetime64, table[row["Parameter"]].filled(np.nan), linewidth=0.8)
        panel.set_title(f"{row['Dataset']} ({row['Server']})")
        panel.set_ylabel(f"{row['Parameter']} [{table[row['Parameter']].unit:latex_inline}]")
        panel.grid(alpha=0.3)
axes[-1].set_xlabel("Time (UTC)")
axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(axes[-1].xaxis.get_major_locator()))

sandbox.stop()
plt.show()
