"""The systemd units: understood by systemd itself, and in step with the daemons that exist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from device.services.supervisor import DAEMONS

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"


def test_every_daemon_has_a_unit_and_every_unit_a_daemon() -> None:
    assert {path.stem.removeprefix("wren-") for path in UNITS.glob("*.service")} == set(DAEMONS)
    target = (UNITS / "wren.target").read_text()
    for name in DAEMONS:
        assert f"wren-{name}.service" in target
        assert (ROOT / "device" / "services" / f"{name}.py").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units_without_a_word(tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        if unit.suffix in (".service", ".socket", ".target"):
            text = unit.read_text().replace("/opt/wren/.venv/bin/python", sys.executable)
            (tmp_path / unit.name).write_text(text)
    result = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--man=no",
            "wren.target",
            *(f"wren-{name}.service" for name in DAEMONS),
        ],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in result.stderr.splitlines() if "wren" in line]
    assert (complaints, result.returncode) == ([], 0)
