"""Who is addressed: closed phrases, names as recognition mangles them, and sentences that call nobody."""

from __future__ import annotations

import pytest

from device.dialog.address import addressed, parting

NAMES = {
    "wren": ("Wren", "the house"),
    "storyteller": ("Nora", "the storyteller"),
    "concierge": ("Mr. Pim", "the concierge", "the front desk"),
}


@pytest.mark.parametrize(
    ("said", "agent"),
    [
        ("Let me speak to the storyteller.", "storyteller"),
        ("let me speak to the story, tell her", "storyteller"),
        ("Please, can I talk to the story teller now?", "storyteller"),
        ("I'd like to talk to Norah", "storyteller"),
        ("put me through to the front desk please", "concierge"),
        ("hello concierge", "concierge"),
        ("Back to Ren.", "wren"),
        ("okay, go back to the house", "wren"),
        ("Nora", "storyteller"),
    ],
)
def test_an_agent_is_called(said: str, agent: str) -> None:
    assert addressed(said, NAMES) == (agent, "")


@pytest.mark.parametrize(
    ("said", "agent", "request_"),
    [
        ("Ask the concierge about breakfast.", "concierge", "tell me about breakfast."),
        ("ask the storyteller for a story about a fox", "storyteller", "please give me a story about a fox"),
        ("Could you ask Nora to tell me about Rome?", "storyteller", "tell me about Rome?"),
        ("Wren, set the kitchen light to 20.5 percent", "wren", "set the kitchen light to 20.5 percent"),
        ("tell the front desk I am late", "concierge", "I am late"),
    ],
)
def test_an_agent_is_called_with_a_request(said: str, agent: str, request_: str) -> None:
    assert addressed(said, NAMES) == (agent, request_)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "...",
        "turn on the kitchen light",
        "tell me a bedtime story",
        "tell me about the storyteller",
        "when is dinner",
        "get me the newspaper",
        "hello there",
        "i want to speak to the manager",
        "the house is cold",
        "let me speak to the storyteller about the light in the kitchen",
        "ask the storyteller",
        "go to sleep",
    ],
)
def test_nobody_is_called(said: str) -> None:
    assert addressed(said, NAMES) is None


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("Goodbye, Nora!", True),
        ("okay thanks, bye", True),
        ("see you later storyteller", True),
        ("goodbye light", False),
        ("bye the way", False),
        ("turn off the light", False),
    ],
)
def test_goodbye_ends_the_talk_with_whom_it_is_said_to(said: str, *, parts: bool) -> None:
    assert parting(said, NAMES["storyteller"]) is parts
