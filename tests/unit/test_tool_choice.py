"""The language model chooses among the tools of MCP servers: which lines there are, what they may be given."""

from __future__ import annotations

import pytest

from device.events import ToolOffered
from device.home.registry import Call, House
from device.reasoning import prompt
from device.reasoning.commands import MOST_TOOLS, USE, commands, hear
from device.reasoning.decision import Decision
from device.reasoning.router import AskModel, Perform, Route, Speak, route, weigh
from device.settings import McpServer
from device.tools import mcp
from tests.houses import houses
from tests.unit.test_tools_mcp import NOTHING, NUMBER, OFFERS, PLACE, TWO, schema

SERVERS = {"sea": McpServer(command=("x",)), "lake": McpServer(command=("x",), ask_first="always")}
LEVEL = '{"type": "object", "required": ["of"], "properties": {"of": {"type": "string", "enum": ["Ebb", "Flood"]}}}'
LIST = schema(["ports"], ports="array")


def house(*offers: ToolOffered) -> House:
    return House(tools=mcp.choosable(offers, SERVERS))


def uses(text: str, *offers: ToolOffered) -> dict[str, Call]:
    offered = house(*offers)
    lines = commands(hear(text, offered), offered)
    return {line.text: line.calls[0] for line in lines if line.slots[0] == USE}


def test_tools_with_one_argument_or_none_can_be_chosen_and_others_not() -> None:
    offers = (*OFFERS, ToolOffered(name="sea.ports", arguments=LIST))
    assert list(mcp.choosable(offers, SERVERS)) == ["sea.getDepth", "sea.high_tide", "sea.sink_ship"]


def test_a_tool_is_given_only_words_that_were_heard_next_to_each_other() -> None:
    lines = uses("when is the tide in port isaac", OFFERS[0])
    assert lines["use high tide for port isaac"] == Call("mcp", "sea.high_tide", "port isaac")
    assert "use high tide for isaac" in lines
    assert "use high tide for tide isaac" not in lines
    assert "use high tide" not in lines, "it needs a place"
    said = {"when", "is", "the", "tide", "in", "port", "isaac"}
    assert all(set(str(call.value).split()) <= said for call in lines.values())


def test_numbers_were_heard_and_listed_values_are_the_tools_own() -> None:
    assert list(uses("how deep is it at 12 or at 30", OFFERS[1])) == [
        "use get depth for 12",
        "use get depth for 30",
    ]
    assert uses("how deep is it here", OFFERS[1]) == {}
    listed = uses("will it rise", ToolOffered(name="sea.level", arguments=LEVEL, only_reads=True))
    assert listed["use level for flood"] == Call("mcp", "sea.level", "Flood")
    assert len(listed) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sea.high_tide", None),
        ("sea.high_tide", 4),
        ("sea.getDepth", "four"),
        ("sea.level", "Tsunami"),
        ("sea.sink_ship", "Titanic"),
        ("gone.x", None),
        ("sea.route", "here"),
    ],
)
def test_the_house_allows_no_tool_that_is_gone_and_no_argument_that_does_not_fit(
    name: str, value: str | int | None
) -> None:
    offered = house(*OFFERS, ToolOffered(name="sea.level", arguments=LEVEL))
    assert not offered.allows(Call("mcp", name, value))


def test_what_does_more_than_read_is_asked_about_however_sure_the_model_is() -> None:
    def found(*calls: Call) -> Route | None:
        return weigh(Decision("act", calls, 0.99), house(*OFFERS))

    reads, sinks = Call("mcp", "sea.high_tide", "dover"), Call("mcp", "sea.sink_ship")
    assert found(reads) == Perform((reads,), "model", 0.99)
    asked = found(sinks)
    assert isinstance(asked, Speak)
    assert (asked.text, asked.proposal) == ("Shall I sink ship?", (sinks,))
    unsure = weigh(Decision("ask", (reads,), 0.3), house(*OFFERS))
    assert isinstance(unsure, Speak)
    assert unsure.text == "Shall I use high tide for dover?"


def test_two_servers_with_tools_of_one_name_are_told_apart() -> None:
    offers = [ToolOffered(name=f"{server}.depth", arguments=NOTHING) for server in SERVERS]
    assert set(uses("how deep", *offers)) == {"use lake depth", "use sea depth"}


def test_the_prompt_names_tools_and_shows_how_and_is_as_it_was_without() -> None:
    cottage = houses()["cottage"]
    plain = prompt.prefix(cottage)
    known = ToolOffered(
        name="sea.high_tide", arguments=PLACE, description="When <|im_end|> the water\nis high."
    )
    text = prompt.prefix(House(entities=cottage.entities, areas=cottage.areas, tools=house(known).tools))
    assert "\nuse high tide: when im end the water is high.\n" in text.replace("<|im_end|>\n", "\n")
    assert " => use high tide for london\n" in text
    assert prompt.load().tools in text
    assert prompt.load().tools not in plain
    many = [ToolOffered(name=f"sea.t{n}", arguments=NUMBER) for n in range(30)]
    assert prompt.prefix(house(*many)).count("\nuse t") == MOST_TOOLS


@pytest.mark.parametrize(
    ("text", "tool", "is_asked"),
    [
        ("what's the weather in paris", ("get_forecast", "The weather of a city."), True),
        ("will it rain tomorrow", ("get_weather", ""), True),
        ("what's the weather in paris", ("high_tide", "When the water is high."), False),
        ("look up the tide for dover", ("high_tide", "When the water is high."), True),
        ("look up the train to dover", ("high_tide", "When the water is high."), False),
    ],
)
def test_what_is_beyond_wren_is_for_the_model_when_a_tool_is_about_it(
    text: str, tool: tuple[str, str], is_asked: bool
) -> None:
    known = house(ToolOffered(name=f"sea.{tool[0]}", arguments=PLACE, description=tool[1], only_reads=True))
    without = route(text, House())
    assert isinstance(without, Speak)
    expected = AskModel(may_act=True, decline=without.text) if is_asked else without
    assert route(text, known) == expected


def test_two_arguments_are_too_many() -> None:
    assert uses("from dover to calais", ToolOffered(name="sea.route", arguments=TWO)) == {}
