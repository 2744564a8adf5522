"""Zarr folders of images, which can be continued after an interruption."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sunpy_helio_plugins.arguments import one_path
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError, local
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.publish import whole_folder

__all__ = ["ZarrFolder", "library", "opened", "write_image"]

BLOCK = 64
"""The images after which the folder records that they are complete."""

LINE = 4096
"""The values in one chunk of the other arrays."""

_FUNCTION = "ImageSequence.to_zarr"


@dataclass
class ZarrFolder:
    """
    A folder to which images are written, each once.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    """

    path: Path
    _group: Any
    _done: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def missing(self) -> list[int]:
        """Return the numbers of the images that were not written."""
        return [int(number) for number in np.flatnonzero(self._group["written"][:] == 0)]

    def write(self, number: int, image: np.ndarray) -> None:
        """Write one image; it counts as written after `flush`, which the last of a block calls."""
        with local(self.path):
            self._group["images"][number] = image
        self.note(number)

    def note(self, number: int) -> None:
        """Count an image that a worker has written."""
        with self._lock:
            self._done.append(number)
            if len(self._done) >= BLOCK:
                self._record()

    def flush(self) -> None:
        """Record that the images are complete."""
        with self._lock:
            self._record()

    def _record(self) -> None:
        if self._done:
            with local(self.path):
                written = self._group["written"][:]
                written[self._done] = 1
                self._group["written"][:] = written
            self._done.clear()


def write_image(path: Path, number: int, image: np.ndarray) -> None:
    """Write one image to a folder that another process has opened, and that counts it then."""
    import zarr

    with local(path):
        zarr.open_array(path / "images", mode="r+")[number] = image


def library() -> Any:
    """Return zarr, or raise an error if it is not installed."""
    try:
        import zarr
    except ImportError:
        raise MissingDependencyError("Writing a Zarr folder", "zarr") from None
    return zarr


def opened(
    path: Any, shape: tuple[int, int, int], dtype: Any, pictures: Sequence[Picture], header: dict[str, Any]
) -> ZarrFolder:
    """Open a folder for pictures, or make it; raise `QueryError` if it contains other ones."""
    folder, zarr = one_path(_FUNCTION, path, folder=True), library()
    names = [one.name for one in pictures]
    stamps = np.array([one.time for one in pictures], "M8[us]").astype(np.int64)
    with local(folder):
        if folder.exists() and any(folder.iterdir()):
            group = _continued(zarr, folder, shape, np.dtype(dtype), names, header)
        else:
            with whole_folder(folder) as part:
                _make(zarr, part, shape, np.dtype(dtype), header)
            group = zarr.open_group(folder, mode="r+")
        group["time"][:] = stamps
        group.attrs["names"] = names
    return ZarrFolder(folder, group)


def _make(zarr: Any, folder: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], header: dict[str, Any]) -> None:
    """Make the arrays of a folder, which contains no image yet."""
    group = zarr.open_group(folder, mode="w")
    kinds: tuple[tuple[Any, ...], ...] = (
        ("images", shape, (1, *shape[1:]), dtype, ("time", "y", "x"), {}),
        ("time", shape[:1], (LINE,), np.int64, ("time",), {"units": "microseconds since 1970-01-01"}),
        ("written", shape[:1], (LINE,), np.int8, ("time",), {}),
    )
    for name, size, chunks, kind, dimensions, told in kinds:
        group.create_array(
            name, shape=size, chunks=chunks, dtype=kind, fill_value=0, dimension_names=dimensions, attributes=told
        )
    group.attrs["header"], group.attrs["names"] = _plain(header), []


def _plain(header: dict[str, Any]) -> Any:
    """Return a header as it is in JSON."""
    return kept_json(json.dumps(header, default=str))


def _meaning(header: dict[str, Any]) -> dict[str, str]:
    """Return the keywords that define coordinates and the unit of values, as texts."""
    return {key.upper(): str(value) for key, value in header.items() if _MEANING.fullmatch(key.upper())}


_MEANING = re.compile(r"(CRPIX|CRVAL|CDELT|CUNIT|CTYPE|CROTA)[12]|CROTA|PC\d_\d|CD\d_\d|BUNIT")


def _continued(
    zarr: Any, folder: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], names: list[str],
    header: dict[str, Any],
) -> Any:  # fmt: skip
    """Return the folder of the same images, extended by those at the end; raise `QueryError` for other ones."""
    try:
        group = zarr.open_group(folder, mode="r+")
        known, told = [str(name) for name in group.attrs["names"]], _meaning(group.attrs["header"])
        images, written = group["images"], group["written"][:]
        are_arrays = images.ndim == 3 and group["time"].ndim == written.ndim == 1
    except Exception as error:  # of zarr and its codecs, by what was changed
        raise QueryError(
            f"{_FUNCTION} takes a new folder or one that it made: {folder} contains other files, or is damaged; give "
            "another path."
        ) from error
    if not are_arrays or names[: len(known)] != known or images.shape[1:] != shape[1:] or images.dtype != dtype:
        first = f", from {known[0]} on" if known else ""
        raise QueryError(
            f"{_FUNCTION} continues a folder with the same images: {folder} contains {len(known)} images of "
            f"{' x '.join(map(str, reversed(images.shape[1:])))} pixels ({images.dtype}){first}; give another path."
        )
    own = _meaning(_plain(header))
    if differing := sorted(key for key in {*own, *told} if own.get(key) != told.get(key)):
        raise QueryError(
            f"{_FUNCTION} continues a folder with the same region and values: the images in {folder} have another "
            f"{' and '.join(differing)}; give another path."
        )
    for name in ("images", "time", "written"):
        group[name].resize((len(names), *group[name].shape[1:]))
    return group
