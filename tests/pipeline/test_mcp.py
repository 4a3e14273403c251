"""A real MCP server behind the home daemon: offered, called, slow, failing, killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.events import DaemonFailed, ToolOffered
from tests.home_rig import HomeRig

pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")

NO_BROKER = "mqtt://127.0.0.1:9"
SERVER = Path(__file__).parents[1] / "mcp_server.py"


def settings(command: list[str]) -> str:
    return f"[tools.mcp.tests]\ncommand = {command}\ntimeout_ms = 2000\n"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[HomeRig]:
    rig = HomeRig(tmp_path / "run", NO_BROKER, settings([sys.executable, str(SERVER)]))
    yield rig
    rig.stop()


def offered(rig: HomeRig) -> dict[str, ToolOffered]:
    newest = {event.name: event for event in rig.of(ToolOffered)}
    return {name: event for name, event in newest.items() if event.offered}


def test_tools_are_offered_called_and_gone_with_their_server(rig: HomeRig) -> None:
    rig.until(lambda: len(offered(rig)) == 6, "the tools", 60)
    tools = offered(rig)
    assert tools["tests.tide"].description == "Tells when the water is high at a place."
    assert (tools["tests.tide"].only_reads, tools["tests.order_pizza"].only_reads) == (True, False)
    rig.until(lambda: rig.ask("mcp", "tests.double", 21).ok, "that it is connected")
    assert rig.ask("mcp", "tests.tide", "Dover").said == "High water at Dover is at noon."
    assert rig.ask("mcp", "tests.double", 21).said == "That makes 42."
    assert rig.ask("mcp", "tests.distance", '{"start": "A", "end": "B"}').ok
    rig.listen(0)
    before = len(rig.of(ToolOffered))
    waited = time.monotonic() + 13
    rig.until(lambda: time.monotonic() > waited, "a while without calls", 20)
    assert len(rig.of(ToolOffered)) == before, "a server that is well is left alone"
    outcomes = {
        name: (result.ok, result.error)
        for name in ("tests.broken", "tests.tide", "tests.nothing", "nobody.x", "tests.slow")
        if (result := rig.ask("mcp", name))
    }
    assert outcomes == {
        "tests.broken": (False, "refused"),
        "tests.tide": (False, "refused"),
        "tests.nothing": (False, "refused"),
        "nobody.x": (False, "refused"),
        "tests.slow": (False, "no_answer"),
    }
    for children in Path(f"/proc/{rig.daemon.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
    rig.until(lambda: not offered(rig), "that they are gone", 20)
    assert rig.ask("mcp", "tests.double", 1).error == "unreachable"
    rig.until(lambda: len(offered(rig)) == 6, "that they are back", 60)


def test_a_server_that_cannot_be_started_is_told_of_and_harms_nobody(tmp_path: Path) -> None:
    rig = HomeRig(tmp_path / "run", NO_BROKER, settings(["/no/such/program"]))
    try:
        rig.until(lambda: rig.of(DaemonFailed), "the fault", 60)
        (failed,) = rig.of(DaemonFailed)
        assert failed.reason.startswith("MCP server tests: FileNotFoundError")
        assert rig.ask("mcp", "tests.double", 1).error == "unreachable"
    finally:
        rig.stop()
