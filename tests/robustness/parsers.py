"""Every parser of the package: an input that it reads, and what it gives; and ways to damage the input."""

from __future__ import annotations

import json
import random
import struct
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from answers import CDF_NAME, DATA, EVENTS, FILES, IMAGE, INFO, IVORN, VOEVENT, Request, records
from astropy.utils.exceptions import AstropyUserWarning
from journeys import plain

from sunpy_helio_plugins import cdf, hapi, her, quantities
from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, jpx
from sunpy_helio_plugins.helioviewer.jp2.packets import ImageBox
from sunpy_helio_plugins.helioviewer.jp2.region import RegionCut
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.her.columns import chaincodes
from sunpy_helio_plugins.imap import filenames, integrity
from sunpy_helio_plugins.quantities import units
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.sandbox.helioviewer import containers
from sunpy_helio_plugins.transport import messages, retry, urls
from sunpy_helio_plugins.transport.files.body import promised_digests

__all__ = ["DAMAGES", "PARSERS", "Parser", "Tally", "damaged", "flips", "outcome"]


@dataclass(frozen=True)
class Parser:
    """
    Attributes
    ----------
    read : callable
        Takes a file with the input; returns what can be compared, or raises an error of this package.
    given : bytes
        An input that is right.
    suffix : str
        The suffix of the file.
    allowed : tuple of type
        Exceptions that the parser may raise besides those of this package.
    checked : callable, optional
        Returns the ranges of bytes that a sum of the format covers: no flipped bit there may change the result.
    """

    read: Callable[[Path], Any]
    given: bytes
    suffix: str = ".txt"
    allowed: tuple[type[Exception], ...] = ()
    checked: Callable[[bytes], list[tuple[int, int]]] = field(default=lambda given: [])


