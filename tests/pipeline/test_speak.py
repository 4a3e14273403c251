"""wren-speak as a process, with a real hub and real rings. Needs the embedded default models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from device.bus.client import HubClient
from device.bus.paths import (
    CUE_FRAME,
    LAST_FRAME,
    events_socket,
    microphone_ring,
    microphone_spec,
    speaker_ring,
)
from device.bus.ring import Frame, RingReader, RingWriter
from device.events import (
    CUES,
    CueRequested,
    DaemonFailed,
    DaemonReady,
    DialogState,
    Event,
    PlaybackDucked,
    ReplyAudio,
    ReplyClause,
    ReplyFailed,
    TurnStarted,
)
from device.speech import fallback
from models.errors import ModelMissing
from models.store import Store, default_root

pytestmark = pytest.mark.alone

LONG = (
    "It will be mostly cloudy this afternoon with a light breeze from the west, and the temperature should "
    "reach about twenty one degrees by five o'clock today."
)


class Bench:
    """A hub, a speak daemon and everything that goes in and out of it."""

    def __init__(self, runtime: Path, cache: Path, models: Path) -> None:
        self.runtime = runtime
        self._environment = {
            **os.environ,
            "WREN_RUNTIME_DIR": str(runtime),
            "WREN_CACHE_DIR": str(cache),
            "WREN_MODELS": str(models),
            "WREN_CONFIG": str(runtime / "none.toml"),
            "WREN_SPEECH__DETERMINISTIC": "true",
        }
        runtime.mkdir()
        self._hub = self._start("hub")
        while not events_socket(runtime).exists():
            time.sleep(0.01)
        time.sleep(0.4)  # a fresh hub holds events for a moment, for clients of the one before
        self.bus = HubClient(events_socket(runtime))
        self.events: list[Event] = []
        self.speak: subprocess.Popen[bytes] | None = None
        self.ring = RingReader(speaker_ring(runtime))
        self.frames: list[Frame] = []

    def start(self) -> None:
        """Starts the daemon; returns when it is ready."""
        self.speak = self._start("speak")
        self.until(lambda: any(isinstance(e, DaemonReady) and e.daemon == "speak" for e in self.events))
        self.events.clear()

    def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Collects events and frames until `condition` holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (self.events, len(self.frames))
            self.gather(0.002)

    def gather(self, for_s: float) -> None:
        """Collects events and frames for a while."""
        deadline = time.monotonic() + for_s
        while True:
            self.events += self.bus.poll()
            if self.ring.wait(0):
                while (frame := self.ring.read()) is not None:
                    self.frames.append(frame)
            if time.monotonic() >= deadline:
                return
            time.sleep(0.001)

    def of(self, turn: int) -> list[Frame]:
        """Speech frames of a turn."""
        return [frame for frame in self.frames if frame.turn == turn and not frame.tag & CUE_FRAME]

    def cues(self) -> list[str]:
        """Cues that were played whole, in order."""
        whole = [f for f in self.frames if f.tag & CUE_FRAME and f.tag & LAST_FRAME]
        return [CUES[frame.tag & 0xFF] for frame in whole]

    def said(self, turn: int) -> Callable[[], bool]:
        """Whether the last frame of the last clause of `turn` is there."""

        def is_said() -> bool:
            lasts = {e.clause for e in self.events if isinstance(e, ReplyAudio) and e.turn == turn and e.last}
            return any(f.tag == clause | LAST_FRAME for f in self.of(turn) for clause in lasts)

        return is_said

    def say(self, turn: int, *texts: str) -> None:
        """Sends clauses, the last one marked."""
        for number, text in enumerate(texts):
            self.bus.send(ReplyClause(turn=turn, clause=number, text=text, last=number == len(texts) - 1))

    def close(self) -> None:
        for process in (self.speak, self._hub):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(5)
        self.bus.close()
        self.ring.close()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", f"device.services.{name}"], env=self._environment)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    try:
        Store().active("voice")
    except ModelMissing as error:
        pytest.skip(str(error))
    bench = Bench(tmp_path / "run", tmp_path / "cache", default_root())
    yield bench
    bench.close()


@pytest.fixture
def voiceless(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "run", tmp_path / "cache", tmp_path / "no-models")
    yield bench
    bench.close()


def _until_loaded(bench: Bench) -> None:
    """The first clause waits for the voice: later ones measure synthesis alone."""
    bench.say(1, "Ready.")
    bench.until(bench.said(1))


@pytest.mark.models
def test_a_reply_is_written_without_gaps_with_its_words_announced_before_it(bench: Bench) -> None:
    bench.start()
    bench.bus.send(TurnStarted(turn=1, cause="text"))
    bench.say(1, "The kitchen light is on.", "It is 21.5 °C in there.")
    bench.until(bench.said(1))
    audio = [event for event in bench.events if isinstance(event, ReplyAudio)]
    assert [event.text for event in audio] == ["The kitchen light is on.", "It is 21.5 °C in there."]
    assert audio[1].words == ("It", "is", "21.5", "°C", "in", "there.")
    frames = bench.of(1)
    assert [frame.index for frame in frames] == list(range(frames[0].index, frames[0].index + len(frames)))
    for number, event in enumerate(audio):
        mine = [frame for frame in frames if frame.tag & ~LAST_FRAME == number]
        assert [frame.position for frame in mine] == list(range(0, 441 * len(mine), 441))
        assert [bool(frame.tag & LAST_FRAME) for frame in mine] == [False] * (len(mine) - 1) + [True]
        assert list(event.word_ends) == sorted(event.word_ends)
        assert 0 <= 441 * len(mine) - event.word_ends[-1] < 22_050 / 2
        assert event.t_ns <= mine[0].t_ns + 2_000_000
        assert np.abs(np.concatenate([frame.samples for frame in mine])).max() > 3000


@pytest.mark.models
def test_what_was_said_once_is_said_again_without_synthesis_also_after_a_restart(bench: Bench) -> None:
    bench.start()
    bench.say(1, "The kitchen light is on.")
    bench.until(bench.said(1))
    assert bench.speak is not None
    bench.speak.kill()
    bench.speak.wait()
    bench.start()
    bench.say(2, "The kitchen light is on.")
    bench.until(bench.said(2))
    (audio,) = [event for event in bench.events if isinstance(event, ReplyAudio)]
    assert audio.cached
    assert np.array_equal(
        np.concatenate([frame.samples for frame in bench.of(1)]),
        np.concatenate([frame.samples for frame in bench.of(2)]),
    )


@pytest.mark.models
def test_a_higher_turn_ends_the_old_reply_within_50_ms(bench: Bench) -> None:
    bench.start()
    _until_loaded(bench)
    bench.say(2, LONG, LONG + " Really.")
    bench.until(lambda: len(bench.of(2)) > 10)
    began = time.monotonic_ns()
    bench.bus.send(TurnStarted(turn=3, cause="barge_in"))
    bench.say(3, "Yes?")
    bench.until(bench.said(3))
    assert max(frame.t_ns for frame in bench.of(2)) - began < 50e6
    assert not any(frame.tag & LAST_FRAME for frame in bench.of(2))
    bench.gather(0.3)
    assert bench.frames[-1].turn == 3


@pytest.mark.models
def test_the_listening_cue_is_in_the_ring_within_20_ms_even_during_synthesis(bench: Bench) -> None:
    bench.start()
    _until_loaded(bench)
    waits_ms = []
    for turn in range(10, 60, 10):
        bench.say(turn, LONG + f" {turn}.")
        bench.gather(0.15)
        bench.frames.clear()
        began = time.monotonic_ns()
        bench.bus.send(TurnStarted(turn=turn + 5, cause="wake"))
        bench.until(lambda: bool(bench.cues()))
        cue = [frame for frame in bench.frames if frame.tag & CUE_FRAME]
        waits_ms.append((cue[0].t_ns - began) / 1e6)
        assert bench.cues() == ["listening"]
        assert {frame.turn for frame in cue} == {turn + 5}
    assert sorted(waits_ms)[len(waits_ms) // 2] < 20, waits_ms


def test_a_cue_needs_no_voice_and_only_a_new_wake_turn_is_greeted(voiceless: Bench) -> None:
    voiceless.bus.send(TurnStarted(turn=4, cause="wake", t_ns=time.monotonic_ns() - 5 * 10**9))
    voiceless.start()
    voiceless.bus.send(TurnStarted(turn=5, cause="follow_up"))
    voiceless.bus.send(TurnStarted(turn=6, cause="wake"))
    voiceless.bus.send(TurnStarted(turn=6, cause="wake"))
    voiceless.bus.send(CueRequested(turn=6, cue="done"))
    voiceless.bus.send(CueRequested(turn=5, cue="cancelled"))
    voiceless.until(lambda: len(voiceless.cues()) == 2)
    voiceless.gather(0.1)
    assert voiceless.cues() == ["listening", "done"]


def test_without_a_voice_the_recorded_phrase_is_played_and_the_hint_names_the_command(
    voiceless: Bench,
) -> None:
    voiceless.start()
    voiceless.say(1, "The light is on.", "Anything else?")
    voiceless.until(voiceless.said(1))
    failed = [event for event in voiceless.events if isinstance(event, DaemonFailed)]
    assert "wren models fetch" in failed[0].hint
    assert len(failed) == 1
    assert [e.clause for e in voiceless.events if isinstance(e, ReplyFailed)] == [0, 1]
    assert [e.text for e in voiceless.events if isinstance(e, ReplyAudio)] == [fallback.TEXT, ""]
    assert 441 * len(voiceless.of(1)) == pytest.approx(2.79 * 22_050, rel=0.05)


@pytest.mark.parametrize("daemon", ["listen", "reason"])
def test_a_daemon_that_fails_within_a_turn_is_heard_once_within_a_second(
    voiceless: Bench, daemon: str
) -> None:
    voiceless.start()
    voiceless.bus.send(DaemonFailed(daemon=daemon, reason="crashed before anybody spoke"))
    voiceless.bus.send(TurnStarted(turn=1, cause="text"))
    voiceless.bus.send(DialogState(turn=1, state="thinking"))
    voiceless.gather(0.1)
    assert voiceless.cues() == []
    voiceless.bus.send(DaemonFailed(daemon=daemon, reason="crashed"))
    voiceless.bus.send(DaemonFailed(daemon=daemon, reason="crashed, says the supervisor"))
    voiceless.until(lambda: bool(voiceless.cues()), timeout_s=1)
    voiceless.gather(0.2)
    assert voiceless.cues() == ["failed"]


@pytest.mark.parametrize(
    ("state", "cues"), [("speaking", ["failed"]), ("thinking", ["failed"]), ("idle", [])]
)
def test_started_again_in_the_middle_of_a_reply_it_lets_the_person_hear_that(
    voiceless: Bench, state: str, cues: list[str]
) -> None:
    voiceless.bus.send(TurnStarted(turn=7, cause="wake"))
    voiceless.bus.send(DialogState(turn=7, state=state))  # type: ignore[arg-type]
    voiceless.gather(0.5)  # older than what is still greeted
    voiceless.start()
    voiceless.gather(0.3)
    assert voiceless.cues() == cues
    assert {frame.turn for frame in voiceless.frames} == ({7} if cues else set())


@pytest.mark.models
def test_a_killed_daemon_is_back_and_speaks_again(bench: Bench) -> None:
    bench.start()
    bench.say(1, LONG)
    bench.until(lambda: len(bench.of(1)) > 5)
    assert bench.speak is not None
    bench.speak.send_signal(signal.SIGKILL)
    bench.speak.wait()
    began = time.monotonic()
    bench.start()
    assert time.monotonic() - began < 3
    bench.say(2, "Here I am.")
    bench.until(bench.said(2))


@pytest.mark.models
def test_it_keeps_at_most_about_5_s_ahead_of_what_was_played(bench: Bench) -> None:
    microphone = RingWriter(microphone_ring(bench.runtime), microphone_spec())
    silence = np.zeros(160, np.int16)
    bench.start()
    microphone.write(silence, position=0)
    bench.say(1, *[f"{LONG} {number}." for number in range(4)])
    bench.until(lambda: len(bench.of(1)) * 0.02 >= 5, timeout_s=60)
    bench.gather(0.5)
    written = len(bench.of(1))
    assert written * 0.02 < 7
    bench.gather(0.5)
    assert len(bench.of(1)) == written
    bench.bus.send(PlaybackDucked(turn=1, gain_db=-20, paused=True))
    bench.gather(0.2)
    microphone.write(silence, position=-1)
    bench.gather(0.5)
    assert len(bench.of(1)) == written
    while not bench.said(1)():
        microphone.write(silence, position=441 * len(bench.of(1)))
        bench.gather(0.1)
    microphone.close(unlink=True)


def test_it_stops_on_sigterm_within_two_seconds_and_leaves_no_file(bench: Bench) -> None:
    bench.start()
    bench.say(1, LONG)
    assert bench.speak is not None
    began = time.monotonic()
    bench.speak.terminate()
    assert bench.speak.wait(2) == 0
    assert time.monotonic() - began < 2
    assert not speaker_ring(bench.runtime).exists()
