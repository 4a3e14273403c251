"""Recordings for the end of a turn: what people and other voices say, with and without pauses in the middle.

| group        | what it is                                                                              |
|--------------|-----------------------------------------------------------------------------------------|
| `commands`   | people saying short commands                                                            |
| `one_breath` | a person's "alexa" and a command 150 ms after it                                        |
| `long`       | people ordering coffee in long sentences                                                |
| `read`       | sentences and prompts, of which some are several sentences                              |
| `disfluent`  | hesitations, repairs and cut-offs                                                       |
| `paused`     | people's commands held at the quietest place in the middle for 200 to 800 ms            |
| `hesitating` | other voices' commands that stop where somebody would think ("turn on the … hall light") |
| `television` | people's commands with other people's talk 20 dB below                                  |
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from device.hearing import FRAME_SAMPLES, Samples, frames_of
from device.hearing.transcribe import voiced_spans
from device.hearing.vad import SileroVad, level_db
from tests.hearing import RULES, frames, in_room, say
from tests.recordings import Recording, recordings
from tests.voices import VOICES

HESITATIONS = (
    ("turn on the", "kitchen light"),
    ("set the thermostat to", "twenty one degrees"),
    ("turn off the bathroom light and", "the hallway light"),
    ("is the", "front door locked"),
    ("close the curtains in the", "bedroom"),
    ("make the bedroom light", "blue"),
    ("dim the office light to", "thirty percent"),
    ("could you", "turn off the printer"),
    ("what is the temperature in the", "bathroom"),
    ("turn", "the garage light off"),
)
PAUSES_MS = (200, 350, 500, 650, 800)
_BEFORE, _AFTER = 100, 250  # frames of the room round every clip
_ONE_BREATH_FRAMES = 15
_LONGEST_S = 9.0
_PEAK = 10_000
_TELEVISION_DB = -20.0
_SHORTEST_VOICE_MS = 100
_INNER_PAUSE_MS = 200


class Clip(NamedTuple):
    """Something said in a room, and the first and last frames of the voices in it."""

    group: str
    name: str
    sound: Samples
    voices: tuple[tuple[int, int], ...]
    after_wake_word: bool = False

    @property
    def last_voiced_frame(self) -> int:
        """Where the last voice ends."""
        return self.voices[-1][1]

    @property
    def paused(self) -> bool:
        """Whether there is a pause of 200 ms between two voices."""
        gaps = (after[0] - before[1] for before, after in itertools.pairwise(self.voices))
        return any(gap >= frames_of(_INNER_PAUSE_MS) for gap in gaps)


def clips(vad: SileroVad, *, quick: bool = False) -> Iterator[Clip]:
    """All of them, or a sixth."""
    step = 6 if quick else 1
    commands = recordings("cmd_speech")[::step]
    alexas = recordings("wake_pos", "alexa")
    talk = np.concatenate([_level(clip.samples()) for clip in _talk()])
    for group, found in (
        ("commands", commands),
        ("long", recordings("cmd_speech_slots")[:: 6 * step]),
        ("read", [clip for clip in recordings("read_speech") if 1 < clip.seconds < _LONGEST_S][:: 3 * step]),
        ("disfluent", [clip for clip in recordings("disfluent_speech") if clip.seconds < _LONGEST_S][::step]),
    ):
        for clip in found:
            yield from _clip(vad, group, clip.path.stem, _level(clip.samples()))
    for number, clip in enumerate(commands):
        sound = _tight(vad, _level(clip.samples()))
        pause_ms = PAUSES_MS[number % len(PAUSES_MS)]
        yield from _clip(vad, "paused", f"{clip.path.stem} {pause_ms}", *_held(sound, pause_ms))
        wake = _tight(vad, _level(alexas[number * 5 % len(alexas)].samples()))
        for made in _clip(vad, "one_breath", clip.path.stem, wake, _ONE_BREATH_FRAMES, sound):
            yield made._replace(after_wake_word=True)
        for made in _clip(vad, "television", clip.path.stem, sound) if number % 3 == 0 else ():
            begin = number * len(made.sound) % max(1, len(talk) - len(made.sound))
            under = talk[begin : begin + len(made.sound)] * 10 ** (_TELEVISION_DB / 20)
            yield made._replace(sound=(made.sound + under).astype(np.int16))
    for number, (begin_text, end_text) in enumerate(HESITATIONS[::step]):
        for turn, pause_ms in enumerate(PAUSES_MS):
            voice = VOICES[(number + turn) % len(VOICES)]
            parts = (_level(say(begin_text, voice)), frames_of(pause_ms), _level(say(end_text, voice)))
            yield from _clip(vad, "hesitating", f"{begin_text} … {end_text} {pause_ms}", *parts)


def _talk() -> list[Recording]:
    return [clip for clip in recordings("neg_speech") if clip.seconds > 3][:6]


def _clip(vad: SileroVad, group: str, name: str, *parts: Samples | int) -> Iterator[Clip]:
    """A clip, unless nobody is heard in it."""
    sound = in_room(_BEFORE, *parts, _AFTER)
    voices = tuple(
        (first, last)
        for first, last in voiced_spans(sound, vad, RULES.vad_threshold)
        if last - first >= frames_of(_SHORTEST_VOICE_MS)
    )
    if voices:
        yield Clip(group, name, sound, voices)


def _held(sound: Samples, pause_ms: int) -> tuple[Samples, int, Samples]:
    """`sound` cut where it is quietest in its middle third, and the pause in frames."""
    levels = np.array([level_db(frame) for frame in frames(sound)])
    smooth = np.convolve(levels, np.ones(3) / 3, mode="same")
    third = len(levels) // 3
    cut = (third + int(np.argmin(smooth[third : 2 * third]))) * FRAME_SAMPLES
    return sound[:cut], frames_of(pause_ms), sound[cut:]


def _tight(vad: SileroVad, sound: Samples) -> Samples:
    """`sound` without what comes before and after the voice."""
    room = in_room(30, sound, 30)
    spans = list(voiced_spans(room, vad, RULES.vad_threshold))
    return room[spans[0][0] * FRAME_SAMPLES : (spans[-1][1] + 1) * FRAME_SAMPLES] if spans else sound


def _level(sound: Samples) -> Samples:
    levelled: Samples = (sound * (_PEAK / max(1, int(np.abs(sound).max())))).astype(np.int16)
    return levelled
