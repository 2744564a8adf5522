"""
============================================
Load and plot solar wind and irradiance data
============================================

``hapi.load`` loads records directly into memory, and ``hapi.quicklook`` plots scalars and vectors as lines and spectra
as images. The records are those of the embedded archive, so this example does not need a network.
"""

import matplotlib.pyplot as plt

from sunpy_helio_plugins import hapi, sandbox

###############################################################################
# A range that is too long for one request is split, and the parts are fetched at the same time. The stop is not part
# of the range, as everywhere in HAPI.

with sandbox.serve():
    wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", ["Magnitude", "BGSEc"], chunk=6 * 3600)
    light = hapi.load("lisird", "tsis_ssi_24hr", "2026-01-01", "2026-01-25")

print(wind[:3])

###############################################################################
# The shock arrives on the first afternoon; the gaps are where the server sends its fill value.

hapi.quicklook(wind)

###############################################################################
# The wavelengths of a spectrum are the server's bins; its scale is logarithmic if the values span a factor of ten.

hapi.quicklook(light)

plt.show()
