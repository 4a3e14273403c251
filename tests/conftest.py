"""Settings of all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine is no failure. The same code is tested with the same examples; `make search` looks for others.
settings.register_profile("wren", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("wren")

_REAL_TIME = ("pipeline", "faults")
# begun first: where two files run at a time, neither half waits long for the other
_LONGEST = ("test_kills.py", "test_simulate.py", "test_timers.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sound in real time on a machine that others use, too, gets a second chance; a rerun is shown as R."""
    for item in items:
        if _is_real_time(item):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=_place)


def _is_real_time(item: pytest.Item) -> bool:
    return any(part in _REAL_TIME for part in item.path.parts)


def _place(item: pytest.Item) -> int:
    """The unit tests, then the longest files of the others, then the rest as it was."""
    if not _is_real_time(item):
        return 0
    name = item.path.name
    return 1 + (_LONGEST.index(name) if name in _LONGEST else len(_LONGEST))
