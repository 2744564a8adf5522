"""
Remarks in unit strings: a bracket or a word that describes the values and does not change their unit.

``nT (1min)`` contains a cadence, ``km/s (Good Qs)`` a selection, ``nT RMS`` a statistic. A bracket that may change the
unit, such as a scale, a logarithm or another unit, is not a remark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from astropy import units as u

__all__ = ["Remarked", "split"]


class Remarked(NamedTuple):
    """A unit string and the remark that was separated from it."""

    head: str
    remark: str


_WITHIN = re.compile(
    r"(?P<head>m?s(?:ecs?|econds?)?|milliseconds?|mins?|minutes?|hrs?|h|hours?)\s+(?P<remark>(?:of|in) (?:the )?day)",
    re.IGNORECASE,
)
_SCALE_OR_FRAME = re.compile(
    r"(?P<head>h|s|(?i:hrs?|hours?|min|minutes?|secs?|seconds?)) (?P<remark>UTC?|MLT|LT|LST|TAI|local time)"
    r"|(?P<unit>nT|km|km/s|km/sec|R_?[Ee]|deg|degrees) (?P<frame>GSE|GSM|GEO|GEI|RTN|HGI|HCI|HAE|J2000)"
)
_STATISTIC = re.compile(
    r"(?P<head>.*\S)[\s,]+(?P<remark>rms|RMS|avg|average|averaged|mean|median|peak|peak[- ]to[- ]peak)"
)
_STYLED = re.compile(
    r"(?P<remark>integer|decimal|fractional) (?P<head>(?:hour|minute|second)s?|degrees)", re.IGNORECASE
)
"""Without days and years: a "decimal year" is a date."""

_SPECIES = re.compile(r"(?:[A-Z][a-z]?\d?|p|e)(?:\+{1,2}|-)")
_BEHIND = re.compile(r"(?P<head>.*\S)(?P<space>\s*)(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\])")
_BEFORE = re.compile(r"(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\])\s+(?P<head>[^\s/*^.+-].*)")

_HARMLESS = re.compile(
    r"(?:from|with|w/o|w/|without|qual|only|if|for|see|at|above|below|using|derived|estimated|approx\w*|average\w*"
    r"|mean|median|total|rms|vector|scalar|planetary|magnitude|gse|gsm|geo|gei|gci|sm|mag|rtn|hci|hgi|hae|heeq|hee"
    r"|j2000|eci|ecef|ned|spacecraft|sc|utc?|mlt|lt|lst|local time)\b|[<>]=?\s*[-+]?\d[\d.]*$",
    re.IGNORECASE,
)
_HARMFUL = re.compile(
    r"\b(?:by|a?log\w*|ln|times|scaled?|scaling|units?|x|hundreds?|thousands?|millions?|billions?|ten|tens|tenths?"
    r"|dozens?|half|double|twice|normali[sz]\w*|norm|per|multipl\w+|divide\w*|factor|in|or|square\w*|cube\w*|power"
    r"|exponent\w*|roots?|sqrt|inverse|reciprocal|percent\w*|ratio|relative|fraction\w*|minus|plus|offset|arb\w*"
    r"|dex|decades?|psd|spectral|density|differential|integral|integrated|variances?|squares|derivative|gradient|rate"
    r"|change|equivalents?|max\w*|min\w*|difference|delta|sum|product|index|dimensionless|unitless|unknown|tbd|none"
    r"|since|after|before|past|fahrenheit|raw|dn|lsbs?|encoded|coded|uncalibrated|compressed)\b"
    r"|[*^%/]\s*\d|\b(?<!=)1?0\^|e[-+]\d|\b(?:x|e)\s*\d|\b10\w",
    re.IGNORECASE,
)
_TIME = (
    r"(?:[mun]?s|[mun]?secs?|(?:milli|micro|nano)?seconds?|mins?|minutes?|h|hrs?|hours?|d|days?|months?|yrs?|years?)"
)
_OF_SAMPLES = (
    r"(?:avgs?\.?|averages?|averaged|means?|res\.?|resolution|cadence|sampl(?:es?|ing)|data|intervals?|bins?|steps?"
    r"|smoothed|smoothing|integration|accumulation|accumulated|running|rate)"
)
_CADENCE = re.compile(
    rf"(?:(?:at|every|each|over)\s+)?(?:\d+(?:\.\d+)?|one|two|five|ten)[\s_-]*{_TIME}(?:[\s_-]+{_OF_SAMPLES})*"
    rf"|{_OF_SAMPLES}[\s_-]+(?:over\s+|of\s+)?\d+(?:\.\d+)?[\s_-]*{_TIME}"
    r"|(?:hourly|daily|weekly|monthly|yearly|annual)(?:[\s_-]+\w+)?"
    r"|\d+(?:\.\d+)?\s*[kM]?(?:Hz|sps)(?:[\s_-]+\w+)?",
    re.IGNORECASE,
)
_BAND = re.compile(r"[<>~]?\s*\d+(?:\.\d+)?(?:\s*(?:-|to)\s*\d+(?:\.\d+)?)?\s*[kMGT]?eV(?:/(?:n|nuc|nucleon|q|e))?")
_RANGE = re.compile(r"[-+]?\d+(?:\.\d+)?\s*(?:-|to|\.\.+|,)\s*[-+]?\d+(?:\.\d+)?")
_PERCENT, _UNIT_INTERVAL = (
    re.compile(r"%|percent(?:age)?", re.IGNORECASE),
    re.compile(r"0(?:\.0*)?\W*(?:to\W*)?1(?:\.0*)?"),
)
_PACKED = re.compile(r"(?:([YyMmDdHhSsFf])\1+[.:/_ -]?){2,}")
"""Digits of a format: "hr (HHMM)" is not a number of hours."""

_EPOCH = re.compile(
    r"\bfrom\b|\bepoch|\bunix\b|\bj2000\b|\bm?jd\b|\b(?:19|20)\d\d\b|\b(?:ad|a\.d\.|ce)(?!\w)", re.IGNORECASE
)
_WORDS = re.compile(r"(?:[A-Za-z][A-Za-z0-9]*(?:[ ,;:_'.-]+|$))+")
_NUMBERED = re.compile(
    r"\b(level|version|flag|quality|sensor|probe|channel|mode|orbit|band|step|spacecraft|detector|head|axis|part|ch)s?"
    r"[ _-]?\d{1,2}\b",
    re.IGNORECASE,
)


def split(text: str, means: Callable[[str], u.UnitBase | None]) -> Remarked | None:
    """Separate a remark before or after a unit; return `None` if there is none, or it may change the unit."""
    for pattern in (_WITHIN, _STYLED, _SCALE_OR_FRAME):
        found = pattern.fullmatch(text)
        if found is not None:
            said = found.groupdict()
            return Remarked(said["head"] or said["unit"], said["remark"] or said["frame"])
    statistic = _STATISTIC.fullmatch(text)
    if statistic is not None and means(statistic["head"]) is not None:
        return Remarked(statistic["head"], statistic["remark"])
    for pattern in (_BEHIND, _BEFORE):
        found = pattern.fullmatch(text)
        if found is not None:
            said_in = (found["round"] or found["square"] or "").strip()
            spaced = found.groupdict().get("space") != "" or means(found["head"]) is not None
            if spaced and _is_remark(said_in, found["head"], means):
                return Remarked(found["head"], said_in)
    return None


def _is_remark(said: str, head: str, means: Callable[[str], u.UnitBase | None]) -> bool:
    if _CADENCE.fullmatch(said) or _BAND.fullmatch(said):
        # With a unit of the same kind it may be a second spelling: "s (1 min)".
        return not re.fullmatch(rf"{_TIME}|[kMGT]?eV|[kM]?Hz", head)
    if _PERCENT.fullmatch(head) and _UNIT_INTERVAL.fullmatch(said):
        return False  # fractions, not percent
    if _RANGE.fullmatch(said) or _SPECIES.fullmatch(said):
        return means(head) is not None
    if _PACKED.fullmatch(said) or (_EPOCH.search(said) and re.fullmatch(_TIME, head, re.IGNORECASE)):
        return False
    if _HARMFUL.search(said) or (head.lower().startswith("deg") and said in "CFKcfk"):
        return False
    return bool(_HARMLESS.match(said)) or (_are_words(said, means) and means(head) is not None)


def _are_words(said: str, means: Callable[[str], u.UnitBase | None]) -> bool:
    """Return whether a text consists of words and not of units: "all flags", "protons", but not "km or m", "counts"."""
    said = _NUMBERED.sub(r"\1", said)
    if not _WORDS.fullmatch(said):
        return False
    units = [means(word) for word in (said, *re.findall("[A-Za-z0-9]+", said))]
    return all(unit is None or unit == u.dimensionless_unscaled for unit in units)
