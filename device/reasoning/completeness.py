"""Whether a text is a whole request, for the end of a turn. Pure: text and house in, one word out.

| the text                                                                        | is         |
|---------------------------------------------------------------------------------|------------|
| says "go on" where nothing was said that it could answer ("yes", "yeah")        | `unsure`   |
| is a whole answer or request by itself ("yes", "stop", "never mind", "both")    | `complete` |
| ends on a hesitation, or on a word that needs another ("the", "and", "to")      | `open`     |
| is a polite beginning and nothing more ("could you")                            | `open`     |
| ends on a verb, or names a thing and not what to do with it ("turn the kettle") | `open`     |
| ends on a number after a preposition, and the parser makes nothing of it so     | `open`     |
| ends in the middle of a name of the house                                       | `open`     |
| is understood, but ends on a number or an area alone ("turn off the kitchen")   | `unsure`   |
| would change several things and names neither them nor their place, in several  | `unsure`   |
| areas or without an article ("turn off all lights", "turn on lights")           |            |
| is a deed that may do without its thing ("cancel")                              | `likely`   |
| is understood by the parser, be it as something that this house cannot do       | `complete` |
| says what to do with something, if one was spoken of before ("turn it off")     | `complete` |
| anything else: talk, a question to the language model, something misheard       | `unsure`   |

Of talk the language model knows more, which has seen how requests end: `by_finality` and `weighed`. What it
takes for whole is `likely`, or `talk` where the words are surely not those of a misheard command.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from device.home.registry import House
from device.reasoning.intents import NotPossible, Understood, addressed, index_of, parse
from device.reasoning.items import Item, cover
from device.reasoning.names import NameIndex
from device.reasoning.talk import Manner
from device.reasoning.thinker import Finality
from device.reasoning.words import Lexicon, lexicon, split

Completeness = Literal["complete", "talk", "likely", "unsure", "open"]

# docs/decisions/0006 tells how many ends and pauses reach each; fragments are misheard as whole questions
# oftener than as statements, so questions must be surer
_WHOLE, _CUT = 0.7, 0.02
_WHOLE_TALK = 0.6
_SURELY_WHOLE: dict[Manner, float] = {"asks": 0.85, "says": 0.7}
_WORTH_AN_ANSWER = 0.5

_THINGS = frozenset(("name", "noun", "area", "activity", "everything"))
_NAMED = frozenset(("name", "noun", "area"))
_VERBS = frozenset(("act", "neutral"))
_NEEDS_MORE = frozenset(
    ("determiner", "preposition", "conjunction", "neutral", "quantifier", "modal", "desire", "by", "ensure")
)
_DOINGS = frozenset(("act", "number", "level", "color", "step", "state", "complaint", "activity"))
_PREDICATES = _DOINGS | frozenset(
    (
        "attribute",
        "houseless",
        "wh",
        "which",
        "ask",
        "aux",
        "unknown",
        "ignored",
        "everything",
        "not_yet",
        "guard",
    )
)


def by_finality(finality: Finality, manner: Manner) -> Completeness:
    """What the language model says of a request that was heard as such a text."""
    if finality.over < _CUT:
        return "open"
    is_talk = manner != "commands"
    if is_talk and finality.talk >= _SURELY_WHOLE[manner]:
        return "talk"
    if finality.talk >= _WHOLE_TALK if is_talk else finality.over >= _WHOLE:
        return "likely"
    return "unsure"


def may_be_over(finality: Finality | None) -> bool:
    """Whether the answer to a text that may still go on is worth to be begun; None: the model cannot tell."""
    return finality is not None and finality.talk >= _WORTH_AN_ANSWER


def weighed(known: Completeness, finality: Completeness | None) -> Completeness:
    """What is `known` of a text, and what the language model says of it, where it was asked.

    Of what is unsure it knows more. A question may end on a word that needs another ("where are you from").
    """
    if finality is None or known in ("complete", "likely"):
        return known
    if known == "open" and finality in ("talk", "likely"):
        return "likely" if finality == "talk" else "unsure"
    return finality


def is_doubtful(
    judged: Completeness, manner: Manner, finality: Completeness | None, *, is_asked: bool = False
) -> bool:
    """Whether another reading of the sound is worth the processor, which the language model wants just then.

    Not for what is known, nor for a question. What else has no word of commands waits for the model's
    `finality` while it `is_asked`, and is not read again where that takes it for whole.
    """
    if judged == "complete" or manner == "asks":
        return False
    return manner == "commands" or not (is_asked or finality in ("talk", "likely"))


def completeness(
    text: str, house: House, language: str = "en", *, refers: bool = False, answers: bool = True
) -> Completeness:
    """Judges `text`, whole or as far as it has been heard.

    `refers`: "it" may be something spoken of before; `answers`: something was said that "yes" may answer.
    Never raises, never acts; a few milliseconds.
    """
    known = lexicon(language)
    words = [word for word in addressed(split(text, known.language), known) if word != ","]
    ends = _endings(known)
    if not words:
        return "unsure"
    if " ".join(words) in ends.whole:
        return "complete" if answers or not ends.backchannel.issuperset(words) else "unsure"
    if " ".join(words) in ends.deeds:
        return "likely"
    if _ends_with(words, ends.hesitations) or _ends_with(words, ends.open_ends):
        return "open"
    index = index_of(house, known)
    items = cover(words, index.likely(words), index, known)
    if not items:
        return "open" if any(tuple(words[:size]) in ends.openings for size in range(1, 7)) else "unsure"
    last = items[-1]
    is_last_word = last.end == len(words)
    if is_last_word and _wants_more(items):
        return "open"
    if _lacks_deed(items):
        return "open"
    result = parse(text, house, language)
    if is_last_word and not isinstance(result, Understood) and _awaits_unit(items):
        return "open"
    if isinstance(result, Understood) and not _is_asked_or_told(result, items):
        return "unsure"
    if is_last_word and isinstance(result, Understood) and _awaits_place(result, items, house):
        return "unsure"
    if isinstance(result, Understood | NotPossible):
        return "unsure" if is_last_word and _can_grow(items) else "complete"
    if is_last_word and _awaits_name(items, words, index):
        return "open"
    return "complete" if refers and _is_about_something_said_before(items) else "unsure"


class _Endings:
    """The lists of a language as tuples of words."""

    def __init__(self, known: Lexicon) -> None:
        language = known.language
        answers = (*language.choosing["every"], *language.choosing["none"])
        self.whole = frozenset(" ".join(split(phrase, language)) for phrase in (*language.whole, *answers))
        self.deeds = frozenset(" ".join(split(phrase, language)) for phrase in language.deeds)
        self.backchannel = frozenset(
            word for phrase in language.backchannel for word in split(phrase, language)
        )
        self.hesitations, self.open_ends, self.openings = (
            frozenset(tuple(split(phrase, language)) for phrase in phrases)
            for phrases in (language.hesitations, language.open_ends, language.openings)
        )


@cache
def _endings(known: Lexicon) -> _Endings:
    return _Endings(known)


def _ends_with(words: Sequence[str], phrases: frozenset[tuple[str, ...]]) -> bool:
    longest = max(map(len, phrases))
    return any(tuple(words[-size:]) in phrases for size in range(1, min(longest, len(words)) + 1))


def _wants_more(items: Sequence[Item]) -> bool:
    last = items[-1]
    if last.kind in _NEEDS_MORE:
        return True
    return last.kind == "act" and not any(item.kind in _THINGS | {"pronoun"} for item in items)


def _can_grow(items: Sequence[Item]) -> bool:
    """Whether an understood text may go on: "turn off the kitchen", but not "the lights upstairs"."""
    last = items[-1]
    is_area = last.kind == "area" or (last.kind == "name" and bool(last.found[0].name.area))
    if is_area:
        has_thing = bool(_last_clause(items) & {"noun", "everything"})
        return not has_thing and not any(item.kind == "preposition" for item in items[-3:-1])
    return last.kind in ("number", "unknown")


def _awaits_place(result: Understood, items: Sequence[Item], house: House) -> bool:
    """Whether so much would be changed by its kind alone that a place may follow: "turn off all lights"."""
    kinds = {item.kind for item in items}
    changed = {call.entity for call in result.calls if call.service != "get"}
    if len(changed) < 2 or kinds & {"name", "area"}:
        return False
    return "determiner" not in kinds or len({house.entities[entity].area for entity in changed}) > 1


def _is_asked_or_told(result: Understood, items: Sequence[Item]) -> bool:
    """Not a question without a word that asks, which is what garbled speech looks like."""
    if any(call.service != "get" for call in result.calls):
        return True
    is_asked = any(item.kind in ("wh", "which", "ask", "aux", "attribute") for item in items)
    return is_asked or items[0].kind == "copula"


def _awaits_unit(items: Sequence[Item]) -> bool:
    return len(items) > 1 and items[-1].kind == "number" and items[-2].kind in ("preposition", "by")


def _awaits_name(items: Sequence[Item], words: Sequence[str], index: NameIndex) -> bool:
    """A verb of command, and last the beginning of a name of several words."""
    if not any(item.kind in _VERBS for item in items) or items[-1].kind in ("number", "level", "color"):
        return False
    return any(index.continues(words[-size:]) for size in range(1, min(3, len(words)) + 1))


def _lacks_deed(items: Sequence[Item]) -> bool:
    """The last clause names a thing, but not what to do with it or what to know of it: "turn the kettle"."""
    kinds = _last_clause(items)
    is_begun = "neutral" in kinds or items[0].kind == "copula"
    return is_begun and bool(kinds & (_NAMED | {"pronoun"})) and not kinds & _PREDICATES


def _is_about_something_said_before(items: Sequence[Item]) -> bool:
    """Whole, though only the dialog knows what it means: "turn it off"."""
    kinds = _last_clause(items)
    return "pronoun" in kinds and bool(kinds & {"act", "step"})


def _last_clause(items: Sequence[Item]) -> set[str]:
    begins = max((at for at, item in enumerate(items) if item.kind == "conjunction"), default=-1) + 1
    return {item.kind for item in items[begins:]}
