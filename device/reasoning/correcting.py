"""What was meant instead of what was done or asked about: "no, I meant the hallway light". Pure.

The wrong thing is undone where that can be done, and the same is done with the right one; of a question the
same words are an answer. "Not the kitchen, the hallway", "no, the other one", "I said blue".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import msgspec

from device.home.registry import Call, Entity, House
from device.reasoning.builder import frame
from device.reasoning.choosing import Picked, choose
from device.reasoning.clauses import clauses, whole
from device.reasoning.context import Choice, Context, Done, goals_of, remember, taking_back
from device.reasoning.frames import Frame, Target
from device.reasoning.items import cover
from device.reasoning.lending import inherit
from device.reasoning.names import NameIndex
from device.reasoning.replies import AGAIN
from device.reasoning.resolve import Resolver
from device.reasoning.results import AskBack, NotPossible, NotUnderstood, Result, Understood
from device.reasoning.spoken import distinct_name, listed
from device.reasoning.things import Things
from device.reasoning.words import Lexicon, split

_ROUTE = "context"
_MOST_NAMED = 4
_MEANT = frozenset(
    ("name", "noun", "area", "number", "percent", "degrees", "kelvin", "level", "color", "state", "act")
)
_BESIDE = frozenset(("determiner", "preposition", "pronoun", "unknown", "conjunction", "neutral"))
Calls = Callable[[list[Frame], Resolver], Result]


class Correction(NamedTuple):
    """The words of what was meant; whether words before them say so; whether what was not meant is named.

    `denied` are the words after "not" at the end, None where there is none.
    """

    words: list[str]
    is_led: bool = False
    is_denied: bool = False
    denied: list[str] | None = None


def correct(
    words: list[str], house: House, index: NameIndex, context: Context, calls: Calls
) -> Result | None:
    """What a correction, or an answer to the question just asked, comes to; None when it is neither.

    `calls` makes calls of frames.
    """
    meant = meant_by(words, index.lexicon)
    if meant.denied is not None and not _names_what(meant.denied, index):
        return None
    if not meant.words:
        picked = choose(words, context.offered, house, index) if context.is_asked else None
        return NotPossible("", "left_alone") if picked and not picked.choices else None
    is_answer = context.is_asked or (context.offered and meant.is_led)
    if is_answer and (found := _chosen(meant, words, house, index, context)) is not None:
        return found
    if not (meant.is_led or context.is_asked):
        return None
    if context.last and _is_other(meant.words, index.lexicon):
        return _other(house, index, context)
    return _again(meant, house, index, context, calls)


def once_more(context: Context) -> Result:
    """What is said to an answer that was not caught: the question again, once."""
    if context.times > 1:
        return NotPossible("", "still_unclear")
    return AskBack(
        AGAIN.format(question=context.question),
        tuple(choice.name for choice in context.offered),
        tuple(choice.calls for choice in context.offered),
        context.takes_back,
    )


def instead(words: list[str], result: Result, house: House, known: Lexicon, context: Context) -> Result:
    """With what it undoes: a whole request after "no" that wants the same of other things than the last."""
    leads = _phrases(known)["surely"]
    is_led = any(tuple(words[: len(lead)]) == lead for lead in leads)
    if not (is_led and isinstance(result, Understood) and context.last) or context.is_question:
        return result
    before = {(done.call.service, done.call.value) for done in context.last}
    if {(call.service, call.value) for call in result.calls} != before:
        return result
    return msgspec.structs.replace(result, takes_back=taking_back(context, result.calls, house))


def is_taken_back(words: list[str], known: Lexicon) -> bool:
    """Whether the last words say that nothing is wanted after all: "forget it"."""
    return any(tuple(words[-len(phrase) :]) == phrase for phrase in _phrases(known)["nothing"])


def repair(words: list[str], known: Lexicon) -> tuple[list[str], list[str]] | None:
    """What was said first and what was said instead of it; None where nothing is corrected."""
    phrases = _phrases(known)["within"]
    for at in range(1, len(words)):
        later = [place for place in range(at, len(words)) if words[place] != ","]
        size = 0 if words[at] == "," else _start([words[place] for place in later], phrases)
        if 0 < size < len(later):
            return _stripped(words[:at]), words[later[size] :]
    return None


def mended(
    said: Understood, instead: list[str], house: House, index: NameIndex, calls: Calls
) -> Result | None:
    """What a request comes to whose end corrects it; None when the end does not go on from its beginning."""
    lead = index.lexicon.language.correcting["within"][0].split()
    result = correct([*lead, *instead], house, index, remember(said.calls, house), calls)
    return (
        msgspec.structs.replace(result, takes_back=()) if isinstance(result, Understood | AskBack) else None
    )


# --- the words --------------------------------------------------------------------------------------------


@cache
def _phrases(known: Lexicon) -> dict[str, list[tuple[str, ...]]]:
    return {
        kind: sorted({tuple(split(phrase, known.language)) for phrase in phrases}, key=len, reverse=True)
        for kind, phrases in known.language.correcting.items()
    }


def _start(words: Sequence[str], phrases: Sequence[tuple[str, ...]]) -> int:
    """How many words the longest phrase they begin with has."""
    return next((len(phrase) for phrase in phrases if tuple(words[: len(phrase)]) == phrase), 0)


def meant_by(words: list[str], known: Lexicon) -> Correction:
    """What of the words is meant, without "no", "I said" and what is said not to be meant."""
    phrases, rest, is_led = _phrases(known), words, False
    while rest and (size := _start(rest, phrases["leads"]) or int(rest[0] == ",")):
        is_led = is_led or rest[0] != ","
        rest = rest[size:]
    is_lack = len(words) - len(rest) == 1 and words[0] in known.language.no and bool(rest)
    if is_lack and known.noun(rest[0]):
        is_led = False  # "no lights in the kitchen"
    if size := _start(rest, phrases["denied"]):
        return Correction(_after_denied(rest[size:], known), is_led=True, is_denied=True)
    for at in range(1, len(rest)):
        if size := _start(rest[at:], phrases["denied"]):  # "the hallway, not the kitchen"
            return Correction(_stripped(rest[:at]), is_led=True, denied=rest[at + size :])
    return Correction(_stripped(rest), is_led)


def _after_denied(words: list[str], known: Lexicon) -> list[str]:
    """What follows the thing that was not meant: after a pause, after "but", else all of it."""
    phrases = _phrases(known)
    for at in range(1, len(words)):
        size = _start(words[at:], phrases["instead"]) or int(words[at] == ",")
        if size and (rest := _stripped(words[at + size :])):
            return [",", *meant_by(rest, known).words]
    return words


def _stripped(words: list[str]) -> list[str]:
    while words and words[-1] == ",":
        words = words[:-1]
    while words and words[0] == ",":
        words = words[1:]
    return words


def _is_other(words: Sequence[str], known: Lexicon) -> bool:
    core = [word for word in words if not known.readings(word).keys() & {"determiner", "filler"}]
    core = core or list(words)
    said = tuple(core[:1]) if len(core) == 2 and known.noun(core[1]) else tuple(core)
    return said in _phrases(known)["other"]


# --- what they come to ------------------------------------------------------------------------------------


def _chosen(
    meant: Correction, words: list[str], house: House, index: NameIndex, context: Context
) -> Result | None:
    """The answer to the question that was asked, or after it was answered another one of the offered."""
    known = index.lexicon
    said = meant.words[1:] if meant.words[0] == "," else meant.words
    offered = context.offered
    if not context.is_asked:
        done = {done.call for done in context.last}
        offered = tuple(choice for choice in offered if not done.issuperset(choice.calls))
        if len(offered) == 1 and _is_other(said, known):
            return _with(offered, house, context)
    if meant.is_denied and meant.words[0] != ",":
        said = [known.language.choosing["denied"][0], *said]
    picked = choose(words, offered, house, index) if context.is_asked else None
    picked = picked or choose(said, offered, house, index)
    if picked is None and context.is_asked and len(offered) > 1 and set(said) <= set(known.language.yes):
        picked = Picked(list(offered), is_final=False)
    if picked is None or not (picked.choices or context.is_asked):
        return None
    if not picked.choices:
        return NotPossible("", "left_alone")
    if picked.is_final:
        return _with(picked.choices, house, context)
    if context.times > 1 and len(picked.choices) == len(context.offered):
        return NotPossible("", "still_unclear")
    return _question(picked.choices, context.takes_back)


def _question(choices: Sequence[Choice], takes_back: tuple[Call, ...]) -> AskBack:
    names = tuple(choice.name for choice in choices)
    question = f"Which one: {listed(names, 'or')}?" if len(names) <= _MOST_NAMED else "Which one do you mean?"
    return AskBack(question, names, tuple(choice.calls for choice in choices), takes_back)


def _with(picked: Sequence[Choice], house: House, context: Context) -> Understood:
    """The calls of what was picked, and those that undo what was done wrongly before."""
    calls = tuple(dict.fromkeys(call for choice in picked for call in choice.calls))
    before = context.takes_back if context.is_asked else taking_back(context, calls, house)
    return Understood(calls, route=_ROUTE, takes_back=before)


def _other(house: House, index: NameIndex, context: Context) -> Result | None:
    """The other thing of that kind in the same room; a question where there are several."""
    entities = [house.entities[e] for e in context.entities if e in house.entities]
    if len(entities) != 1:
        return None
    entity, nouns = entities[0], index.nouns_of[entities[0].id]
    alike = [
        e
        for e in house.entities.values()
        if e.domain == entity.domain and e.id != entity.id and index.nouns_of[e.id] & nouns
    ]
    near = [other for other in alike if other.area == entity.area] or alike
    wanted = {other.id: _same(context, other.id) for other in near}
    wanted = {other: calls for other, calls in wanted.items() if all(map(house.allows, calls))}
    near = [other for other in near if other.id in wanted]
    if not near:
        return None
    shared = {other.id: len(_words_of(other, index) & _words_of(entity, index)) for other in near}
    near = [other for other in near if shared[other.id] == max(shared.values())]
    choices = [Choice(distinct_name(other, near, house), wanted[other.id]) for other in near]
    if len(choices) == 1:
        return _with(choices, house, Context(context.last))
    return _question(choices, taking_back(context, [c for choice in choices for c in choice.calls], house))


def _words_of(entity: Entity, index: NameIndex) -> frozenset[str]:
    return frozenset().union(*index.words_of[entity.id])


def _same(context: Context, entity: str) -> tuple[Call, ...]:
    return tuple(Call(done.call.service, entity, done.call.value) for done in context.last)


def _again(
    meant: Correction, house: House, index: NameIndex, context: Context, calls: Calls
) -> Result | None:
    """The same wish of other things, or another value for the same things."""
    wished = [Done(call) for choice in context.offered[:1] for call in choice.calls]
    base = Context(tuple(wished)) if context.is_asked else context
    if not base.last or (base.is_question and not meant.is_led):
        return None
    words = meant.words[1:] if meant.words[0] == "," else meant.words
    places = index.likely(words)
    items = cover(words, places, index, index.lexicon)
    frames = inherit([frame(part, index) for part in whole(clauses(items))])
    if not frames or any(now.guard or now.unknown or now.not_yet or now.houseless for now in frames):
        return None
    if meant.is_denied and meant.words[0] != ",":
        frames = _without_denied(frames)
    resolver = Resolver(Things(words, places, index, house, index.lexicon), base)
    is_repeatable = base.is_question or bool(goals_of(base))
    if frames and is_repeatable and all(_names_only(now) for now in frames):
        frames = resolver.repeat(frames)
    elif meant.is_led and len(frames) == 1 and _says_only_how(frames[0]):
        frames = [replace(frames[0], has_pronoun=True)]
    elif not all(now.is_scene and not now.verbs for now in frames):
        return None
    result = calls(frames, resolver)
    if isinstance(result, NotUnderstood):
        return None
    if isinstance(result, Understood | AskBack) and not context.is_asked:
        sets = (result.calls,) if isinstance(result, Understood) else result.candidates
        back = taking_back(context, [call for some in sets for call in some], house)
        return msgspec.structs.replace(result, takes_back=back)
    return result


def _names_what(words: list[str], index: NameIndex) -> bool:
    """Whether a thing or a value is denied ("not the kitchen") and nothing put off ("not yet")."""
    kinds = {item.kind for item in cover(words, index.likely(words), index, index.lexicon)}
    return bool(kinds & _MEANT) and kinds <= _MEANT | _BESIDE


def _without_denied(frames: list[Frame]) -> list[Frame]:
    """Without the thing that was not meant, which is named first ("not the kitchen the hallway")."""
    first = frames[0]
    if len(first.targets) > 1:
        return [replace(first, targets=first.targets[1:]), *frames[1:]]
    if len(first.targets) == 1 and first.targets[0].area and first.targets[0].found:
        target: Target = first.targets[0]
        return [replace(first, targets=[replace(target, area="")]), *frames[1:]]
    return frames[1:]


def _says_only_how(now: Frame) -> bool:
    return not now.targets and now.has_goal and now.mood == "do"


def _names_only(now: Frame) -> bool:
    is_plain = now.mood == "do" and not (now.attributes or now.senses or now.has_subject)
    return is_plain and bool(now.targets) and not (now.has_goal or now.verbs)
