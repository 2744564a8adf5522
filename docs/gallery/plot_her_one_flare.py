"""
One row for each flare
======================

SWPC, SSW Latest Events and the Flare Detective report the same flares. `sunpy_helio_plugins.her.flares` finds the
reports that are of one flare, and `sunpy_helio_plugins.her.match` the images that were taken close to it.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry and Helioviewer.
"""

import astropy.units as u
import matplotlib.pyplot as plt
from matplotlib.dates import ConciseDateFormatter, HourLocator, date2num
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, sandbox

# %%
# Attrs search for the flares of all suppliers, and for the active regions of their time.

time = a.Time("2026-01-09 18:00", "2026-01-11 06:00")
with sandbox.serve():
    flares = her.flares(time)
    images = Fido.search(time, a.helioviewer.Image(), a.Instrument.aia, a.Wavelength(193 * u.AA))

flares["event_peaktime", "fl_goescls", "class_from", "place_from", "ar_noaanum", "suppliers"]

# %%
# All reports are kept, each with the number of its flare. Two of a flare agree in time, position and class, as far as
# they have them.

several = flares[flares["count"] > 1]
several.reports["flare", "frm_name", "event_peaktime", "fl_goescls", "ar_noaanum", "hpc_x", "hpc_y"]

# %%
# The scale of the classes is stated, so that the fluxes of flares of different satellites can be compared.

several["fl_goescls", "fl_goescls_flux", "goes_scale", "goes_flux"]

# %%
# Images within an hour of each flare.

pairs = her.match(several.reports, images, within=1 * u.h)
pairs["first", "second", "delay"]

# %%
# Above, each report is a bar; those of one flare have the same color, and flares with a single report are gray.
# Below are the fluxes at the peak, the regions, and the times of the images.

names = ["SWPC", "SSW Latest Events", "Flare Detective - Trigger Module"]
figure, (bars, fluxes) = plt.subplots(
    2, 1, sharex=True, figsize=(10, 5.2), layout="constrained", height_ratios=[1, 1.4]
)
color = {ivorn: f"C{number}" for number, flare in enumerate(several) for ivorn in flare["ivorns"].split()}
for report in flares.reports:
    start, end = (date2num(report[name].unmasked.datetime) for name in ("event_starttime", "event_endtime"))
    lane = names.index(report["frm_name"])
    bars.barh(lane, end - start, 0.7, start, color=color.get(report["kb_archivid"], "0.7"))
bars.set_yticks(range(len(names)), ["SWPC", "SSW Latest\nEvents", "Flare\nDetective"])
bars.invert_yaxis()
bars.set_title("Reports of flares")

for number, flare in enumerate(several):
    peak, flux = flare["event_peaktime"].unmasked.datetime, flare["goes_flux"].unmasked.to_value("W/m2")
    fluxes.plot([peak, peak], [1e-7, flux], color=f"C{number}", linewidth=2)
    fluxes.annotate(
        f"{flare['fl_goescls']}\nAR {flare['ar_noaanum']}",
        (peak, flux),
        (0, 4),
        textcoords="offset points",
        ha="center",
    )
taken = images["helioviewer"]["Start Time"]
fluxes.plot(taken.datetime, [2e-7] * len(taken), "k^", label="AIA 193 images")
fluxes.set(yscale="log", ylim=(1e-7, 2e-3), ylabel="Physical flux [W/m²]")
fluxes.legend(loc="upper left")
fluxes.xaxis.set_major_locator(hours := HourLocator(byhour=range(0, 24, 6)))
fluxes.xaxis.set_major_formatter(ConciseDateFormatter(hours))

plt.show()
