"""
=============================================
A coronal hole and its fast stream, at a look
=============================================

``quicklook`` plots images, events and records in one call each, and ``open`` reads files when they are used. Together
they show when the fast stream of a coronal hole should arrive at the Earth, and that it does.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to Helioviewer, the Heliophysics Events Registry and CDAWeb.
"""

import tempfile

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from sunpy.coordinates import sun
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, helioviewer, her, sandbox

day = a.Time("2026-01-10", "2026-01-11")
folder = tempfile.mkdtemp()

with sandbox.serve():
    images = Fido.search(day, a.Sample(8 * u.hour), a.helioviewer.SourceID(11))
    Fido.fetch(images, path=f"{folder}/{{file}}", size=256, progress=False)
    found = Fido.search(a.Time("2026-01-08", "2026-01-11"), a.her.CH | a.her.CE | a.her.FL)
    omni = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-08", "2026-01-16", ["F", "flow_speed", "proton_density"])

# %%
# The dark region in the centre is a coronal hole.

helioviewer.quicklook(folder, size=256)

# %%
# The registry lists its detections, the flares of the active regions, and the eruptions, the first of which left the
# Sun two days before.

her.quicklook(found).suptitle("Events of the registry")

# %%
# The longitude of the hole is a column of numbers, and therefore a series. It passes the central meridian where this
# is zero.

holes = found["her"][found["her"]["event_type"] == "CH"]
equatorial = holes[np.abs(holes["hgs_y"].filled(np.nan).value) < 20]
longitude = her.open(equatorial).to_timeseries(columns="hgs_x").to_dataframe()["hgs_x"]
times = equatorial["event_endtime"]
passage = times[0] + np.interp(0, longitude, (times - times[0]).to_value("h")) * u.h
print(passage.isot)

# %%
# The wind of a hole like this has about 620 km/s. It needs less than three days.

arrival = passage + sun.earth_distance(passage) / (620 * u.km / u.s)
print(arrival.isot)

# %%
# The speed begins to rise when the western end of the hole has arrived, behind the shock and the magnetic cloud of the
# eruption.

figure = hapi.quicklook(omni)
for axes in figure.axes:
    axes.axvline(arrival.datetime64, color="tab:red", linestyle="--", label="expected arrival")
figure.axes[1].legend(loc="lower right")

plt.show()
