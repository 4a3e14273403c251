"""One Wren on the software sound server, and what is played over its voice.

The daemons are the real ones, scheduled as their units schedule them. Wren talks when it is asked for a story,
which is a tool of the settings: its answer goes the way of every answer.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from device.events import (
    AudioState,
    DialogState,
    Event,
    PlaybackStarted,
    TextRequested,
    TurnCancelled,
    TurnCommitted,
    TurnStarted,
)
from device.hearing import RATE_HZ
from device.hearing.loading import files_of
from device.hearing.vad import SileroVad
from device.services.stage import Stage
from tests.bench import echo
from tests.bench.barge_in import Sound
from tests.bench.double_talk import far_end, loud_rms, voice_onset
from tests.bench.sound_room import ECHOES, SoundRoom, Spoken

TALK_S = 75.0
LEVELS_DB = (0, 5, 10)
SETTLED_S = 5.0  # of talk until the canceller knows the room
PATIENCE_S = 8.0
_CARD = {
    "WREN_AUDIO__BACKEND": "portaudio",
    "WREN_AUDIO__INPUT_DEVICE": "room",
    "WREN_AUDIO__OUTPUT_DEVICE": "room",
    "WREN_REASON__MODEL": "false",
    "WREN_LISTEN__FOLLOW_UP_MS": "1000",
}
_PRIORITY = 20  # of wren-audio.service
_STORY, _WORDS_A_SECOND = "tell the long story", 3.4
_AFTER_S, _CANCELLED_S = 1.2, 0.3


class Run:
    """One Wren in one room for as long as a `with` block lasts."""

    def __init__(self, folder: Path) -> None:
        story = {
            "sentences": [_STORY],
            "topic": "bench/story",
            "confirm_topic": "bench/story",
            "reply": _story(TALK_S),
        }
        self.room = SoundRoom(folder)
        config = folder / "wren.toml"
        config.touch()
        state = {"WREN_STATE_DIR": str(folder / "state"), "WREN_CONFIG": str(config)}
        environment = _CARD | self.room.environment | state
        environment["WREN_TOOLS__MQTT"] = json.dumps({"story": story})
        self.events: list[Event] = []
        self.stage = Stage(environment=environment, watch=self.events.append, log=folder / "log")

    def __enter__(self) -> Run:
        self.room.__enter__()
        try:
            self.stage.__enter__()
        except BaseException:
            self.room.__exit__(None, None, None)
            raise
        audio = self.stage.supervisor.children["audio"].process
        assert audio is not None
        for thread in Path(f"/proc/{audio.pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(_PRIORITY))
        self.until(lambda: any(_is_open(event) for event in self.events), 20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stage.__exit__(kind, error, trace)
        self.room.__exit__(kind, error, trace)

    def of(self, *kinds: type[Event], since: int = 0) -> list[Any]:
        """What happened of those kinds, from the `since`th event on."""
        return [event for event in self.events[since:] if isinstance(event, kinds)]

    def until(self, happened: Callable[[], bool], timeout_s: float) -> bool:
        """Steps until then; False when it does not happen."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            if time.monotonic() > deadline:
                return False
            self.stage.step(0.02)
        return True

    def rest(self, seconds: float) -> None:
        """Steps for so long."""
        self.until(lambda: False, seconds)

    def talk(self, seconds: float) -> int:
        """Wren begins the story and has told it for so long; returns the number of events before."""
        since, before = len(self.events), max((event.turn for event in self.events), default=0)
        self.stage.bus.send(TextRequested(text=_STORY))
        if self.until(lambda: any(e.turn > before for e in self.of(PlaybackStarted, since=since)), 10):
            self.rest(seconds)
        return since

    def cancel_timers(self) -> None:
        """Whatever somebody has set: what rings would be answered, not interrupted."""
        self.stage.bus.send(TextRequested(text="cancel all timers"))
        self.rest(_CANCELLED_S)

    def is_stopped(self, since: int) -> bool:
        """Whether somebody was heard since then: over the story, or by a wake word in it."""
        return any(event.cause != "text" for event in self.of(TurnStarted, since=since))

    def is_quiet(self, since: int) -> bool:
        """Whether the last thing since then is that nobody speaks or thinks."""
        states = self.of(DialogState, since=since)
        return bool(states) and states[-1].state == "idle"

    def is_settled(self, since: int) -> bool:
        """Whether what interrupted the story since then has led to something."""
        ends = self.of(TurnCommitted, TurnCancelled, since=since)
        return any(getattr(event, "text", "") != _STORY for event in ends)

    @property
    def xruns(self) -> int:
        """Counted by the audio daemon."""
        states = self.of(AudioState)
        return states[-1].xruns if states else 0


class Trial(NamedTuple):
    """What was played over Wren's voice."""

    sound: Sound
    level_db: int
    onset: int  # samples
    spoken: Spoken
    stopped: bool
    text: str  # of what was committed then


def over(folder: Path, sounds: list[Sound]) -> tuple[Run, list[Trial]]:
    """Plays each sound over the story, at 0, 5 and 10 dB above the echo in turn."""
    vad = SileroVad(files_of("vad")["model"])
    rms = _echo_rms()
    trials = list[Trial]()
    with Run(folder) as run:
        run.talk(SETTLED_S)
        for number, sound in enumerate(sounds):
            level_db = LEVELS_DB[number % len(LEVELS_DB)]
            onset = voice_onset(vad, sound.samples)
            scale = np.float32(rms * 10 ** (level_db / 20) / loud_rms(sound.samples))
            run.cancel_timers()
            since = run.talk(1.5 + number % 4 * 0.35)
            now = len(run.events)
            spoken = run.room.say(np.clip(sound.samples * scale, -0.95, 0.95), run.stage.step)
            run.until(lambda now=now: run.is_stopped(now), _AFTER_S)  # type: ignore[misc]
            if stopped := run.is_stopped(now):
                run.until(lambda since=since: run.is_settled(since), PATIENCE_S / 2)  # type: ignore[misc]
            committed = [e.text for e in run.of(TurnCommitted, since=since) if e.text != _STORY]
            trials.append(Trial(sound, level_db, onset, spoken, stopped, committed[0] if committed else ""))
    return run, trials


def _echo_rms() -> float:
    """Of Wren's voice at the microphone of the room, where it is loud."""
    path = np.zeros(max(ms for ms, _ in ECHOES) * RATE_HZ // 1000 + 1, np.float32)
    for ms, gain_db in ECHOES:
        path[ms * RATE_HZ // 1000] = 10 ** (gain_db / 20)
    voice = far_end().reference[:1000].ravel() / np.float32(32768)
    return loud_rms(np.convolve(voice, path).astype(np.float32), 0.02)


def _story(seconds: float) -> str:
    """About so long."""
    told = list[str]()
    for sentence in itertools.cycle(echo.SENTENCES):
        told.append(sentence)
        if len(" ".join(told).split()) > seconds * _WORDS_A_SECOND:
            return " ".join(told)
    raise AssertionError


def _is_open(event: Event) -> bool:
    return isinstance(event, AudioState) and bool(event.input and event.output)
