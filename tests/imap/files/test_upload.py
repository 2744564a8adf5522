"""Test uploads: names, links, refusals, and that secrets are not sent to the storage."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import imap_data_access as official
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imap_data_access import file_validation

from sunpy_helio_plugins import conf, imap, sandbox
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.imap import filenames as filenames_module
from sunpy_helio_plugins.imap.files import upload
from sunpy_helio_plugins.imap.files.upload import objection
from sunpy_helio_plugins.sandbox.imap import service
from sunpy_helio_plugins.sandbox.imap.storage import Bucket
from sunpy_helio_plugins.transport import credentials

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"

NAMES = [
    "imap_mag_l2_norm-gse_20260113_v001.0001.cdf", "imap_swe_l0_sci_20240105_v001.0001.pkts",
    "imap_glows_l2_hist_20260108-repoint00118_v001.0001.cdf", "imap_glows_l3b_x_20251227-cr02306_v001.0001.cdf",
    "imap_swapi_efficiency-lut_20250901_20261231_v002.csv", "imap_mag_l2-calibration_20250901_v001.json",
    "imap_lo_pivot_20260101-repoint00100_v001.csv", "imap_mag_l2_norm_20260113_v001.0001.png",
    "imap_mag_l2_norm_20260113_v001.png", "imap_mag_l2_norm-gse_20260113_v001.cdf",
    "imap_mag_l2_norm-gse_20260113_v001.0001.fits", "imap_mag_l9_norm-gse_20260113_v001.0001.cdf",
    "imap_mog_l2_norm-gse_20260113_v001.0001.cdf", "imap_mag_l2pre_norm_20260113_v001.0001.cdf",
    "imap_mag_l2_norm-gse_20261313_v001.0001.cdf", "IMAP_mag_l2_norm_20260113_v001.0001.cdf",
    "imap_mag_l2_norm_gse_20260113_v001.0001.cdf", "imap_mag_l2_norm_20260113_v1.cdf", "imap_mag_20260113_v001.json",
    "imap_mag_x_20260113_20261399_v001.json", "imap_mag_x_20260113_v001.txt", "mag.cdf", "", "imap.cdf",
    "imap_2026_009_2026_010_01.ah.bc", "imap_2026_009_2026_010_01.ap.bc", "imap_2026_009_2026_010_01.spin.csv",
    "imap_2026_010_01.repoint.csv", "imap_dps_2026_009_2026_010_01.ah.bc", "naif0012.tls", "pck00011.tpc", "de440.bsp",
    "imap_lopivot-repoint00100_2026_009_2026_010_01.bc", "imap_recon_20250930_20251105_v02.bsp", "L1_de431.bsp",
    "imap_pred_od005_20250930_20251105_v02.bsp", "imap_sclk_0042.tsc", "imap_130.tf", "imap_science_100.tf",
    "imap_2026_009_2026_010_hist_01.sff", "imap_sdc_metakernel_2026_v001.tm", "imap_2026_009_a01.spice.mk",
    "IMAP_2026_009_e01.mk", "earth_000101_260101_251001.bpc", "imap_2026_400_2026_010_01.ah.bc", "imap_x_1.bsp",
    "imap_wrong_20250930_20251105_v02.bsp", "xyz12.tls",
]  # fmt: skip


def theirs(name: str) -> str | None:
    """Return the path of a name according to the official client, without its data folder."""
    try:
        made = file_validation.generate_imap_file_path(name)
    except (ValueError, official.ImapFilePath.InvalidImapFileError):
        return None
    # Manifests of releases, and lists of the inputs of products, are written by the SDC only.
    if isinstance(made, file_validation.ReleaseFilePath | file_validation.DependencyFilePath):
        return None
    is_science = isinstance(made, file_validation.ScienceFilePath) and name.endswith((".cdf", ".pkts"))
    if is_science and made.major_version is None:  # its upload refuses a name that its parser accepts
        return None
    return made.construct_path().relative_to(official.config["DATA_DIR"]).as_posix()


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_are_judged_as_the_official_client_judges_them(self, name):
        accepted = objection(name) == ""
        assert (filenames.key_of(name) if accepted else None) == theirs(name)

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("mag.cdf", "does not follow a convention"),
            ("imap_mog_l2_norm_20260113_v001.0001.cdf", "the instrument 'mog' does not exist; allowed: codice"),
            ("imap_mag_l9_norm_20260113_v001.0001.cdf", "the level 'l9' does not exist"),
            ("imap_mag_l2_norm_20260113_v001.0001.fits", "must be one of: cdf, pkts"),
            ("imap_mag_l2_norm_20260113_v001.cdf", "versions such as v001.0001"),
            ("imap_mag_table_20260113_v001.0001.csv", "versions such as v001"),
        ],
    )
    def test_objections_say_what_is_wrong(self, name, said):
        assert said in objection(name)

    @settings(max_examples=300, deadline=None)
    @given(
        st.builds(
            lambda instrument, level, descriptor, day, span, version, extension: (
                f"imap_{instrument}_{level}_{descriptor}_{day:%Y%m%d}{span}_{version}.{extension}"
            ),
            st.sampled_from(["mag", "hi", "nobody", "l1const"]),
            st.sampled_from(["l0", "l1ca", "l2", "l9", "l3e"]),
            st.from_regex(r"[a-zA-Z0-9-]{1,12}", fullmatch=True),
            st.dates(),
            st.sampled_from(["", "-repoint00012", "-cr02300", "-repoint12", "-cr02300-repoint00012"]),
            st.from_regex(r"v[0-9]{1,4}(\.[0-9]{3,5})?", fullmatch=True),
            st.sampled_from(["cdf", "pkts", "png", "csv", "CDF"]),
        )
    )
    def test_any_name_is_taken_apart_as_the_official_client_does(self, name):
        assert (objection(name) == "") == (theirs(name) is not None)

    @given(
        st.sampled_from([*NAMES, "imap_mag_l0t_20250901_20261231_v002.cdf", "imap_recon_20250930_20251105.bsp"]),
        st.lists(
            st.tuples(
                st.integers(0, 60), st.integers(0, 3),
                st.one_of(
                    st.text("abvV_-.0129 ", max_size=3),
                    st.sampled_from(["imap", "l2", "l0t", "v001", "v001.0001", "cdf", "bsp", "20260101", "2026_009"]),
                ),
            ),
            max_size=3,
        ),
    )  # fmt: skip
    def test_names_close_to_good_ones_are_judged_alike(self, name, changes):
        for place, length, text in changes:
            name = name[:place] + text + name[place + length :]
        expected = theirs(name)
        if expected is not None and "imap/spice/" in expected and filenames_module.type_of(name) is None:
            # The only difference: the SDC accepts any text after the name of a kernel as part of it.
            assert any(filenames_module.type_of(name[:length]) for length in range(len(name)))
            return
        assert (objection(name) == "") == (expected is not None)
        assert expected is None or filenames.key_of(name) == expected

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=60))
    def test_no_text_is_too_strange(self, text):
        assert filenames.parse(text) is None or text.startswith("imap_")
        assert filenames_module.type_of(text) is None or text


@pytest.fixture(scope="module")
def _own_archive():
    """Return a separate archive for this module, since it keeps uploads."""
    with sandbox.serve(services=("imap",)) as running:
        yield running


@pytest.fixture
def archive(_own_archive):
    _own_archive.log.clear()
    with sandbox.use(_own_archive.url):
        yield _own_archive


@pytest.fixture
def keyed(archive, monkeypatch):
    monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
    return archive


@pytest.fixture
def mine(tmp_path) -> Path:
    """Return a file that the archive does not have yet."""
    mine.counter = getattr(mine, "counter", 100) + 1  # the archive of a session keeps uploads
    path = tmp_path / f"imap_swe_l2_sci_2027{mine.counter // 28 % 12 + 1:02}{mine.counter % 28 + 1:02}_v001.0001.cdf"
    shutil.copy(SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf", path)
    return path


class TestUpload:
    def test_a_dry_run_asks_nothing(self, archive, mine):
        (one,) = imap.upload(mine, dry_run=True)
        assert (one.key, one.sent, one.problem) == (f"imap/swe/l2/2027/{mine.name[20:22]}/{mine.name}", False, "")
        assert archive.log == []

    def test_a_file_is_sent_and_waited_for(self, keyed, mine, tmp_path):
        (one,) = imap.upload([mine], wait=5, progress=False)
        assert (one.sent, one.indexed, one.problem) == (True, True, "")
        assert imap.download(mine.name, tmp_path / "back").read_bytes() == mine.read_bytes()

    def test_the_key_stays_with_the_service(self, keyed, mine):
        imap.upload(mine, progress=False)
        (link, put) = [request for request in keyed.log if "upload" in request.path or request.method == "PUT"]
        assert link.headers["x-api-key"] == service.API_KEY
        assert not {"x-api-key", "authorization", "cookie"} & set(put.headers)
        assert put.headers["content-length"] == str(mine.stat().st_size)
        assert service.API_KEY not in str(put)

    def test_a_key_may_be_given_in_the_program(self, archive, mine):
        with credentials.signed_in("imap", service.API_KEY):
            assert imap.upload(mine, progress=False)[0].sent

    def test_ancillary_files_and_kernels(self, keyed, tmp_path):
        lut, kernel = tmp_path / "imap_swapi_lut-x_20260601_v001.csv", tmp_path / "imap_2026_100_2026_101_01.ah.bc"
        lut.write_text("a,b\n")
        kernel.write_bytes(b"DAF/CK")
        spin = tmp_path / "imap_2026_100_2026_101_01.spin.csv"
        spin.write_text("a,b\n")
        sent = imap.upload([lut, kernel, spin], wait=5, progress=False)
        assert [one.indexed for one in sent] == [True, True, True]
        assert [one.key for one in sent] == [
            f"imap/ancillary/swapi/{lut.name}", f"imap/spice/ck/{kernel.name}", f"imap/spice/spin/{spin.name}",
        ]  # fmt: skip

    def test_headers_that_the_link_was_signed_for_are_sent(self, keyed, mine, monkeypatch):
        monkeypatch.setattr(Bucket, "signs", ("host", "x-amz-tagging"))
        (one,) = imap.upload(mine, progress=False)
        assert (one.sent, one.problem) == (True, "")

    def test_nothing_is_sent_where_one_name_is_wrong(self, keyed, mine, tmp_path):
        wrong = tmp_path / "mag.cdf"
        wrong.write_bytes(mine.read_bytes())
        with pytest.raises(QueryError, match="does not follow a convention"):
            imap.upload([mine, wrong])
        assert keyed.log == []

    def test_a_file_that_is_not_there_or_not_what_it_says(self, keyed, tmp_path):
        path = tmp_path / "imap_swe_l2_sci_20270101_v001.0001.cdf"
        with pytest.raises(FileError, match="does not exist"):
            imap.upload(path)
        path.write_bytes(b"<html>")
        with pytest.raises(FileError, match="is not a CDF file"):
            imap.upload(path)

    def test_without_a_key_it_is_said_what_is_needed(self, archive, mine):
        with pytest.raises(QueryError, match="IMAP_API_KEY"):
            imap.upload(mine)
        assert archive.log == []

    def test_what_is_there_already(self, keyed, mine, caplog):
        imap.upload(mine, progress=False)
        (one,) = imap.upload(mine, progress=False)
        assert not one.sent
        assert [record.getMessage() for record in caplog.records] == [f"{mine.name}: {one.problem}"]
        assert "409" in one.problem
        assert "raise its version" in one.problem

    def test_a_key_that_may_only_read(self, archive, mine, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.READ_KEY)
        (one,) = imap.upload(mine, progress=False)
        assert "read-only" in one.problem
        assert "ask the SDC" in one.problem
        assert service.READ_KEY not in one.problem

    def test_a_token_has_no_way_to_upload(self, archive, mine, monkeypatch):
        monkeypatch.setenv("IMAP_ACCESS_TOKEN", service.ACCESS_TOKEN)
        (one,) = imap.upload(mine, progress=False)
        assert "404" in one.problem
        assert "only accepts uploads with an API key" in one.problem

    def test_a_storage_that_fails_for_a_while(self, keyed, mine):
        with keyed.fault("status", status=503, method="PUT", times=1, retry_after=0) as rule:
            (one,) = imap.upload(mine, progress=False)
        assert (one.sent, rule.played) == (True, 1)

    def test_a_storage_that_refuses(self, keyed, mine):
        with keyed.fault(
            "status", status=403, method="PUT", words="<Error><Message>Request has expired</Message></Error>"
        ):
            (one,) = imap.upload(mine, progress=False)
        assert not one.sent
        assert "the storage did not accept it" in one.problem
        assert "Request has expired" in one.problem
        assert "Signature=***" in one.problem
        assert "ask the SDC" not in one.problem

    def test_a_page_for_a_link(self, keyed, mine):
        with keyed.fault("html_error", path="/imap/api-key/upload"):
            (one,) = imap.upload(mine, progress=False)
        assert "JSON was expected" in one.problem

    def test_a_storage_that_hangs(self, keyed, mine):
        with conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
            with keyed.fault("hang_before", method="PUT"):
                (one,) = imap.upload(mine, progress=False)
        assert not one.sent
        assert one.problem

    @pytest.mark.parametrize(
        ("link", "words"),
        [
            ("3", "a link was expected in the response"),
            ('"ftp://storage/x"', "a link was expected in the response"),
            ('"http://[storage/x"', "the link cannot be used: .* is not a valid address"),
        ],
    )
    def test_a_link_that_is_none(self, keyed, mine, link, words):
        with keyed.fault("json_error", status=200, body=link, path="/imap/api-key/upload"):
            (one,) = imap.upload(mine, progress=False)
        assert not one.sent
        assert re.search(words, one.problem)
        assert not [request for request in keyed.log if request.method == "PUT"]

    def test_the_index_is_asked_until_it_lists_the_file(self, keyed, mine, monkeypatch):
        pauses = []
        monkeypatch.setattr(upload.time, "sleep", pauses.append)
        with (
            conf.set_temp("retries", 0),
            keyed.fault("status", status=503, path="/imap/api-key/query", times=2) as rule,
        ):
            (one,) = imap.upload(mine, wait=60, progress=False)
        assert (one.sent, one.indexed, rule.played) == (True, True, 2)
        assert pauses == [0.5, 1.0]
