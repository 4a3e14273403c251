"""wren-wake: hears the wake words in the room's microphone ring, unless Wren says them itself."""

from __future__ import annotations

import logging
import sys

from device.bus.paths import GATED, LOST, MUTED, microphone_ring
from device.bus.ring import RingReader
from device.events import FRAME_MS, Event, ReplyAudio, WakeDetected
from device.faults import Fault
from device.hearing.loading import files_of
from device.hearing.own_voice import OwnVoice
from device.hearing.wake import WakeDetector
from device.services.daemon import STEP_S, Daemon, run
from device.services.places import Places
from device.settings import Settings

_LOOK_BACK_FRAMES = 200  # words that were said while it was being started again
_FRAMES_A_STEP = 160

log = logging.getLogger(__name__)


class WakeDaemon(Daemon):
    """Reads the ring chunk by chunk; silenced frames are left out."""

    name = "wake"

    def start(self) -> None:
        """Loads the models. Raises Fault when one is missing."""
        self._detector = WakeDetector(files_of("wake"), self.settings.wake.words)
        self._own_voice, self._places = OwnVoice(), Places(self.runtime)
        self._ring = RingReader(microphone_ring(self.runtime))
        self._ring.seek(self._ring.head - _LOOK_BACK_FRAMES)
        self._tell()

    def step(self) -> None:
        """Sleeps until a chunk is complete, then hears it."""
        behind = self._ring.head - self._ring.cursor
        self.bus.wait(max(0, self._detector.missing_frames - behind - 1) * FRAME_MS / 1000)
        self._ring.wait(STEP_S)
        for _ in range(_FRAMES_A_STEP):
            frame = self._ring.read()
            if frame is None:
                return
            if frame.restarted or frame.tag & LOST:
                self._detector.restart()
            if frame.position >= 0:
                self._own_voice.leaves(frame.index, frame.position)
            if frame.tag & (GATED | MUTED):
                continue
            for heard in self._detector.accept(frame.index, frame.samples):
                if self._own_voice.says(heard.word, heard.frame, self._places.place):
                    self._detector.refuse(heard.word)
                    log.info("said it itself", extra={"word": heard.word, "score": heard.score})
                    continue
                self.bus.send(WakeDetected(frame=heard.frame, word=heard.word, score=heard.score))

    def on_event(self, event: Event) -> None:
        """Learns what Wren is about to say."""
        if isinstance(event, ReplyAudio):
            self._own_voice.announce(event)

    def on_settings(self, settings: Settings) -> None:
        """Takes over words and thresholds; keeps the old ones when a model is not there."""
        super().on_settings(settings)
        try:
            self._detector.configure(settings.wake.words)
        except Fault as fault:
            self.failed(fault.message, fault.hint)
        self._tell()

    def close(self) -> None:
        """Lets go of the rings."""
        if hasattr(self, "_ring"):
            self._ring.close()
            self._places.close()

    def _tell(self) -> None:
        self.status(f"listening for {', '.join(self._detector.words) or 'nothing'}")


if __name__ == "__main__":
    sys.exit(run(WakeDaemon))
