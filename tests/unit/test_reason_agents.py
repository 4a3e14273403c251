"""Several agents in one conversation, seen from the reason daemon's bus; the language model is played."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.agents import may
from device.events import (
    DialogState,
    HomeEntity,
    PlaybackStopped,
    ReplyClause,
    ReplyExpected,
    ToolCalled,
    ToolResult,
    TurnCommitted,
    TurnJudged,
    TurnStarted,
    WakeDetected,
)
from device.home.registry import Call, Entity
from device.reasoning.decision import Decision
from device.services.mind import Consider, Decided, Piece
from device.settings import MqttTool, Reason, Settings, Tools
from tests.unit.test_reason import Rig, guess

FILE = """
first = "wren"
return_after_s = 60
[agents.wren]
name = "Wren"
tools = ["everything"]
hands_to = ["teller"]
consults = ["professor"]
[agents.teller]
name = "Nora"
called = ["the storyteller"]
wake = ["hey jarvis"]
greeting = "Nora is here."
instructions = "You tell stories."
asked_for = ["tell me a story"]
voice = { speed = 0.8 }
tools = TOOLS
listens_on = true
[agents.professor]
name = "the professor"
instructions = "You know."
asked_for = ["why is the sky blue"]
"""
GATE = MqttTool(sentences=("open the gate",), topic="gate")


def rig_of(monkeypatch: pytest.MonkeyPatch, folder: Path, tools: str = '["timers"]') -> Rig:
    path = folder / "agents.toml"
    path.write_text(FILE.replace("TOOLS", tools))
    settings = Settings(
        reason=Reason(agents=str(path)), tools=Tools(mqtt={"gate": GATE}), state_dir=str(folder)
    )
    return Rig(monkeypatch, settings)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    return rig_of(monkeypatch, tmp_path)


def say(rig: Rig, text: str, turn: int, cause: str = "wake") -> None:
    """A request, and the reply to it is heard."""
    rig.hear(TurnStarted(turn=turn, cause=cause), TurnCommitted(turn=turn, text=text))  # type: ignore[arg-type]


def heard(rig: Rig, turn: int) -> None:
    said = " ".join(clause.text for clause in rig.of(ReplyClause) if clause.turn == turn)
    rig.hear(PlaybackStopped(turn=turn, reason="finished", heard_text=said))


def clauses(rig: Rig, turn: int) -> list[tuple[str, float]]:
    return [(clause.text, clause.manner.speed) for clause in rig.of(ReplyClause) if clause.turn == turn]


def calls(rig: Rig, turn: int) -> list[tuple[str, object, object]]:
    found = [call for call in rig.of(ToolCalled) if call.turn == turn]
    return [(call.tool, call.arguments["entity"], call.arguments["value"]) for call in found]


def call_nora(rig: Rig) -> None:
    say(rig, "let me speak to the storyteller", 1)
    heard(rig, 1)


def test_a_called_agent_greets_in_its_own_manner_and_listens(rig: Rig) -> None:
    call_nora(rig)
    assert calls(rig, 1) == [("handoff", "teller", None)]
    assert [(result.tool, result.ok) for result in rig.of(ToolResult)] == [("handoff", True)]
    assert clauses(rig, 1) == [("Nora is here.", 0.8)]
    assert rig.of(DialogState)[-1].state == "follow_up"


def test_a_call_for_an_agent_is_known_to_be_whole(rig: Rig) -> None:
    rig.hear(TurnStarted(turn=1, cause="wake"), guess("let me speak to the storyteller"))
    assert [judged.completeness for judged in rig.of(TurnJudged)] == ["complete"]
    rig.hear(guess("ask the storyteller to tell me"))
    assert [judged.completeness for judged in rig.of(TurnJudged)][1:] != ["complete"]


def test_the_other_agent_goes_on_until_it_is_handed_back(rig: Rig) -> None:
    call_nora(rig)
    say(rig, "tell me about the sea", 2, "follow_up")
    job, _ = rig.mind.jobs[-1]
    assert (job.house.persona.id, job.house.persona.instructions) == ("teller", "You tell stories.")
    assert job.house.entities == {}
    number = len(rig.mind.jobs)
    rig.come(Piece(2, number, "The sea sang.", last=False), Piece(2, number, "", last=True))
    assert clauses(rig, 2)[0] == ("The sea sang.", 0.8)
    heard(rig, 2)
    say(rig, "back to Wren", 3, "follow_up")
    assert calls(rig, 3) == [("handoff", "wren", None)]
    assert clauses(rig, 3) == [("Wren here.", 1.0)]
    heard(rig, 3)
    say(rig, "turn on the kitchen light", 4)
    assert calls(rig, 4) == [("turn_on", "light.kitchen", None)]


def test_what_was_said_to_one_is_known_to_the_next(rig: Rig) -> None:
    call_nora(rig)
    say(rig, "my name is Tom", 2, "follow_up")
    job, _ = rig.mind.jobs[-1]
    assert [said.text for said in job.history] == ["let me speak to the storyteller", "Nora is here."]


def test_between_requests_it_is_the_agent_who_speaks_that_reads_what_was_said(rig: Rig) -> None:
    call_nora(rig)
    agent, history = rig.mind.recalled[-1]
    assert agent == "teller"
    assert [said.text for said in history] == ["let me speak to the storyteller", "Nora is here."]


def test_a_request_goes_with_the_call(rig: Rig) -> None:
    say(rig, "ask Nora to tell me about Rome", 1)
    assert calls(rig, 1) == [("handoff", "teller", "tell me about Rome")]
    job, committed = rig.mind.jobs[-1]
    assert (job.text, job.house.persona.id, committed) == ("tell me about Rome", "teller", True)
    rig.come(Piece(1, len(rig.mind.jobs), "Rome was a village.", last=False))
    assert clauses(rig, 1) == [("Rome was a village.", 0.8)]


def test_the_model_hands_over_with_the_request_and_only_once(rig: Rig) -> None:
    say(rig, "i would love to hear a tale", 1)
    rig.come(Decided(1, len(rig.mind.jobs), Decision("act", (Call("handoff", "teller"),), 0.9), 5.0))
    assert calls(rig, 1) == [("handoff", "teller", "i would love to hear a tale")]
    job, _ = rig.mind.jobs[-1]
    assert (job.house.persona.id, job.may_hand) == ("teller", False)


def test_an_unsure_model_asks_before_it_hands_over(rig: Rig) -> None:
    say(rig, "i cannot sleep", 1)
    rig.come(Decided(1, len(rig.mind.jobs), Decision("ask", (Call("handoff", "teller"),), 0.45), 5.0))
    assert clauses(rig, 1) == [("Shall I hand you over to Nora?", 1.0)]
    heard(rig, 1)
    say(rig, "yes please", 2, "follow_up")
    assert calls(rig, 2) == [("handoff", "teller", "i cannot sleep")]


@pytest.mark.parametrize("goodbye", ["goodbye Nora", "okay, thanks, bye"])
def test_goodbye_gives_back(rig: Rig, goodbye: str) -> None:
    call_nora(rig)
    say(rig, goodbye, 2, "follow_up")
    assert calls(rig, 2) == [("handoff", "wren", None)]


def test_words_of_parting_give_back_without_an_answer(rig: Rig) -> None:
    call_nora(rig)
    say(rig, "that's all, thank you", 2, "follow_up")
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["teller", "wren"]
    assert clauses(rig, 2) == []


def test_after_a_pause_the_first_agent_is_back_silently(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    call_nora(rig)
    rig.hear(TurnStarted(turn=2, cause="wake"), TurnCommitted(turn=2, text="goodnight"))
    rig.come(
        Piece(2, len(rig.mind.jobs), "Sleep well.", last=False), Piece(2, len(rig.mind.jobs), "", last=True)
    )
    rig.hear(PlaybackStopped(turn=2, reason="finished", heard_text="Sleep well."))
    later = time.monotonic() + 61
    monkeypatch.setattr("time.monotonic", lambda: later)
    for _ in range(3):
        rig.daemon.step()
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["teller", "wren"]
    assert [clause.turn for clause in rig.of(ReplyClause)] == [1, 2, 2]


def test_a_wake_word_of_its_own_calls_an_agent(rig: Rig) -> None:
    rig.hear(WakeDetected(word="hey jarvis", score=0.9))
    say(rig, "tell me about the sea", 1)
    assert calls(rig, 1) == [("handoff", "teller", None)]
    job, _ = rig.mind.jobs[-1]
    assert job.house.persona.id == "teller"
    rig.hear(WakeDetected(word="alexa", score=0.9), TurnStarted(turn=2, cause="wake"))
    assert calls(rig, 2) == []  # nobody's word: whoever speaks goes on


def test_who_lacks_the_tool_says_so_and_offers_who_has_it(rig: Rig) -> None:
    call_nora(rig)
    say(rig, "turn on the kitchen light", 2, "follow_up")
    assert calls(rig, 2) == []
    assert clauses(rig, 2) == [("I cannot do that, but Wren can. Shall I pass it on?", 0.8)]
    heard(rig, 2)
    say(rig, "yes", 3, "follow_up")
    assert calls(rig, 3) == [
        ("handoff", "wren", "turn on the kitchen light"),
        ("turn_on", "light.kitchen", None),
    ]
    results = [call.result() for call in rig.of(ToolCalled) if call.tool == "turn_on"]
    rig.hear(*results)
    assert clauses(rig, 3) == [("The kitchen light is on.", 1.0)]
    assert len({call.call_id for call in rig.of(ToolCalled)}) == len(rig.of(ToolCalled))


def test_an_agent_uses_the_tools_that_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig = rig_of(monkeypatch, tmp_path, '["light.kitchen", "timers"]')
    call_nora(rig)
    say(rig, "turn on the kitchen light", 2, "follow_up")
    assert calls(rig, 2) == [("turn_on", "light.kitchen", None)]
    say(rig, "turn on the hall light", 3)
    assert calls(rig, 3) == []
    say(rig, "set a timer for five minutes", 4)
    assert calls(rig, 4) == [("timer_start", "", 300)]


def test_words_are_made_ready_in_the_voice_that_will_say_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig = rig_of(monkeypatch, tmp_path, '["light"]')
    call_nora(rig)
    rig.hear(TurnStarted(turn=2, cause="wake"), guess("turn on the kitchen light", 2))
    assert [expected.manner.speed for expected in rig.of(ReplyExpected)] == [0.8]


def test_an_agent_that_may_not_be_reached_is_not(rig: Rig) -> None:
    call_nora(rig)
    say(rig, "let me speak to the professor", 2, "follow_up")
    assert calls(rig, 2) == []
    assert clauses(rig, 2) == [("I cannot hand you over to the professor.", 0.8)]


@pytest.mark.parametrize("by_model", [False, True])
def test_a_stronger_agent_is_consulted_behind_the_scene(rig: Rig, *, by_model: bool) -> None:
    if by_model:
        say(rig, "how come the sky is blue", 1)
        rig.come(Decided(1, len(rig.mind.jobs), Decision("act", (Call("consult", "professor"),), 0.9), 5.0))
    else:
        say(rig, "ask the professor why the sky is blue", 1)
    question = "how come the sky is blue" if by_model else "why the sky is blue"
    assert calls(rig, 1) == [("consult", "professor", question)]
    assert clauses(rig, 1) == [("Let me ask the professor.", 1.0)]
    job, _ = rig.mind.jobs[-1]
    assert (job.text, job.house.persona.id, job.may_act, job.may_hand) == (
        question,
        "professor",
        False,
        False,
    )
    number = len(rig.mind.jobs)
    rig.come(Piece(1, number, "Light is scattered,", last=False))
    assert rig.of(ToolResult) == []
    rig.come(Piece(1, number, " blue most of all.", last=False), Piece(1, number, "", last=True))
    (result,) = rig.of(ToolResult)
    assert (result.ok, result.said) == (True, "Light is scattered, blue most of all.")
    assert clauses(rig, 1)[1:] == [("Light is scattered, blue most of all.", 1.0)]
    heard(rig, 1)
    say(rig, "and at night", 2)
    job, _ = rig.mind.jobs[-1]
    assert job.history[-1].text == "Light is scattered, blue most of all."
    assert job.house.persona.id == "wren"


def test_a_consultation_that_comes_to_nothing_is_said_to(rig: Rig) -> None:
    say(rig, "ask the professor why the sky is blue", 1)
    rig.come(Piece(1, len(rig.mind.jobs), "", last=True))
    assert clauses(rig, 1)[1:] == [("Sorry, the professor has no answer.", 1.0)]


def test_a_new_turn_ends_a_consultation(rig: Rig) -> None:
    say(rig, "ask the professor why the sky is blue", 1)
    number = len(rig.mind.jobs)
    say(rig, "turn on the kitchen light", 2)
    rig.come(Piece(1, number, "Too late.", last=False), Piece(1, number, "", last=True))
    assert "Too late." not in [text for turn in (1, 2) for text, _ in clauses(rig, turn)]
    assert [(result.tool, result.error) for result in rig.of(ToolResult)] == [("consult", "no_answer")]


def test_agents_that_became_unusable_are_told_of_and_the_old_ones_stay(rig: Rig, tmp_path: Path) -> None:
    call_nora(rig)
    (tmp_path / "agents.toml").write_text("[agents")
    rig.daemon.on_settings(rig.daemon.settings)
    say(rig, "who are you", 2, "follow_up")
    job, _ = rig.mind.jobs[-1]
    assert job.house.persona.id == "teller"


REQUESTS = (
    "turn on the kitchen light",
    "turn off all the lights",
    "is the hall light on",
    "unlock the front door",
    "set a timer for five minutes",
    "remember that the key is under the mat",
    "what do you know about me",
    "set the volume to thirty percent",
    "open the gate",
    "what time is it",
    "undo that",
    "yes",
    "stop",
)
ALL_TOOLS = ("light", "light.hall", "lock", "timers", "memory", "voice", "answers", "mqtt.gate")
DOOR = Entity(id="lock.front_door", name="Front Door", area="hall")


@given(
    tools=st.sets(st.sampled_from(ALL_TOOLS)),
    requests=st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6),
    model=st.sampled_from(("turn_on light.kitchen", "unlock lock.front_door", "handoff wren")),
)
def test_a_tool_that_is_not_allowed_is_never_called(
    tmp_path_factory: pytest.TempPathFactory, tools: set[str], requests: list[str], model: str
) -> None:
    """Whatever is asked of an agent, and whatever its model would do."""
    folder = tmp_path_factory.mktemp("agents")
    with pytest.MonkeyPatch.context() as monkeypatch:
        rig = rig_of(monkeypatch, folder, str(sorted(tools)).replace("'", '"'))
        rig.hear(HomeEntity(entity_id=DOOR.id, entity=DOOR))
        nora = rig.daemon._agents._cast.agents["teller"]
        rig.hear(WakeDetected(word="hey jarvis", score=0.9))
        service, _, entity = model.partition(" ")
        for turn, text in enumerate(requests, 1):
            rig.hear(TurnStarted(turn=turn, cause="wake"), guess(text, turn))
            before = len(rig.of(ToolCalled))
            rig.hear(TurnCommitted(turn=turn, text=text))
            job = len(rig.mind.jobs)
            if job and isinstance(rig.mind.jobs[-1][0], Consider) and rig.mind.jobs[-1][0].turn == turn:
                rig.come(Decided(turn, job, Decision("act", (Call(service, entity),), 0.99), 1.0))
            for call in rig.of(ToolCalled)[before:]:
                if call.tool == "handoff":
                    return  # Wren, who may do everything, goes on
                made = Call(call.tool, str(call.arguments["entity"] or ""), call.arguments["value"])
                assert may(nora, made), (text, made)
