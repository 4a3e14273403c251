"""Where the two buses live in the runtime directory, and the geometry of their rings."""

from __future__ import annotations

from pathlib import Path

from device.bus.ring import RingSpec
from device.events import FRAME_MS, ROOM

MICROPHONE_HZ = 16_000
MICROPHONE_FRAME = MICROPHONE_HZ * FRAME_MS // 1000
SPEAKER_FRAME_MS = 20  # whole samples at 22,050 Hz, the usual rate of a Piper voice

# Tags of a microphone frame: why its samples are not what the room sounds like.
GATED = 1  # silenced while the loudspeaker played speech, or (with LOST) no microphone is there
MUTED = 2  # silenced by the mute button
CUE = 4  # a cue was leaving the loudspeaker
LOST = 8  # an overrun just before this frame
SPEAKING = 16  # speech was leaving the loudspeaker, or its echo was still in the room
MAY_BE_ECHO = 32  # no louder than echo may be

# Tag of a speaker frame: the clause number, or CUE_FRAME and the cue's index in CUES, behind which comes an
# announcement; LAST_FRAME ends either.
CUE_FRAME = 0x4000_0000
LAST_FRAME = 0x8000_0000


def events_socket(runtime: Path) -> Path:
    """The hub's socket."""
    return runtime / "events.sock"


def microphone_ring(runtime: Path, session: str = ROOM) -> Path:
    """Ring of what the session's microphone hears; `position`: the speaker sample played then, or -1."""
    return runtime / f"{session}.mic"


def voice_ring(runtime: Path, session: str = ROOM) -> Path:
    """The frames of the microphone ring for recognition: echo is subtracted, never suppressed.

    Frame by frame beside the microphone ring, under the same indices; it may be absent.
    """
    return runtime / f"{session}.voice"


def speaker_ring(runtime: Path, session: str = ROOM) -> Path:
    """Ring of what the session's loudspeaker shall play; `turn` and `tag` (clause) say for what."""
    return runtime / f"{session}.speaker"


def microphone_spec() -> RingSpec:
    """16 kHz mono in 10 ms frames, 30 s of look-back (1 MB)."""
    return RingSpec(MICROPHONE_HZ, MICROPHONE_FRAME, seconds=30)


def speaker_spec(rate_hz: int) -> RingSpec:
    """The voice's native rate in 20 ms frames, 60 s (2.6 MB at 22,050 Hz)."""
    return RingSpec(rate_hz, rate_hz * SPEAKER_FRAME_MS // 1000, seconds=60)
