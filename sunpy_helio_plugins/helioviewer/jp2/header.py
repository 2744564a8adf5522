"""Read the header of a Helioviewer file: the XML box, with one element for each FITS keyword."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2.boxes import SIGNATURE, box_at

__all__ = [
    "FIRST_BYTES",
    "added",
    "box",
    "cropped",
    "file_header",
    "keywords",
    "missing",
    "replaced",
    "rescaled",
    "text_of",
]

FIRST_BYTES = 16384
"""The bytes that contain the header of Helioviewer's files: headers are 4 to 7 kB long (files of 2005 to 2024)."""

_PER_PIXEL = re.compile(r"CDELT[12][A-Z]?|CD\d_\d[A-Z]?")

_LENGTHS = frozenset({"R_SUN", "FNDLMBMI", "FNDLMBMA"})

_LENGTHS_OF = {"EIT": frozenset({"SOLAR_R"}), "MDI": frozenset({"RADIUS"})}
"""Keywords in pixels: the Sun's radius, and GONG's axes of the limb; elsewhere SOLAR_R is in arcseconds."""

_COLUMNS, _ROWS = frozenset({"FNDLMBXC"}), frozenset({"FNDLMBYC"})

_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|\w+);)")


def text_of(data: bytes | memoryview) -> str:
    """Return the text of the first XML box in a file or its beginning; raise `FileError` if it is incomplete."""
    if bytes(data[:12]) != SIGNATURE:
        raise FileError(f"This is not a JPEG 2000 file: it begins with {bytes(data[:12])!r}.")
    at = 0
    while at + 8 <= len(data):
        length, kind, head = box_at(data, at)
        if kind == b"xml ":
            if at + length > len(data):
                raise FileError(f"The header extends beyond the {len(data)} bytes that were read.")
            return bytes(data[at + head : at + length]).decode("utf-8", "replace").strip("\0 \n\r\t\ufeff")
        at += length
    raise FileError("The JPEG 2000 file does not contain a header at its beginning.")


def missing(data: bytes) -> tuple[int, int | None] | None:
    """
    Return the range of bytes of a header that is incomplete in the beginning of a file, or `None` if there is no more.

    An end of `None` is the end of the file, since some programs write the header after the image.
    """
    at = 0
    while at + 8 <= len(data):
        length, kind, _ = box_at(data, at)
        if kind == b"xml ":
            return (len(data), at + length) if at + length > len(data) else None
        if data[at : at + 4] == bytes(4):  # this box extends to the end of the file
            return None
        at += length
    return at, None


def keywords(text: str) -> dict[str, Any]:
    """Return a header's keywords with values as integers, floats or texts; raise `FileError` if the text is not XML."""
    try:
        # Some programs did not write & as &amp;.
        root = ET.fromstring(_AMPERSAND.sub("&amp;", text))  # noqa: S314 - expat does not expand external entities
    except ET.ParseError as error:
        raise FileError(f"The header of the file is not valid XML: {error}") from error
    found: dict[str, Any] = {}
    history = []
    for node in root.iter():
        if node.tag in ("HISTORY", "COMMENT"):
            history.append(node.attrib.get("comment") or (node.text or "").strip())
        elif node.text is not None:
            found[node.tag] = _value(node.text)
    return {**found, "HISTORY": "\n".join(one for one in history if one)}


def _value(text: str) -> int | float | str:
    stripped = text.strip()
    for kind in (int, float):
        try:
            return kind(stripped) if "_" not in stripped else stripped
        except ValueError:
            continue
    return stripped


def rescaled(header: dict[str, Any], halvings: int, shape: tuple[int, int]) -> dict[str, Any]:
    """
    Return the keywords that change if an image of a shape (rows, columns) is halved a number of times.

    The samples of a reduced image are those of even rows and columns, counted from the upper left corner, where the
    origin of the codestream's grid is: a wavelet's low-pass filter is symmetric about them. They are not the centres of
    blocks of pixels, unlike those of ``Map.resample``.
    """
    factor = 2**halvings
    rows, columns = shape
    instrument = str(next((value for key, value in header.items() if key.upper() == "INSTRUME"), ""))
    lengths = _LENGTHS | _LENGTHS_OF.get(instrument, frozenset())
    left: dict[str, Any] = {}
    for key, value in header.items():
        upper = key.upper()
        if isinstance(value, str):
            continue
        if _PER_PIXEL.fullmatch(upper):
            left[key] = value * factor
        elif upper in lengths:
            left[key] = value / factor
        elif upper in _COLUMNS or re.fullmatch(r"CRPIX1[A-Z]?", upper):
            left[key] = (value - 1) / factor + 1
        elif upper in _ROWS or re.fullmatch(r"CRPIX2[A-Z]?", upper):
            left[key] = -(-rows // factor) - (rows - value) / factor
        elif upper in ("NAXIS1", "NAXIS2"):
            left[key] = -(-(columns if upper == "NAXIS1" else rows) // factor)
    return left


def cropped(header: dict[str, Any], edges: tuple[int, int, int, int], shape: tuple[int, int]) -> dict[str, Any]:
    """
    Return the keywords that change if a part is cut from an image of a shape (rows, columns).

    ``edges`` are the left, upper, right and lower edge of the part, in pixels from the upper left corner.
    """
    left, upper, right, lower = edges
    changed: dict[str, Any] = {}
    for key, value in header.items():
        name = key.upper()
        if isinstance(value, str):
            continue
        if name in _COLUMNS or re.fullmatch(r"CRPIX1[A-Z]?", name):
            changed[key] = value - left
        elif name in _ROWS or re.fullmatch(r"CRPIX2[A-Z]?", name):
            changed[key] = value - (shape[0] - lower)  # rows are counted from the lower edge
        elif name in ("NAXIS1", "NAXIS2"):
            changed[key] = right - left if name == "NAXIS1" else lower - upper
    return changed


def added(text: str, values: dict[str, Any]) -> str:
    """Return a header's text with more keywords at its end."""
    own = "".join(f"<{key}>{value}</{key}>\n" for key, value in values.items())
    at = text.rfind("</")
    return f"{text[:at]}{own}{text[at:]}" if at >= 0 else text


def replaced(text: str, values: dict[str, Any]) -> str:
    """Return a header's text with some values replaced, and everything else unchanged."""
    for key, value in values.items():
        shown = f"{value:.10g}" if isinstance(value, float) else str(value)
        text = re.sub(rf"(<{re.escape(key)}(?:\s[^>]*)?>)[^<]*(</{re.escape(key)}>)", rf"\g<1>{shown}\g<2>", text)
    return text


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


def file_header(path: str | Path) -> dict[str, Any]:
    """Return the keywords of a file without reading its image."""
    with Path(path).open("rb") as stream:
        data = stream.read(FIRST_BYTES)
        try:
            return keywords(text_of(data))
        except FileError:
            return keywords(text_of(data + stream.read()))


Header = dict[str, Any]
