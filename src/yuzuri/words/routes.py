"""What people call the ways from one line to another."""

from yuzuri.kernel.names import Language
from yuzuri.words.translations import translate


def say_route(route: str, language: Language) -> str:
    """Say a route that feasibility judges."""
    return {
        "gift": translate(language, "Gift"),
        "link": translate(language, "Link or QR code"),
        "request": translate(language, "Request"),
        "pool": translate(language, "Shared pool"),
        "delegation": translate(language, "Delegated use"),
        "tank": translate(language, "Common tank"),
    }[route]
