"""A tiny streaming CTC model with random weights, of the kind sherpa-onnx's OnlineRecognizer runs.

No package ships a true streaming model, so the tests of that engine run this one: it emits nonsense, but by
the same path, in the same chunks, with the same state handed from one to the next. A GRU over 80 mel bins,
its state in `cache_last_time`; metadata and names are those of NeMo's streaming CTC export.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

_BINS, _HIDDEN, _TOKENS = 80, 24, 28
_WINDOW, _SHIFT = 16, 16


def write_ctc_model(folder: Path) -> dict[str, Path]:
    """Writes model and tokens; returns them by the keys of the model catalog."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    random = np.random.default_rng(3)

    def tensor(name: str, *shape: int, scale: float) -> object:
        return onnx.numpy_helper.from_array(random.normal(0, scale, shape).astype(np.float32), name)

    def whole(name: str, *values: int) -> object:
        return onnx.numpy_helper.from_array(np.array(values, np.int64), name)

    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["time_first"], perm=[2, 0, 1]),
        helper.make_node("Squeeze", ["cache_last_time", "one"], ["state"]),
        helper.make_node("GRU", ["time_first", "W", "R", "", "", "state"], ["y", "h"], hidden_size=_HIDDEN),
        helper.make_node("Squeeze", ["y", "one"], ["time_batch"]),
        helper.make_node("Transpose", ["time_batch"], ["batch_time"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["batch_time", "V"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["logprobs"], axis=-1),
        helper.make_node("Unsqueeze", ["h", "one"], ["cache_last_time_next"]),
        helper.make_node("Identity", ["length"], ["encoded_lengths"]),
        helper.make_node("Identity", ["cache_last_channel"], ["cache_last_channel_next"]),
        helper.make_node("Identity", ["cache_last_channel_len"], ["cache_last_channel_len_next"]),
    ]
    value = helper.make_tensor_value_info
    cache = [1, 1, 1, _HIDDEN]
    graph = helper.make_graph(
        nodes,
        "ctc",
        [
            value("audio_signal", types.FLOAT, [1, _BINS, "frames"]),
            value("length", types.INT64, [1]),
            value("cache_last_channel", types.FLOAT, [1, 1, 1, 1]),
            value("cache_last_time", types.FLOAT, cache),
            value("cache_last_channel_len", types.INT64, [1]),
        ],
        [
            value("logprobs", types.FLOAT, [1, "frames", _TOKENS]),
            value("encoded_lengths", types.INT64, [1]),
            value("cache_last_channel_next", types.FLOAT, [1, 1, 1, 1]),
            value("cache_last_time_next", types.FLOAT, cache),
            value("cache_last_channel_len_next", types.INT64, [1]),
        ],
        [
            tensor("W", 1, 3 * _HIDDEN, _BINS, scale=0.3),
            tensor("R", 1, 3 * _HIDDEN, _HIDDEN, scale=0.5),
            tensor("V", _HIDDEN, _TOKENS, scale=3.0),
            whole("one", 1),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    metadata = {
        "window_size": _WINDOW,
        "chunk_shift": _SHIFT,
        "subsampling_factor": 1,
        "vocab_size": _TOKENS - 1,
        "cache_last_channel_dim1": 1,
        "cache_last_channel_dim2": 1,
        "cache_last_channel_dim3": 1,
        "cache_last_time_dim1": 1,
        "cache_last_time_dim2": 1,
        "cache_last_time_dim3": _HIDDEN,
        "normalize_type": "",
    }
    helper.set_model_props(model, {key: str(entry) for key, entry in metadata.items()})
    paths = {"model": folder / "model.onnx", "tokens": folder / "tokens.txt"}
    onnx.save(model, str(paths["model"]))
    letters = [f"▁{letter}" if letter in "aeiou" else letter for letter in "abcdefghijklmnopqrstuvwxyz'"]
    lines = [f"{token} {number}\n" for number, token in enumerate([*letters, "<blk>"])]
    paths["tokens"].write_text("".join(lines), encoding="utf-8")
    return paths
