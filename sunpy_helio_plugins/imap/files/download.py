"""Download of files by their names, without a search."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import sunpy

from sunpy_helio_plugins.arguments import FLAG, shown, taking
from sunpy_helio_plugins.errors import DiskError, QueryError, TransferError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap import filenames, integrity, service
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.imap.service import data_dir
from sunpy_helio_plugins.transport.files import queue
from sunpy_helio_plugins.transport.files.job import Download

__all__ = ["download", "download_all", "tree_folder"]


@taking("imap.download", overwrite=FLAG)
def download(name: str | Path, path: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """
    Download a file with a known name.

    Parameters
    ----------
    name : str or pathlib.Path
        The name of the file. Folders before it are ignored, since the name determines its path in the tree of the SDC.
    path : str or pathlib.Path, optional
        The folder above that tree. Defaults to ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or the download folder of
        sunpy.
    overwrite : bool, optional
        Whether to download the file even if it exists.

    Returns
    -------
    pathlib.Path
        The path of the file.

    Raises
    ------
    QueryError
        The name does not follow a convention.
    TransferError
        The download failed: the file does not exist or is not released, or the archive cannot be reached.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf").name
    'imap_mag_l2_norm-gse_20260110_v001.0002.cdf'
    """
    bare = inputs.one_path("imap.download", name, folder=True).name
    if filenames.key_of(bare) is None:
        raise QueryError(f"{shown(bare)} does not follow the SDC's naming conventions; find the file with Fido.search.")
    (found,) = download_all([bare], tree_folder("imap.download", path), overwrite=overwrite)
    return found


def tree_folder(function: str, path: str | Path | None) -> Path:
    """Return the folder above the tree of the SDC, from an argument or the settings."""
    folder = data_dir() if path is None else inputs.one_path(function, path, folder=True)
    if folder is None:
        folder = Path(sunpy.config.get("downloads", "download_dir"))
    return folder.expanduser()


def download_all(names: Sequence[str], folder: Path, *, overwrite: bool = False, progress: bool = False) -> list[Path]:
    """Download files to the tree of the SDC below a folder and return their paths; each name follows a convention."""
    targets = [folder / (filenames.key_of(name) or name) for name in names]
    downloader = queue.Downloader(progress=progress)
    queue.enqueue(downloader, list(map(_job, targets)), overwrite)
    with queue.downloaded(downloader) as results:
        errors = [error.exception for error in results.errors]
    for error in errors:
        if isinstance(error, DiskError):
            raise error
    if errors:
        raise TransferError("; ".join(map(str, errors)))
    return targets


def _job(target: Path) -> Download:
    name = target.name
    key = filenames.key_of(name) or name
    url, login = (ialirt.url_of(name), None) if filenames.is_daily(name) else service.download_url(key)
    check, complete = partial(integrity.check, name=name), partial(integrity.looks_complete, name=name)
    return Download(url, target, service.ARCHIVE, check, login=login, is_complete=complete)
