"""Test the sandbox's Helioviewer with hvpy and hapiclient, and with known properties of the real one."""

from __future__ import annotations

import ast
import http.client
import importlib.util
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from sunpy_helio_plugins.sandbox.helioviewer import holdings, jp2

ROOT = Path(__file__).parents[2]

SEED_ROWS = (
    ("2023-01-01T00:00:05Z", "/AIA/2023/01/01/304/2023_01_01__00_00_05_129__SDO_AIA_AIA_304.jp2"),
    ("2023-01-01T00:00:41Z", "/AIA/2023/01/01/304/2023_01_01__00_00_41_131__SDO_AIA_AIA_304.jp2"),
    ("2023-01-01T00:01:17Z", "/AIA/2023/01/01/304/2023_01_01__00_01_17_130__SDO_AIA_AIA_304.jp2"),
    ("2023-01-01T23:58:17Z", "/AIA/2023/01/01/304/2023_01_01__23_58_17_132__SDO_AIA_AIA_304.jp2"),
    ("2023-01-01T23:58:53Z", "/AIA/2023/01/01/304/2023_01_01__23_58_53_131__SDO_AIA_AIA_304.jp2"),
    ("2023-01-01T23:59:29Z", "/AIA/2023/01/01/304/2023_01_01__23_59_29_140__SDO_AIA_AIA_304.jp2"),
)

# hapiclient replaces sys.excepthook and leaves sockets open, so it is run in a separate process.
HAPICLIENT = """
import sys
import numpy as np
from hapiclient import hapi
server, parameters, fmt, cachedir, out = sys.argv[1:]
start, stop = "2023-01-01T00:00:00Z", "2023-01-01T23:59:59Z"
data, meta = hapi(server, "AIA_304", parameters, start, stop, format=fmt, cachedir=cachedir, usecache=False)
np.save(out, data)
"""

# hvpy uses module-level functions of requests, which leave their sockets to the garbage collector.
HVPY = """
import json, sys
from datetime import datetime
import hvpy
from hvpy.datasource import DataSource
hvpy.set_api_url(sys.argv[1])
near = datetime(2023, 1, 1, 0, 10, 10)
sources = hvpy.getDataSources()
closest = hvpy.getClosestImage(date=near, sourceId=DataSource.AIA_304)
image = hvpy.getJP2Image(date=near, sourceId=DataSource.AIA_304)
uri = hvpy.getJP2Image(date=near, sourceId=DataSource.AIA_304, jpip=True, json=True)
header = hvpy.getJP2Header(id=int(closest["id"]))
status = hvpy.getStatus()
open(sys.argv[2], "wb").write(image)
header = header.decode() if isinstance(header, bytes) else header
print(json.dumps([sources, {**closest, "date": str(closest["date"])}, uri, header, sorted(status)]))
"""


