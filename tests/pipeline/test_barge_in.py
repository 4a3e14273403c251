"""Talking over Wren in the simulated room, with echo: real daemons, real voices, no language model."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pytest
import soundfile

from device.console.scenes import play_through, simulator_environment
from device.dialog.history import History
from device.events import (
    FRAME_MS,
    BargeIn,
    DialogState,
    Event,
    PlaybackDucked,
    PlaybackStopped,
    ReplyClause,
    SceneSpeech,
    ToolCalled,
    TurnCancelled,
    TurnCommitted,
    TurnStarted,
)
from device.reasoning.replies import NOT_UNDERSTOOD
from device.services.stage import Stage
from tests import voices
from tests.kept import Kept

pytestmark = [pytest.mark.models, pytest.mark.timeout(240)]

_E = TypeVar("_E", bound=Event)
TEACHING = 2
CUT_FRAMES = 12  # from the decision to the frame that says the loudspeaker is silent, on a busy machine


class Conversation(NamedTuple):
    """One long answer after another is talked over with a sound; the first ones, with silence, teach the room."""

    sounds: dict[str, Path]
    events: list[Event]

    @property
    def exchanges(self) -> list[list[Event]]:
        """What happened from each request to the next."""
        begins = [
            n for n, event in enumerate(self.events) if isinstance(event, SceneSpeech) and not event.over
        ]
        return [self.events[a:b] for a, b in zip(begins, [*begins[1:], len(self.events)], strict=True)]

    def over(self, name: str) -> list[Event]:
        """The exchange in which the answer was talked over with a sound."""
        for exchange in self.exchanges:
            if str(self.sounds[name]) in [event.file for event in of(exchange, SceneSpeech) if event.over]:
                return exchange
        raise AssertionError(f"nobody talked over an answer with the {name}: {self.events[-20:]}")


def talk(folder: Path, over: dict[str, Path], **room: float) -> Conversation:
    nobody = folder / "nobody.wav"
    soundfile.write(nobody, np.zeros(1600), voices.RATE_HZ)
    said = [nobody] * TEACHING + list(over.values())
    fields = {
        "mic": [str(voices.request("Tell me a story.", "rms"))] * len(said),
        "over": [str(path) for path in said],
        "over_after_s": 0.3,
        "gap_s": 0.6,
        "until_idle_s": 2.0,
        **room,
    }
    seen: list[Event] = []
    quiet = {"WREN_REASON__MODEL": "false", "WREN_SPEECH__DETERMINISTIC": "true"}
    with Stage(environment=quiet | simulator_environment(fields), watch=seen.append) as stage:
        play_through(stage)
    return Conversation(over, seen)


def slam(path: Path) -> Path:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(8000) * np.exp(-np.arange(8000) / 800)
    soundfile.write(path, 0.5 * samples / np.abs(samples).max(), voices.RATE_HZ)
    return path


@pytest.fixture(autouse=True, scope="module")
def _voices() -> None:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")


@pytest.fixture(scope="module")
def talked_over(tmp_path_factory: pytest.TempPathFactory) -> Kept[Conversation]:
    folder = tmp_path_factory.mktemp("barge-in")
    sounds = {
        "request": voices.spoken("Turn on the kitchen light.", "rms"),
        "slam": slam(folder / "slam.wav"),
        "stop": voices.spoken("Stop.", "rms"),
        "hum": voices.murmured("m:h'm::", "m m m m m hh m m m m m m m", "rms"),
    }
    return Kept(lambda: talk(folder, sounds))


@pytest.fixture
def conversation(talked_over: Kept[Conversation], request: pytest.FixtureRequest) -> Conversation:
    return talked_over.of(request)


def of(events: list[Event], kind: type[_E]) -> list[_E]:
    return [event for event in events if isinstance(event, kind)]


def interrupted(events: list[Event]) -> list[int]:
    """Turns that began over Wren's voice."""
    return [event.turn for event in of(events, TurnStarted) if event.cause == "barge_in"]


