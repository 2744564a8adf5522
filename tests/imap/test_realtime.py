"""Test real-time values of I-ALiRT."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    QueryError,
    ServiceRefused,
)
from sunpy_helio_plugins.imap import ialirt_tables, mission

DEFINED = {
    "codice_hi_h": "ct / (MeV s sr cm2)",
    **dict.fromkeys(("codice_lo_c_over_o_abundance", "codice_lo_mg_over_o_abundance"), None),
    **dict.fromkeys(("codice_lo_fe_over_o_abundance", "codice_lo_c_plus_6_over_c_plus_5"), None),
    **dict.fromkeys(("codice_lo_o_plus_7_over_o_plus_6", "codice_lo_fe_low_over_fe_high"), None),
    **{f"hit_e_{side}_side_{energy}_en": "ct" for side in "ab" for energy in ("low", "med", "high")},
    **dict.fromkeys(("hit_h_omni_low_en", "hit_h_omni_med_en", "hit_h_a_side_high_en", "hit_h_b_side_high_en"), "ct"),
    **dict.fromkeys(("hit_he_omni_low_en", "hit_he_omni_high_en"), "ct"),
    **dict.fromkeys(("mag_B_magnitude", "mag_B_GSE", "mag_B_GSM", "mag_B_RTN"), "nT"),
    **{f"mag_{angle}_B_{frame}": "deg" for angle in ("theta", "phi") for frame in ("GSE", "GSM")},
    "swapi_pseudo_proton_density": "1 / cm3",
    "swapi_pseudo_proton_speed": "km / s",
    "swapi_pseudo_proton_temperature": "K",
    "swe_normalized_counts": None,
    "swe_counterstreaming_electrons": None,
    **dict.fromkeys(("sc_position_GSE", "sc_position_GSM"), "km"),
    **dict.fromkeys(("sc_velocity_GSE", "sc_velocity_GSM"), "km / s"),
}
"""The units of all variables in the mission's definitions (imap_processing 1.0.40, imap_ialirt_l1_variable_attrs)."""

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


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
            ([1, None, 3], "f", [False, True, False]),
            ([2**63, None, 2**64 - 1], "u", [False, True, False]),
            ([[2**60 + 1, 2], None, [3, 4]], "i", [[False, False], [True, True], [False, False]]),
            ([[1, 2], None, [3, 4]], "f", [[False, False], [True, True], [False, False]]),
            ([[1.5, None], [2, 3], [4, 5]], "f", [[False, True], [False, False], [False, False]]),
            (["norm", None, "burst"], "U", [False, True, False]),
            ([["a"], ["a", "b"], None], "U", [False, False, True]),
            ([[[1.0] * 4] * 2, [[1.0] * 4], None], "U", [False, False, True]),
            ([{"on": True}, None, {}], "U", [False, True, False]),
            ([2**70, 1, 2], "f", [False, False, False]),
            ([2**60 + 1, 0.5, None], "U", [False, False, True]),
            ([2**70 + 1, 1, 2], "U", [False, False, False]),
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
        if kind in "iu":
            assert np.ma.getdata(column)[0].tolist() == values[0]

    @staticmethod
    def answer(archive, *values, name="mag_hk_current"):
        """Return the table of an answer with given values of one variable."""
        records = [{"time_utc": f"2026-01-10T10:00:0{i}", name: one} for i, one in enumerate(values)]
        with archive.fault("json_error", status=200, body=json.dumps({"data": records})):
            return imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"), "mag_hk")

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ([5, 6, 7], [5.5, 6, 7]),
            ([5, None, 7], [5.5, None, None]),
            ([[1, 2], [3, 4]], [[1.5, 2], [3, 4]]),
            ([[1, 2], [3, None]], [[1.5, 2], None]),
            (["on", "off"], ["standby", None]),
            (["5", "6"], ["on", "6"]),
            ([True, False], [False, None]),
            ([0, 1], [-(2**31), 2**53]),
        ],
    )
    def test_types_do_not_depend_on_the_look_of_values(self, archive, one, other):
        columns = [self.answer(archive, *values)["mag_hk_current"] for values in (one, other)]
        first, second = ((type(column), column.dtype.kind, column.shape[1:], column.unit) for column in columns)
        assert first == second
        assert [np.ma.getdata(column)[0].tolist() for column in columns] == [one[0], other[0]]

    @pytest.mark.parametrize("name", DEFINED)
    def test_units_are_those_of_the_definitions(self, name):
        found = ialirt_tables.column(name, [1.5, None], ialirt_tables._unit(name))
        unit = getattr(found, "unit", None)
        assert unit == (None if DEFINED[name] is None else u.Unit(DEFINED[name]))

    @pytest.mark.parametrize(
        ("name", "words"), [("swe_normalized_counts", "normalized counts"), ("codice_lo_c_over_o_abundance", None)]
    )
    def test_a_unit_that_is_none_is_kept_in_words(self, name, words):
        found = ialirt_tables.column(name, [1.5, None], ialirt_tables._unit(name))
        assert (found.info.meta or {}).get("unit_string") == words

    def test_known_variables_have_the_types_and_shapes_of_the_daily_file(self, archive, real_data):
        """Also in an answer that contains none of their values."""
        path, seen = real_data / "imap" / "imap_ialirt_l1_realtime_20260310_v001.cdf", 0
        for epoch in imap.epochs(path):
            daily = imap.read(path, epoch=epoch)
            for name in daily.colnames[1:]:
                nothing = self.answer(archive, None, None, name=name)[name]
                kind = "i" if daily[name].dtype.kind in "iu" else "f"
                assert (name, nothing.dtype.kind, nothing.shape[1:]) == (name, kind, daily[name].shape[1:])
                assert getattr(nothing, "unit", None) == getattr(daily[name], "unit", None)
                assert nothing.mask.all()
                seen += 1
        assert seen == 30

    def test_a_note_states_the_rule_for_types_that_are_not_declared(self, archive):
        assert self.answer(archive, 5, 6).meta["notes"] == [
            "The service does not declare the types of mag_hk_current: numbers are floats, lists of numbers of one "
            "shape are arrays, and true and false and text keep their types."
        ]
        assert self.answer(archive, 5, 6, name="mag_B_magnitude").meta["notes"] == []

    @pytest.mark.parametrize(
        ("values", "kind", "words"),
        [
            ([2**53 + 1, 1], "i", "contains integers that floats do not represent: its type is int64 in this response"),
            ([None, None], "f", "does not contain a value: its type is unknown, and float in this response"),
        ],
    )
    def test_a_note_states_the_exceptions(self, archive, values, kind, words):
        table = self.answer(archive, *values)
        assert table["mag_hk_current"].dtype.kind == kind
        assert table.meta["notes"][1:] == [f"mag_hk_current {words}."]

    @pytest.mark.parametrize(
        ("name", "values", "found"),
        [
            ("mag_B_magnitude", ["high", 5], "text, since not all values have the type float"),
            ("mag_B_GSE", [[1, 2, 3], [1, 2]], "text, since not all values have the type float"),
            ("swe_counterstreaming_electrons", [1, 0.5], "float64, since not all values have the type int"),
        ],
    )
    def test_values_of_another_type_than_declared_are_reported(self, archive, name, values, found):
        with pytest.warns(IncompleteAnswerWarning, match=f"Of the real-time values {name} is {found}"):
            table = self.answer(archive, *values, name=name)
        assert len(table) == 2
        assert len(table.meta["problems"]) == 1

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

    @pytest.mark.parametrize("body", ["3", "{}", '{"data": 3}', '{"data": [3]}'])
    def test_an_answer_without_records_is_an_error(self, archive, body):
        with archive.fault("json_error", status=200, body=body):
            with pytest.raises(AnswerError, match="a list of values was expected in the response"):
                imap.realtime(a.Time("2026-01-10 10:00", "2026-01-10 10:10"))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"Logical_source": ["imap_mag_l2"]}, "mag"),
        ({"Logical_source": []}, ""),
        ({"Logical_source": [3], "instrument": "IMAP-Lo>x"}, "lo"),
    ],
)
def test_the_instrument_of_a_file_with_attributes_of_several_entries(attributes, expected):
    assert mission.instrument_of("x.cdf", attributes) == expected
