"""Test the attrs of IMAP, and the resulting requests."""

from __future__ import annotations

from datetime import date

import imap_data_access as official
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.imap import coverage, filenames, mission, tables
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import parameters
from sunpy_helio_plugins.imap.translator import queries

DAY = a.Time("2026-01-10", "2026-01-10 12:00")
BEGIN, END = "2026-01-10T00:00:00.000000000Z", "2026-01-10T12:00:00.000000000Z"


PRODUCTS = [
    ("hi", "l1a", "45sensor-de"), ("hi", "l1c", "90sensor-pset"), ("hi", "l2", "h45-ena-h-hf-nsp-full-hae-6deg-6mo"),
    ("ultra", "l1a", "45sensor-de"), ("ultra", "l2", "u90-ena-h-sf-nsp-full-hae-6deg-6mo"), ("lo", "l1b", "de"),
    ("mag", "l2", "norm-gse"), ("hi", "l2", "hic-ena-h-hf-nsp-full-hae-6deg-6mo"),
]  # fmt: skip


def _row(name: str) -> dict[str, object]:
    parts = name.split("_")
    return {
        "file_path": f"imap/{parts[1]}/{parts[2]}/2026/01/{name}", "instrument": parts[1], "data_level": parts[2],
        "descriptor": parts[3], "start_date": "20260110", "repointing": 120, "version": "v001.0001", "extension": "cdf",
        "ingestion_date": "2026-01-12 00:00:00", "released": True, "major_version": 1, "minor_version": 1,
    }  # fmt: skip


class TestWords:
    def test_values_are_kept_in_lower_case(self):
        assert a.imap.Descriptor("Norm-GSE").values == ("norm-gse",)
        assert a.imap.Version("V001.0002").values == ("v001.0002",)

    @pytest.mark.parametrize("value", ["norm_gse", "", " ", 7, "norm/gse", "../x"])
    def test_what_can_be_no_descriptor_is_refused_at_once(self, value):
        with pytest.raises(QueryError, match=r"a\.imap\.Descriptor"):
            a.imap.Descriptor(value)

    @pytest.mark.parametrize("value", ["v1", "v001.2", "v0001", "newest", None, 1.5, True, "1000"])
    def test_what_is_no_version_is_refused_at_once(self, value):
        with pytest.raises(QueryError, match=r"a\.imap\.Version"):
            a.imap.Version(value)

    def test_known_values_complete_by_tab(self):
        assert a.imap.Descriptor.norm_gse == a.imap.Descriptor("norm-gse")
        assert a.imap.Version.latest == a.imap.Version("latest")
        assert a.Instrument.codice.value == "codice"
        assert a.Instrument.imap_lo.value == "IMAP-Lo"

    def test_vocabulary_is_that_of_the_official_client(self):
        assert set(mission.INSTRUMENTS) == official.VALID_INSTRUMENTS
        assert set(mission.LEVELS) == official.VALID_DATALEVELS


