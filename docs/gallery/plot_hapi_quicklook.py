"""
===========================================
Two days of solar wind and sunlight at once
===========================================

``hapi.load`` brings records straight into memory, and ``hapi.quicklook`` draws each column as suits it: scalars and
vectors as lines, spectra as images. The records come from the embedded archive, so that this example needs no network.
"""

import matplotlib.pyplot as plt

from sunpy_helio_plugins import hapi, sandbox

###############################################################################
# A range is cut where a server takes no more at once, and the parts are fetched at the same time. The stop is not part
# of the range, as everywhere in HAPI.

with sandbox.serve():
    wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", ["Magnitude", "BGSEc"], chunk=6 * 3600)
    light = hapi.load("lisird", "tsis_ssi_24hr", "2026-01-01", "2026-01-25")

print(wind[:3])

###############################################################################
# The shock arrives on the first afternoon; the gaps are where the server sends its fill value.

hapi.quicklook(wind)

###############################################################################
# A spectrum has its wavelengths from the server's bins, and a logarithmic scale where its values span more than ten.

hapi.quicklook(light)

plt.show()
