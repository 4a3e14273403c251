"""Tools in the conversation: calls carried out and worded, turns without a wake word while it rings."""

from __future__ import annotations

from pathlib import Path

import pytest

from device import settings as settings_module
from device.events import (
    DaemonFailed,
    DialogState,
    Event,
    ListenRequested,
    MicrophoneMuted,
    SettingsChanged,
    TimerChanged,
    ToolCalled,
    ToolResult,
    TurnCancelled,
    TurnCommitted,
    TurnStarted,
)
from device.home.registry import Call
from device.reasoning.router import Perform, Speak
from device.services.toolbox import NOT_DONE, Toolbox
from device.settings import MqttTool, Settings, Tools


@pytest.fixture
def sent() -> list[Event]:
    return []


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: list[Event]) -> Toolbox:
    monkeypatch.setenv("WREN_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("WREN_CONFIG", str(tmp_path / "wren.toml"))
    return Toolbox(settings_module.load(), sent.append)


def do(toolbox: Toolbox, text: str) -> ToolResult:
    found = toolbox.route(text)
    assert isinstance(found, Perform)
    return carried_out(toolbox, found.calls[0])


def carried_out(toolbox: Toolbox, call: Call) -> ToolResult:
    called = ToolCalled(
        turn=1, call_id="1.0", tool=call.service, arguments={"entity": call.entity, "value": call.value}
    )
    result = toolbox.carry_out(called)
    assert result is not None
    return result


def asked(toolbox: Toolbox, text: str) -> Speak:
    found = toolbox.route(text)
    assert isinstance(found, Speak)
    return found


def test_a_fact_is_kept_told_and_forgotten_after_a_yes(toolbox: Toolbox) -> None:
    kept = do(toolbox, "remember that the key is under the mat")
    assert (kept.ok, toolbox.report((kept,))) == (True, "I will remember that.")
    assert toolbox.route("where is the key") is None
    assert toolbox.otherwise("where is the key") == Speak(
        "You told me that the key is under the mat.", "tools", group="memory"
    )
    question = asked(toolbox, "forget everything")
    assert question.expects_answer
    assert carried_out(toolbox, question.proposal[0]).said == "I have forgotten everything."
    assert toolbox.otherwise("where is the key") is None


def test_the_volume_is_kept_apart_from_the_file_and_told_to_everyone(
    toolbox: Toolbox, sent: list[Event], tmp_path: Path
) -> None:
    assert do(toolbox, "volume 40 percent").said == "The volume is 40 percent."
    assert sent == [SettingsChanged()]
    assert settings_module.load().audio.volume == 0.4
    assert not (tmp_path / "wren.toml").exists()
    assert do(toolbox, "quieter").arguments["value"] == 25
    assert do(toolbox, "mute").said == "I am mute."
    assert do(toolbox, "unmute").said == "The volume is 25 percent."


def test_the_file_wins_again_when_it_is_changed(toolbox: Toolbox, tmp_path: Path) -> None:
    from rich.console import Console

    from device.console import settings_page

    do(toolbox, "speak slower")
    assert settings_module.load().speech.speed == 0.85
    settings_page.change(["speech.speed=1.2"], tmp_path / "wren.toml", Console(quiet=True))
    assert settings_module.load().speech.speed == 1.2


def test_what_the_environment_fixes_is_not_said_to_be_changed(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch, sent: list[Event]
) -> None:
    monkeypatch.setenv("WREN_AUDIO__VOLUME", "0.9")
    result = do(toolbox, "volume 40 percent")
    assert (result.ok, result.said) == (False, "That is fixed by the settings of this device.")
    assert sent == []


def test_a_full_disk_is_said_and_not_hidden(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = do(toolbox, "remember that the key is under the mat")
    assert (result.ok, result.said) == (False, "Sorry, I cannot write that down: No space left on device.")


def test_the_microphone_is_muted_by_its_own_event(toolbox: Toolbox, sent: list[Event]) -> None:
    do(toolbox, "mute the microphone")
    assert sent == [MicrophoneMuted(muted=True)]


def test_results_of_the_house_are_worded_elsewhere_and_silent_failures_are_not_silent(
    toolbox: Toolbox,
) -> None:
    house = ToolResult(call_id="1", tool="turn_on", arguments={"entity": "light.a"}, ok=True)
    lost = ToolResult(call_id="2", tool="timer_start", arguments={}, ok=False, error="no_answer")
    assert toolbox.report((house,)) == ""
    assert toolbox.report((lost,)) == NOT_DONE


def ring(toolbox: Toolbox) -> None:
    toolbox.observe(TimerChanged(timer_id="1", kind="timer", state="ringing", name="egg"))
    toolbox.follow(DialogState(state="idle"))
    toolbox.observe(ListenRequested(window_ms=8000, about="ringing"))


def test_while_it_rings_words_without_a_wake_word_count_only_when_they_are_about_it(toolbox: Toolbox) -> None:
    ring(toolbox)
    toolbox.observe(TurnStarted(turn=4, cause="follow_up"))
    stop = TurnCommitted(turn=4, text="Stop.")
    assert toolbox.observe(stop) is stop
    ignored = TurnCancelled(turn=4, reason="not_meant")
    assert toolbox.observe(TurnCommitted(turn=4, text="turn on the light")) == ignored
    assert toolbox.observe(TurnCancelled(turn=4, reason="no_text")) == ignored


def test_a_wake_word_and_an_answer_to_a_question_count_whatever_rings(toolbox: Toolbox) -> None:
    ring(toolbox)
    toolbox.observe(TurnStarted(turn=4, cause="wake"))
    said = TurnCommitted(turn=4, text="turn on the light")
    assert toolbox.observe(said) is said
    toolbox.follow(DialogState(state="follow_up"))
    toolbox.observe(TurnStarted(turn=5, cause="follow_up"))
    said = TurnCommitted(turn=5, text="yes")
    assert toolbox.observe(said) is said
    toolbox.follow(DialogState(state="idle"))
    toolbox.observe(ListenRequested(window_ms=8000))
    toolbox.observe(TurnStarted(turn=6, cause="follow_up"))
    said = TurnCommitted(turn=6, text="turn on the light")
    assert toolbox.observe(said) is said, "somebody pressed the button to talk"


@pytest.mark.parametrize(
    ("begun", "answer", "service", "value"),
    [
        ("Set a timer.", "Five minutes.", "timer_start", 300),
        ("set a pasta timer", "for ten minutes please", "timer_start", 600),
        ("set an alarm", "seven thirty p.m. tomorrow", "alarm_set", None),
        ("remind me to call my mother", "in an hour", "reminder_set", 3600),
        ("remind me to call my mother", "half past six", "reminder_set", None),
        ("cancel the timer", "the pizza timer", "timer_cancel", None),
    ],
)
def test_a_sentence_that_lacks_something_is_completed_by_the_answer(
    toolbox: Toolbox, begun: str, answer: str, service: str, value: float | None
) -> None:
    for number, name in (("1", "pizza"), ("2", "egg")):
        toolbox.observe(TimerChanged(timer_id=number, kind="timer", state="running", name=name, seconds=60))
    toolbox.observe(TurnStarted(turn=1, cause="wake"))
    assert asked(toolbox, begun).expects_answer
    toolbox.follow(DialogState(state="follow_up"))
    toolbox.observe(TurnStarted(turn=2, cause="follow_up"))
    found = toolbox.route(answer)
    assert isinstance(found, Perform)
    assert found.calls[0].service == service
    assert value in (None, found.calls[0].value)


def test_an_answer_that_comes_too_late_completes_nothing(toolbox: Toolbox) -> None:
    toolbox.observe(TurnStarted(turn=1, cause="wake"))
    asked(toolbox, "set a timer")
    toolbox.follow(DialogState(state="idle"))
    toolbox.observe(TurnStarted(turn=2, cause="wake"))
    assert toolbox.route("five minutes") is None


def test_a_shout_at_an_alarm_stops_it_whatever_was_made_of_it(toolbox: Toolbox) -> None:
    assert toolbox.otherwise("Stut.") is None
    ring(toolbox)
    assert toolbox.otherwise("Stut.") == Perform((Call("ring_stop"),), "tools")
    assert toolbox.otherwise("what a lovely morning") is None


def test_a_mistake_in_a_sentence_of_the_settings_is_told_and_stops_nobody(
    toolbox: Toolbox, sent: list[Event]
) -> None:
    tools = {
        "gate": MqttTool(sentences=("open the gate",), topic="gate"),
        "bad": MqttTool(sentences=("(a",), topic="x"),
    }
    toolbox.configure(Settings(tools=Tools(mqtt=tools)))
    assert toolbox.route("open the gate") == Perform((Call("run", "gate"),), "tools")
    assert [event.reason.partition(":")[0] for event in sent if isinstance(event, DaemonFailed)] == [
        "the sentences of bad"
    ]
