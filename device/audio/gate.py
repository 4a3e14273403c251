"""What each microphone frame is marked with: Wren speaks, a cue sounds, muted, lost.

Every frame in which speech leaves the loudspeaker, and those of `tail_ms` after it, for the echo of the room,
are marked `SPEAKING`, or where the microphone is gated `GATED`: then they are to be silenced. Cues are marked
with a tag of their own and never silenced. The tags are those of `device.bus.paths`.
"""

from __future__ import annotations

from device.audio.playback import Block
from device.bus.paths import CUE, GATED, LOST, MUTED, SPEAKING
from device.events import FRAME_MS


class Gate:
    """Gives each microphone frame its tag; a frame with one of `SILENCED` is to be zeroed."""

    SILENCED = GATED | MUTED

    def __init__(self, tail_ms: int, *, gates: bool = True, muted: bool = False) -> None:
        self.tail_ms, self.gates, self.muted = tail_ms, gates, muted
        self._echo_ms = 0  # from here on

    def tag(self, playing: Block | None, *, missing: bool = False, lost: bool = False) -> int:
        """Tag of the frame during which `playing` left; `missing` when there is no microphone."""
        tag = MUTED if self.muted else 0
        if missing:
            tag |= GATED | LOST
        if lost:
            tag |= LOST
        if playing is not None and not playing.is_speech:
            tag |= CUE
        speech = GATED if self.gates else SPEAKING
        if playing is not None and playing.is_speech:
            self._echo_ms = self.tail_ms
            return tag | speech
        if self._echo_ms > 0:
            self._echo_ms -= FRAME_MS
            tag |= speech
        return tag
