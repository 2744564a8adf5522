"""
Keep four queries up to date
============================

`sunpy_helio_plugins.mirror` keeps the results of named queries up to date in a folder, with daily tables and pictures.
The queries are usually in a file that cron or systemd runs every hour; here they are a dict.

The example uses the embedded archive of the package, whose data are synthetic. Without ``sandbox.serve()`` the same
code sends its requests to the real archives.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from sunpy_helio_plugins import check_folder, mirror, sandbox

folder = Path(tempfile.mkdtemp())
days = {"window": "2 days", "end": "2026-01-12", "picture": True}

plan = {
    "mirror": {"folder": str(folder)},
    "queries": {
        "wind": {"archive": "hapi", "dataset": "cdaweb/AC_H0_MFI", "parameters": "Magnitude", **days},
        "mag": {"archive": "imap", "instrument": "mag", "level": "l2", "descriptor": "norm-gse", **days},
        "sun": {"archive": "helioviewer", "source_id": 11, "sample": "12 hours", **days},
        "holes": {"archive": "her", "event_type": "CH", "table": "ecsv", **days},
    },
}

# %%
# The first run downloads all files, and the second one finds that nothing is new.

with sandbox.serve() as archive:
    print(mirror(plan).summary)
    first = len(archive.log)
    print(mirror(plan).summary)
    print(f"{first} requests, then {len(archive.log) - first}")

# %%
# The files can be checked at any time, without the archives.

print(check_folder(folder).summary)

# %%
# These are the pictures of one day.

figure, panels = plt.subplots(2, 2, figsize=(10, 9), layout="constrained")
for axes, name in zip(panels.flat, plan["queries"], strict=True):
    picture = min((folder / name / "pictures").iterdir())
    axes.imshow(plt.imread(picture))
    axes.set_title(f"{name}/pictures/{picture.name}", fontsize=8)
    axes.axis("off")

plt.show()
