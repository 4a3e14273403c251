"""What the movement of a spectrum tells: a held tone and words, loud or quiet."""

from __future__ import annotations

from itertools import islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device.hearing import RATE_HZ, Floats, Samples
from device.hearing.spectrum import SHAPE, Spectrum
from tests.hearing import frames
from tests.recordings import ambience, recordings

_FRAMES = 30
_BANDS = (SHAPE - 6) // 4


def _shape(sound: Samples) -> Floats:
    spectrum = Spectrum()
    for frame in islice(frames(sound), _FRAMES):
        spectrum.accept(frame)
    return spectrum.shape(_FRAMES)


def _movement(shape: Floats) -> float:
    return float(shape[2 * _BANDS : 3 * _BANDS].mean())


def _hum() -> Samples:
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    partials = np.arange(1, 30)[:, None]
    voice = (np.sin(2 * np.pi * 140 * partials * time_s) / partials).sum(0)
    hum: Samples = (3000 * voice).astype(np.int16)
    return hum


def test_words_move_the_spectrum_more_than_a_hum() -> None:
    words = [_shape(one.samples()[8000:16000]) for one in recordings("cmd_speech")[::5]]
    assert np.median([_movement(shape) for shape in words]) > 2 * _movement(_shape(_hum()))


def test_how_loud_it_is_does_not_matter() -> None:
    hum = _hum()
    assert np.allclose(_shape(hum), _shape((hum // 2).astype(np.int16)), atol=0.05)


def test_too_little_sound_has_no_shape() -> None:
    assert not Spectrum().shape(10).any()


@given(st.integers(0, 200), st.integers(0, 90))
def test_a_shape_is_always_finite_and_as_long(heard: int, asked: int) -> None:
    spectrum = Spectrum()
    for frame in frames(ambience(heard)) if heard else ():
        spectrum.accept(frame)
    shape = spectrum.shape(asked)
    assert shape.shape == (SHAPE,)
    assert np.isfinite(shape).all()


@given(st.sets(st.integers(0, 199), max_size=20))
def test_a_shape_does_not_depend_on_when_others_were_asked_for(asked: set[int]) -> None:
    often, once = Spectrum(), Spectrum()
    for at, frame in enumerate(frames(ambience(200))):
        often.accept(frame)
        once.accept(frame)
        if at in asked:
            often.shape(20)
    assert np.allclose(often.shape(60), once.shape(60), atol=1e-5)
