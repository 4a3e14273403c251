"""Opens and runs the small ONNX models of the hearing: one thread, no spinning, processor only.

Without the arena of onnxruntime, which keeps the most that any sound ever needed: 25 MB less for the
recogniser at the same CPU time. And without its plans of memory, of which it keeps one for every shape that
was ever seen: sounds and texts have ever new lengths (github.com/microsoft/onnxruntime, issue 11118).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from device.faults import Fault


class GivenUp(Exception):  # noqa: N818
    """What was being computed is in vain."""


class Effort:
    """A piece of work that another thread may give up."""

    def __init__(self) -> None:
        self.run = onnxruntime.RunOptions()

    @property
    def is_given_up(self) -> bool:
        """Whether somebody gave it up."""
        return bool(self.run.terminate)

    def give_up(self) -> None:
        """Whoever does it gets GivenUp within milliseconds, unless it is done."""
        self.run.terminate = True


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


def computed(
    model: Any, outputs: list[str] | None, given: dict[str, Any], effort: Effort | None
) -> list[Any]:
    """The `outputs` (all for None) of a session. Raises GivenUp."""
    try:
        found: list[Any] = model.run(outputs, given, effort and effort.run)
        return found
    except Exception as error:
        if effort is not None and effort.is_given_up:
            raise GivenUp from error
        raise
