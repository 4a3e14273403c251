"""CPU and memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """CPU seconds since start; memory now, all of it and the part that is no file's."""

    cpu_s: float
    memory_mb: float
    anonymous_mb: float


def usage(pid: int) -> Usage:
    """Of one process; shared pages count in proportion (PSS), which others that open the same file change."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    mb = {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in rollup)}
    return Usage((int(fields[11]) + int(fields[12])) * _TICK_S, mb["Pss"], mb["Anonymous"])
