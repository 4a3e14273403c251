"""Sentences of tools that the settings file or an MCP server describes, matched as a whole by hassil. Pure.

`{value}` in a sentence is a whole number, `{text}` any words.
"""

from __future__ import annotations

import re
from typing import Any

import hassil
import msgspec
from hassil.errors import MissingListError, MissingRuleError
from hassil.parser import ParseError

from device.home.registry import Call, Value
from device.tools.request import Spoken, ToolRequest

_MOST = 100_000

_compiled: list[tuple[dict[str, Spoken], hassil.Intents]] = []


def recognise(said: list[str], tools: dict[str, Spoken], language: str = "en") -> ToolRequest | None:
    """The tool that one of its own sentences asks for."""
    try:
        found = _match(said, tools, language) if tools else None
    except (MissingListError, MissingRuleError):
        return None  # a template that only some sentences reach the mistake of
    if found is None:
        return None
    name, value = found.intent.name, _value(found)
    calls = (Call(tools[name].service, name, value),)
    if not tools[name].ask_first:
        return ToolRequest(calls=calls)
    return ToolRequest(calls=calls, say=f"Shall I {tools[name].description}?", confirm=True)


def usable(tools: dict[str, Spoken]) -> tuple[dict[str, Spoken], list[str]]:
    """The tools whose sentences make sense, and a line about each of the others."""
    wrong: dict[str, str] = {}
    for name, tool in tools.items():
        try:
            for sentence in tool.sentences:
                words = re.sub(r"\{[^}]*\}", "1", re.sub(r"[^\w\s{}]", " ", sentence)).split()
                _match(words, {name: msgspec.structs.replace(tool, sentences=(sentence,))})
        except (ParseError, MissingListError, MissingRuleError, ValueError) as error:
            wrong[name] = f"the sentences of {name}: {error}"
    return {name: tool for name, tool in tools.items() if name not in wrong}, list(wrong.values())


def _match(said: list[str], tools: dict[str, Spoken], language: str = "en") -> Any:
    return hassil.recognize(" ".join(said), _intents(tools, language))


def _value(found: Any) -> Value | None:
    for slot in ("value", "text"):
        if slot in found.entities:
            value = found.entities[slot].value
            return value if isinstance(value, int | float) else str(value).strip()
    return None


def _intents(tools: dict[str, Spoken], language: str) -> hassil.Intents:
    for known, intents in _compiled:
        if known == tools:
            return intents
    data = {
        "language": language,
        "intents": {name: {"data": [{"sentences": list(tool.sentences)}]} for name, tool in tools.items()},
        "lists": {"value": {"range": {"from": -_MOST, "to": _MOST}}, "text": {"wildcard": True}},
        "skip_words": ["please", "the"],
    }
    intents = hassil.Intents.from_dict(data)
    _compiled[:] = [(tools, intents), *_compiled[:1]]
    return intents