def _ask(url: str, **headers: str) -> tuple[int, Any, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read()


def _run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def base(archive: Any) -> str:
    return f"{archive.url}/helioviewer"


@pytest.mark.parametrize("fmt", ["csv", "binary"])
def test_hapiclient_reads_the_published_rows(base: str, fmt: str, tmp_path: Path) -> None:
    # The path in the published example is lower-case.
    out = tmp_path / "out.npy"
    _run(HAPICLIENT, f"{base}/hapi/helioviewer/hapi", "url", fmt, str(tmp_path), str(out))
    data = np.load(out)
    assert len(data) == 2400
    for number, (time, path) in zip((0, 1, 2, -3, -2, -1), SEED_ROWS, strict=True):
        assert data["Time"][number] == time.encode()
        assert str(data["url"][number]) == f"{base}/jp2{path}"


def test_hapiclient_reads_numbers(base: str, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    _run(HAPICLIENT, f"{base}/hapi/Helioviewer/hapi", "path,scale,width", "binary", str(tmp_path), str(out))
    data = np.load(out)
    assert set(data["scale"]) == {2.4}
    assert set(data["width"]) == {1024}


def test_hvpy_reads_sources_images_and_headers(base: str, tmp_path: Path) -> None:
    file = tmp_path / "image.jp2"
    sources, closest, uri, header, status = json.loads(_run(HVPY, f"{base}/v2/", str(file)))
    assert sources["SDO"]["AIA"]["304"]["sourceId"] == 13
    assert sources["SOHO"]["LASCO"]["C2"]["white-light"]["nickname"] == "LASCO C2"
    assert closest["id"] == "868"
    assert closest["date"] == "2023-01-01 00:10:17"
    assert closest["scale"] == pytest.approx(2.4 * 0.98334, rel=1e-4)
    name = "2023_01_01__00_10_17_129__SDO_AIA_AIA_304.jp2"
    assert uri["uri"].endswith(f"/AIA/2023/01/01/304/{name}")
    assert "<DATE-OBS>2023-01-01T00:10:17.129</DATE-OBS>" in header
    assert "<DATE-OBS>2023-01-01T00:10:17.129</DATE-OBS>" in jp2.header_of(file.read_bytes())
    assert status == ["AIA", "HMI", "LASCO", "SUVI"]


def test_nearest_image_has_no_tolerance(base: str) -> None:
    _, _, body = _ask(f"{base}/v2/getClosestImage/?date=1999-01-01T00:00:00Z&sourceId=11")
    assert json.loads(body)["date"] == "2026-01-09 23:54:04"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("getClosestImage/?sourceId=13", 400, '<b>Error:</b> No value set for required parameter "date".'),
        ("getClosestImage/?date=2023-01-01T00:00:00&sourceId=13", 400, "Invalid date"),
        ("getNothing/", 400, "getNothing"),
        ("getClosestImage/?date=2023-01-01T00:00:00Z&sourceId=999", 500, '"errno": 10'),
        ("getClosestImage/?date=2023-01-01T00:00:00Z&sourceId=2003", 500, '"errno": 13'),
        ("getJP2Header/?id=99999999", 500, "No image found with id 99999999."),
        ("getJP2Image/?id=50001", 200, "File not found."),
        ("getJP2Image/?id=868&jpip=perhaps", 400, "jpip"),
        ("index.php?action=getStatus", 200, "secondsBehind"),
    ],
)
def test_api_answers_and_refuses_as_the_real_one(base: str, query: str, status: int, words: str) -> None:
    answered, headers, body = _ask(f"{base}/v2/{query}")
    assert answered == status
    assert words in body.decode()
    assert headers["Content-Type"].startswith("text/html") == (status == 400)


def test_api_gives_json_errors_to_json_requests(base: str) -> None:
    status, _, body = _ask(f"{base}/v2/getClosestImage/", **{"Content-Type": "application/json"})
    assert status == 400
    assert json.loads(body)["success"] is False


def test_unknown_id_is_a_promise_that_is_not_kept(base: str) -> None:
    with urllib.request.urlopen(f"{base}/v2/getJP2Image/?id=99", timeout=20) as answer:
        assert answer.headers["Content-Length"] == "4096"
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_dates_around_an_instant(base: str) -> None:
    _, _, body = _ask(f"{base}/v2/getClosestImageDatesForSources/?date=2023-01-01T00:10:00Z&sources=%5B13,999%5D")
    assert json.loads(body) == {
        "13": {"prev_date": "2023-01-01 00:09:41", "next_date": "2023-01-01 00:10:17"},
        "999": {"prev_date": None, "next_date": None},
    }


def test_coverage_lists_images_in_short_ranges_and_counts_in_long_ones(base: str) -> None:
    def points(start: int, end: int) -> list[list[int]]:
        layers = "imageLayers=%5B13,1,100%5D"
        _, _, body = _ask(f"{base}/v2/getDataCoverage/?{layers}&startDate={start}&endDate={end}")
        data: list[list[int]] = json.loads(body)[0]["data"]
        return data

    start = 1672531200_000
    assert points(start, start + 60_000) == [
        [start + 5_000, 1],
        [start + 41_000, 1],
        [start + 77_000, 1],
        [start + 113_000, 1],
    ]
    binned = points(start, start + 7_200_000)
    assert len(binned) == 3 * 24, "the two hours before and after are told as well, empty bins with zeros"
    assert binned[23:26] == [[start - 300_000, 0], [start, 9], [start + 300_000, 8]]


