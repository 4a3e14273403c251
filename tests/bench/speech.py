"""First audio, real-time factor, cache and stop time of speech, against Piper synthesising whole sentences.

Both use the active voice in one process and take turns, so that the load of the machine hits both. Run alone
with `python -m tests.bench.speech`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.messages import Clause
from device.speech.phrases import PhraseCache
from device.speech.synthesizer import Synthesizer, VoiceFiles
from device.speech.voice import Voice
from device.speech.worker import Worker
from models.store import Store

SENTENCES = {
    4: "The light is on.",
    10: "I turned the bedroom lamp off and closed the blinds.",
    25: "It will be mostly cloudy this afternoon with a light breeze from the west, and the temperature should "
    "reach about twenty degrees by five today.",
}
ROUNDS = 7
STOPS = 12


def run() -> dict[str, Any]:
    """Milliseconds are medians; `stop_ms` is from the request to the thread being free."""
    from piper import PiperVoice, SynthesisConfig

    model = Store().active("voice")
    files = model.files
    streaming = Synthesizer(VoiceFiles(files["frontend"], files["decoder"], files["config"]))
    whole = PiperVoice.load(files["model"], files["config"])
    style, peer_style = Style(deterministic=True), SynthesisConfig(noise_scale=0, noise_w_scale=0)
    streaming.warm_up(Cancellation())
    list(whole.synthesize("Hello.", peer_style))
    results: dict[str, Any] = {"words": {}}
    with tempfile.TemporaryDirectory() as folder:
        voice = Voice(streaming, model.name, PhraseCache(Path(folder)))
        for words, text in SENTENCES.items():
            list(voice.say(text, style, Cancellation()).chunks)
            rows = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                utterance = streaming.say(text, style, Cancellation())
                first = time.perf_counter() - began
                samples = sum(len(chunk) for chunk in utterance.chunks)
                total = time.perf_counter() - began
                began = time.perf_counter()
                list(whole.synthesize(text, peer_style))
                peer = time.perf_counter() - began
                began = time.perf_counter()
                spoken = voice.say(text, style, Cancellation())
                cached = time.perf_counter() - began
                rows.append((first, total, samples / streaming.rate_hz, peer, cached, spoken.cached))
            first, total, duration, peer, cached, _ = np.median(np.array(rows), axis=0)
            results["words"][words] = {
                "first_audio_ms": 1000 * first,
                "whole_sentence_piper_ms": 1000 * peer,
                "times_sooner": peer / first,
                "real_time_factor": total / duration,
                "cached_first_audio_ms": 1000 * cached if all(row[5] for row in rows) else None,
            }
        stops = _stops(voice, style)
    results["stop_ms"] = {"p50": float(np.percentile(stops, 50)), "max": max(stops)}
    return results


def _stops(voice: Voice, style: Style) -> list[float]:
    worker, stops = Worker(lambda _: voice, voice.rate_hz), []
    for turn in range(1, STOPS + 1):
        worker.submit(Clause(turn, 0, f"{turn}. {SENTENCES[25]}", style=style))
        time.sleep(0.05 + 0.03 * turn)
        began = time.perf_counter()
        worker.drop(turn + 1)
        while not worker.idle:
            time.sleep(0.0005)
        stops.append(1000 * (time.perf_counter() - began))
    worker.close()
    return stops


def show(results: dict[str, Any], console: Console) -> None:
    """Prints what `run` gave."""
    table = Table(title="Speech: first audio", title_justify="left")
    for column in (
        "words",
        "Wren, ms",
        "whole sentence (Piper), ms",
        "sooner",
        "real-time factor",
        "cached, ms",
    ):
        table.add_column(column, justify="right")
    for words, row in results["words"].items():
        cached = row["cached_first_audio_ms"]
        table.add_row(
            str(words),
            f"{row['first_audio_ms']:.0f}",
            f"{row['whole_sentence_piper_ms']:.0f}",
            f"{row['times_sooner']:.1f}x",
            f"{row['real_time_factor']:.2f}",
            "too long to keep" if cached is None else f"{cached:.1f}",
        )
    console.print(table)
    stop = results["stop_ms"]
    console.print(
        f"a higher turn frees the voice after {stop['p50']:.0f} ms (P50), {stop['max']:.0f} ms (most)"
    )


if __name__ == "__main__":
    show(run(), Console(soft_wrap=True))
