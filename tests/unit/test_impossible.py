"""What the house lacks, cannot or no tool does: never an action, always an honest sentence."""

from __future__ import annotations

import tomllib

import pytest

from device.reasoning.router import Speak, route
from tests.houses import DATA, houses

CASES = [
    (said, word)
    for group in tomllib.loads((DATA / "impossible.toml").read_text()).values()
    for said, word in group["cases"]
]


def test_there_are_many_of_them() -> None:
    assert len({said for said, _ in CASES}) >= 50


@pytest.mark.parametrize(("said", "word"), CASES)
def test_what_cannot_be_done_is_said_and_nothing_is_done(said: str, word: str) -> None:
    found = route(said, houses()["cottage"])
    assert isinstance(found, Speak)
    assert not found.calls
    assert not found.proposal
    assert word in found.text.lower()


@pytest.mark.parametrize("polite", ["please {}", "could you {} please", "hey wren, {}", "i want you to {}"])
@pytest.mark.parametrize(
    "said", [said for said, _ in CASES if said.split()[0] in ("turn", "switch", "set", "play")]
)
def test_politeness_makes_nothing_possible(said: str, polite: str) -> None:
    found = route(polite.format(said), houses()["cottage"])
    assert isinstance(found, Speak)
    assert not found.calls
    assert not found.proposal
