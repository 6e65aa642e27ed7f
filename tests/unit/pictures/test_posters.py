"""Posters: read again by another program, legible in any colour, the same everywhere."""

import io
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import segno
import zxingcpp
from PIL import Image

from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import read_profiles
from yuzuri.pictures.colours import CONTRAST_MIN, WHITE, contrast, quiet_colour, readable_on
from yuzuri.pictures.glyphs import drawable, outline
from yuzuri.pictures.posters import HEIGHT, QUIET_MODULES, WIDTH, Poster, draw_png, draw_svg

URL = "https://yuzuri.example/l#q2R-f_0aZ81xYw3vTBcDeA"
WORDS = {
    Language.EN: ("A gift from Mai", "Until Thu 31 December 2026, 23:30 JST", "Not for resale"),
    Language.JA: ("まいさんからの贈り物", "2026年12月31日(木) 23:30 JSTまで", "転売禁止"),
    Language.ZH: ("来自小麦的礼物", "截至2026年12月31日 周四 23:30 JST", "禁止转售"),
}


def poster(language: Language = Language.EN, **more: str) -> Poster:
    title, until, note = WORDS[language]
    plain = Poster(
        brand="mineo", title=title, amount="1.5 GB", about="5 × 300 MB", until=until, note=note,
        place="yuzuri.example", url=URL, colour="#3b5f2b", language=language,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def pixels(drawn: Poster) -> Image.Image:
    return Image.open(io.BytesIO(draw_png(drawn))).convert("RGB")


@pytest.mark.parametrize("language", Language)
def test_the_code_leads_where_the_poster_says(language: Language) -> None:
    picture = pixels(poster(language))
    assert picture.size == (WIDTH, HEIGHT)
    for shown in (picture, picture.resize((WIDTH // 4, HEIGHT // 4)), picture.rotate(7)):
        read = zxingcpp.read_barcodes(shown)
        assert [code.text for code in read] == [URL]


def test_the_code_can_still_be_read_where_a_part_of_it_is_hidden() -> None:
    picture = pixels(poster())
    read = zxingcpp.read_barcodes(picture)[0]
    side = read.position.bottom_right.x - read.position.top_left.x
    blot = Image.new("RGB", (side // 6, side // 6), "#ffffff")
    middle = (
        (read.position.top_left.x + read.position.bottom_right.x) // 2,
        (read.position.top_left.y + read.position.bottom_right.y) // 2,
    )
    picture.paste(blot, (middle[0] - side // 12, middle[1] - side // 12))
    assert zxingcpp.read_barcodes(picture)[0].text == URL
    assert read.ec_level in {"M", "Q", "H"}


def test_around_the_code_all_is_empty_for_four_modules() -> None:
    picture = pixels(poster())
    position = zxingcpp.read_barcodes(picture)[0].position
    modules = len(segno.make_qr(URL, error="m").matrix)
    left, top = position.top_left.x, position.top_left.y
    right, bottom = position.bottom_right.x, position.bottom_right.y
    quiet = QUIET_MODULES * round((right - left) / modules) - 2
    around = picture.crop((left - quiet, top - quiet, right + quiet, bottom + quiet))
    inside = Image.new("RGB", (right - left + 4, bottom - top + 4), WHITE)
    around.paste(inside, (quiet - 2, quiet - 2))
    assert around.getcolors() == [(around.width * around.height, (255, 255, 255))]


@pytest.mark.parametrize("operator", read_profiles())
def test_words_can_be_read_on_the_colour_of_every_operator(operator: str) -> None:
    known = read_profiles()[operator].colour
    colour = quiet_colour(operator) if known is None else known.value
    assert contrast(readable_on(colour), colour) >= CONTRAST_MIN


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#777777", "#808080", "#e6d94a"])
def test_words_can_be_read_on_any_colour(colour: str) -> None:
    assert contrast(readable_on(colour), colour) >= CONTRAST_MIN


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_character_has_the_form_of_its_language() -> None:
    assert outline("直", Language.JA).glyphs != outline("直", Language.ZH).glyphs
    assert outline("A", Language.JA) == outline("A", Language.ZH)


def test_what_the_font_does_not_have_is_left_out() -> None:
    assert drawable("🍋 Mai 🍋") == "Mai"
    assert drawable("مي") == ""
    assert outline("Mai🍋", Language.EN) == outline("Mai", Language.EN)
    assert draw_svg(poster(title="", amount="🍋"))


def test_words_that_are_too_long_become_smaller() -> None:
    words = outline("W" * 200, Language.EN)
    size = words.size_within(900, 40)
    assert words.width_at(size) == pytest.approx(900)
    assert outline("W", Language.EN).size_within(900, 40) == 40


def test_the_svg_stands_on_its_own_and_says_what_it_shows() -> None:
    svg = draw_svg(poster(title='A gift from <script>"&', language=Language.EN))
    root = ET.fromstring(svg)
    assert {part.tag.rpartition("}")[2] for part in root.iter()} == {
        "svg", "title", "rect", "path", "g",
    }  # fmt: skip
    said = root.findtext("{http://www.w3.org/2000/svg}title")
    assert said is not None
    assert said.startswith('mineo · A gift from <script>"& · 1.5 GB')
    assert not re.search(r"font|href|style|url\(|script>", svg.replace("&lt;script&gt;", ""))


def test_the_secret_stands_in_the_code_alone() -> None:
    assert URL.rpartition("#")[2] not in draw_svg(poster())
