"""Colours as #rrggbb, and which can be read on which (WCAG 2.2, contrast)."""

import colorsys
from zlib import crc32

BLACK = "#000000"
WHITE = "#ffffff"

CONTRAST_MIN = 4.5
"""What text of any size needs at level AA."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(colour: str) -> str:
    """Return black or white, whichever can be read better on a colour: 4.5 or more on any."""
    return max((BLACK, WHITE), key=lambda words: contrast(words, colour))


def quiet_colour(name: str) -> str:
    """Return a quiet colour that follows from a name alone, dark enough for words in white."""
    hue = crc32(name.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.27, 0.38)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
