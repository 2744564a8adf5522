"""
Flares, regions and CMEs
========================

`sunpy_helio_plugins.her.relations` relates flares to active regions by number or place, active regions to the coronal
holes around them, and CMEs to the flares and regions at their position angle.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the registry.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Wedge
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import her, sandbox

# %%
# One search returns the events of all types.

time = a.Time("2026-01-10", "2026-01-11")
with sandbox.serve():
    events = Fido.search(time, a.her.FL | a.her.AR | a.her.CH | a.her.CE)["her"]

# %%
# Each relation states its word, which is one of the registry's, and what it was found by.

edges = her.relations(events)
edges["first_event_type", "edge_type", "second_event_type", "by", "delay"]

# %%
# Lines join the events of each relation, at their positions as seen from Earth. CMEs are wedges of their angular width,
# with a triangle at their position angle; the reports of one CME are on top of each other, as those of one hole are.

figure, ax = plt.subplots(figsize=(7, 7), layout="constrained")
ax.add_patch(Circle((0, 0), 960, color="0.93"))

for outline in events["hpc_boundcc"]:
    if outline is not None:
        ax.fill(*outline.vertices.T, color="C0", alpha=0.3, linewidth=0)

kinds = np.array(events["event_type"])
angles = events["hrc_coord"].values[:, 1]
place = events["hpc_coord"].values.copy()
cmes = np.flatnonzero(kinds == "CE")
place[cmes] = 1250 * np.stack([-np.sin(np.radians(angles[cmes])), np.cos(np.radians(angles[cmes]))], axis=1)
for row in cmes:
    half = events["cme_angularwidth"][row].to_value("deg") / 2
    middle = angles[row] + 90
    ax.add_patch(Wedge((0, 0), 1500, middle - half, middle + half, width=450, color="C4", alpha=0.15, linewidth=0))

words = {"contains": "C1", "is_associated_with": "C4"}
for edge in edges:
    ends = place[[edge["first"], edge["second"]]]
    ax.plot(*ends.T, color=words[edge["edge_type"]], linewidth=1, zorder=1)
for style, kind, name in (("C1s", "AR", "active region"), ("C3*", "FL", "flare"), ("C4^", "CE", "CME")):
    ax.plot(*place[kinds == kind].T, style, label=name)
ax.fill([], [], color="C0", alpha=0.3, label="coronal hole")
for word, color in words.items():
    ax.plot([], [], color=color, label=word.replace("_", " "))
ax.legend(loc="lower left")
ax.set(aspect="equal", xlim=(-1550, 1550), ylim=(-1550, 1550), xlabel="Solar X [arcsec]", ylabel="Solar Y [arcsec]")
ax.set_title(f"{len(edges)} relations of {len(events)} events")

plt.show()
