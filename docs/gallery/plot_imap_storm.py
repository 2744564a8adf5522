"""
A magnetic cloud observed by IMAP MAG
=====================================

Five days of MAG vectors at level 2, from a search to a figure with units on its axes.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the IMAP Science Data Center.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.table import vstack
from astropy.time import Time
from astropy.visualization import quantity_support, time_support
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap, sandbox

folder = tempfile.mkdtemp()

# %%
# One search finds the files of MAG and SWAPI with the given descriptors. A search returns the latest version of each
# file by default.

days = a.Time("2026-01-08", "2026-01-12 23:59")

with sandbox.serve():
    found = Fido.search(days, a.imap.Descriptor("norm-gse") | a.imap.Descriptor("proton-sw"))
    files = Fido.fetch(found, path=f"{folder}/{{instrument}}/{{file}}")

found[0].show("Start Time", "Instrument", "Level", "Descriptor", "Version")

# %%
# Read each file as a table: exact times, vectors as one column with a unit, masked gaps.


def read_all(instrument):
    tables = [imap.read(file, scale="utc") for file in sorted(files) if f"/{instrument}/" in file]
    return vstack(tables, metadata_conflicts="silent")


field, wind = read_all("mag"), read_all("swapi")
field["epoch", "b_gse", "magnitude"][:3]

# %%
# The labels of the components are in the metadata of the column. Behind the shock the field grows to four times its
# strength, then turns slowly from south to north: this is a magnetic cloud.

labels = field["b_gse"].info.meta["labels"]["1"]
vectors = field["b_gse"].filled(np.nan)

with quantity_support(), time_support(format="iso"):
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(10, 6.5), sharex=True, height_ratios=(2, 1), layout="constrained"
    )
    upper.plot(field["epoch"], field["magnitude"].filled(np.nan), color="0.75", linewidth=3, label="|B|")
    for component, label, colour in zip(vectors.T, labels, ("tab:blue", "tab:orange", "tab:red"), strict=True):
        upper.plot(field["epoch"], component, color=colour, linewidth=0.7, label=label)
    upper.axhline(0 * u.nT, color="0.4", linewidth=0.6)
    upper.set_ylabel("Magnetic field, GSE [nT]")
    upper.legend(loc="upper left", ncols=4)
    upper.set_title("IMAP MAG and SWAPI (synthetic values of the embedded archive)")
    lower.plot(wind["epoch"], wind["proton_sw_speed"], color="tab:green", linewidth=0.9)
    lower.set_ylabel("Proton speed [km / s]")
    lower.set_xlabel("Time (UTC)")
    lower.set_xticks(Time("2026-01-08") + np.arange(6) * u.day)

plt.show()
