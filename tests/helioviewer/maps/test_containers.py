"""Test what files and other inputs `read` opens, and what `sunpy.map.Map` opens: the table in the documentation."""

from __future__ import annotations

import io
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, conf, helioviewer
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, QueryError, TransferError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, jpx
from sunpy_helio_plugins.helioviewer.jp2.palette import has_frames
from sunpy_helio_plugins.sandbox.helioviewer import containers, holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("glymur")

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "helioviewer.rst"
REGION = [[100, 200], [179, 239]] * u.pix


def images(count: int) -> list[Any]:
    return holdings.images(13)[:count]


def contents(count: int) -> list[bytes]:
    found = [made.content(image) for image in images(count)]
    assert None not in found
    return found  # type: ignore[return-value]


def embedded(path: Path, count: int = 3) -> Path:
    path.write_bytes(containers.jpx(contents(count)))
    return path


def linked(path: Path, count: int = 3, prefix: str = "file:///var/www/jp2") -> Path:
    path.write_bytes(containers.jpx(contents(count), [f"{prefix}{image.path}" for image in images(count)]))
    return path


def colours(path: Path) -> Path:
    out = io.BytesIO()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(out, format="JPEG2000")
    path.write_bytes(made.with_header(out.getvalue(), "<meta><fits><INSTRUME>x</INSTRUME></fits></meta>"))
    return path


def mj2(path: Path) -> Path:
    path.write_bytes(boxes.SIGNATURE + header.box(b"ftyp", b"mjp2\0\0\0\0mjp2") + header.box(b"moov", bytes(20)))
    return path


def jp2(path: Path) -> Path:
    path.write_bytes(contents(1)[0])
    return path


def swap(path: Path) -> Path:
    """Write a file with a palette; its samples are those of the image."""
    data = contents(1)[0]
    palette = header.box(b"pclr", struct.pack(">HB3B", 256, 3, 7, 7, 7) + bytes(768))
    palette += header.box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, k) for k in range(3)))
    parts = []
    for kind, box in made.boxes(data):
        parts.append(header.box(kind, box[8:] + palette) if kind == b"jp2h" else box)
    path.write_bytes(b"".join(parts))
    return path


def test_the_images_in_a_jpx_are_maps(tmp_path: Path) -> None:
    path = embedded(tmp_path / "x.jpx")
    maps = helioviewer.read(path)
    for map_, data in zip(maps, contents(3), strict=True):
        single = tmp_path / "one.jp2"
        single.write_bytes(data)
        expected = helioviewer.read(single)
        assert np.array_equal(map_.data, expected.data)
        assert map_.meta["date-obs"] == expected.meta["date-obs"]
    small = helioviewer.read(path, size=128, region=REGION)
    assert [map_.data.shape for map_ in small] == [(40, 80)] * 3
    assert np.array_equal(small[1].data, maps[1].data[200:240, 100:180])


def test_a_jpx_with_links_is_resolved_to_the_archive(archive: Any, tmp_path: Path) -> None:
    path = linked(tmp_path / "x.jpx")
    archive.log.clear()
    maps = helioviewer.read(path, region=REGION)
    assert [map_.data.shape for map_ in maps] == [(40, 80)] * 3
    asked = [request for request in archive.log if request.path.endswith(".jp2")]
    assert {request.path.removeprefix("/helioviewer/jp2") for request in asked} == {one.path for one in images(3)}
    assert all("range" in request.headers for request in asked)


def test_files_beside_a_jpx_are_used(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.jpx", 2)
    for image, data in zip(images(2), contents(2), strict=True):
        (tmp_path / image.path.rpartition("/")[2]).write_bytes(data)
    assert len(helioviewer.read(path, size=64)) == 2


@pytest.mark.parametrize("prefix", ["https://elsewhere.example/a?", "file://../../../etc/passwd?", "https://[::1"])
def test_links_to_other_places_are_not_followed(tmp_path: Path, prefix: str) -> None:
    path = linked(tmp_path / "x.jpx", 1, prefix)
    with pytest.raises(FileError, match=r"x\.jpx: frame 1 refers to .* which is neither a path"):
        helioviewer.read(path)


def test_the_archive_is_used_wherever_a_link_points(archive: Any, tmp_path: Path) -> None:
    path = linked(tmp_path / "x.jpx", 1, "https://elsewhere.example/jp2")
    assert len(helioviewer.read(path, size=64)) == 1


def test_frames_that_are_no_maps_are_left_out_with_a_warning(tmp_path: Path) -> None:
    data = [contents(1)[0], colours(tmp_path / "colours.jp2").read_bytes()]
    path = tmp_path / "x.jpx"
    path.write_bytes(containers.jpx(data))
    with pytest.warns(IncompleteAnswerWarning, match=r"1 of 2 frames .* x\.jpx, frame 2: The image has 3 components"):
        assert len(helioviewer.read(path)) == 1


def test_a_jpx_without_maps_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jpx"
    path.write_bytes(containers.jpx([colours(tmp_path / "colours.jp2").read_bytes()]))
    with pytest.raises(FileError, match="frame 1: The image has 3 components"):
        helioviewer.read(path)


@pytest.mark.parametrize("cut", [30, 200, 2000, -10])
def test_a_jpx_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    path = embedded(tmp_path / "x.jpx")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileError, match=r"x\.jpx: "):
        helioviewer.read(path)


