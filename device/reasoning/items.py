"""From words to items: the names of the house and the phrases of the language that a sentence is made of.

The cover with the greatest weight wins: whole names first, long phrases before short ones, unknown words
last. Then each item gets one kind by its neighbours ("light" after "the" is a thing, before it an act).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from device.reasoning.names import Found, Likely, NameIndex
from device.reasoning.words import Lexicon, Readings, is_number

LEAST = 0.8  # how sure a name must be to be heard at all
LEAST_ALONE = 0.85  # the same for a name of one word
_NAME_BONUS, _NAME_LENGTH_BONUS, _PHRASE_LENGTH_BONUS = 0.05, 0.02, 0.01
_RIVALS = 4

# Readings that only qualify another one.
_MARKS = frozenset(
    (
        "form",
        "asks",
        "bare",
        "lacks",
        "purpose",
        "relates",
        "infinitive",
        "theirs",
        "intransitive",
        "definite",
        "perfect",
        "impersonal",
        "self",
        "misheard",
        "sense",
        "leave",
        "shuts",
        "gives",
        "exclaimed",
        "lights",
        "delay",
        "condition",
        "either",
        "outward",
        "deed",
    )
)
_THING = frozenset(("noun", "name", "area", "unknown", "activity", "everything"))
_BEFORE_NOUN = frozenset(
    ("determiner", "quantifier", "area", "name", "color", "unknown", "preposition", "noun", "ignored")
)
_OURS = ("@house", "@here")
_BEFORE_ONE = frozenset(("determiner", "color", "unknown", "noun", "area", "name"))
_DESCRIBED = frozenset(("noun", "name", "area", "pronoun", "everything", "quantifier", "copula", "degree"))
_IS_HOW = frozenset(("complaint", "step", "degree"))
_SAID = frozenset(("act", "complaint", "state", "step"))
_SAID_OF = frozenset(("act", "neutral", "state", "complaint", "step"))
_WAYS = ("open", "close", "up", "down")
_AFTER_PRONOUN = frozenset(
    ("noun", "name", "area", "unknown", "color", "quantifier", "ignored", "level", "attribute")
)


_ORDER = (
    *(
        "by",
        "factor",
        "step",
        "complaint",
        "attribute",
        "state",
        "act",
        "neutral",
        "ask",
        "guard",
        "quantifier",
        "level",
    ),
    *(
        "color",
        "noun",
        "area",
        "pronoun",
        "except",
        "degree",
        "preposition",
        "determiner",
        "ignored",
        "filler",
    ),
)


_FELT, _TEMPERED = frozenset(("attribute", "complaint")), ("warm", "cool")


@dataclass(slots=True)
class Item:
    """A stretch of words with one meaning: `kind` says what sort, `value` which one."""

    start: int
    end: int
    text: str
    kind: str = "unknown"
    value: str = ""
    form: str = ""  # of a verb: DOING or DONE
    found: tuple[Found, ...] = ()
    readings: Readings = field(default_factory=dict)
    is_verb: bool = False  # a verb of its own, not just "on" or "up"


_Option = tuple[float, Item]  # a way to read the words at some place, and its weight


def cover(words: list[str], places: list[list[Likely]], index: NameIndex, lexicon: Lexicon) -> list[Item]:
    """The items of `words`, kinds chosen, fillers dropped; `places` are `index.likely(words)`."""
    names = _whole_names(words, places, index, lexicon)
    best: list[float] = [0.0] * (len(words) + 1)
    chosen: dict[int, Item] = {}
    for start in range(len(words) - 1, -1, -1):
        unknown = Item(start, start + 1, words[start])
        phrases = _phrases(words, start, lexicon)
        options = [(0.0, unknown), *phrases.values(), *_names(words, start, names, phrases)]
        weight, chosen[start] = max(options, key=lambda option: option[0] + best[option[1].end])
        best[start] = weight + best[chosen[start].end]
    items: list[Item] = []
    at = 0
    while at < len(words):
        items.append(chosen[at])
        at = chosen[at].end
    return _choose(
        [item for item in items if item.found or item.readings.keys() - _MARKS != {"filler"}], lexicon
    )


def _whole_names(
    words: list[str], places: list[list[Likely]], index: NameIndex, lexicon: Lexicon
) -> dict[int, dict[int, list[Found]]]:
    """Names heard well enough, by where they start and end; a sensor called "Light" does not hide lights."""
    names: dict[int, dict[int, list[Found]]] = {}
    for found in index.find(words, places, LEAST):
        is_one_word = len(found.name.words) == 1
        is_kind = (
            is_one_word and bool(lexicon.noun(words[found.start])) and not index.is_changeable(found.name)
        )
        least = LEAST_ALONE if is_one_word or found.name.area else LEAST
        if found.score >= least and not is_kind:
            names.setdefault(found.start, {}).setdefault(found.end, []).append(found)
    return names


def _phrases(words: list[str], start: int, lexicon: Lexicon) -> dict[int, _Option]:
    """The phrases (and the number) that start here, by where they end."""
    options = {}
    before = lexicon.readings(words[start - 1]) if start > 0 else {}
    is_led = "determiner" in before or "neutral" in before
    for end, readings in lexicon.at(words, start):
        if is_led and end > start + 1 and "act" in readings and lexicon.noun(words[start]):
            continue  # "turn the light up" does not say "light up"
        item = Item(start, end, " ".join(words[start:end]), readings=readings)
        options[end] = (end - start + _PHRASE_LENGTH_BONUS * (end - start - 1), item)
    if is_number(words[start]):
        readings = options[start + 1][1].readings if start + 1 in options else {}
        item = Item(start, start + 1, words[start], readings={**readings, "number": words[start]})
        options[start + 1] = (1.0, item)
    return options


def _names(
    words: list[str], start: int, names: dict[int, dict[int, list[Found]]], phrases: dict[int, _Option]
) -> list[_Option]:
    options = []
    for end, found in names.get(start, {}).items():
        rivals = tuple(sorted(found, key=lambda one: -one.score)[:_RIVALS])
        length, score = end - start, rivals[0].score
        bonus = _NAME_BONUS if score >= 1.0 else 0.0
        weight = length * (score + bonus) + _NAME_LENGTH_BONUS * (length - 1)
        readings = phrases[end][1].readings if end in phrases else {}
        item = Item(start, end, " ".join(words[start:end]), "name", found=rivals, readings=readings)
        options.append((weight, item))
    return options


def _choose(items: list[Item], lexicon: Lexicon) -> list[Item]:
    has_verb = has_act = is_wished = False
    first = True
    is_perfect = any("perfect" in item.readings for item in items)
    for at, item in enumerate(items):
        before = items[at - 1] if at else None
        after = items[at + 1] if at + 1 < len(items) else None
        item.form = item.readings.get("form", "")
        if item.kind != "name":
            beyond = items[at + 2] if at + 2 < len(items) else None
            is_thing_next = beyond is not None and (
                "noun" in beyond.readings or any(found.name.ids for found in beyond.found)
            )
            item.kind = _kind(item, before, after, has_verb, first, is_thing_next)
            if first and "deed" in item.readings and _is_done_to(items[at + 1 :]):
                item.kind = "neutral"
            if "either" in item.readings and _has_way(items[at + 1 :]):
                item.kind = "neutral"  # "pull the curtains open"
            is_outside = before is not None and before.kind not in _DESCRIBED - {"degree"} | {"act"}
            is_amount = before is not None and before.kind in (
                "degree",
                "step",
            )  # "some more out of the lamp"
            is_outside &= after is not None and "preposition" in after.readings and not has_verb
            is_outside &= is_amount or _leads_to_place(items, at + 1)
            if "outward" in item.readings and is_outside:
                item.kind = "ignored"  # "I can not see a thing out in the hall"
            if "outward" in item.readings and after is None and _tells_of_weather(items[:at]):
                item.kind, item.readings = "area", {**item.readings, "area": "@outdoor"}  # "is it cold out"
            if first and is_perfect and "aux" in item.readings:
                item.kind = "aux"  # "have the blinds been shut", but not "have the blinds shut"
            is_epithet = before is not None and before.kind == "determiner" and after is not None
            is_turned = item.text in lexicon.language.particles or "form" in item.readings
            is_named = after is not None and ("noun" in after.readings or bool(after.found))
            if item.kind in ("act", "level") and is_epithet and is_named and not (has_verb or is_wished):
                item.kind = "unknown"  # "my warm bedroom"
            if is_turned and is_epithet and is_named:
                item.kind = "unknown"  # "the back door", "the left lamp"
            if item.kind == "except" and at == 0:  # nothing was said yet that it could except
                item.kind = "filler"
            is_done = before is not None and before.kind in ("act", "state", "everything") and has_act
            if (
                item.kind == "act"
                and is_done
                and "preposition" in item.readings
                and _leads_to_place(items, at)
            ):
                item.kind = "preposition"
            item.value = item.readings.get(item.kind, "")
            if item.kind == "area" and item.value in _OURS and _is_owned(items, at):
                item.value = "@unknown"
        item.is_verb = item.kind == "neutral" or (
            item.kind == "act" and item.text not in lexicon.language.particles
        )
        if item.kind == "conjunction":
            has_verb, first = False, True
        elif item.kind not in ("filler", "determiner", "activity"):
            first = False
        has_verb = has_verb or item.is_verb
        is_wished = is_wished or item.kind in ("desire", "ensure")
        has_act = item.kind != "conjunction" and (has_act or item.kind in ("act", "state"))
    return [item for item in items if item.kind != "filler"]


def _tells_of_weather(said: list[Item]) -> bool:
    """Whether "out" after it is outside: "how cold is it", "it is hot", "is it warm"."""
    felt = [bool(_FELT & item.readings.keys()) or item.readings.get("act") in _TEMPERED for item in said]
    return any(felt) and (felt[-1] or "aux" in said[-1].readings)


def _clause(items: list[Item]) -> list[Item]:
    """The items as far as the next one that joins clauses."""
    end = next((at for at, item in enumerate(items) if "conjunction" in item.readings), len(items))
    return items[:end]


def _is_done_to(rest: list[Item]) -> bool:
    """Whether "do" says all that is to happen: "do the lamp orange", but not "do the lamps work"."""
    after = _clause(rest)
    is_more = any(not (item.readings or item.found) or _SAID_OF & item.readings.keys() for item in after)
    return bool(after) and "subject" not in after[0].readings and not is_more


def _has_way(rest: list[Item]) -> bool:
    """Whether it is said which way a cover is moved."""
    return any(
        item.readings.get(kind) in _WAYS and not item.found
        for item in _clause(rest)
        for kind in ("act", "state")
    )


def _is_owned(items: list[Item], at: int) -> bool:
    """Whether a place is somebody's ("mum's house", "their room"), and so perhaps another one."""
    before = items[at - 1] if at else None
    if before is not None and "theirs" in before.readings:
        return True
    if before is not None and "possessive" in before.readings:
        return at > 1 and not items[at - 2].found
    return before is not None and before.kind == "unknown" and not before.readings


