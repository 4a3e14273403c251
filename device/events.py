"""Every event between the daemons, once: a struct each, with who sends it and who reads it.

On the wire and in the timeline an event is one JSON object with its name under `event`. `frame` is the index
of the 10 ms microphone frame at which the event became true (-1 where no frame belongs to it), `t_ns` is
CLOCK_MONOTONIC when it was sent. A retained event is kept by the hub, the newest of each (name, session,
`retained_by` fields), and given to whoever connects later. Names that a reader does not know are skipped.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, ClassVar, Literal

import msgspec

from device.home.registry import Entity, State, Value

FRAME_MS = 10
ROOM = "room"
ToolError = Literal["", "no_answer", "unreachable", "unavailable", "refused"]
CUES = ("listening", "done", "failed", "cancelled", "alarm")
ANNOUNCEMENT = "announcement"  # speech outside any turn, which is played as cues are


class Manner(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an agent's words are to be said."""

    voice: str = ""  # model name; "": the one of the settings
    speed: float = 1.0  # times settings.speech.speed
    speaker: int = 0  # of a voice with several


WRENS = Manner()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events carry."""

    t_ns: int = 0
    frame: int = -1
    session: str = ROOM
    turn: int = 0

    retained_by: ClassVar[tuple[str, ...] | None] = None  # None: not retained


# --- daemons --------------------------------------------------------------------------------------------


class DaemonReady(Event, frozen=True, tag="daemon.ready"):
    """A daemon is doing its work. Every daemon → supervisor, kiosk, doctor."""

    retained_by = ("daemon",)
    daemon: str
    pid: int
    start_ms: int = 0  # from process start to ready


class DaemonFailed(Event, frozen=True, tag="daemon.failed"):
    """A daemon or a part of it cannot work; `hint`: what to do. Every daemon, the hub for it → people."""

    daemon: str
    reason: str
    hint: str = ""


class DaemonStopped(Event, frozen=True, tag="daemon.stopped"):
    """A daemon ends because it was told to. Every daemon → hub, kiosk."""

    daemon: str


class SettingsChanged(Event, frozen=True, tag="settings.changed"):
    """The settings file was changed: load it again. CLI, gateway → every daemon."""


class SceneReady(Event, frozen=True, tag="scene.ready"):
    """All daemons of the run are ready: the simulated people may speak. Supervisor → audio."""

    retained_by = ()


# --- sound ----------------------------------------------------------------------------------------------


class AudioState(Event, frozen=True, tag="audio.state"):
    """Sound devices in use and counters since start, each second of change. audio → doctor, kiosk, home."""

    retained_by = ()
    input: str
    output: str
    rate_hz: int
    muted: bool = False
    xruns: int = 0
    level_db: float = -100.0  # RMS of the last second, dBFS
    echo: str = ""  # how echo is dealt with: a value of settings.audio.echo
    echo_delay_ms: int | None = None  # from the loudspeaker to the microphone; None: not known
    erle_db: float | None = (
        None  # echo return loss enhancement: how much quieter echo became; None: not known
    )
    drift_ppm: int | None = None  # by which the loudspeaker's clock is faster; None: not known


class MicrophoneMuted(Event, frozen=True, tag="microphone.muted"):
    """The person pressed the mute button, or a client asked. CLI, gateway, home → audio."""

    muted: bool


class SceneSpeech(Event, frozen=True, tag="scene.speech"):
    """The simulated person starts a file at `frame`. audio (simulator) → timeline, itself when restarted."""

    retained_by = ()
    file: str
    duration_ms: int
    index: int = 0  # in the order of settings.simulator.mic, or .over
    over: bool = False  # while Wren speaks


class SceneEnded(Event, frozen=True, tag="scene.ended"):
    """All files were played and the conversation is idle. audio (simulator) → supervisor."""

    files: int


class PlaybackStarted(Event, frozen=True, tag="playback.started"):
    """The first sample of a clause or cue leaves the loudspeaker at `frame`. audio → everyone."""

    clause: int  # -1 for a cue
    cue: str = ""


class PlaybackStopped(Event, frozen=True, tag="playback.stopped"):
    """A reply or cue ended at `frame`; `heard_text`: its words that left the loudspeaker. audio → all."""

    reason: Literal["finished", "cancelled", "underrun", "device"]
    heard_text: str = ""
    cue: str = ""


class DuckRequested(Event, frozen=True, tag="duck.requested"):
    """Play more quietly at once, or loud again (0 dB): somebody may be talking. listen → audio.

    With `pause` nothing is played until the next request or the end of the reply, for three seconds at most.
    """

    gain_db: float
    pause: bool = False


class PlaybackDucked(Event, frozen=True, tag="playback.ducked"):
    """The loudspeaker got quieter (or loud again: 0 dB), or was paused. audio → kiosk."""

    gain_db: float
    paused: bool = False


# --- hearing --------------------------------------------------------------------------------------------


class WakeDetected(Event, frozen=True, tag="wake.detected"):
    """A wake word ended at about `frame`. wake → listen, kiosk."""

    word: str
    score: float


class TurnStarted(Event, frozen=True, tag="turn.started"):
    """A new turn: work for an older one is dropped, a wake turn is greeted by a cue. listen → everyone."""

    retained_by = ()
    cause: Literal["wake", "follow_up", "barge_in", "text"]


class SpeechStarted(Event, frozen=True, tag="speech.started"):
    """Voice since `frame`. listen → reason, kiosk."""


class SpeechStopped(Event, frozen=True, tag="speech.stopped"):
    """Voice ended with `last_voiced_frame`. listen → reason, benchmarks."""

    last_voiced_frame: int


class TranscriptPartial(Event, frozen=True, tag="transcript.partial"):
    """Text so far; early words may still change. listen → reason, kiosk."""

    text: str


class TurnHypothesis(Event, frozen=True, tag="turn.hypothesis"):
    """Probably the whole request: think ahead, do nothing yet. listen → reason."""

    text: str
    confidence: float = 1.0
    readings: tuple[str, ...] = ()  # how the same sound may be read, likeliest first


class TurnPreferred(Event, frozen=True, tag="turn.preferred"):
    """Of the readings of `text` this one is believed. reason → listen."""

    text: str
    reading: str


class TurnJudged(Event, frozen=True, tag="turn.judged"):
    """How whole a request `text` is; "talk", "likely": to the language model. reason → listen."""

    text: str
    completeness: Literal["complete", "talk", "likely", "unsure", "open"]
    doubtful: bool = True  # another reading of the sound may make more sense


class TranscriptFinal(Event, frozen=True, tag="transcript.final"):
    """What was said, up to `frame`. listen → reason, kiosk, timeline."""

    text: str
    confidence: float = 1.0
    decode_ms: float = 0.0


class TurnCommitted(Event, frozen=True, tag="turn.committed"):
    """The request is over and meant: act and speak. listen → reason."""

    text: str
    confidence: float = 1.0


class TurnCancelled(Event, frozen=True, tag="turn.cancelled"):
    """Nothing came of the turn; "failed" when listen was started again in its middle. listen → reason."""

    reason: Literal["no_speech", "no_text", "not_meant", "stopped", "failed"]


class BargeIn(Event, frozen=True, tag="barge_in"):
    """The person spoke over the reply and it stops. listen → audio, speak, reason."""


class ListenRequested(Event, frozen=True, tag="listen.requested"):
    """Listen without a wake word for `window_ms`, in a new turn. reason, timers, CLI, gateway → listen."""

    window_ms: int
    about: Literal["", "ringing"] = ""  # what alone may be said


class TextRequested(Event, frozen=True, tag="text.requested"):
    """A request that was typed. CLI, gateway, home → listen, which makes it a committed turn."""

    text: str


# --- reasoning and house ----------------------------------------------------------------------------------


class DialogState(Event, frozen=True, tag="dialog.state"):
    """What the person should see. reason → kiosk, listen, home, audio (simulator)."""

    retained_by = ()
    state: Literal["idle", "listening", "thinking", "acting", "speaking", "follow_up"]


class IntentDecided(Event, frozen=True, tag="intent.decided"):
    """How the request was understood. reason → timeline, eval."""

    route: str  # tools, parser, sentences, model, talk, none
    text: str
    calls: tuple[tuple[str, str, Value | None], ...] = ()  # service, entity, value
    probability: float = 1.0
    decide_ms: float = 0.0


class ModelReady(Event, frozen=True, tag="model.ready"):
    """The language model knows the house and answers at once from now on. reason → supervisor, doctor."""

    retained_by = ()
    name: str
    load_ms: float
    prefix_ms: float  # to evaluate or restore the prompt's fixed part
    restored: bool


class ToolCalled(Event, frozen=True, tag="tool.called"):
    """A committed call; `tool` tells whose it is (device/tools/services.py). reason, home → home, timers."""

    call_id: str
    tool: str
    arguments: dict[str, Value | None]  # entity, value

    def result(
        self, error: ToolError = "", *, said: str = "", state: State | None = None, took_ms: float = 0.0
    ) -> ToolResult:
        """What came of it; it is done where there is no error."""
        return ToolResult(
            session=self.session,
            turn=self.turn,
            call_id=self.call_id,
            tool=self.tool,
            arguments=self.arguments,
            ok=not error,
            error=error,
            state=state,
            confirm_ms=round(took_ms, 1),
            said=said,
        )


class ToolResult(Event, frozen=True, tag="tool.result"):
    """`ok` only after the device's state topic confirmed, or the tool has done it. home, timers → reason."""

    call_id: str
    tool: str
    arguments: dict[str, Value | None]
    ok: bool
    error: ToolError = ""
    state: State | None = None
    confirm_ms: float = 0.0
    said: str = ""  # what to say of it, where the tool knows better than a template


