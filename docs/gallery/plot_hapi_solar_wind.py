"""
====================================
A solar wind disturbance from CDAWeb
====================================

The magnetic field at ACE and the plasma and the ring current of OMNI, fetched from a HAPI server and drawn with units.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to CDAWeb.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.table import QTable
from astropy.visualization import quantity_support
from matplotlib.dates import ConciseDateFormatter
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import sandbox

folder = tempfile.mkdtemp()

# %%
# One search can include two datasets of a server; each has one row and one file. Two parameters of the first dataset
# are selected, and all of the second.

days = a.Time("2026-01-09", "2026-01-13")
server = a.hapi.Server.cdaweb

with sandbox.serve():
    found = Fido.search(
        days,
        (server & a.hapi.Dataset("AC_H0_MFI") & a.hapi.Parameters("Magnitude", "BGSEc"))
        | (server & a.hapi.Dataset("OMNI_HRO2_1MIN")),
    )
    files = Fido.fetch(found, path=f"{folder}/{{dataset}}{{file}}")

found

# %%
# The files contain their header, so that they can be opened as tables: exact times, vectors as one column with a unit,
# masked fill values.

field, plasma = (QTable.read(file) for file in sorted(files))
field[:3]

# %%
plasma["Time", "flow_speed", "proton_density", "SYM_H"][:3]

# %%
# Astropy labels the axes with units. The field turns south behind the shock, and the ring current grows hours later.

with quantity_support():
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(10, 8), sharex=True, height_ratios=(2, 1, 1), layout="constrained"
    )
    top.plot(field["Time"].datetime64, field["Magnitude"].filled(np.nan), color="0.75", linewidth=2.5, label="|B|")
    for index, (axis, colour) in enumerate(zip("xyz", ("tab:blue", "tab:orange", "tab:red"), strict=True)):
        component = field["BGSEc"][:, index].filled(np.nan)
        top.plot(field["Time"].datetime64, component, color=colour, linewidth=0.7, label=f"B{axis}")
    top.axhline(0 * u.nT, color="0.4", linewidth=0.6)
    top.set_ylabel("ACE, GSE [nT]")
    top.legend(loc="upper right", ncols=4)
    top.set_title("A shock and a magnetic cloud (synthetic values of the embedded archive)")

    middle.plot(plasma["Time"].datetime64, plasma["flow_speed"].filled(np.nan), color="tab:green", linewidth=0.9)
    middle.set_ylabel(f"Flow speed [{plasma['flow_speed'].unit}]")

    bottom.plot(
        plasma["Time"].datetime64, plasma["SYM_H"].astype(float).filled(np.nan), color="tab:purple", linewidth=0.9
    )
    bottom.set_ylabel(f"SYM-H [{plasma['SYM_H'].unit}]")
    bottom.set_xlabel("Time (UTC)")
    bottom.set_xlim(field["Time"].datetime64[[0, -1]])
    bottom.xaxis.set_major_formatter(ConciseDateFormatter(bottom.xaxis.get_major_locator()))

plt.show()
