"""Opens the small ONNX models of the hearing: one thread, no spinning, processor only.

Without the arena of onnxruntime, which keeps the most that any sound ever needed: 25 MB less for the
recogniser at the same CPU time. And without its plans of memory, of which it keeps one for every shape that
was ever seen: sounds and texts have ever new lengths (github.com/microsoft/onnxruntime, issue 11118).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from device.faults import Fault


def session(path: Path, *, one_shape: bool = False) -> Any:
    """An onnxruntime.InferenceSession for the model at `path`. Raises Fault when it cannot be loaded.

    With `one_shape` of all inputs memory is kept, which cannot grow then, and saves a tenth of the time.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = options.enable_mem_pattern = one_shape
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Fault(
            f"the model {path.name} cannot be loaded ({error})", "wren models verify", permanent=True
        ) from error
