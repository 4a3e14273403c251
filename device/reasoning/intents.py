"""Known commands: from what was said to calls the house allows, without a language model.

`parse` is pure: words -> items (names of the house, phrases of the language) -> clauses -> frames -> calls.
Guards come first: what is denied, past, supposed, merely told or meant for later never acts. Then every
clause must be understood, or none is. What the house lacks, and what no tool does, is named. What stays
unexplained is left to home-assistant's sentences (hassil) and, after this module, to the language model.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from device.home.registry import Call, House
from device.reasoning import correcting, sentences
from device.reasoning.asking import NO_ROOM, which_room
from device.reasoning.builder import frame
from device.reasoning.clauses import absent_object, clauses, guard_of, mood_of, tells_of, whole
from device.reasoning.context import Context, go_on
from device.reasoning.frames import Frame
from device.reasoning.goals import ATTRIBUTE_DOMAINS
from device.reasoning.items import Item, cover
from device.reasoning.lending import inherit
from device.reasoning.names import NameIndex
from device.reasoning.remarks import without_remark
from device.reasoning.resolve import Resolver
from device.reasoning.results import AskBack, NotPossible, NotUnderstood, Result, Stop, Understood
from device.reasoning.things import Things
from device.reasoning.words import Lexicon, lexicon, split

__all__ = [
    "AskBack",
    "Context",
    "NotPossible",
    "NotUnderstood",
    "Result",
    "Understood",
    "addressed",
    "corrected",
    "index_of",
    "parse",
    "prepare",
]

_CACHED = 4
NO_CONTEXT = Context()
_TOLD_COST = 0.95
_SWITCHED = ("turn_on", "turn_off")
_ANSWER_WORDS = 4
_NEW = frozenset(  # what a request or a question of its own has
    (
        "ask",
        "wh",
        "which",
        "aux",
        "copula",
        "subject",
        "act",
        "neutral",
        "desire",
        "houseless",
        "guard",
        "not_yet",
    )
)
_FINAL = ("negation", "past", "statement", "intention")  # guards after which nothing is wished for
_indexes: list[NameIndex] = []
_THINGS = frozenset(("name", "noun", "area", "unknown", "everything"))
_ACTS = frozenset(("act", "neutral", "step", "number"))
_QUESTIONS = frozenset(("copula", "aux", "wh", "which", "ask"))


def index_of(house: House, words: Lexicon) -> NameIndex:
    """The compiled names of a house; kept while its entities and areas stay the same."""
    for index in _indexes:
        same_places = index.areas == house.areas and index.floors == house.floors
        if index.entities == house.entities and same_places and index.lexicon is words:
            return index
    index = NameIndex(house, words)
    _indexes.insert(0, index)
    del _indexes[_CACHED:]
    return index


def prepare(house: House, language: str = "en") -> None:
    """Compiles what `parse` needs for a house, so that the first request is as fast as the next."""
    index_of(house, lexicon(language))
    sentences.recognise("hello", house, language)


def parse(text: str, house: House, language: str = "en", context: Context = NO_CONTEXT) -> Result:
    """What `text`, whole or as far as it has been heard, asks of `house`. Never raises, never acts.

    `context` is what was done before; without it "it" and "undo that" refer to nothing.
    """
    known = lexicon(language)
    said = split(text, known.language)
    words = addressed(said, known)
    if context.is_asked and (found := corrected(text, house, language, context)):
        return found
    if way := known.onward(words):
        return go_on(way, context, house)
    if context.last and (found := corrected(text, house, language, context)):
        return found
    if (mended := _mended(words, house, known)) is not None:
        return mended
    result = correcting.instead(said, _understand(words, house, known, context), house, known, context)
    is_lack = isinstance(result, NotPossible) and result.why == "unknown_device"
    if is_lack and (deed := known.beyond(words)):
        return NotPossible(deed, "beyond")
    if not (is_lack or isinstance(result, NotUnderstood)):
        return result
    if (alone := _beside_remark(words, house, known, context)) is not None:
        return alone
    if not isinstance(result, NotUnderstood):
        return result
    if not result.guard and (calls := sentences.recognise(" ".join(words), house, language)):
        return Understood(calls, sentences.CONFIDENCE, "sentences")
    if result.guard not in _FINAL and (deed := known.beyond(words)):
        return NotPossible(deed, "beyond")
    if context.is_asked and not result.guard and _is_mumbled(words, house, known):
        return correcting.once_more(context)
    return result


def _beside_remark(words: list[str], house: House, known: Lexicon, context: Context) -> Understood | None:
    """A command beside which something is remarked; a remark may say for which room it is."""
    for alone in without_remark(words, index_of(house, known), known):
        rooms = [house]
        if alone.area:
            rooms.insert(0 if alone.is_there else 1, msgspec.structs.replace(house, device_area=alone.area))
        for where in rooms:
            if isinstance(found := _understand(alone.words, where, known, context), Understood):
                return msgspec.structs.replace(found, confidence=round(found.confidence * _TOLD_COST, 3))
    return None


def _mended(words: list[str], house: House, known: Lexicon) -> Result | None:
    """A request that corrects itself: "lights off in the lounge, no, I mean the kitchen"; else None."""
    if (found := correcting.repair(words, known)) is None:
        return None
    said, instead = (_understand(part, house, known, NO_CONTEXT) for part in found)
    if not isinstance(said, Understood):
        return None
    if isinstance(instead, Understood):
        return instead
    return correcting.mended(said, found[1], house, index_of(house, known), _calls)


def _is_mumbled(words: list[str], house: House, known: Lexicon) -> bool:
    """Whether words that were no answer were meant as one: few, none of which asks, tells or wishes."""
    index = index_of(house, known)
    items = cover(words, index.likely(words), index, known)
    is_short = bool(items) and len(words) <= _ANSWER_WORDS and "wh" not in known.readings(words[0])
    return is_short and not {item.kind for item in items if not item.form} & _NEW


def corrected(text: str, house: House, language: str = "en", context: Context = NO_CONTEXT) -> Result | None:
    """What `text` comes to as an answer to the question just asked, or as a correction; else None."""
    known = lexicon(language)
    words = addressed(split(text, known.language), known)
    return correcting.correct(words, house, index_of(house, known), context, _calls)


def addressed(words: list[str], known: Lexicon) -> list[str]:
    """The words without the name of whom they are said to, at either end."""
    while words and words[-1] == ",":
        words = words[:-1]
    for vocative in known.vocatives:
        if words[: len(vocative)] == vocative and len(words) > len(vocative):
            words = words[len(vocative) :]
            break
    for vocative in known.vocatives:
        is_set_off = words[-len(vocative) - 1 : -len(vocative)] == [","] or vocative[-1] not in known.known
        if is_set_off and len(words) > len(vocative) and words[-len(vocative) :] == vocative:
            words = words[: -len(vocative)]
            break
    while words and words[0] == ",":
        words = words[1:]
    words = _without_adverbs(words, known)
    for correction in known.corrections:
        rest = [word for word in words[len(correction) :] if word != ","]
        is_whole = words[: len(correction)] == correction and not any(
            end > len(correction) and "," not in words[:end] for end, _ in known.at(words, 0)
        )
        if is_whole and rest and known.is_verb(rest[0]):
            return words[len(correction) :]
    return words


def _without_adverbs(words: list[str], known: Lexicon) -> list[str]:
    """Without what only colours a wish: "I would really like the lamp on"."""
    adverbs = known.language.adverbs
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not (before in adverbs["after"] and word in adverbs["words"])
    ]


def _understand(words: list[str], house: House, known: Lexicon, context: Context) -> Result:
    result = _resolved(words, house, known, context)
    if result != NO_ROOM:
        return result
    here = {area: msgspec.structs.replace(house, device_area=area) for area in house.areas}
    meant = {area: _resolved(words, there, known, context) for area, there in here.items()}
    calls = {area: found.calls for area, found in meant.items() if isinstance(found, Understood)}
    return which_room(calls, house) if calls else NO_ROOM


def _resolved(words: list[str], house: House, known: Lexicon, context: Context) -> Result:
    index = index_of(house, known)
    places = index.likely(words)
    items = cover(words, places, index, known)
    parts = whole(clauses(items))
    guard = next((found for part in parts if (found := guard_of(part))), "")
    is_told = bool(parts) and (len(parts) == 1 or mood_of(parts[0]) == "do") and tells_of(parts[0])
    guard = guard or ("statement" if is_told else "")
    if not guard and (_leaves_nothing_out(items, known) or correcting.is_taken_back(words, known)):
        guard = "negation"
    frames = inherit([frame(part, index) for part in parts])
    guard = guard or next((f.guard for f in frames if f.guard not in ("", "intention") and not f.not_yet), "")
    if guard:
        return NotUnderstood(guard)
    resolver = Resolver(Things(words, places, index, house, known), context)
    if context.last and known.follows(words) and frames and all(map(_is_only_things, frames)):
        frames = resolver.repeat(frames)
    result = _calls(frames, resolver)
    if result == NotUnderstood() and len(parts) == 1 and (absent := absent_object(parts[0], known)):
        return NotPossible(" ".join(words[absent.start : absent.stop]))
    return result


def _leaves_nothing_out(items: list[Item], known: Lexicon) -> bool:
    """Whether it ends with "but not now" or "but not yet", where something would be left out."""
    at = next((at for at in range(len(items) - 1, -1, -1) if items[at].kind == "except"), len(items))
    retracts = known.language.remarks["retracts"]
    return at < len(items) and all(item.text in retracts for item in items[at + 1 :])


def _is_only_things(now: Frame) -> bool:
    return (
        bool(now.targets)
        and now.mood == "do"
        and not (now.has_goal or now.verbs or now.unknown or now.not_yet)
    )


def _calls(frames: list[Frame], resolver: Resolver) -> Result:
    wanted = [f for f in frames if f.mood != "tell"]
    if any(f.is_unwanted and (f.verbs or f.acts - {"on"}) for f in wanted):
        return NotUnderstood("negation")
    calls: list[Call] = []
    try:
        for now in frames:
            if now.mood == "tell":
                calls += _told(now, frames, resolver, is_alone=not wanted)
            else:
                if now.is_unwanted and (now.is_lack or not now.complaint):
                    now.acts, now.complaint = {"off"}, ""
                calls = _overruled(calls, resolver.calls(now))
    except Stop as stop:
        return stop.result
    if not calls:
        return NotUnderstood()
    return Understood(tuple(dict.fromkeys(calls)), round(resolver.things.confidence, 3))


def _overruled(before: list[Call], after: list[Call]) -> list[Call]:
    """Both, without what a crowd was to do and one of it is not: "all lights off but leave the lamp on"."""
    others = {call.entity for call in after if call.service in _SWITCHED}
    is_crowd = len(before) > len(after)
    kept = [c for c in before if not (is_crowd and c.service in _SWITCHED and c.entity in others)]
    return [*kept, *after]


def _implies(now: Frame) -> bool:
    """Whether a statement that speaks of no act and no state may be a wish: it is about a room, or "it"."""
    is_fact = now.acts or now.verbs or now.states or now.values or now.steps or now.houseless or now.not_yet
    is_it = now.has_pronoun and now.is_ours and not now.has_subject
    is_near = is_it or (not now.is_theirs and any(target.area for target in now.targets))
    return is_near and not is_fact


def _told(now: Frame, frames: list[Frame], resolver: Resolver, is_alone: bool) -> list[Call]:
    """What a statement leads to: alone, a complaint is a wish; beside a wish it says what that is about."""
    areas = resolver.things.house.areas
    if not is_alone:
        resolver.things.confidence *= _TOLD_COST
        if now.complaint and now.targets:
            try:
                resolver.calls(now)
            except Stop:
                resolver.antecedent = []
        named = [e for target in now.targets for found in target.found[:1] for e in found.name.ids]
        resolver.antecedent = resolver.antecedent or named
        resolver.things.area = next((t.area for t in now.targets if t.area in areas), resolver.things.area)
        return []
    if now.is_reason:
        raise Stop(NotUnderstood("statement"))
    if resolver.antecedent or (not now.complaint and any(other.complaint for other in frames)):
        return []
    if now.is_scene and now.has_pronoun and not (now.acts or now.values or now.unknown):
        return resolver.calls(replace(now, mood="do"))
    is_idle = now.is_theirs or (now.is_bare and not (now.is_ours or now.targets))
    if not now.complaint or is_idle or now.guard or any(target.area == "@outdoor" for target in now.targets):
        raise Stop(NotUnderstood("", False) if now.complaint else NotUnderstood("statement", _implies(now)))
    if now.attributes and not ATTRIBUTE_DOMAINS.keys() & set(now.attributes):
        raise Stop(NotUnderstood("statement"))  # "the water is too cold"
    if not any(target.found or target.noun for target in now.targets):
        now = replace(now, acts=set())  # "I am freezing out in the garden"
    resolver.things.confidence *= _TOLD_COST
    return resolver.calls(now)
