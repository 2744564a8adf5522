"""
Extract a smaller image from the beginning of a JPEG 2000 codestream, as a separate codestream.

Helioviewer's files are ordered by resolution (progression RPCL), and PLT markers give the length of each packet: a
reduced resolution needs a prefix of known length (ISO/IEC 15444-1, annexes A and B). With a corresponding header, the
prefix is a smaller image, whose pixels are those of the complete image decoded at that reduction, without encoding it
again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError

__all__ = ["CodestreamLayout", "PacketOrder", "cut", "levels", "reductions", "smaller"]

_SOC, _SIZ, _COD, _QCD, _SOT, _SOD, _EOC, _PLT, _COM, _TLM = (
    0xFF4F, 0xFF51, 0xFF52, 0xFF5C, 0xFF90, 0xFF93, 0xFFD9, 0xFF58, 0xFF64, 0xFF55,
)  # fmt: skip
_SOP, _EPH = 0xFF91, 0xFF92
"""Markers at the start of a packet and at the end of its header, if the style of the codestream has them."""
_RESOLUTION_FIRST = (1, 2)
"""Progressions RLCP and RPCL."""
_RPCL = 2
"""The progression of Helioviewer's files: by resolution, position, component and layer."""
_MOST_PROGRESSION, _MOST_LEVELS = 4, 32
_DERIVED = 1
"""The style of quantization steps that are computed from the step of the coarsest subband."""

_Segments: TypeAlias = dict[int, list[bytes]]


class PacketOrder(NamedTuple):
    """The resolution of each packet in the order of the codestream, and the column and the row of its precinct."""

    resolution: NDArray[np.int64]
    across: NDArray[np.int64]
    down: NDArray[np.int64]


