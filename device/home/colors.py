"""Colour names to what lights understand, and back.

RGB is 0 to 255 each, hue 0 to 360, saturation 0 to 100, xy is CIE 1931 as lights report it (D65 matrix of the
sRGB primaries, as Home Assistant uses). Brightness is no part of a colour here: the largest channel is 255.
"""

from __future__ import annotations

import colorsys

Rgb = tuple[float, float, float]

RGB: dict[str, Rgb] = {
    "red": (255, 0, 0),
    "orange": (255, 128, 0),
    "yellow": (255, 255, 0),
    "green": (0, 255, 0),
    "turquoise": (0, 255, 220),
    "blue": (0, 0, 255),
    "purple": (160, 0, 255),
    "pink": (255, 70, 180),
    "white": (255, 255, 255),
    "warm white": (255, 197, 143),
}
KELVIN = {"white": 4000, "warm white": 2700}
_WARM_BELOW_KELVIN = 3300


def from_rgb(rgb: Rgb) -> str:
    """The nearest colour name; "" for black."""
    largest = max(rgb)
    if largest <= 0:
        return ""
    scaled = [channel * 255 / largest for channel in rgb]
    return min(RGB, key=lambda name: sum((a - b) ** 2 for a, b in zip(scaled, RGB[name], strict=True)))


def from_hs(hue: float, saturation: float) -> str:
    """The nearest colour name."""
    return from_rgb(colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 100) / 100, 1.0))


def from_xy(x: float, y: float) -> str:
    """The nearest colour name; "" for a point that is none."""
    if y <= 0:
        return ""
    big_x, big_z = x / y, (1 - x - y) / y
    linear = (
        big_x * 1.656492 - 0.354851 - big_z * 0.255038,
        -big_x * 0.707196 + 1.655397 + big_z * 0.036152,
        big_x * 0.051713 - 0.121364 + big_z * 1.011530,
    )
    largest = max(linear)
    if largest <= 0:
        return ""
    return from_rgb(_as_rgb([_gamma(max(channel, 0) / largest) for channel in linear]))


def from_kelvin(kelvin: float) -> str:
    """`white` or `warm white`."""
    return "warm white" if kelvin < _WARM_BELOW_KELVIN else "white"


def to_hs(name: str) -> tuple[float, float]:
    """Hue and saturation of a colour name."""
    hue, saturation, _ = colorsys.rgb_to_hsv(*(channel / 255 for channel in RGB[name]))
    return round(hue * 360, 1), round(saturation * 100, 1)


def to_xy(name: str) -> tuple[float, float]:
    """CIE xy of a colour name."""
    red, green, blue = (_linear(channel / 255) for channel in RGB[name])
    x = red * 0.664511 + green * 0.154324 + blue * 0.162028
    y = red * 0.283881 + green * 0.668433 + blue * 0.047685
    z = red * 0.000088 + green * 0.072310 + blue * 0.986039
    return round(x / (x + y + z), 4), round(y / (x + y + z), 4)


def _as_rgb(channels: list[float]) -> Rgb:
    red, green, blue = (channel * 255 for channel in channels)
    return red, green, blue


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
