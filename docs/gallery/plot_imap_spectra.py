"""
Energies of IMAP: electrons by energy, neutral atoms over the sky
=================================================================

Files that have more dimensions than time: electron spectra of SWE, and a map of Hi. Axes and units are read from the
files.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the IMAP Science Data Center.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap, sandbox

folder = tempfile.mkdtemp()

# %%
# A moment in January is enough, since the map, which begins in October, covers it.

moment = a.Time("2026-01-10 00:00", "2026-01-10 00:10")

with sandbox.serve():
    found = Fido.search(moment, a.Level("l2"), a.imap.Descriptor("sci") | a.imap.Descriptor("h45-*"))
    files = Fido.fetch(found, path=f"{folder}/{{file}}")

found[0].show("Start Time", "End Time", "End Inferred", "Instrument", "Descriptor")

# %%
# Columns keep their dimensions. The names of their axes are in ``info.meta``, and the values are in the support data.

electrons, sky = (imap.read(next(file for file in files if f"_{name}_" in file)) for name in ("swe", "hi"))
flux = electrons["flux"]
print(flux.shape, flux.unit, flux.info.meta["axes"])

energy = electrons.meta["support"]["energy"]["values"]
spectrum = flux.mean(axis=(2, 3)).filled(np.nan)

# %%
# The last channel of the second spectrum is missing in the file, and is shown as a gap.

support = sky.meta["support"]
longitude, latitude, passband = (support[name]["values"] for name in ("longitude", "latitude", "energy"))
intensity = sky["ena_intensity"]
channel = 1

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=(2, 3), layout="constrained")
for record, time, marker in zip(spectrum, electrons["epoch"].utc, "os", strict=True):
    left.loglog(energy.to_value(u.eV), record.value, marker=marker, markersize=4, linewidth=0.8, label=time.iso[11:16])
left.set_xlabel("Electron energy [eV]")
left.set_ylabel(f"Flux [{spectrum.unit.to_string('unicode', fraction=False)}]")
left.legend(title="2026-01-10, UTC")
left.set_title("SWE")

image = right.pcolormesh(
    longitude.to_value(u.deg), latitude.to_value(u.deg), intensity[0, channel].value.T, cmap="inferno"
)
figure.colorbar(image, ax=right, label=f"Intensity [{intensity.unit.to_string('unicode', fraction=False)}]")
right.set_aspect("equal")
right.set_xlabel("Ecliptic longitude [deg]")
right.set_ylabel("Ecliptic latitude [deg]")
right.set_title(f"Hi, neutral atoms at {passband[channel]:.2f}")
figure.suptitle("IMAP SWE and Hi (synthetic values of the embedded archive)")

plt.show()
