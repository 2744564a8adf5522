"""Zarr folders of images, which can be continued after an interruption."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sunpy_helio_plugins.arguments import one_path
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError, local
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture

__all__ = ["ZarrFolder", "opened"]

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
        with local(self.path, "write"):
            self._group["images"][number] = image
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
            with local(self.path, "write"):
                written = self._group["written"][:]
                written[self._done] = 1
                self._group["written"][:] = written
            self._done.clear()


def opened(
    path: Any, shape: tuple[int, int, int], dtype: Any, pictures: Sequence[Picture], header: dict[str, Any]
) -> ZarrFolder:
    """Open a folder for pictures, or make it; raise `QueryError` if it contains other ones."""
    folder = one_path(_FUNCTION, path, folder=True)
    try:
        import zarr
    except ImportError:
        raise MissingDependencyError("Writing a Zarr folder", "zarr") from None
    names = [one.name for one in pictures]
    stamps = np.array([one.time for one in pictures], "M8[us]").astype(np.int64)
    with local(folder, "write"):
        if folder.exists() and any(folder.iterdir()):
            group = _continued(zarr, folder, shape, np.dtype(dtype), names)
        else:
            group = _made(zarr, folder, shape, np.dtype(dtype), header)
        group["time"][:] = stamps
        group.attrs["names"] = names
    return ZarrFolder(folder, group)


def _made(zarr: Any, folder: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], header: dict[str, Any]) -> Any:
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
    group.attrs["header"] = json.loads(json.dumps(header, default=str))
    return group


def _continued(zarr: Any, folder: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], names: list[str]) -> Any:
    """Return the folder of the same images, extended by those at the end; raise `QueryError` for other ones."""
    try:
        group = zarr.open_group(folder, mode="r+")
        known = list(group.attrs["names"])
        images = group["images"]
    except (KeyError, ValueError, OSError) as error:
        raise QueryError(
            f"{_FUNCTION} takes a new folder or one that it made: {folder} contains other files; give another path."
        ) from error
    if names[: len(known)] != known or images.shape[1:] != shape[1:] or images.dtype != dtype:
        raise QueryError(
            f"{_FUNCTION} continues a folder with the same images: {folder} contains {len(known)} images of "
            f"{images.shape[2]} x {images.shape[1]} pixels ({images.dtype}), from {known[0]} on; give another path."
        )
    for name in ("images", "time", "written"):
        group[name].resize((len(names), *group[name].shape[1:]))
    return group
