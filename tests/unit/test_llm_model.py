"""The language model with the real weights: paraphrases, talk, lacks, cancellation and a warm start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.home.registry import Call, Entity, House, Tool
from device.reasoning.decision import Decision
from device.reasoning.llm import LanguageModel
from device.reasoning.thinker import Cancelled, Limits, ModelError, TooSlow
from device.settings import cache_dir
from tests.houses import houses
from tests.language_model import PARAPHRASES, model_file

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]
HOUSE = houses()["cottage"]


PATIENT = Limits(deadline_s=120)
PREFIXES = cache_dir() / "prefixes"


def load(cache: Path, context: int = 2048) -> LanguageModel:
    return LanguageModel(model_file(), threads=2, context=context, cache=cache, limits=PATIENT)


@pytest.fixture(scope="module")
def model() -> Iterator[LanguageModel]:
    """Its evaluated prompt is kept with the user's models, so that only the first run waits for it."""
    loaded = load(PREFIXES)
    loaded.set_house(HOUSE)
    yield loaded
    loaded.close()


def outcome(decision: Decision) -> set[str]:
    if decision.kind in ("talk", "cannot"):
        return {decision.kind}
    return {f"{call.service} {call.entity}" for call in decision.calls}


@pytest.mark.parametrize(("said", "wanted"), PARAPHRASES)
def test_what_no_known_command_covers_is_understood(
    model: LanguageModel, said: str, wanted: tuple[str, ...]
) -> None:
    decision = model.decide(said, HOUSE)
    assert all(HOUSE.allows(call) for call in decision.calls)
    assert all(one.startswith(wanted) for one in outcome(decision))


def test_small_talk_is_answered_in_plain_words(model: LanguageModel) -> None:
    assert "Wren" in "".join(model.talk("who are you"))
    assert "Paris" in "".join(model.talk("What is the capital of France?"))
    joke = "".join(model.talk("tell me a joke"))
    assert 10 < len(joke) < 300
    assert not re.search(r"[*#_`]", joke)


def test_talk_knows_what_was_said_before(model: LanguageModel) -> None:
    history = [
        ("user", "turn on the kettle"),
        ("assistant", "The kettle is on."),
        ("user", "my favourite colour is green"),
        ("assistant", "Green is a lovely colour."),
    ]
    assert "green" in "".join(model.talk("which colour do i like most", history))


def test_what_was_recalled_need_not_be_read_with_the_request(model: LanguageModel) -> None:
    history = [("user", "my favourite animal is the otter"), ("assistant", "Otters hold hands.")] * 3

    def read(text: str) -> int:
        before = model.effort[1]
        next(iter(model.talk(text, history)))
        return model.effort[1] - before

    model.talk("something else")
    unprepared = read("what was that animal")
    next(iter(model.talk("something else entirely")))
    model.recall(history)
    assert read("which animal was that") < unprepared / 2


def test_a_brief_prompt_is_part_of_the_one_in_memory_and_reads_no_history(model: LanguageModel) -> None:
    history = [("user", "my dog is called rex"), ("assistant", "Rex is a fine name for a dog.")] * 3

    def read(*, brief: bool) -> int:
        model.decide("something else entirely", HOUSE)
        before, began = model.effort[1], list[int]()
        stream = model.talk(
            "what is my dog called", history, brief=brief, begun=lambda: began.append(model.effort[1])
        )
        assert next(stream)
        return began[0] - before

    assert read(brief=True) < 20 < 40 < read(brief=False)
    before = model.effort[1]
    assert model.decide("thanks a lot", HOUSE).kind == "talk"
    assert model.effort[1] - before < 20, "the whole prompt is still in memory"
    assert model.decide("thanks a lot", HOUSE, brief=True).kind == "talk"


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ("who wrote the odyssey", "who wrote the"),
        ("give the bedroom a little more light", "give the bedroom a little"),
        ("what is the longest river in africa", "what is the longest river in"),
    ],
)
def test_a_whole_request_is_told_from_one_that_goes_on(model: LanguageModel, whole: str, cut: str) -> None:
    assert model.finality(whole).over > 0.2 > 0.02 > model.finality(cut).over


def test_what_was_said_before_does_not_hide_whether_a_request_is_whole(model: LanguageModel) -> None:
    said = [("user", "tell me a joke"), ("assistant", "Why did the tomato blush? It saw the salad dressing.")]
    assert model.finality("who wrote the odyssey", said).over > 0.2
    assert model.finality("who wrote the", said).over < 0.02


def test_what_might_be_added_does_not_hide_that_talk_is_whole(model: LanguageModel) -> None:
    whole, cut = model.finality("tell me a riddle"), model.finality("tell me a")
    assert whole.talk > whole.over + 0.1  # "about"
    assert cut.talk < 0.02


