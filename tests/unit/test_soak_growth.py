"""How the soak tells a leak from memory that comes and goes."""

from __future__ import annotations

import random

import pytest

from tests.bench.soak import growth_mb_h

_EVERY_S, _MINUTES = 10.0, 30


def _samples(leak_mb_h: float, busy_minutes: range) -> list[tuple[int, float, float]]:
    """Of a process with 224 MB that has 2 to 40 MB in use now and then, and throughout some minutes."""
    generator = random.Random(1)
    samples = []
    for number in range(_MINUTES * 6):
        at_s = number * _EVERY_S
        is_busy = at_s // 60 in busy_minutes
        in_use_mb = generator.uniform(12, 40) if is_busy else generator.choice((0.0, 0.0, 14.0, 30.0))
        samples.append((7, at_s, 224 + leak_mb_h * at_s / 3600 + in_use_mb))
    return samples


@pytest.mark.parametrize("leak_mb_h", [0.0, 12.0])
@pytest.mark.parametrize("busy_minutes", [range(0), range(6, 9), range(18, 22)])
def test_growth_is_told_whatever_is_in_use_in_busy_minutes(leak_mb_h: float, busy_minutes: range) -> None:
    growth = growth_mb_h(_samples(leak_mb_h, busy_minutes))
    assert growth == pytest.approx(leak_mb_h, abs=3)


def test_what_was_observed_too_briefly_tells_nothing() -> None:
    assert growth_mb_h(_samples(0.0, range(0))[:40]) is None
