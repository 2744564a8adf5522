"""
IMAP: files of NASA's Interstellar Mapping and Acceleration Probe, from its Science Data Center.

``Fido.search(a.Time(...), a.imap.File(), a.Instrument("mag"), a.Level("l2"))`` searches for files, `open` opens
those of a product as one data set, `read` reads them as a table, `quicklook` plots tables, and `to_timeseries`,
`to_xarray` and `to_ndcube` convert them. `to_skymap` gives maps their coordinates, `plot_skymap` plots the sky, and
`to_spectra` gives spectra their energies, which `plot_spectra` plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.imap import attrs
    from sunpy_helio_plugins.imap.dataset.meanings import flags
    from sunpy_helio_plugins.imap.dataset.product import IMAPDataset, open  # noqa: A004
    from sunpy_helio_plugins.imap.endpoints.rows import rows
    from sunpy_helio_plugins.imap.endpoints.spice import metakernel
    from sunpy_helio_plugins.imap.files.comparison import compare
    from sunpy_helio_plugins.imap.files.download import download
    from sunpy_helio_plugins.imap.files.kernels import kernels, repoint_table, spin_table
    from sunpy_helio_plugins.imap.files.operations import ServiceRequest, release, reprocess
    from sunpy_helio_plugins.imap.files.packets import PacketFile, packets
    from sunpy_helio_plugins.imap.files.read import epochs, read
    from sunpy_helio_plugins.imap.files.sync import Synced, sync
    from sunpy_helio_plugins.imap.files.upload import Uploaded, upload
    from sunpy_helio_plugins.imap.ialirt_tables import realtime
    from sunpy_helio_plugins.imap.maps.all_sky import plot_skymap
    from sunpy_helio_plugins.imap.maps.skymap import to_skymap
    from sunpy_helio_plugins.imap.search import unreleased
    from sunpy_helio_plugins.imap.tables import IMAPTable
    from sunpy_helio_plugins.imap.views.spectra import to_spectra
    from sunpy_helio_plugins.imap.views.spectrogram import plot_spectra
    from sunpy_helio_plugins.imap.views.timeseries import IMAPTimeSeries, to_timeseries
    from sunpy_helio_plugins.series.export import to_xarray
    from sunpy_helio_plugins.series.views.cube import to_ndcube
    from sunpy_helio_plugins.series.views.quicklook import quicklook

__all__ = [
    "IMAPDataset",
    "IMAPTable",
    "IMAPTimeSeries",
    "PacketFile",
    "ServiceRequest",
    "Synced",
    "Uploaded",
    "attrs",
    "compare",
    "download",
    "epochs",
    "flags",
    "kernels",
    "metakernel",
    "open",
    "packets",
    "plot_skymap",
    "plot_spectra",
    "quicklook",
    "read",
    "realtime",
    "release",
    "repoint_table",
    "reprocess",
    "rows",
    "spin_table",
    "sync",
    "to_ndcube",
    "to_skymap",
    "to_spectra",
    "to_timeseries",
    "to_xarray",
    "unreleased",
    "upload",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.imap.dataset.meanings": ("flags",),
        "sunpy_helio_plugins.imap.dataset.product": ("IMAPDataset", "open"),
        "sunpy_helio_plugins.imap.endpoints.rows": ("rows",),
        "sunpy_helio_plugins.imap.endpoints.spice": ("metakernel",),
        "sunpy_helio_plugins.imap.files.comparison": ("compare",),
        "sunpy_helio_plugins.imap.files.download": ("download",),
        "sunpy_helio_plugins.imap.files.kernels": ("kernels", "repoint_table", "spin_table"),
        "sunpy_helio_plugins.imap.files.operations": ("ServiceRequest", "release", "reprocess"),
        "sunpy_helio_plugins.imap.files.packets": ("PacketFile", "packets"),
        "sunpy_helio_plugins.imap.files.read": ("epochs", "read"),
        "sunpy_helio_plugins.imap.files.sync": ("Synced", "sync"),
        "sunpy_helio_plugins.imap.files.upload": ("Uploaded", "upload"),
        "sunpy_helio_plugins.imap.ialirt_tables": ("realtime",),
        "sunpy_helio_plugins.imap.maps.all_sky": ("plot_skymap",),
        "sunpy_helio_plugins.imap.maps.skymap": ("to_skymap",),
        "sunpy_helio_plugins.imap.search": ("unreleased",),
        "sunpy_helio_plugins.imap.tables": ("IMAPTable",),
        "sunpy_helio_plugins.imap.views.spectra": ("to_spectra",),
        "sunpy_helio_plugins.imap.views.spectrogram": ("plot_spectra",),
        "sunpy_helio_plugins.imap.views.timeseries": ("IMAPTimeSeries", "to_timeseries"),
        "sunpy_helio_plugins.series.export": ("to_xarray",),
        "sunpy_helio_plugins.series.views.cube": ("to_ndcube",),
        "sunpy_helio_plugins.series.views.quicklook": ("quicklook",),
    },
    submodules=("attrs",),
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