def test_a_request_that_is_only_answered_is_read_once(model: LanguageModel) -> None:
    said = [("user", "tell me a joke"), ("assistant", "Why did the tomato blush? It saw the salad dressing.")]
    model.recall(said)
    before = model.effort[1]
    model.finality("what is the longest river in africa", said)
    judged = model.effort[1]
    began: list[int] = []
    talk = model.talk(
        "what is the longest river in africa", said, begun=lambda: began.append(model.effort[1])
    )
    next(talk)
    assert began[0] - judged < judged - before


def test_a_very_long_request_is_decided(model: LanguageModel) -> None:
    assert model.decide("well you know " * 200, HOUSE).kind in ("talk", "cannot")


def test_a_cancelled_answer_stops_at_once(model: LanguageModel) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        list(model.talk("tell me a story about the sea", cancelled=cancelled))
    assert asked == 4
    assert model.decide("who are you", HOUSE).kind == "talk"


def test_a_deadline_ends_a_decision_and_shortens_an_answer(model: LanguageModel) -> None:
    model.limits = Limits(deadline_s=0)
    try:
        with pytest.raises(TooSlow):
            model.decide("it's a bit dark in the kitchen", HOUSE)
        assert "".join(model.talk("tell me a story")) == ""
    finally:
        model.limits = PATIENT


def test_prefilling_a_partial_text_does_not_change_the_decision(model: LanguageModel) -> None:
    said = "it's a bit dark in the kitchen"
    cold = model.decide(said, HOUSE)
    model.decide("something else", HOUSE)
    for partial in ("it's a", "it's a bit", "it's a bit dark in"):
        model.prefill(partial)
    assert model.decide(said, HOUSE).calls == cold.calls


def test_a_restarted_model_is_warm_and_its_conversation_is_trimmed_to_the_context(
    model: LanguageModel,
) -> None:
    restarted = load(PREFIXES, context=1536)
    with pytest.raises(ModelError, match="not read the house yet"):
        restarted.decide("thanks a lot", HOUSE)
    assert restarted.set_house(HOUSE)
    assert restarted.decide("thanks a lot", HOUSE) == model.decide("thanks a lot", HOUSE)
    history = [(role, f"{n} " + "and so on " * 30) for n in range(60) for role in ("user", "assistant")]
    assert "".join(restarted.talk("what is the capital of france", history))
    restarted.close()


def test_a_damaged_prefix_file_only_costs_time(model: LanguageModel, tmp_path: Path) -> None:
    newest = max(PREFIXES.glob("*.state"), key=lambda file: file.stat().st_mtime)
    (tmp_path / newest.name).write_bytes(newest.read_bytes()[:1000])
    other = load(tmp_path)
    stops = iter([False] * 5)
    with pytest.raises(Cancelled):
        other.set_house(HOUSE, lambda: next(stops, True))
    assert not other.ready
    other.close()


def test_a_context_too_small_for_the_house_is_said(tmp_path: Path) -> None:
    small = LanguageModel(model_file(), threads=2, context=512, cache=tmp_path)
    with pytest.raises(ModelError, match=r"reason\.context_tokens"):
        small.set_house(HOUSE)
    small.close()


@pytest.fixture(scope="module")
def equipped() -> Iterator[tuple[LanguageModel, House]]:
    """A model that knows a lamp and what `tests/mcp_server.py` offers."""
    tools = (
        Tool(
            name="tests.tide",
            words="tide",
            description="Tells when the water is high at a place.",
            argument="text",
            needs=True,
        ),
        Tool(name="tests.order_pizza", words="order pizza", description="Orders a pizza.", ask_first=True),
    )
    lamp = Entity(id="light.lamp", name="Reading Lamp", area="study")
    house = House(
        entities={lamp.id: lamp}, areas={"study": "Study"}, tools={tool.name: tool for tool in tools}
    )
    loaded = load(PREFIXES)
    loaded.set_house(house)
    yield loaded, house
    loaded.close()


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("when is high water at dover", Call("mcp", "tests.tide", "dover")),
        ("get us a pizza we are hungry", Call("mcp", "tests.order_pizza")),
        ("nobody needs the reading lamp any more", Call("turn_off", "light.lamp")),
        ("what is the capital of france", None),
        ("play some jazz", None),
    ],
)
def test_a_tool_is_chosen_by_what_it_says_that_it_does(
    equipped: tuple[LanguageModel, House], said: str, call: Call | None
) -> None:
    model, house = equipped
    assert model.decide(said, house).calls == ((call,) if call else ())
