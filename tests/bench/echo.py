"""Does Wren hear itself? Three minutes of its voice through the simulated room, the canceller and the ears.

For each delay, level and room: echo return loss enhancement, self-interruptions (`voice`: by the rules of
barge-in), how often it waited for its own voice (`pause`; here it speaks on), and wake words that Wren, who says
them too, is woken by: heard by the detector (`wake`), and `passed` by the rule of `device.hearing.own_voice`. Then
people who say "alexa" over its voice, and real recordings of loudspeaker and microphone. As in a room, Wren is
quieter when listening asks for that, and then the voice is heard as the linear canceller gives it. Offline; run
alone with `python -m tests.bench.echo`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from device.audio.backend import Captured
from device.audio.files import load
from device.audio.frontend import FrontEnd, Mode
from device.audio.playback import Block, Playback
from device.audio.room import LOUDSPEAKER_HZ, Room, echo_path
from device.bus.paths import LAST_FRAME, MICROPHONE_FRAME, MICROPHONE_HZ
from device.bus.ring import Frame
from device.events import ReplyAudio
from device.hearing.asr import load as load_recogniser
from device.hearing.background import Transcriber
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Fact, Interrupted, Interruption, Pause, Restore
from device.hearing.loading import files_of
from device.hearing.own_voice import OwnVoice, Place
from device.hearing.vad import SileroVad
from device.hearing.wake import WakeDetector
from device.reasoning.language import load as load_language
from device.settings import Audio, Settings
from device.speech import Samples, Style
from device.speech.cancellation import Cancellation
from device.speech.synthesizer import Synthesizer, VoiceFiles
from models.store import Store
from tests import recordings

SECONDS = 180.0
DELAYS_MS = (40, 80, 120)
LEVELS_DB = (-6.0, -12.0)
DRY, REVERBERANT = "dry", "living_room_1 (measured)"
ROOMS = (DRY, REVERBERANT)
PAUSE_S = 0.5
DUCKED_AFTER_FRAMES = 6
WAKE_EVERY_S = 4.0
SENTENCES = (
    "The kitchen light is on.",
    "I turned the bedroom lamp off and closed the blinds.",
    "Just say Alexa, turn on the light, and I will do it for you.",
    "It will be mostly cloudy this afternoon with a light breeze from the west, and about twenty degrees.",
    "Your timer for the pasta has seven minutes and thirty seconds left.",
    "Say hey Jarvis when you want something else.",
    "The front door is locked, and the garage door is open.",
    "Did you mean the lamp in the living room, or the one in the hall?",
    "I am sorry, the heating does not answer. Somebody should check whether it still has power.",
    "My names are Alexa, hey Jarvis and hey Mycroft.",
    "There are four lights on upstairs. Shall I turn all of them off?",
    "Once upon a time there was a small wren who lived in the hedge behind the house.",
)


class Speech(NamedTuple):
    """What Wren says: the speaker ring as speak would write it, and the words of each clause."""

    frames: list[Frame]
    clauses: list[ReplyAudio]

    def place(self, position: int) -> Place | None:
        """Which clause a sample of the ring belongs to."""
        size = self.frames[0].samples.size
        frame = self.frames[position // size - self.frames[0].index]
        return Place(frame.turn, frame.tag & ~LAST_FRAME, frame.position + position % size)


class Heard(NamedTuple):
    """One condition."""

    erle_db: float
    delay_ms: int
    self_interruptions: int
    self_pauses: int
    wakes: list[tuple[str, int]]  # the detector's: word, frame
    self_wakes: int  # that the rule lets pass


def speak(seconds: float = SECONDS) -> Speech:
    """Synthesises until `seconds` are there."""
    files = Store().active("voice").files
    voice = Synthesizer(VoiceFiles(files["frontend"], files["decoder"], files["config"]))
    size = voice.rate_hz // 50
    pause = np.zeros(round(PAUSE_S * 50) * size, np.int16)
    said: dict[str, tuple[tuple[str, ...], tuple[int, ...], Samples]] = {}
    frames, clauses = list[Frame](), list[ReplyAudio]()
    while len(frames) < seconds * 50:
        number = len(clauses)
        text = SENTENCES[number % len(SENTENCES)]
        if text not in said:
            utterance = voice.say(text, Style(deterministic=True), Cancellation())
            sound = np.concatenate([*utterance.chunks, pause])
            said[text] = (utterance.words, utterance.word_ends, np.pad(sound, (0, -sound.size % size)))
        words, ends, samples = said[text]
        clauses.append(
            ReplyAudio(turn=1, clause=number, text=text, rate_hz=voice.rate_hz, words=words, word_ends=ends)
        )
        for at in range(0, samples.size, size):
            tag = number | (LAST_FRAME if at + size == samples.size else 0)
            frames.append(Frame(len(frames), samples[at : at + size], 0, at, 1, tag, 0, False))
    return Speech(frames, clauses)


class Loudspeaker:
    """Plays all of it, quieter a moment after it was asked to be."""

    def __init__(self, speech: Speech) -> None:
        waiting = deque(speech.frames)
        self._playback = Playback(lambda: waiting.popleft() if waiting else None, LOUDSPEAKER_HZ)
        self._asked = deque([0.0] * DUCKED_AFTER_FRAMES)

    def blocks(self) -> Iterator[Block]:
        """What leaves, block by block."""
        while True:
            self._playback.fill(1)
            if (block := self._playback.take()) is None:
                return
            yield block
            self._playback.duck(self._asked.popleft())
            self._asked.append(self._asked[-1])

    def duck(self, gain_db: float) -> None:
        """What listen would ask for."""
        self._asked[-1] = gain_db


def impulse_response(room: str) -> NDArray[np.float32] | None:
    """The room's, from the shared data; None: nothing but the direct sound."""
    if room == DRY:
        return None
    return load(str(recordings.recordings("rir", room)[0].path), MICROPHONE_HZ)


