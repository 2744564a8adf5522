"""Test numbers that servers write as texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.quantities.exact import TooManyValuesError, _number, exact_json, kept_json, whole_number
from sunpy_helio_plugins.transport.exchange import Response


@pytest.mark.parametrize(
    ("given", "expected"),
    [("3", 3), (3, 3), ("007", 7), ("9" * 18, 10**18 - 1)]
    + [(bad, None) for bad in ("", "-1", "1.0", " 1", "\u0663", "\u00b2", "9" * 19, "9" * 5000, None, True, 1.0, [1])],
)
def test_only_digits_of_64_bits_are_whole_numbers(given: Any, expected: int | None) -> None:
    assert whole_number(given) == expected


@pytest.mark.parametrize("kind", [str, str.encode])
def test_json_that_does_not_fit_into_memory_is_refused(kind: Any) -> None:
    with conf.set_temp("max_answer", 1000):
        assert exact_json(kind('"' + "x" * 900 + '"')) == "x" * 900
        with pytest.raises(
            TooManyValuesError, match="need more than 4000 bytes of memory; request less, or raise conf"
        ):
            exact_json(kind("[" + "[]," * 50 + "[]]"))


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_json_that_is_nested_too_deeply_is_refused(opened: str, closed: str) -> None:
    exact_json(opened * 199 + "1" + closed * 199)
    exact_json("[" + ",".join(["[1]"] * 300) + "]")
    with pytest.raises(TooManyValuesError, match=r"^it is nested more than 200 levels deep$"):
        exact_json(opened * 201 + "1" + closed * 201)


def test_an_answer_with_too_many_values_says_why_it_is_not_read() -> None:
    answer = Response("Test", "https://a.example/x", 200, {}, b"[" * 300 + b"]" * 300)
    with pytest.raises(AnswerError, match="the JSON is not read: it is nested more than 200 levels deep"):
        answer.json()


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"-?[1-9][0-9]{12,20}\.0{1,4}", fullmatch=True),
            st.sampled_from(["1.5", "1e5", '"9.0"', "-0.0"]),
            st.from_regex(r"-?[1-9][0-9]{12,20}\.[0-9]{1,3}", fullmatch=True),
        )
    ),
    st.sampled_from(["utf-8", "utf-16", None]),
)  # fmt: skip
def test_integers_with_decimals_are_found_wherever_they_are(numbers: list[str], encoding: str | None) -> None:
    text = f"[{', '.join(numbers)}]"
    expected = [_number(one) if one[0] != '"' else one[1:-1] for one in numbers]
    found = exact_json(text if encoding is None else text.encode(encoding))
    assert [(type(one), one) for one in found] == [(type(one), one) for one in expected]


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_json_that_is_nested_too_deeply_is_an_error_of_values(opened: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        kept_json(opened * 200_000)


@pytest.mark.parametrize("kind", [str, str.encode])
@pytest.mark.parametrize(
    "text",
    [
        "NaN", "[-Infinity]", "1e999", '"\\ud800"', '"\\ud83d\\ude00"', '{"a": 1, "b": 2, "a": 3}', "-0", "-0.0", "1E5",
        "18446744073709551616", "-9223372036854775809", "9" * 400, "2.2250738585072011e-308", '"\\u0000"', " [] ", "é",
        '"é"', '{"": null}', "0.1",
    ],
)  # fmt: skip
def test_json_is_decoded_as_by_the_standard_library(text: str, kind: Any) -> None:
    def outcome(decode: Any) -> str:
        try:
            return repr(decode(kind(text)))
        except ValueError as error:
            return str(error)

    assert outcome(exact_json) == outcome(kept_json)


def test_raw_line_breaks_in_texts_are_read_unless_json_is_to_be_strict() -> None:
    assert exact_json('"a\nb"', strict=False) == "a\nb"
    with pytest.raises(ValueError, match="Invalid control character"):
        exact_json('"a\nb"')
