"""Tools of MCP servers: how they are asked for, what they are given, and what of their answer is said. Pure.

A tool can be asked for by its name ("run the tide tool for Dover") when it needs at most one argument, by
sentences of the settings, and in any words by way of the language model, which chooses among such tools; what
it gives them was heard, or is one of the values that the tool lists. A tool that does not say that it only
reads is asked about first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from device.events import ToolOffered
from device.home.registry import Tool, Value
from device.settings import McpServer
from device.tools.request import Spoken
from device.tools.services import MCP_SERVICE

SAID_CHARACTERS = 300
_NUMBERS = ("integer", "number")
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])")


class BadArguments(Exception):  # noqa: N818 - an answer, not an error of the program
    """What was said does not fit the tool."""


def spoken(offers: Iterable[ToolOffered], servers: Mapping[str, McpServer]) -> dict[str, Spoken]:
    """The sentences of every tool that can be asked for aloud."""
    found = {}
    for offer in offers:
        server_name, _, tool = offer.name.partition(".")
        server = servers.get(server_name)
        if server is None:
            continue
        own, words = server.sentences.get(tool, ()), _words(tool)
        sentences = (*own, *_by_name(words, offer.arguments))
        if sentences:
            found[offer.name] = Spoken(
                service=MCP_SERVICE,
                sentences=sentences,
                description=words,
                ask_first=_asks_first(offer, server),
            )
    return found


def choosable(offers: Iterable[ToolOffered], servers: Mapping[str, McpServer]) -> dict[str, Tool]:
    """The tools that the language model may choose: those that need at most one argument."""
    known = sorted(
        (offer for offer in offers if offer.name.partition(".")[0] in servers), key=lambda offer: offer.name
    )
    shared = Counter(_words(offer.name.partition(".")[2]) for offer in known)
    found = {}
    for offer in known:
        server, _, name = offer.name.partition(".")
        argument, options = _kind_of_argument(offer.arguments)
        needs, words = len(_required(offer.arguments)), _words(name)
        if words and needs <= bool(argument):
            found[offer.name] = Tool(
                name=offer.name,
                words=words if shared[words] == 1 else f"{_words(server)} {words}",
                description=offer.description,
                argument=argument,
                options=options,
                needs=bool(needs),
                ask_first=_asks_first(offer, servers[server]),
            )
    return found


def _asks_first(offer: ToolOffered, server: McpServer) -> bool:
    return server.ask_first == "always" or (server.ask_first == "risky" and not offer.only_reads)


def arguments(schema_json: str, value: Value | None) -> dict[str, Any]:
    """What to call a tool with: `value` is all arguments as a JSON object, or the one that it needs.

    Raises BadArguments.
    """
    if isinstance(value, str) and value.startswith("{"):
        try:
            return msgspec.json.decode(value, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise BadArguments(str(error)) from error
    name, kind = _only_argument(schema_json)
    if value is None:
        if name and name in _required(schema_json):
            raise BadArguments(f"{name} is missing")
        return {}
    if not name:
        raise BadArguments("it takes no single argument")
    if kind not in _NUMBERS:
        return {name: f"{value}"}
    try:
        number = float(value)
    except ValueError as error:
        raise BadArguments(f"{name} is a number") from error
    return {name: int(number) if number.is_integer() else number}


def answer(texts: Iterable[str]) -> str:
    """What is said of a tool's texts: one paragraph, no longer than people listen to."""
    text = " ".join(" ".join(texts).split())
    if len(text) <= SAID_CHARACTERS:
        return text or "Done."
    return text[:SAID_CHARACTERS].rpartition(" ")[0] + " and so on."


def _words(tool: str) -> str:
    """A name such as "get_weather" or "getWeather" as people say it."""
    return " ".join(_BETWEEN_WORDS.sub(" ", tool).lower().split())


def _by_name(words: str, schema_json: str) -> tuple[str, ...]:
    if not words or len(_required(schema_json)) > 1:
        return ()
    name, kind = _only_argument(schema_json)
    slot = "{value}" if kind in _NUMBERS else "{text}"
    needs = name in _required(schema_json)
    tail = f" (for|with|about|of|in|on) {slot}" if name else ""
    return (f"(run|use|call|start) [the] {words} [tool]{tail if needs else f'[{tail}]' if tail else ''}",)


def _only_argument(schema_json: str) -> tuple[str, str]:
    """Name and type of the one required argument, or of the only one; empty without."""
    properties: dict[str, Any] = _schema(schema_json).get("properties") or {}
    names = _required(schema_json) or list(properties)
    if len(names) != 1:
        return "", ""
    return names[0], str((properties.get(names[0]) or {}).get("type", "string"))


def _kind_of_argument(schema_json: str) -> tuple[Literal["", "text", "number", "option"], tuple[str, ...]]:
    """What the only argument may be, and the values it lists; "" for what is neither text nor number."""
    name, kind = _only_argument(schema_json)
    if not name:
        return "", ()
    listed = ((_schema(schema_json).get("properties") or {}).get(name) or {}).get("enum")
    if isinstance(listed, list):
        return "option", tuple(value for value in listed if isinstance(value, str))
    return ("number" if kind in _NUMBERS else "text" if kind == "string" else ""), ()


def _required(schema_json: str) -> list[str]:
    return list(_schema(schema_json).get("required") or [])


def _schema(schema_json: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(schema_json, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
