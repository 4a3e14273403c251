"""Talking over Wren through PyAudio: real daemons on a software sound server whose loudspeaker is heard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from device.events import (
    BargeIn,
    Event,
    PlaybackStarted,
    PlaybackStopped,
    TextRequested,
    ToolCalled,
    TurnCancelled,
)
from device.services.stage import Stage
from tests import voices
from tests.pipeline import sound_server
from tests.pipeline.sound_server import SoundServer
from tests.pipeline.test_sound_server import CARD, open_

pytestmark = [
    pytest.mark.models,
    pytest.mark.sound,
    pytest.mark.alone,
    pytest.mark.timeout(240),
    sound_server.needed,
]

LONG_ANSWER = "what can you do"
TRIES = 3  # without real-time scheduling a busy machine makes holes in the sound


def starts(event: Event) -> bool:
    return isinstance(event, PlaybackStarted) and not event.cue


def ends(event: Event) -> bool:
    return isinstance(event, PlaybackStopped) and not event.cue


def until_quiet(stage: Stage, for_s: float) -> list[Event]:
    """What happens while somebody may be carried on with."""
    seen: list[Event] = []
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        seen += stage.step()
    return seen


def test_a_request_over_the_answer_stops_the_loudspeaker_and_is_carried_out(tmp_path: Path) -> None:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")
    seen: list[Event] = []
    with SoundServer(tmp_path) as server:
        quiet = {"WREN_REASON__MODEL": "false", "WREN_AUDIO__ECHO": "software"}
        environment = CARD | server.environment | quiet
        with Stage(environment=environment, watch=seen.append, log=tmp_path / "log") as stage:
            if not any(open_(event) for event in seen):
                stage.wait_for(open_, 20, "an open sound card")
            stage.bus.send(TextRequested(text=LONG_ANSWER))
            stage.wait_for(ends, 40, "the end of the first answer, which nobody interrupts")
            assert not [event for event in seen if isinstance(event, BargeIn)]
            for _ in range(TRIES):
                seen.clear()
                stage.bus.send(TextRequested(text=LONG_ANSWER))
                stage.wait_for(starts, 20, "the answer")
                until_quiet(stage, 1.0)
                server.play(voices.spoken("Turn on the kitchen light.", "rms"))
                stopped = stage.wait_for(ends, 30, "the end of the answer")
                until_quiet(stage, 4.0)
                if [event for event in seen if isinstance(event, ToolCalled)]:
                    break
    assert isinstance(stopped, PlaybackStopped)
    assert stopped.reason == "cancelled"
    assert [event.turn for event in seen if isinstance(event, BargeIn)] == [stopped.turn + 1]
    (call,) = [event for event in seen if isinstance(event, ToolCalled)]
    assert call.arguments["entity"] == "light.kitchen"
    assert not [event for event in seen if isinstance(event, TurnCancelled)]
