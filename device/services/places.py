"""Where in a reply a sample of the speaker ring belongs, for daemons that must know Wren's own voice."""

from __future__ import annotations

from pathlib import Path

from device.bus.paths import CUE_FRAME, LAST_FRAME, speaker_ring
from device.bus.ring import RingReader
from device.hearing.own_voice import Place


class Places:
    """Reads the speaker ring of `runtime`, which speak may make anew at any time."""

    def __init__(self, runtime: Path) -> None:
        self._speaker = RingReader(speaker_ring(runtime))

    def place(self, position: int) -> Place | None:
        """Which clause the sample `position` belongs to; None: to none, or it is no longer known."""
        self._speaker.seek(self._speaker.head)
        self._speaker.wait(0)  # at its end a reader looks for a ring that was made or replaced meanwhile
        if self._speaker.spec is None:
            return None
        number, inside = divmod(position, self._speaker.spec.frame_samples)
        self._speaker.seek(number)
        frame = self._speaker.read()
        if frame is None or frame.index != number or frame.tag & CUE_FRAME:
            return None
        return Place(frame.turn, frame.tag & ~LAST_FRAME, frame.position + inside)

    def close(self) -> None:
        """Lets go of the ring."""
        self._speaker.close()
