"""The seam between the audio daemon and whatever stands for the sound card.

A backend takes 10 ms blocks from the playback as its loudspeaker needs them and hands out 10 ms microphone
frames, each with the blocks that began to leave the loudspeaker during it: the playback clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from device.audio.playback import Block, Playback
from device.events import Event
from device.faults import Fault
from device.settings import Settings


class Captured(NamedTuple):
    """One microphone frame."""

    samples: NDArray[np.int16] | None  # [160] at 16 kHz; None while there is no microphone
    leaving: tuple[Block, ...] = ()  # their first sample left the loudspeaker during this frame
    playing: Block | None = None  # what was leaving at any time of this frame
    position: int = -1  # speaker-ring sample that left as the frame began, or -1
    lost: bool = False  # samples were lost just before
    slipped: bool = False  # the far end has just moved against the microphone, or may have
    events: tuple[Event, ...] = ()  # what the simulated people do at this frame
    far_end: NDArray[np.int16] | None = None  # [160] at 16 kHz that left the loudspeaker; None: silence
    early_ms: int = 0  # so much sooner than it leaves `far_end` is given
    raw: NDArray[np.int16] | None = None  # [160] of a bare microphone, where an array made `samples`
    loopback: NDArray[np.int16] | None = None  # [160] of the array's reference channel


@dataclass(frozen=True)
class Devices:
    """What is in use; an empty name is a device that is not there."""

    input: str
    output: str
    rate_hz: int


class Backend(Protocol):
    """A microphone and a loudspeaker. Nothing here blocks; all is called from one thread."""

    @property
    def devices(self) -> Devices:
        """What is in use now."""

    @property
    def xruns(self) -> int:
        """Overruns and underruns so far."""

    @property
    def wake_ups(self) -> tuple[int, ...]:
        """File descriptors that become readable when there is something to exchange."""

    def timeout_s(self) -> float:
        """How long to sleep at most until the next exchange."""

    def exchange(self, playback: Playback) -> list[Captured]:
        """Moves sound both ways: what is due from `playback` out, what was heard in."""

    def faults(self) -> list[Fault]:
        """What went wrong since the last call."""

    def notice(self, event: Event) -> None:
        """Tells the backend what happens in the conversation."""

    def follow(self, drift_ppm: float) -> None:
        """The loudspeaker's clock runs so much faster than the microphone's, as echo tells."""

    def apply(self, settings: Settings) -> None:
        """Takes over changed settings."""

    def close(self) -> None:
        """Releases the devices."""
