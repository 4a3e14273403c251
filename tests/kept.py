"""One run that several tests look at, and a new one for a test that gets a second chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

T = TypeVar("T")


class Kept(Generic[T]):
    """Calls `make` for the first test that asks, and again for one that is run again after it failed.

    A module-scoped fixture alone would not do: pytest-rerunfailures keeps it for the rerun.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._made = make, list[T]()

    def of(self, request: pytest.FixtureRequest) -> T:
        """What the test of `request` shall look at."""
        if not self._made or getattr(request.node, "execution_count", 1) > 1:
            self._made = [self._make()]
        return self._made[0]
