"""Sums and conversions of units: the words are read here, the values are worked out by pint. Pure.

A sentence counts only when all of it is explained and there is something to work out: a sum with at least
one sign, or a quantity with a unit and a unit to have it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from device.reasoning.words import is_number
from device.tools.language import Language, load
from device.tools.request import ToolRequest
from device.tools.words import Table

_LARGEST, _LONGEST_SUM = 1e15, 40
_MOST_POWER = 100.0


class _Found(NamedTuple):
    """A piece of a sum in pint's notation, and where its words end."""

    text: str
    end: int


@cache
def prepare() -> Any:
    """The registry of pint, which takes half a second of a desktop processor to load."""
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def recognise(said: list[str], language: str = "en") -> ToolRequest | None:
    """The answer to a sum or a conversion; None when the words are neither."""
    known = load(language)
    if not any(is_number(word) for word in said) and not set(said) & _unit_firsts(language):
        return None
    return _sum(said, known) or _conversion(said, known, language)


def spoken(value: float, digits: int = 6) -> str:
    """A number as one says it: no exponent, `digits` significant digits or all before the point."""
    if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)):
        text = str(abs(round(value)))
    else:
        digits = max(digits, len(f"{abs(value):.0f}"))
        text = f"{float(f'{abs(value):.{digits}g}'):.12f}".rstrip("0").rstrip(".")
    return f"minus {text}" if value < 0 and float(text) else text


# --- sums -------------------------------------------------------------------------------------------------


def _sum(said: list[str], known: Language) -> ToolRequest | None:
    starts, ends = Table({"": known.sum_starts}), Table({"": known.sum_ends})
    at = 0
    while at < len(said) and (end := starts.longest(said, at)):
        at = end
    words = said[at:]
    while words and ends.longest(words, len(words) - 1) == len(words):
        words = words[:-1]
    if len(words) > _LONGEST_SUM:
        return None
    expression = _imperative(words, known) or _expression(words, known)
    if expression is None:
        return None
    try:
        value = float(prepare().parse_expression(expression))
    except ZeroDivisionError:
        return ToolRequest(say="Nothing can be divided by zero.")
    except (OverflowError, TypeError):
        return ToolRequest(say="That is too large a number for me.")
    if abs(value) > _LARGEST:
        return ToolRequest(say="That is too large a number for me.")
    said_sum = " ".join(words)
    if words[0] in known.imperatives:
        return ToolRequest(say=f"That is {spoken(value)}.")
    return ToolRequest(say=f"{said_sum[0].upper()}{said_sum[1:]} is {spoken(value)}.")


def _imperative(words: Sequence[str], known: Language) -> str | None:
    """As in "add 5 and 7", "subtract 5 from 12"."""
    if not words or words[0] not in known.imperatives:
        return None
    sign = known.imperatives[words[0]]
    first = _operand(words, 1, known)
    if first is None or first.end >= len(words):
        return None
    second = _operand(words, first.end + 1, known)
    if second is None or second.end != len(words) or words[first.end] not in known.sum_links:
        return None
    is_turned = words[first.end] in known.sum_turned
    one, other = (second.text, first.text) if is_turned else (first.text, second.text)
    return f"({one}) {sign} ({other})"


def _expression(words: Sequence[str], known: Language) -> str | None:
    """Numbers with signs between them; None for anything else, and for a number alone."""
    parts: list[str] = []
    at, signs, wants_number = 0, 0, True
    while at < len(words):
        sign = _sign(words, at, known)
        if wants_number:
            if sign is not None and sign.text.endswith("*") and sign.text[0].isdecimal():
                parts.append(sign.text)
                signs, at = signs + 1, sign.end
                continue
            operand = _operand(words, at, known)
            if operand is None:
                return None
            parts.append(operand.text)
            signs += "**" in operand.text
            at, wants_number = operand.end, False
        elif sign is None or sign.text[0].isdecimal():
            return None
        else:
            parts.append(sign.text)
            signs, at, wants_number = signs + 1, sign.end, True
            if sign.text == "**" and not _is_small_power(words, at):
                return None
    return " ".join(parts) if signs and not wants_number else None


