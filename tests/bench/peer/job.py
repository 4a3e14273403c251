"""What the benchmark asks of the peer's process, and what that process saw.

Frames are 10 ms, counted from the first one of the run. As in Wren's simulated room, frame n of the microphone
is heard while block n leaves the loudspeaker.
"""

from __future__ import annotations

import msgspec

from device.home.registry import House

FRAME_MS = 10


class Clip(msgspec.Struct, frozen=True):
    """A sound file and where in it, in frames, a voice begins and ends by Wren's own ruler."""

    file: str
    first_voiced_frame: int
    last_voiced_frame: int


class Line(msgspec.Struct, frozen=True):
    """What a person says; `over` is said over the answer, and `answer` replaces what the house would say."""

    clip: Clip
    pause_frame: int = 0  # of the file, where the person pauses
    over: Clip | None = None
    answer: str = ""


class Job(msgspec.Struct, frozen=True):
    """Everything that the peer is to hear, phase by phase, and the house it answers for."""

    phases: dict[str, tuple[Line, ...]]
    house: House
    wake_word: str
    language: str
    idle_s: float
    smart_turn_stop_s: float


class Phase(msgspec.Struct):
    """When the lines of a phase began, and those said over answers, by the index of the line."""

    starts: dict[int, int] = {}
    overs: dict[int, int] = {}
    frames: int = 0
    cpu_s: float = 0.0


class Commit(msgspec.Struct, frozen=True):
    """The user's turn was taken to be over: what was understood (without the wake word), what is answered."""

    frame: int
    request: str
    answer: str


class Span(msgspec.Struct):
    """First and last frame of an answer at the loudspeaker."""

    first: int
    last: int


class Log(msgspec.Struct):
    """What happened."""

    version: str = ""
    phases: dict[str, Phase] = {}
    commits: list[Commit] = []
    answers: list[Span] = []
    late_frames: int = 0  # microphone frames that came over 20 ms late: the machine was too busy
    memory_mb: float = 0.0
