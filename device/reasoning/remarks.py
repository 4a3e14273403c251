"""A command and what is remarked beside it: "shut the garage, I can feel a draught". Pure.

A remark gives a reason or tells how somebody is; nobody wishes anything with it, so it is left out. It has a
subject and says something of it that is not about the house; the room that it names may be where the command
is meant ("I am done in the office, so lights off"). What might take the command back, deny or quote
it, or put it off is none: of what keeps a sentence from acting only "I can" and "I can not" may be in it, and
a denial where a word for a reason leads to it ("so we don't wake the neighbours").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from device.reasoning.correcting import is_taken_back
from device.reasoning.items import cover
from device.reasoning.names import NameIndex
from device.reasoning.words import Lexicon

LEAST_WORDS = 3  # of a remark, and of a command before one
_VALUES = frozenset(("number", "percent", "degrees", "kelvin", "level", "color", "step", "factor", "by"))
_ASKS = frozenset(("ask", "wh", "which", "aux"))
_WISHES = frozenset(("except", "desire", "ensure", "houseless", "not_yet"))
_SUBJECTS = frozenset(("subject", "pronoun", "determiner", "unknown", "guard", "complaint", "activity"))
_TELLS = frozenset(("copula", "modal", "complaint", "guard", "activity"))
_LEADS_ON = frozenset(
    ("preposition", "conjunction", "modal", "determiner", "aux", "quantifier", "guard", "copula")
)


class Alone(NamedTuple):
    """The words without a remark; the area id that this names, "" for none; whether "so" follows from it."""

    words: list[str]
    area: str
    is_cause: bool = False


def without_remark(words: Sequence[str], index: NameIndex, known: Lexicon) -> Iterator[Alone]:
    """`words` without a remark at the end, or at the beginning, where there may be one; likeliest first."""
    openings = known.language.remarks["openings"]
    for at in range(LEAST_WORDS, len(words) - LEAST_WORDS + 1):
        if (words[at] == "," or words[at] in openings) and _is_remark(words[at:], index, known):
            yield Alone([*words[:at]], _area_of(words[at:], index, known))
    reasons = known.language.remarks["reasons"]
    set_off = [at for at in _beginnings(words) if words[at - 1] == "," or words[at - 1] in reasons]
    items = cover([*words], index.likely(words), index, known)
    apart = {item.start for item in items if not item.found and known.is_verb(words[item.start])}
    for at in [*set_off, *(at for at in _beginnings(words) if at in apart)]:
        if _is_remark(words[:at], index, known):
            yield Alone([*words[at:]], _area_of(words[:at], index, known), words[at - 1] in reasons)


def _beginnings(words: Sequence[str]) -> range:
    """Where a command may begin that a remark goes before, the last first."""
    return range(len(words) - 2, LEAST_WORDS - 1, -1)


def _area_of(words: Sequence[str], index: NameIndex, known: Lexicon) -> str:
    items = cover([*words], index.likely(words), index, known)
    return next((one.name.area for item in items for one in item.found if one.name.area in index.areas), "")


def _is_remark(words: Sequence[str], index: NameIndex, known: Lexicon) -> bool:
    data = known.language.remarks
    said = [word for word in words if word != ","]
    while said and said[-1] in data["joints"]:
        said = said[:-1]
    is_reason = False
    while said and said[0] in data["joints"]:
        is_reason |= said[0] in data["reasons"]
        said = said[1:]
    is_off = not set(said).isdisjoint(data["retracts"]) or is_taken_back(said, known)
    if len(said) < LEAST_WORDS or is_off:
        return False
    items = cover(said, index.likely(said), index, known)
    kinds = {item.kind for item in items}
    if not items or not kinds.isdisjoint(_VALUES | _ASKS | _WISHES) or items[-1].kind in _LEADS_ON:
        return False
    has = data["having"]
    if any(item.is_verb and not item.form and item.text not in has for item in items):
        return False
    guards = [item for item in items if item.kind == "guard" and item.text not in data["able"]]
    if len(guards) > 1 or any(
        guard.value != "negation" or guard is items[0] or not is_reason for guard in guards
    ):
        return False
    is_told = bool(kinds & _TELLS) or any("possessive" in known.readings(word) for word in said)
    is_told |= any(item.text in has for item in items)
    return items[0].kind in _SUBJECTS and is_told
