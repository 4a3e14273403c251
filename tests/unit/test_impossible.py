"""What the house lacks, cannot or no tool does: never an action, always an honest sentence."""

from __future__ import annotations

import tomllib

import pytest

from device.reasoning.llm import LanguageModel
from device.reasoning.router import AskModel, Route, Speak, declines, route
from device.settings import cache_dir
from tests.houses import DATA, houses
from tests.language_model import model_file

CASES = [
    (said, word)
    for group in tomllib.loads((DATA / "impossible.toml").read_text()).values()
    for said, word in group["cases"]
]


def test_there_are_many_of_them() -> None:
    assert len({said for said, _ in CASES}) >= 50


@pytest.mark.parametrize(("said", "word"), CASES)
def test_what_cannot_be_done_is_said_and_nothing_is_done(said: str, word: str) -> None:
    assert word in declined(route(said, houses()["cottage"])).lower()


@pytest.mark.parametrize("polite", ["please {}", "could you {} please", "hey wren, {}", "i want you to {}"])
@pytest.mark.parametrize(
    "said", [said for said, _ in CASES if said.split()[0] in ("turn", "switch", "set", "play")]
)
def test_politeness_makes_nothing_possible(said: str, polite: str) -> None:
    assert declined(route(polite.format(said), houses()["cottage"]))


@pytest.mark.models
@pytest.mark.timeout(600)
def test_the_model_finds_nothing_to_do_either() -> None:
    house = houses()["cottage"]
    model = LanguageModel(model_file(), threads=2, context=3072, cache=cache_dir() / "prefixes")
    try:
        model.set_house(house)
        for said, _ in CASES:
            if isinstance(asked := route(said, house), AskModel):
                assert declines(asked, model.decide(said, house)), said
    finally:
        model.close()


def declined(found: Route) -> str:
    """What is said where nothing can be done, at once or when the model finds nothing either."""
    if isinstance(found, AskModel):
        return found.decline
    assert isinstance(found, Speak)
    assert not found.calls
    assert not found.proposal
    return found.text
