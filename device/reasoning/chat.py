"""How a chat model behind an endpoint is asked, and what its answer amounts to. Pure.

The prompt is that of the embedded model in other clothes: instruction and devices, then the examples as turns
of a conversation, then the request. The model answers with one JSON object,

    {"do": ["turn on kitchen light"], "say": ""}     {"do": [], "say": "Good evening!"}

whose "do" a server that can is held to: `shape` is a JSON schema that lists the lines of `commands`. Servers
may ignore it, so an answer counts only when every line of it is one that the live house allows; the rest of
the text is never looked at for commands.

How sure an answer is: the product of the probabilities of the tokens inside "do", which servers that give
`logprobs` take over the whole vocabulary, as `grammar` does. A line that is unlikely meant keeps the odds
times its weight. Without probabilities nothing is known: what changes the house is then only offered.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from device.home.registry import House
from device.reasoning import prompt
from device.reasoning.answer import claims
from device.reasoning.commands import CANNOT, SMALL_HOUSE, TALK, VERBS, Command
from device.reasoning.grammar import MOST_COMMANDS, TINY, Walk
from device.reasoning.thinker import History, Limits

Message = dict[str, str]

MOST_LISTED, MOST_LISTED_CHARACTERS = 1000, 15_000  # of an enum; OpenAI's limits for structured outputs

_DO = re.compile(r'\{\s*"do"\s*:\s*(\[(?:\s*"(?:[^"\\]|\\.)*"\s*,?)*\s*\])')
# Whole characters of a JSON string only: an escape, or half of a surrogate pair, may still be on its way.
_PLAIN, _ESCAPE = r'[^"\\]', r'\\["\\/bfnrt]'
_UNICODE = r"\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_SAY = re.compile(rf'"say"\s*:\s*"((?:{_PLAIN}|{_ESCAPE}|{_UNICODE}|{_PAIR})*)("?)')


class Piece(msgspec.Struct, frozen=True):
    """A piece of an answer and the natural logarithm of its probability, None where it is not told."""

    text: str = msgspec.field(name="token")  # as endpoints call it
    logprob: float | None = None


def prefix(house: House, language: str = "en", *, most: int = SMALL_HOUSE) -> list[Message]:
    """The fixed beginning of every conversation about `house`; any even number of its end may be left out."""
    words = prompt.load(language)
    shown = prompt.shown_of(house, most)
    messages = [_message("system", prompt.filled(words.chat, words.chat_agent, house, shown, words))]
    for said, answer in prompt.examples(house, shown, language):
        verb, _, reply = answer.partition(" ")
        is_talk = verb == TALK
        do = [] if is_talk else answer.split(f"{prompt.JOINT} ")
        messages += _turn(said, do, reply if is_talk else "")
    return messages


def shortened(messages: Sequence[Message]) -> list[Message]:
    """The beginning of a prefix: all of it but most of the examples."""
    return list(messages[: 1 + 2 * prompt.BRIEF_EXAMPLES])


def request(text: str) -> Message:
    """What was said, as a turn of the conversation."""
    return _message("user", prompt.request(text))


def remembered(history: History, language: str = "en") -> list[Message]:
    """What was said before, less the replies that report an action: the model would learn to claim them."""
    said, turns = "", list[Message]()
    for role, words in history:
        if role == "user":
            said = words
        elif said and not claims(words, language):
            turns += _turn(prompt.request(said), [], words)
    return turns


def shape(lines: Sequence[str], *, several: bool) -> dict[str, Any]:
    """The JSON schema of an answer whose commands are among `lines`; without `lines` it only talks.

    A list that is too long for servers is left out of it.
    """
    most = 0 if not lines else MOST_COMMANDS if several else 1
    is_listed = 0 < len(lines) <= MOST_LISTED and sum(map(len, lines)) <= MOST_LISTED_CHARACTERS
    items = {"type": "string", "enum": list(lines)} if is_listed else {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "do": {"type": "array", "items": items, "minItems": 0, "maxItems": most},
            "say": {"type": "string"},
        },
        "required": ["do", "say"],
        "additionalProperties": False,
    }


def lines(offered: Sequence[Command]) -> dict[str, Command]:
    """The commands that may be answered by the lines that stand for them, `cannot` last; not `say`."""
    return {line.text: line for line in offered if line.text != TALK}


def settled(text: str) -> bool:
    """Whether all commands of an answer are known, whatever follows."""
    return _DO.search(text) is not None


def walk(
    pieces: Sequence[Piece], allowed: Mapping[str, Command], limits: Limits, *, several: bool
) -> Walk | None:
    """What an answer does, and how sure it is; None when it is not an answer at all."""
    text = "".join(piece.text for piece in pieces)
    found = _DO.search(text)
    if found is None:
        return None
    try:
        said = [str(line).strip().lower() for line in json.loads(found[1])]
    except ValueError:
        return None
    if not said:
        return Walk(talk=1.0)
    chosen = [allowed[line] for line in dict.fromkeys(said) if line in allowed]
    if len(chosen) < len(set(said)) or any(command.text == CANNOT for command in chosen):
        return Walk(cannot=1.0)
    if not several:
        chosen = chosen[:1]
    probability = _probability(pieces, found.start(1) + 1, found.end(1))
    if probability is None:
        reads = all(command.slots[0] == VERBS["get"] for command in chosen)
        probability = 1.0 if reads else limits.ask
    else:
        weight = min(command.weight for command in chosen)
        probability = weight * probability / max(weight * probability + 1 - probability, TINY)
    return Walk(tuple(chosen[:MOST_COMMANDS]), probability, act=1.0)


def spoken(text: str) -> tuple[str, bool]:
    """What an unfinished answer says so far, and whether that is all; plain text is spoken as it is."""
    if not text.lstrip().startswith(("{", "`")):
        return text, False
    found = _SAY.search(text)
    if found is None:
        return "", False
    return json.loads(f'"{found[1]}"', strict=False), bool(found[2])


def _probability(pieces: Sequence[Piece], start: int, end: int) -> float | None:
    """Of the pieces that reach into [start, end) of the answer, together."""
    total, at = 0.0, 0
    for piece in pieces:
        if at < end and at + len(piece.text) > start:
            if piece.logprob is None:
                return None
            total += piece.logprob
        at += len(piece.text)
    return math.exp(min(total, 0.0))


def _turn(said: str, do: Sequence[str], say: str) -> list[Message]:
    answer = json.dumps({"do": list(do), "say": say}, ensure_ascii=False)
    return [_message("user", said), _message("assistant", answer)]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
