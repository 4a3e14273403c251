"""A command and what is remarked beside it: "shut the garage, I can feel a draught". Pure.

A remark gives a reason or tells how somebody is; nobody wishes anything with it, so it is left out. It has a
subject and says something of it that is not about the house: no verb of command, no value, and no word that
would take the command back, quote it or put it off ("he said", "if", "never mind").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from device.reasoning.items import cover
from device.reasoning.names import NameIndex
from device.reasoning.words import Lexicon

LEAST_WORDS = 3  # of a remark and of a command
_VALUES = frozenset(("number", "percent", "degrees", "kelvin", "level", "color", "step", "factor", "by"))
_QUESTIONS = frozenset(("ask", "wh", "which", "aux"))
_WISHES = frozenset(("except", "desire", "ensure", "houseless", "not_yet"))
_HOUSE = frozenset(("name", "noun", "everything", "quantifier"))
_TELLS = frozenset(("copula", "guard", "modal", "complaint"))
_LEADS_ON = frozenset(("preposition", "conjunction", "modal", "determiner", "desire", "aux", "quantifier"))


def without_remark(words: Sequence[str], index: NameIndex, known: Lexicon) -> Iterator[list[str]]:
    """`words` without a remark at the end, or at the beginning, where there may be one; likeliest first."""
    openings = known.language.remarks["openings"]
    for at in range(LEAST_WORDS, len(words) - LEAST_WORDS + 1):
        if words[at] == "," or words[at] in openings:
            rest = [word for word in words[at:] if word != ","]
            if _is_remark(rest, index, known, is_set_off="," in (words[at], words[at - 1])):
                yield [*words[:at]]
    for at in range(len(words) - 2, LEAST_WORDS, -1):
        before = [word for word in words[:at] if word != ","]
        if words[at - 1] == "," and _is_remark(before, index, known, is_first=True):
            yield [*words[at:]]


def _is_remark(
    words: list[str], index: NameIndex, known: Lexicon, *, is_set_off: bool = True, is_first: bool = False
) -> bool:
    """Whether `words` are a remark; what is `is_first` may also be what quotes or denies the rest."""
    data = known.language.remarks
    while words and words[0] in data["joints"]:
        words = words[1:]
    if len(words) < LEAST_WORDS or set(words) & set(data["retracts"]):
        return False
    items = cover(words, index.likely(words), index, known)
    if not items:
        return False
    kinds = {item.kind for item in items}
    is_deed = any(item.is_verb and not item.form and item.text not in data["having"] for item in items)
    if is_deed or kinds & _VALUES or items[0].kind in _QUESTIONS or kinds & _WISHES:
        return False
    if any(item.kind == "guard" and item.value in ("reported", "later") for item in items):
        return False
    if not is_set_off and items[-1].kind in _LEADS_ON:
        return False
    denies = any(item.kind == "guard" and item.value == "past" for item in items) or items[-1].kind == "guard"
    if is_first and (denies or items[0].kind == "guard"):
        return False
    has_subject = items[0].kind in ("subject", "pronoun", "determiner", "unknown", "guard", "complaint")
    is_told = bool(kinds & _TELLS) or any(item.text in data["having"] for item in items)
    return has_subject and (is_told if is_set_off or kinds & _HOUSE else is_told or "subject" in kinds)