class Models(NamedTuple):
    """What listening takes, loaded once."""

    vad: SileroVad
    transcriber: Transcriber
    vocabulary: Vocabulary

    @classmethod
    def load(cls) -> Models:
        """The active models."""
        language = load_language("en")
        return cls(
            SileroVad(files_of("vad")["model"]),
            Transcriber(load_recogniser(files_of("asr"))),
            Vocabulary(language.stop, language.backchannel, language.murmurs),
        )


class Ears:
    """The rules of barge-in and the wake words behind the front end."""

    def __init__(self, models: Models, speech: Speech) -> None:
        settings = Settings()
        self._models, self._settings = models, settings
        self._over = self._listens()
        self.interruptions = self.pauses = 0
        self.gain_db = 0.0  # that listen would ask for
        self._detector = WakeDetector(files_of("wake"), settings.wake.words)
        self._own_voice, self._speech = OwnVoice(), speech
        for clause in speech.clauses:
            self._own_voice.announce(clause)
        self.wakes: list[tuple[str, int]] = []
        self.passed: list[tuple[str, int]] = []

    def hear(
        self,
        frame: int,
        samples: Samples,
        voice: Samples,
        position: int,
        *,
        has_echo: bool,
        may_be_echo: bool,
    ) -> None:
        """One frame, and the same for recognition."""
        if position >= 0:
            self._own_voice.leaves(frame, position)
        if not has_echo:
            self._react(self._over.accept(frame, samples, voice=voice, may_be_echo=may_be_echo))
        for heard in self._detector.accept(frame, samples):
            self.wakes.append((heard.word, frame))
            if self._own_voice.says(heard.word, frame, self._speech.place):
                self._detector.refuse(heard.word)
            else:
                self.passed.append((heard.word, frame))

    def _react(self, facts: list[Fact]) -> None:
        while self._models.transcriber.busy:
            time.sleep(0.0005)
            facts += self._over.poll()
        for fact in facts:
            match fact:
                case Duck():
                    self.gain_db = self._settings.barge_in.duck_db
                case Pause():
                    self.pauses += 1
                case Restore():
                    self.gain_db = 0.0
                case Interrupted():
                    self.interruptions += 1
                    self.gain_db = 0.0
                    self._over = self._listens()

    def _listens(self) -> Interruption:
        models, settings = self._models, self._settings
        threshold = settings.listen.vad_threshold
        return Interruption(models.vad, models.transcriber, settings.barge_in, models.vocabulary, threshold)


