"""Strings in place of units that are not units: empty strings, labels, formats, the meaning of codes, descriptions."""

from __future__ import annotations

import re
from functools import lru_cache

from sunpy_helio_plugins.quantities.units.vocabulary import SYMBOLS

__all__ = ["EITHER", "description", "label"]

EITHER = "one unit or the other, by component"

_NOTHING = frozenset({
    "", "none", "null", "nan", "n/a", "na", "n.a.", "n.a", "n / a", "not applicable", "not available", "undefined",
    "unknown", "unspecified", "tbd", "tba", "-", "--", "---", "?", ".", "nil", "no unit", "no units", "nounit",
    "nounits", "(none)", "[none]", "[]", "()", "[-]", "n/d",
})  # fmt: skip

_TIMES_WORDS = (
    "utc ut tt tai gps tt2000 et tdb mjd jd julian date dates datetime epoch doy mlt lt lst gmt iso iso8601 8601 "
    "time timestamp local magnetic unix universal terrestrial cdf_epoch cdf_time_tt2000 epoch16 met sclk "
    "time_tt2000 modified mjd2000 sdc hour_of_day yyyy of year day"
)
_TIMES = frozenset(_TIMES_WORDS.split())
_TIME_HEADS = _TIMES - {"of", "year", "day", "local", "magnetic", "modified", "universal", "yyyy", "et", "lt", "met"}

_NOUNS_WORDS = (
    "sum spins index indices state states status flag flags sector channel channels step code codes id ids identifier "
    "mode label labels name names string text table quality type category class version level boolean bool logical "
    "mask bitmask bitfield enum integer int float double char character ascii url uri filename file path counter "
    "sequence orbit component direction vector coordinate coordinates month kp ap ae dst sym asy hp30 hp60 symbol "
    "format unit units value values data position frame bin image record station spacecraft element scan packet "
    "energy temperature density velocity speed pressure flux latitude longitude angle altitude probability rate rates "
    "intensity frequency mass charge power amplitude distance phase range target list number array object comment "
    "note description species hemisphere bits_field categorical enumeration enumerated nominal ordinal catalog "
    "telescope detector anode"
)
_NOUNS = frozenset(_NOUNS_WORDS.split())
_WITH_NOUNS_WORDS = (
    "spin half energy num nr no raw sunspot instrument the bit of time azimuth azimuthal packet orbit image bin "
    "sample esa hv operation operating data housekeeping quality validity a an in sun row column pixel mass raw "
    "scaled error spacecraft detector is sensor normal nominal science calibration relative absolute solar "
    "geomagnetic al ao au aa am"
)
_WITH_NOUNS = frozenset(_WITH_NOUNS_WORDS.split())
_ALTERNATIVES = frozenset({"min/max", "max/min", "on/off", "off/on", "yes/no", "true/false", "good/bad",
                           "y/n", "t/f", "0/1", "0 or 1", "true or false", "yes or no", "pass/fail"})  # fmt: skip
_DATES = frozenset({"day of year", "day number", "day of the year"})
_FORMAT_LETTERS = "YmdHMSjfybBeTzqDJ"
_RUN = r"(?:[Yy]{2,4}|[Mm]{2,3}|[Dd]{2,3}|[Hh]{2}|SS|ss|SSS+|[fF]{3,9}|sss+)"
_FORMAT = re.compile(
    rf"(?:[$%][{_FORMAT_LETTERS}](?:[^A-Za-z$%]*[$%]?[{_FORMAT_LETTERS}])*"
    rf"|(?:{_RUN}(?:[-:/. ,_]*|T|['\"]T['\"]))(?:{_RUN}(?:[-:/. ,_]*|T|Z))+|[Yy]{{4}}"
    r"|%[-+\d.]*[sdfgeiux]|[FIEA]\d+(?:\.\d+)?)Z?"
)
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"[\[(]?{_NUMBER}\s*(?:-|to|\.\.+|,|:|;|or|/)\s*{_NUMBER}[\])]?", re.IGNORECASE)
_MEANS = re.compile(r"[=<>]|\bmeans\b|^\W*[01]\s*:|:\s*\d+\b|\d\s*:\s*[A-Za-z]|\bflag\b", re.IGNORECASE)
_LOGARITHM = re.compile(r"(?:^|[^a-z])(?:log|ln|log10|log_?e|log_10|alog10)(?![a-z])", re.IGNORECASE)
_SINCE = re.compile(r"\b(?:since|after|before)\b|\bfrom\s+\d{4}|\b(?:ref|reference)\b.*\d{4}", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:/|\bper\b)\s*\(?(?:integration|accumulation|exposure|dwell|live|sampling|collection|measurement|integ\.?)"
    r"[\s_-]*(?:time|period|interval|duration)s?\)?$|(?:/|\bper\b)\s*cadence$",
    re.IGNORECASE,
)
_ARBITRARY = re.compile(r"\barb(?:itrary|itr|\.)?(?:\s*units?\.?)?$", re.IGNORECASE)
# INTERMAGNET's vectors contain fields in nanotesla and angles in minutes of arc, and give the unit of each component.
_EITHER = re.compile(r"nT / (?:minutes?|deg(?:ree)?s?|arc ?min(?:ute)?s?)")


@lru_cache(maxsize=8192)
def label(text: str) -> str | None:
    """Classify a string that is certainly not a unit; return `None` if it may be a unit."""
    if text in SYMBOLS:
        return None  # "nA" is the nanoampere, and "NA" means not available
    folded = text.lower()
    for exact, reason in _EXACT:
        if folded in exact:
            return reason
    for pattern, reason in _WHOLE:
        if pattern.fullmatch(text):
            return reason
    for pattern, reason in _INSIDE:
        if pattern.search(text):
            return reason
    # "uT" is not universal time: words of labels are in one case, or capitalized.
    ordinary = all(word.isupper() or word.islower() or word.istitle() for word in re.findall("[A-Za-z]+", text))
    return _named(folded) if ordinary else None


_EXACT = (
    (_NOTHING, "no unit is given"),
    (_ALTERNATIVES, "two alternatives"),
    (_DATES, "a time scale or a date"),
)
_WHOLE = (
    (_EITHER, EITHER),
    (_FORMAT, "a format"),
    (_RANGE, "a range of values"),
    (re.compile(r"0+(?:\.0*)?"), "a number"),
    (_ARBITRARY, "arbitrary units"),
)
_INSIDE = (
    (_LOGARITHM, "a logarithm"),
    (_SINCE, "a time counted from an epoch"),
    (_MEANS, "the meaning of values"),
    (_NAMED, "divided by a quantity whose unit is not given"),
)


def _named(folded: str) -> str | None:
    words = [word for word in re.split(r"[^a-z0-9]+|(?<=[a-z])_(?=[a-z])", folded) if word]
    whole = set(folded.replace("(", " ").replace(")", " ").split())
    if (set(words) <= _TIMES and set(words) & _TIME_HEADS) or (whole <= _TIMES and whole & _TIME_HEADS):
        return "a time scale or a date"
    if re.search(r"[#*^%]", folded) or ("/" in folded and not set(words) <= _NOUNS - {"number"}):
        return None
    if folded != "number" and set(words) <= _NOUNS | _WITH_NOUNS and set(words) & _NOUNS:
        return "a label"
    return None


def description(text: str) -> bool:
    """Return whether a string is a sentence or part of one: at least four words, three of them plainly English."""
    words = re.findall(r"[A-Za-z][A-Za-z'-]+", text)
    return len(words) >= 4 and sum(len(word) > 2 and word[1:].islower() for word in words) >= 3
