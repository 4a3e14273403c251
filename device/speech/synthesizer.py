"""Text to speech in pieces: a Piper voice whose first samples are heard before its sentence is decoded.

A sentence goes through espeak (phonemes), the frontend half of the voice (all timing and prosody; see
`models/piper.py`) and the decoder half, which runs on a piece of frames at a time with enough context on
both sides to give what it would give for the whole (streaming-vits). The frontend also says how long each
phoneme is, so the ends of words are known before the first sample; they are as exact as the voice's own
alignment.

At the border: int16 mono at the voice's own rate (22,050 Hz for medium voices). Voices differ in level and
peak; a fixed gain with a soft knee brings them to about -22 dBFS without clipping. The silence a voice
begins with is left out. One thread, which on a shared machine is faster than two. Not thread-safe, except
for cancelling.

espeak comes with piper-tts, which is GPL-3: it is imported here, when a voice is loaded, and nowhere else.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from device.faults import Fault
from device.speech import Samples, Style
from device.speech.alignment import sounds, word_ends
from device.speech.cancellation import Cancellation, Cancelled
from device.speech.schedule import LARGEST, LEFT, RIGHT, Schedule
from device.speech.speakable import speakable_words

_GAIN = 1.4
_KNEE = 0.7
_AUDIBLE = 0.003  # of full scale
_ONSET_S = 0.01  # kept before the first audible sample
_COST_MS = 1.0  # decoder time per frame until it was measured
_REFETCH = "run `wren models fetch voice`"

Floats = NDArray[np.float32]


class VoiceFiles(NamedTuple):
    """The halves of a voice and Piper's configuration of it."""

    frontend: Path
    decoder: Path
    config: Path


class _Sentence(NamedTuple):
    framed: list[Floats]  # z_p and mask, frames on the last axis
    speaker: list[Floats]  # its embedding, for voices with several speakers

    @property
    def frames(self) -> int:
        return int(self.framed[0].shape[2])


class Utterance(NamedTuple):
    """A text whose timing is known and whose first samples are there; the rest is made while it is taken."""

    words: tuple[str, ...]
    word_ends: tuple[int, ...]  # sample offsets, one for each word
    chunks: Iterator[Samples]