def test_a_request_over_the_answer_stops_it_and_is_carried_out(conversation: Conversation) -> None:
    events = conversation.over("request")
    (turn,) = interrupted(events)
    (decided,) = of(events, BargeIn)
    (cut,) = [stop for stop in of(events, PlaybackStopped) if stop.reason == "cancelled" and not stop.cue]
    begun = next(event for event in of(events, TurnStarted) if event.turn == turn)
    assert cut.turn == turn - 1
    assert 0 < len(cut.heard_text) < len(NOT_UNDERSTOOD)
    assert NOT_UNDERSTOOD.startswith(cut.heard_text)
    assert (cut.t_ns - begun.t_ns) / 1e6 / FRAME_MS < CUT_FRAMES
    assert decided.turn == turn
    (call,) = of(events, ToolCalled)
    assert (call.turn, call.arguments["entity"]) == (turn, "light.kitchen")
    heard = [stop.heard_text for stop in of(events, PlaybackStopped) if stop.turn == turn and not stop.cue]
    assert heard == ["The kitchen light is on."]


def test_the_loudspeaker_is_ducked_before_it_is_stopped(conversation: Conversation) -> None:
    events = conversation.over("request")
    (turn,) = interrupted(events)
    (begun,) = [event for event in of(events, TurnStarted) if event.turn == turn]
    ducked = [event for event in of(events, PlaybackDucked) if event.gain_db < 0]
    assert ducked
    assert ducked[0].t_ns < begun.t_ns


def test_a_stop_word_ends_the_answer_and_nothing_is_said(conversation: Conversation) -> None:
    events = conversation.over("stop")
    (turn,) = interrupted(events)
    assert [e.reason for e in of(events, TurnCancelled) if e.turn == turn] == ["stopped"]
    assert not [clause for clause in of(events, ReplyClause) if clause.turn == turn]
    assert of(events, DialogState)[-1].state == "idle"


def test_a_slam_restores_the_volume_and_the_answer_goes_on(conversation: Conversation) -> None:
    events = conversation.over("slam")
    assert not interrupted(events)
    finished = [(stop.reason, stop.heard_text) for stop in of(events, PlaybackStopped) if not stop.cue]
    assert finished == [("finished", NOT_UNDERSTOOD)]
    gains = [event.gain_db for event in of(events, PlaybackDucked)]
    assert not gains or gains[-1] == 0


def test_a_long_hum_makes_it_wait_and_then_it_goes_on_and_nothing_is_lost(conversation: Conversation) -> None:
    events = conversation.over("hum")
    assert not interrupted(events)
    assert any(event.paused for event in of(events, PlaybackDucked))
    finished = [(stop.reason, stop.heard_text) for stop in of(events, PlaybackStopped) if not stop.cue]
    assert finished == [("finished", NOT_UNDERSTOOD)]


def test_what_was_not_heard_is_not_remembered(conversation: Conversation) -> None:
    history = History()
    for event in itertools.chain(*conversation.exchanges[: TEACHING + 1]):
        match event:
            case TurnCommitted():
                history.asked(event.text, 0.0)
            case PlaybackStopped(cue=""):
                history.heard(event.heard_text, 0.0)
    told = [said.text for said in history.so_far(0.0) if said.role == "assistant"]
    assert told[:TEACHING] == [NOT_UNDERSTOOD] * TEACHING
    assert told[TEACHING] != NOT_UNDERSTOOD
    assert NOT_UNDERSTOOD.startswith(told[TEACHING])


def test_wren_does_not_interrupt_itself_in_a_loud_echo(tmp_path: Path) -> None:
    events = talk(tmp_path, {}, echo_delay_ms=120, echo_db=-6.0).events
    assert not interrupted(events)
    assert len(of(events, TurnCommitted)) == TEACHING
