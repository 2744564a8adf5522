"""
Conversion of unit strings to plain notation, without interpreting them: superscripts, markup and multi-word terms.

The notations are those in the responses of real servers: IDL and das2 markup (``cm!U-3!N``), superscripts that were
encoded twice (AMDA), LaTeX braces (CDAWeb), HTML.
"""

# ruff: noqa: RUF001 - this module distinguishes signs that look alike

from __future__ import annotations

import html
import re
from collections.abc import Callable

__all__ = ["plain"]

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SIGNS = {
    "µ": "u", "μ": "u", "Å": "Angstrom", "\u212b": "Angstrom", "℃": "deg_C", "°": " deg ", "º": " deg ", "Ω": "Ohm",
    "\u2126": "Ohm", "√": "sqrt ", "″": "arcsec", "′": "arcmin", "⊙": "sun", "☉": "sun", "⊕": "earth", "·": "*",
    "⋅": "*", "∙": "*", "•": "*", "×": "*", "∗": "*", "−": "-", "–": "-", "—": "-", "‐": "-", "∕": "/", "⁄": "/",
    "\u2011": "-", "\u200b": "", "\ufeff": "", "\xad": "", "\xa0": " ", "\u2009": " ", "\u202f": " ", "‰": "permille",
}  # fmt: skip
"""Non-ASCII characters and their ASCII notation, with both micro signs and both angstrom signs."""

_ANGSTROM = re.compile("[ÅåAa\u212b]ngstr[öo]m")

_MARKUP = (
    (re.compile(r"!(?:[EeUuAa])([-+]?[\d./]+)(?:![NnXx]|$)"), r"^(\1)"),
    (re.compile(r"_?!(?:[DdIiLlBb])([A-Za-z]+)(?:![NnXx]|$)"), r"_\1"),
    (re.compile(r"<sup>\s*([-+]?[\d./]+)\s*</sup>", re.IGNORECASE), r"^(\1)"),
    (re.compile(r"<sub>\s*(\w+)\s*</sub>", re.IGNORECASE), r"_\1"),
    (re.compile(r"\\(?:mathrm|rm|text)\b\s*"), ""),
    (re.compile(r"\\mu\b[\s$]*"), "u"),
    (re.compile(r"\\(?:cdot|times)\b"), "*"),
    (re.compile(r"\\[,;: ]"), " "),
    (re.compile(r"\^\\circ\b|\\circ\b"), " deg "),
    (re.compile(r"_\{\\?(\w+)\}"), r"_\1"),
    (re.compile(r"_\{?\\odot\}?"), "_sun"),
    (re.compile(r"\$(\^\{?[-+]?\d+\}?)\$"), r"\1"),
    (re.compile(r"^\$([^$:]*)\$$"), r"\1"),
)
"""Escapes of IDL and das2, HTML and LaTeX."""