class TestTranslation:
    def test_marker_and_time_ask_for_everything_of_that_time(self):
        asked = queries(DAY, a.imap.File())
        assert asked[0] == Query(BEGIN, END)
        # Products longer than a pointing are requested separately: a year of all files exceeds one response.
        assert {(one.instrument, one.level) for one in asked[1:]} == set(coverage.LONG)
        assert parameters(asked[0])["start_date"] == "20260109"
        assert parameters(Query(BEGIN, END, "hi", "l2"))["start_date"] == "20250110"

    def test_days_before_the_year_1000_have_eight_digits(self):
        asked = parameters(Query("0998-01-02T00:00:00.000Z", "0999-12-31T00:00:00.000Z", "mag", "l2", "norm-gse"))
        assert (asked["start_date"][:4], asked["end_date"]) == ("0998", "09991231")

    @pytest.mark.parametrize("level", ["l2", "L2", 2, "2"])
    def test_core_attrs_are_read_in_any_spelling(self, level):
        asked = queries(DAY, a.imap.File(), a.Instrument("MAG"), a.Level(level), a.Provider("sdc"), a.Source("imap"))
        assert asked == (Query(BEGIN, END, "mag", "l2"),)

    def test_values_of_one_attr_are_one_question_each(self):
        words = a.imap.Descriptor("norm-gse") | a.imap.Descriptor("norm-rtn")
        assert [one.descriptor for one in queries(DAY, words)] == ["norm-gse", "norm-rtn"]

    def test_alternatives_are_merged_when_the_client_is_asked_directly(self):
        asked = queries(DAY, a.imap.File(), a.Instrument("mag") | a.Instrument("swapi") | a.Instrument("mag"))
        assert [one.instrument for one in asked] == ["mag", "swapi"]

    @pytest.mark.parametrize(
        ("attr", "words"),
        [
            (
                a.Instrument("magnetometer"),
                r"a\.Instrument\('magnetometer'\) is not an instrument of IMAP SDC.*codice, glows, hi, hit",
            ),
            (a.Level("l9"), r"a\.Level\('l9'\) is not a level of IMAP SDC.*l3e"),
            (a.Level(1.5), "l1, l1a"),
            (a.Provider("CDAWeb"), "is not this archive; its names are: IMAP SDC, IMAP, SDC"),
            (a.Source("ACE"), "is not this archive"),
            (a.Physobs("field"), r"cannot use a\.Physobs"),
        ],
    )
    def test_what_the_service_does_not_know_is_refused_with_what_it_does(self, attr, words):
        with pytest.raises(QueryError, match=words):
            queries(DAY, a.imap.File(), attr)

    @pytest.mark.parametrize(
        ("attrs", "instruments"),
        [
            ((a.Instrument("IMAP-MAG"),), ["mag"]),
            ((a.Instrument("imap lo"),), ["lo"]),
            ((a.Instrument("I-ALiRT"),), ["ialirt"]),
            ((a.Physobs("vector_magnetic_field"),), ["mag"]),
            ((a.Physobs("intensity"),), ["glows"]),
            ((a.Physobs("thermal_velocity"),), ["swapi", "swe"]),
            ((a.Physobs("particle_flux"), a.Instrument("IMAP-Hi")), ["hi"]),
            ((a.Detector("45"),), ["hi", "ultra"]),
            ((a.Detector("90"), a.Instrument("ultra")), ["ultra"]),
            ((a.Detector("u45"),), ["ultra"]),
            ((a.Detector("45sensor"), a.Physobs("particle_flux")), ["hi", "ultra"]),
            ((a.Instrument("IMAP-Ultra 45"),), ["ultra"]),
            ((a.Instrument("IMAP-Hi90"), a.Detector("90")), ["hi"]),
            ((a.Instrument("CoDICE"), a.Detector("Lo")), ["codice"]),
            ((a.Instrument("IMAP-MAG"), a.Detector("MAGo")), ["mag"]),
        ],
    )
    def test_aliases_detectors_and_observables_mean_instruments(self, attrs, instruments):
        asked = [one for one in queries(DAY, a.Source("IMAP"), *attrs) if one.table == "science"]
        assert [one.instrument for one in asked] == instruments
        says = any(isinstance(attr, a.Detector) or str(attr.value)[-2:] in ("45", "90") for attr in attrs)
        assert all(bool(one.detector) is says for one in asked)

    @pytest.mark.parametrize(
        ("attrs", "words"),
        [
            ((a.Detector("30"),), r"a\.Detector\('30'\) is not a detector of IMAP SDC; .*hi: 45, 90"),
            ((a.Detector("45"), a.Instrument("mag")), r"is not a detector of mag"),
            ((a.Detector("h45"), a.Instrument("ultra")), r"is not a detector of ultra"),
            ((a.Instrument("IMAP-Hi45"), a.Detector("90")), r"is not a detector of hi"),
            ((a.Physobs("vector_magnetic_field"), a.Instrument("swapi")), r"with swapi: it is measured by mag"),
            ((a.Physobs("los_velocity"),), r"cannot use a\.Physobs\('los_velocity'\); allowed: composition"),
        ],
    )
    def test_what_no_instrument_is_or_measures_is_refused(self, attrs, words):
        with pytest.raises(QueryError, match=words):
            queries(DAY, a.Source("IMAP"), *attrs)

    def test_a_detector_chooses_among_descriptors(self):
        def found(*attrs):
            names = [f"imap_{of}_{level}_{what}_20260110-repoint00120_v001.0001.cdf" for of, level, what in PRODUCTS]
            rows = [_row(name) for name in names]
            asked = queries(DAY, a.Source("IMAP"), *attrs)
            table = tables.from_answers([(one, rows) for one in asked])
            return sorted(f"{row['Instrument']} {row['Descriptor']}" for row in table)

        assert found(a.Detector("45")) == [
            "hi 45sensor-de", "hi h45-ena-h-hf-nsp-full-hae-6deg-6mo", "ultra 45sensor-de",
        ]  # fmt: skip
        assert found(a.Instrument("IMAP-Ultra 90")) == ["ultra u90-ena-h-sf-nsp-full-hae-6deg-6mo"]
        assert found(a.Instrument("IMAP-Hi"), a.Detector("90")) == ["hi 90sensor-pset"]
        assert found(a.Detector("45"), a.Level("l1a")) == ["hi 45sensor-de", "ultra 45sensor-de"]

    @pytest.mark.parametrize(
        "words",
        [
            (a.imap.File(),),
            (a.Source("IMAP"), a.imap.Version.all),
            (a.imap.Descriptor("norm-*"),),
            (a.imap.Table("quicklook"),),
            (a.Instrument("ialirt"),),
        ],
    )
    def test_time_is_needed_where_nothing_else_limits_the_response(self, words):
        with pytest.raises(QueryError, match=r"add a\.Time"):
            queries(*words)

    @pytest.mark.parametrize(
        "words",
        [
            (a.Instrument("glows"),),
            (a.Instrument("mag"), a.imap.Descriptor("norm-*")),
            (a.Level("l2"), a.imap.File()),
            (a.imap.Descriptor("norm-gse"),),
            (a.Source("IMAP"), a.Detector("45")),
            (a.imap.Kernel("leapseconds"),),
            (a.Instrument("ialirt"), a.imap.Table("science")),
        ],
    )
    def test_time_is_not_needed_for_what_is_selected_by_its_kind(self, words):
        asked = queries(*words)
        assert asked
        assert not any(one.begin or one.end for one in asked)

    def test_a_nearest_file_cannot_be_asked_for(self):
        with pytest.raises(QueryError, match="nearest"):
            queries(a.Time("2026-01-10", "2026-01-11", near="2026-01-10"), a.imap.File())