def test_a_deep_or_wrong_association_ends(tmp_path: Path) -> None:
    deep = b""
    for _ in range(2000):
        deep = header.box(b"asoc", deep)
    path = tmp_path / "x.jpx"
    path.write_bytes(embedded(path).read_bytes() + deep)
    assert len(jpx.frames(path)) == 3


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (header.box(b"ftbl", header.box(b"flst", struct.pack(">HQIH", 1, 0, 9, 4))), "a file that it does not name"),
        (header.box(b"ftbl", header.box(b"flst", struct.pack(">HQIH", 2, 0, 9, 0))), "in 2 parts"),
        (header.box(b"ftbl", header.box(b"flst", struct.pack(">HQIH", 1, 0, 2**31, 0))), "beyond the end"),
        (header.box(b"ftbl", header.box(b"flst", struct.pack(">HQIH", 1, 2**63, 9, 0))), "beyond the end"),
        (header.box(b"ftbl", b""), "does not refer to an image"),
        (header.box(b"dtbl", struct.pack(">H", 7)), "names 0 of the 7 files"),
    ],
)
def test_a_wrong_reference_is_refused(tmp_path: Path, box: bytes, words: str) -> None:
    path = tmp_path / "x.jpx"
    path.write_bytes(embedded(path).read_bytes() + box)
    with pytest.raises(FileError, match=words):
        helioviewer.read(path)


def test_a_movie_of_jpeg_2000_is_said(tmp_path: Path) -> None:
    for size in (None, 64):
        with pytest.raises(FileError, match=r"x\.mj2: This is Motion JPEG 2000 \(MJ2\)"):
            helioviewer.read(mj2(tmp_path / "x.mj2"), size=size)


@pytest.fixture
def rows(archive: Any) -> Any:
    return HelioviewerClient().search(a.Time("2026-01-10 12:00", "2026-01-10 12:01:20"), a.helioviewer.SourceID(13))


@pytest.mark.parametrize("more", [{}, {"size": 64}, {"region": REGION}])
def test_rows_and_addresses_are_read_like_their_files(archive: Any, rows: Any, tmp_path: Path, more: Any) -> None:
    files = sorted(Fido.fetch(rows, path=tmp_path / "{file}"))
    expected = [helioviewer.read(file, **more) for file in files]
    one = helioviewer.read(rows[0], **more)
    assert np.array_equal(one.data, expected[0].data)
    address = helioviewer.read(str(rows["url"][0]), **more)
    assert np.array_equal(address.data, expected[0].data)
    for several in (rows, list(rows["url"]), files, [Path(file) for file in files]):
        maps = helioviewer.read(several, **more)
        assert [map_.meta["date-obs"] for map_ in maps] == [map_.meta["date-obs"] for map_ in expected]
        assert all(np.array_equal(map_.data, other.data) for map_, other in zip(maps, expected, strict=True))


def test_a_response_of_fido_is_read(archive: Any) -> None:
    found = Fido.search(a.Time("2026-01-10 12:00", "2026-01-10 12:00:40"), a.helioviewer.SourceID(13))
    assert len(helioviewer.read(found, size=64)) == len(found["helioviewer"])


@pytest.mark.usefixtures("impatient")
def test_an_image_that_does_not_come_is_an_error(archive: Any, rows: Any) -> None:
    with archive.fault("status", path="/helioviewer/jp2"), pytest.raises(TransferError):
        helioviewer.read(rows[0])
    with pytest.raises(TransferError, match="404"):
        helioviewer.read(f"{conf.helioviewer.jp2_url}/none.jp2")


@pytest.mark.parametrize("given", [5, None, {"x": 1}, [5], ["a.jp2", 5], b"x", "https://[::1/a.jp2"])
def test_other_inputs_are_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.read takes"):
        helioviewer.read(given)


def test_a_jpx_at_an_address_is_read(archive: Any, canned: Callable[..., str], tmp_path: Path) -> None:
    body = embedded(tmp_path / "x.jpx").read_bytes()
    url = canned(lambda path: (200, "image/jpx", body))
    assert len(helioviewer.read(f"{url}/x.jpx", size=64)) == 3


# The table in the documentation

EXAMPLES: dict[str, Callable[[Path], Path]] = {
    "JP2": jp2, "JP2 with a palette (SWAP)": swap, "JPX with images": embedded, "JPX with references": linked,
    "JP2 with several components (colours)": colours, "MJ2": mj2,
}  # fmt: skip


