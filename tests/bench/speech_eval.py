"""Word error rates and wake word rates over the recordings of people in the shared data.

`word_error_rates` transcribes every recording that has a transcript as `wren transcribe` does, by source, and
all sources of a category together. `wake_rates` plays recordings of each wake word and, as one stream, talk,
noise and music in which it does not occur, to the detector with its default settings. Alone:
`python -m tests.bench.speech_eval [--quick]`.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import defaultdict
from typing import NamedTuple

import jiwer
from rich.console import Console
from rich.table import Table

from device.hearing import Samples
from device.hearing.asr import load
from device.hearing.loading import files_of
from device.hearing.transcribe import transcribe
from device.hearing.vad import SileroVad
from device.hearing.wake import WakeDetector
from device.settings import Listen, Wake
from tests.hearing import frames, in_room
from tests.recordings import Recording, ambience, available, recordings

QUICK = 6  # of so many recordings one is taken

_SPOKEN = ("read_speech", "cmd_speech")
_OTHER_THAN_WAKE = (
    "neg_speech",
    "read_speech",
    "cmd_speech",
    "cmd_speech_slots",
    "disfluent_speech",
    "wake_other_word",
    "noise",
    "music",
)
_SETTLING_FRAMES, _AFTER_FRAMES = 100, 60
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SAME = {"mr": "mister", "mrs": "missus", "%": "percent", "°": "degrees"}


class Wer(NamedTuple):
    """Word error rate over `words` words of `recordings` recordings; CPU seconds per second of sound."""

    wer: float
    words: int
    recordings: int
    cpu_share: float


class WakeRates(NamedTuple):
    """Share of `spoken` recordings that were missed; false detections in `hours` of other sound."""

    miss_rate: float
    spoken: int
    false_per_hour: float
    hours: float


def normalised(text: str) -> str:
    """Words as they sound: lower case, no punctuation, numbers up to 99 in letters."""
    words: list[str] = []
    for token in re.findall(r"[a-z']+|\d+|[%°]", text.lower()):
        if token.isdigit() and int(token) < 20:
            words.append(_ONES[int(token)])
        elif token.isdigit() and int(token) < 100:
            words += [_TENS[int(token) // 10], *([_ONES[int(token) % 10]] if int(token) % 10 else [])]
        else:
            words.append(_SAME.get(token, token))
    return " ".join(words)


def word_error_rates(*, quick: bool = False) -> dict[str, Wer]:
    """`read_speech`, `cmd_speech` and each of their sources as `category.source`."""
    recogniser, vad = load(files_of("asr")), SileroVad(files_of("vad")["model"])
    said: dict[str, list[tuple[str, str, float, float]]] = defaultdict(list)
    for category in _SPOKEN:
        for clip in _some([clip for clip in recordings(category) if _has_transcript(clip)], quick):
            samples = clip.samples()
            began = time.process_time()
            heard = transcribe(samples, recogniser, vad, Listen().vad_threshold).text
            cpu_s = time.process_time() - began
            row = (normalised(clip.label), normalised(heard), cpu_s, clip.seconds)
            said[category].append(row)
            said[f"{category}.{clip.source.rpartition('/')[2]}"].append(row)
    return {name: _wer(rows) for name, rows in sorted(said.items())}


def wake_rates(*, quick: bool = False) -> dict[str, WakeRates]:
    """Rates of every wake word of the default settings."""
    words = Wake().words
    detector = WakeDetector(files_of("wake"), words)
    missed, spoken, false = dict.fromkeys(words, 0), dict.fromkeys(words, 0), dict.fromkeys(words, 0)
    frame = 0

    def heard(sound: Samples) -> list[str]:
        nonlocal frame
        frame += 1000  # so that nothing is left of the recording before
        found: list[str] = []
        for samples in frames(sound):
            found += [detection.word for detection in detector.accept(frame, samples)]
            frame += 1
        return found

    for word in words:
        for clip in _some(recordings("wake_pos", word), quick):
            spoken[word] += 1
            missed[word] += word not in heard(in_room(_SETTLING_FRAMES, clip.samples(), _AFTER_FRAMES))
    seconds = 0.0
    heard(ambience(_SETTLING_FRAMES))
    for category in _OTHER_THAN_WAKE:
        for clip in _some(recordings(category), quick):
            seconds += clip.seconds
            for word in heard(in_room(_SETTLING_FRAMES, clip.samples(), _AFTER_FRAMES)):
                false[word] += 1
    hours = seconds / 3600
    return {
        word: WakeRates(
            missed[word] / max(1, spoken[word]), spoken[word], false[word] / max(hours, 1e-9), hours
        )
        for word in words
    }


def _some(clips: list[Recording], quick: bool) -> list[Recording]:
    return clips[::QUICK] if quick else clips


def _has_transcript(clip: Recording) -> bool:
    return "seconds of silence" not in clip.label and not clip.label.startswith("(")


def _wer(rows: list[tuple[str, str, float, float]]) -> Wer:
    said, heard = [row[0] for row in rows], [row[1] for row in rows]
    return Wer(
        round(jiwer.wer(said, heard), 4),
        sum(len(text.split()) for text in said),
        len(rows),
        round(sum(row[2] for row in rows) / sum(row[3] for row in rows), 3),
    )


def show(errors: dict[str, Wer], rates: dict[str, WakeRates], console: Console) -> None:
    """Prints both tables."""
    table = Table("recordings", "WER %", "words", "n", "CPU s / s")
    for name, wer in errors.items():
        table.add_row(
            name, f"{100 * wer.wer:.1f}", str(wer.words), str(wer.recordings), f"{wer.cpu_share:.3f}"
        )
    console.print(table)
    table = Table("wake word", "missed %", "n", "false / h", "hours")
    for word, rate in rates.items():
        table.add_row(
            word,
            f"{100 * rate.miss_rate:.1f}",
            str(rate.spoken),
            f"{rate.false_per_hour:.2f}",
            f"{rate.hours:.2f}",
        )
    console.print(table)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"one recording in {QUICK}")
    quick = parser.parse_args().quick
    console = Console()
    if not available():
        console.print("The shared data is not on this machine; set WREN_SHARED_DATA.")
        return
    show(word_error_rates(quick=quick), wake_rates(quick=quick), console)


if __name__ == "__main__":
    main()
