"""
============================================
Load and plot solar wind and irradiance data
============================================

``hapi.load`` loads records directly into memory, and ``hapi.quicklook`` plots scalars and vectors as lines, and spectra
as images: see :ref:`sphx_glr_gallery_built_plot_imap_spectra.py`. The records are the synthetic ones of the embedded
archive, so this example does not need a network.
"""

import matplotlib.pyplot as plt

from sunpy_helio_plugins import hapi, sandbox

###############################################################################
# A range that is too long for one request is split, and the parts are fetched at the same time. The stop is not part
# of the range, as everywhere in HAPI.

with sandbox.serve():
    wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", ["Magnitude", "BGSEc"], chunk=6 * 3600)
    light = hapi.load("lisird", "tsis_tsi_24hr", "2025-10-01", "2026-01-25", ["tsi_1au", "uncertainty"])

print(wind[:3])

###############################################################################
# The shock arrives on the first afternoon. The server does not label the components of the vector, so that the legend
# would contain their numbers.

figure = hapi.quicklook(wind)
vector = figure.axes[1]
vector.legend(vector.lines, ["Bx", "By", "Bz"], loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

###############################################################################
# The total irradiance follows the rotation of the Sun. Gaps are where the server sends its fill value.

hapi.quicklook(light)

plt.show()
