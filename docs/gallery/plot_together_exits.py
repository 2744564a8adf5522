"""
To every other package, one call each
=====================================

Records, images and events are converted to the types of other packages by one call each, and
`sunpy_helio_plugins.together.stack` takes all of the series among them, so that a figure shows that they agree.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to CDAWeb, Helioviewer and the registry.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, helioviewer, her, io, sandbox, series, together

folder = Path(tempfile.mkdtemp())
day = a.Time("2026-01-10", "2026-01-11")

with sandbox.serve():
    wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", day.start, day.end)
    holes = Fido.search(day, a.her.CH, a.her.frm_name == "SPoCA")["her"]
    sun = helioviewer.read(Fido.search(her.picture_of(holes[0])), size=512)[0]

# %%
# Records.

table = series.to_table(wind)
frame = series.to_pandas(wind)
light = series.to_timeseries(wind)
astro = series.to_astropy(wind)
series.to_parquet(wind, folder / "wind.parquet")
series.to_votable(wind, folder / "wind.vot")
hapi.write(wind, folder / "wind.hapi")
io.write(wind, folder / "wind.ecsv")

# %%
# Images: a map is the type of sunpy, and its file is FITS.

array, header = sun.data, sun.meta
sun.save(folder / "sun.fits")
mask = her.mask(sun, holes)
part = her.cutout(sun, holes[0])

# %%
# Events.

names = holes.to_pandas()
holes.write(folder / "holes.fits")
times = together.search_times(holes)
shapes = her.open(holes).table

# %%
# A figure, as a file for a paper.

figure, axes = together.stack(
    *[(one, "flow_speed") for one in (wind, frame, light, astro, io.read(folder / "wind.ecsv"))],
    shade={"Coronal hole": holes},
    labels=["Table", "pandas", "sunpy", "astropy", "ECSV"],
)
figure.savefig(folder / "wind.pdf")
sorted(path.name for path in folder.iterdir())

# %%

plt.show()
