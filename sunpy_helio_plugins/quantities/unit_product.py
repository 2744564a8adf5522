"""What the grammar of unit strings builds: numbers times powers of units, and its tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from astropy import units as u

__all__ = ["NotUnderstoodError", "Place", "Product", "Token", "tokens", "value"]

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d*)?[eE][+-]?\d+|\d*\.\d+|\d+\.(?=\s|$)|\d+)"
    r"|(?P<power>\*\*|\^)|(?P<name>[A-Za-z]+(?:_[A-Za-z]+)*|%|#)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<sign>[*/.+-])"
)
_LARGEST_EXPONENT = 12
_LARGEST_POWER_OF_TEN = 60
_LONGEST = 150


class NotUnderstoodError(ValueError):
    """A string is no unit, or none that is read with certainty."""


class Token(NamedTuple):
    """A piece of a string: its kind, its text, and whether a space stands before it."""

    kind: str
    text: str
    spaced: bool


class Place(NamedTuple):
    """
    Where a name stands.

    Parameters
    ----------
    below : bool
        Whether it is divided by.
    after_energy : bool
        Whether an energy and a slash stand right before it.
    leads : bool
        Whether it is the whole numerator, and a slash follows.
    """

    below: bool
    after_energy: bool
    leads: bool


@dataclass(frozen=True)
class Product:
    """
    A number times powers of units.

    Parameters
    ----------
    scale : Fraction
        The number, exact.
    powers : tuple of (UnitBase, Fraction)
        The units.
    words : tuple of str
        What is said beside the unit.
    notes : frozenset of str
        Names in it that are to be checked once the whole is known.
    bare : bool
        Whether it is only a number.
    """

    scale: Fraction = Fraction(1)
    powers: tuple[tuple[u.UnitBase, Fraction], ...] = ()
    words: tuple[str, ...] = ()
    notes: frozenset[str] = field(default_factory=frozenset)
    bare: bool = False

    def times(self, other: Product) -> Product:
        """Return this product times another."""
        words = self.words + tuple(word for word in other.words if word not in self.words)
        return Product(_within(self.scale * other.scale), self.powers + other.powers, words, self.notes | other.notes)

    def to(self, power: Fraction) -> Product:
        """Return a power of this product."""
        if self.scale != 1 and power.denominator != 1:
            raise NotUnderstoodError("a root of a number")
        if abs(power) > _LARGEST_POWER_OF_TEN:
            raise NotUnderstoodError("an exponent that no unit has")
        powers = tuple((unit, exponent * power) for unit, exponent in self.powers)
        if any(abs(exponent) > _LARGEST_EXPONENT for _, exponent in powers):
            raise NotUnderstoodError("an exponent that no unit has")
        scale = _within(self.scale ** int(power)) if power.denominator == 1 else Fraction(1)
        return replace(self, scale=scale, powers=powers)

    def unit(self) -> u.UnitBase:
        """Return it as a unit of astropy."""
        if not self.powers and self.scale == 1:
            return u.dimensionless_unscaled
        if self.scale == 1 and len(self.powers) == 1 and self.powers[0][1] == 1:
            return self.powers[0][0]
        units, powers = [unit for unit, _ in self.powers], [power for _, power in self.powers]
        try:
            made = u.CompositeUnit(float(self.scale), units, powers)
            made.decompose()
        except (u.UnitScaleError, ArithmeticError) as error:
            raise NotUnderstoodError("a number that no unit has") from error
        return made


def _within(scale: Fraction) -> Fraction:
    if not 10**-_LARGEST_POWER_OF_TEN <= scale <= 10**_LARGEST_POWER_OF_TEN:
        raise NotUnderstoodError("a number that no unit has")
    return scale


_TEN_E = re.compile(r"10+\.?0*[eE].*")


def value(text: str) -> Fraction:
    """Return the exact value of a number."""
    if _TEN_E.fullmatch(text):
        raise NotUnderstoodError("10e-22 is 1e-21 to a computer, and 1e-22 to those who write so for a power of ten")
    # As a float first: the exact value of "1e999999999" would fill the memory.
    return _within(Fraction(text.rstrip("."))) if 0 < float(text) < float("inf") else _within(Fraction(0))


def tokens(text: str) -> list[Token]:
    """Split a string in plain notation into tokens."""
    if len(text) > _LONGEST:
        raise NotUnderstoodError("longer than any unit")
    found: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        if text[position] == " ":
            position, spaced = position + 1, True
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotUnderstoodError(text)
        kind = str(match.lastgroup)
        # "per" divides; a dot with nothing behind it shortens a word: "deg.", "(MeV/nuc.)".
        token = Token("sign", "/", spaced) if match[0].lower() == "per" else Token(kind, match[0], spaced)
        abbreviates = token.text == "." and found and found[-1].kind == "name" and not text[match.end() :][:1].isalnum()
        if not abbreviates:
            found.append(token)
        position, spaced = match.end(), False
    return found
