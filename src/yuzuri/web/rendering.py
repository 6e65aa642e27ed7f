"""Turning a template into a response, with the headers that every page carries."""

import hashlib
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from yuzuri.kernel.names import Language
from yuzuri.web.visits import Visit
from yuzuri.words.translations import translate

ROOM = Path(__file__).parent
STATIC = ROOM / "static"

LANGUAGE_TAGS = {Language.EN: "en", Language.JA: "ja", Language.ZH: "zh-Hans"}
LANGUAGE_NAMES = {Language.EN: "English", Language.JA: "日本語", Language.ZH: "中文"}

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

STATIC_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "public, max-age=3600",
}


def _static_url(name: str) -> str:
    """Return where a static file is found; the address changes with what is in it."""
    return f"/static/{name}?v={_fingerprint(name)}"


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


_templates = Environment(
    loader=FileSystemLoader(ROOM / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["static"] = _static_url


def render(template: str, **context: Any) -> str:
    """Render a template with just this."""
    return _templates.get_template(template).render(context)


def page(visit: Visit, template: str, *, status: int = 200, **context: Any) -> Response[str]:
    """Render a page, or a part of one, in the visit's language."""
    html = render(
        template,
        **context,
        visit=visit,
        lang=LANGUAGE_TAGS[visit.language],
        languages=LANGUAGE_NAMES,
        _=partial(translate, visit.language),
    )
    return Response(
        html,
        media_type=MediaType.HTML,
        status_code=status,
        headers=PAGE_HEADERS,
        cookies=visit.cookies(),
    )


def see_other(visit: Visit, path: str, *cookies: Cookie) -> Redirect:
    """Send the browser on after a form has done its work: going back sends nothing twice."""
    return Redirect(
        path, status_code=303, headers=PAGE_HEADERS, cookies=[*visit.cookies(), *cookies]
    )


def own_path(text: str, default: str = "/") -> str:
    """Return a path of ours, or the default where a text could lead to another host."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_ours and text.isprintable() and "\\" not in text else default
