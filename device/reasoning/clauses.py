"""From items to clauses: a sentence is cut where "and" joins or where a verb begins something new.

A clause is a list of items, never empty; `mood_of` says whether it wishes, asks or merely tells, and
`guard_of` why it must not act.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from device.reasoning.items import Item
from device.reasoning.words import DOING, DONE, Lexicon

_NAMED = frozenset(("name", "noun", "area", "unknown"))
_GOALS = frozenset(("act", "neutral", "step", "number", "color", "level", "factor"))
_TOLD = _GOALS | {"state", "complaint"}
_THINGS = frozenset(("name", "noun", "area", "unknown", "everything"))
_ACTS = frozenset(("act", "neutral", "step", "number"))
_VALUES = frozenset(("number", "level", "color"))
_SAID_AFTER = frozenset(("act", "color", "level", "percent"))  # what a thing is to be, after its name
_ENDS_OBJECT = frozenset(("preposition", "number", "color", "level", "clock", "conjunction", "guard", "by"))
_SURELY_OF_THINGS = ("on", "off", "dim", "brighten", "lock", "unlock", "toggle")
_OBJECTS = _THINGS | frozenset(("determiner", "quantifier", "pronoun", "act", "color"))  # may follow a verb
_DEMANDS = frozenset(("ensure", "desire", "modal"))
_LEADS_TO_VERB = frozenset(("copula", "degree", "guard", "preposition"))  # "is closed", "about to open"
_OF_PURPOSES = frozenset(("desire", "unknown", "determiner", "pronoun", "preposition"))
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
    return _ensured(_without_purpose([part for part in parts if part]))


def _without_purpose(parts: list[list[Item]]) -> list[list[Item]]:
    """The clauses but one that only says what for: "turn on the lamp, I need to find my glasses"."""
    if len(parts) > 1 and _is_purpose(parts[-1]) and mood_of(parts[-2]) == "do":
        return parts[:-1]
    if len(parts) > 1 and _is_purpose(parts[0]) and mood_of(parts[1]) == "do":
        return parts[1:]
    return parts


def _is_purpose(part: list[Item]) -> bool:
    return part[0].kind == "desire" and {item.kind for item in part} <= _OF_PURPOSES


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
    is_told = is_told or (part[0].kind == "unwanted" and has_thing)
    if item.is_verb and item.form != DONE:
        is_asked = mood_of(part) == "ask"
        is_amount = part[-1].kind in ("percent", "level") and (not rest or rest[0].kind == "conjunction")
        is_led = part[-1].kind in _LEADS_TO_VERB or [o.kind for o in part[-2:]] == ["reason", "subject"]
        is_predicate = is_led and part[-1].end == item.start  # "is closed", "because they open …"
        is_apart = part[-1].kind == "complaint" or (bool(rest) and rest[0].kind in _OBJECTS)
        if _is_purpose(part) and part[-1].kind == "unknown" and rest and rest[0].kind in _OBJECTS:
            return True
        is_of_it = bool(rest) and rest[0].kind == "pronoun"  # "someone left the gate open, close it"
        return not (is_asked or is_amount) and (
            (has_thing and has_goal and ("subject" not in kinds or is_of_it))
            or (is_told and is_apart and not is_predicate)
        )
    is_said_of = part[-1].kind in _SAID_AFTER and not part[-1].is_verb
    if is_said_of and has_thing and item.kind in ("name", "determiner"):
        ahead = [other.kind for other in rest]
        until = ahead.index("conjunction") if "conjunction" in ahead else len(ahead)
        return part[-1].kind in ahead[:until] and mood_of(part) == "do"
    is_complete = has_thing and has_goal and not is_told and mood_of(part) == "do"
    if is_told and "complaint" in kinds and item.kind in ("subject", "complaint"):
        return True
    if (
        item.kind == "desire"
        and "gives" in item.readings
        and _is_purpose(part)
        and part[-1].kind == "unknown"
    ):
        return True  # "I want to read, give me the desk lamp"
    if item.kind == "desire" and is_complete and {other.kind for other in rest} <= _OF_PURPOSES:
        return True
    if item.kind == "guard" and item.value == "intention" and is_complete:
        return True  # "turn off the light, I can not sleep"
    if item.kind in ("pronoun", "subject", "determiner", "name"):
        following = next((other for other in rest if other.kind not in ("noun", "name", "area")), None)
        return is_complete and following is not None and following.kind == "copula"
    return is_complete and item.kind in ("wh", "which", "ask", "houseless", "reason")


def mood_of(part: list[Item]) -> str:
    """What a clause does: "do" is wished, "ask" is asked, "tell" is merely told."""
    kinds = [item.kind for item in part]
    first = next((kind for kind in kinds if kind not in ("determiner", "ignored", "degree")), "")
    is_told = part[0].kind in ("ignored", "determiner") and first == "copula"
    if is_told and not any("definite" in item.readings for item in part[2:3]):
        return "tell"  # "there is a lamp on", "its getting dark"
    if first in ("wh", "which", "aux", "copula") or "ask" in kinds or "asks" in part[0].readings:
        return "ask"
    if first == "reason" or part[0].value == "intention":
        return "tell"
    if first == "subject" and not {"ensure", "desire", "complaint"} & set(kinds):
        return "tell"
    if "unwanted" in kinds and "copula" not in kinds:
        return "do"
    kinds = [item.kind for item in part if "infinitive" not in item.readings]  # "let the lamp be red"
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
    if len(part) == 1 and "exclaimed" in part[0].readings:
        return "statement"
    is_asked = part[0].kind in ("copula", "aux", "wh", "ask")
    if is_asked and _is_about_doing(part):
        return "question"
    if part[0].kind == "aux" and part[0].readings.get("guard") == "past":
        return "past"  # "were the lights on all night": nobody kept that
    if any(a.kind == "aux" and b.form == DONE for a, b in pairwise(part[1:])):
        return "past"  # "the fan has stopped"
    if _is_stopped_doing(part):
        return "negation"
    if len(part) > 1 and "relates" in part[-1].readings and mood_of(part) == "tell":
        return "statement"  # "nobody is allowed to, open the gate"
    for item, following in zip(part, [*part[1:], None], strict=True):
        if item.kind != "guard" or (item.value == "negation" and is_asked):
            continue
        if item.value != "intention" or (
            following is not None and (following.is_verb or following.kind == "act")
        ):
            return item.value
    return ""


def _is_about_doing(part: list[Item]) -> bool:
    """Whether it is asked what doing something would be: "is it dangerous to turn off …", "am I to …"."""
    return part[0].kind in ("copula", "aux") and any(
        led.kind == "preposition" and verb.is_verb and not verb.form and not before.is_verb
        for before, led, verb in zip(part, part[1:], part[2:], strict=False)
    )


def _is_stopped_doing(part: list[Item]) -> bool:
    """Whether somebody is to stop what they are doing to a thing: "stop turning on …"."""
    stop = next((at for at, item in enumerate(part) if item.kind == "act" and item.value == "stop"), None)
    return stop is not None and any(item.is_verb and item.form == DOING for item in part[stop + 1 : stop + 4])


def tells_of(part: list[Item]) -> bool:
    """Whether a clause tells what becomes of a thing: "the lights turned off", "garage door opening".

    Without an article the first may be a wish as well ("curtains closed"), the second is none. What begins
    like the end of something longer ("with the lamp brighter") is none either.
    """
    kinds = [item.kind for item in part]
    is_part = "relates" in part[0].readings and "copula" not in kinds and not _TOLD.isdisjoint(kinds)
    if is_part and mood_of(part) != "ask":
        return not any(item.is_verb and not item.form for item in part[:-1])
    if kinds[0] == "subject" and "complaint" in kinds[2:] and "copula" not in kinds:
        return True  # "I like it dark"
    said = [item for item in part if item.is_verb or item.kind == "state"]
    if said and "intransitive" in said[0].readings and _DEMANDS.isdisjoint(kinds):
        return any(kind in _THINGS for kind in kinds[: part.index(said[0])])
    if not said or mood_of(part) != "do" or not all(item.form or item.kind == "state" for item in said):
        return False
    before = part[: part.index(said[0])]
    if any(item.kind in _DEMANDS or item.kind in _VALUES for item in part):
        return False
    is_said_of = any(item.kind in _THINGS or item.kind == "pronoun" for item in before)
    return is_said_of and (
        before[0].kind in ("determiner", "pronoun") or any(item.form == DOING for item in said)
    )


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
