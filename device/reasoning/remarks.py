"""What is remarked beside a command: "shut the garage, I can feel a draught". Pure.

A remark gives a reason or tells how somebody is; nobody wishes anything with it, so it is left out. It has a
subject and says something of it that is not about the house. Before a command no pause need set it off where
the command begins with a verb, unless somebody was spoken of last who may be doing it ("I saw him turn …").
What follows "so" is a command unless it tells of a thing itself ("so the lights turn on"), and is meant for
the room of the remark where that says that somebody leaves it or goes there.

What might take the command back, deny or quote it, or put it off is no remark: of what keeps a sentence from
acting only "I can" and "I can not" may be in it, and a denial where a word for a reason leads to it ("so we
don't wake the neighbours").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from device.reasoning.correcting import is_taken_back
from device.reasoning.items import Item, cover
from device.reasoning.names import NameIndex
from device.reasoning.words import Lexicon

LEAST_WORDS = 3  # of a remark, and of a command before one
_VALUES = frozenset(("number", "percent", "degrees", "kelvin", "level", "color", "step", "factor", "by"))
_ASKS = frozenset(("ask", "wh", "which", "aux"))
_WISHES = frozenset(("except", "desire", "ensure", "houseless", "not_yet"))
_SUBJECTS = frozenset(("subject", "pronoun", "determiner", "unknown", "guard", "complaint", "activity"))
_TELLS = frozenset(("copula", "modal", "complaint", "guard", "activity"))
_MAY = frozenset(("modal", "desire", "ensure", "unwanted"))
_LEADS_ON = frozenset(
    ("preposition", "conjunction", "modal", "determiner", "aux", "quantifier", "guard", "copula")
)


class Alone(NamedTuple):
    """The words without a remark; the area id that this names, or ""; whether the command is for there."""

    words: list[str]
    area: str
    is_there: bool = False


def without_remark(words: Sequence[str], index: NameIndex, known: Lexicon) -> Iterator[Alone]:
    """`words` without a remark at the end, or at the beginning, where there may be one; likeliest first."""
    data = known.language.remarks
    for at in range(LEAST_WORDS, len(words) - LEAST_WORDS + 1):
        if words[at] in (",", *data["openings"]) and _is_remark(words[at:], index, known):
            yield Alone([*words[:at]], _area_of(words[at:], index, known))
    items = _items(words, index, known)
    verbs = {item.start for item in items if not item.found and known.is_verb(words[item.start])}
    for at in _beginnings(words):
        if words[at - 1] in (",", *data["leads"]) and _is_remark(words[:at], index, known):
            is_cause = words[at - 1] != ","
            if not (is_cause and _is_told(words[at:], index, known)):
                is_there = is_cause and not set(data["there"]).isdisjoint(words[:at])
                yield Alone([*words[at:]], _area_of(words[:at], index, known), is_there)
    for at in _beginnings(words):
        is_apart = at in verbs and words[at - 1] not in data["doers"]
        if is_apart and _is_remark(words[:at], index, known):
            yield Alone([*words[at:]], _area_of(words[:at], index, known))


def _is_told(words: Sequence[str], index: NameIndex, known: Lexicon) -> bool:
    """Whether something is told of a thing ("so the lights turn on"), and not wished."""
    items = _items(words, index, known)
    is_wish = not items or known.is_verb(items[0].text) or bool({item.kind for item in items} & _MAY)
    return not is_wish and any(item.is_verb for item in items)


def _beginnings(words: Sequence[str]) -> range:
    """Where a command may begin that a remark goes before, the last first."""
    return range(len(words) - 2, LEAST_WORDS - 1, -1)


def _items(words: Sequence[str], index: NameIndex, known: Lexicon) -> list[Item]:
    return cover([*words], index.likely(words), index, known)


def _area_of(words: Sequence[str], index: NameIndex, known: Lexicon) -> str:
    items = _items(words, index, known)
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
    items = _items(said, index, known)
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
