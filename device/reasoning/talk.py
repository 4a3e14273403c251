"""Whether a text is talk, or may be a misheard command. Pure.

| the text                                                                           | is         |
|------------------------------------------------------------------------------------|------------|
| asks something or says how somebody is, without a word that commands are made of   | `asks`     |
| has no such word, and does not begin with a verb of command                        | `says`     |
| anything else ("said bedroom light blue", "make love every night", "I'm off base") | `commands` |

Recognition makes other sentences of commands and of their halves, but hardly ever a question. So the language
model can be believed sooner when it takes a question for whole, and its sound needs no other reading.
"""

from __future__ import annotations

from typing import Literal

from device.home.registry import House
from device.reasoning.intents import addressed, index_of
from device.reasoning.items import Item, cover
from device.reasoning.words import lexicon, split

Manner = Literal["asks", "says", "commands"]

_THINGS = frozenset(("name", "noun", "area", "everything", "activity", "houseless", "not_yet", "unwanted"))
_OF_COMMANDS = _THINGS | frozenset(
    ("act", "attribute", "state", "complaint", "step", "level", "color", "percent", "degrees", "kelvin")
)
_ASKS = frozenset(("wh", "which", "ask", "aux"))  # not "is the": what follows may be a misheard name
_NEVER_OF_THE_HOUSE = frozenset(("question", "hypothetical"))  # "why", "who", "have you", "how do I"


def manner(text: str, house: House, language: str = "en") -> Manner:
    """How `text` is meant, by its words alone; a millisecond."""
    known = lexicon(language)
    words = [word for word in addressed(split(text, known.language), known) if word != ","]
    index = index_of(house, known)
    items = cover(words, index.likely(words), index, known) if words else []
    if len(items) < 2:
        return "commands"
    if _asks(items):
        return "asks"
    return "commands" if items[0].kind == "neutral" or _has(items, _OF_COMMANDS) else "says"


def _asks(items: list[Item]) -> bool:
    first, second = items[:2]
    if first.kind == "guard":
        return first.value in _NEVER_OF_THE_HOUSE and not _has(items, _THINGS)
    is_asked = first.kind in _ASKS or (first.kind, second.kind) == ("subject", "copula")
    return is_asked and not _has(items, _OF_COMMANDS)


def _has(items: list[Item], kinds: frozenset[str]) -> bool:
    return any(item.kind in kinds for item in items)
