"""
============================================
Spectra as a data set with named dimensions
============================================

Solar spectral irradiance from a HAPI server as a data set of xarray: bins become coordinates with units, so that bands
are selected by their wavelength.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to LISIRD.
"""

import matplotlib.pyplot as plt

from sunpy_helio_plugins import hapi, sandbox, series

# %%
# A table contains one spectrum in each row. The bins of the column are in its metadata.

with sandbox.serve():
    spectra = hapi.load("lisird", "tsis_ssi_24hr", "2026-01-01", "2026-01-29")

spectra[:3]

# %%
# In a data set, the bins are a coordinate. Its attributes follow the CF conventions.

data = series.to_xarray(spectra)
data

# %%
# Bands are selected by wavelength and integrated, and the mean is one over time. The spectrum of the embedded archive
# varies at all wavelengths alike, so that one band shows the variation.

irradiance = data["irradiance"]
bands = {"ultraviolet": slice(200, 400), "visible": slice(400, 700)}
colors = {"ultraviolet": "tab:purple", "visible": "tab:orange"}

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
irradiance.mean("time").plot(ax=left, color="0.3")
left.set(title="Mean spectrum", xlabel="Wavelength [nm]", ylabel="Irradiance at 1 au [W/m²/nm]")
for name, band in bands.items():
    left.axvspan(band.start, band.stop, alpha=0.2, color=colors[name], linewidth=0)
    total = irradiance.sel(wavelength=band).integrate("wavelength")
    left.annotate(f"{name}\n{total.mean():.0f} W/m²", ((band.start + band.stop) / 2, 0.05), ha="center")
(100 * (total / total.mean() - 1)).plot(ax=right, color=colors["visible"], marker=".")
right.set(title="Irradiance from 400 to 700 nm", xlabel="Time (UTC)", ylabel="Deviation from the mean [%]")
right.grid(alpha=0.3)
figure.suptitle("Synthetic values of the embedded archive")

plt.show()

# %%
# The way back restores the table, with its quantities and masks.

series.to_table(data)["irradiance"][:3]
