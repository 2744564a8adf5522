"""
One event, everything in one figure
===================================

From an eruption in the registry to the shock that it drove: `sunpy_helio_plugins.together.context` returns the searches
that lead from an event to the archives, and `sunpy_helio_plugins.together.stack` plots what they found in panels on one
time axis.

The example uses the embedded archive of the package, whose values are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry, Helioviewer, the IMAP Science Data Center and CDAWeb.
"""

import astropy.units as u
import matplotlib.pyplot as plt
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, her, imap, sandbox, together

# %%
# Ten lines, from the event to the figure. The plasma of the eruption should arrive at L1 in the range that its speed
# allows, ``around.arrival``; this is a ballistic estimate, and not a forecast. Flares are marked at their peaks, the
# range of the arrival is shaded, and each image is at its time.

with sandbox.serve():
    eruption = Fido.search(a.Time("2026-01-08", "2026-01-09"), a.her.CE)["her"][0]
    around = together.context(eruption, 12 * u.hour)
    week = a.Time(around.time.start, "2026-01-13")
    flares = her.flares(week)
    images = Fido.search(week, a.helioviewer.SourceID(11), a.Sample(6 * u.hour))
    field = imap.open([week, a.imap.Descriptor("norm-gse")])
    wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", week.start, week.end)
    panels = (field, "b_gse", "magnitude"), (wind, "flow_speed"), (wind, "SYM_H")
    marks = {"CME": eruption, "Flares": flares[~flares["fl_goescls"].mask]}
    figure, axes = together.stack(*panels, events=marks, shade={"Expected arrival": around.arrival}, pictures=images)

around

# %%
# The figure has two columns' width of a journal, 180 mm, and is matplotlib's: ``figure.savefig("event.pdf")`` writes it
# as it is, and each of ``axes`` can be changed. ``width=88 * u.mm`` fits one column.

axes[1].axhline(500, color="0.6", linewidth=0.5)

plt.show()
