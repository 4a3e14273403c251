"""The tree of commands: whatever a model prefers, the walk stays inside the house and inside what was heard."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.home.registry import Call, Entity, House
from device.reasoning import commands, grammar
from device.reasoning.decision import judge
from device.reasoning.grammar import Tree, Walk
from tests.houses import houses

VOCABULARY = 4096
END, LINE = 0, 1
DOMAINS = (
    "light",
    "switch",
    "fan",
    "climate",
    "cover",
    "lock",
    "scene",
    "button",
    "number",
    "select",
    "sensor",
)
WORDS = (
    "kitchen",
    "lamp",
    "ceiling",
    "light",
    "fan",
    "blinds",
    "office",
    "mode",
    "door",
    "front",
    "2",
    "night",
)
SAYINGS = (
    "set the lamp to 40 percent and open the door",
    "make it red in the kitchen",
    "the heat is too much, bring it to twenty one",
    "lock up and switch everything off",
    "it's half as bright as i'd like",
    "what's the temperature",
    "",
)


def encode(text: str) -> list[int]:
    """Words as tokens, the same number for the same word."""
    return [2 + zlib.crc32(word.encode()) % (VOCABULARY - 2) for word in text.split()]


def tree_for(text: str, house: House) -> Tree:
    lines = commands.commands(commands.hear(text, house), house)
    return grammar.plant(lines, encode, verbs=commands.ABSENT_VERBS, lead=" ", end=END, line=LINE)


def whimsical(seed: int) -> grammar.Source:
    """A model with strong opinions about nothing."""

    def source(answer: Sequence[int]) -> NDArray[np.float32]:
        return np.random.default_rng([seed, *answer]).normal(0, 4, VOCABULARY).astype(np.float32)

    return source


def resolute(*lines: str) -> Callable[[Sequence[int]], NDArray[np.float32]]:
    """A model that wants to write exactly these lines."""
    wanted = [*[token for line in lines for token in [*encode(line), LINE]][:-1], END]

    def source(answer: Sequence[int]) -> NDArray[np.float32]:
        logits = np.zeros(VOCABULARY, np.float32)
        if list(answer) == wanted[: len(answer)] and len(answer) < len(wanted):
            logits[wanted[len(answer)]] = 20
        return logits

    return source


def walk(text: str, house: House, *lines: str) -> Walk:
    return grammar.walk(tree_for(text, house), resolute(*lines), several=True, least=0)


entities = st.builds(
    lambda domain, number, name, area, features, ends: Entity(
        id=f"{domain}.{number}",
        name=name,
        area=area,
        features=frozenset(features),
        device_class="garage" if "position" in features else "",
        options=("eco", "heat", "all night") if domain in ("select", "climate") else (),
        minimum=ends[0] if ends else None,
        maximum=ends[1] if ends else None,
    ),
    st.sampled_from(DOMAINS),
    st.integers(0, 30),
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    st.sampled_from(("kitchen", "office", "hall", "")),
    st.sets(st.sampled_from(("dim", "color", "speed", "position"))),
    st.none() | st.tuples(st.floats(0, 15), st.floats(20, 60)),
)
random_houses = st.lists(entities, max_size=60).map(
    lambda found: House(
        entities={entity.id: entity for entity in found},
        areas={"kitchen": "Kitchen", "office": "Office", "hall": "Hall"},
        device_area="kitchen",
    )
)


@settings(max_examples=80)
@given(random_houses, st.sampled_from(SAYINGS), st.integers(0, 1000))
def test_a_model_cannot_call_what_the_house_does_not_allow(house: House, said: str, seed: int) -> None:
    found = grammar.walk(tree_for(said, house), whimsical(seed), several=True, least=0)
    calls = [call for command in found.commands for call in command.calls]
    assert all(house.allows(call) for call in calls)
    assert 0 <= found.probability <= 1.000001
    willing = msgspec.structs.replace(found, cannot=0.0)
    assert set(judge(willing, act=0, ask=0).calls) == set(calls)


@settings(max_examples=60)
@given(random_houses, st.sampled_from(SAYINGS))
def test_no_two_entities_share_a_label(house: House, said: str) -> None:
    names = commands.labels(house)
    assert len(set(names.values())) == len(house.entities)


@settings(max_examples=60)
@given(random_houses, st.sampled_from(SAYINGS))
def test_values_come_only_from_what_was_heard(house: House, said: str) -> None:
    heard = commands.hear(said, house)
    for command in commands.commands(heard, house):
        for call in command.calls:
            if isinstance(call.value, int | float) and call.service != "position":
                assert call.value in heard.numbers
            if call.service == "color":
                assert call.value in heard.colors


def test_set_to_40_allows_only_40() -> None:
    house = houses()["cottage"]
    found = commands.commands(commands.hear("set the reading lamp to forty", house), house)
    values = {call.value for command in found for call in command.calls if call.service == "brightness"}
    assert values == {40}


def test_a_walk_follows_several_lines() -> None:
    house = small_house()
    found = walk("lamp on and fan off", house, " turn on desk lamp", " turn off ceiling fan")
    assert [c for command in found.commands for c in command.calls] == [
        Call("turn_on", "light.desk"),
        Call("turn_off", "fan.ceiling"),
    ]
    assert found.probability > 0.9


def test_without_several_clauses_one_command_is_the_end() -> None:
    tree = tree_for("lamp on", small_house())
    lines = resolute(" turn on desk lamp", " turn off ceiling fan")
    assert len(grammar.walk(tree, lines, several=False, least=0).commands) == 1


def test_a_name_the_house_does_not_have_makes_the_walk_unsure() -> None:
    found = walk("turn on the dishwasher", small_house(), " turn on dishwasher")
    assert found.act > 0.9
    assert judge(found).kind == "cannot"
    assert not judge(found).calls


def test_a_verb_the_house_has_no_use_for_is_declined() -> None:
    assert judge(walk("unlock it", small_house(), " unlock front door")).kind == "cannot"


def test_the_next_verb_is_tried_where_nothing_follows_the_likeliest() -> None:
    wish = resolute(" turn off ceiling fan")

    def source(answer: Sequence[int]) -> NDArray[np.float32]:
        logits = wish(answer).copy()
        if not answer:
            logits[encode("set")[0]] = 20.5
        return logits

    found = grammar.walk(tree_for("ten percent off", small_house()), source, several=False, least=0.14)
    assert [command.text for command in found.commands] == ["turn off ceiling fan"]
    assert 0.14 < found.probability < 0.5


def test_talk_is_talk() -> None:
    assert judge(walk("hello", small_house(), " say")).kind == "talk"


def test_the_lamp_of_this_room_is_preferred_unless_another_is_named() -> None:
    house = small_house()
    lines = {c.text: c.weight for c in commands.commands(commands.hear("lamp on", house), house)}
    assert lines["turn on desk lamp"] == 1 > lines["turn on bed lamp"]
    lines = {c.text: c.weight for c in commands.commands(commands.hear("bed lamp on", house), house)}
    assert lines["turn on bed lamp"] == 1
    lines = {c.text: c.weight for c in commands.commands(commands.hear("bedroom lamp on", house), house)}
    assert lines["turn on bed lamp"] == 1 > lines["turn on desk lamp"]


def test_tokens_without_an_alternative_are_not_evaluated() -> None:
    asked: list[tuple[int, ...]] = []
    wish = resolute(" turn off ceiling fan")

    def counting(answer: Sequence[int]) -> NDArray[np.float32]:
        asked.append(tuple(answer))
        return wish(answer)

    grammar.walk(tree_for("stop that", small_house()), counting, several=False, least=0)
    assert asked == [(), (encode("turn")[0],), tuple(encode("turn off"))]


def test_behind_a_first_fork_that_is_too_unlikely_nothing_is_evaluated() -> None:
    asked: list[tuple[int, ...]] = []
    wish = resolute(" say")

    def counting(answer: Sequence[int]) -> NDArray[np.float32]:
        asked.append(tuple(answer))
        return wish(answer)

    walk = grammar.walk(tree_for("stop that", small_house()), counting, several=False, least=0.14)
    assert asked == [()]
    assert judge(walk).kind == "talk"


@pytest.mark.parametrize(
    ("probability", "kind"),
    [(0.9, "act"), (0.7, "act"), (0.6, "ask"), (0.3, "ask"), (0.14, "ask"), (0.1, "cannot")],
)
def test_confidence_decides_between_acting_asking_and_neither(probability: float, kind: str) -> None:
    line = commands.Command(("turn on", " lamp"), (Call("turn_on", "light.desk"),))
    decision = judge(Walk((line,), probability, act=0.8, talk=0.1, cannot=0.1))
    assert decision.kind == kind
    assert bool(decision.calls) == (kind in ("act", "ask"))


def test_what_the_model_would_rather_decline_is_at_most_offered() -> None:
    line = commands.Command(("turn on", " lamp"), (Call("turn_on", "light.desk"),))
    assert judge(Walk((line,), 0.9, act=0.6, talk=0.0, cannot=0.4)).kind == "act"
    assert judge(Walk((line,), 0.9, act=0.4, talk=0.0, cannot=0.6)).kind == "ask"
    assert judge(Walk((line,), 0.3, act=0.4, talk=0.0, cannot=0.6)).kind == "cannot"


def test_of_a_house_of_a_thousand_entities_the_near_names_are_offered() -> None:
    rng = random.Random(5)
    rooms = [f"room {number}" for number in range(40)]
    found = [
        Entity(
            id=f"{domain}.{number}",
            name=f"{rng.choice(WORDS)} {domain} {number}",
            area=rng.choice(rooms),
            features=frozenset(("dim",)),
        )
        for number in range(1000)
        for domain in [rng.choice(("light", "switch", "sensor"))]
    ]
    found.append(Entity(id="switch.pond", name="Pond Pump", area="room 3"))
    house = House(
        entities={entity.id: entity for entity in found},
        areas={room: room.title() for room in rooms},
        device_area="room 7",
    )
    lines = commands.commands(commands.hear("get the pond pump going", house), house)
    assert "turn on pond pump" in {line.text for line in lines}
    assert len(lines) < 250


def small_house() -> House:
    found = [
        Entity(id="light.desk", name="Desk Lamp", area="office", features=frozenset(("dim",))),
        Entity(id="light.bed", name="Bed Lamp", area="bedroom", features=frozenset(("dim",))),
        Entity(id="fan.ceiling", name="Ceiling Fan", area="office"),
    ]
    return House(
        entities={entity.id: entity for entity in found},
        areas={"office": "Office", "bedroom": "Bedroom"},
        device_area="office",
    )


@pytest.mark.parametrize(("probability", "kind"), [(0.6, "act"), (0.45, "ask"), (0.3, "talk")])
def test_another_agent_is_offered_only_when_it_is_likely_to_be_meant(probability: float, kind: str) -> None:
    line = commands.Command(("ask", " nora"), (Call("handoff", "nora"),))
    assert judge(Walk((line,), probability, act=0.3, talk=0.6, cannot=0.1)).kind == kind
