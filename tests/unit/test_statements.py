"""What is told, mentioned or overheard is no wish: nothing is done, whatever of the house it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.home.registry import Entity
from device.reasoning.intents import AskBack, NotUnderstood, Understood, parse
from tests.houses import houses, sentences

HOUSE = houses()["cottage"]
DOMAINS = ("light", "switch", "fan", "cover", "lock")
THINGS = [entity for entity in HOUSE.entities.values() if entity.domain in DOMAINS]
CONDITIONS = ["working", "running", "lit", "active", "powered", "inactive", "broken", "dirty", "nice"]
NEVER = [
    (group["house"], said) for group in sentences()["never"] for said in group["cases"] if len(said) > 20
]
LEADS = [
    "please {}",
    "um {}",
    "well, {}",
    "so {}",
    "okay {}",
    "hey jarvis, {}",
    "hey there, {}",
    "{} please",
    "{} now",
    "{}, thanks",
]


@given(
    st.sampled_from(THINGS),
    st.sampled_from(["{}", "the {}", "his {}", "our {}", "with the {}", "all the {}"]),
    st.sampled_from(CONDITIONS),
)
def test_how_a_thing_is_said_to_be_switches_nothing(thing: Entity, lead: str, condition: str) -> None:
    said = f"{lead.format(thing.name.lower())} {condition}"
    assert not isinstance(parse(said, HOUSE), Understood)


@given(
    st.sampled_from(THINGS),
    st.sampled_from(
        [
            "the {} turned off",
            "my {} turned on",
            "the {} opened",
            "his {} closed",
            "that {} locked",
            "{} opening",
            "{} turning off",
        ]
    ),
)
def test_what_became_of_a_thing_is_no_wish(thing: Entity, told: str) -> None:
    assert not isinstance(parse(told.format(thing.name.lower()), HOUSE), Understood)


@given(st.sampled_from(NEVER), st.sampled_from(LEADS))
def test_what_must_not_act_does_not_either_with_something_polite_before_or_behind(
    case: tuple[str, str], lead: str
) -> None:
    house, said = case
    assert not isinstance(parse(lead.format(said), houses()[house]), Understood)


@pytest.mark.parametrize(
    "said",
    [
        "for his own time",
        "this time",
        "big time",
        "more time",
        "dark lights in the study",
        "it is a cold kitchen",
        "it's nice warm",
        "it's ice warm",
        "Holly please could you shut down",
        "with the study lamp bright",
        "I like it dark",
        "because it is cold",
        "there is a study lamp dimmed",
        "air out the study",
        "the water is too cold",
        "I am freezing out here",
        "and the lights go out",
        "brighten my day",
        "give me time",
        "set the study lamp to bright or dim",
        "its getting dark outside",
        "turn back to amber",
    ],
)
def test_a_word_of_a_request_that_is_merely_mentioned_asks_for_nothing(said: str) -> None:
    assert isinstance(parse(said, HOUSE), NotUnderstood)


@pytest.mark.parametrize(
    "said",
    [
        "my wife wants the kettle on",
        "opened the gate",
        "left the kettle on",
        "study lamp turned on",
        "turning off the kettle",
        "to turn off the kettle",
    ],
)
def test_what_may_be_told_or_wished_is_asked_about(said: str) -> None:
    assert isinstance(parse(said, HOUSE), AskBack)


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("the kettle should be running", ("turn_on", "switch.kettle")),
        ("keep the kettle running", ("turn_on", "switch.kettle")),
        ("get the ceiling fan running", ("turn_on", "fan.ceiling")),
        ("barn door closed", ("position", "cover.barn")),
        ("would you mind turning off the kettle", ("turn_off", "switch.kettle")),
        ("I want the kettle turned off", ("turn_off", "switch.kettle")),
    ],
)
def test_a_state_that_is_demanded_is_a_wish(said: str, call: tuple[str, str]) -> None:
    result = parse(said, HOUSE)
    assert isinstance(result, Understood)
    assert [(done.service, done.entity) for done in result.calls] == [call]