@pytest.mark.parametrize("sources", ["13,999", "%5B13,999%5D", "13,%20999"])
def test_lists_of_numbers_come_with_or_without_brackets(base: str, sources: str) -> None:
    status, _, body = _ask(f"{base}/v2/getClosestImageDatesForSources/?date=2023-01-01T00:10:00Z&sources={sources}")
    assert (status, set(json.loads(body))) == (200, {"13", "999"})


def test_a_name_without_four_labels_is_filled_with_spaces(base: str) -> None:
    layers = "imageLayers=%5B13,1,100%5D,%5B4,1,100%5D&startDate=1672531200000&endDate=1672531260000"
    names = [layer["name"] for layer in json.loads(_ask(f"{base}/v2/getDataCoverage/?{layers}")[2])]
    assert names == ["SDO AIA 304  ", "SOHO LASCO C2 white-light "]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("dataset=AIA_304&start=2023-01-01T00:00:05Z&stop=2023-01-01T00:01:17Z", 500, 1500),
        ("dataset=AIA_304&start=2023-01-01T00:00:05Z&stop=2023-01-01T00:01:17Z&parameters=Time,url", 500, 1500),
        ("dataset=AIA_304&start=2000-01-01Z&stop=2023-01-01Z&parameters=url", 400, 1405),
        ("dataset=AIA_304&start=2023-01-01Z&stop=2027-01-01Z&parameters=url", 400, 1405),
        ("dataset=AIA_304&start=2023-01-01Z&stop=2023-01-01Z&parameters=url", 400, 1404),
        ("dataset=AIA_304&start=2023-01-01Z&stop=2023-01-02Z&parameters=nothing", 404, 1407),
        ("dataset=AIA_304&start=when&stop=2023-01-02Z&parameters=url", 400, 1402),
        ("dataset=NOTHING&start=2023-01-01Z&stop=2023-01-02Z&parameters=url", 404, 1406),
        ("dataset=XRT_ANY_ANY&start=2023-01-01Z&stop=2023-01-02Z&parameters=url", 500, 1500),
    ],
)
def test_hapi_refuses_as_the_real_one(base: str, query: str, status: int, code: int) -> None:
    answered, _, body = _ask(f"{base}/hapi/Helioviewer/hapi/data?{query}")
    assert (answered, json.loads(body)["status"]["code"]) == (status, code)


def test_hapi_has_its_habits(base: str) -> None:
    server = f"{base}/hapi/Helioviewer/hapi"
    assert _ask(f"{server}/about")[0] == 404
    span = "id=AIA_304&time.min=2023-01-01T00:00:05Z&time.max=2023-001T00:00:41Z"
    rows = _ask(f"{server}/data?{span}&parameters=path")[2].decode().splitlines()
    assert rows == [",".join(row) for row in SEED_ROWS[:2]], "the stop is inclusive"
    bare = json.loads(_ask(f"{server}/data?{span}&parameters=scale,path&format=json")[2])
    assert bare[0] == [SEED_ROWS[0][0], 2.4, SEED_ROWS[0][1]]
    whole = json.loads(_ask(f"{server}/data?{span}&parameters=path&format=json&include=header")[2])
    assert [parameter["name"] for parameter in whole["parameters"]] == ["Time", "path"]
    nothing = "dataset=AIA_304&start=2024-01-01Z&stop=2024-01-02Z&parameters=url"
    assert _ask(f"{server}/data?{nothing}")[::2] == (200, b"")


def test_static_tree_has_pages_files_and_ranges(base: str) -> None:
    path = SEED_ROWS[0][1]
    folder, _, name = path.rpartition("/")
    status, _, page = _ask(f"{base}/jp2{folder}/")
    assert status == 200
    assert len(re.findall(r'href="(2023_01_01__[^"]+\.jp2)"', page.decode())) == 2400
    assert "/helioviewer/jp2/AIA/2023/01/01/" in page.decode()
    assert name.encode() in page
    _, headers, whole = _ask(f"{base}/jp2{path}")
    assert headers["Content-Type"] == "image/jp2"
    for asked, part in (("bytes=0-11", whole[:12]), ("bytes=60000-", whole[60000:]), ("bytes=-2", b"\xff\xd9")):
        status, headers, body = _ask(f"{base}/jp2{path}", Range=asked)
        assert (status, body) == (206, part)
        assert headers["Content-Range"].endswith(f"/{len(whole)}")
    assert _ask(f"{base}/jp2{path}", Range="bytes=999999-")[0] == 416
    assert _ask(f"{base}/jp2/AIA/1999/")[0] == 404


