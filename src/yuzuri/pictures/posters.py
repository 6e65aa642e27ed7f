"""A poster: what is given or asked for in words, and the QR code that leads there."""

from dataclasses import dataclass
from html import escape

import resvg_py
import segno

from yuzuri.kernel.names import Language
from yuzuri.pictures.colours import BLACK, WHITE, readable_on
from yuzuri.pictures.glyphs import outline

WIDTH, HEIGHT = 1080, 1350
"""Four to five, as most people hold their phone; in pixels as PNG."""

QUIET_MODULES = 4
"""How many modules around a QR code stay empty (ISO/IEC 18004)."""

_MARGIN = 84
_CARD = (48, 476, WIDTH - 96, HEIGHT - 524)
_CODE_SIDE_MAX = 630
_INK, _SOFT = "#1d1f18", "#5f6356"

_FRUIT_WIDTH = 140
_FRUIT = (
    f'<g transform="translate({WIDTH - _MARGIN - 124} 64) scale(2.8)">'
    '<path fill="#e2d13f" stroke="#8a7f12" stroke-width="1.5" d="M24 13c9.8 0 17 6.6 17 15.4'
    'C41 37.6 33.6 44 24 44S7 37.6 7 28.4C7 19.6 14.2 13 24 13Z"/><path fill="#7c9a3a"'
    ' stroke="#4c6420" stroke-width="1.5" stroke-linejoin="round"'
    ' d="M24.5 13.5C24.6 7.7 28.7 3.7 36 3.5c0 6.5-4.4 10.5-11.5 10Z"/></g>'
)
"""A yuzu, as on our pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """The words of a poster from top to bottom, and the address behind its code."""

    brand: str
    title: str
    amount: str
    about: str
    until: str
    note: str
    place: str
    """Where the code leads, so that whoever scans it can compare."""
    url: str
    colour: str
    """The operator's, as #rrggbb."""
    language: Language


def draw_svg(poster: Poster) -> str:
    """Draw a poster as SVG, which stands on its own."""
    words = readable_on(poster.colour)
    x, y, width, height = _CARD
    said = (poster.brand, poster.title, poster.amount, poster.about, poster.until, poster.note)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">'
        f"<title>{escape(' · '.join(text for text in said if text))}</title>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{poster.colour}"/>'
        + _FRUIT
        + _left(poster, poster.brand, 112, 40, words, beside=_FRUIT_WIDTH)
        + _left(poster, poster.title, 188, 54, words, beside=_FRUIT_WIDTH)
        + _left(poster, poster.amount, 348, 168, words, bold=0.02)
        + _left(poster, poster.about, 426, 46, words)
        + f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="44" fill="{WHITE}"/>'
        + _code(poster.url, y)
        + _middle(poster, poster.until, 1148, 42, _INK)
        + _middle(poster, poster.note, 1208, 38, _INK)
        + _middle(poster, poster.place, 1264, 32, _SOFT)
        + "</svg>"
    )


def draw_png(poster: Poster) -> bytes:
    """Draw a poster as PNG, pixel by pixel what the SVG shows."""
    return resvg_py.svg_to_bytes(svg_string=draw_svg(poster), skip_system_fonts=True)


def _left(
    poster: Poster,
    text: str,
    y: float,
    size: float,
    colour: str,
    *,
    bold: float = 0,
    beside: float = 0,
) -> str:
    words = outline(text, poster.language)
    fitting = words.size_within(WIDTH - 2 * _MARGIN - beside, size)
    return _path(words.path(_MARGIN, y, fitting), colour, bold * fitting)


def _middle(poster: Poster, text: str, y: float, size: float, colour: str) -> str:
    words = outline(text, poster.language)
    fitting = words.size_within(_CARD[2] - _MARGIN, size)
    x = (WIDTH - words.width_at(fitting)) / 2
    return _path(words.path(x, y, fitting), colour)


def _path(path: str, colour: str, stroke: float = 0) -> str:
    bold = f' stroke="{colour}" stroke-width="{stroke:.1f}"' if stroke else ""
    return f'<path d="{path}" fill="{colour}"{bold}/>' if path else ""


def _code(url: str, top: float) -> str:
    """Draw the QR code in the middle, its quiet zone included, each module of whole pixels."""
    code = segno.make_qr(url, error="m")
    rows = [bytes(row) for row in code.matrix]
    modules = len(rows) + 2 * QUIET_MODULES
    module = _CODE_SIDE_MAX // modules
    left = (WIDTH - module * modules) // 2 + module * QUIET_MODULES
    first = int(top) + module * QUIET_MODULES
    runs = "".join(
        f"M{left + start * module} {first + number * module}"
        f"h{length * module}v{module}h-{length * module}z"
        for number, row in enumerate(rows)
        for start, length in _runs(row)
    )
    return f'<path d="{runs}" fill="{BLACK}" shape-rendering="crispEdges"/>'


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Return where dark modules begin in a row, and how many follow each other."""
    runs: list[tuple[int, int]] = []
    start = 0
    for light in (*[at for at, dark in enumerate(row) if not dark], len(row)):
        if light > start:
            runs.append((start, light - start))
        start = light + 1
    return runs
