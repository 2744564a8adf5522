"""Queries of the four archives on the embedded archive."""

from __future__ import annotations

WIND = {"archive": "hapi", "server": "cdaweb", "dataset": "AC_H0_MFI", "parameters": "Magnitude"}
MAG = {"archive": "imap", "instrument": "mag", "level": "l2", "descriptor": "norm-gse"}
SUN = {"archive": "helioviewer", "instrument": "AIA", "wavelength": "193 AA", "sample": "12 hours"}
FLARES = {"archive": "her", "event_type": "FL", "where": "frm_name == SWPC"}
QUERIES = {"wind": WIND, "mag": MAG, "sun": SUN, "flares": FLARES}
THREE_DAYS = {"window": "3 days", "end": "2026-01-13"}
