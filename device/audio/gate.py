"""When the microphone hears nothing: while Wren speaks, and while it is muted.

The gate is closed for every frame in which speech leaves the loudspeaker and `tail_ms` after it, for the
echo of the room. Cues do not close it; they are only marked. The tags are those of `device.bus.paths`.
"""

from __future__ import annotations

from device.audio.playback import Block
from device.bus.paths import CUE, GATED, LOST, MUTED
from device.events import FRAME_MS


class Gate:
    """Gives each microphone frame its tag; a frame with one of `SILENCED` is to be zeroed."""

    SILENCED = GATED | MUTED

    def __init__(self, tail_ms: int, *, muted: bool = False) -> None:
        self.tail_ms, self.muted = tail_ms, muted
        self._closed_ms = 0  # from here on

    def tag(self, playing: Block | None, *, missing: bool = False, lost: bool = False) -> int:
        """Tag of the frame during which `playing` left; `missing` when there is no microphone."""
        tag = MUTED if self.muted else 0
        if missing:
            tag |= GATED | LOST
        if lost:
            tag |= LOST
        if playing is not None and not playing.is_speech:
            tag |= CUE
        if playing is not None and playing.is_speech:
            self._closed_ms = self.tail_ms
            return tag | GATED
        if self._closed_ms > 0:
            self._closed_ms -= FRAME_MS
            tag |= GATED
        return tag
