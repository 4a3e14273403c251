"""Words lost after the wake word, by the gap that the person leaves.

Recordings of people saying "alexa" are joined to spoken commands (of people, where the shared data has them,
and of voices that are not Wren's own) with a gap of 0 to 2000 ms, and heard as wren-listen hears them, with
the echo of the cue. What is recognised is compared with the same command recognised by itself. Alone:
`python -m tests.bench.same_breath [--quick]`.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import jiwer
import numpy as np
from rich.console import Console
from rich.table import Table

from device.hearing import FRAME_SAMPLES, Samples
from device.hearing.transcribe import voiced_spans
from device.hearing.utterance import Finished
from tests.bench.speech_eval import normalised
from tests.hearing import RULES, Ears, in_room, say
from tests.recordings import available, recordings
from tests.voices import VOICES

GAPS_MS = (0, 100, 300, 800, 2000)
_COMMANDS = (
    "turn on the kitchen light",
    "set the thermostat to twenty one degrees",
    "stop",
    "what time is it",
    "close the blinds in the office",
    "is the front door locked",
)
_PEAK = 10_000


class Lost(NamedTuple):
    """Of `said` words after the wake word, share that is wrong or missing; the same for the commands alone."""

    wer: float
    wer_alone: float
    missing: int
    missing_alone: int
    said: int
    not_woken: int


def lost_words(*, quick: bool = False) -> dict[int, Lost]:
    """Gap in ms to what was lost after it."""
    ears = Ears()
    clips = recordings("wake_pos", "alexa")[:: 36 if quick else 9]
    wakes = [_tight(ears, clip.samples()) for clip in clips]
    people = [clip for clip in recordings("cmd_speech") if clip.source.endswith("rhasspy-speech")]
    commands = [(clip.label, _tight(ears, clip.samples())) for clip in people[:: max(1, 72 // len(wakes))]]
    commands += [(text, _level(say(text, voice))) for text, voice in zip(_COMMANDS, VOICES * 2, strict=False)]
    result = {gap: _after(ears, wakes, commands, gap) for gap in GAPS_MS}
    ears.transcriber.close()
    return result


def _after(ears: Ears, wakes: list[Samples], commands: list[tuple[str, Samples]], gap_ms: int) -> Lost:
    said, heard, alone, not_woken = [], [], [], 0
    for number, wake in enumerate(wakes):
        text, command = commands[number % len(commands)]
        facts = ears.after_wake_word(in_room(200, wake, gap_ms // 10, command, 100))
        not_woken += not facts
        if facts:
            said.append(normalised(text))
            heard.append(normalised(facts[-1].text) if isinstance(facts[-1], Finished) else "")
            by_itself = ears.listen(in_room(50, command, 100))[-1]
            alone.append(normalised(by_itself.text) if isinstance(by_itself, Finished) else "")
    with_wake, without = jiwer.process_words(said, heard), jiwer.process_words(said, alone)
    return Lost(
        with_wake.wer,
        without.wer,
        with_wake.deletions,
        without.deletions,
        sum(len(text.split()) for text in said),
        not_woken,
    )


def _tight(ears: Ears, sound: Samples) -> Samples:
    """`sound` without what comes before and after the voice."""
    room = in_room(30, _level(sound), 30)
    spans = list(voiced_spans(room, ears.vad, RULES.vad_threshold))
    return room[spans[0][0] * FRAME_SAMPLES : (spans[-1][1] + 1) * FRAME_SAMPLES]


def _level(sound: Samples) -> Samples:
    levelled: Samples = (sound * (_PEAK / max(1, int(np.abs(sound).max())))).astype(np.int16)
    return levelled


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the recordings")
    quick = parser.parse_args().quick
    console = Console()
    if not available():
        console.print("The shared data is not on this machine; set WREN_SHARED_DATA.")
        return
    table = Table("gap ms", "WER %", "alone %", "missing", "alone", "words", "not woken")
    for gap, lost in lost_words(quick=quick).items():
        counts = (lost.missing, lost.missing_alone, lost.said, lost.not_woken)
        table.add_row(
            str(gap),
            f"{100 * lost.wer:.1f}",
            f"{100 * lost.wer_alone:.1f}",
            *(str(count) for count in counts),
        )
    console.print(table)


if __name__ == "__main__":
    main()
