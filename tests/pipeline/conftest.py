"""What several tests of the house stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import MosquittoBroker
from tests.home_rig import Outsider


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    with MosquittoBroker(tmp_path) as broker:
        yield broker


@pytest.fixture
def outsider(broker: MosquittoBroker) -> Iterator[Outsider]:
    outsider = Outsider(broker.port)
    yield outsider
    outsider.leave()