class ToolOffered(Event, frozen=True, tag="tool.offered"):
    """A tool of an MCP server, called as `mcp` with `name` as entity. home → reason, gateway."""

    retained_by = ("name",)
    name: str  # server.tool
    description: str = ""
    arguments: str = ""  # JSON schema
    only_reads: bool = False
    offered: bool = True  # False: no longer


class HomeConnection(Event, frozen=True, tag="home.connection"):
    """Whether the MQTT broker can be reached. home → reason, kiosk, doctor."""

    retained_by = ()
    connected: bool
    broker: str
    reason: str = ""


class HomeEntity(Event, frozen=True, tag="home.entity"):
    """An entity was discovered or its description changed. home → reason, listen."""

    retained_by = ("entity_id",)
    entity_id: str
    entity: Entity | None  # None: removed


class HomeChanged(Event, frozen=True, tag="home.changed"):
    """An entity's state changed. home → reason, kiosk."""

    retained_by = ("entity_id",)
    entity_id: str
    state: State


class SpeculationEnded(Event, frozen=True, tag="speculation.ended"):
    """Work ahead of a commit was of use or thrown away, and its processor time. reason, speak → timeline."""

    used: bool
    cpu_ms: float
    what: Literal["route", "model", "voice"]


# --- timers, alarms and reminders -------------------------------------------------------------------------


