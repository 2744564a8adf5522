"""
A search repeated and compared
==============================

A saved search contains its query. Searched again, the two results are compared row by row: which rows are new, revised
or withdrawn.

The example uses the embedded archive of the package, whose values are synthetic and do not change; rows that are
removed from the saved result are therefore the new ones. Without ``sandbox.start()`` the same code sends its requests
to the registry.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, her, io, sandbox, together

path = Path(tempfile.mkdtemp(), "holes.ecsv")

sandbox.start()
found = Fido.search(a.Time("2026-01-09", "2026-01-12"), a.her.CE | a.her.FL & a.her.Supplier("SSW Latest Events"))
found = her.HERTable.stack(*found)
found.sort("event_starttime")
found[:-2].write(path)
wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-09", "2026-01-12")

# %%
# Three calls: read, search again, compare.

before = her.HERTable.read(path)
now = before.search_again()
changes = io.changes(now, before)

print(changes)

# %%
# The rows that are new are events, which a figure marks.

figure, axes = together.stack((wind, "flow_speed"), (wind, "F"), events={"Known": before, "New": changes.new})

sandbox.stop()
plt.show()
