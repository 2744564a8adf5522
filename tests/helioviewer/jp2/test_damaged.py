"""Test that damaged, truncated or unusual files give either one clear error or a correct image."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, Problem
from sunpy_helio_plugins.helioviewer.jp2 import boxes, codestream, header, reduce, remote_headers
from sunpy_helio_plugins.helioviewer.jp2.codestream import CodestreamLayout
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
jpylyzer = pytest.importorskip("jpylyzer.jpylyzer")


def whole(source: int = 13) -> bytes:
    data = made.content(holdings.images(source)[-1])
    assert data is not None
    return data


WHOLE = whole(4)
HEAD = WHOLE.index(b"jp2c") + 4


class Damage:
    """A damaged file, whose representation does not contain its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Damage({len(self.data)} bytes, {sum(a != b for a, b in zip(self.data, WHOLE, strict=False))} differ)"


@st.composite
def damage(draw: st.DrawFn) -> bytes:
    """Return a file that was truncated, had bytes changed in its header or markers, or lost some."""
    data = bytearray(WHOLE)
    kind = draw(st.sampled_from(["cut", "head", "markers", "lost"]))
    if kind == "cut":
        return bytes(data[: draw(st.integers(0, len(data) - 1))])
    if kind == "lost":
        at = draw(st.integers(0, len(data) - 1))
        del data[at : at + draw(st.integers(1, 500))]
        return bytes(data)
    low, high = (0, HEAD) if kind == "head" else (HEAD, HEAD + 250)
    for at, value in draw(st.lists(st.tuples(st.integers(low, high), st.integers(0, 255)), min_size=1, max_size=5)):
        data[at] = value
    return bytes(data)


