"""The header of a Helioviewer file: the XML box, one element for each FITS keyword."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2.boxes import SIGNATURE, box_at

__all__ = ["FIRST_BYTES", "box", "file_header", "keywords", "missing", "replaced", "rescaled", "text_of"]

FIRST_BYTES = 16384
"""Where the headers of Helioviewer's files have ended by: they are 4 to 7 kB long (files of 2005 to 2024)."""

_PER_PIXEL = re.compile(r"CDELT[12][A-Z]?|CD\d_\d[A-Z]?")

_LENGTHS = frozenset({"R_SUN", "FNDLMBMI", "FNDLMBMA"})

_LENGTHS_OF = {"EIT": frozenset({"SOLAR_R"}), "MDI": frozenset({"RADIUS"})}
"""Keywords that count pixels: the Sun's radius, and GONG's axes of the limb; elsewhere SOLAR_R is in arcseconds."""

_COLUMNS, _ROWS = frozenset({"FNDLMBXC"}), frozenset({"FNDLMBYC"})

_AMPERSAND = re.compile(r"&(?!(?:#\d+|#x[0-9a-fA-F]+|\w+);)")


def text_of(data: bytes | memoryview) -> str:
    """
    Return the text of a file's first XML box.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.

    Raises
    ------
    FileError
        There is none in these bytes, or it is not whole.
    """
    if bytes(data[:12]) != SIGNATURE:
        raise FileError(f"This is no JPEG 2000 file: it begins with {bytes(data[:12])!r}.")
    at = 0
    while at + 8 <= len(data):
        length, kind, head = box_at(data, at)
        if kind == b"xml ":
            if at + length > len(data):
                raise FileError(f"The header reaches beyond the {len(data)} bytes that are known.")
            return bytes(data[at + head : at + length]).decode("utf-8", "replace").strip("\0 \n\r\t\ufeff")
        at += length
    raise FileError("The JPEG 2000 file has no header, or not at its beginning.")


def missing(data: bytes) -> tuple[int, int | None] | None:
    """
    Return where the header is that these bytes do not hold, or not whole.

    Parameters
    ----------
    data : bytes
        The beginning of a file.

    Returns
    -------
    tuple of int, or None
        Where to read on, and where to stop; `None` for the latter means at the end of the file: some programs write the
        header behind the picture. `None` alone: the bytes hold all that there is.

    Raises
    ------
    FileError
        It is no JPEG 2000 file.
    """
    at = 0
    while at + 8 <= len(data):
        length, kind, _ = box_at(data, at)
        if kind == b"xml ":
            return (len(data), at + length) if at + length > len(data) else None
        if data[at : at + 4] == bytes(4):  # this box reaches to the end of the file
            return None
        at += length
    return at, None


def keywords(text: str) -> dict[str, Any]:
    """
    Return a header's keywords and values: whole numbers and decimal ones as such, all others as texts.

    Parameters
    ----------
    text : str
        The text of the XML box.

    Raises
    ------
    FileError
        It is no XML.
    """
    try:
        # Some programs that made headers forgot to write & as &amp;.
        root = ET.fromstring(_AMPERSAND.sub("&amp;", text))  # noqa: S314 - expat expands no external entities
    except ET.ParseError as error:
        raise FileError(f"The header of the file is no XML: {error}") from error
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
    Return the keywords that differ once a picture is reduced.

    The samples of a reduced picture are those of even rows and columns, counted from the upper left corner, where the
    origin of the codestream's grid is: a wavelet's low-pass filter is symmetric about them. They are not the centres of
    blocks of pixels, as those of ``Map.resample`` are.

    Parameters
    ----------
    header : dict
        The header of the whole picture.
    halvings : int
        How often it is halved.
    shape : tuple of int
        Rows and columns of the whole picture.
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


def replaced(text: str, values: dict[str, Any]) -> str:
    """
    Return a header's text with some values replaced; all else stays as it is.

    Parameters
    ----------
    text : str
        The text of the XML box.
    values : dict
        New values by keyword.
    """
    for key, value in values.items():
        shown = f"{value:.10g}" if isinstance(value, float) else str(value)
        text = re.sub(rf"(<{re.escape(key)}(?:\s[^>]*)?>)[^<]*(</{re.escape(key)}>)", rf"\g<1>{shown}\g<2>", text)
    return text


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


def file_header(path: str | Path) -> dict[str, Any]:
    """
    Return the keywords of a file; its picture is not read.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    """
    with Path(path).open("rb") as stream:
        data = stream.read(FIRST_BYTES)
        try:
            return keywords(text_of(data))
        except FileError:
            return keywords(text_of(data + stream.read()))


Header = dict[str, Any]
