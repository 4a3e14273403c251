"""Where in a reply a sample of the speaker ring belongs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from device.bus.paths import LAST_FRAME, speaker_ring, speaker_spec
from device.bus.ring import RingWriter
from device.hearing.own_voice import Place
from device.services.places import Places

RATE_HZ = 22_050


def _spoken(runtime: Path, turn: int, clause: int, frames: int) -> RingWriter:
    ring = RingWriter(speaker_ring(runtime), speaker_spec(RATE_HZ))
    size = ring.spec.frame_samples
    for number in range(frames):
        last = LAST_FRAME if number == frames - 1 else 0
        ring.write(np.zeros(size, np.int16), position=number * size, turn=turn, tag=clause | last)
    return ring


def test_a_sample_of_the_ring_has_its_clause_and_a_place_in_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.place(0)
    ring = _spoken(tmp_path, turn=3, clause=1, frames=50)
    places.place(0)
    assert places.place(2 * ring.spec.frame_samples + 7) == Place(3, 1, 2 * ring.spec.frame_samples + 7)
    assert places.place(49 * ring.spec.frame_samples) == Place(3, 1, 49 * ring.spec.frame_samples)
    assert places.place(50 * ring.spec.frame_samples) is None
    places.close()
    ring.close(unlink=True)


def test_a_ring_that_was_made_anew_is_found_though_it_is_shorter(tmp_path: Path) -> None:
    places = Places(tmp_path)
    old = _spoken(tmp_path, turn=3, clause=1, frames=500)
    places.place(0)
    assert places.place(0) == Place(3, 1, 0)
    old.close(unlink=True)
    new = _spoken(tmp_path, turn=4, clause=0, frames=5)
    places.place(0)
    assert places.place(0) == Place(4, 0, 0)
    places.close()
    new.close(unlink=True)
