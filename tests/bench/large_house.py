"""How long the parser takes in a house of a thousand entities: `python -m tests.bench.large_house`.

Prints processor milliseconds, median and 95th percentile, of making the index of names (once for a house),
of requests that name a thing, a room, everything or nothing of the house, and of sentences that are no request.
"""

from __future__ import annotations

import random
import statistics
import time

from device.home.registry import Entity, House
from device.reasoning.intents import parse, prepare

ENTITIES = 1000
_FLOORS = ("ground floor", "first floor", "second floor", "top floor")
_PEOPLE = ("Anna", "Bertram", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hassan", "Ingrid", "Jonas")
_ROOMS = ("Bedroom", "Office", "Bathroom", "Study", "Kitchen", "Lounge", "Hallway", "Workshop")
_THINGS = (
    ("light", "Ceiling Light"),
    ("light", "Reading Lamp"),
    ("light", "Wall Spots"),
    ("light", "Desk Lamp"),
    ("switch", "Coffee Maker"),
    ("switch", "Heater Socket"),
    ("switch", "Projector"),
    ("fan", "Tower Fan"),
    ("cover", "Roller Blind"),
    ("cover", "Curtain"),
    ("climate", "Radiator"),
    ("sensor", "Temperature"),
    ("sensor", "Humidity"),
    ("binary_sensor", "Window"),
    ("binary_sensor", "Motion"),
)
_SAID = (
    "turn on {name}",
    "please switch {name} off",
    "could you turn off the lights in {room}",
    "set {name} to forty percent",
    "is {name} on",
    "turn off {name} and close the curtain in {room}",
    "turn off everything in {room}",
    "turn of {mangled}",
    "turn on the dishwasher in {room}",
    "close all the blinds on the {floor}",
    "what is the capital of france and how many people live there",
    "tell me a story about a dragon that lives in a tower",
    "i think we should go to the cinema tomorrow evening",
)


def large_house(entities: int = ENTITIES, seed: int = 0) -> House:
    """A house of so many entities: people's rooms on several floors, each with the same kinds of things."""
    rooms = [f"{person}'s {room}" for person in _PEOPLE for room in _ROOMS]
    areas = {room.lower().replace("'", "").replace(" ", "_"): room for room in rooms}
    chosen = random.Random(seed)
    made: dict[str, Entity] = {}
    for number in range(entities):
        area = list(areas)[number % len(areas)]
        domain, thing = _THINGS[(number // len(areas)) % len(_THINGS)]
        name = f"{areas[area]} {thing}"
        features = {"light": ("dim", "color"), "fan": ("speed",)}.get(domain, ())
        device_class = thing.lower() if "sensor" in domain else {"Roller Blind": "blind"}.get(thing, "")
        made[f"{domain}.{area}_{number}"] = Entity(
            id=f"{domain}.{area}_{number}",
            name=name if chosen.random() < 0.9 else f"{name} {number}",
            area=area,
            features=frozenset(features),
            device_class=device_class or ("curtain" if thing == "Curtain" else ""),
        )
    floors = {floor: tuple(list(areas)[at :: len(_FLOORS)]) for at, floor in enumerate(_FLOORS)}
    return House(entities=made, areas=areas, floors=floors, device_area=next(iter(areas)))


def measure(rounds: int = 20) -> dict[str, tuple[float, float]]:
    """Processor milliseconds, median and 95th percentile, by what was said; "prepare" is the index."""
    house, chosen = large_house(), random.Random(1)
    began = time.process_time()
    prepare(house)
    took = (time.process_time() - began) * 1000
    figures = {"prepare": (took, took)}
    everything: list[float] = []
    for said in _SAID:
        times = []
        for _ in range(rounds):
            entity = chosen.choice([e for e in house.entities.values() if e.domain in ("light", "switch")])
            mangled = entity.name.lower().replace("i", "e", 1).replace("ea", "ee")
            text = said.format(
                name=entity.name,
                room=house.areas[entity.area],
                mangled=mangled,
                floor=chosen.choice(_FLOORS),
            )
            began = time.process_time()
            parse(text, house)
            times.append((time.process_time() - began) * 1000)
        figures[said] = (statistics.median(times), sorted(times)[int(0.95 * len(times))])
        everything += times
    figures["all"] = (statistics.median(everything), sorted(everything)[int(0.95 * len(everything))])
    return figures


def main() -> None:
    """Prints the table."""
    print(f"{ENTITIES} entities, processor milliseconds{'p50':>40}{'p95':>9}")
    for name, (median, high) in measure().items():
        print(f"{name:66}{median:>9.1f}{high:>9.1f}")


if __name__ == "__main__":
    main()
