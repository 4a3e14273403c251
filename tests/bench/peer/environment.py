"""The peer's own virtual environment, `.venv-peer`, made on demand from pyproject.toml's group `peer`.

Its packages never meet Wren's: Pipecat wants older releases of some of them. uv keeps what it downloaded, so
that another clone of the repository has them at once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import setup_machine

ROOT = Path(__file__).parents[3]
VENV = ROOT / ".venv-peer"
PYTHON = VENV / "bin/python"
_STAMP = VENV / "wren-peer.stamp"
_PATIENCE_S = 600


class PeerUnavailableError(Exception):
    """The peer cannot be measured on this machine; the message says why."""


def python(report: Callable[[str], None]) -> Path:
    """The interpreter that has the peer's packages; `report` gets a line when they have to be installed first.

    Raises PeerUnavailableError.
    """
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["peer"]
    fingerprint = hashlib.sha256(repr((wanted, sys.version)).encode()).hexdigest()
    if PYTHON.exists() and _STAMP.exists() and _STAMP.read_text() == fingerprint:
        return PYTHON
    report(f"installing the peer of the comparison, {wanted[0]}, in {VENV.name} (about 530 MB, once)")
    uv, environment = str(ROOT / ".venv/bin/uv"), setup_machine.uv_environment()
    environment.pop("VIRTUAL_ENV", None)
    _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], environment)
    _run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "--group", "peer"], environment)
    _STAMP.write_text(fingerprint)
    return PYTHON


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailableError(f"the peer's packages cannot be installed: {error}") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"uv ended with status {done.returncode}"]
        raise PeerUnavailableError(f"the peer's packages cannot be installed: {reason[0].strip()}")
