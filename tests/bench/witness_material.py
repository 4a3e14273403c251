"""Sounds to train the witness of barge-in with: words, and voiced or sudden sounds that are none.

From Debian packages: the prompts of five speakers in `asterisk-core-sounds-{en,es,fr,it,ru}-g722` (CC BY-SA
3.0) and the readers of `pocketsphinx-testdata` (BSD and public domain); music of `asterisk-moh-opsound-g722`
(CC BY-SA 3.0), `singularity-music`, `hyperrogue-music`,
`fretsonfire-songs-sectoid` and `drascula-music` (free games under their own free licences);
effects of `colobot-common-sounds` and `pingus-data`. From the shared data: the wake words of Picovoice's
wake-word-benchmark (Apache-2.0) and of Mycroft's Precise-Community-Data (public domain). Two tracks of music
that tests listen to are left out, and tests leave out these speakers. Words and the murmurs of a listener also
come from flite and espeak-ng, in other voices than the tests use. WORLD (Morise 2016, by way of pyworld) turns
the few speakers into many, holds a vowel or nasal for a hum, laughs, sings, and coughs.

Sounds are float32[n] at 16 kHz.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from device.audio.files import load
from device.hearing import RATE_HZ, Floats
from tests.bench.double_talk import loud_rms
from tests.recordings import available, recordings

_PROMPTS = Path("/usr/share/asterisk/sounds")
_READERS = Path("/usr/share/pocketsphinx/test/data")
_HOLD_MUSIC, _TESTED = Path("/usr/share/asterisk/moh"), ("robot_dity", "cold_day")
_GAMES = Path("/usr/share/games")
_MUSIC = (
    *(_GAMES / game for game in ("singularity", "fretsonfire", "colobot/music")),
    Path("/usr/share/hyperrogue/music"),
    Path("/usr/share/scummvm/drascula/audio"),
)
_EFFECTS = (_GAMES / "colobot/sounds", _GAMES / "pingus/data/sounds")
_CALLERS = ("Picovoice/wake-word-benchmark", "MycroftAI/Precise-Community-Data")
_NO_SPEECH = ("digits", "letters", "phonetic", "silence", "beep", "tone", "monkeys")
_SENTENCES = [
    "Turn on the kitchen light.",
    "What's the weather tomorrow?",
    "Wait, I meant the other one.",
    "Stop.",
    "Set a timer.",
    "Please close the blinds.",
    "How long is left?",
    "Actually make it ten minutes.",
    "Open the garage door.",
    "No, not that.",
    "Dim the lights.",
    "Play some music.",
    "Cancel the timer.",
    "Can you repeat that?",
    "I want the heating off.",
    "Never mind.",
    "Is the front door locked?",
    "Where is my phone?",
    "Why is it so cold?",
    "All lights off.",
    "Only the desk lamp.",
    "Okay, now the television.",
    "Hey, stop talking.",
    "Tell me a joke.",
    "Good night.",
    "Yes, do that.",
    "Lower the volume.",
    "Under the table.",
    "Every lamp in the house.",
    "My room is too dark.",
    "Excuse me.",
    "You didn't understand me.",
]
_ESPEAK = (
    *(f"en-us+{person}" for person in ("m1", "m2", "m3", "m4", "m5", "m6", "m8", "f1", "f3", "f4", "f5")),
    *("en-us", "en-gb", "en-gb-scotland", "en-us+klatt", "en-us+klatt2", "en-us+croak", "en-us+Annie"),
)
_FLITE = ("awb", "kal16", "kal")
USUAL = {
    "words": 0.46,
    "interjection": 0.28,
    "cough": 0.06,
    "bang": 0.04,
    "effect": 0.03,
    "tune": 0.07,
    "song": 0.06,
}
MUSICAL = {"words": 0.4, "interjection": 0.2, "tune": 0.25, "song": 0.15}
_LONGEST = round(1.8 * RATE_HZ)
_FRAMES_PER_S = 200  # WORLD's

_Contour = NDArray[np.float64]


# Sounds of a listener in the phonemes of espeak-ng and of flite, since either spells "mhm" by its letters.
_INTERJECTIONS = (
    ("m'h@m", "m hh m"),
    ("m'hm:", "m m hh m m"),
    ("m:h'm:", "m m m hh m m"),
    ("m'm", "m m"),
    ("m:", "m m m"),
    ("m:'m:", "m m pau m m"),
    ("h'm:", "hh m m m"),
    ("h@m", "hh ah m"),
    ("@m", "ah m m"),
    ("'Vh'V", "ah hh ah"),
    ("V'hV", "ah ah hh ah ah"),
    ("'Vm", "ah m"),
    ("'V", "ah"),
    ("h'V", "hh ah"),
    ("'A:", "aa aa"),
    ("'A::", "aa aa aa"),
    ("'oU", "ow"),
    ("'oU:", "ow ow"),
    ("'u:", "uw uw"),
    ("'3:", "er er"),
    ("'eI", "ey"),
    ("A:h'A:", "aa hh aa"),
    ("h'A: hA: hA:", "hh aa hh aa hh aa"),
    ("h'E hE hE hE", "hh eh hh eh hh eh hh eh"),
)


class Example(NamedTuple):
    """`kind` is "words" when somebody speaks, and means it."""

    sound: Floats
    kind: str


class _Analysis(NamedTuple):
    """What WORLD makes of a voice: pitch in Hz[n], spectra[n, 513] and their aperiodicity[n, 513]."""

    pitch: _Contour
    spectra: _Contour
    breath: _Contour

    def at(self, frames: NDArray[np.int_]) -> _Analysis:
        return _Analysis(self.pitch[frames], self.spectra[frames], self.breath[frames])

    def sound(self) -> Floats:
        pitch, spectra, breath = (np.ascontiguousarray(part) for part in self)
        synthesised: Floats = pyworld.synthesize(pitch, spectra, breath, RATE_HZ).astype(np.float32)
        return synthesised


class Material:
    """Draws examples for ever."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        speakers = [sorted(folder.rglob("*.g722")) for folder in sorted(_PROMPTS.iterdir())]
        self._speakers = [[file for file in files if _is_speech(file)] for files in speakers]
        self._speakers = [files for files in self._speakers if files]
        self._speakers.append(sorted(_READERS.rglob("*.wav")))
        self._callers = [
            one.path
            for category in ("wake_pos", "wake_other_word", "neg_speech")
            for one in (recordings(category) if available() else ())
            if one.source in _CALLERS
        ]
        hold = [file for file in _HOLD_MUSIC.glob("*.g722") if not any(name in file.name for name in _TESTED)]
        self._music = sorted([*hold, *(file for folder in _MUSIC for file in folder.rglob("*.ogg"))])
        self._effects = sorted(file for folder in _EFFECTS for file in folder.rglob("*.[ow][ga][gv]"))

    def draw(self, shares: Mapping[str, float]) -> Example:
        """The next example, of each kind its share."""
        kind = str(self._rng.choice(list(shares), p=list(shares.values())))
        sound: Floats = getattr(self, f"_{kind}")()
        if len(sound) < RATE_HZ // 20 or not np.abs(sound).max() > 1e-3:
            return self.draw(shares)
        return Example(sound.astype(np.float32), kind)

    def _words(self) -> Floats:
        if self._rng.random() < 0.25:
            return _trimmed(self._synthetic(_SENTENCES))[:_LONGEST]
        sound = self._person()[: round(2.2 * RATE_HZ)]
        return (self._other_voice(sound) if self._rng.random() < 0.5 else sound)[:_LONGEST]

    def _interjection(self) -> Floats:
        if self._rng.random() < 0.6:
            sound = _trimmed(self._synthetic(_INTERJECTIONS))
            return (self._other_voice(sound) if self._rng.random() < 0.4 else sound)[:RATE_HZ]
        return self._hum()

    def _person(self) -> Floats:
        files = self._callers
        if not files or self._rng.random() < 0.5:
            files = self._speakers[self._rng.integers(len(self._speakers))]
        return _trimmed(_decoded(files[self._rng.integers(len(files))]))

    def _synthetic(self, texts: Sequence[str | tuple[str, str]]) -> Floats:
        """One of `texts`; a pair is in the phonemes of espeak-ng and in those of flite."""
        text, rng = texts[int(self._rng.integers(len(texts)))], self._rng
        with tempfile.TemporaryDirectory() as folder:
            out = f"{folder}/said.wav"
            if rng.random() < 0.65:
                voice, pace, pitch = str(rng.choice(_ESPEAK)), rng.integers(110, 220), rng.integers(20, 80)
                phrase = text if isinstance(text, str) else f"[[{text[0]}]]"
                command = ["espeak-ng", "-v", voice, "-s", str(pace), "-p", str(pitch), "-w", out, phrase]
            else:
                stretch = f"duration_stretch={rng.uniform(0.8, 1.5):.2f}"
                said = ["-t", text] if isinstance(text, str) else ["-p", f"pau {text[1]} pau"]
                command = ["flite", "-voice", str(rng.choice(_FLITE)), "--setf", stretch, *said, "-o", out]
            subprocess.run(command, check=True, capture_output=True)
            return load(out, RATE_HZ)

    def _other_voice(self, sound: Floats) -> Floats:
        """The same words at another pitch and pace, from a longer or shorter throat."""
        rng, voice = self._rng, _analysed(sound)
        voiced = voice.pitch > 0
        usual = float(np.median(voice.pitch[voiced])) if voiced.any() else 150.0
        wanted, melody = float(np.exp(rng.uniform(np.log(85), np.log(290)))), rng.uniform(0.7, 1.4)
        pitch = np.where(voiced, np.clip(wanted * (np.maximum(voice.pitch, 1) / usual) ** melody, 60, 450), 0)
        pace = np.arange(0, len(pitch), rng.uniform(0.8, 1.25)).astype(int)
        return _Analysis(pitch, _warped(voice.spectra, rng.uniform(0.8, 1.2)), voice.breath).at(pace).sound()

    def _hum(self) -> Floats:
        """One vowel or nasal, held once, or twice with a breath between."""
        rng, voice = self._rng, _analysed(self._person()[: 3 * RATE_HZ])
        voiced = np.flatnonzero(voice.pitch > 0)
        if len(voiced) < 20:
            return self._hum()
        if rng.random() < 0.12:
            return self._laugh(voice, int(rng.choice(voiced)))
        if rng.random() < 0.4:  # nasals have the least above 750 Hz
            high = voice.spectra[voiced, 48:].sum(1) / voice.spectra[voiced].sum(1)
            voiced = voiced[np.argsort(high)[: max(3, len(voiced) // 6)]]
        held, length = int(rng.choice(voiced)), round(rng.uniform(0.14, 0.5) * _FRAMES_PER_S)
        base = float(np.exp(rng.uniform(np.log(80), np.log(280))))
        parts = [self._held(voice, held, length, base)]
        if rng.random() < 0.65:
            gap = voice.at(np.full(round(rng.uniform(0.02, 0.12) * _FRAMES_PER_S) + 1, held))
            quiet = gap.spectra * rng.uniform(1e-4, 3e-2)
            parts.append(_Analysis(gap.pitch * 0, quiet, np.ones_like(gap.breath)))
            second = max(20, round(length * rng.uniform(0.6, 1.6)))
            parts.append(self._held(voice, held, second, base * rng.uniform(0.9, 1.25)))
        return _Analysis(*(np.concatenate(some) for some in zip(*parts, strict=True))).sound()[:RATE_HZ]

    def _laugh(self, voice: _Analysis, held: int) -> Floats:
        """One vowel again and again, each time behind a breath."""
        rng = self._rng
        base, beat = float(np.exp(rng.uniform(np.log(110), np.log(380)))), round(rng.uniform(14, 26))
        parts: list[_Analysis] = []
        for number in range(int(rng.integers(3, 7))):
            breath = voice.at(np.full(round(beat * rng.uniform(0.4, 1)), held))
            parts.append(_Analysis(breath.pitch * 0, breath.spectra * 0.02, np.ones_like(breath.breath)))
            parts.append(self._held(voice, held, beat + 8, base * rng.uniform(0.93, 1.02) ** number))
        return _Analysis(*(np.concatenate(some) for some in zip(*parts, strict=True))).sound()[:RATE_HZ]

    def _held(self, voice: _Analysis, frame: int, length: int, base: float) -> _Analysis:
        rng, steps = self._rng, np.arange(length)
        drift = np.clip(frame + np.cumsum(rng.normal(0, 0.15, length)).astype(int), 0, len(voice.pitch) - 1)
        fade = np.minimum(1, np.minimum(steps / 8, (length - steps) / 10))
        pitch = np.linspace(base * rng.uniform(0.85, 1.2), base * rng.uniform(0.75, 1.3), length)
        spectra = voice.spectra[drift] * (fade[:, None] ** 2 + 1e-8)
        return _Analysis(pitch, spectra, voice.breath[np.full(length, frame)])

    def _cough(self) -> Floats:
        """One to three bursts of breath through a mouth, the second half of some with voice."""
        rng, voice = self._rng, _analysed(self._person()[: 3 * RATE_HZ])
        loudness = voice.spectra.sum(1)
        loud = np.flatnonzero(loudness > np.percentile(loudness, 60))
        bursts: list[Floats] = []
        for _ in range(int(rng.integers(1, 4))):
            length = round(rng.uniform(0.1, 0.32) * _FRAMES_PER_S)
            steps = np.arange(length)
            fall = np.minimum(1, steps / rng.uniform(1, 4)) * np.exp(-steps / (length / rng.uniform(1.5, 5)))
            one = voice.at(np.full(length, rng.choice(loud)))
            pitch, breath = np.zeros(length), np.ones_like(one.breath)
            if rng.random() < 0.45:
                half = round(length * rng.uniform(0.3, 0.7))
                pitch[half:], breath[half:] = rng.uniform(100, 380), rng.uniform(0.3, 0.8)
            bursts.append(_Analysis(pitch, one.spectra * (fall[:, None] ** 2 + 1e-9), breath).sound())
            bursts.append(np.zeros(round(rng.uniform(0.04, 0.25) * RATE_HZ), np.float32))
        return np.concatenate(bursts)

    def _bang(self) -> Floats:
        """Knocks, claps and doors: noise and a few resonances that die away."""
        rng = self._rng
        length = round(rng.uniform(0.2, 0.9) * RATE_HZ)
        steps = np.arange(length)
        noise = rng.standard_normal(length) * np.exp(-steps / rng.uniform(150, 2500))
        sound = lfilter(*butter(2, rng.uniform(150, 4000) / (RATE_HZ / 2)), noise)
        for _ in range(int(rng.integers(0, 4))):
            tone = np.sin(2 * np.pi * rng.uniform(60, 1500) * steps / RATE_HZ)
            sound = sound + rng.uniform(0, 0.5) * tone * np.exp(-steps / rng.uniform(200, 3000))
        bang: Floats = sound.astype(np.float32)
        return bang

    def _effect(self) -> Floats:
        return _trimmed(_decoded(self._effects[self._rng.integers(len(self._effects))]))[: 2 * RATE_HZ]

    def _tune(self) -> Floats:
        return self._music_of(round(self._rng.uniform(1.5, 4) * RATE_HZ))

    def _music_of(self, length: int) -> Floats:
        file = self._music[self._rng.integers(len(self._music))]
        piece = _decoded(file, self._rng.uniform(0, 110), length / RATE_HZ)[:length]
        if len(piece) < length or np.sqrt(np.mean(piece**2)) < 0.01:
            return self._music_of(length)
        return piece

    def _song(self) -> Floats:
        """Words drawn out on the notes of a melody, over music."""
        rng, voice = self._rng, _analysed(self._person()[: round(2.2 * RATE_HZ)])
        slow = np.arange(0, len(voice.pitch), 1 / rng.uniform(1.2, 2.8)).astype(int)
        sung = voice.at(np.minimum(slow, len(voice.pitch) - 1))
        pitch, note, length = sung.pitch.copy(), rng.uniform(110, 330), int(rng.integers(40, 100))
        for at in range(0, len(pitch), length):
            note = float(np.clip(note * 2 ** (rng.choice([-5, -3, -2, 0, 2, 3, 4, 5]) / 12), 90, 600))
            steps = np.arange(len(pitch[at : at + length]))
            vibrato = 1 + 0.012 * np.sin(2 * np.pi * 5.5 * steps / _FRAMES_PER_S)
            pitch[at : at + length] = np.where(pitch[at : at + length] > 0, note * vibrato, 0)
        song = _Analysis(pitch, sung.spectra, sung.breath).sound()
        music = self._music_of(len(song))
        louder = np.float32(10 ** (rng.uniform(-3, 9) / 20))
        mixed: Floats = (song / loud_rms(song) * louder + music / loud_rms(music))[: 4 * RATE_HZ]
        return mixed


def _is_speech(file: Path) -> bool:
    return not any(name in str(file) for name in _NO_SPEECH)


def _decoded(file: Path, begin_s: float = 0.0, seconds: float = 10.0) -> Floats:
    """By ffmpeg: soundfile does not read G.722."""
    kind = ["-f", "g722"] if file.suffix == ".g722" else []
    command = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "quiet",
        *kind,
        "-ss",
        f"{begin_s:.2f}",
        "-t",
        f"{seconds + 0.1:.2f}",
    ]
    command += ["-i", str(file), "-ar", str(RATE_HZ), "-ac", "1", "-f", "f32le", "-"]
    decoded: Floats = np.frombuffer(subprocess.run(command, capture_output=True).stdout, np.float32).copy()
    return decoded


def _trimmed(sound: Floats) -> Floats:
    loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max(initial=1e-3))
    margin = RATE_HZ // 20
    return sound[max(0, loud[0] - margin) : loud[-1] + margin] if len(loud) else sound[:0]


def _analysed(sound: Floats) -> _Analysis:
    samples = np.pad(sound, (0, max(0, RATE_HZ // 5 - len(sound)))).astype(np.float64)
    rough, times = pyworld.dio(samples, RATE_HZ)
    pitch = pyworld.stonemask(samples, rough, times, RATE_HZ)
    spectra = pyworld.cheaptrick(samples, pitch, times, RATE_HZ)
    return _Analysis(pitch, spectra, pyworld.d4c(samples, pitch, times, RATE_HZ))


def _warped(spectra: _Contour, factor: float) -> _Contour:
    """Spectra with all formants `factor` times as high."""
    bins = np.arange(spectra.shape[1])
    logs = np.log(spectra + 1e-16)
    warped: _Contour = np.exp(np.stack([np.interp(bins / factor, bins, row) for row in logs]))
    return warped
