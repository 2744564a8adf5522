"""
The JPEG 2000 files of the embedded Helioviewer: boxes, and the header of each frame.

A file is jP, ftyp, jp2h, xml, jp2c, like Helioviewer's files. The xml box contains ``<meta><fits>..</fits>
<helioviewer>..</helioviewer></meta>`` with one element for each FITS keyword.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_right
from datetime import datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sunpy_helio_plugins.sandbox.helioviewer.holdings import Image

__all__ = ["DATA", "boxes", "content", "header", "header_of", "with_header"]

DATA = Path(__file__).parents[1] / "data" / "helioviewer"

EXPOSURES = {"304": 2.9, "193": 2.0}
CAMERAS = {"304": 4, "193": 2}


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, complete box with its header) for each top-level box of a JP2 file."""
    offset = 0
    while offset < len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        length = length or len(data) - offset
        yield kind, data[offset : offset + length]
        offset += length


def with_header(picture: bytes, xml: str) -> bytes:
    """Return the image with the text as its only xml box, before the codestream."""
    body = xml.encode()
    parts = []
    for kind, box in boxes(picture):
        if kind == b"jp2c":
            # A length of zero means "to the end of the file"; the real files give the length.
            codestream = box[8:]
            parts += [struct.pack(">I4s", len(body) + 8, b"xml "), body]
            parts += [struct.pack(">I4s", len(codestream) + 8, b"jp2c"), codestream]
        elif kind != b"xml ":
            parts.append(box)
    return b"".join(parts)


def header_of(data: bytes) -> str:
    """Return the text of the xml box of a file."""
    return next(box[8:].decode() for kind, box in boxes(data) if kind == b"xml ")


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((DATA / "pictures.json").read_text(encoding="utf-8"))
    return facts


def _earth(when: datetime, facts: Mapping[str, Any]) -> dict[str, float]:
    """Interpolate the Earth's position: linear interpolation of hourly values is accurate to 10 km."""
    rows = facts["earth"]
    instants = [datetime.fromisoformat(row["time"]) for row in rows]
    number = min(max(bisect_right(instants, when), 1), len(rows) - 1)
    before, after = rows[number - 1], rows[number]
    weight = (when - instants[number - 1]) / (instants[number] - instants[number - 1])
    return {key: value + weight * (after[key] - value) for key, value in before.items() if key != "time"}


def _wcs(image: Image) -> dict[str, Any]:
    size, scale = image.source.size, image.source.scale
    return {
        "CTYPE1": "HPLN-TAN", "CUNIT1": "arcsec", "CRVAL1": "0.0000000", "CDELT1": f"{scale:.8f}",
        "CRPIX1": f"{size / 2 + 0.5:.4f}", "CTYPE2": "HPLT-TAN", "CUNIT2": "arcsec", "CRVAL2": "0.0000000",
        "CDELT2": f"{scale:.8f}", "CRPIX2": f"{size / 2 + 0.5:.4f}", "CROTA2": "0.0000000",
    }  # fmt: skip


def _observer(image: Image, facts: Mapping[str, Any]) -> dict[str, Any]:
    earth = _earth(image.when, facts)
    return {
        "R_SUN": f"{earth['rsun'] / image.source.scale:.4f}", "DSUN_REF": "1.4959787e+11",
        "DSUN_OBS": f"{earth['dsun']:.1f}", "RSUN_REF": "695700000.0", "RSUN_OBS": f"{earth['rsun']:.5f}",
        "CRLN_OBS": f"{earth['crln'] % 360:.5f}", "CRLT_OBS": f"{earth['hglt']:.6f}",
    }  # fmt: skip


def _aia(image: Image, facts: Mapping[str, Any]) -> dict[str, Any]:
    wave, earth = image.source.measurement, _earth(image.when, facts)
    exposure = EXPOSURES[wave]
    middle = image.when + timedelta(seconds=exposure / 2)
    stamp = image.when.isoformat(timespec="milliseconds")
    return {
        "SIMPLE": 1, "BITPIX": 16, "NAXIS": 2, "NAXIS1": image.source.size, "NAXIS2": image.source.size,
        "DATE_OBS": stamp, "ORIGIN": "SDO", "DATE": (image.when + timedelta(minutes=13)).isoformat(timespec="seconds"),
        "TELESCOP": "SDO", "INSTRUME": f"AIA_{CAMERAS[wave]}", "DATE-OBS": stamp,
        "T_OBS": middle.isoformat(timespec="milliseconds") + "Z", "CAMERA": CAMERAS[wave], "IMG_TYPE": "LIGHT",
        "EXPTIME": f"{exposure:.7f}", "WAVELNTH": wave, "WAVEUNIT": "angstrom", "WAVE_STR": f"{wave}_THIN",
        "FSN": 300000000 + image.image_id, "LVL_NUM": "1.5000000", "QUALITY": 1073741824,
        **facts["pictures"][image.picture]["statistics"], **_wcs(image), **_observer(image, facts),
        "HAEX_OBS": f"{earth['haex']:.1f}", "HAEY_OBS": f"{earth['haey']:.1f}", "HAEZ_OBS": f"{earth['haez']:.1f}",
        "ACS_ECLP": "NO", "XCEN": "0.00000", "YCEN": "0.00000",
    }  # fmt: skip


