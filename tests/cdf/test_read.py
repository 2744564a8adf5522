"""Test reading CDF files as tables: real files, those of the sandbox, and unusual ones made here."""

from __future__ import annotations

import contextlib
import pickle
import sys
from pathlib import Path

import astropy.units as u
import cdflib
import numpy as np
import pytest
from astropy.io.registry import IORegistryError
from astropy.table import QTable, Table, vstack
from astropy.time import Time
from astropy.utils import minversion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.cdf import decode, fills, records
from sunpy_helio_plugins.cdf.columns import as_time
from sunpy_helio_plugins.cdf.decode import Values, plain
from sunpy_helio_plugins.cdf.variables import Variable, load
from sunpy_helio_plugins.errors import FileError, QueryError

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
MAG = SHIPPED / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
INT1, UINT2, FLOAT = 41, 12, 44
EPOCH, TT2000 = 31, 33


def of_sunpy(name: str) -> Path:
    from sunpy.data.test import rootdir

    return Path(rootdir) / name


class TestMag:
    @pytest.fixture
    def table(self) -> QTable:
        return imap.read(MAG)

    def test_field_is_a_vector_with_its_unit_labels_and_gap(self, table):
        assert isinstance(table, QTable)
        assert table["b_gse"].shape == (2880, 3)
        assert table["b_gse"].unit == u.nT
        assert table["b_gse"].dtype == np.float32
        assert table["b_gse"].info.meta["labels"] == {"1": ["Bx", "By", "Bz"]}
        assert table["b_gse"].info.meta["axes"] == ["direction"]
        assert table["b_gse"].info.description == "Magnetic field in GSE coordinates"
        assert int(table["b_gse"].mask.sum()) == 180
        assert np.nanmax(np.abs(table["b_gse"].unmasked[~table["b_gse"].mask])) < 60 * u.nT

    def test_times_are_exact(self, table):
        assert table.colnames[0] == table.meta["epoch"] == "epoch"
        assert table["epoch"].scale == "utc"
        assert table["epoch"].info.description.endswith("(UTC)")
        assert table["epoch"][0].utc.isot == "2026-01-10T00:00:00.000000000"
        steps = (table["epoch"][1:] - table["epoch"][:-1]).to_value("s")
        assert np.abs(steps - 30).max() < 1e-9

    def test_flags_stay_integers_and_odd_units_stay_text(self, table):
        assert table["quality_flags"].dtype == np.uint8
        assert getattr(table["quality_flags"], "unit", None) is None
        assert table["quality_flags"].info.meta["unit_string"] == "0=good"

    def test_what_has_no_place_in_rows_is_at_hand(self, table):
        assert list(table.meta["support"]) == ["direction", "direction_label"]
        assert list(table.meta["support"]["direction_label"]["values"]) == ["Bx", "By", "Bz"]
        assert table.meta["Logical_source"] == "imap_mag_l2_norm-gse"
        assert table.meta["problems"] == []

    def test_table_can_be_written_pickled_and_cut(self, table, tmp_path):
        table.write(tmp_path / "mag.ecsv")
        again = QTable.read(tmp_path / "mag.ecsv")
        assert again["b_gse"].unit == u.nT
        assert again["b_gse"].info.meta["labels"] == {"1": ["Bx", "By", "Bz"]}
        assert list(again.meta["support"]["direction"]["values"].value) == [0, 1, 2]

    @pytest.mark.skipif(not minversion("astropy", "8.0"), reason="astropy 7 cannot pickle a masked quantity")
    def test_table_can_be_pickled(self, table):
        assert len(pickle.loads(pickle.dumps(table))[:10]) == 10


def test_days_can_be_stacked_and_keep_one_set_of_labels():
    days = [imap.read(SHIPPED / f"imap_mag_l2_norm-gse_202601{day}_v001.0001.cdf") for day in ("09", "10")]
    both = vstack(days, metadata_conflicts="silent")
    assert len(both) == 5760
    assert both["b_gse"].info.meta["labels"] == {"1": ["Bx", "By", "Bz"]}
    assert list(both.meta["support"]["direction"]["values"].value) == [0, 1, 2]
    assert int(both["b_gse"].mask.sum()) == 360


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.cdf")), ids=lambda path: path.name)
def test_values_are_those_of_the_file(path):
    table, cdf = imap.read(path), cdflib.CDF(path)
    for name in table.colnames[1:]:
        raw = cdf.varget(name)
        column = table[name]
        values = np.ma.getdata(getattr(getattr(column, "unmasked", column), "value", column))
        known = ~np.broadcast_to(np.asarray(getattr(column, "mask", False)), raw.shape)
        assert values.dtype == raw.dtype.newbyteorder("=")
        assert np.array_equal(np.asarray(values)[known], raw[known])
        # The value under the mask of floats is NaN.
        assert raw.dtype.kind != "f" or np.isnan(np.asarray(values)[~known]).all()


