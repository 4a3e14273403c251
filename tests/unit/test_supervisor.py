"""The laptop's stand-in for systemd."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_STARTS_A_HELPER = """
import sys, time
from pathlib import Path
from device.services.supervisor import Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(folder / "run", {}, folder / "log")
supervisor.start_helper("helper", ["sleep", "60"])
print(supervisor.children["helper"].process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_helper_does_not_outlive_a_killed_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", _STARTS_A_HELPER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        helper = int(supervisor.stdout.readline())
        _await(lambda: _program(helper) == "sleep")
        supervisor.send_signal(number)
    _await(lambda: _program(helper) != "sleep")


def _await(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _program(pid: int) -> str:
    """Of a process that is alive; "" when there is none."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except FileNotFoundError:
        return ""
    return "" if rest.split()[0] == "Z" else name