class Synthesizer:
    """One voice, loaded. Raises Fault when its files do not fit."""

    def __init__(self, files: VoiceFiles) -> None:
        config = json.loads(files.config.read_bytes())
        if config.get("phoneme_type", "espeak") != "espeak":
            raise Fault(
                f"the voice {files.config.name} does not use espeak", "choose another voice", permanent=True
            )
        self.rate_hz = int(config["audio"]["sample_rate"])
        self._espeak_voice: str = config["espeak"]["voice"]
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        scales = config.get("inference", {})
        self._scales = [scales.get(key, value) for key, value in (("noise_scale", 0.667), ("noise_w", 0.8))]
        self._length: float = scales.get("length_scale", 1.0)
        self._phonemizer = phonemizer()
        self._frontend, self._decoder = _session(files.frontend, keeps=False), _session(files.decoder)
        self._inputs = {value.name for value in self._frontend.get_inputs()}
        self._decoder_inputs = [value.name for value in self._decoder.get_inputs()]
        metadata = self._decoder.get_modelmeta().custom_metadata_map
        if "hop_length" not in metadata or len(self._frontend.get_outputs()) != len(self._decoder_inputs) + 1:
            raise Fault(f"the voice file {files.decoder.name} was made by another version of Wren", _REFETCH)
        self.hop = int(metadata["hop_length"])
        self._cost_ms = _COST_MS
        self._sounds = functools.lru_cache(2000)(lambda speech: sum(map(sounds, self._phonemize(speech))))

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Utterance:
        """Synthesises the start of `text`.

        Raises, here and while the chunks are taken, Cancelled soon after it was requested, and RuntimeError
        when the voice fails.
        """
        run = onnxruntime.RunOptions()
        cancellation.on_request(lambda: setattr(run, "terminate", True))
        pairs = self._speakable(text)
        sentences, spoken, ends, offset = list[_Sentence](), list[str](), list[int](), 0
        for phonemes in self._phonemize(" ".join(speech for _, speech in pairs)):
            sentence, frame_ends = self._time(phonemes, style, run, cancellation)
            sentences.append(sentence)
            spoken += [*phonemes, " "]
            ends += [offset + end * self.hop for end in (*frame_ends, frame_ends[-1])]
            offset += sentence.frames * self.hop
        cost_ms = _COST_MS if style.deterministic else self._cost_ms
        schedule = Schedule(cost_ms, frame_ms=1000 * self.hop / self.rate_hz)
        chunks = self._decode(sentences, style, schedule, run, cancellation)
        first = next(chunks, np.zeros(0, np.int16))
        silent = self._leading_silence(first)
        schedule.left_out(1000 * silent / self.rate_hz)
        counts = [self._sounds(speech) for _, speech in pairs]
        return Utterance(
            words=tuple(word for word, _ in pairs),
            word_ends=tuple(max(0, end - silent) for end in word_ends(counts, spoken, ends)),
            chunks=itertools.chain([first[silent:]], chunks),
        )

    def warm_up(self, cancellation: Cancellation) -> None:
        """Runs both halves once: the first run of a session is slow. Raises Cancelled.

        Then the decoder with as much as it is ever given, and with somewhat less, which it keeps elsewhere,
        so that its memory hardly grows later.
        """
        style, run = Style(), onnxruntime.RunOptions()
        cancellation.on_request(lambda: setattr(run, "terminate", True))
        for _ in self.say("Hello.", style, cancellation).chunks:
            pass
        phonemes = self._phonemize("Hello.")[0]
        sentence, _ = self._time(phonemes, style, run, cancellation)
        for frames in (LARGEST, 7 * LARGEST // 8):
            framed = [np.resize(value, (*value.shape[:2], frames)) for value in sentence.framed]
            given = dict(zip(self._decoder_inputs, framed + sentence.speaker, strict=True))
            _run(self._decoder, given, run, cancellation)

    def _speakable(self, text: str) -> list[tuple[str, str]]:
        is_english = self._espeak_voice.startswith("en")
        return speakable_words(text) if is_english else [(word, word) for word in text.split()]

    def _phonemize(self, text: str) -> list[list[str]]:
        sentences = self._phonemizer.phonemize(self._espeak_voice, text) if text else []
        known = ([phoneme for phoneme in sentence if phoneme in self._ids] for sentence in sentences)
        return [sentence for sentence in known if sounds(sentence)]

    def _time(
        self, phonemes: Sequence[str], style: Style, run: Any, cancellation: Cancellation
    ) -> tuple[_Sentence, list[int]]:
        """The frontend's result for one sentence, and at which frame each phoneme ends."""
        pad = self._ids["_"]
        ids, lasts = [*self._ids["^"], *pad], list[int]()
        for phoneme in phonemes:
            ids += [*self._ids[phoneme], *pad]
            lasts.append(len(ids) - 1)
        ids += self._ids["$"]
        noise, noise_w = (0.0, 0.0) if style.deterministic else self._scales
        feed = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([noise, self._length / style.speed, noise_w], np.float32),
            "sid": np.array([style.speaker], np.int64),
        }
        given = {name: value for name, value in feed.items() if name in self._inputs}
        *passed, durations = _run(self._frontend, given, run, cancellation)
        frame_ends = np.cumsum(durations.reshape(-1)).astype(int)
        return _Sentence(passed[:2], passed[2:]), [int(frame_ends[last]) for last in lasts]

    def _decode(
        self,
        sentences: Sequence[_Sentence],
        style: Style,
        schedule: Schedule,
        run: Any,
        cancellation: Cancellation,
    ) -> Iterator[Samples]:
        for sentence in sentences:
            begin = 0
            while begin < sentence.frames:
                began = time.perf_counter()
                end = begin + schedule.next_frames(sentence.frames - begin)
                low, high = max(0, begin - LEFT), min(sentence.frames, end + RIGHT)
                inputs = [value[:, :, low:high] for value in sentence.framed] + sentence.speaker
                given = dict(zip(self._decoder_inputs, inputs, strict=True))
                sound = _run(self._decoder, given, run, cancellation)[0].reshape(-1)
                is_timed = not style.deterministic
                took_ms = 1000 * (time.perf_counter() - began) if is_timed else _COST_MS * (high - low)
                schedule.decoded(end - begin, high - low, took_ms)
                self._cost_ms = schedule.cost_ms
                yield _to_int16(sound[(begin - low) * self.hop : (end - low) * self.hop])
                begin = end

    def _leading_silence(self, samples: Samples) -> int:
        audible = np.flatnonzero(np.abs(samples) > _AUDIBLE * 32767)
        return max(0, int(audible[0]) - round(_ONSET_S * self.rate_hz)) if len(audible) else 0


@functools.cache
def phonemizer() -> Any:
    """One for all voices; espeak keeps 1.3 KB each time its voice is set, so only another one is."""
    from piper import espeakbridge
    from piper.phonemize_espeak import EspeakPhonemizer

    espeakbridge.set_voice = functools.lru_cache(maxsize=1)(espeakbridge.set_voice)
    return EspeakPhonemizer()


def _session(path: Path, keeps: bool = True) -> Any:
    """Without `keeps` memory is freed after each run: that of a long sentence is never needed again."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = keeps
    options.enable_mem_pattern = False  # a plan is kept for every length that was ever seen
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, given: dict[str, Any], run: Any, cancellation: Cancellation) -> list[Any]:
    if cancellation.requested:
        raise Cancelled
    try:
        results: list[Any] = session.run(None, given, run)
    except Exception as error:
        if cancellation.requested:
            raise Cancelled from None
        raise RuntimeError(f"the voice failed: {error}") from error
    return results


def _to_int16(sound: Floats) -> Samples:
    louder = sound * _GAIN
    size = np.abs(louder)
    bent = _KNEE + (1 - _KNEE) * np.tanh((size - _KNEE) / (1 - _KNEE))
    return (np.where(size > _KNEE, np.copysign(bent, louder), louder) * 32767).astype(np.int16)
