"""wake and listen as processes: people speak into the microphone ring in real time. Needs the models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from device.bus.paths import GATED, MUTED
from device.events import (
    DaemonFailed,
    DialogState,
    Event,
    ListenRequested,
    SettingsChanged,
    SpeechStarted,
    SpeechStopped,
    TextRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    TurnCommitted,
    TurnHypothesis,
    TurnJudged,
    TurnStarted,
    WakeDetected,
)
from device.hearing.transcript import words
from device.services.daemon import EX_CONFIG
from tests.hearing import RULES, in_room, model_files, say
from tests.pipeline.hearing_rig import HearingRig
from tests.recordings import recordings

pytestmark = pytest.mark.models

WORD, REQUEST = "Alexa", "turn on the kitchen light"
NO_SPEECH_MS = 1500
FRAME_NS = 10_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HearingRig]:
    for role in ("wake", "vad", "asr"):
        model_files(role)
    with HearingRig(
        tmp_path_factory.mktemp("hearing"), WREN_LISTEN__NO_SPEECH_TIMEOUT_MS=str(NO_SPEECH_MS)
    ) as rig:
        yield rig


@pytest.fixture
def rig(running: HearingRig) -> HearingRig:
    """The running daemons, with no event and no turn of the test before."""
    running.rest()
    running.events.clear()
    return running


def is_request(text: str) -> bool:
    """Whether it is REQUEST, of which the voice's first word is often heard as "turned"."""
    return words(text)[-4:] == REQUEST.split()[-4:]


def test_a_request_after_the_wake_word_becomes_a_committed_turn(rig: HearingRig) -> None:
    word, request = say(WORD, "rms"), say(REQUEST, "rms")
    begins = rig.microphone.play(in_room(word, 30, request, 130))
    committed = rig.next(TurnCommitted)
    (detected,), (started,) = rig.all(WakeDetected), rig.all(TurnStarted)
    assert (detected.word, started.cause) == ("alexa", "wake")
    assert started.t_ns - detected.t_ns < 50_000_000
    assert begins < detected.frame < begins + len(word) // 160 + 20
    assert started.turn == committed.turn
    assert is_request(committed.text)

    order: list[type[Event]] = [
        SpeechStarted,
        TranscriptPartial,
        TurnHypothesis,
        SpeechStopped,
        TranscriptFinal,
    ]
    times = [rig.all(kind, started.turn)[0].t_ns for kind in order]
    assert times == sorted(times)
    (stopped,) = rig.all(SpeechStopped)
    ended = begins + len(word) // 160 + 30 + len(request) // 160
    assert abs(stopped.last_voiced_frame - ended) <= 6
    silence_ms = 10 * (committed.frame - stopped.last_voiced_frame)
    assert (
        RULES.unsure_silence_ms <= silence_ms <= 3000
    )  # nobody judged the text; much later on a busy machine


def test_a_command_in_one_breath_by_a_person_is_kept_whole(rig: HearingRig) -> None:
    (clip,) = recordings("wake_plus_command", "alexa turn off dining room")
    rig.microphone.play(in_room(clip.samples(), 130))
    assert words(rig.next(TurnCommitted).text) == ["turn", "off", "dining", "room"]


def test_a_request_long_after_the_wake_word_is_waited_for(rig: HearingRig) -> None:
    rig.microphone.play(in_room(say(WORD, "rms"), 110, say(REQUEST, "rms"), 130))
    assert is_request(rig.next(TurnCommitted).text)


def test_the_wake_word_alone_is_cancelled_when_nobody_goes_on(rig: HearingRig) -> None:
    rig.microphone.play(in_room(say(WORD, "rms"), 60))
    cancelled = rig.next(TurnCancelled)
    (detected,) = rig.all(WakeDetected)
    assert cancelled.reason == "no_speech"
    assert cancelled.frame - detected.frame == pytest.approx(NO_SPEECH_MS / 10, abs=15)
    assert not rig.all(TurnCommitted)


def test_a_follow_up_needs_no_wake_word_and_is_a_turn_of_its_own(rig: HearingRig) -> None:
    rig.bus.send(TextRequested(text="ask me something"))
    before = rig.next(TurnCommitted).turn
    rig.bus.send(ListenRequested(turn=before, window_ms=3000))
    rig.gather(0.2)
    rig.microphone.play(in_room(20, say("yes please", "rms"), 130))
    committed = rig.next(TurnCommitted)
    (follow_up,) = [event for event in rig.all(TurnStarted) if event.cause == "follow_up"]
    assert follow_up.turn == committed.turn == before + 1
    assert words(committed.text)[0] == "yes"


def test_silence_in_a_follow_up_window_closes_it_in_the_turn_before(rig: HearingRig) -> None:
    rig.bus.send(TextRequested(text="ask me something"))
    before = rig.next(TurnCommitted).turn
    rig.bus.send(ListenRequested(turn=before, window_ms=600))
    cancelled = rig.next(TurnCancelled)
    assert (cancelled.turn, cancelled.reason) == (before, "no_speech")
    assert len(rig.all(TurnStarted)) == 1


def test_a_typed_request_is_a_committed_turn(rig: HearingRig) -> None:
    rig.bus.send(TextRequested(text="Turn it off."))
    committed = rig.next(TurnCommitted)
    assert committed.text == "Turn it off."
    assert [(e.turn, e.cause) for e in rig.all(TurnStarted)] == [(committed.turn, "text")]
    assert rig.all(TranscriptFinal)[0].text == "Turn it off."