class TimerChanged(Event, frozen=True, tag="timer.changed"):
    """A timer, alarm or reminder as it is now. timers → reason, home, kiosk."""

    retained_by = ("timer_id",)
    timer_id: str
    kind: Literal["timer", "alarm", "reminder"]
    state: Literal["running", "paused", "ringing", "gone"]
    name: str = ""  # "pasta"; of a reminder: what to be reminded of
    seconds: float = 0.0  # how long it was set for; 0 for a time of day
    due_s: float = 0.0  # when it rings, seconds since the epoch
    remaining_s: float = 0.0  # when this was sent
    repeats: str = ""  # RFC 5545: "FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=7;BYMINUTE=0"
    skipped: tuple[str, ...] = ()  # days on which what repeats does not ring, ISO 8601


class TimerRang(Event, frozen=True, tag="timer.rang"):
    """A timer has begun to ring, `late_s` after its time. timers → home, kiosk, timeline."""

    timer_id: str
    kind: Literal["timer", "alarm", "reminder"]
    name: str = ""
    late_s: float = 0.0


class TimerStopped(Event, frozen=True, tag="timer.stopped"):
    """A timer rings no longer, or was too old to ring when it was found. timers → home, kiosk, timeline."""

    timer_id: str
    reason: Literal["stopped", "snoozed", "limit", "missed"]


# --- speech -----------------------------------------------------------------------------------------------


class CueRequested(Event, frozen=True, tag="cue.requested"):
    """Play a chime, `level_db` loud (None: as set). reason, listen, timers → speak."""

    cue: Literal["listening", "done", "failed", "cancelled", "alarm"]
    level_db: float | None = None  # dBFS


class AnnouncementRequested(Event, frozen=True, tag="announcement.requested"):
    """Say this outside any turn; the next turn cuts it. timers → speak."""

    text: str


class ReplyExpected(Event, frozen=True, tag="reply.expected"):
    """Words that will probably be said: have them ready, say nothing. reason → speak."""

    text: str
    manner: Manner = WRENS


class ReplyBegun(Event, frozen=True, tag="reply.begun"):
    """Say `words` words of a clause; it follows itself, perhaps with another end. reason → speak."""

    clause: int
    text: str
    words: int
    manner: Manner = WRENS


class ReplyClause(Event, frozen=True, tag="reply.clause"):
    """A piece of the answer to speak, numbered from 0 within the turn. reason → speak.

    `bridges`: it only fills the time until the answer is there.
    """

    clause: int
    text: str
    last: bool = False
    bridges: bool = False
    manner: Manner = WRENS


class ReplyAudio(Event, frozen=True, tag="reply.audio"):
    """A clause is about to enter the speaker ring; `word_ends` are sample offsets. speak → audio."""

    retained_by = ("clause",)
    clause: int
    text: str
    rate_hz: int
    words: tuple[str, ...]
    word_ends: tuple[int, ...]
    last: bool = False
    synthesis_ms: float = 0.0  # until its first samples were ready
    cached: bool = False


class ReplyFailed(Event, frozen=True, tag="reply.failed"):
    """A clause could not be spoken; a recorded phrase was played instead. speak → reason, timeline."""

    clause: int
    reason: str


EVENTS: dict[str, type[Event]] = {str(cls.__struct_config__.tag): cls for cls in Event.__subclasses__()}
RETAINED: dict[str, tuple[str, ...]] = {
    name: cls.retained_by for name, cls in EVENTS.items() if cls.retained_by is not None
}

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(functools.reduce(operator.or_, EVENTS.values()))


class _Name(msgspec.Struct, frozen=True):
    event: str


_name_decoder = msgspec.json.Decoder(_Name)


def encode(event: Event) -> bytes:
    """One JSON object, no line break."""
    return _encoder.encode(event)


def name_of(event: Event) -> str:
    """`wake.detected` of a WakeDetected."""
    return str(event.__struct_config__.tag)


def decode(data: bytes) -> Event | None:
    """The event in `data`; None when its name is unknown. Raises msgspec.DecodeError on anything else."""
    if _name_decoder.decode(data).event not in EVENTS:
        return None
    event: Event = _decoder.decode(data)
    return event