def text_of(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def hapi_file(kind: str) -> bytes:
    request = Request("GET", f"/csv/hapi/data?start=2026-01-10T12:00&stop=2026-01-10T12:20&format={kind}", b"")
    return records(request, "").body


def table(path: Path) -> Any:
    return plain(hapi.read(path))


@dataclass(frozen=True)
class Said:
    """A result that names its problems."""

    result: Any
    problems: tuple[str, ...]


def cdf_table(path: Path) -> Any:
    made = cdf.read(path)
    problems = tuple(map(str, made.meta.get("problems", ())))
    return Said(str(plain(made)), problems) if problems else str(plain(made))


def cdf_salvaged(path: Path) -> Any:
    made = cdf.read(path, salvage=True)
    problems = tuple(map(str, made.meta["problems"]))
    return Said(str(plain(made)), problems) if problems else str(plain(made))


def packed_ranges(given: bytes) -> list[tuple[int, int]]:
    """Return the ranges of the gzip members in a file."""
    found, at = [], given.find(b"\x1f\x8b\x08")
    while at >= 0:
        unpacking = zlib.decompressobj(wbits=31)
        try:
            unpacking.decompress(given[at:])
        except zlib.error:
            break
        end = len(given) - len(unpacking.unused_data)
        # The ten bytes of the header hold a time and a system that nothing depends on.
        found.append((at + 10, end))
        at = given.find(b"\x1f\x8b\x08", end)
    return found


def image(path: Path) -> Any:
    boxes.accept(path)
    data = path.read_bytes()
    return header.keywords(header.text_of(data)), boxes.codestream_at(data)


def corner(keys: dict[str, Any], shape: tuple[int, int]) -> ImageBox:
    return ImageBox(0, 0, min(90, shape[1]), min(60, shape[0]))


def region(path: Path) -> Any:
    """Return the pixels of a region that is selected by packets; OpenJPEG warns of damaged ones."""
    with path.open("rb") as stream:
        pixels, text = RegionCut(corner, 40).pixels(stream)
    return pixels.tobytes(), pixels.shape, text


def frames(path: Path) -> Any:
    with path.open("rb") as stream:
        return [(one.text, one.link, one.path, one.link or one.file(stream)) for one in jpx.frames(path)]


def events(path: Path) -> Any:
    decoded = exact_json(path.read_bytes().decode("latin-1"), strict=False)
    found = [one for one in decoded if isinstance(one, dict)] if isinstance(decoded, list) else []
    table = HERTable.from_records(found)
    str(table)
    return plain(table)


def rings(path: Path) -> Any:
    vertices, offsets, bad = chaincodes.rings([text_of(path)], highest=90)
    places, _ = chaincodes.points([text_of(path)])
    return vertices.tolist(), offsets.tolist(), bad, str(places)


def voevent(path: Path) -> Any:
    return her.voevent.read(path.read_bytes())


def name(path: Path) -> Any:
    text = text_of(path)
    return filenames.parse(text), filenames.table_of(text), filenames.key_of(text), filenames.is_daily(text)


def instants(path: Path) -> Any:
    return str(quantities.from_iso(np.array(text_of(path).split("\n"))))


def unit(path: Path) -> Any:
    return str(units.classify(text_of(path)))


def headers(path: Path) -> Any:
    found = dict(line.partition(": ")[::2] for line in text_of(path).split("\n"))
    address = ""
    try:
        address = urls.next_hop("https://a.example/x", found.get("Location", ""))
    except HelioPluginsError as error:
        address = str(error)
    digests = [digest for _, digest in promised_digests(found)]
    # The wait until a date depends on the clock.
    wait = retry.retry_after(found.get("Retry-After"))
    return address, digests, None if wait is None else "a number", messages.server_message(path.read_bytes())


def packets(path: Path) -> Any:
    return integrity.looks_complete(path, "x.pkts")


CODE = "POLYGON((" + ",".join(f"{200 + 7.25 * number} {-300.5 + number**2}" for number in range(20)) + "))"
HEADERS = (
    "Location: https://b.example/y?z=1\nRetry-After: 120\n"
    "Digest: sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    "Content-Type: text/html; charset=utf-8\nX: <p>an error</p>"
)
PACKETS = b"".join(struct.pack(">HHH", 0x0801, 0xC000 + number, 9) + bytes(10) for number in range(4))

PARSERS: dict[str, Parser] = {
    "hapi csv": Parser(table, hapi_file("csv"), ".hapi"),
    "hapi binary": Parser(table, hapi_file("binary"), ".hapi"),
    "hapi json": Parser(table, hapi_file("json"), ".hapi"),
    "cdf": Parser(cdf_table, FILES[CDF_NAME], ".cdf"),
    "cdf, packed": Parser(cdf_table, (DATA / "packed.cdf").read_bytes(), ".cdf", checked=packed_ranges),
    "cdf, salvaged": Parser(cdf_salvaged, (DATA / "packed.cdf").read_bytes(), ".cdf", checked=packed_ranges),
    "jp2": Parser(image, IMAGE, ".jp2"),
    "jp2 region": Parser(region, (DATA / "layers.jp2").read_bytes(), ".jp2"),
    "jpx": Parser(frames, containers.jpx([IMAGE, IMAGE]), ".jpx"),
    "jpx, links": Parser(frames, containers.jpx([IMAGE] * 2, ["file:///jp2/A/2026/01/02/1/a.jp2", "b.jp2"]), ".jpx"),
    "her records": Parser(events, json.dumps(EVENTS).encode(), ".json", allowed=(ValueError, RecursionError)),
    "chaincode": Parser(rings, CODE.encode()),
    "polygon": Parser(rings, b"POLYGON((26 -18,28 -18,28 -16,26 -16,26 -18))"),
    "voevent": Parser(voevent, VOEVENT.format(IVORN, IVORN).encode(), ".xml"),
    "imap name": Parser(name, CDF_NAME.encode()),
    "imap kernel": Parser(name, b"imap_2026_009_2026_010_01.ah.bc"),
    "imap packets": Parser(packets, PACKETS, ".pkts"),
    "iso times": Parser(
        instants, b"2026-01-10T12:00:00.123456789Z\n2016-12-31T23:59:60Z\n2026-010T12Z", allowed=(ValueError,)
    ),
    "unit": Parser(unit, b"10^-3 W m-2 sr^-1 / (cm^3)^1/2"),
    "unit, words": Parser(unit, b"log10(#/cm**2-s-ster-keV)"),
    "headers": Parser(headers, HEADERS.encode()),
    "hapi info": Parser(lambda path: str(hapi.Info.from_json(exact_json(path.read_bytes()))), json.dumps(INFO).encode(),
                        allowed=(ValueError, RecursionError)),
}  # fmt: skip


# Damage

INTERESTING = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"NaN", b"1e999", b"-1", b"9" * 40,
    b"[[[[[[",
    b'"', b"\n", b",", b"'", b"<", b"&#0;", b"\xed\xa0\x80", b"%00", b"../", b"\r\n\r\n", b"(" * 50, b"^" * 20, b"0x",
    b"--",
)  # fmt: skip

