"""Cuts a Piper (VITS) graph in two, so that a voice can be heard before its sentence is synthesised.

Everything that sees the whole sentence (text encoder, durations, alignment, the sampling of noise) becomes
the frontend; the rest (flow and HiFi-GAN) has a finite receptive field over frames and becomes the decoder,
which can be run on a piece at a time with the same result (streaming-vits; its `find_seam` finds the place).

    frontend: phoneme ids -> z_p, mask[, speaker], durations   durations: frames of each phoneme id
    decoder:  z_p, mask[, speaker] -> samples                  its metadata `hop_length` is samples per frame
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def split_voice(model: Path, folder: Path) -> dict[str, Path]:
    """Makes `<voice>.frontend.onnx` and `<voice>.decoder.onnx` in `folder` from the voice's graph.

    Returns them by key. Raises ValueError when the graph is not that of a Piper voice.
    """
    import onnx  # slow imports, needed when a model is fetched only
    from onnx.shape_inference import infer_shapes
    from onnx.utils import Extractor
    from streaming_vits.graph import describe_decoder, find_seam

    graph = onnx.load(str(model))
    seam, hop_length = find_seam(graph), int(describe_decoder(graph)["hop"])
    durations = [node.output[0] for node in graph.graph.node if node.op_type == "Ceil"]
    if len(durations) != 1:
        raise ValueError(f"{model.name} does not show how long its phonemes are: not a Piper voice")
    del graph.metadata_props[:]
    inputs, outputs = ([value.name for value in side] for side in (graph.graph.input, graph.graph.output))
    border = [seam.z_p, seam.mask, *([seam.g] if seam.g else [])]
    extractor = Extractor(infer_shapes(graph, data_prop=True))
    halves: dict[str, Any] = {
        "frontend": extractor.extract_model(inputs, [*border, durations[0]]),
        "decoder": extractor.extract_model(border, outputs[:1]),
    }
    onnx.helper.set_model_props(halves["decoder"], {"hop_length": str(hop_length)})
    made = {}
    for key, half in halves.items():
        made[key] = folder / f"{model.stem}.{key}.onnx"
        onnx.save(half, str(made[key]))
    return made
