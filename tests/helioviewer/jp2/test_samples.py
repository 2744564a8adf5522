"""Test palettes, colours, signed samples and odd depths, and that such files are not reported as network errors."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sunpy.map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, helioviewer
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes as boxes_module
from sunpy_helio_plugins.helioviewer.jp2 import header, palette, reduce, samples
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
glymur = pytest.importorskip("glymur")

SIDE = 64
KEYS: dict[str, Any] = {
    "TELESCOP": "PROBA2", "INSTRUME": "SWAP", "DATE-OBS": "2010-04-01T00:00:28.851", "WAVELNTH": 174,
    "BUNIT": "DN/s/pixel", "CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec",
    "CDELT1": 50.6, "CDELT2": 50.6, "CRPIX1": 32.5, "CRPIX2": 32.5, "CRVAL1": 0, "CRVAL2": 0, "DSUN_OBS": 1.49e11,
    "HGLN_OBS": 0, "HGLT_OBS": -6.5, "RSUN_ARC": 960.5, "NAXIS1": SIDE, "NAXIS2": SIDE,
}  # fmt: skip
SWAP = "2010_04_01__00_00_28__PROBA2_SWAP_SWAP_174.jp2"


def grey(bits: int = 8, components: int = 1) -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    values = (rows * 37 + columns * 11) % (1 << bits)
    values = values.astype(np.uint8 if bits <= 8 else np.uint16)
    return values if components == 1 else np.stack([values] * components, axis=-1)


def file_of(data: bytes, **changed: Any) -> bytes:
    keys = "".join(f"<{key}>{value}</{key}>" for key, value in {**KEYS, **changed}.items())
    return made.with_header(data, f"<meta>\n<fits>{keys}</fits>\n<helioviewer>\n</helioviewer></meta>")


def encoded(values: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, format="JPEG2000", irreversible=False, num_resolutions=4, **options)
    return out.getvalue()


def with_palette(data: bytes) -> bytes:
    """Return a file whose samples are indices into a palette of 256 colours, like those of SWAP."""
    colours = b"".join(bytes((k, k // 2, 255 - k)) for k in range(256))
    boxes = header.box(b"pclr", struct.pack(">HB3B", 256, 3, 7, 7, 7) + colours)
    boxes += header.box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, k) for k in range(3)))
    parts, at = [], 0
    while at < len(data):
        length, kind, head = boxes_module.box_at(data, at)
        content = data[at + head : at + length]
        parts.append(header.box(kind, content + boxes if kind == b"jp2h" else content))
        at += length
    return b"".join(parts)


def told(data: bytes, depth: int) -> bytes:
    """Return a file whose header and codestream declare another sample depth."""
    changed = bytearray(data)
    changed[data.index(b"ihdr") + 14] = depth
    changed[data.index(b"\xff\x4f\xff\x51") + 42] = depth
    return bytes(changed)


def test_a_palette_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "swap.jp2"
    path.write_bytes(file_of(with_palette(encoded(grey()))))
    boxes_module.accept(path)
    for map_ in (sunpy.map.Map(path), helioviewer.read(path)):
        assert type(map_).__name__ == "SWAPMap"
        assert np.array_equal(map_.data, grey()[::-1])
    full = glymur.Jp2k(path)
    assert full[:].shape == (SIDE, SIDE, 3), "who asks glymur itself gets the colours"
    small = helioviewer.read(path, size=SIDE // 2)
    full.ignore_pclr_cmap_cdef = True
    assert np.array_equal(small.data, full[::2, ::2][::-1])


def test_a_smaller_file_keeps_its_palette(tmp_path: Path) -> None:
    path = tmp_path / "swap.jp2"
    path.write_bytes(file_of(with_palette(encoded(grey()))))
    reduce.accept(SIDE // 2, path)
    assert palette.has_palette(path)
    full = glymur.Jp2k(path)
    assert full[:].shape == (SIDE // 2, SIDE // 2, 3)
    assert sunpy.map.Map(path).data.shape == (SIDE // 2, SIDE // 2)


def test_files_of_others_are_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "other.jp2"
    whole = made.with_header(with_palette(encoded(grey())), "<other><a>1</a></other>")
    for data in (whole, b"", b"nothing", file_of(encoded(grey()))):
        path.write_bytes(data)
        assert not palette.has_palette(path)
    assert not palette.has_palette(tmp_path / "missing.jp2")
    assert not palette.install(), "sunpy's reader was changed once"


@pytest.mark.parametrize("bits", [1, 4, 7, 8, 9, 12, 15, 16])
@pytest.mark.parametrize("is_signed", [False, True])
def test_samples_of_any_depth(tmp_path: Path, bits: int, is_signed: bool) -> None:
    width = 8 if bits <= 8 else 16
    meant = grey(bits).astype(np.int32)
    # A codestream is centred on zero, so that the centre moves if there are fewer bits.
    stored = (meant + (1 << (width - 1)) - (1 << (bits - 1))).astype(f"u{width // 8}")
    path = tmp_path / "image.jp2"
    path.write_bytes(file_of(told(encoded(stored), (bits - 1) | (0x80 if is_signed else 0))))
    expected = meant - (1 << (bits - 1)) if is_signed else meant
    map_ = helioviewer.read(path)
    assert map_.data.dtype == np.dtype(f"{'i' if is_signed else 'u'}{width // 8}")
    assert np.array_equal(map_.data, expected[::-1])
    assert str(map_.unit) == ("byte" if map_.data.dtype == np.uint8 else "None")
    assert np.array_equal(sunpy.map.Map(path).data, map_.data)
    small = helioviewer.read(path, size=SIDE // 2)
    assert small.data.dtype == map_.data.dtype
    if small.data.shape == map_.data.shape:  # cannot be encoded again
        assert bits not in (8, 16)
    else:
        assert np.array_equal(small.data, glymur.Jp2k(path)[::2, ::2][::-1])
    with pytest.raises(FileError, match=r"Display bytes are expected|no physical values"):
        helioviewer.read(path, physical=True)


@pytest.mark.parametrize("components", [3, 4])
@pytest.mark.parametrize("size", [None, SIDE // 2])
def test_a_picture_in_colours_is_no_map(tmp_path: Path, components: int, size: int | None) -> None:
    path = tmp_path / "colours.jp2"
    path.write_bytes(file_of(encoded(grey(8, components))))
    with pytest.raises(FileError, match=rf"colours\.jp2: The image has {components} components"):
        helioviewer.read(path, size=size)
    reduce.accept(SIDE // 2, path)
    assert reduce.decoded(path.read_bytes()).shape == (SIDE // 2, SIDE // 2, components)


@pytest.mark.parametrize(
    ("siz", "words"),
    [
        (struct.pack(">HBBB", 1, 7, 2, 2), "every 2 x 2 pixels"), (struct.pack(">HBBB", 1, 31, 1, 1), "32 bits"),
        (struct.pack(">HBBBBBB", 2, 7, 1, 1, 7, 2, 2), "differ"), (struct.pack(">H", 0), "damaged"), (b"", "damaged"),
    ],
)  # fmt: skip
def test_components_that_are_not_read(siz: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        samples.Components.read(bytes(40) + siz)


Served = Callable[[bytes], Any]


@pytest.fixture
def served(canned: Any) -> Served:
    """Return a function that adds one image of SWAP to a server, and returns the row of its search."""

    def serve(data: bytes) -> Any:
        def reply(path: str) -> tuple[int, str, bytes]:
            if path.endswith(".jp2"):
                return 200, "image/jp2", data
            page = f'Index of {path} <a href="{SWAP}">x</a>' if path.endswith("/2010/04/01/174/") else "Index of"
            return 200, "text/html", page.encode()

        with conf.helioviewer.set_temp("jp2_url", canned(reply)):
            time = a.Time("2010-04-01 00:00", "2010-04-01 00:01")
            return Fido.search(time, a.helioviewer.SourceID(32), a.helioviewer.Backend("index"))

    return serve


@pytest.mark.parametrize("size", [None, SIDE // 2])
def test_files_with_a_palette_are_fetched(served: Served, tmp_path: Path, size: int | None) -> None:
    row = served(file_of(with_palette(encoded(grey()))))
    (file,) = Fido.fetch(row, path=tmp_path / "{file}", **({} if size is None else {"size": size}))
    assert sunpy.map.Map(file).data.shape == (size or SIDE, size or SIDE)


def test_what_cannot_be_read_is_no_network_fault(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("broken data stream when writing image file")

    monkeypatch.setattr(samples, "encoded_smaller", fail)
    files = Fido.fetch(served(file_of(encoded(grey()))), path=tmp_path / "{file}", size=SIDE // 2)
    (error,) = files.errors
    assert isinstance(error.exception, FileError)
    assert "broken data stream" in str(error.exception)
    assert "there was no answer" not in str(error.exception)


def test_the_real_files_of_swap(real_data: Path, tmp_path: Path) -> None:
    for name in (SWAP, "hetero_000.jp2"):
        file = real_data / "world" / "helioviewer" / name
        whole = sunpy.map.Map(file)
        assert whole.data.shape == (1024, 1024)
        assert np.array_equal(helioviewer.read(file).data, whole.data)
        small = helioviewer.read(file, size=256)
        assert small.data.shape == (256, 256)
        assert np.abs(small.data.astype(float) - whole.data[1::4, ::4]).mean() < 20
        copy = tmp_path / name
        copy.write_bytes(file.read_bytes())
        reduce.accept(512, copy)
        assert sunpy.map.Map(copy).data.shape == (512, 512)
