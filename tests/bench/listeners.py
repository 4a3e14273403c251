"""People who murmur, and people who begin to speak with the same sounds, to train the witness of barge-in.

From Debian packages: the vowels of the alphabets in `klettres-data` (one speaker for each language; GPL-2+) and
the exclamations and short sentences of `hedgewars-data` (one speaker for each voice; GPL-2, some under other
free licences). `HELD_OUT` speakers are for tests. Wren's own voice says "uh-huh" too; other throats are made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soxr

from device.hearing import RATE_HZ, Floats
from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.loading import load_voice
from device.speech.synthesizer import Synthesizer
from tests.bench.vocoder import FRAMES_PER_S, Analysis, analysed, joined

_ALPHABETS = Path("/usr/share/klettres")
_VOICES = Path("/usr/share/games/hedgewars/Data/Sounds/voices")
HELD_OUT = ("nl", "pt_BR", "da", "en_GB", "British", "Mobster", "Surfer", "Default_ru")
_NO_PERSON = ("Robot",)
_VOWEL_FILES = (
    *("a", "aa", "ae", "e", "o", "oe", "oo", "ou", "u", "ue", "A", "O", "a-0"),
    *("a1", "a2", "e1", "e2", "o1", "o2", "o3", "o4", "u1", "u2", "u3", "u4"),
    *("U0061", "U0065", "U006F", "U0075", "U00E5", "U00E6", "U00F8"),
)
_CONSONANTS = ("en_GB/u", "en_GB/e")  # "you"
_EXCLAMATIONS = ("Hmm", "Ooff", "Ow", "Jump", "Laugh", "Ouch")
_NEITHER = ("Oops", "Uh-oh", "Ohdear")
MURMURS = [
    "Uh-huh.",
    "Uh huh.",
    "Ah.",
    "Ah!",
    "Oh.",
    "Oh?",
    "Ooh.",
    "Uh.",
    "Huh.",
    "Aha.",
    "Eh.",
    "Aw.",
    "Mm.",
    "Hm.",
]
OPENINGS = [
    "A cup of coffee.",
    "Oh no, stop that.",
    "Are you sure?",
    "Is it raining?",
    "Add milk to my list.",
    "Off.",
    "On.",
    "Again.",
    "Enough.",
    "Ask Anna to call me.",
    "I don't want that.",
    "It's too loud.",
    "How are you?",
    "Hang on.",
    "Hold it.",
    "Half as bright.",
    "Only the hall.",
    "Open up.",
    "Also lock the door.",
    "Other one.",
    "Eight o'clock.",
    "Almost done?",
    "Any news?",
    "All right.",
    "Our room.",
    "Ah, wait.",
    "Who is there?",
    "Hello?",
    "Actually, never mind.",
    "Every light.",
    "Under the bed.",
    "I'm cold.",
]


class Listeners:
    """Files of one person each."""

    def __init__(self, speakers: Sequence[str] | None = None) -> None:
        """Of `speakers`, or of all but those who are held out."""
        folders = [folder for root in (_ALPHABETS, _VOICES) for folder in sorted(root.glob("*/"))]
        self._folders = [
            folder
            for folder in folders
            if folder.name not in _NO_PERSON
            and (folder.name not in HELD_OUT if speakers is None else folder.name in speakers)
        ]
        self.vowels = [
            file
            for file in self._files("alpha/*.ogg")
            if file.stem in _VOWEL_FILES and f"{file.parts[-3]}/{file.stem}" not in _CONSONANTS
        ]
        said = self._files("*.ogg")
        self.exclamations = [file for file in said if file.stem.startswith(_EXCLAMATIONS)]
        self.sentences = [file for file in said if not file.stem.startswith((*_EXCLAMATIONS, *_NEITHER))]

    def _files(self, pattern: str) -> list[Path]:
        return [file for folder in self._folders for file in sorted(folder.glob(pattern))]

    def vowel(self, rng: np.random.Generator) -> Path:
        """A letter's name that is a vowel."""
        return self.vowels[rng.integers(len(self.vowels))]

    def exclamation(self, rng: np.random.Generator) -> Path:
        """No word."""
        return self.exclamations[rng.integers(len(self.exclamations))]

    def sentence(self, rng: np.random.Generator) -> Path:
        """A word or some."""
        return self.sentences[rng.integers(len(self.sentences))]

    def said(self, texts: Sequence[str], rng: np.random.Generator) -> Floats:
        """One of `texts` by Wren's voice."""
        style = Style(speed=float(rng.uniform(0.7, 1.3)), deterministic=True)
        text, voice = texts[rng.integers(len(texts))], _wren()
        sound = np.concatenate([*voice.say(text, style, Cancellation()).chunks]).astype(np.float32) / 32768
        resampled: Floats = soxr.resample(sound, voice.rate_hz, RATE_HZ)
        return resampled


@cache
def _wren() -> Synthesizer:
    return load_voice("")


def murmured(vowel: Floats, rng: np.random.Generator) -> Floats:
    """A vowel as a listener says it: short, or twice with a breath between."""
    voice = analysed(vowel)
    voiced = np.flatnonzero(voice.pitch > 0)
    if len(voiced) < 10:
        return vowel
    voice = voice.at(np.arange(voiced[0], voiced[-1] + 1))
    if rng.random() < 0.45:
        return _lasting(voice, rng.uniform(0.13, 0.45)).sound()
    first, second = _lasting(voice, rng.uniform(0.07, 0.22)), _lasting(voice, rng.uniform(0.1, 0.35))
    breath = first.at(np.full(max(1, round(rng.uniform(0.02, 0.12) * FRAMES_PER_S)), len(first.pitch) - 1))
    breath = Analysis(breath.pitch * 0, breath.spectra * rng.uniform(1e-3, 0.1), np.ones_like(breath.breath))
    second = second._replace(pitch=second.pitch * rng.uniform(0.8, 1.35))
    return joined((first, breath, second)).sound()


def _lasting(voice: Analysis, seconds: float) -> Analysis:
    return voice.at(np.linspace(0, len(voice.pitch) - 1, round(seconds * FRAMES_PER_S)).astype(int))
