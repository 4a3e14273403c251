"""Settings of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("wren", deadline=None)  # a busy machine is no failure
settings.load_profile("wren")

_REAL_TIME = ("pipeline", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sound in real time on a machine that others use, too, gets a second chance; a rerun is shown as R."""
    for item in items:
        if any(part in _REAL_TIME for part in Path(item.path).parts):
            item.add_marker(pytest.mark.flaky(reruns=1))
