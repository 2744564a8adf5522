"""Test regions: the packets they need, and exactly the pixels of the complete image."""

from __future__ import annotations

import io
import itertools
import struct
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, packets, samples
from sunpy_helio_plugins.helioviewer.jp2.codestream import CodestreamLayout
from sunpy_helio_plugins.helioviewer.jp2.packets import ImageBox
from sunpy_helio_plugins.helioviewer.jp2.region import CROP, RegionCut
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
glymur = pytest.importorskip("glymur")

HEIGHT, WIDTH = 210, 331
REAL = "2024_04_16__11_15_41_129__SDO_AIA_AIA_304.jp2"
PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
KEYS = {"CDELT1": 2.0, "CDELT2": 2.0, "CRPIX1": 166.0, "CRPIX2": 105.5, "NAXIS1": WIDTH, "NAXIS2": HEIGHT}
LAYERS = {"irreversible": True, "cratios": (20, 6, 2)}


def picture(components: int = 1) -> np.ndarray:
    rows, columns = np.indices((HEIGHT, WIDTH))
    noise = np.random.default_rng(1).normal(0, 6, (HEIGHT, WIDTH, components))
    smooth = 120 + 60 * np.sin(rows / 17) * np.cos(columns / 23)
    values = (smooth[:, :, None] + noise).clip(0, 255).astype(np.uint8)
    return values[:, :, 0] if components == 1 else values


def file_of(path: Path, components: int = 1, **options: Any) -> bytes:
    """Return a file with the lengths of its packets, and a header."""
    options = {"plt": True, "prog": "RPCL", "numres": 5, "cbsize": (16, 16), "psizes": [(32, 32)] * 5, **options}
    if components > 1:
        options["mct"] = False
    glymur.Jp2k(path, data=picture(components), **options)
    keys = "".join(f"<{key}>{value}</{key}>" for key, value in KEYS.items())
    return made.with_header(path.read_bytes(), f"<meta><fits>{keys}</fits></meta>")


def layout_of(data: bytes) -> tuple[bytes, CodestreamLayout]:
    stream = data[slice(*boxes.codestream_at(data))]
    layout = CodestreamLayout.read(stream)
    assert isinstance(layout, CodestreamLayout)
    return stream, layout


