"""
=======================
Work on several workers
=======================

Eight weeks of the magnetic field at L1, requested and written by the workers of a dask cluster, one file for each day,
and their daily minimum, mean and maximum, computed by the same workers.

The workers are threads here, and the example uses the embedded archive of the package, whose values are synthetic. On a
machine with many processors, or on several machines, only the line that makes the cluster differs.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from distributed import Client, LocalCluster
from matplotlib.dates import ConciseDateFormatter

from sunpy_helio_plugins import cluster, hapi, sandbox

folder = Path(tempfile.mkdtemp()) / "ace"
archive = sandbox.start()

# %%
# The client becomes the current one, which ``hapi.to_parquet`` uses. The workers need the same version of the package.

client = Client(LocalCluster(n_workers=2, threads_per_worker=2, processes=False, dashboard_address=None))
cluster.check()["host", "threads", "version"]

# %%
# Each task requests the records of some days and writes their files. If the call is repeated, it requests only what is
# missing.

parts = hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-01", "2026-02-26", "Magnitude", folder=folder, progress=False)
parts

# %%
# A frame of dask has one partition for each file, which the workers read.

frame = hapi.open(folder).to_dask()
days = frame.assign(day=frame.index.dt.floor("D")).groupby("day")["Magnitude"]
by_day = days.agg(["min", "max", "mean"]).compute().sort_index()
client.shutdown()
archive.stop()

figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
axes.fill_between(by_day.index, by_day["min"], by_day["max"], alpha=0.3, step="post", label="minimum to maximum")
axes.step(by_day.index, by_day["mean"], where="post", label="mean")
axes.set(title="Magnetic field at L1 by day", xlabel="Time (UTC)", ylabel="|B| [nT]", ylim=(0, None))
axes.legend(frameon=False, ncols=2, loc="upper left")
axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
axes.margins(x=0)

plt.show()
