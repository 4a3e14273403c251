"""The language model file for tests that need the real one, and sentences with what must come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ModelMissing
from models.store import Store

# said in the cottage, what may come of it: services and the start of the entity id, or a kind of decision
PARAPHRASES = (
    ("it's a bit dark in the kitchen", ("turn_on light", "brightness_step light")),
    ("the lounge is pitch black", ("turn_on light", "brightness_step light")),
    ("it is freezing in the kitchen", ("temperature_step climate.kitchen",)),
    ("tell me how damp the bathroom is", ("get sensor.bath",)),
    ("boil some water in the kettle", ("turn_on switch.kettle",)),
    ("get the water pump running", ("turn_on switch.pump",)),
    ("who needs the chandelier at noon", ("turn_off light.chandelier", "talk")),
    # at the limit of `ASK`, where the order of additions decides
    (
        "the reading lamp is dazzling me",
        ("brightness_step light.reading", "turn_off light.reading", "cannot"),
    ),
    ("let some sun in through the lounge shutters", ("position cover.shutters",)),
    ("i fancy a film night", ("scene scene.film", "talk")),
    ("start the dishwasher", ("cannot",)),
    ("turn on the sauna", ("cannot",)),
    ("order a pizza", ("cannot",)),
    ("play some jazz", ("cannot",)),
    ("tell me a joke", ("talk",)),
    ("who are you", ("talk",)),
    ("what is the capital of france", ("talk",)),
    ("thanks a lot", ("talk",)),
)


def model_file() -> Path:
    """The active language model; skips the test, saying why, where there is none."""
    try:
        return Store().active("llm").files["model"]
    except ModelMissing as error:
        pytest.skip(str(error))
