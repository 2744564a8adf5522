"""One file by its bare name, without a search."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import sunpy

from sunpy_helio_plugins.errors import QueryError, TransferError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap import filenames, integrity, service
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.imap.service import data_dir
from sunpy_helio_plugins.transport.files import queue
from sunpy_helio_plugins.transport.files.job import Download

__all__ = ["download"]


def download(name: str | Path, path: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """
    Fetch a file whose name is known.

    Parameters
    ----------
    name : str or pathlib.Path
        The file's name; folders before it do not matter, since the SDC's tree follows from the name.
    path : str or pathlib.Path, optional
        The folder above that tree. Defaults to ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or sunpy's download folder.
    overwrite : bool, optional
        Whether to fetch it although it is there.

    Returns
    -------
    pathlib.Path
        Where it is.

    Raises
    ------
    QueryError
        The name follows no convention.
    TransferError
        The file did not arrive: the archive has none of that name, or has not released it, or cannot be reached.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf")  # doctest: +SKIP
    """
    bare = inputs.one_path("imap.download", name, folder=True).name
    key = filenames.key_of(bare)
    if key is None:
        raise QueryError(f"{bare!r} follows none of the SDC's conventions; search for the file by other words.")
    folder = data_dir() if path is None else inputs.one_path("imap.download", path, folder=True)
    if folder is None:
        folder = Path(sunpy.config.get("downloads", "download_dir"))
    target = folder.expanduser() / key
    url, login = (ialirt.url_of(bare), None) if filenames.is_daily(bare) else service.download_url(key)
    check, complete = partial(integrity.check, name=bare), partial(integrity.looks_complete, name=bare)
    job = Download(url, target, service.ARCHIVE, check, login=login, is_complete=complete)
    downloader = queue.Downloader(progress=False)
    queue.enqueue(downloader, [job], overwrite)
    results = downloader.download()
    for error in results.errors:
        raise TransferError(f"{error.exception}")
    return target
