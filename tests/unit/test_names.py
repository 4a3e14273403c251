"""Names of the house, found as speech recognition mangles them."""

from __future__ import annotations

import pytest

from device.home.registry import Entity, House
from device.reasoning.names import NameIndex
from device.reasoning.words import lexicon, split
from tests.houses import houses


def best(text: str, house: House) -> tuple[tuple[str, ...], float]:
    """The surest whole name in `text`: its entities (or its area) and how sure."""
    index = NameIndex(house, lexicon())
    words = split(text, lexicon().language)
    found = index.find(words, index.likely(words), 0.8)
    if not found:
        return (), 0.0
    top = max(found, key=lambda one: (one.score * (one.end - one.start), one.score))
    return top.name.ids or (top.name.area,), top.score


@pytest.mark.parametrize(
    ("heard", "entity"),
    [
        ("reading lamp", "light.reading"),
        ("reeding lamp", "light.reading"),
        ("reading lamps", "light.reading"),
        ("redding lamp", "light.reading"),
        ("reading light", "light.reading"),
        ("bed room curtains", "cover.curtains"),
        ("bedroom curtens", "cover.curtains"),
        ("patio lantens", "light.lanterns"),
        ("barn flood light", "light.flood"),
        ("reading limp", "light.reading"),
        ("study lamb", "light.study"),
        ("mirror like", "light.mirror"),
        ("study c o 2", "sensor.co2"),
        ("study co two", "sensor.co2"),
        ("chandeleer", "light.chandelier"),
        ("master bedroom's radiator", "climate.master"),
        ("wallbox", "switch.charger"),
        ("wall box", "switch.charger"),
    ],
)
def test_a_mangled_name_is_found(heard: str, entity: str) -> None:
    ids, score = best(heard, houses()["cottage"])
    assert entity in ids
    assert score > 0.84


@pytest.mark.parametrize(
    "heard",
    [
        "guest room curtains",
        "dishwasher",
        "washing lamp",
        "front gate",
        "moon",
        "barn daughter",
    ],
)
def test_another_known_word_is_never_taken_for_a_like_one(heard: str) -> None:
    ids, _ = best(heard, houses()["cottage"])
    assert not any("." in one for one in ids)


@pytest.mark.parametrize(
    ("heard", "area"),
    [
        ("lounge", "lounge"),
        ("living room", "lounge"),
        ("bathroom", "bath"),
        ("hallway", "hall"),
        ("guestroom", "guest"),
    ],
)
def test_a_room_is_known_by_its_other_names(heard: str, area: str) -> None:
    assert best(heard, houses()["cottage"])[0] == (area,)


def test_a_synonym_does_not_hide_a_room_of_that_very_name() -> None:
    house = House(areas={"a": "Lounge", "b": "Living Room"})
    assert best("living room", house)[0] == ("b",)
    assert best("lounge", house)[0] == ("a",)


def test_two_things_of_one_name_are_both_found() -> None:
    assert set(best("ceiling light", houses()["flat"])[0]) == {"light.living", "light.sleeping"}


@pytest.mark.parametrize(
    ("one", "other"), [("light", "lite"), ("knight", "night"), ("phone", "fone"), ("lamp", "lamb")]
)
def test_words_that_sound_alike_share_a_key(one: str, other: str) -> None:
    index = NameIndex(House(), lexicon())
    assert index.sound(one) == index.sound(other)


def test_odd_names_do_no_harm() -> None:
    names = ["", "  ", "!!!", "the", "[a|b] {c}", "42", "Ünïcödé Lampe", "a" * 300]
    entities = {f"light.n{i}": Entity(id=f"light.n{i}", name=name) for i, name in enumerate(names)}
    house = House(entities=entities, areas={"x": "", "y": "?"})
    assert best("ünïcödé lampe", house)[0] == ("light.n6",)
