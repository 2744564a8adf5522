"""
==========================================
The lag between the solar wind and a storm
==========================================

Two spacecraft and a geomagnetic index have different cadences. On one time axis they can be compared with a few lines
of numpy: the lag of the ring current behind the magnetic field that drives it.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to CDAWeb and to the IMAP Science Data Center.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import ConciseDateFormatter
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, imap, sandbox, series

days = a.Time("2026-01-09", "2026-01-12 23:59")

with sandbox.serve():
    ace = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-09", "2026-01-13", parameters=["Magnitude", "BGSEc"])
    omni = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-09", "2026-01-13", parameters="SYM_H")
    found = Fido.search(days, a.imap.Descriptor("norm-gse"))
    files = Fido.fetch(found, path=f"{tempfile.mkdtemp()}/{{file}}")

# %%
# ACE measures every 16 s, IMAP every 30 s, and the index has one value in a minute. The files of IMAP are parts of one
# series: a list of tables, or a generator that reads them one after the other.

mag = (imap.read(file) for file in sorted(files))
both = series.align(
    ace, mag, omni, every=5 * u.min, columns=["BGSEc", "Magnitude", "b_gse", "SYM_H"], names=["ace", "imap", "omni"]
)
both[:3]

# %%
# The column ``Magnitude`` is the magnitude of the mean vector, which is smaller than the mean of the magnitude in a
# turbulent field; the notes say so.

both.meta["notes"]

# %%
# The lag is the shift with the largest correlation. Masked bins are not used.


def correlations(first, second, lags):
    """Return the correlation of two columns for each shift of the second one, in bins."""
    count = len(first)
    pairs = [(np.ma.masked_invalid(first[: count - lag]), np.ma.masked_invalid(second[lag:])) for lag in lags]
    return np.array([np.ma.corrcoef(one, other)[0, 1] for one, other in pairs])


ace_z, imap_z = (both[name][:, 2].filled(np.nan).value for name in ("BGSEc", "b_gse"))
index = both["SYM_H"].filled(np.nan).value
lags = np.arange(0, 18 * 12)
spacecraft = correlations(ace_z, imap_z, lags)
storm = correlations(np.minimum(ace_z, 0), index, lags)
hours = (lags * 5 * u.min).to_value("h")
print(f"IMAP: {hours[spacecraft.argmax()]:.1f} h behind ACE; SYM-H: {hours[storm.argmax()]:.1f} h behind ACE")

# %%
# Both spacecraft observe the cloud at the same time. The index follows the southward field by hours: the ring current
# grows as long as the field is southward, and decays slowly afterwards.

figure, (field, ring, lag) = plt.subplots(3, 1, figsize=(10, 9), layout="constrained")
times = both["time"].datetime64
field.plot(times, ace_z, label="ACE", linewidth=0.9)
field.plot(times, imap_z, label="IMAP", linewidth=0.9)
field.set_ylabel("$B_z$, GSE [nT]")
field.legend()
field.set_title("Five-minute means on one axis (synthetic values of the embedded archive)")
ring.plot(times, index, color="tab:purple", linewidth=0.9)
ring.set_ylabel("SYM-H [nT]")
for axes in (field, ring):
    axes.set_xlim(times[[0, -1]])
    axes.set_xlabel("Time (UTC)")
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
lag.plot(hours, spacecraft, label="$B_z$ at IMAP")
lag.plot(hours, storm, color="tab:purple", label="SYM-H, with the southward field")
lag.axvline(hours[storm.argmax()], color="0.6", linewidth=0.8)
lag.set_xlabel("Lag behind ACE [h]")
lag.set_ylabel("Correlation with $B_z$ at ACE")
lag.legend()

plt.show()
