"""Decode the pictures of a sequence to arrays of one shape, on one grid of pixels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, codestream, header, reduce, samples
from sunpy_helio_plugins.helioviewer.jp2.packets import ImageBox
from sunpy_helio_plugins.helioviewer.jp2.region import RegionCut
from sunpy_helio_plugins.helioviewer.maps import header_repairs
from sunpy_helio_plugins.helioviewer.maps.physical import checked_keywords
from sunpy_helio_plugins.helioviewer.maps.read import picture_of, values_of
from sunpy_helio_plugins.helioviewer.maps.regions import Region
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture

if TYPE_CHECKING:
    from sunpy.map import GenericMap

__all__ = ["FrameDecoder", "GridBox", "SequenceFrame"]

_SCALE = re.compile(r"CDELT[12]|CRVAL[12]|CROTA[12]?|PC\d_\d|CD\d_\d")

_SMALL = 64
"""Pixels of the picture whose bytes are fetched first, for the header by which a region is located."""

_PREPARED = ("AIA", "SWAP")
"""Instruments whose data were divided by the exposure before they were stretched to bytes."""


@dataclass(frozen=True)
class GridBox:
    """
    A box of pixels in a picture whose first row is the lower one.

    Attributes
    ----------
    left, bottom : int
        The first column and row.
    columns, rows : int
        Its size.
    """

    left: int
    bottom: int
    columns: int
    rows: int

    @property
    def centre(self) -> tuple[float, float]:
        """The column and the row of its centre."""
        return self.left + (self.columns - 1) / 2, self.bottom + (self.rows - 1) / 2

    def moved(self, across: int, up: int) -> GridBox:
        """Return the box at another place."""
        return GridBox(self.left + across, self.bottom + up, self.columns, self.rows)

    def is_within(self, rows: int, columns: int) -> bool:
        """Return whether the box is inside a picture."""
        across = min(self.left, columns - self.left - self.columns)
        return min(across, self.bottom, rows - self.bottom - self.rows) >= 0

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Return the pixels in the box, the lower row first; those outside the picture are zero, or NaN in floats."""
        rows, columns = picture.shape
        if self.is_within(rows, columns):
            return picture[self.bottom : self.bottom + self.rows, self.left : self.left + self.columns]
        made = np.full((self.rows, self.columns), np.nan if picture.dtype.kind == "f" else 0, picture.dtype)
        low, left = max(self.bottom, 0), max(self.left, 0)
        high, right = min(self.bottom + self.rows, rows), min(self.left + self.columns, columns)
        if low < high and left < right:
            own = slice(low - self.bottom, high - self.bottom), slice(left - self.left, right - self.left)
            made[own] = picture[low:high, left:right]
        return made


@dataclass(frozen=True)
class SequenceFrame:
    """
    A decoded picture.

    Attributes
    ----------
    data : numpy.ndarray, shape (rows, columns)
        Its pixels, the lower row first.
    header : dict
        The header of its map.
    offset : tuple of float
        By how many pixels the same coordinates are further right and up than in the first picture, after rounding.
    """

    data: np.ndarray
    header: dict[str, Any] = field(repr=False)
    offset: tuple[float, float] = (0.0, 0.0)

    def __reduce__(self) -> Any:
        """Pickle zeros, the pixels of the picture that defines a grid, as their shape."""
        if any(self.data.strides):
            return SequenceFrame, (self.data, self.header, self.offset)
        return _zeros, (self.data.dtype.str, self.data.shape, self.header, self.offset)

    def without_pixels(self) -> SequenceFrame:
        """Return the frame with zero as all of its pixels, which takes no memory."""
        return replace(self, data=np.broadcast_to(np.zeros((), self.data.dtype), self.data.shape))

    def to_map(self) -> GenericMap:
        """Return the frame as a map."""
        import sunpy.map

        return sunpy.map.Map(self.data, self.header)


def _zeros(dtype: str, shape: tuple[int, int], own: dict[str, Any], offset: tuple[float, float]) -> SequenceFrame:
    """Return a frame with zero as all of its pixels."""
    return SequenceFrame(np.broadcast_to(np.zeros((), dtype), shape), own, offset)