def listen(
    speech: Speech,
    path: NDArray[np.float32],
    models: Models,
    *,
    mode: Mode = "software",
    people: NDArray[np.float32] | None = None,
    ducks: bool = True,
) -> tuple[Heard, Ears]:
    """Wren speaks into a room, over it `people` (float32[n], 16 kHz), and hears what is left of itself."""
    room, front_end, ears = Room(path), FrontEnd(Audio(echo=mode)), Ears(models, speech)
    loudspeaker = Loudspeaker(speech)
    heard = left = 0.0
    for number, block in enumerate(loudspeaker.blocks()):
        said = None
        if people is not None:
            piece = people[number * MICROPHONE_FRAME : (number + 1) * MICROPHONE_FRAME]
            said = np.pad(piece, (0, MICROPHONE_FRAME - piece.size))
        microphone, _ = room.hear(said, block.samples)
        captured = Captured(microphone, playing=block, far_end=room.far_end)
        cleaned = front_end.clean(captured)
        assert cleaned is not None
        voice = front_end.voice(captured, cleaned)
        heard += float(np.sum(microphone.astype(np.float32) ** 2))
        left += float(np.sum(cleaned.astype(np.float32) ** 2))
        ears.hear(
            number,
            cleaned,
            voice,
            block.position,
            has_echo=mode == "threshold",
            may_be_echo=front_end.may_be_echo,
        )
        if ducks:
            loudspeaker.duck(ears.gain_db)
    erle_db = 10 * np.log10(heard / max(left, 1.0))
    delay_ms = -1 if front_end.delay_ms is None else front_end.delay_ms
    return Heard(
        float(erle_db), delay_ms, ears.interruptions, ears.pauses, ears.wakes, len(ears.passed)
    ), ears