_RADII = r"(?:'s)?[\s_-]*(?:radi(?:i|us|uses)|raddi(?:i|us)?)(?![a-z])"
_BODIES = (
    "venus|uranus|neptune|pluto|io|europa|ganymede|callisto|amalthea|titan|enceladus|rhea|dione|tethys|mimas|iapetus"
    "|triton"
)
_ATTRIBUTES = "pixel|pix|photon|detector|ccd|camera|image|hmi|aia|mdi|eit|sxt|lasco|suvi|euvi"
_PREFIXES = "giga|mega|kilo|hecto|centi|milli|micro|nano|pico|femto"
_SPELLINGS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\bdeg(?:ree)?s?[\s._-]*(?:c|celsius|centigrade)\b", "deg_C"),
    (r"\bdeg(?:ree)?s?[\s._-]*(?:k|kelvins?)\b", "K"),
    # "deg s-1" is an angular speed: a single letter is a direction only at the end.
    (r"\bdeg(?:ree)?s?[\s._-]+(north|east|south|west|(?-i:[NSEW])$)(?![\w^])", r"deg_\1"),
    (r"\belectron[\s-]?volts?\b", "electronvolt"),
    (r"\barc[\s-]+(?=(?:sec|min)(?:ond|ute)?s?\b)", "arc"),
    (r"\b(sec|min)(?:ond|ute)?s? of (?:an )?arc\b", r"arc\1"),
    (rf"\b(?:solar|sun){_RADII}", "R_sun"),
    (rf"\b(?:earth|terrestrial){_RADII}", "R_earth"),
    (rf"\b(?:jovian|jupiter){_RADII}", "R_jupiter"),
    (rf"\b(?:saturn|saturnian|kronian){_RADII}", "R_saturn"),
    (rf"\b(?:planet|planetary){_RADII}", "R_planet"),
    (r"^\W*radi(?:i|us)\W*$", "R_planet"),
    (rf"\b(?:mars|martian){_RADII}", "R_mars"),
    (rf"\b(?:moon|lunar){_RADII}", "R_moon"),
    (rf"\b(?:hermean|mercury){_RADII}", "R_mercury"),
    (rf"\b({_BODIES}){_RADII}", lambda found: f"R_{found[1].lower()}"),
    # "SQcm", "sq. km"; not "sq" alone, which the grammar interprets.
    (r"\bsq\.?[\s_]*(?=[ckm]?m(?![a-z]))", "sq "),
    (r"\b([a-z]{3,})\(s\)(?!\^|\*)", r"\1s"),
    # Attributes of counts or pixels.
    (rf"\b({_ATTRIBUTES})[\s_-]+(?=(?:counts?|cnts?|cts|pix(?:els?)?|adu|(?-i:DN))(?![a-z]))", r"\1_"),
    # The width of a channel.
    (r"\bdelta[\s_-]?(?=(?-i:[kMGT]?eV\b))", ""),
    (r"(?<=\d)\s*x\s*(?=10(?:\^|\*\*))", "*"),
    (r"\b([km]?)rads?\s*[(\[](?:si|sio2|gaas|h2o|water|tissue|al)[)\]]", r"\1rad_dose"),
    (r"\bastronomical units?\b", "AU"),
    (r"\batomic mass units?\b|\ba\.\s?m\.\s?u\.?", "amu"),
    (r"\bsolar flux units?\b|\bs\.\s?f\.\s?u\.?", "sfu"),
    (r"\bparticle flux units?\b", "pfu"),
    (r"\b(?:root|rt)[\s.-]*hz\b", "sqrt(Hz)"),
    (r"\blive[\s-]?time fraction\b", "livetime_fraction"),
    (r"\bcubic (?:centimet(?:er|re)s?|cm)\b|\bcu\.?\s?cm\b|\bc\.c\.", "cc"),
    # "Wm-2", "kms-1": never "ms-1", which may be milliseconds.
    (r"(?-i:\b([munk]?[WVJA]|nT|pT)(k?m|cm)(?=(?:\^|\*\*)?[({]?-\d))", r"\1 \2"),
    (r"(?-i:\b(km|cm|Mm)s(?=(?:\^|\*\*)?[({]?-\d))", r"\1 s"),
    (r"^p\+(?=\s*/)", "protons"),
    (r"^e-(?=\s*/)", "electrons"),
    (rf"\b({_PREFIXES})[\s-]+(?=[a-z])", r"\1"),
    (r"\bmillionths? of (?:a |the )?(?:solar |sun's )?(?:visible )?hemispheres?\b", "MSH"),
)
_PHRASES = tuple((re.compile(pattern, re.IGNORECASE), into) for pattern, into in _SPELLINGS)
"""Multi-word terms, which are joined to one word."""


def _repaired(text: str) -> str:
    """Undo repeated encoding: UTF-8 decoded as Latin-1 (or Windows-1252), once or more often."""
    for _ in range(3):
        try:
            again = b"".join(_byte(character) for character in text).decode("utf-8")
        except UnicodeError:
            break
        text = again
    return text


def _byte(character: str) -> bytes:
    try:
        return character.encode("latin-1")
    except UnicodeEncodeError:
        return character.encode("cp1252")


def plain(text: str) -> str:
    """
    Return a unit string in ASCII notation as far as possible, with ``^(-3)`` for superscripts and single spaces.

    Examples
    --------
    >>> plain("cm!U-3!N")
    'cm^(-3)'
    """
    text = html.unescape(text) if "&" in text else text
    latex = "\\" in text
    if not text.isascii():
        text = _ANGSTROM.sub("Angstrom", _repaired(text))
        text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda run: f"^({run[0].translate(_SUPERSCRIPTS)})", text)
        text = "".join(_SIGNS.get(character, character) for character in text)
    for pattern, into in (*_MARKUP, *_PHRASES):
        text = pattern.sub(into, text)
    text = text.replace("$", "") if latex else text
    return " ".join(text.split()).strip("'\"")
