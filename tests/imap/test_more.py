"""Test files by name, synchronized copies, real-time values, metakernels and cubes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    IncompleteAnswerWarning,
    QueryError,
    ServiceRefused,
    TransferError,
)
from sunpy_helio_plugins.imap.files.sync import MANIFEST
from sunpy_helio_plugins.sandbox.imap import service

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestDownload:
    def test_by_the_bare_name(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        assert imap.download(GSE) == tmp_path / "imap/mag/l2/2026/01" / GSE
        archive.log.clear()
        assert imap.download(GSE).is_file()
        assert archive.log == []

    def test_a_cut_file_that_is_there_is_fetched_again(self, archive, tmp_path):
        path = imap.download(GSE, tmp_path)
        path.write_bytes(path.read_bytes()[:9000])
        assert imap.download(GSE, tmp_path).read_bytes() == (SHIPPED / GSE).read_bytes()

    def test_what_is_not_there_and_what_is_not_released(self, archive, tmp_path):
        with pytest.raises(TransferError, match="404: File not found"):
            imap.download("imap_mag_l2_norm-gse_20300110_v001.0002.cdf", tmp_path)
        with pytest.raises(TransferError, match=r"403: .*not a part of a public release"):
            imap.download("imap_mag_l2_norm-gse_20260112_v001.0002.cdf", tmp_path)
        with pytest.raises(QueryError, match="conventions"):
            imap.download("mag.cdf", tmp_path)

    def test_kernels(self, archive, tmp_path):
        assert imap.download("naif0012.tls", tmp_path) == tmp_path / "imap/spice/lsk/naif0012.tls"


class TestSync:
    def sync(self, folder, words=WORDS, **kwargs):
        return imap.sync(words, folder, progress=False, **kwargs)

    def test_the_first_run_brings_all_and_the_second_nothing(self, archive, tmp_path):
        first = self.sync(tmp_path)
        assert [path.name for path in first.new] == [
            GSE,
            *(f"imap_mag_l2_norm-gse_202601{end}.cdf" for end in ("11_v002.0001", "12_v001.0001")),
        ]
        archive.log.clear()
        second = self.sync(tmp_path)
        assert (second.new, second.kept, second.errors) == ([], first.new, [])
        assert [request.path for request in archive.log] == ["/imap/query"]

    def test_what_is_new_comes(self, archive, tmp_path):
        self.sync(tmp_path, (a.Time("2026-01-10", "2026-01-10 12:00"), *WORDS[1:]))
        assert len(self.sync(tmp_path).new) == 2

    def test_a_newer_version_comes_and_the_older_one_is_named(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path)
        assert [path.name for path in run.new] == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]
        assert [path.name for path in run.gone] == ["imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
        assert run.gone[0].is_file()

    def test_files_that_were_cut_or_lost_come_again(self, archive, tmp_path):
        one, other, _ = self.sync(tmp_path).new
        one.write_bytes(one.read_bytes()[:1000])
        other.unlink()
        assert self.sync(tmp_path).new == [one, other]
        assert one.read_bytes() == (SHIPPED / one.name).read_bytes()

    def test_files_that_were_changed_are_found_by_their_digest(self, archive, tmp_path):
        one = self.sync(tmp_path).new[0]
        content = bytearray(one.read_bytes())
        content[-1] ^= 1
        one.write_bytes(content)
        assert self.sync(tmp_path).new == []
        assert self.sync(tmp_path, check=True).new == [one]

    def test_what_failed_is_said_and_comes_with_the_next_run(self, archive, tmp_path):
        with conf.set_temp("retries", 0), archive.fault("cut_length", path="/imap/storage", times=1):
            run = self.sync(tmp_path)
        assert (len(run.new), len(run.errors)) == (2, 1)
        assert len(self.sync(tmp_path).new) == 1

    def test_a_spoilt_manifest_is_refused(self, archive, tmp_path):
        (tmp_path / MANIFEST).write_text("{")
        with pytest.raises(FileError, match="remove it"):
            self.sync(tmp_path)

    def test_what_is_not_released_is_no_error(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        assert self.sync(tmp_path).errors == []

    @pytest.mark.parametrize("whole", [0, 1, 2])
    def test_a_kill_leaves_whole_files_and_the_next_run_the_rest(self, archive, tmp_path, whole):
        script = (
            "import sys; from sunpy.net import attrs as a; from sunpy_helio_plugins import conf, imap\n"
            f"conf.imap.url = {archive.url + '/imap'!r}; conf.cache = False\n"
            f"words = a.Time('2026-01-10', '2026-01-12'), a.Instrument('mag'), a.imap.Descriptor('norm-gse')\n"
            f"imap.sync(words, {str(tmp_path)!r}, progress=False)\n"
        )
        with archive.fault("slow_drip", path="/imap/storage", skip=whole):
            running = subprocess.Popen(
                [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            )
            ends = time.monotonic() + 60
            # Wait until the maximum number is complete, and the next one has begun.
            while time.monotonic() < ends and (
                len(list(tmp_path.rglob("*.cdf"))) < whole
                or sum("/storage/" in request.path for request in archive.log) <= whole
            ):
                time.sleep(0.05)
            running.send_signal(signal.SIGKILL)
            running.wait()
        for path in tmp_path.rglob("*.cdf"):
            assert path.read_bytes() == (SHIPPED / path.name).read_bytes()
        run = self.sync(tmp_path)
        assert len(run.new) + len(run.kept) == 3
        assert len(json.loads((tmp_path / MANIFEST).read_text())["files"]) == 3
        assert list(tmp_path.rglob("*.part")) == []


class TestRealtime:
    def test_values_with_units(self, archive):
        table = imap.realtime(a.Time("2026-01-10 16:00", "2026-01-10 18:30"), "mag")
        assert len(table) == 2251
        assert table["mag_B_GSE"].shape == (2251, 3)
        assert table["mag_B_GSE"].unit == u.nT
        assert (table["time"].scale, table["time"][0].isot, table["time"][-1].isot) == (
            "utc", "2026-01-10T16:00:00.000000000", "2026-01-10T18:30:00.000000000",
        )  # fmt: skip
        assert len(archive.log) == 3
        jump = table["time"][np.argmax(np.diff(table["mag_B_magnitude"].value)) + 1]
        assert jump.isot == "2026-01-10T16:42:00.000000000"

    def test_what_is_missing_is_masked(self, archive):
        table = imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:59"), "swapi")
        assert table["swapi_pseudo_proton_speed"].unit == u.km / u.s
        assert table["swapi_pseudo_proton_density"].unit == u.cm**-3
        assert int(table["swapi_pseudo_proton_temperature"].mask.sum()) == 5

    def test_as_a_time_series(self, archive):
        series = imap.to_timeseries(imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10")))
        assert series.columns[:3] == ["mag_B_GSE_x", "mag_B_GSE_y", "mag_B_GSE_z"]
        assert str(series.to_dataframe().index[1]) == "2026-01-10 10:00:04"

    def test_windows_that_hold_too_much_are_halved(self, archive, monkeypatch):
        from sunpy_helio_plugins.sandbox.imap import realtime

        monkeypatch.setattr(realtime, "MOST", 300)
        assert len(imap.realtime(a.Time("2026-01-10 16:00", "2026-01-10 17:00"))) == 901

    def test_an_hour_that_fails_does_not_cost_the_others(self, archive):
        second = lambda request: "17:00" in request.query["time_utc_start"]  # noqa: E731
        with archive.fault("status", status=500, where=second):
            with pytest.warns(IncompleteAnswerWarning, match="missing"):
                table = imap.realtime(a.Time("2026-01-10 16:00", "2026-01-10 19:00"))
        assert len(table.meta["problems"]) == 1
        assert 1700 < len(table) < 1900

    def test_housekeeping_can_be_asked_for(self, archive):
        assert len(imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"), "MAG_hk")) == 11
        assert archive.log[0].query["instrument"] == "mag_hk"

    @pytest.mark.parametrize(
        ("values", "kind", "missing"),
        [
            ([8 * 10**17 + 1, None, 8 * 10**17 + 3], "i", [False, True, False]),
            ([1, 2.5, None], "f", [False, False, True]),
            ([True, None, False], "b", [False, True, False]),
            ([None, None, None], "f", [True, True, True]),
            ([[1, 2], None, [3, 4]], "i", [[False, False], [True, True], [False, False]]),
            ([[1.5, None], [2, 3], [4, 5]], "f", [[False, True], [False, False], [False, False]]),
            (["norm", None, "burst"], "U", [False, True, False]),
            ([["a"], ["a", "b"], None], "U", [False, False, True]),
            ([[[1.0] * 4] * 2, [[1.0] * 4], None], "U", [False, False, True]),
            ([{"on": True}, None, {}], "U", [False, True, False]),
            ([2**70, 1, 2], "f", [False, False, False]),
        ],
    )
    def test_values_of_every_kind_are_kept(self, archive, values, kind, missing):
        records = [{"time_utc": f"2026-01-10T10:00:0{i}", "x": one} for i, one in enumerate(values)]
        with archive.fault("json_error", status=200, body=json.dumps({"data": records})):
            column = imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"))["x"]
        assert column.dtype.kind == kind
        assert np.broadcast_to(getattr(column, "mask", False), column.shape).tolist() == missing
        if kind == "U":
            given = [value for value in values if value is not None]
            texts = [str(text) for text, gone in zip(column, missing, strict=True) if not gone]
            pairs = zip(texts, given, strict=True)
            assert [text if isinstance(value, str) else json.loads(text) for text, value in pairs] == given
        if kind == "i":
            assert np.ma.getdata(column)[0].tolist() == values[0]

    def test_records_are_in_order_whatever_the_form_of_their_times(self, archive):
        stamps = ["2026-01-10T10:00:01.5Z", "2026-01-10T10:00:01Z", "2026-01-10T10:00:00+00:00", "soon", None]
        records = [{"time_utc": stamp, "x": i} for i, stamp in enumerate(stamps)]
        with archive.fault("json_error", status=200, body=json.dumps({"data": records})):
            with pytest.warns(IncompleteAnswerWarning, match="2 records do not have a valid time"):
                table = imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"))
        assert list(table["x"]) == [2, 1, 0]
        assert "2 records" in table.meta["problems"][0]

    def test_nothing_at_all(self, archive):
        table = imap.realtime(a.Time("2027-01-10 16:00", "2027-01-10 16:10"))
        assert table.colnames == ["time"]
        assert len(table) == 0

    def test_what_cannot_be_asked_is_refused(self, archive):
        with pytest.raises(QueryError, match="codice_lo"):
            imap.realtime(a.Time("2026-01-10", "2026-01-11"), "magnetometer")
        with pytest.raises(QueryError, match="31 days"):
            imap.realtime(a.Time("2026-01-10", "2026-03-11"))
        assert archive.log == []

    def test_refusals_keep_the_words(self, archive):
        with archive.fault("json_error", status=400, body='{"message": "API key required"}'):
            with pytest.raises(ServiceRefused, match="API key required"):
                imap.realtime(a.Time("2026-01-10", "2026-01-10 00:10"))


class TestMetakernel:
    def test_lists_kernels_in_order(self, archive):
        text = imap.metakernel(a.Time("2026-01-10 06:00", "2026-01-10 07:00"), folder="/data/imap/spice")
        places = [
            text.index(name)
            for name in ("naif0012", "imap_130", "sclk_0042", "de440", "recon_20251201", "010_2026_011")
        ]
        assert places == sorted(places)
        assert "'/data/imap/spice/lsk/naif0012.tls'" in text
        assert "009_2026_010" not in text

    def test_of_some_types(self, archive):
        text = imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("leapseconds",))
        assert "naif0012" in text
        assert "de440" not in text

    def test_refusals(self, archive):
        with pytest.raises(QueryError, match="types are"):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("clock",))
        with pytest.raises(ServiceRefused, match="404"):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"), types=("earth_attitude",))
        with archive.fault("html_error"), pytest.raises(AnswerError):
            imap.metakernel(a.Time("2026-01-10", "2026-01-11"))


class TestCube:
    def test_a_spectrogram_has_times_and_energies(self):
        pytest.importorskip("ndcube")
        table = imap.read(SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf")
        cube = imap.to_ndcube(table, "flux")
        assert cube.data.shape == (2, 24, 30, 7)
        assert cube.unit == table["flux"].unit
        assert cube.array_axis_physical_types[0] == ("time",)
        assert cube.wcs.world_axis_names[-2:] == ("energy", "time")
        assert (cube.axis_world_coords(1)[0] == table.meta["support"]["energy"]["values"]).all()

    @pytest.mark.parametrize(("second", "unit"), [((1.0, 2.0, 4.0), u.eV), ((1.0, 2.0, 5.0), u.pix)])
    def test_energies_that_are_written_with_each_record(self, make_cdf, second, unit):
        pytest.importorskip("ndcube")
        made = {
            "epoch": (33, np.arange(2) * 10**9, {}),
            "flux": (44, np.ones((2, 3, 4)), {"DEPEND_0": "epoch", "DEPEND_1": "energy"}),
            "energy": (44, [(1.0, 2.0, 4.0), second], {"DEPEND_0": "epoch", "UNITS": "eV"}),
        }
        cube = imap.to_ndcube(imap.read(make_cdf(made)), "flux")
        assert cube.axis_world_coords(1)[0].unit == unit
        assert cube.wcs.world_axis_names == ("axis_2", "energy", "time")

    def test_rows_without_a_time_have_to_be_left_out(self, make_cdf):
        pytest.importorskip("ndcube")
        made = {"epoch": (33, [0, -(2**63)], {}), "flux": (44, np.ones((2, 3)), {"DEPEND_0": "epoch"})}
        table = imap.read(make_cdf(made))
        with pytest.raises(QueryError, match="remove the rows without a time"):
            imap.to_ndcube(table, "flux")

    def test_what_is_no_spectrogram_is_refused(self):
        pytest.importorskip("ndcube")
        with pytest.raises(QueryError, match=r"the table has: b_gse"):
            imap.to_ndcube(imap.read(SHIPPED / GSE), "magnitude")
