"""The turn that the loudspeaker is in, as the newest microphone frame tells it.

Events of a turn that began before a process did are lost to it, and after everything was killed nobody has
sent any; the audio daemon goes on with the turn it finds in its rings, and plays nothing older.
"""

from __future__ import annotations

from pathlib import Path

from device.bus.paths import microphone_ring
from device.bus.ring import RingReader


def playing_turn(runtime: Path) -> int:
    """That turn; 0 while there is no ring."""
    ring = RingReader(microphone_ring(runtime))
    try:
        ring.wait(0)
        ring.seek(ring.head - 1)
        frame = ring.read()
    finally:
        ring.close()
    return frame.turn if frame is not None else 0