def _leads_to_place(items: list[Item], at: int) -> bool:
    """Whether a room or a floor follows, with or without an article."""
    rest = [item for item in items[at + 1 : at + 3] if "determiner" not in item.readings]
    return bool(rest) and ("area" in rest[0].readings or any(found.name.area for found in rest[0].found))


def _could_be(item: Item | None, kinds: frozenset[str]) -> bool:
    return item is not None and (
        bool(kinds & item.readings.keys()) or item.kind == "name" or not item.readings
    )


def _kind(
    item: Item, before: Item | None, after: Item | None, has_verb: bool, first: bool, is_thing_next: bool
) -> str:
    kinds = set(item.readings) - _MARKS
    if not kinds:
        return "sense" if "sense" in item.readings else "unknown"
    if len(kinds) == 1:
        return kinds.pop()
    prior = before.kind if before else ""
    if "number" in kinds:
        units = {"percent", "degrees", "fahrenheit", "duration"}
        if item.text == "1" and prior in _BEFORE_ONE and not (after and units & after.readings.keys()):
            return "ignored"  # "the red one"
        is_article = _could_be(after, _THING) and not (after and units & after.readings.keys())
        return "ignored" if "ignored" in kinds and is_article else "number"
    if {"preposition", "act"} <= kinds and "misheard" in item.readings:
        return "act" if prior == "neutral" or (after is None and prior in ("noun", "name")) else "preposition"
    if {"preposition", "act"} <= kinds:
        is_count = is_thing_next and after is not None and "number" in after.readings
        is_value = after is not None and bool({"number", "level", "color"} & after.readings.keys())
        is_value = is_value and not is_count
        is_led = after is not None and "determiner" in after.readings
        is_place = is_led and prior in ("noun", "name", "attribute", "step") and not is_thing_next
        is_place = is_place or (is_led and prior in ("level", "percent", "number", "color"))
        return "preposition" if is_value or is_place else "act"
    if {"state", "act"} <= kinds and not has_verb and first:
        return "act" if _could_be(after, _THING | {"determiner", "quantifier"}) else "state"
    if {"state", "act"} <= kinds and not has_verb and prior not in _DESCRIBED and after is not None:
        return "act" if {"determiner", "quantifier"} & after.readings.keys() else "state"
    if {"noun", "act"} <= kinds:
        has_object = _could_be(after, _THING | {"determiner", "quantifier"})
        return "noun" if prior in _BEFORE_NOUN or has_verb or not has_object else "act"
    if {"attribute", "activity"} <= kinds:
        return "activity" if has_verb or prior == "unwanted" else "attribute"
    if "attribute" in kinds and "level" in kinds:
        if "act" in kinds and not has_verb and _could_be(after, _THING | {"determiner", "quantifier"}):
            return "act"
        return "attribute" if prior in ("determiner", "wh") else "level"
    if {"determiner", "pronoun"} <= kinds:
        return "determiner" if _could_be(after, _AFTER_PRONOUN) else "pronoun"
    if {"noun", "houseless"} <= kinds:
        return "noun" if prior in ("name", "unknown") else "houseless"
    if {"neutral", "ask"} <= kinds:  # "update the color to red", "garage door update"
        return "neutral" if first and after is not None and not is_thing_next else "ask"
    if "neutral" in kinds and "ignored" in kinds:
        return "ignored" if has_verb or prior in _BEFORE_NOUN | {"level", "number"} else "neutral"
    if {"neutral", "noun"} <= kinds:
        return "noun" if prior in ("determiner", "quantifier", "area", "unknown") else "neutral"
    if {"noun", "ignored"} <= kinds:
        return "ignored" if prior == "color" else "noun"
    if {"copula", "neutral"} <= kinds:  # "it is getting dark", "would you mind getting the lights"
        return "copula" if after is not None and _IS_HOW & after.readings.keys() else "neutral"
    if {"copula", "duration"} <= kinds:
        return "duration" if prior == "number" else "copula"
    if {"copula", "possessive"} <= kinds:
        is_said = after is not None and bool(_SAID & after.readings.keys()) and "noun" not in after.readings
        is_said = is_said or (
            prior in ("unknown", "subject")
            and after is not None
            and not (has_verb or after.readings or after.found)
        )
        return "copula" if is_said else "filler"
    if {"guard", "aux"} <= kinds:
        return "aux" if first else "guard"
    return next((kind for kind in _ORDER if kind in kinds), min(kinds))
