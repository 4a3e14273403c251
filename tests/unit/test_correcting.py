"""Answers to "which one", and corrections: the wrong thing is undone, the right one is done."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.home.registry import Call, Entity, House, State
from device.reasoning.choosing import choose
from device.reasoning.context import Choice
from device.reasoning.intents import NO_CONTEXT, Context, index_of
from device.reasoning.router import Perform, Route, Speak, remembered, route
from device.reasoning.words import lexicon
from tests.houses import demo_house, houses

COTTAGE = houses()["cottage"]
LIT = msgspec.structs.replace(
    COTTAGE,
    states={
        **COTTAGE.states,
        "light.study": State(value="off"),
        "light.reading": State(value="on", brightness=60, color="red"),
        "light.chandelier": State(value="on", brightness=30),
        "lock.front": State(value="unlocked"),
    },
)
WHICH = "Which one: the left bedside lamp or the right bedside lamp?"


def talk(*said: str, house: House = LIT) -> tuple[Route, Context]:
    """The route of the last of these, each said after what came of the one before."""
    context, proposal = NO_CONTEXT, tuple[Call, ...]()
    found: Route | None = None
    for text in said:
        found = route(text, house, proposal, context=context)
        context = remembered(found, context, house)
        proposal = found.proposal if isinstance(found, Speak) else ()
    assert found is not None
    return found, context


def steps(found: Route) -> list[str]:
    assert isinstance(found, Perform), found
    return [
        " ".join(str(part) for part in (c.service, c.entity, c.value) if part is not None)
        for c in found.steps
    ]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("the left one", ["left"]),
        ("left please", ["left"]),
        ("the one on the right", ["right"]),
        ("the right bedside lamp", ["right"]),
        ("um, the second one please", ["right"]),
        ("the first", ["left"]),
        ("number two", ["right"]),
        ("the last one", ["right"]),
        ("both", ["left", "right"]),
        ("both of them please", ["left", "right"]),
        ("the left and the right", ["left", "right"]),
        ("not the left one", ["right"]),
        ("no, the left one", ["left"]),
        ("I meant the left one", ["left"]),
        ("yes, the left one", ["left"]),
        ("turn on the right one", ["right"]),
        ("no, the study lamp", ["study"]),
        ("the study lamp", ["study"]),
    ],
)
def test_a_short_answer_chooses(answer: str, wanted: list[str]) -> None:
    assert steps(talk("turn on the bedside lamp", answer)[0]) == [f"turn_on light.{name}" for name in wanted]


@pytest.mark.parametrize("answer", ["neither", "neither of them", "none of them", "no", "forget it"])
def test_an_answer_may_choose_nothing(answer: str) -> None:
    found, context = talk("turn on the bedside lamp", answer)
    assert isinstance(found, Speak)
    assert (found.text, context.is_asked) == ("All right, I leave it.", False)


def test_what_still_fits_several_is_asked_once_more_and_then_left() -> None:
    for answer in ("the lamp", "yes"):
        found, _ = talk("turn on the bedside lamp", answer)
        assert isinstance(found, Speak)
        assert (found.text, found.expects_answer) == (WHICH, True)
        found, context = talk("turn on the bedside lamp", answer, answer)
        assert isinstance(found, Speak)
        assert (found.text.startswith("I still do not know"), context.is_asked) == (True, False)


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (["the kitchen"], ["kitchen"]),
        (["in the kitten please"], ["kitchen"]),
        (["the office"], ["office", "desk_lamp"]),
        (["the hall"], ["hallway"]),
        (["the keychain", "bathroom"], ["bathroom"]),
    ],
)
def test_the_room_that_is_answered_is_joined_to_the_request(answers: list[str], wanted: list[str]) -> None:
    house = msgspec.structs.replace(demo_house(), device_area="")
    question, context = talk("turn on the light", house=house)
    assert isinstance(question, Speak)
    assert (question.text, question.expects_answer, context.is_asked) == ("In which room?", True, True)
    found, _ = talk("turn on the light", *answers, house=house)
    assert steps(found) == [f"turn_on light.{name}" for name in wanted]


def test_few_rooms_are_named_and_may_be_chosen_by_their_place() -> None:
    found, _ = talk("turn on the light", house=houses()["flat"])
    assert isinstance(found, Speak)
    assert found.text == "In which room: the living room, the bedroom or the bathroom?"
    assert steps(talk("turn on the light", "the second one", house=houses()["flat"])[0]) == [
        "turn_on light.sleeping"
    ]


def test_a_room_answers_for_the_whole_request() -> None:
    house = msgspec.structs.replace(demo_house(), device_area="")
    found, _ = talk(
        "dim the lights in here to twenty percent and lock the front door", "bedroom", house=house
    )
    assert steps(found) == ["brightness light.bedroom 20", "lock lock.front_door"]


@pytest.mark.parametrize("request_", ["turn on the bedside lamp", "close the barn floodlight"])
def test_an_answer_that_was_not_caught_is_asked_for_once_more_and_then_let_go(request_: str) -> None:
    question, _ = talk(request_)
    again, context = talk(request_, "flurb")
    assert isinstance(question, Speak)
    assert isinstance(again, Speak)
    assert again.text == f"Sorry, I did not catch that. {question.text}"
    assert (again.expects_answer, again.proposal, context.is_asked) == (True, question.proposal, True)
    end, context = talk(request_, "flurb", "blarg")
    assert isinstance(end, Speak)
    assert (end.text, end.expects_answer) == ("I still do not know what you mean, so I leave it.", False)
    assert not context.is_asked


def test_something_new_is_no_answer() -> None:
    assert steps(talk("turn on the bedside lamp", "turn off the kettle")[0]) == ["turn_off switch.kettle"]
    found, _ = talk("turn on the bedside lamp", "is the kettle on")
    assert isinstance(found, Speak)
    assert found.calls == (Call("get", "switch.kettle"),)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [("yes", "turn_on switch.kettle"), ("no, the chandelier", "turn_on light.chandelier")],
)
def test_the_nearest_is_offered_and_may_be_corrected(answer: str, wanted: str) -> None:
    found, _ = talk("turn on the cattle")
    assert isinstance(found, Speak)
    assert found.text == "There is no cattle in this house. Did you mean the kettle?"
    assert steps(talk("turn on the cattle", answer)[0]) == [wanted]


@pytest.mark.parametrize(
    "said", ["turn on the lava lamp", "light a candle", "turn on the cattle in the study"]
)
def test_what_resembles_nothing_of_the_kind_or_the_room_is_not_offered(said: str) -> None:
    found, _ = talk(said)
    assert isinstance(found, Speak)
    assert not found.proposal


@pytest.mark.parametrize(
    "said",
    [
        "lights on",
        "what's the temperature outside",
        "how bright is the study lamp",
        "that is all",
        "thanks",
        "what about tea",
    ],
)
def test_after_a_question_other_sentences_mean_what_they_mean_without_one(said: str) -> None:
    alone, _ = talk(said)
    after, _ = talk("turn on the bedside lamp", said)
    assert after == alone


def test_rooms_tell_things_of_one_name_apart() -> None:
    flat = houses()["flat"]
    found, _ = talk("turn on the ceiling light", "the one in the bedroom", house=flat)
    assert steps(found) == ["turn_on light.sleeping"]


@pytest.mark.parametrize(
    ("done", "correction", "wanted"),
    [
        (
            "turn on the study lamp",
            "no, I meant the mirror light",
            ["turn_off light.study", "turn_on light.mirror"],
        ),
        (
            "turn on the study lamp",
            "I said the mirror light",
            ["turn_off light.study", "turn_on light.mirror"],
        ),
        (
            "turn on the study lamp",
            "not the study, the guest room",
            ["turn_off light.study", "turn_on light.guest"],
        ),
        (
            "turn on the study lamp",
            "not the study the guest room",
            ["turn_off light.study", "turn_on light.guest"],
        ),
        (
            "turn on the study lamp",
            "the guest room, not the study",
            ["turn_off light.study", "turn_on light.guest"],
        ),
        (
            "turn on the study lamp",
            "no, turn on the mirror light",
            ["turn_off light.study", "turn_on light.mirror"],
        ),
        (
            "turn off the chandelier",
            "no, the kettle",
            ["brightness light.chandelier 30", "turn_off switch.kettle"],
        ),
        (
            "turn on the left bedside lamp",
            "no, the other one",
            ["turn_off light.left", "turn_on light.right"],
        ),
        ("set the reading lamp to 50 percent", "no, fifteen percent", ["brightness light.reading 15"]),
        ("make the reading lamp blue", "I said green", ["color light.reading green"]),
        ("turn on the kettle", "no, off", ["turn_off switch.kettle"]),
        ("start good morning", "no, I meant film night", ["scene scene.film"]),
    ],
)
def test_a_correction_undoes_the_wrong_and_does_the_right(
    done: str, correction: str, wanted: list[str]
) -> None:
    assert steps(talk(done, correction)[0]) == wanted


def test_after_a_choice_the_other_one_is_the_other_of_the_offered() -> None:
    found, _ = talk("turn on the bedside lamp", "the right one", "no, the other one")
    assert steps(found) == ["turn_off light.right", "turn_on light.left"]
    found, _ = talk("turn on the bedside lamp", "the second", "no, the first")
    assert steps(found) == ["turn_off light.right", "turn_on light.left"]


def test_a_correction_unlocks_nothing_by_the_way() -> None:
    assert steps(talk("lock the front door", "no, the back door")[0]) == ["lock lock.back"]


def test_what_was_taken_back_is_not_what_it_is_about_afterwards() -> None:
    found, _ = talk("turn on the study lamp", "no, the mirror light", "and the guest room lamp too")
    assert steps(found) == ["turn_on light.guest"]


def test_a_correction_that_leaves_a_doubt_undoes_when_the_doubt_is_gone() -> None:
    found, _ = talk("turn on the study lamp", "no, the bedside lamp")
    assert isinstance(found, Speak)
    assert (found.text, found.calls) == (WHICH, ())
    found, _ = talk("turn on the study lamp", "no, the bedside lamp", "the left one")
    assert steps(found) == ["turn_off light.study", "turn_on light.left"]


def test_a_question_is_corrected_too() -> None:
    found, _ = talk("is the kettle on", "no, the television")
    assert isinstance(found, Speak)
    assert found.calls == (Call("get", "switch.tv"),)


@pytest.mark.parametrize(
    "said",
    [
        "no problem",
        "no, I love tea",
        "I said that the tv is broken",
        "no way the kettle is on",
        "not now",
        "sorry about that",
        "no lights in the study please",
    ],
)
def test_other_words_correct_nothing(said: str) -> None:
    found, _ = talk("turn on the kettle", said)
    assert not isinstance(found, Perform)
    assert not (isinstance(found, Speak) and found.calls)


def test_what_the_house_lacks_is_named_in_a_correction_as_well() -> None:
    found, _ = talk("turn off the kettle", "no, the hoover")
    assert isinstance(found, Speak)
    assert (found.text, found.calls) == ("There is no hoover in this house.", ())


@given(
    st.lists(
        st.sampled_from(
            [
                "the",
                "left",
                "right",
                "one",
                "lamp",
                "second",
                "both",
                "not",
                "and",
                ",",
                "no",
                "please",
                "bedside",
                "it",
            ]
        )
    )
)
def test_an_answer_never_picks_what_was_not_offered(words: list[str]) -> None:
    offered = [
        Choice(f"the {side} bedside lamp", (Call("turn_on", f"light.{side}"),)) for side in ("left", "right")
    ]
    picked = choose(words, offered, COTTAGE, index_of(COTTAGE, lexicon()))
    assert picked is None or all(choice in offered for choice in picked.choices)


def test_a_large_house_asks_which_without_listing_all_and_still_takes_the_answer() -> None:
    lamps = {
        f"light.{n}": Entity(id=f"light.{n}", name=f"{word} Lamp")
        for n, word in enumerate(("Alpine", "Baltic", "Celtic", "Doric", "Ebony", "Fir"))
    }
    house = House(entities=lamps, areas={}, states={}, device_area="")
    found, _ = talk("turn on the lamp", house=house)
    assert isinstance(found, Speak)
    assert found.text == "Which one do you mean?"
    assert steps(talk("turn on the lamp", "the baltic one", house=house)[0]) == ["turn_on light.1"]