def decoded_whole(stream: bytes, halvings: int) -> np.ndarray:
    """Return all pixels as glymur decodes them; Pillow cannot reduce images of odd sizes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.j2k")
        path.write_bytes(stream)
        return np.asarray(glymur.Jp2k(path)[:: 2**halvings, :: 2**halvings])


def some_boxes(seed: int, count: int, width: int, height: int, longest: int) -> list[ImageBox]:
    """Return parts of an image: at its corners, of one pixel, all of it, and random ones."""
    chosen = np.random.default_rng(seed)
    found = [ImageBox(0, 0, 1, 1), ImageBox(width - 1, height - 1, width, height), ImageBox(0, 0, width, height)]
    for _ in range(count):
        wide, high = chosen.integers(1, min(longest, width) + 1), chosen.integers(1, min(longest, height) + 1)
        left, upper = chosen.integers(0, width - wide + 1), chosen.integers(0, height - high + 1)
        found.append(ImageBox(int(left), int(upper), int(left + wide), int(upper + high)))
    return found


def region_of(stream: bytes, layout: CodestreamLayout, halvings: int, box: ImageBox) -> np.ndarray:
    """Return a region that is decoded from its own packets; the others are destroyed."""
    chosen = packets.selected(layout, halvings, box)
    damaged = bytearray(b"\xee" * len(stream))
    damaged[: layout.packets] = stream[: layout.packets]
    for start, stop in packets.spans(layout, chosen):
        damaged[start:stop] = stream[start:stop]
    own = packets.extracted(lambda start, stop: bytes(damaged[start:stop]), layout, halvings, chosen)
    return samples.decoded_part(own, box)


@pytest.mark.parametrize("progression", PROGRESSIONS)
@pytest.mark.parametrize("options", [{}, LAYERS, {**LAYERS, "components": 3}, {"sop": True, "eph": True, **LAYERS}])
def test_the_packets_of_a_region_give_the_pixels_of_the_whole(tmp_path: Path, progression: str, options: Any) -> None:
    stream, layout = layout_of(file_of(tmp_path / "x.jp2", prog=progression, **options))
    for halvings in (0, 1, 4):
        whole = decoded_whole(stream, halvings)
        height, width = whole.shape[:2]
        for box in some_boxes(halvings, 6, width, height, 60):
            got = region_of(stream, layout, halvings, box)
            assert np.array_equal(got, whole[box.upper : box.lower, box.left : box.right]), (halvings, box)


@pytest.mark.parametrize(
    "psizes",
    [[(128, 64), (64, 128), (32, 32), (32, 32), (64, 64)], [(32, 32)] + [(16, 16)] * 4],
)
def test_precincts_may_differ_between_resolutions(tmp_path: Path, psizes: list[tuple[int, int]]) -> None:
    stream, layout = layout_of(file_of(tmp_path / "x.jp2", psizes=psizes, **LAYERS))
    whole = decoded_whole(stream, 0)
    for box in some_boxes(3, 12, WIDTH, HEIGHT, 40):
        assert np.array_equal(region_of(stream, layout, 0, box), whole[box.upper : box.lower, box.left : box.right])


def test_a_region_without_glymur_is_decoded_by_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, layout = layout_of(file_of(tmp_path / "x.jp2", **LAYERS))
    box = ImageBox(100, 50, 160, 90)
    with_glymur = region_of(stream, layout, 0, box)
    monkeypatch.setattr(samples, "_area_reader", lambda: None)
    assert np.array_equal(region_of(stream, layout, 0, box), with_glymur)


@pytest.mark.parametrize("most", [1, 2, 5, 12])
def test_gaps_are_filled_until_there_are_few_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(packets, "GAP", 0)
    _, layout = layout_of(file_of(tmp_path / "x.jp2", **LAYERS))
    chosen = packets.selected(layout, 0, ImageBox(150, 90, 180, 120))
    ends = layout.packets + np.cumsum(layout.lengths)
    found = packets.spans(layout, chosen, most)
    assert len(found) == min(most, len(packets.spans(layout, chosen, 10_000)))
    covered = np.zeros(int(ends[-1]), dtype=bool)
    for start, stop in found:
        covered[start:stop] = True
    for length, end in zip(layout.lengths[chosen], ends[chosen], strict=True):
        assert covered[end - length : end].all()
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))


def test_narrow_gaps_are_not_worth_a_request(tmp_path: Path) -> None:
    _, layout = layout_of(file_of(tmp_path / "x.jp2", **LAYERS))
    found = packets.spans(layout, packets.selected(layout, 0, ImageBox(150, 90, 180, 120)), 10_000)
    assert all(after[0] - before[1] > packets.GAP for before, after in itertools.pairwise(found))


def cut_at(box: ImageBox, size: int | None = None) -> RegionCut:
    return RegionCut(lambda keys, shape: box, size)


def parts_only(cut: RegionCut, data: bytes) -> bytes | None:
    """Return the beginning and the parts of a file that a region needs, with zeros between them."""
    want = 1500
    while (needed := cut.needed(data[:want])) is not None and needed > want:
        want = needed
    spans = None if needed is None else cut.parts(data[:want])
    if spans is None:
        return None
    kept = bytearray(max([want, *(stop for _, stop in spans)]))
    for start, stop in [(0, want), *spans]:
        kept[start:stop] = data[start:stop]
    return bytes(kept)


@pytest.mark.parametrize("size", [None, 30, 15, 1])
def test_a_file_with_a_region_alone_is_made_of_its_parts(tmp_path: Path, size: int | None) -> None:
    data, box = file_of(tmp_path / "x.jp2", **LAYERS), ImageBox(100, 50, 160, 90)
    part = tmp_path / "part"
    part.write_bytes(parts_only(cut_at(box, size), data) or b"")
    cut_at(box, size).accept(part)
    small = part.read_bytes()
    assert boxes.is_complete(part)
    halvings = {None: 0, 30: 1, 15: 2, 1: 4}[size]
    whole, edges = decoded_whole(layout_of(data)[0], halvings), box.halved(halvings)
    pixels = samples.decoded(small[slice(*boxes.codestream_at(small))])
    assert np.array_equal(pixels, whole[edges.upper : edges.lower, edges.left : edges.right])
    keys, factor = header.keywords(header.text_of(small)), 2**halvings
    assert keys[CROP] == f"100 50 160 90 of {WIDTH} {HEIGHT}"
    assert (keys["NAXIS1"], keys["NAXIS2"]) == pixels.shape[::-1]
    # The first column of the region and its lowest row, in pixels of the complete image.
    assert (1 - keys["CRPIX1"]) * factor == edges.left * factor + 1 - KEYS["CRPIX1"]
    lowest = HEIGHT - (edges.lower - 1) * factor
    assert (1 - keys["CRPIX2"]) * factor == lowest - KEYS["CRPIX2"]


@pytest.mark.parametrize(
    "options", [{"plt": False}, {"plt": False, "prog": "LRCP"}, {"tilesize": (64, 64)}, {"subsam": (2, 2)}]
)
def test_without_lengths_of_packets_the_complete_file_is_needed(tmp_path: Path, options: Any) -> None:
    data = file_of(tmp_path / "x.jp2", **options)
    assert parts_only(cut_at(ImageBox(10, 10, 20, 20)), data) is None


@pytest.mark.parametrize("options", [{"plt": False}, {"plt": False, "prog": "LRCP"}, {"tilesize": (64, 64)}])
@pytest.mark.parametrize("size", [None, 30])
def test_a_region_of_a_complete_file_has_the_same_pixels(tmp_path: Path, options: Any, size: int | None) -> None:
    data, box = file_of(tmp_path / "x.jp2", **options), ImageBox(271, 150, WIDTH, HEIGHT)
    values, _ = cut_at(box, size).pixels(io.BytesIO(data))
    halvings = 0 if size is None else 1
    edges = box.halved(halvings)
    stream = data[slice(*boxes.codestream_at(data))]
    assert np.array_equal(values, decoded_whole(stream, halvings)[edges.upper : edges.lower, edges.left : edges.right])


def test_without_precincts_a_reduced_region_needs_the_beginning(tmp_path: Path) -> None:
    data = file_of(tmp_path / "x.jp2", psizes=None, **LAYERS)
    cut = cut_at(ImageBox(100, 50, 200, 90), 25)
    _, layout = layout_of(data)
    start, _ = boxes.codestream_at(data)
    assert cut.parts(data) == [(start + layout.packets, start + layout.end(2))]


def test_a_file_that_ends_within_a_region_is_refused(tmp_path: Path) -> None:
    data, box = file_of(tmp_path / "x.jp2", **LAYERS), ImageBox(100, 50, 160, 90)
    kept = parts_only(cut_at(box), data)
    assert kept is not None
    with pytest.raises(FileError, match="it was cut"):
        cut_at(box).pixels(io.BytesIO(kept[:-1]))


@pytest.mark.parametrize(
    ("body", "words"), [(b"<html><p>Limit of 9</p></html>", "a page"), (b"File not found.", "does not exist")]
)
def test_an_answer_that_is_no_image_is_said(tmp_path: Path, body: bytes, words: str) -> None:
    part = tmp_path / "part"
    part.write_bytes(body)
    with pytest.raises(FileError, match=words):
        cut_at(ImageBox(0, 0, 1, 1)).accept(part)


def test_the_parts_of_a_region_are_few_bytes_of_a_real_file(real_data: Path) -> None:
    data = (real_data / "world" / "helioviewer" / REAL).read_bytes()
    stream, layout = layout_of(data)
    whole, shares = decoded_whole(stream, 0), []
    middle = ImageBox(1000, 1000, 3000, 3000)
    for box in some_boxes(5, 40, 4096, 4096, 1)[3:]:
        left, upper = max(box.left - 256, 0), max(box.upper - 256, 0)
        part = ImageBox(left, upper, left + 256, upper + 256)
        spans = packets.spans(layout, packets.selected(layout, 0, part))
        assert len(spans) <= packets.MOST_SPANS
        shares.append(sum(stop - start for start, stop in spans) / len(data))
    assert max(shares) <= 0.13
    assert np.median(shares) <= 0.07
    for box in [ImageBox(0, 0, 256, 256), ImageBox(2031, 1777, 2287, 2033), ImageBox(3840, 3840, 4096, 4096)]:
        assert np.array_equal(region_of(stream, layout, 0, box), whole[box.upper : box.lower, box.left : box.right])
    assert packets.spans(layout, packets.selected(layout, 0, middle))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<meta><fits><A>1</A></fits></meta>", "<meta><fits><A>1</A></fits><B>2</B>\n</meta>"),
        ("</meta>", "<B>2</B>\n</meta>"),
        ("no elements", "no elements"),
        ("", ""),
    ],
)
def test_keywords_are_added_before_the_last_end_of_an_element(text: str, expected: str) -> None:
    assert header.added(text, {"B": 2}) == expected


def test_no_packets_are_no_bytes(tmp_path: Path) -> None:
    _, layout = layout_of(file_of(tmp_path / "x.jp2"))
    assert packets.spans(layout, np.zeros(len(layout.lengths), bool)) == []


def test_a_complete_file_without_lengths_of_packets_gets_its_region(tmp_path: Path) -> None:
    data, box = file_of(tmp_path / "x.jp2", plt=False), ImageBox(100, 50, 160, 90)
    assert cut_at(box).parts(data) is None
    part = tmp_path / "part"
    part.write_bytes(data)
    cut_at(box).accept(part)
    whole = decoded_whole(data[slice(*boxes.codestream_at(data))], 0)
    small = part.read_bytes()
    pixels = samples.decoded(small[slice(*boxes.codestream_at(small))])
    assert np.array_equal(pixels, whole[box.upper : box.lower, box.left : box.right])


def test_samples_that_cannot_be_encoded_again_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "deep.jp2"
    glymur.Jp2k(path, data=picture().astype(np.uint16) * 16 + 5, plt=True)
    data = bytearray(path.read_bytes())
    keys = "".join(f"<{key}>{value}</{key}>" for key, value in KEYS.items())
    whole = made.with_header(bytes(data), f"<meta><fits>{keys}</fits></meta>")
    cut = cut_at(ImageBox(100, 50, 160, 90))
    values, _ = cut.pixels(io.BytesIO(whole))
    assert values.dtype == np.uint16
    start, _ = boxes.codestream_at(whole)
    twelve = bytearray(whole)
    twelve[start + whole[start:].index(b"\xff\x51") + 40] = 11  # 12 bits in place of 16
    with pytest.raises(FileError, match=r"A region of this image cannot be saved, since its samples are .* 12 bits"):
        cut.cropped(io.BytesIO(bytes(twelve)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"<html>no</html>" + data, "a page"),
        (lambda data: data[: boxes.codestream_at(data)[0] + 60], "its markers were cut or are damaged"),
    ],
)
def test_pixels_of_what_is_no_image_or_of_its_beginning_are_refused(tmp_path: Path, change: Any, words: str) -> None:
    data = file_of(tmp_path / "x.jp2")
    with pytest.raises(FileError, match=words):
        cut_at(ImageBox(0, 0, 1, 1)).pixels(io.BytesIO(change(data)))


def test_a_file_whose_header_cannot_be_read_is_needed_as_a_whole(tmp_path: Path) -> None:
    data = file_of(tmp_path / "x.jp2")
    cut = cut_at(ImageBox(0, 0, 1, 1))
    damaged = boxes.SIGNATURE + struct.pack(">I", 3) + data[len(boxes.SIGNATURE) + 4 :]
    assert cut.needed(damaged) is None
    assert cut.needed(data[: boxes.codestream_at(data)[0] + 4]) is not None


def test_more_halvings_than_the_image_has_are_refused(tmp_path: Path) -> None:
    data = file_of(tmp_path / "x.jp2")
    with pytest.raises(FileError, match="The image can be halved 4 times, but not 9 times"):
        RegionCut(lambda keys, shape: ImageBox(0, 0, 1, 1), None, None, 9).pixels(io.BytesIO(data))


def test_a_damaged_codestream_is_refused_by_its_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stream, _ = layout_of(file_of(tmp_path / "x.jp2"))

    def fails(_: Path) -> Any:
        raise RuntimeError("a marker is damaged")

    monkeypatch.setattr(samples, "_area_reader", lambda: fails)
    with pytest.raises(FileError, match=r"it was cut or is damaged \(a marker is damaged\)"):
        samples.decoded_part(stream, (0, 0, 10, 10))


def test_without_glymur_there_is_no_reader_of_areas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples._area_reader() is glymur.Jp2k
    monkeypatch.setitem(sys.modules, "glymur", None)
    assert samples._area_reader() is None


def test_only_unsigned_samples_that_pillow_takes_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples.encoded(np.zeros((8, 8), np.float32)) is None
    assert samples.encoded(np.zeros((8, 8, 5), np.uint8)) is None
    assert samples.encoded(np.zeros((8, 8), np.uint8)) is not None

    def fails(_: Any) -> Any:
        raise OSError("encoder error")

    monkeypatch.setattr(Image, "fromarray", fails)
    assert samples.encoded(np.zeros((8, 8), np.uint8)) is None