def test_a_wake_word_in_a_turn_begins_a_new_one(rig: HearingRig) -> None:
    rig.microphone.play(
        in_room(say("Alexa", "rms"), 60, say("Hey Jarvis", "rms"), 30, say(REQUEST, "rms"), 130)
    )
    committed = rig.next(TurnCommitted)
    first, second = rig.all(TurnStarted)
    assert second.turn == first.turn + 1 == committed.turn
    assert is_request(committed.text)
    assert not rig.all(TurnCancelled)


@pytest.mark.parametrize(
    ("judgement", "at_least_ms", "at_most_ms"), [("complete", 100, 2000), ("open", 4000, 9000)]
)
def test_the_judgement_of_the_text_decides_how_long_silence_is_waited_for(
    rig: HearingRig, judgement: Literal["complete", "open"], at_least_ms: int, at_most_ms: int
) -> None:
    rules = (
        "complete_silence_ms = 100\nunsure_silence_ms = 2500\nopen_silence_ms = 4000\nturn_threshold = 0.0\n"
    )
    rig.config.write_text(f"[listen]\n{rules}", encoding="utf-8")
    rig.bus.send(SettingsChanged())
    rig.gather(0.3)
    rig.microphone.play(in_room(say(WORD, "rms"), 30, say(REQUEST, "rms"), 130))
    judged: set[str] = set()
    while not rig.all(TurnCommitted):
        rig.gather(0.01)
        for guess in rig.all(TurnHypothesis):
            if guess.text not in judged:
                judged.add(guess.text)
                rig.bus.send(TurnJudged(turn=guess.turn, text=guess.text, completeness=judgement))
    rig.config.unlink()
    rig.bus.send(SettingsChanged())
    silence_ms = 10 * (rig.all(TurnCommitted)[0].frame - rig.all(SpeechStopped)[0].last_voiced_frame)
    assert at_least_ms <= silence_ms <= at_most_ms


@pytest.mark.parametrize("tag", [GATED, MUTED])
def test_silenced_frames_are_not_listened_to(rig: HearingRig, tag: int) -> None:
    sound = in_room(say(WORD, "rms"), 30, say(REQUEST, "rms"))
    rig.microphone.play(sound, tag)
    rig.gather(len(sound) / 16_000 + 1)
    assert not rig.all(WakeDetected)
    assert not rig.all(TurnStarted)


def test_a_changed_threshold_counts_at_once(rig: HearingRig) -> None:
    deaf = '[wake.words.alexa]\nmodel = "alexa_v0.1"\nthreshold = 1.0\n'
    rig.config.write_text(deaf, encoding="utf-8")
    rig.bus.send(SettingsChanged())
    rig.gather(0.3)
    rig.microphone.play(in_room(say(WORD, "rms"), 60))
    rig.gather(2)
    assert not rig.all(WakeDetected)
    rig.config.write_text(deaf.replace("alexa_v0.1", "computer_v9"), encoding="utf-8")
    rig.bus.send(SettingsChanged())
    failed = rig.next(DaemonFailed)
    assert "computer_v9" in failed.reason
    assert "hey_jarvis_v0.1" in failed.hint
    rig.config.unlink()
    rig.bus.send(SettingsChanged())
    rig.gather(0.3)
    rig.microphone.play(in_room(say(WORD, "rms"), 60))
    assert rig.next(WakeDetected).word == "alexa"


def test_listen_killed_in_a_turn_reports_it_and_counts_on(rig: HearingRig) -> None:
    rig.microphone.play(in_room(say(WORD, "rms"), 20, say(REQUEST, "rms"), 130))
    started = rig.next(TurnStarted)
    rig.bus.send(DialogState(turn=started.turn, state="listening"))  # as reason would
    rig.gather(0.3)
    rig.kill("listen")
    assert not rig.all(TurnCommitted)
    rig.start("listen")
    rig.await_ready("listen")
    rig.until(lambda: bool(rig.all(TurnCancelled)))
    assert [(e.turn, e.reason) for e in rig.all(TurnCancelled)] == [(started.turn, "failed")]
    rig.bus.send(DialogState(turn=started.turn, state="idle"))
    rig.microphone.play(in_room(say(WORD, "rms"), 20, say(REQUEST, "rms"), 130))
    committed = rig.next(TurnCommitted)
    assert committed.turn == started.turn + 1
    assert is_request(committed.text)


def test_wake_killed_hears_the_word_that_was_said_meanwhile(rig: HearingRig) -> None:
    rig.kill("wake")
    begins = rig.microphone.play(in_room(say(WORD, "rms"), 30, say(REQUEST, "rms"), 130))
    rig.gather(0.3)
    rig.start("wake")
    committed = rig.next(TurnCommitted)
    assert is_request(committed.text)
    assert begins < rig.all(WakeDetected)[0].frame < begins + 100


def test_a_new_microphone_ring_is_listened_to(rig: HearingRig) -> None:
    rig.microphone.close()
    rig.gather(0.3)
    rig.microphone = type(rig.microphone)(rig.runtime)
    rig.gather(1)
    rig.microphone.play(in_room(say(WORD, "rms"), 20, say(REQUEST, "rms"), 130))
    assert is_request(rig.next(TurnCommitted).text)


@pytest.mark.parametrize("name", ["wake", "listen"])
def test_missing_models_end_the_daemon_with_one_clear_line(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "WREN_MODELS": str(tmp_path / "none"), "WREN_RUNTIME_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", f"device.services.{name}"], env=environment, capture_output=True, timeout=30
    )
    assert ended.returncode == EX_CONFIG
    assert b"wren models fetch" in ended.stderr
    assert b"Traceback" not in ended.stderr
