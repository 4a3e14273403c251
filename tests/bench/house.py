"""Requests with what they must lead to, for the demo house; used by the pipeline tests and the benchmark."""

from __future__ import annotations

from pathlib import Path

from tests.voices import VOICES, request

# spoken request, what the answer must contain (regular expression)
HOUSE_REQUESTS: tuple[tuple[str, str], ...] = (
    ("Turn on the kitchen light.", "on"),
    ("Set the bedroom light to forty percent.", "40|forty"),
    ("Open the living room blinds.", "open"),
    ("Is the front door open?", "front door"),
    ("Set the living room thermostat to twenty two degrees.", "22|twenty two|twenty-two"),
    ("Turn off the kitchen light.", "off"),
    ("Switch on the coffee machine.", "coffee machine"),
    ("Close the living room blinds.", "closed"),
    ("Turn on the printer and the desk lamp.", "printer"),
    ("Turn off the coffee machine.", "off"),
    ("Switch off the printer.", "printer"),
    ("Turn off the desk lamp.", "off"),
)
MODEL_REQUESTS: tuple[str, ...] = (
    "It's a bit dark in the kitchen.",
    "Tell me something about robins.",
    "Who are you?",
)


def spoken_requests(count: int) -> list[Path]:
    """`count` sound files: the house requests in turn, by alternating voices."""
    return [
        request(HOUSE_REQUESTS[n % len(HOUSE_REQUESTS)][0], VOICES[(n // len(HOUSE_REQUESTS)) % len(VOICES)])
        for n in range(count)
    ]
