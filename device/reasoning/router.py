"""What to do with a request: known commands first, the language model for the rest. Pure.

A parser's answer is final, whatever it is, except "not understood": then the model may act, unless a guard
(negation, past tense, …) said that nobody may, or a question has no word that commands are made of; it may
always talk. After a statement that implies a wish it may only ask, as where something is merely told of a
thing. What is beyond Wren ("tell the weather") may not be beyond a tool that is about it, and what the house
lacks may be a word of a remark and no thing: then the model looks for something to do, and that is said only
when it finds nothing likely. A model's calls are run when it is sure, offered as a question when it is less
so, and always offered when the device is one that must not move by mistake, or the tool one that is asked
about first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec

from device.home.registry import Call, House
from device.reasoning import replies, states
from device.reasoning.commands import plain
from device.reasoning.consent import consents
from device.reasoning.context import asked, remember
from device.reasoning.decision import LIKELY, Decision
from device.reasoning.decision import READING as READING
from device.reasoning.intents import NO_CONTEXT, Context, addressed, corrected, index_of, parse
from device.reasoning.items import Item, cover
from device.reasoning.results import AskBack, NotPossible, Result, Understood
from device.reasoning.talk import manner
from device.reasoning.words import Lexicon, lexicon, split

RISKY_DOMAINS = frozenset(("lock", "climate"))
RISKY_CLASSES = frozenset(("garage", "gate", "door"))
_TELLING_LETTERS = 4  # a shorter word is hardly a topic
_TELLING_WORDS = 3  # with fewer, anything may follow
_VALUES_ALONE = frozenset(
    (
        "number",
        "percent",
        "degrees",
        "kelvin",
        "level",
        "color",
        "step",
        "preposition",
        "conjunction",
        "determiner",
    )
) | {"pronoun", "degree", "ignored", "clock", "by"}
_THINGS = frozenset(("determiner", "name", "noun", "area", "activity"))
_OF_THE_HOUSE = frozenset(("name", "noun", "area", "activity", "unknown"))
_NAME_WORDS = 3  # a name that nobody here has is hardly longer
_ASKING = frozenset(
    (
        "act",
        "neutral",
        "state",
        "step",
        "factor",
        "by",
        "level",
        "percent",
        "degrees",
        "kelvin",
        "number",
        "color",
        "complaint",
        "desire",
        "ensure",
    )
)
MANY_CALLS = 4  # more at once from a model is likelier a mistake than a wish


class Perform(msgspec.Struct, frozen=True):
    """Run the calls, after those that take back what was done wrongly before."""

    calls: tuple[Call, ...]
    route: str
    probability: float = 1.0
    takes_back: tuple[Call, ...] = ()

    @property
    def steps(self) -> tuple[Call, ...]:
        """All that is to be done, in order."""
        return (*self.takes_back, *self.calls)


class Speak(msgspec.Struct, frozen=True):
    """Say this; a "yes" to it would run `proposal`, and `question` holds what may be chosen from."""

    text: str
    route: str
    calls: tuple[Call, ...] = ()
    probability: float = 1.0
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()
    group: str = ""  # of the tools that know the answer
    question: AskBack | None = None


class AskModel(msgspec.Struct, frozen=True):
    """Let the language model decide, or only talk."""

    may_act: bool
    only_asks: bool = False  # what it would do is offered as a question, however sure it is
    decline: str = ""  # is said instead of anything else but calls


Route = Perform | Speak | AskModel


def route(
    text: str,
    house: House,
    proposal: tuple[Call, ...] = (),
    language: str = "en",
    context: Context = NO_CONTEXT,
) -> Route:
    """What the known commands make of `text`; `proposal` are calls that were just offered as a question.

    `context` is the last request that came to something, and the question that was asked since.
    """
    if proposal and (answer := consents(text, replies.shall_i(proposal, house), language)) is not None:
        if answer:
            return Perform(proposal, "confirmed")
        other = corrected(text, house, language, context) if context.is_asked else None
        return (
            _of(other, house, text, language) if other is not None else Speak(replies.LEFT_ALONE, "confirmed")
        )
    return _of(parse(text, house, language, context), house, text, language)


def _of(result: Result, house: House, text: str, language: str) -> Route:
    match result:
        case Understood(takes_back=()):
            return perform(result.calls, house, result.route, result.confidence)
        case Understood():
            return Perform(result.calls, result.route, result.confidence, result.takes_back)
        case AskBack():
            sole = (*result.takes_back, *result.candidates[0]) if len(result.candidates) == 1 else ()
            return Speak(result.question, "parser", expects_answer=True, proposal=sole, question=result)
        case NotPossible(why="beyond") if _is_about_a_tool(text, result.noun, house):
            return AskModel(may_act=True, decline=replies.not_possible(result))
        case NotPossible(why="unknown_device" | "cannot") if _is_more_than(
            result.noun, text, house, language
        ):
            is_vague = _begins_with_a_thing(_kinds(text, house, language))
            return AskModel(may_act=True, only_asks=is_vague, decline=replies.not_possible(result))
        case NotPossible():
            return Speak(replies.not_possible(result), "parser")
        case _:
            may_act = result.implies or not (result.guard or manner(text, house, language) == "asks")
            is_vague = _names_nothing(text, house, language) or _only_tells(text, house, language)
            return AskModel(may_act, only_asks=result.implies or is_vague)


def _names_nothing(text: str, house: House, language: str) -> bool:
    """Whether only values and small words were heard ("to twenty percent"): what they are for is a guess."""
    kinds = set(_kinds(text, house, language))
    return bool(kinds) and kinds <= _VALUES_ALONE


def _is_more_than(noun: str, text: str, house: House, language: str) -> bool:
    """Whether more was said than a command for `noun`, or `noun` is no name, but a clause with a thing in it.

    "Steam in the bath, get the fan going" is no command for steam, "turn on the oven" is one for an oven.
    """
    known = lexicon(language)
    named = split(noun, known.language)
    for at, (word, after) in enumerate(zip(named, [*named[1:], ""], strict=True)):
        is_over = not after or "preposition" in known.readings(after)
        if known.noun(word) and (at >= _NAME_WORDS or not is_over):
            return True
    words = [word for word in split(text, known.language) if word != ","]
    return any(
        item.kind in _OF_THE_HOUSE and not set(words[item.start : item.end]) <= set(named)
        for item in _covered(words, house, known)
    )


def _only_tells(text: str, house: House, language: str) -> bool:
    """Whether `text` begins with a thing and neither asks nor says what it shall do: "the bulb has gone"."""
    kinds, known = _kinds(text, house, language), lexicon(language)
    is_polite = any("filler" in known.readings(word) for word in split(text, known.language))
    return _begins_with_a_thing(kinds) and not (is_polite or _ASKING & set(kinds))


def _begins_with_a_thing(kinds: Sequence[str]) -> bool:
    return bool(kinds) and kinds[0] in _THINGS


def _is_about_a_tool(text: str, deed: str, house: House) -> bool:
    """Whether `text` names a tool, or a tool says that it is about what `deed` is ("tell the weather")."""
    said, thing = set(plain(text).split()), set(plain(deed).split()[1:])
    names = {word for tool in house.tools.values() for word in tool.words.split()}
    told = {word for tool in house.tools.values() for word in plain(tool.description).split()} | names
    return any(len(word) >= _TELLING_LETTERS for word in (said & names) | (thing & told))


def perform(calls: tuple[Call, ...], house: House, name: str, probability: float = 1.0) -> Route:
    """Questions are answered from the known states; everything else is for the house to do."""
    changing = tuple(call for call in calls if call.service not in READING)
    if changing:
        return Perform(changing, name, probability)
    return Speak(states.answers(calls, house), name, calls=calls, probability=probability)


def closes(text: str, proposal: tuple[Call, ...] = (), language: str = "en") -> bool:
    """Whether `text` only says that nothing more is wanted ("that's all, thank you"), not yes or no."""
    if proposal and consents(text, language=language) is not None:
        return False
    phrases = _closing(language)
    words = tuple(word for word in split(text, lexicon(language).language) if word != ",")
    reached = {0}
    for end in range(1, len(words) + 1):
        if any(words[begin:end] in phrases for begin in reached):
            reached.add(end)
    return bool(words) and len(words) in reached


@cache
def _closing(language: str) -> frozenset[tuple[str, ...]]:
    known = lexicon(language).language
    return frozenset(tuple(split(phrase, known)) for phrase in known.closing)


def awaits_model(text: str, house: House, language: str = "en") -> bool:
    """Whether a request that begins so will probably be for the language model: no verb of command in it."""
    items = _items_of(text, house, language)
    return bool(items) and not any(item.kind == "act" for item in items)


def _items_of(text: str, house: House, language: str) -> list[Item]:
    """What `text` speaks of; nothing when it is too short to tell."""
    known = lexicon(language)
    words = [word for word in addressed(split(text, known.language), known) if word != ","]
    return _covered(words, house, known) if len(words) >= _TELLING_WORDS else []


def _kinds(text: str, house: House, language: str) -> list[str]:
    known = lexicon(language)
    words = [word for word in split(text, known.language) if word != ","]
    return [item.kind for item in _covered(words, house, known)]


def _covered(words: list[str], house: House, known: Lexicon) -> list[Item]:
    index = index_of(house, known)
    return cover(words, index.likely(words), index, known)


def expected_words(found: Route, house: House) -> str:
    """What will be said when everything goes well; "" where that is not known yet."""
    match found:
        case Perform() if all(house.allows(call) for call in found.steps):
            return replies.confirm(found.steps, house)
        case Speak():
            return found.text
        case _:
            return ""


def weigh(decision: Decision, house: House, *, only_asks: bool = False) -> Route | None:
    """What becomes of the model's decision; None when it goes on to talk."""
    if decision.kind == "talk":
        return None
    if decision.kind == "cannot" or not decision.calls:
        text = replies.NOT_UNDERSTOOD if only_asks else replies.CANNOT
        return Speak(text, "model", probability=decision.probability)
    if decision.kind == "act" and not only_asks and not _risky(decision.calls, house):
        return perform(decision.calls, house, "model", decision.probability)
    question = replies.shall_i(decision.calls, house)
    return Speak(
        question,
        "model",
        probability=decision.probability,
        expects_answer=True,
        proposal=decision.calls,
        question=AskBack(question, ("yes",), (decision.calls,)),
    )


def declines(asked: AskModel, decision: Decision) -> bool:
    """Whether what the parser would decline is declined: the model knows nothing that is likely meant."""
    return bool(asked.decline) and (not decision.calls or decision.probability < LIKELY)


def remembered(found: Route, context: Context, house: House) -> Context:
    """The context of the request after this one."""
    match found:
        case Speak(question=AskBack() as question):
            return asked(question, context)
        case Perform() | Speak() if found.calls and found.route != "tools":
            is_chosen = any(found.calls == choice.calls for choice in context.offered)
            offered = context.offered if is_chosen else ()
            return msgspec.structs.replace(remember(found.calls, house), offered=offered)
        case _:
            return context.answered()


def _risky(calls: tuple[Call, ...], house: House) -> bool:
    changing = [call for call in calls if call.service not in READING]
    entities = [house.entities[call.entity] for call in changing if call.entity in house.entities]
    tools = [house.tools[call.entity] for call in changing if call.entity in house.tools]
    return (
        len(changing) > MANY_CALLS
        or any(tool.ask_first for tool in tools)
        or any(entity.domain in RISKY_DOMAINS or entity.device_class in RISKY_CLASSES for entity in entities)
    )