@dataclass(frozen=True)
class CodestreamLayout:
    """
    The layout of a codestream, from its markers.

    Attributes
    ----------
    width, height : int
        Size of the image.
    levels : int
        How often it can be halved.
    packets : int
        The offset of the first packet in the codestream.
    lengths : numpy.ndarray of int
        Lengths of the packets, as far as they are known.
    """

    width: int
    height: int
    levels: int
    packets: int
    lengths: np.ndarray
    _main: _Segments
    _counts: tuple[int, ...]

    @classmethod
    def read(cls, codestream: bytes) -> CodestreamLayout | int | None:
        """
        Read the markers at the beginning of a codestream.

        An integer is the number of bytes that are needed to continue; `None` means that a prefix is not sufficient.
        """
        try:
            return cls._read(codestream)
        except (struct.error, IndexError):
            return None  # damaged markers: decoding the complete file raises the error

    @classmethod
    def _read(cls, codestream: bytes) -> CodestreamLayout | int | None:
        main = _segments(codestream, 2, _SOT)
        if not isinstance(main, tuple):
            return main
        segments, at = main
        if len(codestream) < at + 12:
            return at + 4096
        tile, _, part, _ = struct.unpack_from(">HIBB", codestream, at + 4)
        inner = _segments(codestream, at + 12, _SOD)
        if not isinstance(inner, tuple):
            return inner
        if not _simple(segments, inner[0]) or tile or part:
            return None
        made = cls._made(segments, inner[1] + 2, _packet_lengths(inner[0][_PLT]))
        return made if len(made.lengths) == sum(made._counts) else None

    @classmethod
    def _made(cls, main: _Segments, packets: int, lengths: np.ndarray) -> CodestreamLayout:
        width, height = struct.unpack_from(">II", main[_SIZ][0], 2)
        components = struct.unpack_from(">H", main[_SIZ][0], 34)[0]
        cod = main[_COD][0]
        layers, levels = struct.unpack_from(">H", cod, 2)[0], cod[5]
        counts = []
        for resolution in range(levels + 1):
            size = cod[10 + resolution] if cod[0] & 1 else 0xFF
            shift = levels - resolution
            across, down = -(-width >> ((size & 15) + shift)), -(-height >> ((size >> 4) + shift))
            counts.append(across * down * components * layers)
        return cls(width, height, levels, packets, lengths, main, tuple(counts))

    @property
    def is_by_resolution(self) -> bool:
        """Whether a smaller image is at the beginning."""
        return self._main[_COD][0][1] in _RESOLUTION_FIRST

    @property
    def progression(self) -> int:
        """The order of the packets: 0 to 4 for LRCP, RLCP, RPCL, PCRL and CPRL."""
        return self._main[_COD][0][1]

    @property
    def layers(self) -> int:
        """The number of quality layers."""
        return int.from_bytes(self._main[_COD][0][2:4], "big")

    @property
    def components(self) -> int:
        """The number of components."""
        return int.from_bytes(self._main[_SIZ][0][34:36], "big")

    @property
    def precincts(self) -> tuple[tuple[int, int], ...]:
        """The exponents of the width and the height of the precincts of each resolution, the coarsest first."""
        cod = self._main[_COD][0]
        sizes = cod[10 : 11 + self.levels] if cod[0] & 1 else b"\xff" * (self.levels + 1)
        return tuple((size & 15, size >> 4) for size in sizes)

    @cached_property
    def order(self) -> PacketOrder:
        """The packets in the order of the codestream."""
        parts = []
        for level, (wide, high) in enumerate(self.precincts):
            shift = self.levels - level
            counts = -(-self.height >> (high + shift)), -(-self.width >> (wide + shift))
            places = np.indices((*counts, self.components, self.layers)).reshape(4, -1)
            # The places of the precincts on the grid of the complete image, by which the packets may be ordered.
            grid = places[:2] << np.array([[high + shift], [wide + shift]])
            parts.append(np.vstack([np.full(places.shape[1], level), places, grid]))
        resolution, down, across, component, layer, y, x = np.hstack(parts)
        if self.progression == _RPCL:
            return PacketOrder(resolution, across, down)
        keys = {
            0: (layer, resolution, component, down, across),
            1: (resolution, layer, component, down, across),
            3: (y, x, component, resolution, layer),
            4: (component, y, x, resolution, layer),
        }[self.progression]
        order = np.lexsort(keys[::-1])
        return PacketOrder(resolution[order], across[order], down[order])

    def empty_packets(self, first: int, last: int) -> bytes:
        """Return packets without code-blocks, in place of those with numbers from ``first`` to before ``last``."""
        style = self._main[_COD][0][0]
        packet = b"\0" + (struct.pack(">H", _EPH) if style & 4 else b"")
        if not style & 2:
            return packet * (last - first)
        return b"".join(struct.pack(">HHH", _SOP, 4, number & 0xFFFF) + packet for number in range(first, last))

    def can_be_halved(self, halvings: int) -> bool:
        """Return whether a smaller image can have the quantization of this one, which may depend on its levels."""
        return not halvings or self._main[_QCD][0][0] & 31 != _DERIVED

    def end(self, halvings: int) -> int:
        """Return the offset after the packets of an image that is halved a number of times."""
        return self.packets + int(self.lengths[: sum(self._counts[: self.levels - halvings + 1])].sum())


def levels(codestream: bytes) -> int:
    """Return how often an image can be halved; raise `FileError` if the markers are damaged."""
    main = _segments(codestream, 2, _SOT)
    if not isinstance(main, tuple) or len(cod := main[0].get(_COD, [b""])[0]) < 6:
        raise FileError("The markers of the codestream are damaged.")
    return cod[5]


def reductions(width: int, height: int, levels: int, size: int) -> int:
    """Return how often, up to ``levels``, an image can be halved such that its longer side has ``size`` pixels."""
    return max((n for n in range(levels + 1) if -(-max(width, height) >> n) >= size), default=0)


