"""From items to clauses: a sentence is cut where "and" joins or where a verb begins something new.

A clause is a list of items, never empty; `mood_of` says whether it wishes, asks or merely tells, and
`guard_of` why it must not act.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from device.reasoning.items import Item
from device.reasoning.words import Lexicon

_NAMED = frozenset(("name", "noun", "area", "unknown"))
_GOALS = frozenset(("act", "neutral", "step", "number", "color", "level", "factor"))
_THINGS = frozenset(("name", "noun", "area", "unknown", "everything"))
_ACTS = frozenset(("act", "neutral", "step", "number"))
_VALUES = frozenset(("number", "level", "color"))
_ENDS_OBJECT = frozenset(("preposition", "number", "color", "level", "clock", "conjunction", "guard", "by"))
_SURELY_OF_THINGS = ("on", "off", "dim", "brighten", "lock", "unlock", "toggle")
_LEADS_TO_VERB = frozenset(("copula", "degree", "guard", "preposition"))  # "is closed", "about to open"
_QUESTIONS = frozenset(("copula", "aux", "wh", "which", "ask"))


def clauses(items: list[Item]) -> list[list[Item]]:
    """The clauses of a sentence; none is empty."""
    parts: list[list[Item]] = [[]]
    for at, item in enumerate(items):
        part = parts[-1]
        if item.kind == "disjunction" and part and mood_of(part) == "ask":
            continue
        if item.kind == "conjunction":
            if _goes_on_excepting(part, items[at + 1 :]):
                part.append(replace(item, kind="except"))
            else:
                parts.append([])
            continue
        if part and _begins_anew(item, items[at + 1 :], part):
            parts.append([])
        parts[-1].append(item)
    return _ensured([part for part in parts if part])


def _goes_on_excepting(part: list[Item], rest: list[Item]) -> bool:
    """Whether "and" joins two things that are both excepted ("all but the kitchen and the hall")."""
    kinds = [item.kind for item in part]
    after = kinds[kinds.index("except") :] if "except" in kinds else []
    if not after or _GOALS & set(after):
        return False
    ahead = []
    for item in rest:
        if item.kind == "conjunction":
            break
        ahead.append(item.kind)
    return bool(_NAMED & set(ahead)) and not (_GOALS | {"copula", "wh", "which", "ask", "subject"}) & set(
        ahead
    )


def _ensured(parts: list[list[Item]]) -> list[list[Item]]:
    """Carries "make sure" over to the clauses it is joined to ("make sure a is off and b is on")."""
    for before, part in pairwise(parts):
        demand = next((item for item in before if item.kind == "ensure"), None)
        kinds = {item.kind for item in part}
        if demand and "copula" in kinds and not kinds & {"ensure", "desire", "modal", "ask", "subject", "wh"}:
            part.insert(0, replace(demand, start=part[0].start, end=part[0].start))
    return parts


def _begins_anew(item: Item, rest: list[Item], part: list[Item]) -> bool:
    kinds = {other.kind for other in part}
    has_thing = bool(kinds & {"name", "noun", "area", "pronoun", "activity", "everything", "unknown"})
    has_goal = bool(kinds & {"act", "step", "number", "color", "level"})
    is_told = (
        bool(kinds & {"copula", "complaint"}) or (part[0].value == "intention" and len(part) > 1)
    ) and not kinds & {"ensure", "desire", "modal", "ask"}
    if item.is_verb and item.form != "1":
        is_asked = mood_of(part) == "ask"
        is_amount = part[-1].kind in ("percent", "level") and (not rest or rest[0].kind == "conjunction")
        is_predicate = part[-1].kind in _LEADS_TO_VERB and part[-1].end == item.start
        return not (is_asked or is_amount) and (
            (has_thing and has_goal and "subject" not in kinds) or (is_told and not is_predicate)
        )
    if part[-1].kind == "act" and not part[-1].is_verb and has_thing and item.kind in ("name", "determiner"):
        ahead = [other.kind for other in rest]
        until = ahead.index("conjunction") if "conjunction" in ahead else len(ahead)
        return "act" in ahead[:until] and mood_of(part) == "do"
    is_complete = has_thing and has_goal and not is_told and mood_of(part) == "do"
    if is_told and "complaint" in kinds and item.kind in ("subject", "complaint"):
        return True
    if item.kind in ("pronoun", "subject", "determiner", "name"):
        following = next((other for other in rest if other.kind not in ("noun", "name", "area")), None)
        return is_complete and following is not None and following.kind == "copula"
    return is_complete and item.kind in ("wh", "which", "ask", "houseless", "reason")


def mood_of(part: list[Item]) -> str:
    """What a clause does: "do" is wished, "ask" is asked, "tell" is merely told."""
    kinds = [item.kind for item in part]
    first = next((kind for kind in kinds if kind not in ("determiner", "ignored", "degree")), "")
    if first in ("wh", "which", "aux", "copula") or "ask" in kinds or "asks" in part[0].readings:
        return "ask"
    if first == "reason" or part[0].value == "intention":
        return "tell"
    if first == "subject" and not {"ensure", "desire", "complaint"} & set(kinds):
        return "tell"
    if {"copula", "complaint"} & set(kinds) and not {"ensure", "desire", "modal"} & set(kinds):
        return "tell" if "copula" in kinds or not {"act", "neutral"} & set(kinds) else "do"
    return "do"


def whole(parts: list[list[Item]]) -> list[list[Item]]:
    """Joins what a pause cut off: "turn on the, kitchen light", "tell me, is the kettle on"."""
    whole: list[list[Item]] = []
    for part in parts:
        before = {item.kind for item in whole[-1]} if whole else set()
        now = {item.kind for item in part}
        lacks_things = bool(before & _ACTS) and not before & _THINGS
        brings_things = bool(now & _THINGS) and not now & (_ACTS | _QUESTIONS)
        is_opening = before == {"ask"} and bool(now & _QUESTIONS)
        if (lacks_things and brings_things) or is_opening:
            whole[-1] = whole[-1] + part
        else:
            whole.append(part)
    return whole


def guard_of(part: list[Item]) -> str:
    """The reason why a clause must not act, "" when there is none."""
    is_asked = part[0].kind in ("copula", "aux", "wh", "ask")
    for item, following in zip(part, [*part[1:], None], strict=True):
        if item.kind != "guard" or (item.value == "negation" and is_asked):
            continue
        if item.value != "intention" or (
            following is not None and (following.is_verb or following.kind == "act")
        ):
            return item.value
    return ""


def absent_object(part: list[Item], known: Lexicon) -> range:
    """The words for the thing that a command is about, where the house has none called so; else empty.

    Switching on or off, dimming and locking is done to things; what one starts, opens or sets is surely a
    thing where an article or a value says so.
    """
    part = part[1:] if part[0].kind == "desire" else part
    verb = part[0] if part else None
    if verb is None or not verb.is_verb or mood_of(part) != "do":
        return range(0)
    kinds = [item.kind for item in part]
    particle = next((item for item in part[1:] if item.kind == "act" and not item.is_verb), None)
    stretch: list[Item] = []
    for item in part[1:]:
        if item is particle and not stretch:
            continue
        if item is particle or item.kind in _ENDS_OBJECT:
            break
        stretch.append(item)
    has_article = bool(stretch) and stretch[0].kind == "determiner"
    stretch = stretch[1:] if has_article else stretch
    is_value = bool(_VALUES & set(kinds)) and "preposition" in kinds
    is_switched = particle is not None or verb.value in _SURELY_OF_THINGS
    is_thing = is_switched or (has_article and (verb.kind == "act" or is_value or "color" in kinds))
    unknown = [item for item in stretch if item.kind in ("unknown", "sense")]
    is_named = any(item.kind in ("name", "pronoun", "area") for item in stretch)
    if not (is_thing and unknown) or is_named or unknown[-1].text in known.words:
        return range(0)
    return range(stretch[0].start, stretch[-1].end)