def table() -> dict[str, tuple[str, str]]:
    """Return the rows of the table: what `read` and `sunpy.map.Map` do with each kind of file."""
    text = PAGE.read_text(encoding="utf-8")
    text = text[text.index("Files that can be opened") : text.index("Open several files")]
    rows = re.findall(r"\* - (.+)\n      - (.+)\n      - (.+)\n", text)
    return {name: (ours, theirs) for name, ours, theirs in rows if name != "File"}


def opened(open_: Callable[..., Any], path: Path) -> str:
    try:
        found = open_(path)
    except Exception:  # noqa: BLE001 - of any library
        return "refused"
    return "maps" if isinstance(found, list) else "a map"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_table_says_what_is_opened(archive: Any, tmp_path: Path, name: str) -> None:
    ours, theirs = table()[name]
    path = EXAMPLES[name](tmp_path / f"x{'.jpx' if 'JPX' in name else '.jp2'}")
    found = opened(helioviewer.read, path), opened(sunpy.map.Map, path)
    assert tuple(said.partition(":")[0] for said in (ours, theirs)) == found


def test_the_table_has_all_kinds() -> None:
    assert set(table()) == set(EXAMPLES)


def test_map_opens_the_real_files_that_read_opens(real_data: Path) -> None:
    folder = real_data / "world" / "helioviewer"
    for path in (folder / "swap_embedded.jpx", folder / "hetero_000.jp2"):
        ours, theirs = helioviewer.read(path), Map(path)
        pairs = zip(ours, theirs, strict=True) if isinstance(ours, list) else [(ours, theirs)]
        for own, other in pairs:
            assert np.array_equal(own.data, other.data)
            assert own.date == other.date


def test_real_references_are_resolved_beside_the_file(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "world" / "helioviewer"
    shutil.copy(folder / "hetero_linked.jpx", tmp_path)
    for number in range(3):
        shutil.copy(folder / f"hetero_{number:03d}.jp2", tmp_path / f"{number:03d}.jp2")
    with pytest.warns(IncompleteAnswerWarning, match=r"1 of 3 frames are not maps; the first: 001\.jp2"):
        maps = helioviewer.read(tmp_path / "hetero_linked.jpx", size=128)
    assert [map_.nickname for map_ in maps] == ["SWAP", "AIA"]


BEGIN = boxes.SIGNATURE + header.box(b"ftyp", b"jpx " + bytes(4) + b"jpx ")
FRAGMENTS = header.box(b"free", b"") + header.box(b"flst", struct.pack(">HQIH", 1, 100, 20, 1))
LINKS = b"\0\1" + header.box(b"free", b"") + header.box(b"url ", bytes(4) + b"file:///jp2/a.jp2\0")


def jpx_of(path: Path, *parts: bytes) -> Path:
    path.write_bytes(BEGIN + b"".join(parts))
    return path


def test_a_header_outside_of_associations_is_that_of_the_first_frame(tmp_path: Path) -> None:
    path = jpx_of(tmp_path / "x.jpx", header.box(b"xml ", b"<meta>a</meta>\0"), header.box(b"jp2c", b"x" * 20))
    (frame,) = jpx.frames(path)
    assert (frame.text, frame.link) == ("<meta>a</meta>", "")
    assert has_frames(path)


def test_other_boxes_among_fragments_and_links_are_skipped(tmp_path: Path) -> None:
    (frame,) = jpx.frames(jpx_of(tmp_path / "x.jpx", header.box(b"ftbl", FRAGMENTS), header.box(b"dtbl", LINKS)))
    assert (frame.place, frame.link, frame.name) == ((100, 120), "file:///jp2/a.jp2", "a.jp2")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (b"", "does not contain a frame"),
        (header.box(b"ftbl", header.box(b"flst", b"\0\1")), "The boxes of the JPX file are damaged"),
    ],
)
def test_a_jpx_file_without_complete_frames_is_refused(tmp_path: Path, part: bytes, words: str) -> None:
    path = jpx_of(tmp_path / "x.jpx", part)
    with pytest.raises(FileError, match=words):
        jpx.frames(path)
    assert not has_frames(path)
    assert not has_frames(tmp_path / "absent.jpx")


@pytest.mark.parametrize("edges", [(0, 40, 40, 0), (40, 40, 0, 40)])
def test_a_frame_without_an_area_is_refused(edges: tuple[int, int, int, int]) -> None:
    data = bytearray(contents(1)[0])
    start, _ = boxes.codestream_at(bytes(data))
    struct.pack_into(">IIII", data, start + 8, *edges)
    frame = jpx.Frame(0, "", (start, len(data)))
    with pytest.raises(FileError, match=r"cannot be decoded|image"):
        frame.file(io.BytesIO(bytes(data)))