DAMAGES: dict[str, Callable[[bytearray, random.Random], None]] = {}


def damage(change: Callable[[bytearray, random.Random], None]) -> Callable[[bytearray, random.Random], None]:
    DAMAGES[change.__name__] = change
    return change


def at(data: bytearray, chosen: random.Random) -> int:
    return chosen.randrange(len(data)) if data else 0


@damage
def flip(data: bytearray, chosen: random.Random) -> None:
    if data:
        data[at(data, chosen)] ^= 1 << chosen.randrange(8)


@damage
def cut(data: bytearray, chosen: random.Random) -> None:
    del data[at(data, chosen) :]


@damage
def remove(data: bytearray, chosen: random.Random) -> None:
    start = at(data, chosen)
    del data[start : start + chosen.randrange(1, 40)]


@damage
def repeat(data: bytearray, chosen: random.Random) -> None:
    start = at(data, chosen)
    data[start:start] = data[start : start + chosen.randrange(1, 200)] * chosen.choice((1, 2, 50))


@damage
def insert(data: bytearray, chosen: random.Random) -> None:
    start = at(data, chosen)
    data[start:start] = chosen.choice(INTERESTING)


@damage
def overwrite(data: bytearray, chosen: random.Random) -> None:
    start, made = at(data, chosen), chosen.choice(INTERESTING)
    data[start : start + len(made)] = made


@damage
def digits(data: bytearray, chosen: random.Random) -> None:
    """Replace a number with another one."""
    found = [index for index, byte in enumerate(data) if 48 <= byte < 58]
    if found:
        data[(index := chosen.choice(found)) : index + 1] = chosen.choice(
            (b"0", b"9", b"-7", b"1e308", b"9" * 25, b"x", b"")
        )


@damage
def swap(data: bytearray, chosen: random.Random) -> None:
    one, other, size = at(data, chosen), at(data, chosen), chosen.randrange(1, 30)
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def damaged(given: bytes, seed: int, most: int = 4) -> bytes:
    """Return an input with one to four damages that a seed determines."""
    chosen, data = random.Random(seed), bytearray(given)
    for _ in range(chosen.randint(1, most)):
        DAMAGES[chosen.choice(sorted(DAMAGES))](data, chosen)
        del data[200_000:]
    return bytes(data)


def outcome(parser: Parser, data: bytes, folder: Path) -> tuple[str, Any]:
    """Read an input; return "read", "said", "refused" or "foreign", and the result or the error."""
    path = folder / f"input{parser.suffix}"
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Arithmetic that overflows is to be guarded, not shown.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            found = parser.read(path)
            said = [one.message for one in caught if issubclass(one.category, AstropyUserWarning)]
            return ("said", (found, said)) if said or isinstance(found, Said) else ("read", found)
        except HelioPluginsError as error:
            return "refused", error
        except parser.allowed as error:
            return "refused", error
        except Exception as error:  # noqa: BLE001 - it is judged
            return "foreign", error


@dataclass
class Tally:
    """How often flipped bits were found."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def flips(parser: Parser, each: int = 1, seed: int = 0, until: int | None = None) -> Tally:
    """
    Flip bits, one at a time, every ``each``-th of the input.

    "found" were refused; "without effect" gave the same result; "not findable" gave another one where no sum covers the
    byte; "missed" gave another one where a sum does; "foreign" raised another exception.
    """
    tally, start = Tally(), time.perf_counter()
    covered = parser.checked(parser.given)
    with TemporaryDirectory() as name:
        folder = Path(name)
        right = outcome(parser, parser.given, folder)
        assert right[0] == "read", right
        for bit in range(seed, until or 8 * len(parser.given), each):
            data = bytearray(parser.given)
            data[bit // 8] ^= 1 << (bit % 8)
            kind, found = outcome(parser, bytes(data), folder)
            is_covered = any(first <= bit // 8 < last for first, last in covered)
            where = ", with a sum" if is_covered else ""
            if kind == "read":
                is_same = found == right[1] or str(found) == str(right[1])
                verdict = "without effect" if is_same else "missed" if is_covered else "not findable"
            else:
                verdict = "foreign" if kind == "foreign" else "found"
            tally.counts[verdict + where] += 1
            if verdict in ("missed", "foreign"):
                tally.failures.append(f"bit {bit}: {verdict}: {found!r}"[:500])
    tally.seconds = time.perf_counter() - start
    return tally
