"""Known commands: what people say, in houses the parser was not written for, and what must come of it."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.home.registry import Call, Entity, House
from device.reasoning.decision import Decision
from device.reasoning.intents import AskBack, NotPossible, NotUnderstood, Result, Understood, parse
from device.reasoning.router import AskModel, Perform, Speak, route, weigh
from device.reasoning.words import lexicon
from tests.houses import expected_calls, houses, sentences

ACTING = [(group["house"], *case) for group in sentences()["act"] for case in group["cases"]]
COMMANDS = [
    (house, said, wanted)
    for house, said, wanted in ACTING
    if said.split()[0] in ("turn", "switch", "set", "open", "close", "make", "dim", "lock")
    and not {".", "computer"} & set(said.replace(".", " .").split())
]
WORDS = sorted(
    {word for _, said, _ in ACTING for word in said.lower().split()}
    | {"don't", "if", "and", "the", "dishwasher", "30%", "21.5", "why", "all", "except", "it", "later"}
)


def triples(result: Result) -> set[tuple[str, str, str]]:
    if not isinstance(result, Understood):
        return set()
    return {(c.service, c.entity, "" if c.value is None else str(c.value)) for c in result.calls}


@pytest.mark.parametrize(("house", "said", "wanted"), ACTING)
def test_a_known_command_becomes_exactly_its_calls(house: str, said: str, wanted: str) -> None:
    assert triples(parse(said, houses()[house])) == expected_calls(wanted)


@pytest.mark.parametrize(
    ("house", "said"), [(group["house"], said) for group in sentences()["never"] for said in group["cases"]]
)
def test_what_is_no_command_never_acts(house: str, said: str) -> None:
    assert not isinstance(parse(said, houses()[house]), Understood)


@pytest.mark.parametrize(
    ("house", "said"), [(group["house"], said) for group in sentences()["ask"] for said in group["cases"]]
)
def test_a_doubtful_command_is_asked_back(house: str, said: str) -> None:
    assert isinstance(parse(said, houses()[house]), AskBack)


@pytest.mark.parametrize(
    ("house", "said", "noun"),
    [(group["house"], *case) for group in sentences()["not_possible"] for case in group["cases"]],
)
def test_what_the_house_cannot_do_is_named(house: str, said: str, noun: str) -> None:
    result = parse(said, houses()[house])
    assert isinstance(result, NotPossible)
    assert result.noun == noun


@pytest.mark.parametrize(
    ("said", "guard"),
    [
        ("don't turn on the kettle", "negation"),
        ("I turned off the kettle", "statement"),
        ("why is the chandelier on", "question"),
        ("if it rains close the shutters", "hypothetical"),
        ("mom told me to close the shutters", "reported"),
        ("turn off the kettle in ten minutes", "later"),
        ("I will turn off the kettle", "intention"),
    ],
)
def test_a_guard_says_why_nobody_may_act(said: str, guard: str) -> None:
    assert parse(said, houses()["cottage"]) == NotUnderstood(guard)


@pytest.mark.parametrize(
    "said", ["I'm shivering in the study", "it's stuffy in here", "the lounge is an icebox"]
)
def test_a_statement_about_a_room_may_be_a_wish_to_be_asked_about(said: str) -> None:
    result = parse(said, houses()["cottage"])
    assert result == NotUnderstood("statement", implies=True)
    assert route(said, houses()["cottage"]) == AskModel(may_act=True, only_asks=True)


@pytest.mark.parametrize(
    "said", ["I turned off the kettle", "the study lamp is on", "I am a doctor", "she is in the study"]
)
def test_a_statement_of_what_is_or_was_is_no_wish(said: str) -> None:
    assert parse(said, houses()["cottage"]) == NotUnderstood("statement")


def test_what_the_model_makes_of_a_statement_is_only_offered() -> None:
    decision = Decision("act", (Call("turn_on", "light.study"),), 0.99)
    asked = weigh(decision, houses()["cottage"], only_asks=True)
    assert isinstance(asked, Speak)
    assert asked.proposal == decision.calls
    assert isinstance(weigh(decision, houses()["cottage"]), Perform)


def test_asking_back_offers_the_calls_it_would_lead_to() -> None:
    result = parse("turn on the bedside lamp", houses()["cottage"])
    assert isinstance(result, AskBack)
    assert result.question == "Which one: the left bedside lamp or the right bedside lamp?"
    assert [calls[0].entity for calls in result.candidates] == ["light.left", "light.right"]


def test_things_of_one_name_are_told_apart_by_their_rooms() -> None:
    result = parse("turn on the ceiling light", houses()["flat"])
    assert isinstance(result, AskBack)
    assert "the ceiling light in the bedroom" in result.question


def test_a_badly_heard_name_lowers_the_confidence() -> None:
    clear, muffled = (parse(said, houses()["cottage"]) for said in ("chandelier on", "chandeleer on"))
    assert isinstance(clear, Understood)
    assert isinstance(muffled, Understood)
    assert muffled.confidence < clear.confidence


def test_a_name_that_must_not_open_by_mistake_is_asked_back_when_badly_heard() -> None:
    assert isinstance(parse("unlock the pack dor", houses()["cottage"]), AskBack)


def test_a_relative_change_starts_from_the_known_state() -> None:
    house = houses()["cottage"]
    warmer = parse("make the master bedroom three degrees warmer", house)
    assert triples(warmer) == {("temperature", "climate.master", "23")}


def test_a_changed_house_is_noticed() -> None:
    house = houses()["flat"]
    assert not triples(parse("turn on the disco ball", house))
    ball = Entity(id="switch.ball", name="Disco Ball", area="living")
    larger = msgspec.structs.replace(house, entities={**house.entities, ball.id: ball})
    assert triples(parse("turn on the disco ball", larger)) == {("turn_on", "switch.ball", "")}


@given(st.text(max_size=80))
def test_no_text_whatever_raises_or_makes_a_call_the_house_forbids(text: str) -> None:
    _check_allowed(parse(text, houses()["cottage"]), houses()["cottage"])


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from(sorted(houses())))
def test_no_jumble_of_known_words_makes_a_call_the_house_forbids(words: list[str], name: str) -> None:
    _check_allowed(parse(" ".join(words), houses()[name]), houses()[name])


def _check_allowed(result: Result, house: House) -> None:
    if isinstance(result, Understood):
        assert result.calls
        assert all(house.allows(call) for call in result.calls)
        assert 0 < result.confidence <= 1


@given(
    st.sampled_from(COMMANDS), st.sampled_from(["don't {}", "please do not {}", "never {}", "why did you {}"])
)
def test_a_denied_or_questioned_command_never_acts(case: tuple[str, str, str], frame: str) -> None:
    assert not isinstance(parse(frame.format(case[1]), houses()[case[0]]), Understood)


@given(
    st.sampled_from(COMMANDS),
    st.sampled_from(["{} please", "could you {}", "hey jarvis, {}", "um {}", "I want you to {}", "{}!"]),
)
def test_politeness_and_the_wake_word_change_nothing(case: tuple[str, str, str], frame: str) -> None:
    house, said, wanted = case
    assert triples(parse(frame.format(said), houses()[house])) == expected_calls(wanted)


@given(
    st.sampled_from(COMMANDS),
    st.sampled_from(["{} and turn on the dishwasher", "turn on the toaster and {}"]),
)
def test_every_clause_is_followed_or_none(case: tuple[str, str, str], frame: str) -> None:
    house, said, _ = case
    assert not isinstance(parse(frame.format(said), houses()[house]), Understood)


@given(
    st.sampled_from(COMMANDS),
    st.sampled_from(["{} tomorrow", "{} when I leave", "{} at ten pm", "{} in an hour"]),
)
def test_what_is_meant_for_later_is_not_done_now(case: tuple[str, str, str], frame: str) -> None:
    house, said, _ = case
    assert not isinstance(parse(frame.format(said), houses()[house]), Understood)


@given(
    st.sampled_from(COMMANDS),
    st.sampled_from(
        (
            "no don't",
            "please don't",
            "oh no don't",
            "not just yet",
            "not right now",
            "you must not",
            "he said",
        )
    )
    | st.sampled_from(
        ("maybe not today", "let me check first", "that's not it", "i'm not sure", "it is not allowed")
    )
    | st.sampled_from(
        ("but not now", "but not yet", "forget it", "never mind", "not so fast", "not before six")
    ),
)
def test_a_command_that_is_taken_back_is_not_run(case: tuple[str, str, str], taken_back: str) -> None:
    house, said, _ = case
    assert not isinstance(parse(f"{said}, {taken_back}", houses()[house]), Understood)


@given(
    st.sampled_from(COMMANDS),
    st.sampled_from(("not yet", "but not now", "forget it", "never mind", "please don't", "not before six")),
)
def test_a_command_is_taken_back_without_a_pause_too(case: tuple[str, str, str], taken_back: str) -> None:
    house, said, _ = case
    assert not isinstance(parse(f"{said} {taken_back}", houses()[house]), Understood)


def test_a_large_house_is_compiled_and_understood_quickly() -> None:
    house = _large_house(1000)
    began = time.perf_counter()
    assert triples(parse("turn on the room 42 desk lamp", house)) == {("turn_on", "light.e421", "")}
    compiled_s = time.perf_counter() - began
    said = ["turn off the room 7 wall light", "room seventeen lights off", "tell me a story about whales"]
    began = time.perf_counter()
    for text in said:
        parse(text, house)
    assert compiled_s < 2
    assert (time.perf_counter() - began) / len(said) < 0.1


def _large_house(size: int) -> House:
    kinds = [
        ("light", "Ceiling Light"),
        ("light", "Desk Lamp"),
        ("light", "Wall Light"),
        ("switch", "Heater"),
    ]
    kinds += [("fan", "Fan"), ("cover", "Blinds"), ("cover", "Curtains"), ("climate", "Thermostat")]
    kinds += [("sensor", "Humidity"), ("sensor", "Brightness")]
    entities = {}
    for number in range(size):
        room, (domain, name) = number // 10, kinds[number % 10]
        entity = Entity(id=f"{domain}.e{number}", name=f"Room {room} {name}", area=f"room_{room}")
        entities[entity.id] = entity
    areas = {f"room_{room}": f"Room {room}" for room in range(size // 10)}
    return House(entities=entities, areas=areas, device_area="room_0")


def test_every_phrase_of_the_language_is_plain_words() -> None:
    assert all(word == word.lower() for word in lexicon().words)


NAMED_ONCE = [e for e in houses()["cottage"].entities.values() if e.domain == "light"]


@given(
    st.lists(st.sampled_from(NAMED_ONCE), min_size=1, max_size=4, unique=True),
    st.sampled_from(("except", "but")),
)
def test_what_is_excepted_is_never_touched(spared: list[Entity], word: str) -> None:
    names = " and ".join(f"the {entity.name.lower()}" for entity in spared)
    result = parse(f"turn off all the lights {word} {names}", houses()["cottage"])
    touched = {entity for _, entity, _ in triples(result)}
    assert touched
    assert touched.isdisjoint(entity.id for entity in spared)