def cut(codestream: bytes, layout: CodestreamLayout, halvings: int) -> bytes | None:
    """
    Return an image that is halved a number of times as a separate codestream, or `None` if this is not possible.

    It is not possible if the quantization steps are given in a form that depends on the complete image.
    """
    end = layout.end(halvings)
    if len(codestream) < end or not layout.can_be_halved(halvings):
        return None
    return smaller(layout, halvings, codestream[layout.packets : end])


def smaller(layout: CodestreamLayout, halvings: int, packets: bytes) -> bytes:
    """Return a codestream of an image that is halved a number of times (see `can_be_halved`), from its packets."""
    left = layout.levels - halvings
    quantization = _quantization(layout._main[_QCD][0], left) if halvings else layout._main[_QCD][0]
    siz = bytearray(layout._main[_SIZ][0])
    sides = [-(-side >> halvings) for side in (layout.width, layout.height)]
    struct.pack_into(">IIIIIIII", siz, 2, *sides, 0, 0, *sides, 0, 0)
    cod = bytearray(layout._main[_COD][0])
    cod[5] = left
    del cod[(11 + left if cod[0] & 1 else 10) :]
    main = b"".join(_segment(*one) for one in ((_SIZ, siz), (_COD, cod), (_QCD, quantization)))
    tile = struct.pack(">HHHIBB", _SOT, 10, 0, 14 + len(packets), 0, 1) + struct.pack(">H", _SOD)
    return struct.pack(">H", _SOC) + main + tile + packets + struct.pack(">H", _EOC)


def _segment(marker: int, body: bytes | bytearray) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + bytes(body)


def _segments(data: bytes, at: int, until: int) -> tuple[_Segments, int] | int | None:
    """Return the marker segments up to a marker, and its offset; or the bytes needed; or `None` for other layouts."""
    found: _Segments = {}
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == until:
            return found, at
        if not 0xFF4F <= marker <= 0xFF6F or marker == _SOT or length < 2:
            return None
        found.setdefault(marker, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
    return at + 4096


def _simple(main: _Segments, tile: _Segments) -> bool:
    """Return whether there is a single tile at the origin, with the lengths of its packets together."""
    if not {_SIZ, _COD, _QCD} <= set(main) <= {_SIZ, _COD, _QCD, _COM, _TLM} or not {_PLT} <= set(tile) <= {_PLT, _COM}:
        return False
    width, height, left, top, across, down, *offset = struct.unpack_from(">IIIIIIII", main[_SIZ][0], 2)
    one_tile = (left, top, *offset) == (0, 0, 0, 0) and across >= width and down >= height
    samples = main[_SIZ][0][36:]
    full = all(samples[k + 1] == samples[k + 2] == 1 for k in range(0, len(samples) - 2, 3))
    return one_tile and full and _is_allowed(main[_COD][0])


def _is_allowed(cod: bytes) -> bool:
    """Return whether the order, the number of levels and the precincts are ones that the standard allows."""
    sizes = cod[11 : 11 + cod[5]] if cod[0] & 1 else b""
    return cod[1] <= _MOST_PROGRESSION and cod[5] <= _MOST_LEVELS and all(one & 15 and one >> 4 for one in sizes)


def _packet_lengths(segments: list[bytes]) -> np.ndarray:
    """Return the lengths in PLT segments: numbers of seven bits per byte, whose last byte has the eighth bit unset."""
    data = np.frombuffer(b"".join(one[1:] for one in sorted(segments, key=lambda one: one[0])), np.uint8)
    last = np.flatnonzero(data < 0x80)
    if not last.size:
        return np.empty(0, np.int64)
    first = np.concatenate([[0], last[:-1] + 1])
    values = np.zeros(len(last), np.int64)
    for k in range(int((last - first).max()) + 1):
        within = first + k <= last
        values[within] = (values[within] << 7) | (data[(first + k)[within]] & 0x7F)
    return values


def _quantization(body: bytes, levels: int) -> bytes:
    """Return the steps of the remaining subbands, which are ordered from the coarsest on."""
    style = body[0] & 31
    return body[: 1 + (3 * levels + 1) * (2 if style == 2 else 1)]
