"""CPU and memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """CPU seconds since start and proportional memory now."""

    cpu_s: float
    memory_mb: float


def usage(pid: int) -> Usage:
    """Of one process; shared pages count in proportion (PSS)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    pss_kb = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return Usage((int(fields[11]) + int(fields[12])) * _TICK_S, pss_kb / 1024)
