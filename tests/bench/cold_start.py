"""Cold starts: does Wren hear itself in its first words, and is a person heard over them.

In every scene the cancellers know nothing of the room: a second of quiet, then Wren speaks. Echo alone for three
seconds, in many rooms, at many delays and levels, counts the interruptions by its own voice; people in the first
one and a half seconds, at 0, 5 and 10 dB over the echo, say what a rule against these costs. As in the device,
the loudspeaker is ducked when listening asks for it, and the words of the clause are known. Offline; times as
in `tests.bench.barge_in`. Run with `python -m tests.bench.cold_start`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from device.audio.backend import Captured
from device.audio.files import load
from device.audio.frontend import FrontEnd
from device.audio.playback import Block
from device.audio.room import Room, echo_path
from device.events import FRAME_MS
from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Interrupted, Interruption, Pause, Restore
from device.hearing.loading import files_of
from device.hearing.own_voice import OwnVoice
from device.hearing.vad import SileroVad
from device.reasoning.language import load as load_language
from device.settings import Audio, Settings
from tests import recordings
from tests.bench.barge_in import LEVELS_DB, STOP_MS, talkers
from tests.bench.double_talk import loud_rms, voice_onset
from tests.bench.echo import DELAYS_MS, SENTENCES, Loudspeaker, Speech, speak
from tests.bench.interrupted import Reader
from tests.bench.turn_simulation import Clock

ECHO_DB = (-3.0, -6.0, -12.0)
PEOPLE = 90
_ROOMS = (
    "living_room_1",
    "Hotel_SkalskyDvur_Room112",
    "room-z02-micstep-6",
    "room-208",
    "room-z23-micstep-2-spkstep-2",
)
_QUIET_FRAMES, _SPEECH_FRAMES = 100, 300
_FIRST_FRAMES = (10, 150)  # of Wren's speech, in which people begin
_LEAD = 20
_EARLY_MS = -150  # before the onset: it was something else


class Scene(NamedTuple):
    """One start; `speech` begins with the clause that is said first."""

    speech: Speech
    path: Floats
    room: str
    delay_ms: int
    level_db: float


class Outcome(NamedTuple):
    """Frames, None: never; the text that decided; the microphone.

    Of the first duck, of the first pause, of the decision, and of the silence that it only confirmed.
    """

    ducked: int | None
    paused: int | None
    stopped: int | None
    silent: int | None
    text: str
    microphone: Floats


class Bench:
    """The models."""

    def __init__(self) -> None:
        language = load_language("en")
        self.vad = SileroVad(files_of("vad")["model"])
        self._vocabulary = Vocabulary(language.stop, language.backchannel, language.murmurs)
        self._reader, self._settings = Reader(self.vad), Settings()

    def play(self, scene: Scene, person: Floats | None = None) -> Outcome:
        """Wren begins to speak after `_QUIET_FRAMES`, and over it `person`, float32[n, 160] from there on."""
        clock, own_voice = Clock(), OwnVoice()
        over = Interruption(
            self.vad,
            self._reader.recogniser(clock),
            self._settings.barge_in,
            self._vocabulary,
            self._settings.listen.vad_threshold,
            is_own=lambda text, first, last: own_voice.reads(text, first, last, scene.speech.place),
        )
        room, front_end, loudspeaker = Room(scene.path), FrontEnd(Audio()), Loudspeaker(scene.speech)
        for clause in scene.speech.clauses:
            own_voice.announce(clause)
        microphones, text = list[Floats](), ""
        ducked = paused = waits = stopped = silent = None
        for frame, block in enumerate(_blocks(loudspeaker), -_QUIET_FRAMES):
            near = person[frame] if person is not None and 0 <= frame < len(person) else None
            microphone, _ = room.hear(near, None if block is None else block.samples)
            microphones.append(microphone.astype(np.float32) / np.float32(32768))
            captured = Captured(microphone, playing=block, far_end=room.far_end)
            cleaned = front_end.clean(captured)
            assert cleaned is not None
            voice = front_end.voice(captured, cleaned)
            if frame < 0 or stopped is not None:
                continue
            if block is not None:
                own_voice.leaves(frame, block.position)
            clock.ms = FRAME_MS * (frame + 1.0)
            facts = over.accept(frame, cleaned, voice=voice, may_be_echo=front_end.may_be_echo)
            for fact in [*facts, *over.poll()]:
                match fact:
                    case Duck():
                        ducked = frame if ducked is None else ducked
                        loudspeaker.duck(self._settings.barge_in.duck_db)
                    case Pause():
                        paused, waits = frame if paused is None else paused, frame
                    case Restore():
                        loudspeaker.duck(0.0)
                        waits = None
                    case Interrupted():
                        stopped, silent, text = frame, frame if waits is None else waits, fact.text
            if stopped is not None and person is not None:
                break
        front_end.close()
        return Outcome(ducked, paused, stopped, silent, text, np.concatenate(microphones))


def _blocks(loudspeaker: Loudspeaker) -> Iterator[Block | None]:
    """Quiet, and then what is said."""
    yield from [None] * _QUIET_FRAMES
    for _, block in zip(range(_SPEECH_FRAMES), loudspeaker.blocks(), strict=False):
        yield block


def scenes() -> Iterator[Scene]:
    """Every room, delay and level, with the sentences in turn and twice of each."""
    speech = speak(len(SENTENCES) * 12.0)
    begins = [at for at, frame in enumerate(speech.frames) if frame.position == 0][: len(SENTENCES)]
    responses: dict[str, Floats | None] = {"dry": None}
    if recordings.available():
        for one in recordings.recordings("rir"):
            responses |= {name: load(str(one.path), RATE_HZ) for name in _ROOMS if name in one.label}
    number = 0
    for room, response in responses.items():
        for delay_ms in DELAYS_MS:
            for level_db in ECHO_DB:
                for _ in range(2):
                    first = begins[number % len(begins)]
                    path = echo_path(response, delay_ms, level_db)
                    yield Scene(Speech(speech.frames[first:], speech.clauses), path, room, delay_ms, level_db)
                    number += 1


def near_end(vad: SileroVad, sound: Floats, rms: float, at: int) -> tuple[Floats, int]:
    """`sound` at a loudness, its onset at about frame `at`: float32[n, 160], and the frame of the onset."""
    onset = voice_onset(vad, sound)
    sound = sound[max(0, onset - _LEAD * FRAME_SAMPLES) :]
    lead = min(onset // FRAME_SAMPLES, _LEAD)
    first = max(0, at - lead)
    loud = np.clip(sound * np.float32(rms / loud_rms(sound)), -0.95, 0.95)
    whole = np.pad(loud, (first * FRAME_SAMPLES, -len(loud) % FRAME_SAMPLES))
    return whole.reshape(-1, FRAME_SAMPLES), first + lead


def run(people: int = PEOPLE) -> dict[str, Any]:
    """Rates are shares of 1, times in ms."""
    bench, every = Bench(), list(scenes())
    alone = [bench.play(scene) for scene in every]
    rows = list[dict[str, Any]]()
    rng = np.random.default_rng(0)
    sounds = talkers(people) if recordings.available() else iter(())
    for number, sound in enumerate(sounds):
        at = 7 * number % len(every)
        scene, level_db = every[at], LEVELS_DB[number % len(LEVELS_DB)]
        echo = alone[at].microphone[_QUIET_FRAMES * FRAME_SAMPLES :]
        rms = loud_rms(echo, 0.02) * 10 ** (level_db / 20)
        near, onset = near_end(bench.vad, sound.samples, rms, int(rng.integers(*_FIRST_FRAMES)))
        outcome = bench.play(scene, near)
        stop_ms = None if outcome.silent is None else FRAME_MS * (outcome.silent - onset) + STOP_MS
        rows.append({"level_db": level_db, "stop_ms": stop_ms, "room": scene.room, "text": outcome.text})
    return {
        "n": len(every),
        "self_interruptions": sum(one.stopped is not None for one in alone),
        "ducked": sum(one.ducked is not None for one in alone),
        "paused": sum(one.paused is not None for one in alone),
        "stopped_at_ms": [FRAME_MS * one.stopped for one in alone if one.stopped is not None],
        "people": rows,
    }


def show(results: dict[str, Any], console: Console) -> None:
    """Prints what `run` found."""
    after = f" after {results['stopped_at_ms']} ms" if results["stopped_at_ms"] else ""
    console.print(
        f"{results['n']} cold starts: {results['self_interruptions']} interrupted themselves{after}, "
        f"{results['paused']} paused, {results['ducked']} ducked"
    )
    table = Table("people", "n", "stopped Wren", "within 450 ms", "stop ms P50", "P95")
    for level_db in (*LEVELS_DB, None):
        some = [row for row in results["people"] if level_db in (None, row["level_db"])]
        times = [row["stop_ms"] for row in some if row["stop_ms"] is not None and row["stop_ms"] >= _EARLY_MS]
        if not times:
            continue
        p50, p95 = np.percentile(times, (50, 95))
        soon = sum(time_ms <= 450 for time_ms in times)
        table.add_row(
            "all" if level_db is None else f"{level_db} dB",
            str(len(some)),
            str(len(times)),
            str(soon),
            f"{p50:.0f}",
            f"{p95:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    show(run(), Console(soft_wrap=True))