def quiet(work: Callable[[], Any]) -> Any:
    """Return the result of reading a file, or nothing if it is refused with an error of this package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()
    except FileError:
        return None


@settings(max_examples=300)
@given(damaged=st.builds(Damage, damage()), size=st.sampled_from([1, 60, 128, 512]))
def test_damage_is_refused_in_our_own_words(damaged: Damage, size: int) -> None:
    data = damaged.data
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "image.jp2")
        file.write_bytes(data)
        quiet(lambda: boxes.accept(file))
        quiet(lambda: header.keywords(header.text_of(data)))
        quiet(lambda: reduce.needed(size, data))
        picture = quiet(lambda: helioviewer.read(file, size=size))
        assert picture is None or picture.data.dtype == np.uint8
        quiet(lambda: reduce.accept(size, file))


@pytest.mark.parametrize(
    ("kept", "size"), [*((kept, None) for kept in (0, 11, 40, 900, 2500, 6000, 20_000, -1)), (40, 128), (2500, 128)]
)
def test_a_cut_file_is_an_error_and_nothing_else(
    archive: Any, canned: Callable[..., str], impatient: None, tmp_path: Path, kept: int, size: int | None
) -> None:
    row = HelioviewerClient().search(a.Time("2026-01-10 14:00:07", "2026-01-10 14:00:08"), a.helioviewer.SourceID(4))
    row["url"] = [f"{canned(lambda path: (200, 'image/jp2', WHOLE[:kept]))}/image.jp2"]
    files = Fido.fetch(row, path=tmp_path / "{file}", size=size)
    assert (list(files), len(files.errors)) == ([], 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "columns"), [(1 << 20, 1 << 20), (0, 0), (512, 511), (100_000, 1000)], ids=["bomb", "no", "other", "long"]
)
def test_a_size_that_is_not_believed_is_not_decoded(tmp_path: Path, rows: int, columns: int) -> None:
    data = bytearray(WHOLE)
    struct.pack_into(">II", data, data.index(b"ihdr") + 4, rows, columns)
    if rows > 1000:
        struct.pack_into(">II", data, data.index(b"\xff\x51") + 6, columns, rows)
    file = tmp_path / "image.jp2"
    file.write_bytes(data)
    with pytest.raises(FileError, match=r"image\.jp2: .*(its size of|damaged|does not contain an image header)"):
        helioviewer.read(file)


def test_a_header_of_which_sunpy_makes_no_map_is_named(tmp_path: Path) -> None:
    file = tmp_path / "image.jp2"
    text = header.replaced(header.text_of(WHOLE), {"CUNIT1": "furlong"})
    file.write_bytes(made.with_header(WHOLE, text))
    with pytest.raises(FileError, match=r"image\.jp2: sunpy cannot make a map with its header: .*furlong"):
        helioviewer.read(file)
    file.write_bytes(made.with_header(WHOLE, header.replaced(text, {"DATE_OBS": "yesterday"})))
    with pytest.raises(FileError, match=r"image\.jp2: The header's date"):
        helioviewer.read(file)


@pytest.mark.parametrize("source", [4, 11, 13, 19])
@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_jpylyzer_finds_every_smaller_file_valid(source: int, size: int, tmp_path: Path) -> None:
    file = tmp_path / "small.jp2"
    file.write_bytes(reduce.reduce(whole(source), size))
    assert jpylyzer.checkOneFile(str(file)).findtext("isValid") == "True"


def behind(data: bytes) -> bytes:
    """Return a file whose header is after its image, as written by some programs."""
    parts = dict(made.boxes(data))
    return b"".join(box for kind, box in parts.items() if kind != b"xml ") + parts[b"xml "]


def test_a_header_behind_the_picture_is_found(archive: Any, tmp_path: Path) -> None:
    data = behind(WHOLE)
    assert reduce.needed(128, data[:20_000]) is None, "the whole file is needed for its header"
    file = tmp_path / "image.jp2"
    file.write_bytes(data)
    boxes.accept(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert helioviewer.read(file, size=128).date.isot == "2026-01-10T15:12:07.442"
    assert header.file_header(file)["DETECTOR"] == "C2"


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("large", [True, False])
def test_headers_are_read_where_they_are_longer_or_behind(ranged: Any, ranges: bool, large: bool) -> None:
    text = header.text_of(WHOLE)
    history = f"<HISTORY>{'long ' * 5000}</HISTORY></fits>"
    data = made.with_header(WHOLE, text.replace("</fits>", history)) if large else behind(WHOLE)
    url, asked = ranged(data, ranges)
    (found,) = remote_headers.fetch([url])
    assert isinstance(found, dict), found
    assert found["EXPTIME"] == 25.1
    assert len(asked) == 2
    assert int(asked[1].removeprefix("bytes=").partition("-")[0]) >= header.FIRST_BYTES


@pytest.fixture
def ranged(canned: Callable[..., str]) -> Any:
    """Return a function that serves a file with or without range requests."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    servers = []

    def start(data: bytes, ranges: bool) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wish = self.headers["Range"]
                asked.append(wish)
                first, _, last = wish.removeprefix("bytes=").partition("-")
                body = data[int(first) : int(last) + 1 if last else None] if ranges else data
                self.send_response(206 if ranges else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client disconnects when it has enough data
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/image.jp2", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("layers", [1, 8])
@pytest.mark.parametrize("shape", [(1000, 700), (513, 1024), (256, 256)])
def test_glymur_pillow_and_we_see_the_same_pixels(tmp_path: Path, layers: int, shape: tuple[int, int]) -> None:
    """A file with Helioviewer's layout: by resolution, precincts of 128, lengths of packets, several layers."""
    glymur = pytest.importorskip("glymur")
    rows, columns = np.indices(shape)
    grey = (128 + 90 * np.sin(rows / 9) * np.cos(columns / 7) + rows % 7).clip(0, 255).astype(np.uint8)
    ratios = [2.0 * 2**k for k in range(layers)][::-1]
    plain = tmp_path / "plain.jp2"
    glymur.Jp2k(
        plain, data=grey, prog="RPCL", cratios=ratios, numres=6, plt=True, psizes=[(128, 128)] * 6, cbsize=(64, 64),
        irreversible=True,
    )  # fmt: skip
    data = made.with_header(plain.read_bytes(), "<meta><fits><CDELT1>1.0</CDELT1></fits></meta>")
    file = tmp_path / "image.jp2"
    file.write_bytes(data)
    for halvings in range(4):
        size = -(-max(shape) >> halvings)
        enough = reduce.needed(size, data)
        assert (enough is None) == (halvings == 0)
        ours = reduce.decoded(reduce.reduce(data[:enough], size))
        assert np.array_equal(ours, glymur.Jp2k(file)[:: 2**halvings, :: 2**halvings])
        if shape == (513, 1024) and halvings >= 2:
            continue  # Pillow rounds such a size differently from OpenJPEG, and fails
        with Image.open(io.BytesIO(data)) as picture:
            picture.reduce = halvings
            assert np.array_equal(ours, np.asarray(picture))


@pytest.mark.parametrize("shape", [(513, 1024), (176, 196), (600, 1025)])
@pytest.mark.parametrize("size", [600, 150, 40, 5])
def test_a_picture_that_pillow_cannot_halve_so_often_stays_larger(
    tmp_path: Path, shape: tuple[int, int], size: int
) -> None:
    glymur = pytest.importorskip("glymur")
    grey = (np.indices(shape).sum(axis=0) % 251).astype(np.uint8)
    plain = tmp_path / "plain.jp2"
    glymur.Jp2k(plain, data=grey, prog="LRCP", numres=6)
    data = made.with_header(plain.read_bytes(), "<meta><fits><CDELT1>1.0</CDELT1></fits></meta>")
    ours = reduce.decoded(reduce.reduce(data, size))
    step = round(max(shape) / max(ours.shape))
    assert min(size, max(shape)) <= max(ours.shape)
    assert np.array_equal(ours, glymur.Jp2k(plain)[::step, ::step])


def test_a_prefix_is_not_longer_than_the_packets_it_needs() -> None:
    data = whole(13)
    start, end = boxes.codestream_at(data)
    layout = CodestreamLayout.read(data[start:end])
    assert isinstance(layout, CodestreamLayout)
    assert layout.end(0) == end - start - 2, "all packets reach to the end of the codestream"
    assert reduce.needed(256, data) == start + layout.end(2)


CODESTREAM = WHOLE[HEAD:]
SOT = CODESTREAM.index(b"\xff\x90\0\x0a")


@pytest.mark.parametrize("kept", [SOT + 5, SOT + 11])
def test_more_bytes_are_needed_if_the_first_tile_is_cut(kept: int) -> None:
    assert CodestreamLayout.read(CODESTREAM[:kept]) == SOT + 4096


@pytest.mark.parametrize(("marker", "length"), [(b"\xff\x51", 20), (b"\xff\x52", 4)])
def test_markers_that_are_too_short_leave_the_decision_to_the_decoder(marker: bytes, length: int) -> None:
    """Cut the body of a segment, and its length with it, so that the others follow."""
    at = CODESTREAM.index(marker)
    before = int.from_bytes(CODESTREAM[at + 2 : at + 4], "big")
    short = CODESTREAM[: at + 2] + length.to_bytes(2, "big") + CODESTREAM[at + 4 : at + 2 + length]
    assert CodestreamLayout.read(short + CODESTREAM[at + 2 + before :]) is None


def test_lengths_of_packets_that_never_end_are_none() -> None:
    assert codestream._packet_lengths([b"\0\xff\xff"]).tolist() == []
    assert codestream._packet_lengths([b"\1\x05", b"\0\x81\x00"]).tolist() == [128, 5]


def test_quantization_that_depends_on_the_whole_picture_cannot_be_cut() -> None:
    layout = CodestreamLayout.read(CODESTREAM)
    assert isinstance(layout, CodestreamLayout)
    assert codestream.cut(CODESTREAM, layout, 1) is not None
    layout._main[codestream._QCD][0] = b"\x21" + layout._main[codestream._QCD][0][1:]
    assert codestream.cut(CODESTREAM, layout, 1) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (WHOLE[: HEAD + 20], "its codestream is damaged"),
        (WHOLE.replace(b"\xff\x51", b"\xff\x50", 1), "its codestream is damaged"),
        (WHOLE.replace(b"ihdr", b"ihxx"), "does not contain an image header"),
    ],
)
def test_a_picture_without_a_size_is_not_decoded(data: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        reduce.decoded(data)


def test_a_missing_pillow_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match=r"Decoding JPEG 2000 images .*jpeg2000"):
        reduce.decoded(WHOLE)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"File not found.", "its file does not exist"),
        (200, WHOLE[:12] + bytes(8) + bytes(90), "damaged|does not contain"),
        (404, b"gone", "answered 404: gone"),
    ],
)
def test_a_header_that_cannot_be_read_is_a_problem(
    canned: Callable[..., str], impatient: None, status: int, body: bytes, words: str
) -> None:
    (found,) = remote_headers.fetch([f"{canned(lambda path: (status, 'image/jp2', body))}/image.jp2"])
    assert isinstance(found, Problem)
    assert re.search(words, str(found))
