"""Cuts Smart Turn to the last 4 of its 8 seconds, which takes two fifths of the time.

The model hears the end of a turn at the end of its input, and silence before it where the turn was shorter.
Only the table of positions and the shapes made from its length depend on how long the input is, so the tail
of the table makes the same model for the tail of the sound (docs/decisions/0006 has what that changes).
"""

from __future__ import annotations

from pathlib import Path

_POSITIONS, _KEPT_POSITIONS = 400, 200  # of 20 ms
_FEATURES_PER_POSITION = 2


def shorten(model: Path, folder: Path) -> dict[str, Path]:
    """Makes `<model>.tail.onnx` in `folder`: float32[n, 80, 400] in. Raises ValueError for another graph."""
    import numpy as np
    import onnx  # a slow import, needed when a model is fetched only
    from onnx import numpy_helper

    whole = onnx.load(str(model))
    graph = whole.graph
    cut = 0
    for constant in graph.initializer:
        value = numpy_helper.to_array(constant)
        if value.ndim == 2 and len(value) == _POSITIONS and value.dtype == np.float32:
            value = value[-_KEPT_POSITIONS:]
        elif value.shape == (1,) and value.dtype == np.int64 and value[0] == _POSITIONS:
            value = np.array([_KEPT_POSITIONS], np.int64)
        else:
            continue
        constant.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), constant.name))
        cut += 1
    if cut != 2 or len(graph.input) != 1:
        raise ValueError(f"{model.name} has {cut} of two lengths to cut: not Smart Turn v3")
    frames = graph.input[0].type.tensor_type.shape.dim[2]
    frames.dim_value = _FEATURES_PER_POSITION * _KEPT_POSITIONS
    del graph.value_info[:]
    path = folder / f"{model.stem}.tail.onnx"
    onnx.save(whole, str(path))
    return {"tail": path}
