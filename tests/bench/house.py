"""Requests with what they must lead to, for the demo house; used by the pipeline tests and the benchmark."""

from __future__ import annotations

from pathlib import Path

from tests.voices import VOICES, recorded, request

# spoken request, what the answer must contain (regular expression)
HOUSE_REQUESTS: tuple[tuple[str, str], ...] = (
    ("Turn on the kitchen light.", "on"),
    ("Turn off the bathroom light.", "off"),
    ("Turn off the hallway light.", "off"),
    ("Turn on the bathroom light.", "on"),
    ("Turn off the kitchen light.", "off"),
    ("Turn on the printer.", "printer"),
)
# recordings of people in the shared data, by the end of their names
RECORDED_REQUESTS: tuple[tuple[str, str], ...] = (
    ("turn_on_the_living_room_lamp", "on"),
    ("turn_off_bedroom_light", "off"),
    ("is_the_garage_door_open", "closed"),
    ("make_the_bedroom_light_blue", "blue"),
    ("turn_on_the_garage_light", "on"),
    ("turn_off_living_room_lamp", "off"),
)
MODEL_REQUESTS: tuple[str, ...] = (
    "Put an end to the light in the kitchen.",
    "Tell me something about penguins.",
    "Who are you?",
)
# talk, and wishes that no known command covers, for the benchmark
TALK_REQUESTS: tuple[str, ...] = (
    *MODEL_REQUESTS,
    "Give the bedroom some light.",
    "How far away is the moon?",
    "Tell me a joke.",
    "What is the capital of France?",
    "Can you make it cosy in the kitchen?",
    "What should I cook tonight?",
    "Let some light into the hallway.",
    "Who wrote Hamlet?",
    "Recommend a book to me.",
    "What is the tallest mountain in the world?",
    "I had a terrible day.",
    "Why do birds sing?",
    "Is there life on Mars?",
    "Explain what an echo is.",
    "Do you ever sleep?",
    "When did the second world war end?",
    "Say something nice.",
    "How do you make bread?",
    "I can hardly read in the living room.",
    "What would you name a parrot?",
)


def requests() -> list[tuple[Path, str]]:
    """Sound files of house requests and what their answers must contain; people's first, where there are any."""
    people = [
        (path, expected)
        for number, (name, expected) in enumerate(RECORDED_REQUESTS)
        if (path := recorded(name, number)) is not None
    ]
    spoken = [
        (request(text, VOICES[n % len(VOICES)]), expected)
        for n, (text, expected) in enumerate(HOUSE_REQUESTS)
    ]
    return people + spoken


def many_requests(count: int) -> list[Path]:
    """`count` sound files: all house requests in turn."""
    files = [path for path, _ in requests()]
    return [files[n % len(files)] for n in range(count)]
