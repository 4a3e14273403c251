"""What a chat model's answer amounts to, however it is cut into pieces: never more than was allowed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.home.registry import Call
from device.reasoning import chat
from device.reasoning.chat import Piece
from device.reasoning.commands import Command
from device.reasoning.thinker import Limits

ON = Command(("turn on", " lamp", ""), (Call("turn_on", "light.lamp"),))
OFF = Command(("turn off", " lamp", ""), (Call("turn_off", "light.lamp"),))
FAR = Command(("turn on", " attic", ""), (Call("turn_on", "light.attic"),), 0.03)
ALLOWED = {command.text: command for command in (ON, OFF, FAR, Command(("cannot",)))}
LIMITS = Limits(act=0.6, ask=0.14)


def cut(text: str, sizes: list[int], logprob: float | None = -0.01) -> list[Piece]:
    pieces = []
    for size in sizes:
        pieces.append(Piece(text[:size], logprob))
        text = text[size:]
    return [*pieces, Piece(text, logprob)]


@given(st.text(), st.lists(st.integers(0, 9), max_size=40))
def test_whatever_comes_nothing_but_what_is_allowed_is_called(text: str, sizes: list[int]) -> None:
    for answer in (
        text,
        json.dumps({"do": [text], "say": text}),
        f'{{"do": ["turn on lamp", "{text}"], "say": ""}}',
    ):
        walk = chat.walk(cut(answer, sizes), ALLOWED, LIMITS, several=True)
        assert walk is None or set(walk.commands) <= set(ALLOWED.values())
        assert walk is None or 0 <= walk.probability <= 1


@given(st.text(), st.lists(st.integers(1, 9), max_size=60))
def test_what_is_said_does_not_depend_on_how_it_arrives(say: str, sizes: list[int]) -> None:
    whole, heard = "", ""
    for piece in cut(json.dumps({"do": [], "say": say}), sizes):
        whole += piece.text
        so_far, is_over = chat.spoken(whole)
        assert so_far.startswith(heard)
        heard = so_far
    assert (heard, is_over) == (say, True)


@pytest.mark.parametrize(
    ("do", "commands"),
    [
        (["turn on lamp"], (ON,)),
        (["Turn On Lamp ", "turn on lamp"], (ON,)),
        (["turn on lamp", "turn off lamp"], (ON, OFF)),
        (["turn on lamp", "turn off everything"], ()),
        (["turn on lamp", "cannot"], ()),
        ([], ()),
    ],
)
def test_every_line_counts_or_none(do: list[str], commands: tuple[Command, ...]) -> None:
    walk = chat.walk([Piece(json.dumps({"do": do, "say": ""}), -0.1)], ALLOWED, LIMITS, several=True)
    assert walk is not None
    assert walk.commands == commands


def test_only_the_tokens_of_the_commands_count_and_unlikely_rooms_weigh_little() -> None:
    def probability(command: Command) -> float:
        pieces = [
            Piece('{"do": [', -9.0),
            Piece(f'"{command.text}', -0.1),
            Piece('"]'),
            Piece(', "say": ""}', -9.0),
        ]
        pieces[2] = Piece('"]', -0.1)
        walk = chat.walk(pieces, ALLOWED, LIMITS, several=False)
        assert walk is not None
        return walk.probability

    assert probability(ON) == pytest.approx(0.8187, abs=1e-3)
    assert probability(FAR) == pytest.approx(0.119, abs=1e-3)


def test_a_list_that_servers_refuse_is_left_to_the_check_afterwards() -> None:
    short, long = (
        chat.shape([f"turn on lamp {n}" for n in range(most)], several=False) for most in (900, 1001)
    )
    assert "enum" in short["properties"]["do"]["items"]
    assert "enum" not in long["properties"]["do"]["items"]