def test_files_are_made_like_the_originals() -> None:
    for source_id in (4, 11, 13, 19):
        image = holdings.images(source_id)[-1]
        data = jp2.content(image)
        assert data is not None
        assert [kind for kind, _ in jp2.boxes(data)] == [b"jP  ", b"ftyp", b"jp2h", b"xml ", b"jp2c"]
        assert sum(len(box) for _, box in jp2.boxes(data)) == len(data)
        assert data.endswith(b"\xff\xd9")
        codestream = next(box[8:] for kind, box in jp2.boxes(data) if kind == b"jp2c")
        style = codestream[codestream.index(b"\xff\x52") + 4 :]
        progression, layers, levels, transform = style[1], int.from_bytes(style[2:4], "big"), style[5], style[9]
        assert (progression, layers, levels, transform) == (2, 4, 5, 0), "RPCL, four layers, five levels, 9/7"


def test_every_frame_carries_its_own_time() -> None:
    rows = holdings.images(13)
    assert len({image.name for image in rows}) == len(rows) == len({image.image_id for image in rows})
    for image in (rows[0], rows[5], rows[-1]):
        data = jp2.content(image)
        assert data is not None
        assert f"<DATE-OBS>{image.when.isoformat(timespec='milliseconds')}</DATE-OBS>" in jp2.header_of(data)
    assert rows[0].name.startswith("2010_06_02__00_05_39_13__"), "digits after the point, not milliseconds"


def test_sandbox_imports_no_archive_package() -> None:
    for file in (ROOT / "sunpy_helio_plugins" / "sandbox").glob("helioviewer*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if re.match(r"sunpy_helio_plugins\.(hapi|imap|helioviewer|her)\b", name)]


@pytest.fixture(scope="module")
def maker() -> Any:
    spec = importlib.util.spec_from_file_location(
        "make_helioviewer", ROOT / "tools" / "sandbox" / "make_helioviewer.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["aia_304_20260110_12", "lasco_c2_20260110_1436"])
def test_script_makes_the_same_pictures(maker: Any, tmp_path: Path, name: str) -> None:
    maker.make(tmp_path, only=(name,))
    made, kept = (np.asarray(Picture.open(folder / f"{name}.jp2")).astype(int) for folder in (tmp_path, jp2.DATA))
    # Another version of OpenJPEG, or another rounding of a sine, may change a few grey levels.
    assert np.abs(made - kept).max() <= 8
    assert np.abs(made - kept).mean() < 0.05
    facts, shipped = (json.loads((folder / "pictures.json").read_text()) for folder in (tmp_path, jp2.DATA))
    assert facts["pictures"][name]["time"] == shipped["pictures"][name]["time"]
    for made_row, kept_row in zip(facts["earth"], shipped["earth"], strict=True):
        assert made_row["time"] == kept_row["time"]
        assert made_row["dsun"] == pytest.approx(kept_row["dsun"], rel=1e-6)
        assert made_row["hglt"] == pytest.approx(kept_row["hglt"], abs=1e-3)


def test_shipped_pictures_are_few_and_small() -> None:
    assert sum(file.stat().st_size for file in jp2.DATA.iterdir()) < 1.5e6
    image = Picture.open(io.BytesIO((jp2.DATA / "aia_193_20260110_12.jp2").read_bytes()))
    assert (image.mode, image.size) == ("L", (1024, 1024))


def test_holdings_answer_like_the_database() -> None:
    start, stop = datetime(2023, 1, 1, 0, 0, 5), datetime(2023, 1, 1, 0, 0, 41)
    assert [image.image_id for image in holdings.within(13, start, stop)] == [851, 852]
    assert holdings.closest(999, start) is None
