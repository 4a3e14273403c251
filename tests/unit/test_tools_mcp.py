"""Tools of MCP servers: how they are asked for, what they are given, what is said of their answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from device.events import ToolOffered
from device.home.registry import Call
from device.settings import McpServer
from device.tools import custom, mcp
from device.tools.mcp import SAID_CHARACTERS, BadArguments

NOTHING = '{"type": "object", "properties": {}}'


def schema(required: list[str] | None = None, **types: str) -> str:
    properties = {name: {"type": kind} for name, kind in types.items()}
    given: dict[str, Any] = {"type": "object", "properties": properties}
    return msgspec.json.encode(given | ({"required": required} if required is not None else {})).decode()


PLACE, NUMBER = schema(["place"], place="string"), schema(["number"], number="integer")
TWO = schema(["start", "end"], start="string", end="string")
OFFERS = (
    ToolOffered(name="sea.high_tide", arguments=PLACE, only_reads=True),
    ToolOffered(name="sea.getDepth", arguments=NUMBER, only_reads=True),
    ToolOffered(name="sea.sink_ship", arguments=NOTHING),
    ToolOffered(name="sea.route", arguments=TWO, only_reads=True),
    ToolOffered(name="gone.x", arguments=NOTHING),
)


def asked(text: str, **server: Any) -> tuple[Call | None, bool]:
    tools = mcp.spoken(OFFERS, {"sea": McpServer(command=("x",), **server)})
    found = custom.recognise(text.split(), tools)
    return (found.calls[0], found.confirm) if found else (None, False)


def test_a_tool_is_asked_for_by_its_name() -> None:
    assert asked("run the high tide tool for dover") == (Call("mcp", "sea.high_tide", "dover"), False)
    assert asked("use get depth for 12") == (Call("mcp", "sea.getDepth", 12), False)
    assert asked("run high tide") == (None, False)
    assert asked("do not run sink ship") == (None, False)


def test_what_does_not_say_that_it_only_reads_is_asked_about() -> None:
    assert asked("run sink ship") == (Call("mcp", "sea.sink_ship"), True)
    assert asked("run sink ship", ask_first="never") == (Call("mcp", "sea.sink_ship"), False)
    assert asked("run high tide for dover", ask_first="always") == (
        Call("mcp", "sea.high_tide", "dover"),
        True,
    )


def test_sentences_of_the_settings_call_it_too() -> None:
    sentences = {"high_tide": ("when is high water (at|in) {text}",)}
    assert asked("when is high water at dover", sentences=sentences)[0] == Call(
        "mcp", "sea.high_tide", "dover"
    )


def test_tools_of_unknown_servers_and_with_many_arguments_are_not_asked_for_aloud() -> None:
    tools = mcp.spoken(OFFERS, {"sea": McpServer(command=("x",))})
    assert set(tools) == {"sea.high_tide", "sea.getDepth", "sea.sink_ship"}


@pytest.mark.parametrize(
    ("given", "value", "arguments"),
    [
        (PLACE, "dover", {"place": "dover"}),
        (PLACE, 4, {"place": "4"}),
        (NUMBER, 4, {"number": 4}),
        (NUMBER, "4", {"number": 4}),
        (NOTHING, None, {}),
        (TWO, '{"start": "a", "end": "b"}', {"start": "a", "end": "b"}),
        (schema(word="string"), None, {}),
        (schema(word="string"), "x", {"word": "x"}),
    ],
)
def test_the_argument_that_a_tool_needs_is_given_in_its_type(given: str, value: Any, arguments: Any) -> None:
    assert mcp.arguments(given, value) == arguments


@pytest.mark.parametrize(
    ("given", "value"), [(PLACE, None), (NUMBER, "four"), (TWO, "dover"), (NOTHING, "x"), (TWO, "{broken")]
)
def test_what_does_not_fit_is_refused(given: str, value: Any) -> None:
    with pytest.raises(BadArguments):
        mcp.arguments(given, value)


def test_a_long_answer_is_cut_where_a_word_ends() -> None:
    assert mcp.answer(["High water\n is at noon.", "Low at six."]) == "High water is at noon. Low at six."
    assert mcp.answer([]) == "Done."
    cut = mcp.answer(["word " * 200])
    assert len(cut) < SAID_CHARACTERS + 20
    assert cut.endswith("word and so on.")