class TestParameters:
    def test_a_day_of_mag(self):
        assert parameters(Query(BEGIN, END, "mag", "l2", "norm-gse")) == {
            "instrument": "mag", "data_level": "l2", "descriptor": "norm-gse", "start_date": "20260110",
            "end_date": "20260110", "latest": "true",
        }  # fmt: skip

    def test_a_pattern_is_not_sent(self):
        assert "descriptor" not in parameters(Query(BEGIN, END, "mag", None, "norm-*"))

    def test_a_version_is_sent_as_it_is(self):
        sent = parameters(Query(BEGIN, END, "mag", version="v001.0002"))
        assert (sent["version"], "latest" in sent) == ("v001.0002", False)

    @pytest.mark.parametrize(
        ("instrument", "level", "descriptor", "first"),
        [
            ("swapi", "l2", None, "20260110"),
            ("glows", "l2", None, "20260109"),
            ("glows", "l3b", "ion-rate-profile", "20251213"),
            ("idex", None, None, "20260101"),
            ("idex", "l2b", "sci-10days", "20260101"),
            ("hi", "l1b", None, "20260109"),
            ("hi", "l2", None, "20250110"),
            (None, None, "h45-ena-h-hf-nsp-full-hae-6deg-6mo", "20250709"),
            (None, None, None, "20260109"),
            ("glows", "l2", "hist", "20260109"),
            (None, None, "ion-rate-profile", "20251213"),
        ],
    )
    def test_start_reaches_back_by_the_length_of_the_product(self, instrument, level, descriptor, first):
        assert parameters(Query(BEGIN, END, instrument, level, descriptor))["start_date"] == first


