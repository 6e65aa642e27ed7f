"""Words as outlines: they look the same wherever the picture is shown, in any of our languages.

Chinese and Japanese write many characters differently under one code point; HarfBuzz chooses the
forms of the language that it is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import uharfbuzz as hb
from noto_cjk_sans_jp_regular import FONT_PATH

from yuzuri.kernel.names import Language

_TAGS = {Language.EN: "en", Language.JA: "ja", Language.ZH: "zh-hans"}
_MISSING = 0
"""The glyph that a font draws for what it does not have."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A line of words from its left end on the base line, in units of the font, y upwards."""

    glyphs: tuple[tuple[int, int], ...]
    """Where each glyph begins, and which one it is."""
    width: int

    def size_within(self, width: float, size: float) -> float:
        """Return the size at which the words are no wider than this, at most `size`."""
        natural = self.width_at(size)
        return size if natural <= width else size * width / natural

    def path(self, x: float, y: float, size: float) -> str:
        """Return an SVG path of the words, their left end on the base line at (x, y)."""
        scale = size / _units()
        return "".join(_glyph(glyph, x + at * scale, y, scale) for at, glyph in self.glyphs)

    def width_at(self, size: float) -> float:
        """Return how wide the words are at a size."""
        return self.width * size / _units()


def outline(text: str, language: Language) -> Outline:
    """Return words in the forms of a language; what the font does not have is left out."""
    placed, x = [], 0
    for glyph, advance in _shape(drawable(text), language):
        placed.append((x, glyph))
        x += advance
    return Outline(tuple(placed), x)


def drawable(text: str) -> str:
    """Return a text without the characters that the font does not have."""
    known = _font().get_nominal_glyph
    return "".join(char for char in text if known(ord(char))).strip()


def _shape(text: str, language: Language) -> Sequence[tuple[int, int]]:
    if not text:
        return []
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.language = _TAGS[language]
    hb.shape(_font(), buffer)
    return [
        (info.codepoint, position.x_advance)
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        if info.codepoint != _MISSING
    ]


@cache
def _font() -> hb.Font:
    return hb.Font(hb.Face(hb.Blob.from_file_path(str(FONT_PATH))))


def _units() -> int:
    """Return how many units of the font are as high as the size."""
    return int(_font().face.upem)


def _glyph(glyph: int, x: float, y: float, scale: float) -> str:
    """Return the path of one glyph; SVG counts y downwards."""
    parts: list[str] = []

    def point(at_x: float, at_y: float) -> str:
        return f"{x + at_x * scale:.1f} {y - at_y * scale:.1f}"

    draw = hb.DrawFuncs()
    draw.set_move_to_func(lambda a, b, _: parts.append(f"M{point(a, b)}"))
    draw.set_line_to_func(lambda a, b, _: parts.append(f"L{point(a, b)}"))
    draw.set_quadratic_to_func(lambda a, b, c, d, _: parts.append(f"Q{point(a, b)} {point(c, d)}"))
    draw.set_cubic_to_func(
        lambda a, b, c, d, e, f, _: parts.append(f"C{point(a, b)} {point(c, d)} {point(e, f)}")
    )
    draw.set_close_path_func(lambda _: parts.append("Z"))
    _font().draw_glyph(glyph, draw)
    return "".join(parts)
