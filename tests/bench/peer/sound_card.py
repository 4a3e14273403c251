"""A sound card of the peer's without hardware: it keeps real time in 10 ms frames.

At each tick a block leaves the loudspeaker, if the pipeline has left one, and a microphone frame enters the
pipeline. The ticks are on absolute deadlines, so a late one is caught up with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.bench.peer.job import FRAME_MS, Span
from tests.bench.peer.microphone import Microphone

_TICK_S = FRAME_MS / 1000
_LATE_S = 0.02
_SAME_ANSWER_FRAMES = 5  # a gap this short is an underrun, not the end of an answer


class SoundCard:
    """`deliver` gets each microphone frame, on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[bytes], None]) -> None:
        self._loop, self._deliver = loop, deliver
        self._free = asyncio.Semaphore(1)
        self._waiting = False
        self.frame = 0
        self.answers: list[Span] = []
        self.late_frames = 0

    async def play(self) -> None:
        """Hands over 10 ms to the loudspeaker once there is room for them: one block waits at most."""
        await self._free.acquire()
        self._waiting = True

    @property
    def silent_frames(self) -> int:
        """How long no answer has been heard."""
        return self.frame - self.answers[-1].last if self.answers else self.frame

    def run(self, microphone: Microphone, is_idle: Callable[[], bool]) -> None:
        """Keeps time until the microphone's scene has ended; to be called on a thread."""
        origin_s = time.monotonic() - self.frame * _TICK_S
        while not microphone.ended:
            delay_s = origin_s + self.frame * _TICK_S - time.monotonic()
            self.late_frames += -delay_s > _LATE_S
            time.sleep(max(0.0, delay_s))
            sounding, self._waiting = self._waiting, False
            if sounding:
                self._loop.call_soon_threadsafe(self._free.release)
                self._note_answer()
            samples = microphone.block(idle=is_idle(), sounding=sounding)
            self._loop.call_soon_threadsafe(self._deliver, samples.tobytes())
            self.frame += 1

    def _note_answer(self) -> None:
        if self.answers and self.frame - self.answers[-1].last <= _SAME_ANSWER_FRAMES:
            self.answers[-1].last = self.frame
        else:
            self.answers.append(Span(self.frame, self.frame))
