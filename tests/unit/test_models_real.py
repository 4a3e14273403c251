"""The embedded default models of this machine load and do their work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from models.catalog import Role
from models.errors import ModelMissing
from models.store import ActiveModel, Store

SHARED = Path(os.environ.get("WREN_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))
pytestmark = pytest.mark.models


def active(role: Role) -> ActiveModel:
    try:
        return Store().active(role)
    except ModelMissing as error:
        pytest.skip(str(error))


def test_every_graph_of_the_default_set_loads() -> None:
    import onnxruntime

    for role in ("wake", "vad", "turn"):
        for path in active(role).files.values():
            onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_the_language_model_file_is_a_gguf() -> None:
    with active("llm").files["model"].open("rb") as file:
        assert file.read(4) == b"GGUF"


def test_the_halves_of_the_voice_fit_together() -> None:
    import onnxruntime

    files = active("voice").files
    frontend, decoder = (
        onnxruntime.InferenceSession(str(files[half]), providers=["CPUExecutionProvider"])
        for half in ("frontend", "decoder")
    )
    ids = np.array([[1, 0, 20, 0, 2]], np.int64)
    feed = {"input": ids, "input_lengths": np.array([5], np.int64), "scales": np.array([0, 1, 0], np.float32)}
    names = [value.name for value in decoder.get_inputs()]
    border = frontend.run(names, feed)
    samples = decoder.run(None, dict(zip(names, border, strict=True)))[0]
    assert samples.size > 1000


def test_the_recogniser_reads_human_speech_with_the_derived_tokens() -> None:
    import sherpa_onnx
    import soundfile

    spoken = next(iter(SHARED.glob("read_speech/*/*61-70968-0000.flac")), None)
    if spoken is None:
        pytest.skip(f"no recordings in {SHARED}")
    files = active("asr").files
    recogniser = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
        encoder=str(files["encoder"]),
        decoder=str(files["decoder"]),
        tokens=str(files["tokens"]),
        num_threads=1,
    )
    samples, rate = soundfile.read(spoken, dtype="float32")
    stream = recogniser.create_stream()
    stream.accept_waveform(rate, samples)
    recogniser.decode_stream(stream)
    assert stream.result.text.startswith("He began a confused complaint against the wizard")
