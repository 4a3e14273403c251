"""What Wren will probably say in this house, so that it can be synthesised before anybody asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from device.dialog import machine
from device.dialog.fillers import FILLERS
from device.home.registry import Call, Entity, House, Value, areas_of
from device.reasoning import replies

MOST = 200
_ALWAYS = (
    *FILLERS,
    machine.HOLDING,
    machine.SAY_AGAIN,
    machine.GIVE_UP,
    machine.LOST_THREAD,
    machine.TOO_LONG,
    replies.NOT_UNDERSTOOD,
    replies.CANNOT_THINK,
    replies.LEFT_ALONE,
    replies.CANNOT,
    replies.UNREACHABLE,
)
_CHANGES: tuple[tuple[str, Value | None], ...] = (
    ("turn_on", None),
    ("turn_off", None),
    ("position", 100),
    ("position", 0),
    ("lock", None),
    ("unlock", None),
    ("scene", None),
)


def expected_phrases(entities: Mapping[str, Entity]) -> list[str]:
    """The fixed sentences, then the confirmations of every plain change; at most `MOST`, each once."""
    return list(itertools.islice(dict.fromkeys((*_ALWAYS, *_confirmations(entities))), MOST))


def _confirmations(entities: Mapping[str, Entity]) -> Iterator[str]:
    house = House(entities=dict(entities), areas=areas_of(entities.values()))
    for entity in entities.values():
        for service, value in _CHANGES:
            call = Call(service, entity.id, value)
            if house.allows(call):
                yield replies.confirm([call], house)