def test_dimensions_are_kept():
    table = imap.read(SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf")
    assert table["flux"].shape == (2, 24, 30, 7)
    assert table["flux"].unit == u.Unit("cm-2 s-1 sr-1 eV-1")
    assert table["flux"].info.meta["axes"] == ["energy", "inst_az", "inst_el"]
    assert table.meta["support"]["energy"]["values"].unit == u.eV
    assert imap.read(SHIPPED / "imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf")["proton_sw_density"].unit == u.cm**-3


class TestFilesOfSunpy:
    def test_the_richer_of_two_epochs_is_taken_and_the_other_named(self):
        path = of_sunpy("psp_fld_l2_mag_rtn_1min_20200104_v02.cdf")
        table = imap.read(path)
        assert table.meta["epochs"] == {"epoch_mag_RTN_1min": 118, "epoch_quality_flags": 1440}
        assert table["psp_fld_l2_mag_RTN_1min"].unit == u.nT
        assert table["epoch_mag_RTN_1min"][0].utc.isot == "2020-01-04T02:33:30.000000000"
        assert len(imap.read(path, epoch="epoch_quality_flags")) == 1440
        with pytest.raises(QueryError, match="'epoch'; it has: epoch_mag_RTN_1min, epoch_quality_flags"):
            imap.read(path, epoch="epoch")

    def test_a_file_without_records_is_an_empty_table(self):
        table = imap.read(of_sunpy("solo_L1_swa-pas-mom_20200706_V01.cdf"))
        assert len(table) == 0
        assert table["velocity"].shape == (0, 3)
        assert table["velocity"].unit == u.km / u.s

    def test_spectra_with_labelled_bins(self):
        table = imap.read(of_sunpy("solo_L2_epd-ept-north-hcad_20200713_V02.cdf"))
        assert table["Ion_Flux"].shape == (39784, 12)
        assert table["Ion_Flux"].info.meta["labels"]["1"][0] == "0.0518 - 0.0675 MeV"
        assert table.meta["support"]["Ion_Bins_Low_Energy"]["values"].unit == u.MeV
        assert set(table.meta["epochs"]) == {"EPOCH", "EPOCH_1", "EPOCH_2"}


class TestRealFiles:
    @pytest.fixture
    def folder(self, real_data) -> Path:
        return real_data / "imap"

    def test_every_file_opens_with_as_many_rows_as_its_epoch(self, folder):
        lengths = {path.name[5:].rpartition("_2")[0]: len(imap.read(path)) for path in folder.glob("*.cdf")}
        assert lengths == {
            "codice_l1b_hskp": 99, "codice_l1b_lo-sw-species": 2, "hi_l1a_45sensor-de": 75768, "mag_l2_norm-gse": 1440,
            "ialirt_l1_realtime": 1800, "lo_l1b_de": 3, "mag_l1a_burst-magi": 608,
        }  # fmt: skip

    def test_nothing_of_a_file_is_lost(self, folder):
        for path in folder.glob("*.cdf"):
            every, seen = set(cdflib.CDF(path).cdf_info().zVariables), set()
            for epoch in imap.read(path).meta["epochs"]:
                table = imap.read(path, epoch=epoch)
                seen |= {*table.colnames, *table.meta["support"]}
            assert seen == every

    def test_mag_l2(self, folder):
        table = imap.read(folder / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf")
        assert table["epoch"][0].utc.isot == "2026-01-10T00:00:00.000123456"
        # 821275269184123456 ns: 123,456 ns after midnight.
        assert abs((table["epoch"][0] - Time("2026-01-10T00:00:00")).to_value("ns") - 123456) < 1
        assert int(table["b_gse"].mask.sum()) == 15
        assert table["b_gse"].info.meta["labels"] == {"1": ["Bx", "By", "Bz"]}

    def test_counters_of_64_bits_stay_exact(self, folder):
        path = folder / "imap_hi_l1a_45sensor-de_20250415_v000.cdf"
        column = imap.read(path)["event_met"]
        assert (column.dtype, column.unit) == (np.int64, u.ns)
        assert np.array_equal(column.value, cdflib.CDF(path).varget("event_met"))

    def test_fill_values_of_integers_are_masked(self, folder):
        assert imap.read(folder / "imap_hi_l1a_45sensor-de_20250415_v000.cdf")["de_tag"].mask.all()

    def test_real_time_file_has_seven_epochs(self, folder):
        path = folder / "imap_ialirt_l1_realtime_20260310_v001.cdf"
        table = imap.read(path)
        assert table.meta["epoch"] == "mag_epoch"
        assert len(table.meta["epochs"]) == 7
        assert imap.read(path, epoch="codice_hi_epoch")["codice_hi_h"].shape == (0, 15, 4, 4)
        wind = imap.read(path, epoch="swapi_epoch")
        assert wind["swapi_pseudo_proton_speed"].unit == u.km / u.s


class TestOddFiles:
    def test_fill_inside_the_valid_range_is_a_value(self, make_cdf):
        ranged = {"FILLVAL": [0, "CDF_INT1"], "VALIDMIN": [0, "CDF_INT1"], "VALIDMAX": [9, "CDF_INT1"]}
        path = make_cdf(
            {
                "epoch": (TT2000, np.arange(3), {}),
                "cem_id": (INT1, np.array([0, 1, 2], "i1"), {"DEPEND_0": "epoch", **ranged}),
                "whole": (UINT2, np.array([7, 8, 65535], "u2"),
                          {"DEPEND_0": "epoch", "FILLVAL": [65535, "CDF_UINT2"], "VALIDMIN": [0, "CDF_UINT2"],
                           "VALIDMAX": [65535, "CDF_UINT2"]}),
                "outside": (FLOAT, np.array([1, -1e31, 3], "f4"),
                            {"DEPEND_0": "epoch", "FILLVAL": [-1e31, "CDF_FLOAT"], "VALIDMIN": [0.0, "CDF_FLOAT"],
                             "VALIDMAX": [9.0, "CDF_FLOAT"], "UNITS": "nT"}),
            }
        )  # fmt: skip
        table = imap.read(path)
        assert not hasattr(table["cem_id"], "mask")
        assert list(table["whole"].mask) == [False, False, True]
        assert list(table["outside"].mask) == [False, True, False]

    def test_leap_second(self, make_cdf):
        before = cdflib.cdfepoch.compute_tt2000([2016, 12, 31, 23, 59, 59, 500, 0, 0])
        table = imap.read(make_cdf({"epoch": (TT2000, before + np.arange(3) * 10**9, {})}))
        assert [time[-12:] for time in table["epoch"].isot] == ["59.500000000", "60.500000000", "00.500000000"]

    def test_missing_times_are_masked(self, make_cdf):
        least = np.iinfo(np.int64).min
        table = imap.read(make_cdf({"epoch": (TT2000, np.array([0, least]), {"FILLVAL": [least, "CDF_TIME_TT2000"]})}))
        assert list(table["epoch"].mask) == [False, True]

    def test_milliseconds_since_year_0(self, make_cdf):
        instant = cdflib.cdfepoch.compute_epoch([2026, 1, 10, 12, 30, 15, 250])
        made = make_cdf(
            {"Epoch": (EPOCH, np.array([instant, -1e31]), {}), "x": (FLOAT, [1.0, 2.0], {"DEPEND_0": "Epoch"})}
        )
        table = imap.read(made)
        assert table["Epoch"][0].utc.isot == "2026-01-10T12:30:15.250000000"
        assert list(table["Epoch"].mask) == [False, True]

    def test_picoseconds(self):
        raw = np.array([cdflib.cdfepoch.compute_epoch16([2026, 1, 10, 12, 30, 15, 250, 1, 0, 0])])
        variable = Variable("Epoch", "CDF_EPOCH16", 1, True, {}, lambda: Values(raw, None))
        assert abs(as_time(variable)[0] - Time("2026-01-10T12:30:15.250001")).to_value("ns") < 1

    def test_epochs_with_a_second_dimension(self, make_cdf):
        table = imap.read(make_cdf({"epoch": (TT2000, np.zeros((1, 1), "i8"), {}), "x": (FLOAT, np.ones((1, 5)), {})}))
        assert table["epoch"].shape == (1,)
        assert table["x"].shape == (1, 5)

    @pytest.mark.parametrize(
        ("count", "attributes", "chosen"),
        [(2, {"VIRTUAL": "true"}, "epoch"), (0, {}, "epoch"), (0, {"VIRTUAL": "true"}, "other"), (2, {}, "epoch")],
    )
    def test_an_epoch_that_another_program_would_compute_gives_no_rows(self, make_cdf, count, attributes, chosen):
        on_other = {"DEPEND_0": "other", "VAR_TYPE": "data"}
        table = imap.read(
            make_cdf(
                {
                    "epoch": (TT2000, np.arange(count), attributes),
                    "other": (TT2000, np.arange(3), {}),
                    "x": (FLOAT, np.arange(3.0), on_other),
                    "y": (FLOAT, np.arange(3.0), on_other),
                }
            )
        )
        assert table.meta["epoch"] == chosen

    def test_no_time_at_all(self, make_cdf):
        table = imap.read(make_cdf({"x": (FLOAT, np.arange(4.0), {"UNITS": "nT"}), "y": (FLOAT, np.arange(4.0), {})}))
        assert (table.colnames, len(table)) == (["x", "y"], 4)
        assert "does not have a time variable" in table.meta["problems"][0]

    def test_nothing_but_constants(self, make_cdf):
        table = imap.read(make_cdf({"k": (FLOAT, np.arange(3.0), {})}, static=("k",)))
        assert len(table.colnames) == 0
        assert list(table.meta["support"]["k"]["values"]) == [0, 1, 2]

    def test_a_number_or_nothing_as_depend_0(self, make_cdf):
        table = imap.read(
            make_cdf(
                {
                    "epoch": (TT2000, np.arange(3), {}),
                    "numbered": (FLOAT, np.arange(3.0), {"DEPEND_0": [0, "CDF_INT4"]}),
                    "silent": (FLOAT, np.arange(6.0).reshape(3, 2), {}),
                    "elsewhere": (FLOAT, np.arange(3.0), {"DEPEND_0": "nowhere"}),
                }
            )
        )
        assert table.colnames == ["epoch", "numbered", "silent", "elsewhere"]
        assert len(table.meta["problems"]) == 3

    def test_a_dependent_of_another_length_stands_aside(self, make_cdf):
        table = imap.read(
            make_cdf(
                {
                    "epoch": (TT2000, np.arange(10), {}),
                    "good": (FLOAT, np.arange(10.0), {"DEPEND_0": "epoch"}),
                    "short": (FLOAT, np.arange(6.0), {"DEPEND_0": "epoch", "UNITS": "nT"}),
                }
            )
        )
        assert table.colnames == ["epoch", "good"]
        assert list(table.meta["support"]["short"]["values"].value) == [0, 1, 2, 3, 4, 5]
        assert "short has 6 records, epoch has 10" in table.meta["problems"][0]

    def test_an_instant_that_hangs_on_another_is_a_column(self, make_cdf):
        variables = {"epoch": (TT2000, np.arange(3), {}), "start": (TT2000, np.arange(3) + 5, {"DEPEND_0": "epoch"})}
        table = imap.read(make_cdf(variables))
        assert isinstance(table["start"], Time)
        assert table.meta["epochs"] == {"epoch": 3}

    def test_strange_attributes_do_no_harm(self, make_cdf):
        odd = {
            "DEPEND_0": "epoch",
            "VALIDMIN": "low",
            "FILLVAL": "none",
            "UNITS": [3, "CDF_INT4"],
            "LABL_PTR_1": "gone",
        }
        table = imap.read(make_cdf({"epoch": (TT2000, np.arange(2), {}), "x": (FLOAT, [1.0, 2.0], odd)}))
        assert list(table["x"]) == [1, 2]
        assert table["x"].info.meta["UNITS"] == 3


class TestNoFiles:
    def test_absent(self, tmp_path):
        with pytest.raises(FileError, match="it does not exist"):
            imap.read(tmp_path / "absent.cdf")

    @pytest.mark.parametrize("content", [b"", b"<html>sorry</html>", b"\xcd\xf3\x00\x01\x00\x00\xff\xff" + bytes(400)])
    def test_no_cdf(self, tmp_path, content):
        path = tmp_path / "x.cdf"
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"x\.cdf.*cannot be read as a CDF file"):
            imap.read(path)

    def test_cut(self, tmp_path):
        path = tmp_path / "x.cdf"
        path.write_bytes(MAG.read_bytes()[:20000])
        with pytest.raises(FileError):
            imap.read(path)


class TestEpochs:
    @pytest.mark.parametrize("level", ["l1b", "l1c"])
    def test_the_missions_writer(self, real_data, level):
        path = real_data / "world" / "imap" / f"imap_mag_{level}_norm-mago_20260110_v001.0001.cdf"
        vectors = imap.read(path)["vectors"]
        assert np.nanmax(np.abs(np.ma.getdata(vectors))) < 1e5
        assert vectors.mask.sum() == np.isnan(np.ma.getdata(vectors)).sum() == 4

    def test_each_gives_a_table(self, real_data):
        path = real_data / "imap" / "imap_ialirt_l1_realtime_20260310_v001.cdf"
        found = imap.epochs(path)
        assert len(found) == 7
        assert [len(imap.read(path, epoch=name)) for name in found] == list(found.values())

    def test_scale(self):
        table = imap.read(MAG, scale="utc")
        assert (table["epoch"].scale, table["epoch"][0].isot) == ("utc", "2026-01-10T00:00:00.000000000")
        atomic = imap.read(MAG, scale="tai")["epoch"]
        assert (atomic.scale, atomic[0].isot) == ("tai", "2026-01-10T00:00:37.000000000")
        with pytest.raises(QueryError, match="'utc', 'tai', 'tt'"):
            imap.read(MAG, scale="ut1")

    def test_terrestrial_time_is_exact_to_the_nanosecond(self, make_cdf):
        raw = np.array([0, 1, -1, 536500869183999999, 821275269184123456, -(2**55) - 7, 43200 * 10**9, -43200 * 10**9])
        time = imap.read(make_cdf({"epoch": (TT2000, raw, {})}), scale="tt")["epoch"]
        days = np.rint(time.jd1 - 2451545.0).astype("i8")
        assert np.array_equal(days * 86400 * 10**9 + np.rint(time.jd2 * 86400e9).astype("i8"), raw)
        assert np.abs(time.jd2).max() <= 0.5
        assert (time == Time(time.jd1, time.jd2, format="jd", scale="tt")).all()


@pytest.mark.parametrize(
    "path", sorted(SHIPPED.glob("*.cdf"))[::3] + sorted(of_sunpy("x").parent.glob("*.cdf")), ids=str
)
def test_attributes_are_those_that_cdflib_gives(path):
    cdf = cdflib.CDF(path, string_encoding="utf-8")
    variables, _ = load(path)
    for name, variable in variables.items():
        theirs = {key: plain(value) for key, value in cdf.varattsget(name).items()}
        assert str(variable.attributes) == str(theirs)


class TestFormats:
    def test_astropy_reads_it_by_the_name_of_the_format(self):
        quantities, plain = QTable.read(MAG, format="cdf"), Table.read(str(MAG), format="cdf")
        assert quantities["b_gse"].unit == plain["b_gse"].unit == u.nT
        assert isinstance(plain, Table)

    def test_a_file_is_recognized_by_its_first_bytes(self, tmp_path):
        assert len(QTable.read(MAG, scale="utc")) == 2880
        renamed = tmp_path / "without_suffix"
        renamed.write_bytes(MAG.read_bytes())
        assert len(QTable.read(renamed)) == 2880
        assert len(QTable.read(of_sunpy("psp_fld_l2_mag_rtn_1min_20200104_v02.cdf"))) == 118

    @pytest.mark.parametrize("content", [b"", b"CDF\x01 netCDF", b"\0\0\xff\xff\0\0\xff\xff"])
    def test_other_files_are_not_recognized(self, tmp_path, content):
        path = tmp_path / "other"
        path.write_bytes(content)
        with pytest.raises(IORegistryError):
            QTable.read(path)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:.*dubious year")
@pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.InexactTimeWarning")  # damaged epochs of any year
@pytest.mark.filterwarnings("ignore:Variables with more than:sunpy_helio_plugins.errors.WideColumnsWarning")
@pytest.mark.filterwarnings("ignore:.* without a time were left out:sunpy_helio_plugins.errors.IncompleteAnswerWarning")
class TestDamage:
    """Mutated files are read, or refused with an error of this package, in bounded time."""

    @pytest.mark.parametrize(
        "name", ["imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf", "imap_swe_l2_sci_20260110_v001.0001.cdf"]
    )
    def test_of_bytes(self, tmp_path, name):
        whole = (SHIPPED / name).read_bytes()
        rng = np.random.default_rng(5)
        path = tmp_path / "x.cdf"
        refused = 0
        for _ in range(150):
            content = bytearray(whole)
            for place in rng.integers(0, len(whole), rng.integers(1, 12)):
                content[place] = rng.integers(256)
            path.write_bytes(content)
            refused += self.opens(path)
        assert 0 < refused < 150

    @pytest.mark.parametrize("step", [7, 11])
    def test_of_places_in_the_file(self, tmp_path, step):
        """Each group of eight bytes is replaced by another offset: chains that loop, or lead out of the file."""
        whole = (SHIPPED / "imap_idex_l2b_sci-10days_20260101_v001.0001.cdf").read_bytes()
        path = tmp_path / "x.cdf"
        for place in range(8, len(whole) - 8, 8 * step):
            for value in (8, 320, 2**40, len(whole) - 1):
                path.write_bytes(whole[:place] + value.to_bytes(8, "big") + whole[place + 8 :])
                self.opens(path)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        name=st.sampled_from(
            [
                "imap_swe_l2_sci_20260110_v001.0001.cdf", "imap_glows_l2_hist_20260110-repoint00120_v001.0001.cdf",
                "imap_swapi_l3a_proton-sw_20260110_v001.0001.cdf",
            ]
        ),
        changes=st.lists(
            st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6
        ),
        cut=st.one_of(st.none(), st.floats(0, 1)),
    )  # fmt: skip
    def test_of_anything(self, tmp_path, name, changes, cut):
        content = bytearray((SHIPPED / name).read_bytes())
        for place, part in changes:
            start = int(place * len(content))
            content[start : start + len(part)] = part
        path = tmp_path / name
        path.write_bytes(content if cut is None else content[: int(cut * len(content))])
        self.opens(path)

    @staticmethod
    def opens(path: Path) -> bool:
        try:
            for epoch in (None, *imap.epochs(path)):
                table = imap.read(path, epoch=epoch)
                dict(table.meta["support"])
        except (FileError, QueryError):
            return True
        with contextlib.suppress(QueryError):
            imap.to_timeseries(table)
        return False

    def test_compressed_as_a_whole(self, tmp_path):
        import gzip
        import struct

        whole = MAG.read_bytes()
        packed = gzip.compress(whole[8:])
        about = struct.pack(">qiiiii", 28, 11, 5, 0, 1, 6)
        head = struct.pack(">qiqqi", 32 + len(packed), 10, 8 + 32 + len(packed), len(whole) - 8, 0)
        path = tmp_path / "packed.cdf"
        path.write_bytes(bytes.fromhex("cdf30001cccc0001") + head + packed + about)
        assert len(imap.read(path)) == 2880
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(FileError):
            imap.read(path)


def test_texts_in_utf8_end_at_their_first_zero_byte():
    found = decode._text(np.array([["été\0x".encode(), b"b"], [b"\xff", "été\0y".encode()]], "S8"))
    assert found.tolist() == [["été", "b"], [found[1, 0], "été"]]
    assert decode._text(np.array([b"ab\0c", b"", b"d"], "S4")).tolist() == ["ab", "", "d"]


def test_a_fill_value_that_is_longer_than_the_texts_is_nowhere():
    assert fills._text_mask(np.array(["a", "b"]), "abc") is None
    assert fills._text_mask(np.array(["a", "b "]), "b  ").tolist() == [False, True]


def test_a_time_variable_that_cannot_be_read_is_named(monkeypatch):
    def fails(*_):
        raise ValueError("odd epochs")

    monkeypatch.setattr(sys.modules["sunpy_helio_plugins.cdf.read"], "_time", fails)
    with pytest.raises(FileError, match=r"\.cdf: the time variable epoch cannot be read \(odd epochs\)"):
        imap.read(MAG)


def test_the_beginning_of_a_file_that_is_compressed_by_runs_of_zeros():
    assert records._beginning(b"a\0\2b\0\0", 100) == b"a\0\0\0b\0"