def people_over(seconds: float) -> tuple[NDArray[np.float32], list[int]]:
    """People saying "alexa" every few seconds, and the frames at which they end."""
    length = round(seconds * MICROPHONE_HZ)
    track, ends, at = np.zeros(length, np.float32), list[int](), round(WAKE_EVERY_S * MICROPHONE_HZ)
    for recording in recordings.recordings("wake_pos", "alexa"):
        sound = recording.samples().astype(np.float32) / 32768
        loud = np.flatnonzero(np.abs(sound) > 0.1 * np.abs(sound).max())
        if at + sound.size + MICROPHONE_HZ > length:
            break
        track[at : at + sound.size] += sound * np.float32(0.3 / np.abs(sound).max())
        ends.append((at + int(loud[-1])) // MICROPHONE_FRAME)
        at += max(sound.size, round(WAKE_EVERY_S * MICROPHONE_HZ))
    return track, ends


def noticed(ends: list[int], passed: list[tuple[str, int]]) -> int:
    """How many of the words that ended at `ends` were heard within a second."""
    return sum(any(word == "alexa" and -30 <= at - end <= 100 for word, at in passed) for end in ends)


def real_pairs() -> dict[str, float]:
    """ERLE in dB of recorded loudspeaker and microphone pairs, from their second second on."""
    microphones, references = (recordings.recordings(kind) for kind in ("aec_mic", "aec_ref"))
    results = {}
    for microphone, reference in zip(microphones, references, strict=True):
        near, far = microphone.samples(), reference.samples()
        front_end, sums = FrontEnd(Audio()), np.zeros(2)
        for at in range(0, min(near.size, far.size) - MICROPHONE_FRAME + 1, MICROPHONE_FRAME):
            frame, played = (sound[at : at + MICROPHONE_FRAME] for sound in (near, far))
            cleaned = front_end.clean(Captured(frame, far_end=played))
            assert cleaned is not None
            if at >= MICROPHONE_HZ:
                sums += [np.sum(sound.astype(np.float64) ** 2) for sound in (frame, cleaned)]
        results[microphone.path.stem.removeprefix("audio_samples__")] = float(
            10 * np.log10(sums[0] / sums[1])
        )
    return results


def run(seconds: float = SECONDS) -> dict[str, Any]:
    """All conditions; `erle_db` is the lowest of them, the counts are sums."""
    began = time.process_time()
    speech = speak(seconds)
    models = Models.load()
    rooms = ROOMS if recordings.available() else (DRY,)
    conditions = list[dict[str, Any]]()
    for room in rooms:
        response = impulse_response(room)
        for delay_ms in DELAYS_MS:
            for level_db in LEVELS_DB:
                heard, _ = listen(speech, echo_path(response, delay_ms, level_db), models)
                conditions.append({"room": room, "delay_ms": delay_ms, "level_db": level_db} | {
                    "erle_db": heard.erle_db, "measured_delay_ms": heard.delay_ms,
                    "self_interruptions": heard.self_interruptions,
                    "self_pauses": heard.self_pauses, "detected": len(heard.wakes),
                    "self_wakes": heard.self_wakes,
                })  # fmt: skip
    results: dict[str, Any] = {
        "conditions": conditions,
        "erle_db": min(condition["erle_db"] for condition in conditions),
        "self_interruptions": sum(condition["self_interruptions"] for condition in conditions),
        "self_pauses": sum(condition["self_pauses"] for condition in conditions),
        "self_wakes": sum(condition["self_wakes"] for condition in conditions),
        "minutes": len(speech.frames) * len(conditions) / 3000,
    }
    if recordings.available():
        people, ends = people_over(seconds)
        response = impulse_response(REVERBERANT)
        rows: tuple[tuple[str, Mode, float, bool], ...] = (
            ("no echo", "software", -90.0, False),
            ("ducked", "software", -12.0, True),
            ("cancelled", "software", -12.0, False),
            ("as it is", "threshold", -12.0, False),
        )
        results["people"] = {"said": len(ends)}
        for name, mode, level_db, ducks in rows:
            path = echo_path(response, 80, level_db)
            _, ears = listen(speech, path, models, mode=mode, people=people, ducks=ducks)
            results["people"][name] = noticed(ends, ears.passed)
        results["pairs_erle_db"] = real_pairs()
    results["cpu_s"] = time.process_time() - began
    return results


def show(results: dict[str, Any], console: Console) -> None:
    """Prints what `run` found."""
    table = Table(title="Wren's own voice: delays in ms, levels in dB", title_justify="left")
    for column in ("room", "delay", "found", "level", "ERLE", "voice", "pause", "wake", "passed"):
        table.add_column(column, justify="left" if column == "room" else "right")
    for row in results["conditions"]:
        table.add_row(
            row["room"].partition(" ")[0], f"{row['delay_ms']}", f"{row['measured_delay_ms']}",
            f"{row['level_db']:.0f}", f"{row['erle_db']:.1f}", f"{row['self_interruptions']}",
            f"{row['self_pauses']}", f"{row['detected']}", f"{row['self_wakes']}",
        )  # fmt: skip
    console.print(table)
    if "people" in results:
        people = results["people"]
        console.print(
            f'"alexa" by people over its voice, {people["said"]} times: {people["no echo"]} heard without echo, '
            f"{people['ducked']} with cancellation and ducking, {people['cancelled']} with cancellation alone, "
            f"{people['as it is']} with neither"
        )
        for name, erle_db in results["pairs_erle_db"].items():
            console.print(f"recorded pair {name}: ERLE {erle_db:.1f} dB")
    console.print(f"{results['minutes']:.0f} minutes of echo in {results['cpu_s']:.0f} s of CPU")


if __name__ == "__main__":
    show(run(), Console(soft_wrap=True))
