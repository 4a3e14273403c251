"""What of an answer may be said before the house has confirmed it: nothing that could turn out to be wrong."""

from __future__ import annotations

import pytest

from device.events import ToolResult
from device.home.registry import Call, Entity, House
from device.reasoning import replies
from device.reasoning.openings import QUICK_MS, Quickness, opening_words, shared_words

HOUSE = House(
    entities={
        "light.lamp": Entity(id="light.lamp", name="Living Room Lamp", area="living_room"),
        "light.hall": Entity(id="light.hall", name="Hall Light", area="hall"),
        "button.bell": Entity(id="button.bell", name="Doorbell", area="hall"),
    },
    areas={"living_room": "Living Room", "hall": "Hall"},
    states={},
)
LAMP, HALL = Call("turn_on", "light.lamp"), Call("turn_on", "light.hall")


def result(entity: str, *, ok: bool = True, confirm_ms: float = 40.0) -> ToolResult:
    return ToolResult(
        call_id="1.0", tool="turn_on", arguments={"entity": entity}, ok=ok, confirm_ms=confirm_ms
    )


def test_the_name_of_the_thing_may_be_said_and_not_what_became_of_it() -> None:
    words = replies.confirm([LAMP], HOUSE).split()
    assert words[: opening_words([LAMP], HOUSE)] == ["The", "living", "room", "lamp"]


@pytest.mark.parametrize("calls", [(Call("press", "button.bell"),), (LAMP, HALL)])
def test_an_answer_that_could_begin_otherwise_is_not_begun(calls: tuple[Call, ...]) -> None:
    assert opening_words(calls, HOUSE) == 0


def test_the_last_word_is_never_shared() -> None:
    assert shared_words(["It is on.", "It is on."]) == 2
    assert shared_words(["On."]) == shared_words([]) == 0


def test_a_thing_is_quick_while_its_last_call_was() -> None:
    quickness = Quickness()
    assert not quickness.of([LAMP])
    quickness.note(result("light.lamp"))
    assert quickness.of([LAMP])
    assert not quickness.of([LAMP, HALL])
    quickness.note(result("light.lamp", confirm_ms=QUICK_MS + 1))
    assert not quickness.of([LAMP])
    quickness.note(result("light.lamp"))
    quickness.note(result("light.lamp", ok=False))
    assert not quickness.of([LAMP])
