"""
Four archives in ten minutes
============================

One import, one sentence, four archives: the solar wind, files of IMAP, pictures of the Sun, and events on it.
"""

###############################################################################
# One import registers the clients. It makes no request.

from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import sandbox

print(sunpy_helio_plugins.__version__)

###############################################################################
# This page was made without a network: the package holds an archive of its own, which answers as the four services do.
# Leave these two lines out, and every search below asks the real ones.

serving = sandbox.serve()
archive = serving.__enter__()

###############################################################################
# All of them know the same day.

day = a.Time("2026-01-10", "2026-01-11")
day

###############################################################################
# At the end the embedded archive is stopped, and every setting is as it was.

serving.__exit__(None, None, None)
