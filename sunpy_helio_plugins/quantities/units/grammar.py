"""
The grammar of unit strings: operators, exponents, brackets and operator precedence.

Notations that are unambiguous among writers of metadata are accepted; those with two readings raise
`NotUnderstoodError`: ``a/b*c``, ``1/2 s``, ``Hz^1/2``, ``1/cm^-3``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from astropy import units as u

from sunpy_helio_plugins.quantities.units.vocabulary import ENERGIES, PER

__all__ = ["NamePosition", "NotUnderstoodError", "Product", "Token", "read", "tokens", "value"]

_BRACKET = "()"
"""Marks a factor that is a bracket without an exponent."""

_CLOSES = {"(": ")", "[": "]", "{": "}"}

_POWERS = {"square": Fraction(2), "sq": Fraction(2), "cubic": Fraction(3), "sqrt": Fraction(1, 2)}

_POWERS_AFTER = {"squared": 2, "cubed": 3}


def read(text: str, resolve: Callable[[str, NamePosition], Product], left_to_right: bool = False) -> Product:
    """Parse a unit string in plain notation, or raise `NotUnderstoodError`; udunits2 evaluates left to right."""
    reader = _Reader(tokens(text), resolve, left_to_right)
    product = reader.quotient(below=False)
    if reader.peek() is not None:
        raise NotUnderstoodError(text)
    return product


def _multiplies(left: Product, right: Product) -> bool:
    """Return whether a hyphen means a product and not a range: "N-m", but not "keV-MeV" or "deg-min"."""
    units = [unit for unit, _ in (*left.powers, *right.powers)]
    if not left.powers or not right.powers or left.words or right.words or left.scale != 1:
        return False
    alike = any(unit.is_equivalent(other) for unit, _ in left.powers for other, _ in right.powers)
    return not alike and not {u.deg, u.min, u.h, u.d} & set(units)


def _may_be_second(made: Product, factor: Product, below: bool) -> bool:
    """Return whether a bracket repeats the unit or is a quotient, as in "V (km/s)", and not factors: "cm^2 (s sr)"."""
    repeated = {unit for unit, _ in made.powers} & {unit for unit, _ in factor.powers}
    divides = any(power < 0 for _, power in factor.powers)
    per = not below and any(word.startswith("per ") for word in factor.words)
    return bool(made.powers and factor.powers) and (bool(repeated) or divides or per)


def _may_be_remark(made: Product, factor: Product, below: bool) -> bool:
    """Return whether a bracket is a cadence or another unit; products, "(MeV/nuc)" and one of several are factors."""
    if _BRACKET not in factor.notes:
        return False
    if _BRACKET not in made.notes and _may_be_second(made, factor, below):
        return True
    if len(factor.powers) > 1:
        return False
    if factor.powers and (made.bare or any(word.startswith("per ") for word in factor.words)):
        return False
    return _BRACKET not in made.notes or factor.scale != 1


class _Reader:
    """A recursive descent parser of the tokens of one string."""

    def __init__(
        self, pieces: list[Token], resolve: Callable[[str, NamePosition], Product], left_to_right: bool
    ) -> None:
        self.tokens = pieces
        self.resolve = resolve
        self.left_to_right = left_to_right
        self.at = 0

    def peek(self, ahead: int = 0) -> Token | None:
        index = self.at + ahead
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def is_text(self, text: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.text == text

    def is_kind(self, kind: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind == kind

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise NotUnderstoodError("ends too early")
        self.at += 1
        return token

    def quotient(self, below: bool) -> Product:
        """Parse products divided by products: ``a/b/c`` is a/(b c)."""
        made = Product(bare=True) if self.is_text("/") else self.chain(below, divides=False)
        several = len(made.powers) > 1
        while self.is_text("/"):
            self.take()
            start = self.peek()
            divisor = self.chain(True, divides=True)
            if several and len(divisor.powers) > 1 and start is not None and start.kind != "open":
                raise NotUnderstoodError("a b/c d is read in two ways")
            if made.bare and start is not None and start.kind == "number" and not divisor.bare:
                raise NotUnderstoodError("a fraction before a unit: 1/2 s")
            made = made.times(divisor.to(Fraction(-1)))
            if self.left_to_right and (joiner := self.joiner()) is not None:
                self.at += len(joiner)  # one token, or zero for a space
                made = made.times(self.chain(below, divides=False))
        return made

    def chain(self, below: bool, divides: bool) -> Product:
        """Parse factors joined by a space, a dot, an asterisk, or a hyphen."""
        made = self.factor(below)
        while not (divides and self.left_to_right) and (joiner := self.joiner()) is not None:
            if divides and joiner in "*." and joiner:
                raise NotUnderstoodError("a/b*c is read in two ways")
            plain_hyphen = joiner == "-" and not below and not self.is_exponent_before()
            if joiner:
                self.take()
            factor = self.factor(below)
            if (plain_hyphen and not _multiplies(made, factor)) or (joiner == "-" and made.bare and factor.bare):
                raise NotUnderstoodError("a hyphen that joins words, or a range")
            if not joiner and _may_be_remark(made, factor, below):
                raise NotUnderstoodError("nT (1min): a bracket that may be a remark")
            if factor.scale != 1 and not made.bare and not (below and joiner == "-"):
                raise NotUnderstoodError("nT*10: a unit of ten nanotesla, or values multiplied by ten")
            made = made.times(factor)
        return made

    def joiner(self) -> str | None:
        token = self.peek()
        if token is None or token.text == "/" or token.kind == "close":
            return None
        if token.text in ("*", ".", "-"):
            return token.text
        called = token.kind == "open" and not token.spaced and self.is_kind("name", -1)
        if token.kind in ("name", "open", "number") and not called:
            return ""
        raise NotUnderstoodError(token.text)

    def is_exponent_before(self) -> bool:
        return self.is_kind("number", -1) or self.is_kind("close", -1)

    def factor(self, below: bool) -> Product:
        """Parse a number, a name or a bracket, with its exponent."""
        token = self.take()
        folded = token.text.lower()
        if token.kind == "name" and folded in _POWERS and self.peek() is not None:
            return self.factor(below).to(_POWERS[folded])
        made = self.base(token, below)
        power = self.exponent(token.kind == "number")
        if power is None and token.kind == "open":
            return replace(made, notes=made.notes | {_BRACKET})
        if power is None:
            return self.by_nothing(made, token, below)
        if token.kind != "number" and not made.powers:
            raise NotUnderstoodError("a power of what is counted")
        if below and power < 0 and token.kind != "number" and not self.left_to_right:
            raise NotUnderstoodError("divided by a negative power")
        return made.to(power)

    def base(self, token: Token, below: bool) -> Product:
        if token.kind == "number":
            return Product(value(token.text), bare=True)
        if token.kind == "open":
            return self.bracketed(token, below)
        if token.kind == "name":
            return self.resolve(token.text, self.place(token, below))
        raise NotUnderstoodError(token.text)

    def by_nothing(self, made: Product, energy: Token, below: bool) -> Product:
        """Parse "/nuc" and "/q" after an energy: they belong to it, and do not divide by a unit."""
        following = self.peek(1)
        divided = self.is_text("/") and energy.text in ENERGIES
        if not divided or following is None or following.text.lower() not in PER:
            return made
        self.at += 2
        return made.times(self.resolve(following.text, self.place(following, below)))

    def bracketed(self, opened: Token, below: bool) -> Product:
        if self.is_text("/") and self.at > 1:
            raise NotUnderstoodError("W/m^2 (per nm) says what else is divided by, and divides by nothing twice")
        made = self.quotient(below)
        if self.take().text != _CLOSES[opened.text]:
            raise NotUnderstoodError("a bracket that is not closed")
        return replace(made, notes=made.notes - {_BRACKET}, bare=False)

    def place(self, token: Token, below: bool) -> NamePosition:
        before, slash = self.peek(-3), self.is_text("/", -2)
        after_energy = slash and before is not None and before.text in ENERGIES
        return NamePosition(below or slash, after_energy, self.at == 1 and self.is_text("/"))

    def exponent(self, of_number: bool) -> Fraction | None:
        """Parse ``^2``, ``**-3``, ``^(1/2)``, and, after a name, ``2``, ``-3`` and `` -3``."""
        token = self.peek()
        if token is None:
            return None
        if token.kind == "power":
            self.take()
            power = self.power()
            if self.is_text("/") and self.is_kind("number", 1):
                raise NotUnderstoodError("Hz^1/2 is read in two ways")
            return power
        if of_number:
            return None
        if token.text.lower() in _POWERS_AFTER:
            self.take()
            return Fraction(_POWERS_AFTER[token.text.lower()])
        return self.trailing()

    def trailing(self) -> Fraction | None:
        token, following = self.peek(), self.peek(1)
        if token is not None and token.kind == "number" and not token.spaced:
            if token.text == "1":
                raise NotUnderstoodError("a number, not an exponent: V1")
            return self.digit(self.take().text)
        signed = token is not None and token.text in ("-", "+") and following is not None
        if not signed or following is None or following.kind != "number" or following.spaced:
            return None
        if len(following.text) > 1 and self.is_kind("name", 2):
            return None  # "channel-10ms"
        sign = -1 if self.take().text == "-" else 1
        return sign * self.digit(self.take().text)

    @staticmethod
    def digit(text: str) -> Fraction:
        if len(text) != 1 or text == "0":
            raise NotUnderstoodError(f"{text} is not an exponent")
        return Fraction(text)

    def power(self) -> Fraction:
        token = self.take()
        if token.kind != "open":
            sign = -1 if token.text == "-" else 1
            return sign * self.number(self.take() if token.text in ("-", "+") else token)
        made = self.power()
        if self.is_text("/"):
            self.take()
            divisor = self.power()
            if not divisor:
                raise NotUnderstoodError("an exponent that is divided by zero")
            made /= divisor
        if self.take().text != _CLOSES[token.text]:
            raise NotUnderstoodError("a bracket that is not closed")
        return made

    @staticmethod
    def number(token: Token) -> Fraction:
        if token.kind != "number" or len(token.text) > 4:
            raise NotUnderstoodError(f"{token.text} is not an exponent")
        return Fraction(token.text)


_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d*)?[eE][+-]?\d+|\d*\.\d+|\d+\.(?=\s|$)|\d+)"
    r"|(?P<power>\*\*|\^)|(?P<name>[A-Za-z]+(?:_[A-Za-z]+)*|%|#)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<sign>[*/.+-])"
)

_LARGEST_EXPONENT = 12

_LARGEST_POWER_OF_TEN = 60

_LONGEST = 150


class NotUnderstoodError(ValueError):
    """A string is not a unit, or its meaning is not certain."""


class Token(NamedTuple):
    """A token of a string: its kind, its text, and whether it follows a space."""

    kind: str
    text: str
    spaced: bool


class NamePosition(NamedTuple):
    """
    The position of a name in a string.

    Attributes
    ----------
    below : bool
        Whether it is in the denominator.
    after_energy : bool
        Whether it directly follows an energy and a slash.
    leads : bool
        Whether it is the complete numerator, followed by a slash.
    """

    below: bool
    after_energy: bool
    leads: bool


@dataclass(frozen=True)
class Product:
    """
    A number times powers of units.

    Attributes
    ----------
    scale : Fraction
        The exact number.
    powers : tuple of (UnitBase, Fraction)
        The units and their exponents.
    words : tuple of str
        The parts of the string that are not units.
    notes : frozenset of str
        Names in it that are checked when the complete product is known.
    bare : bool
        Whether it is only a number.
    """

    scale: Fraction = Fraction(1)
    powers: tuple[tuple[u.UnitBase, Fraction], ...] = ()
    words: tuple[str, ...] = ()
    notes: frozenset[str] = field(default_factory=frozenset)
    bare: bool = False

    def times(self, other: Product) -> Product:
        """Return the product with another product."""
        words = self.words + tuple(word for word in other.words if word not in self.words)
        return Product(_within(self.scale * other.scale), self.powers + other.powers, words, self.notes | other.notes)

    def to(self, power: Fraction) -> Product:
        """Return a power of this product."""
        if self.scale != 1 and power.denominator != 1:
            raise NotUnderstoodError("a root of a number")
        if not power or abs(power) > _LARGEST_POWER_OF_TEN:
            raise NotUnderstoodError("an exponent that no unit has")
        powers = tuple((unit, exponent * power) for unit, exponent in self.powers)
        if any(abs(exponent) > _LARGEST_EXPONENT for _, exponent in powers):
            raise NotUnderstoodError("an exponent that no unit has")
        scale = _within(self.scale ** int(power)) if power.denominator == 1 else Fraction(1)
        return replace(self, scale=scale, powers=powers)

    def unit(self) -> u.UnitBase:
        """Return the product as a unit of astropy."""
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
    # Convert to a float first: the exact value of "1e999999999" would fill the memory.
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
        # "per" divides; a dot that nothing follows marks an abbreviation: "deg.", "(MeV/nuc.)".
        token = Token("sign", "/", spaced) if match[0].lower() == "per" else Token(kind, match[0], spaced)
        abbreviates = token.text == "." and found and found[-1].kind == "name" and not text[match.end() :][:1].isalnum()
        if not abbreviates:
            found.append(token)
        position, spaced = match.end(), False
    return found
