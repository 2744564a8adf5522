"""
The rotation of a magnetic cloud in one data set
================================================

`imap.open <sunpy_helio_plugins.imap.open>` makes one data set of the files of a query, which is read when it is used:
here four days of MAG vectors, of which only the good ones are averaged, and the direction of the field in a magnetic
cloud.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the IMAP Science Data Center.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import ConciseDateFormatter
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, imap, sandbox

folder = Path(tempfile.mkdtemp())

# %%
# The files that are missing are downloaded; the records outside of the time range, and the columns that are not chosen,
# are not read.

days = a.Time("2026-01-08 12:00", "2026-01-12 12:00")

with sandbox.serve(), conf.imap.set_temp("data_dir", str(folder)):
    opened = imap.open((days, a.Instrument("mag"), a.imap.Descriptor("norm-gse")), columns=["b_gse", "quality_flags"])

print(*(path.name for path in opened.files), sep="\n")

# %%
# A Dataset of xarray has the times in UTC, the labels of the file as coordinates, and the meaning of flags in the terms
# of the CF conventions.

data = opened.to_xarray()
data

# %%
# Select the good records, and average them over an hour.

meanings = dict(zip(data.quality_flags.flag_meanings.split(), data.quality_flags.flag_values, strict=True))
print({meaning: int((data.quality_flags == value).sum()) for meaning, value in meanings.items()})

good = data.b_gse.where(data.quality_flags == 0)
hours = good.resample(time="1h")
mean, spread = hours.mean(), hours.std()

# %%
# In the cloud the field turns from south to north: its hodogram is an arc, while the field before is near the centre.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), width_ratios=(1.7, 1), layout="constrained")
for number, (label, colour) in enumerate(
    zip(data.direction_label.values, ("tab:blue", "tab:orange", "tab:red"), strict=True)
):
    one, width = mean.isel(direction=number), spread.isel(direction=number)
    left.fill_between(one.time, one - width, one + width, color=colour, alpha=0.25, linewidth=0)
    left.plot(one.time, one, color=colour, label=f"$B_{label[-1]}$")
left.axhline(0, color="0.4", linewidth=0.6)
left.set(ylabel=f"Hourly mean of B, GSE [{data.b_gse.units}]", xlabel="Time (UTC)")
left.legend(ncols=3)
left.set_title("IMAP MAG (synthetic values)")
left.xaxis.set_major_formatter(ConciseDateFormatter(left.xaxis.get_major_locator()))

age = (mean.time - mean.time[0]) / np.timedelta64(1, "D")
right.plot(mean.isel(direction=1), mean.isel(direction=2), color="0.8", linewidth=0.8)
dots = right.scatter(mean.isel(direction=1), mean.isel(direction=2), c=age, s=18, cmap="viridis")
right.axhline(0, color="0.4", linewidth=0.6)
right.axvline(0, color="0.4", linewidth=0.6)
right.set(xlabel="$B_y$ [nT]", ylabel="$B_z$ [nT]", aspect="equal", title="Hodogram")
figure.colorbar(dots, ax=right, label="Days since 2026-01-08 12:00")

plt.show()

# %%
# The list of files is written with their digests. ``imap.open(..., versions="lock.json")`` opens exactly these, also
# after newer versions have appeared in the archive.

opened.lock(folder / "lock.json")
