"""The files of images that are given as paths, addresses, rows of a search, or lists of these."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, unquote

import numpy as np
from astropy.table import Row

from sunpy_helio_plugins.arguments import address_parts, is_several, refused
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer.jp2 import boxes, jpx, reduce
from sunpy_helio_plugins.helioviewer.maps.regions import Region, cut_of
from sunpy_helio_plugins.helioviewer.media import checks
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.helioviewer.tables import HelioviewerTable
from sunpy_helio_plugins.transport.files.naming import safe_name
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload
from sunpy_helio_plugins.transport.files.queue import Downloader, downloaded, enqueue

__all__ = ["LocalImage", "is_single", "linked_images", "local_images"]

ALLOWED = "files, addresses of files, or images of a search"


class LocalImage(NamedTuple):
    """
    A file with an image.

    Attributes
    ----------
    path : pathlib.Path
        Its path.
    is_cut : bool
        Whether it contains the region at the size already, since only that was downloaded.
    """

    path: Path
    is_cut: bool


_Item: TypeAlias = Path | str | HelioviewerTable
"""A file, the address of one, or a table of one row."""


def is_single(images: Any) -> bool:
    """Return whether one image is given, and not a list or table of them."""
    return isinstance(images, str | os.PathLike | Row)


@contextlib.contextmanager
def local_images(function: str, images: Any, size: int | None, region: Region | None) -> Iterator[list[LocalImage]]:
    """Yield the files of images; those that are downloaded exist within the block only."""
    items = _items(function, images)
    if all(isinstance(item, Path) for item in items):
        yield [LocalImage(item, False) for item in items if isinstance(item, Path)]
        return
    with TemporaryDirectory() as folder:
        yield _local(items, Path(folder), size, region)


def linked_images(
    file: Path, frames: Sequence[jpx.Frame], folder: Path, size: int | None, region: Region | None
) -> list[LocalImage]:
    """Return the files to which frames of a JPX file refer: beside it, or downloaded from the archive to a folder."""
    return _local([_target(file, frame) for frame in frames], folder, size, region)


def _target(file: Path, frame: jpx.Frame) -> _Item:
    beside = file.parent / safe_name(frame.name)
    if beside.is_file():
        return beside
    if frame.path is None:
        raise FileError(
            f"{file.name}: frame {frame.number} refers to {frame.link!r}, which is neither a path of Helioviewer's "
            f"archive nor the name of a file beside this one. Put {frame.name or 'the file'} into its folder."
        )
    return f"{conf.helioviewer.jp2_url.rstrip('/')}{quote(frame.path)}"


def _items(function: str, images: Any) -> list[_Item]:
    if isinstance(images, str | os.PathLike):
        return [_path_or_url(function, images)]
    if is_several(images) and not isinstance(images, Mapping) and not hasattr(images, "colnames"):
        parts = list(images)
        if parts and all(isinstance(one, str | os.PathLike) for one in parts):
            return [_path_or_url(function, one) for one in parts]
    tables = inputs.tables(function, images, HelioviewerTable, ALLOWED)
    found = [
        table[number : number + 1]
        for table in tables
        for number in np.flatnonzero(~np.broadcast_to(getattr(table["Path"], "mask", False), len(table))).tolist()
    ]
    if not found and any(map(len, tables)):
        raise QueryError(f"{function} needs at least one image, but the rows do not have any.")
    return found


def _path_or_url(function: str, given: Any) -> _Item:
    if isinstance(given, str) and given.lower().startswith(("https://", "http://")):
        if not address_parts(given).hostname:
            raise refused(function, given, "the URL or the path of a file")
        return given
    return inputs.one_path(function, given)


def _local(items: Sequence[_Item], folder: Path, size: int | None, region: Region | None) -> list[LocalImage]:
    """Return the files of images, after the download of those that are not on the disk."""
    downloader = Downloader(progress=False)
    for number, item in enumerate(items):
        target = folder / str(number)
        if isinstance(item, str):
            enqueue(downloader, [_download(item, target, size, region)])
        elif not isinstance(item, Path):
            item.client.fetch(item, path=target / "{file}", downloader=downloader, size=size, region=region)
    with downloaded(downloader) as results:
        for error in results.errors:
            raise error.exception
    found = []
    for number, item in enumerate(items):
        path = item if isinstance(item, Path) else next((folder / str(number)).iterdir())
        is_cut = not isinstance(item, Path) and not (isinstance(item, str) and _is_container(item))
        found.append(LocalImage(path, is_cut))
    return found


def _is_container(url: str) -> bool:
    return address_parts(url).path.lower().endswith(".jpx")


def _download(url: str, folder: Path, size: int | None, region: Region | None) -> PrefixDownload:
    """Return the download of a file, or of the parts that are needed."""
    name = unquote(address_parts(url).path).rpartition("/")[2]
    if _is_container(url):
        accept = partial(checks.accept, PROVIDER, "JPX")
        return PrefixDownload(url, folder / safe_name(name, "image.jpx"), PROVIDER, accept=accept)
    told: dict[str, Any] = {"accept": boxes.accept} if size is None else reduce.plan(size)
    if region is not None:
        told = cut_of(region, size).plan()
    return PrefixDownload(url, folder / safe_name(name, "image.jp2"), PROVIDER, **told)