def _hmi(image: Image, facts: Mapping[str, Any]) -> dict[str, Any]:
    stamp = image.when.isoformat(timespec="milliseconds")
    # T_REC and T_OBS are International Atomic Time, 37 s ahead of UTC since 2017.
    middle = image.when + timedelta(seconds=22.5 + 37)
    midnight = middle.replace(hour=0, minute=0, second=0, microsecond=0)
    slot = midnight + round((middle - midnight) / timedelta(seconds=45)) * timedelta(seconds=45)
    return {
        "SIMPLE": 1, "BITPIX": 32, "NAXIS": 2, "NAXIS1": image.source.size, "NAXIS2": image.source.size,
        "DATE": (image.when + timedelta(minutes=20)).isoformat(timespec="seconds"), "DATE-OBS": stamp,
        "TELESCOP": "SDO/HMI", "INSTRUME": "HMI_FRONT2", "WAVELNTH": "6173.0", "CAMERA": 2, "BUNIT": "G",
        "ORIGIN": "SDO", "CONTENT": "MAGNETOGRAM", "QUALITY": 1024,
        **facts["pictures"][image.picture]["statistics"], **_wcs(image), **_observer(image, facts),
        "HGLN_OBS": "0.0", "HGLT_OBS": f"{_earth(image.when, facts)['hglt']:.6f}",
        "T_OBS": f"{middle:%Y.%m.%d_%H:%M:%S}.{middle.microsecond // 1000:03d}_TAI",
        "T_REC": f"{slot:%Y.%m.%d_%H:%M:%S}.000_TAI", "CADENCE": "45.0", "DATE_OBS": stamp,
    }  # fmt: skip


def _lasco(image: Image, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "SIMPLE": 1, "BITPIX": 16, "NAXIS": 2, "NAXIS1": image.source.size, "NAXIS2": image.source.size,
        "FILENAME": "22999001.fts", "DATE_OBS": f"{image.when:%Y/%m/%d}",
        "TIME_OBS": image.when.isoformat(timespec="milliseconds").partition("T")[2], "EXPTIME": "25.1000",
        "TELESCOP": "SOHO", "INSTRUME": "LASCO", "DETECTOR": "C2", "FILTER": "Orange", "POLAR": "Clear", "BUNIT": 0,
        **facts["pictures"][image.picture]["statistics"], **_wcs(image), "CTYPE1": "SOLAR-X", "CTYPE2": "SOLAR-Y",
        "CUNIT1": "ARCSEC", "CUNIT2": "ARCSEC", "CROTA": "-173.500", "CROTA1": "-173.500", "CROTA2": "-173.500",
        "RSUN": f"{_earth(image.when, facts)['rsun']:.5f}", "XCEN": "0.00000", "YCEN": "0.00000",
    }  # fmt: skip


def _helioviewer(image: Image) -> dict[str, Any]:
    details = {
        "AIA": {"HV_HVS_DETAILS_FILENAME": "hvs_version5.pro", "HV_HVS_DETAILS_FILENAME_VERSION": "5.0"},
        "HMI": {"HV_HVS_DETAILS_FILENAME": "hvs_default_hmi.pro", "HV_HVS_DETAILS_FILENAME_VERSION": "1.0"},
        "LASCO-C2": {
            "HV_OBSERVATORY": "SOHO", "HV_INSTRUMENT": "LASCO", "HV_DETECTOR": "C2", "HV_MEASUREMENT": "white-light",
            "HV_ROCC_INNER": "2.30000", "HV_ROCC_OUTER": "8.00000", "HV_QUICKLOOK": "TRUE",
        },
    }  # fmt: skip
    comment = "A synthetic picture of the embedded archive: it shows no real observation."
    return {"HV_ROTATION": "0.00000", **details[image.source.folder], "HV_COMMENT": comment, "HV_SUPPORTED": "TRUE"}


def header(image: Image, facts: Mapping[str, Any] | None = None) -> str:
    """Return the text of the xml box of an image, with its time; ``facts`` are positions and statistics."""
    make = {"AIA": _aia, "HMI": _hmi, "LASCO-C2": _lasco}[image.source.folder]
    fits = make(image, facts or _facts())
    parts = {"fits": fits, "helioviewer": _helioviewer(image)}
    lines = ["<meta>"]
    for group, keywords in parts.items():
        elements = [f"<{key}>{escape(str(value))}</{key}>" for key, value in keywords.items()]
        lines += [f"<{group}>", *elements, f"</{group}>"]
    return "\n".join([*lines, "</meta>"])


@lru_cache(maxsize=64)
def content(image: Image) -> bytes | None:
    """Return the bytes of an image's file with its own header, or None if the file was deleted."""
    if image.picture is None:
        return None
    return with_header((DATA / f"{image.picture}.jp2").read_bytes(), header(image))
