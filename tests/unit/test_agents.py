"""Agents as data: the mistakes a file can hold, who may do what, and who has the floor."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.agents import ALWAYS, Agent, AgentsError, Cast, Floor, helper, may, may_hand, parse, seen
from device.faults import Fault
from device.home.registry import Call, Entity, House
from device.services.cast import load_cast
from device.settings import Reason, Settings

SAMPLES = sorted((Path(__file__).parents[2] / "device" / "dialog" / "samples").glob("*.toml"))
TWO = """
[agents.a]
name = "Ann"
tools = ["everything"]
hands_to = ["b"]
[agents.b]
name = "Bob"
"""
KNOWN: dict[str, Any] = {"mqtt": ["gate"], "mcp": ["tides"], "wake_words": ["alexa", "hey jarvis"]}


def cast_of(text: str) -> Cast:
    return parse(tomllib.loads(text), **KNOWN)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_right(path: Path) -> None:
    assert len(load_cast(Settings(reason=Reason(agents=str(path)))).agents) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "add a table [agents.NAME]"),
        ("frist = 'a'", "there is no frist; did you mean first?"),
        (f"{TWO}instruction = 'x'", "[agents.b] there is no instruction; did you mean instructions?"),
        (f"{TWO}voice = {{ sped = 1.0 }}", "[agents.b.voice] there is no sped; did you mean speed?"),
        (f"{TWO}voice = {{ speed = 9 }}", "[agents.b.voice.speed]"),
        (f"{TWO}examples = [ {{ said = 'x' }} ]", "missing required field `reply`"),
        ("[agents.a]\ncalled = ['x']", "missing required field `name`"),
        (f"first = 'c'\n{TWO}", "first: there is no agent c; there are a, b"),
        (f"{TWO}tools = ['lights']", "[agents.b] tools: there is no tool lights; did you mean light?"),
        (f"{TWO}tools = ['mqtt.gaet']", "define it in [tools.mqtt.gaet], or did you mean gate?"),
        (f"{TWO}tools = ['mcp.weather.now']", "define the server in [tools.mcp.weather]"),
        (f"{TWO}hands_to = ['an']", "[agents.b] hands_to: there is no agent an; did you mean a?"),
        (f"{TWO}hands_to = ['b']", "[agents.b] hands_to: an agent cannot call itself"),
        (f"{TWO}consults = ['x']", "[agents.b] consults: there is no agent x"),
        (f"{TWO}wake = ['hey jarvi']", "hey jarvi is no wake word of [wake.words]; did you mean hey jarvis?"),
        (f"{TWO}model = 'embeded'", "[agents.b] model: there is no model embeded; did you mean embedded?"),
        (f"{TWO}called = ['ANN']", "a and b have the same name ann"),
        (f"{TWO}[agents.c]\nname = 'Cyd'", "[agents.c]: nobody calls it"),
        (
            f"{TWO}consults = ['c']\n[agents.c]\nname = 'Cyd'\nconsults = ['b']",
            "b consults c consults b: that would never end",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_to_do(text: str, said: str) -> None:
    with pytest.raises(AgentsError) as error:
        cast_of(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "; " in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("agents = [", "is not valid TOML"),
        (f"{TWO}tools = ['lights']", "did you mean light?"),
        (f"{TWO}voice = {{ name = 'en_XX-nobody-low' }}", "wren models fetch en_XX-nobody-low"),
    ],
)
def test_a_file_that_cannot_be_used_says_so(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "agents.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Fault) as error:
        load_cast(Settings(reason=Reason(agents=str(path))))
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_the_file_is_looked_for_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "agents.toml").write_text(TWO)
    found = load_cast(Settings(reason=Reason(agents="agents.toml")), tmp_path / "wren.toml")
    assert list(found.agents) == ["a", "b"]


@pytest.mark.parametrize(
    ("tools", "call", "allowed"),
    [
        (["light"], Call("turn_on", "light.kitchen"), True),
        (["light"], Call("unlock", "lock.door"), False),
        (["light.kitchen"], Call("turn_on", "light.kitchen"), True),
        (["light.kitchen"], Call("turn_on", "light.hall"), False),
        (["house"], Call("unlock", "lock.door"), True),
        (["house"], Call("timer_start", "", 60), False),
        (["timers"], Call("timer_start", "", 60), True),
        (["timers"], Call("memory_keep", "x"), False),
        (["memory"], Call("memory_clear"), True),
        (["voice"], Call("volume", "", 20), True),
        (["answers"], Call("time"), True),
        (["house"], Call("time"), False),
        (["mqtt.gate"], Call("run", "gate"), True),
        (["mqtt.gate"], Call("run", "bell"), False),
        (["mcp.tides"], Call("mcp", "tides.high"), True),
        (["mcp.tides.low"], Call("mcp", "tides.high"), False),
        (["everything"], Call("mcp", "tides.high"), True),
        (["everything"], Call("handoff", "b"), False),
        ([], Call("ring_stop"), True),
        ([], Call("microphone_mute"), True),
        ([], Call("scene", "scene.relax"), False),
    ],
)
def test_an_agent_may_do_what_one_of_its_tools_covers(tools: list[str], call: Call, *, allowed: bool) -> None:
    assert may(Agent(name="x", tools=tuple(tools)), call) is allowed


CALLS = st.builds(
    Call,
    st.sampled_from(
        (
            "turn_on",
            "unlock",
            "get",
            "time",
            "timer_start",
            "memory_keep",
            "volume",
            "run",
            "mcp",
            *sorted(ALWAYS),
        )
    ),
    st.sampled_from(("", "light.kitchen", "lock.door", "gate", "tides.high", "a", "b")),
)


@given(CALLS)
def test_without_tools_nothing_is_allowed_but_silencing(call: Call) -> None:
    assert may(Agent(name="x"), call) is (call.service in ALWAYS)


TOOLS = st.lists(
    st.sampled_from(("light", "lock.door", "timers", "memory", "mqtt.gate", "mcp.tides", "voice"))
)


@given(TOOLS, CALLS)
def test_a_further_tool_never_takes_a_permission_away(tools: list[str], call: Call) -> None:
    few, all_ = Agent(name="x", tools=tuple(tools[1:])), Agent(name="x", tools=tuple(tools))
    assert may(all_, call) or not may(few, call)


def test_an_agent_sees_the_devices_that_it_may_use() -> None:
    entities = {id_: Entity(id=id_, name=id_) for id_ in ("light.kitchen", "lock.door")}
    cast = cast_of(f"{TWO}tools = ['light']")
    house = House(entities=entities)
    assert list(seen(cast, "a", house).entities) == list(entities)
    view = seen(cast, "b", house)
    assert list(view.entities) == ["light.kitchen"]
    assert view.persona.keeps_house
    assert not view.allows(Call("time"))
    assert not view.allows(Call("handoff", "a"))


def test_the_model_may_call_agents_whose_requests_it_knows() -> None:
    cast = cast_of(f"{TWO}asked_for = ['a story']\nhands_to = ['a']")
    assert seen(cast, "a", House()).allows(Call("handoff", "b"))
    assert not seen(cast, "b", House()).allows(Call("handoff", "a"))  # by words it may


def test_back_to_the_first_is_always_open() -> None:
    cast = cast_of(f"{TWO}hands_to = ['c']\n[agents.c]\nname = 'Cyd'")
    ways = {(a, b) for a in cast.agents for b in cast.agents if may_hand(cast, a, b)}
    assert ways == {("a", "b"), ("b", "c"), ("b", "a"), ("c", "a")}


def test_a_request_is_passed_on_to_who_may() -> None:
    cast = cast_of(f"{TWO}hands_to = ['c']\n[agents.c]\nname = 'Cyd'\ntools = ['light']")
    poorer = parse(
        {"agents": {k: {"name": v.name, "hands_to": v.hands_to} for k, v in cast.agents.items()}}, **KNOWN
    )
    on = [Call("turn_on", "light.kitchen")]
    assert helper(cast, "b", on) == "a"
    assert helper(poorer, "b", on) == ""


@given(st.lists(st.tuples(st.sampled_from(("word", "hand")), st.floats(0.1, 200)), max_size=20))
def test_the_floor_goes_back_after_a_pause_and_not_before(steps: list[tuple[str, float]]) -> None:
    cast = cast_of(f"return_after_s = 60\n{TWO}")
    floor, now, last = Floor("a"), 0.0, 0.0
    for kind, pause in steps:
        now += pause
        assert floor.is_left(cast, now) is (floor.speaking == "b" and now - last > 60)
        floor = floor.word(now) if kind == "word" else floor.hand("b" if floor.speaking == "a" else "a", now)
        last = now