@dataclass(frozen=True)
class FrameDecoder:
    """
    How pictures are decoded.

    Attributes
    ----------
    size : int or None
        The minimum number of pixels of the longer side of a picture, or `None` for its full size.
    physical : bool
        Whether bytes are converted to physical values.
    normalize : bool
        Whether values are divided by the exposure time.
    box : GridBox or None
        The region in the first picture.
    first : SequenceFrame or None
        The first picture, as a whole, which defines the grid; its pixels may be zero.
    halvings : int
        How often pictures are halved for a region at the size.
    """

    size: int | None = None
    physical: bool = False
    normalize: bool = False
    box: GridBox | None = None
    first: SequenceFrame | None = None
    halvings: int = 0

    def without_pixels(self) -> FrameDecoder:
        """Return the decoder without the pixels of the first picture, which are not used."""
        return self if self.first is None else replace(self, first=self.first.without_pixels())

    def located(self, region: Region | None, picture: Picture) -> FrameDecoder:
        """Return the decoder with the grid of the first picture, for the whole or a region of it."""
        if region is None:
            return replace(self, first=self._whole(picture))
        data = picture.beginning(_SMALL)
        with picture.named():
            shape = reduce.check_size(data)
            box = region(header.keywords(header.text_of(data)), shape)
        sized = self
        if self.size is not None:
            # The size of the complete image that is halved as often as the region may be.
            halvings = codestream.reductions(*box.shape, max(shape).bit_length(), self.size)
            sized = replace(self, size=-(-max(shape) >> halvings))
        first = sized._whole(picture) if self.size is not None or self.physical else sized._blank(data, shape, picture)
        halvings = round(math.log2(max(shape) / max(first.data.shape)))
        box_ = _grid_box(box.halved(halvings), first.data.shape[0])
        return replace(sized, first=first, box=box_, halvings=halvings)

    def _blank(self, data: bytes, shape: tuple[int, int], picture: Picture) -> SequenceFrame:
        """Return a picture of full size with its header, and with zero as all of its pixels."""
        start, end = boxes.codestream_at(data)
        with picture.named():
            found = samples.Components.read(data[start:end])
            zero = np.zeros((1, 1), f"{'i' if found.is_signed else 'u'}{1 if found.bits <= 8 else 2}")
            values, own, _ = values_of(zero, header.text_of(data), picture.name, False)
        values, own = self._normalized(values, own, picture.name)
        return SequenceFrame(np.broadcast_to(values, shape), own)

    def _whole(self, picture: Picture) -> SequenceFrame:
        loaded = picture.load(self.size)
        with picture.named():
            data, own = picture_of(loaded, picture.name, self.physical)
        # The first row of a file is the upper one, that of a map is the lower one.
        return SequenceFrame(*self._normalized(data[::-1], own, picture.name))

    def frame(self, picture: Picture) -> SequenceFrame:
        """Return the part of a picture that shows what the first one shows; raise `FileError` for another scale."""
        made = self._part(picture)
        if self.first is not None and made.data.shape != self.shape:
            raise FileError(
                f"{picture.name}: its size of {made.data.shape[1]} x {made.data.shape[0]} pixels differs from that of "
                f"the first image, {self.shape[1]} x {self.shape[0]}; make a sequence of the images of each size."
            )
        return made

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and columns of each frame."""
        assert self.first is not None  # noqa: S101 - for the type checker
        rows, columns = self.first.data.shape
        return (rows, columns) if self.box is None else (self.box.rows, self.box.columns)

    def cut_first(self) -> SequenceFrame:
        """Return the part of the first picture."""
        assert self.first is not None  # noqa: S101 - for the type checker
        if self.box is None:
            return self.first
        return SequenceFrame(self.box.cut(self.first.data), _cut_header(self.first.header, self.box))

    def _part(self, picture: Picture) -> SequenceFrame:
        if self.box is None:
            made = self._whole(picture)
            return replace(made, offset=self._offset(made.header, picture.name, made))
        if (found := self._cut(picture)) is not None:
            return found
        made = self._whole(picture)
        box, offset = self._moved(made.header, picture.name, made)
        return SequenceFrame(box.cut(made.data), _cut_header(made.header, box), offset)

    def _cut(self, picture: Picture) -> SequenceFrame | None:
        """Decode the region of a picture alone; `None` if a part of it is outside, or if it cannot be decoded."""
        offsets = []

        def locate(keys: dict[str, Any], shape: tuple[int, int]) -> ImageBox:
            halved = {**keys, **header.rescaled(keys, self.halvings, shape)}
            own = header_repairs.display_unit(header_repairs.repaired(halved, picture.name))
            box, offset = self._moved(own, picture.name, None)
            rows, columns = (-(-side >> self.halvings) for side in shape)
            if not box.is_within(rows, columns):
                raise FileError(f"A part of the region is outside of the image, which has {columns} x {rows} pixels.")
            offsets.append(offset)
            upper = rows - box.bottom - box.rows
            edges = (box.left, upper, box.left + box.columns, upper + box.rows)
            return ImageBox(*(edge << self.halvings for edge in edges)).within(shape)

        cut = RegionCut(locate, None, checked_keywords if self.physical else None, self.halvings)
        try:
            seen, text = picture.region(cut)
            with picture.named():
                data, own, _ = values_of(seen, text, picture.name, self.physical)
        except FileError:
            return None  # decoding the complete file raises the error
        return SequenceFrame(*self._normalized(data[::-1], own, picture.name), offsets[-1])

    def _moved(
        self, own: dict[str, Any], name: str, whole: SequenceFrame | None
    ) -> tuple[GridBox, tuple[float, float]]:
        """Return the box of the region in a picture, and what is left after rounding to pixels."""
        assert self.box is not None  # noqa: S101 - for the type checker
        across, up = self._offset(own, name, whole)
        moves = round(across), round(up)
        return self.box.moved(*moves), (across - moves[0], up - moves[1])

    def _offset(self, own: dict[str, Any], name: str, whole: SequenceFrame | None) -> tuple[float, float]:
        """Return by how many pixels the same coordinates are further right and up than in the first picture."""
        if self.first is None:
            return 0.0, 0.0
        mine, first = _grid(own), _grid(self.first.header)
        scales = {key for key in (*mine, *first) if _SCALE.fullmatch(key)}
        if all(math.isclose(mine.get(key, 0.0), first.get(key, 0.0), rel_tol=1e-9, abs_tol=1e-12) for key in scales):
            return mine["CRPIX1"] - first["CRPIX1"], mine["CRPIX2"] - first["CRPIX2"]
        return self._measured(own, name, whole)

    def _measured(self, own: dict[str, Any], name: str, whole: SequenceFrame | None) -> tuple[float, float]:
        """Compare the positions of three points in two pictures of different scales."""
        assert self.first is not None  # noqa: S101 - for the type checker
        data = whole.data if whole is not None else np.broadcast_to(np.uint8(0), self.first.data.shape)
        mine, first = SequenceFrame(data, own).to_map().wcs, self.first.to_map().wcs
        rows, columns = self.first.data.shape
        box = self.box or GridBox(0, 0, columns, rows)
        points = np.array([box.centre, (box.left, box.bottom), (box.left + box.columns - 1, box.bottom)]).T
        apart = np.array(mine.world_to_pixel_values(*first.pixel_to_world_values(*points))) - points
        if np.abs(apart - apart[:, :1]).max() > 0.5:
            raise FileError(
                f"{name}: its scale or rotation differs from that of the first image by more than half a pixel; use "
                "to_maps, and reproject the maps."
            )
        return float(apart[0, 0]), float(apart[1, 0])

    def _normalized(self, data: np.ndarray, own: dict[str, Any], name: str) -> tuple[np.ndarray, dict[str, Any]]:
        if not self.normalize or self.physical:
            return data, own
        values = {key.upper(): value for key, value in own.items()}
        unit = str(values.get("BUNIT", ""))
        instrument = str(values.get("INSTRUME", ""))
        if instrument.startswith(_PREPARED):
            raise QueryError(
                f"The images of {instrument} were divided by their exposure times before they were stretched to bytes: "
                "use physical=True, or omit normalize."
            )
        exposure = values.get("EXPTIME")
        if not isinstance(exposure, int | float) or not exposure > 0:
            raise FileError(f"{name}: its header does not contain the exposure time, EXPTIME.")
        key = next((one for one in own if one.upper() == "BUNIT"), "BUNIT")
        return data.astype(np.float32) / np.float32(exposure), own | ({key: f"{unit}/s"} if unit else {})


def _grid_box(box: ImageBox, rows: int) -> GridBox:
    """Return a box that counts rows from the upper edge of a picture as one that counts from the lower edge."""
    return GridBox(box.left, rows - box.lower, box.shape[1], box.shape[0])


def _grid(own: dict[str, Any]) -> dict[str, float]:
    """Return the keywords that define coordinates, as numbers."""
    found = {key.upper(): value for key, value in own.items() if isinstance(value, int | float)}
    kept = {key: float(value) for key, value in found.items() if _SCALE.fullmatch(key)}
    return {"CRPIX1": float(found.get("CRPIX1", 0)), "CRPIX2": float(found.get("CRPIX2", 0)), **kept}


def _cut_header(own: dict[str, Any], box: GridBox) -> dict[str, Any]:
    """Return the header of a part of a picture."""
    changed = dict(own)
    by_name = {key.upper(): key for key in own}
    for key, less in (("CRPIX1", box.left), ("CRPIX2", box.bottom)):
        if key in by_name:
            changed[by_name[key]] = own[by_name[key]] - less
    for key, size in (("NAXIS1", box.columns), ("NAXIS2", box.rows)):
        if key in by_name:
            changed[by_name[key]] = size
    return changed
