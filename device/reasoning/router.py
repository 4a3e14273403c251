"""What to do with a request: known commands first, the language model for the rest. Pure.

A parser's answer is final, whatever it is, except "not understood": then the model may act, unless a guard
(negation, past tense, …) said that nobody may; it may always talk. After a statement that implies a wish it
may only ask. A model's calls are run when it is sure,
offered as a question when it is less so, and always offered when the device is one that must not move by
mistake.
"""

from __future__ import annotations

from functools import cache

import msgspec

from device.home.registry import Call, House
from device.reasoning import replies
from device.reasoning.decision import Decision
from device.reasoning.intents import NO_CONTEXT, Context, addressed, index_of, parse
from device.reasoning.items import cover
from device.reasoning.language import load
from device.reasoning.results import AskBack, NotPossible, Understood
from device.reasoning.words import lexicon, split

READING = frozenset(("get", "time", "date"))
RISKY_DOMAINS = frozenset(("lock", "climate"))
RISKY_CLASSES = frozenset(("garage", "gate", "door"))
_TELLING_WORDS = 3  # with fewer, anything may follow
MANY_CALLS = 4  # more at once from a model is likelier a mistake than a wish


class Perform(msgspec.Struct, frozen=True):
    """Run the calls."""

    calls: tuple[Call, ...]
    route: str
    probability: float = 1.0


class Speak(msgspec.Struct, frozen=True):
    """Say this; a "yes" to it would run `proposal`."""

    text: str
    route: str
    calls: tuple[Call, ...] = ()
    probability: float = 1.0
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()
    group: str = ""  # of the tools that know the answer


class AskModel(msgspec.Struct, frozen=True):
    """Let the language model decide, or only talk."""

    may_act: bool
    only_asks: bool = False  # what it would do is offered as a question, however sure it is


Route = Perform | Speak | AskModel


def route(
    text: str,
    house: House,
    proposal: tuple[Call, ...] = (),
    language: str = "en",
    context: Context = NO_CONTEXT,
) -> Route:
    """What the known commands make of `text`; `proposal` are calls that were just offered as a question.

    `context` is the last request that came to something.
    """
    if proposal and (answer := _yes_or_no(text, language)) is not None:
        return Perform(proposal, "confirmed") if answer else Speak(replies.LEFT_ALONE, "confirmed")
    result = parse(text, house, language, context)
    match result:
        case Understood():
            return perform(result.calls, house, result.route, result.confidence)
        case AskBack():
            sole = result.candidates[0] if len(result.candidates) == 1 else ()
            return Speak(result.question, "parser", expects_answer=True, proposal=sole)
        case NotPossible():
            return Speak(replies.not_possible(result), "parser")
        case _:
            return AskModel(may_act=not result.guard or result.implies, only_asks=result.implies)


def perform(calls: tuple[Call, ...], house: House, name: str, probability: float = 1.0) -> Route:
    """Questions are answered from the known states; everything else is for the house to do."""
    changing = tuple(call for call in calls if call.service not in READING)
    if changing:
        return Perform(changing, name, probability)
    return Speak(replies.answers(calls, house), name, calls=calls, probability=probability)


def closes(text: str, proposal: tuple[Call, ...] = (), language: str = "en") -> bool:
    """Whether `text` only says that nothing more is wanted ("that's all, thank you"), not yes or no."""
    if proposal and _yes_or_no(text, language) is not None:
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
    known = lexicon(language)
    words = [word for word in addressed(split(text, known.language), known) if word != ","]
    index = index_of(house, known)
    items = cover(words, index.likely(words), index, known) if len(words) >= _TELLING_WORDS else []
    return bool(items) and not any(item.kind == "act" for item in items)


def expected_words(found: Route, house: House) -> str:
    """What will be said when everything goes well; "" where that is not known yet."""
    match found:
        case Perform() if all(house.allows(call) for call in found.calls):
            return replies.confirm(found.calls, house)
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
    return Speak(question, "model", (), decision.probability, expects_answer=True, proposal=decision.calls)


def _risky(calls: tuple[Call, ...], house: House) -> bool:
    changing = [call for call in calls if call.service not in READING]
    entities = [house.entities[call.entity] for call in changing if call.entity in house.entities]
    return len(changing) > MANY_CALLS or any(
        entity.domain in RISKY_DOMAINS or entity.device_class in RISKY_CLASSES for entity in entities
    )


def _yes_or_no(text: str, language: str) -> bool | None:
    """Whether `text` is an answer to a yes/no question, by its first words."""
    words = "".join(letter if letter.isalnum() or letter == "'" else " " for letter in text.lower()).split()
    if not words or len(words) > 5:
        return None
    known = load(language)
    if words[0] in known.no:
        return False
    return True if words[0] in known.yes else None
