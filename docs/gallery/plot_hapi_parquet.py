"""
===============================
More records than fit in memory
===============================

Four weeks of the magnetic field at L1, of which only a few days are in memory at the same time: written to Parquet
files by day, averaged with xarray and dask, and counted chunk by chunk.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to CDAWeb.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sunpy_helio_plugins import hapi, sandbox

# %%
# One file for each day appears when it is complete. A further call requests only what is missing: after an
# interruption, or for a longer range.

folder = Path(tempfile.mkdtemp()) / "ace"
archive = sandbox.start()

hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-01", "2026-01-15", "Magnitude", folder=folder, progress=False)
parts = hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-01", "2026-01-29", "Magnitude", folder=folder, progress=False)
parts

# %%
# The folder is a data set whose values are read when they are needed. It is also a data set of pyarrow, pandas, polars,
# DuckDB and dask: ``pandas.read_parquet(folder)``.

data = hapi.open(folder).to_xarray()
data

# %%
# A mean over hours reads one file after the other. The distribution is counted from the same records in chunks, without
# files.

hourly = data["Magnitude"].resample(time="1h").mean().compute()
edges = np.linspace(0, 25, 51)
counts = np.zeros(len(edges) - 1)
for table in hapi.chunks("cdaweb", "AC_H0_MFI", "2026-01-01", "2026-01-29", "Magnitude", chunk="P7D"):
    counts += np.histogram(table["Magnitude"].filled(np.nan).value, edges)[0]
archive.stop()

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(2, 1), layout="constrained")
hourly.plot(ax=left, linewidth=1)
left.set(title="Hourly mean", xlabel="Time (UTC)", ylabel="Magnetic field [nT]")
left.grid(alpha=0.3)
right.stairs(counts / counts.sum() / np.diff(edges), edges, fill=True, alpha=0.6)
right.set(title="Distribution", xlabel="Magnetic field [nT]", ylabel="Density [1/nT]", yscale="log")
figure.suptitle(f"{data.sizes['time']:,} synthetic records of the embedded archive")

plt.show()
