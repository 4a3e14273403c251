"""Written words as they are said, where espeak would read them badly: units, money, times, formulas, markup.

Works word by word, so that every written word keeps its own place in time; a word that is not said at all
(a dash, an emoji) becomes an empty string. English.
"""

from __future__ import annotations

import re
import unicodedata

_UNITS = {  # symbol: (one, many); symbols that are words too are read as units after a number only
    "%": ("percent", "percent"),
    "°": ("degree", "degrees"),
    "°C": ("degree", "degrees"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "m/s": ("meter per second", "meters per second"),
    "mph": ("mile per hour", "miles per hour"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "Wh": ("watt hour", "watt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "W": ("watt", "watts"),
    "V": ("volt", "volts"),
    "Hz": ("hertz", "hertz"),
    "lx": ("lux", "lux"),
    "hPa": ("hectopascal", "hectopascals"),
    "mbar": ("millibar", "millibars"),
    "ppm": ("part per million", "parts per million"),
    "µg/m³": ("microgram per cubic meter", "micrograms per cubic meter"),
    "m³": ("cubic meter", "cubic meters"),
    "mm": ("millimeter", "millimeters"),
    "cm": ("centimeter", "centimeters"),
    "km": ("kilometer", "kilometers"),
    "kg": ("kilogram", "kilograms"),
    "dB": ("decibel", "decibels"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "s": ("second", "seconds"),
    "€": ("euro", "euros"),
    "£": ("pound", "pounds"),
    "$": ("dollar", "dollars"),
}
_WORDS = {
    "CO2": "C O 2",
    "CO₂": "C O 2",
    "LED": "L E D",
    "LEDs": "L E Ds",
    "Dr.": "Doctor",
    "Mr.": "Mister",
    "Mrs.": "Missis",
    "approx.": "approximately",
    "vs.": "versus",
    "etc.": "et cetera",
    "&": "and",
}
_MARKUP = str.maketrans("", "", "*_#`~|<>{}\\")
_NUMBER = r"[-+−]?\d[\d,]*(?:\.\d+)?"
_AMOUNT = re.compile(rf"({_NUMBER})([^\d\s.,]\S*)?")
_MONEY = re.compile(r"([€£$])(\d[\d,]*)(?:\.(\d\d))?")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_RANGE = re.compile(rf"({_NUMBER})[-–]({_NUMBER}(?:[^\d\s.,–-]\S*)?)")
_EDGES = re.compile(r"^([\"'(\[“‘]*)(.*?)([\"')\]”’]*[.,;:!?…]*[\"')\]”’]*)$", re.DOTALL)


def speakable_words(text: str) -> list[tuple[str, str]]:
    """Each written word of `text` with what is said for it."""
    words = text.split()
    return [
        (
            word,
            _spoken(
                word, before=words[index - 1] if index else "", after="".join(words[index + 1 : index + 2])
            ),
        )
        for index, word in enumerate(words)
    ]


def _spoken(word: str, before: str, after: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    plain = "".join(letter for letter in word.translate(_MARKUP) if not _is_picture(letter))
    match = _EDGES.match(plain)
    assert match is not None
    opening, core, closing = match.groups()
    if closing.startswith(("..", "…")):
        closing = "," if after else "."
    return opening + _said(core, before, after) + closing if core else ""


def _said(core: str, before: str, after: str) -> str:
    if core in _WORDS:
        return _WORDS[core]
    if core in _UNITS and re.fullmatch(_NUMBER, before):
        return _UNITS[core][before not in ("1", "-1")]
    if match := _MONEY.fullmatch(core):
        sign, whole, cents = match.groups()
        return f"{whole} {_UNITS[sign][whole != '1']}" + (f" {int(cents)}" if cents and int(cents) else "")
    if match := _TIME.fullmatch(core):
        return _time(int(match[1]), match[2], after)
    if match := _RANGE.fullmatch(core):
        return f"{match[1]} to {_said(match[2], '', after)}"
    if (match := _AMOUNT.fullmatch(core)) and match[2] in _UNITS:
        return f"{match[1]} {_UNITS[match[2]][match[1] not in ('1', '-1')]}"
    if core in ("-", "–", "—"):
        return ","
    return re.sub(r"(?<=[^\W\d])/(?=[^\W\d])", " ", core)


def _time(hour: int, minutes: str, after: str) -> str:
    if minutes == "00":
        named_half = after.strip(".,;:!?").replace(".", "").lower() in ("am", "pm")
        return f"{hour}" if named_half else f"{hour} o'clock" if hour <= 12 else f"{hour} hundred"
    return f"{hour} oh {minutes[1]}" if minutes[0] == "0" else f"{hour} {minutes}"


def _is_picture(letter: str) -> bool:
    joiner = letter in "\ufe0f\u200d"
    return joiner or (letter != "°" and unicodedata.category(letter) in ("So", "Sk", "Cs", "Co", "Cn"))
