"""English words for the things of a house, their values and the clock, fit to be spoken: no ids, no signs.

Numbers stay in digits ("21.5 degrees"), which the voice reads well; times and dates are words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device.home.registry import Entity, House, Value

_UNITS = {
    "°C": "degrees",
    "°F": "degrees Fahrenheit",
    "K": "kelvin",
    "%": "percent",
    "ppm": "parts per million",
    "ppb": "parts per billion",
    "W": "watts",
    "kW": "kilowatts",
    "Wh": "watt hours",
    "kWh": "kilowatt hours",
    "V": "volts",
    "A": "amperes",
    "Hz": "hertz",
    "VA": "volt amperes",
    "lx": "lux",
    "hPa": "hectopascals",
    "mbar": "millibars",
    "bar": "bar",
    "Pa": "pascals",
    "km/h": "kilometres per hour",
    "m/s": "metres per second",
    "mph": "miles per hour",
    "mm": "millimetres",
    "mm/h": "millimetres per hour",
    "cm": "centimetres",
    "m": "metres",
    "km": "kilometres",
    "L": "litres",
    "m³": "cubic metres",
    "µg/m³": "micrograms per cubic metre",
    "μg/m³": "micrograms per cubic metre",
    "dB": "decibels",
    "dBm": "decibel milliwatts",
    "kg": "kilograms",
    "g": "grams",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "EUR": "euros",
    "€": "euros",
    "USD": "dollars",
    "$": "dollars",
}
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty")
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth", "twentieth",
)  # fmt: skip
_NO_ARTICLE = ("scene",)


def plain(name: str) -> str:
    """A name in the middle of a sentence: lower case, but "TV" and "CO2" as they are."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in name.split())


def the_name(entity: Entity) -> str:
    """The name with its article; scenes have none."""
    name = plain(entity.name)
    has_own = entity.domain in _NO_ARTICLE or name.split(" ")[0] in ("the", "my", "our")
    return name if has_own or "'s " in name else f"the {name}"


def is_plural(name: str) -> bool:
    """Whether a name takes "are" ("blinds")."""
    head = name.split(" in ")[0].split(" of ")[0].split(" on ")[0]
    return head.endswith("s") and not head.endswith(("ss", "us", "is"))


def listed(parts: Sequence[str], last: str = "and") -> str:
    """One after the other, as in "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def subject(entities: Sequence[Entity], house: House) -> tuple[str, bool]:
    """What `entities` together are called, without naming a crowd one by one, and whether that is plural."""
    if len(entities) == 1:
        return the_name(entities[0]), is_plural(entities[0].name)
    if (kind := _shared_kind(entities)) and (group := _group(entities, house, kind)):
        return group, True
    if len(entities) > 3:
        return f"{len(entities)} {kind or 'devices'}", True
    return listed([distinct_name(entity, entities, house) for entity in entities]), True


def distinct_name(entity: Entity, among: Sequence[Entity], house: House) -> str:
    """The name, with its room where another of `among` has the same one."""
    is_shared = sum(other.name == entity.name for other in among) > 1
    area = house.areas.get(entity.area, "").lower()
    return f"{the_name(entity)} in the {area}" if is_shared and area else the_name(entity)


def _shared_kind(entities: Sequence[Entity]) -> str:
    kinds = {"light": "lights", "switch": "switches", "fan": "fans", "lock": "locks", "cover": "covers"}
    domains = {entity.domain for entity in entities}
    return kinds.get(domains.pop(), "") if len(domains) == 1 else ""


def _group(entities: Sequence[Entity], house: House, kind: str) -> str:
    """What these are together: "all the lights", "the kitchen lights", "" when they are no such set."""
    ids = {entity.id for entity in entities}
    same = [entity for entity in house.entities.values() if entity.domain == entities[0].domain]
    if len(ids) > 1 and ids == {entity.id for entity in same}:
        return f"all the {kind}"
    areas = {entity.area for entity in entities}
    area = areas.pop() if len(areas) == 1 else ""
    if area in house.areas and ids == {entity.id for entity in same if entity.area == area}:
        return f"the {house.areas[area].lower()} {kind}"
    return ""


def number(value: float) -> str:
    """At most two decimals, and "minus" for what is below zero."""
    text = f"{round(abs(value), 2):g}" if abs(value) < 1e6 else f"{abs(value):.0f}"
    return f"minus {text}" if value < 0 and float(text) else text


def with_unit(value: Value | None, unit: str) -> str:
    """A reading as one says it; units nobody can pronounce are left out."""
    amount = _amount(value)
    if amount is None:
        return str(value).replace("_", " ")
    word = _UNITS.get(unit, unit if unit.isalpha() and len(unit) > 3 else "")
    singular = word.split(" ")[0].removesuffix("s") if amount == 1 and word.startswith("degree") else ""
    return f"{number(amount)} {' '.join([singular, *word.split(' ')[1:]]) if singular else word}".strip()


def _amount(value: Value | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def degrees(value: float) -> str:
    """A temperature in degrees Celsius."""
    return with_unit(value, "°C")


def clock(now: datetime) -> str:
    """The time of day, as "three twenty five in the afternoon"."""
    part = "at night" if now.hour < 5 or now.hour >= 22 else "in the morning"
    if 12 <= now.hour < 22:
        part = "in the afternoon" if now.hour < 18 else "in the evening"
    hour = _ONES[(now.hour - 1) % 12 + 1]
    if now.minute == 0:
        return f"{hour} o'clock {part}"
    minute = _count(now.minute)
    return f"{hour} {'oh ' if now.minute < 10 else ''}{minute} {part}"


def calendar_day(now: datetime) -> str:
    """The date, as "Monday, November twenty third"."""
    day = _ORDINALS[now.day - 1] if now.day <= 20 else f"{_TENS[now.day // 10]} {_ORDINALS[now.day % 10 - 1]}"
    if now.day == 30:
        day = "thirtieth"
    return f"{now:%A}, {now:%B} {day}"


def _count(value: int) -> str:
    if value < 20:
        return _ONES[value]
    ones = f" {_ONES[value % 10]}" if value % 10 else ""
    return f"{_TENS[value // 10]}{ones}"


def opening(position: object) -> str:
    """How far open a cover at this position is."""
    if position in (0, 100):
        return "open" if position else "closed"
    return f"{position} percent open"


def option(value: object) -> str:
    """A choice as one says it."""
    return str(value).replace("_", " ").lower()


def heated(entity: Entity, house: House) -> str:
    """The room, where the thermostat is the only one there, else the thermostat."""
    rivals = [e for e in house.entities.values() if e.domain == "climate" and e.area == entity.area]
    area = house.areas.get(entity.area)
    return f"the {area.lower()}" if area and len(rivals) == 1 else the_name(entity)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