NAMES = [
    "imap_mag_l2_norm-gse_20260110_v001.0002.cdf",
    "imap_swe_l0_sci_20240105_v001.pkts",
    "imap_glows_l2_hist_20260108-repoint00118_v001.0001.cdf",
    "imap_glows_l3b_ion-rate-profile_20251227-cr02306_v001.0001.cdf",
    "imap_swapi_efficiency-lut_20250901_20261231_v002.csv",
    "imap_mag_l2-calibration_20250901_v001.json",
    "imap_hi_l1b_45sensor-de_20240229_v999.9999.cdf",
    "imap_hi_l1b_45sensor-de_20230229_v001.cdf",
    "IMAP_mag_l2_norm-gse_20260110_v001.0002.cdf",
    "imap_mag_l2_norm_gse_20260110_v001.0002.cdf",
    "imap_mag_l2_norm-gse_20260110_v001.2.cdf",
    "imap_mag_l2_norm-gse_20260110_v001-trimmed.cdf",
    "imap_mag_l2_norm-gse_2026011_v001.cdf",
    "imap_glows_l2_hist_20260108-repoint118_v001.0001.cdf",
    "mag.cdf",
    "",
]


class TestFileNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_names_are_read_as_the_official_client_reads_them(self, name):
        theirs = None
        for kind in (official.ScienceFilePath, official.AncillaryFilePath):
            try:
                theirs = kind(name)
                break
            except official.ImapFilePath.InvalidImapFileError:
                continue
        ours = filenames.parse(name)
        mine = ours and (ours.instrument, ours.descriptor, f"{ours.start:%Y%m%d}", ours.extension)
        assert mine == (theirs and (theirs.instrument, theirs.descriptor, theirs.start_date, theirs.extension))

    def test_parts(self):
        name = filenames.parse("imap_glows_l3b_ion-rate-profile_20251227-cr02306_v001.0012.cdf")
        assert (name.level, name.rotation, name.repointing, name.major, name.minor) == ("l3b", 2306, None, 1, 12)
        older = filenames.parse("imap_swe_l0_sci_20240105_v003.pkts")
        assert (older.version, older.major, older.minor) == ("v003", None, 3)

    @pytest.mark.parametrize(
        ("name", "end"),
        [
            ("imap_mag_l2_norm-gse_20260110_v001.0002.cdf", date(2026, 1, 11)),
            ("imap_glows_l2_hist_20260108-repoint00118_v001.0001.cdf", date(2026, 1, 10)),
            ("imap_glows_l3b_ion-rate-profile_20251227-cr02306_v001.0001.cdf", date(2026, 1, 25)),
            ("imap_idex_l2b_sci-10days_20260101_v001.0001.cdf", date(2026, 1, 11)),
            ("imap_hi_l2_h45-ena-h-hf-nsp-full-hae-6deg-6mo_20251001_v001.0001.cdf", date(2026, 4, 1)),
            ("imap_hi_l2_h45-ena-h-hf-nsp-full-hae-6deg-3mo_20251130_v001.0001.cdf", date(2026, 3, 1)),
            ("imap_lo_l2_ilo90-ena-h-sf-nsp-full-hae-6deg-1yr_20250101_v001.0001.cdf", date(2026, 1, 1)),
            ("imap_swapi_efficiency-lut_20250901_20261231_v002.csv", date(2027, 1, 1)),
        ],
    )
    def test_length_follows_from_the_kind_of_product(self, name, end):
        assert coverage.end_of(filenames.parse(name)) == end
