"""
The instruments, levels and products of IMAP, as the Science Data Center names them.

Instruments and levels are the enumerations of the service's database (``VALID_INSTRUMENTS`` and ``VALID_DATALEVELS`` of
imap-data-access 1.3); a value outside them is answered with an internal error. Descriptors are those that the mission's
processing writes; the service takes any, and so do we.
"""

from __future__ import annotations

__all__ = [
    "DESCRIPTORS", "EXTENSIONS", "INSTRUMENTS", "KERNELS", "KERNEL_FOLDERS", "LEVELS", "PROVIDERS", "SOURCES", "TABLES",
]  # fmt: skip

INSTRUMENTS = {
    "codice": "Compact Dual Ion Composition Experiment.",
    "glows": "Global Solar Wind Structure.",
    "hi": "IMAP-Hi, energetic neutral atoms of higher energy.",
    "hit": "High-energy Ion Telescope.",
    "ialirt": "Active Link for Real Time, space weather values of several instruments.",
    "idex": "Interstellar Dust Experiment.",
    "l1const": "Constellation of spacecraft at L1.",
    "lo": "IMAP-Lo, energetic neutral atoms of lower energy.",
    "mag": "Magnetometer.",
    "spacecraft": "Attitude and housekeeping of the spacecraft.",
    "swapi": "Solar Wind and Pickup Ions.",
    "swe": "Solar Wind Electrons.",
    "ultra": "IMAP-Ultra, energetic neutral atoms of the highest energy.",
}

LEVELS = (
    "l0", "l1", "l1a", "l1b", "l1c", "l1ca", "l1cb", "l1d", "l2", "l2a", "l2b", "l2c",
    "l3", "l3a", "l3b", "l3c", "l3d", "l3e",
)  # fmt: skip

PROVIDERS = ("IMAP SDC", "IMAP", "SDC")
"""Names under which this archive answers to ``a.Provider``; the first is the one in its tables."""

SOURCES = ("IMAP",)

TABLES = {
    "science": "Science files of all levels.",
    "ancillary": "Calibrations and other files that the processing needs.",
    "quicklook": "Pictures for a first look.",
    "spice": "SPICE kernels.",
    "ialirt": "Daily files of the real-time stream, from I-ALiRT's own archive.",
}

EXTENSIONS = {
    "science": ("cdf", "pkts"),
    "ancillary": ("cdf", "csv", "dat", "json", "zip", "tsv", "pgm", "xlsx"),
    "quicklook": ("jpg", "pdf", "png"),
    "ialirt": ("cdf",),
}
"""The extensions of each table's files."""

KERNEL_FOLDERS = {
    "attitude_history": "ck", "attitude_predict": "ck", "pointing_attitude": "ck", "lo_pivot_attitude": "ck",
    "ephemeris_reconstructed": "spk", "ephemeris_nominal": "spk", "ephemeris_predicted": "spk",
    "ephemeris_90days": "spk",
    "ephemeris_long": "spk", "ephemeris_launch": "spk", "planetary_ephemeris": "spk", "lagrange_point": "spk",
    "planetary_constants": "pck", "earth_attitude": "pck", "leapseconds": "lsk", "spacecraft_clock": "sclk",
    "imap_frames": "fk", "science_frames": "fk", "metakernel": "mk", "thruster": "activities", "spin": "spin",
    "repoint": "repoint",
}  # fmt: skip
"""The folder below ``imap/spice`` of each type of kernel (``SPICEFilePath`` of imap-data-access)."""

KERNELS = tuple(KERNEL_FOLDERS)

DESCRIPTORS = {
    "norm-gse": "MAG vectors at the normal rate, GSE.",
    "norm-gsm": "MAG vectors at the normal rate, GSM.",
    "norm-rtn": "MAG vectors at the normal rate, RTN.",
    "norm-srf": "MAG vectors at the normal rate, spacecraft frame.",
    "norm-dsrf": "MAG vectors at the normal rate, despun spacecraft frame.",
    "burst-gse": "MAG vectors at the burst rate, GSE.",
    "burst-rtn": "MAG vectors at the burst rate, RTN.",
    "sci": "The science product of SWAPI and of SWE.",
    "proton-sw": "SWAPI solar wind protons.",
    "alpha-sw": "SWAPI solar wind alpha particles.",
    "pui-he": "SWAPI helium pickup ions.",
    "hist": "GLOWS and Hi histograms.",
    "standard-intensity": "HIT intensities.",
    "summed-intensity": "HIT intensities, summed over bins.",
    "macropixel-intensity": "HIT intensities by direction.",
    "lo-sw-species": "CoDICE-Lo solar wind ions by species.",
    "hi-omni": "CoDICE-Hi ions from all directions.",
    "sci-10days": "IDEX dust events of ten days.",
    "ion-rate-profile": "GLOWS ionization rates over a Carrington rotation.",
    "raw": "Telemetry packets of level 0.",
}