def _is_small_power(words: Sequence[str], at: int) -> bool:
    return at < len(words) and is_number(words[at]) and float(words[at]) <= _MOST_POWER


def _sign(words: Sequence[str], start: int, known: Language) -> _Found | None:
    for phrase in sorted(known.operators, key=len, reverse=True):
        parts = phrase.split()
        if list(words[start : start + len(parts)]) == parts:
            return _Found(known.operators[phrase], start + len(parts))
    return None


def _operand(words: Sequence[str], start: int, known: Language) -> _Found | None:
    """A number, as in "2 million 500 thousand", "minus 5", "12 squared" or "the square root of 16"."""
    if start < len(words) and (end := Table({"": known.roots}).longest(words, start)):
        inner = _operand(words, end, known)
        return _Found(f"({inner.text})**0.5", inner.end) if inner else None
    at = start
    negative = at < len(words) and words[at] in known.negative
    at += negative
    total, found = 0.0, False
    smallest = float("inf")
    while at < len(words) and is_number(words[at]):
        magnitude = known.magnitudes.get(words[at + 1], 1) if at + 1 < len(words) else 1
        if magnitude >= smallest:
            return None
        total, found, smallest = total + float(words[at]) * magnitude, True, magnitude
        at += 2 if magnitude > 1 else 1
    if not found:
        return None
    text = f"{total:.15g}"
    if at < len(words) and words[at] in known.powers:
        text, at = f"{text}{known.powers[words[at]]}", at + 1
    return _Found(f"(-{text})" if negative else text, at)


# --- units ------------------------------------------------------------------------------------------------


@cache
def _units(language: str) -> Table:
    return Table(load(language).unit_names)


@cache
def _unit_firsts(language: str) -> frozenset[str]:
    names = load(language).unit_names.values()
    return frozenset(word for phrases in names for phrase in phrases for word in phrase.split())


def _conversion(said: list[str], known: Language, language: str) -> ToolRequest | None:
    """As in "how many millilitres are 2 cups", "convert 5 feet 3 inches to centimetres"."""
    glue, at = Table({"": known.unit_words}), 0
    quantities: list[tuple[float, str]] = []
    targets: list[tuple[str, str]] = []
    spans: list[int] = []
    while at < len(said):
        amount, start = _amount(said, at, known)
        unit = _units(language).at(said, start) if start < len(said) else None
        if amount is not None and unit is not None:
            quantities.append((amount, unit.kind))
            spans += [at, unit.end]
            at = unit.end
        elif (unit := _units(language).at(said, at)) is not None:
            targets.append((unit.kind, unit.text))
            at = unit.end
        elif end := glue.longest(said, at):
            at = end
        else:
            return None
    if len(targets) != 1 or not quantities or not (set(said) & set(known.conversion_cues)):
        return None
    target, name = targets[0]
    asked = " ".join(said[min(spans) : max(spans)])
    value = _converted(quantities, target)
    if value is None:
        return ToolRequest(say="Those cannot be converted into each other.")
    be = "is" if quantities[0][0] == 1 else "are"
    return ToolRequest(say=f"{asked[0].upper()}{asked[1:]} {be} {spoken(value, 4)} {name}.")


def _amount(said: Sequence[str], start: int, known: Language) -> tuple[float | None, int]:
    if is_number(said[start]):
        return float(said[start]), start + 1
    if said[start] in known.negative and start + 1 < len(said) and is_number(said[start + 1]):
        return -float(said[start + 1]), start + 2
    for phrase in sorted(known.amounts, key=len, reverse=True):
        parts = phrase.split()
        if list(said[start : start + len(parts)]) == parts:
            return known.amounts[phrase], start + len(parts)
    return None, start


def _converted(quantities: list[tuple[float, str]], target: str) -> float | None:
    """The sum of the quantities in the target unit; None when they measure something else."""
    import pint

    registry = prepare()
    try:
        return float(sum(registry.Quantity(amount, unit).to(target).magnitude for amount, unit in quantities))
    except pint.DimensionalityError:
        return None
