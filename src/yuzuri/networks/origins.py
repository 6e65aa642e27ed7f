"""Origins: scheme, host and port of a URI, which decide whether anything is ever sent to it.

Read by the same parser that sends, so that the two never take one text for different places.
"""

import ipaddress
import re
from collections.abc import Collection

import httpx

from yuzuri.kernel.errors import Code, DomainError

ANY_LOOPBACK = "loopback"
"""In a list of origins: every port of this machine. No URI has it as its own origin."""

_URI_LENGTH_MAX = 2_048
_URI = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:[/?][!-~]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def origin_of(uri: str) -> str | None:
    """Return the origin of an absolute URI, such as https://smf.example:29502; None: it has none.

    What has a user, a fragment, a backslash or anything but plain ASCII in it has none either.
    """
    parsed = _parse(uri)
    if parsed is None:
        return None
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return f"{parsed.scheme}://{host}:{parsed.port or _PORTS[parsed.scheme]}"


def parse_origin(text: str) -> str:
    """Read an origin that an operator has written; raises `NOTIFY_ORIGIN_UNREADABLE`."""
    origin, parsed = origin_of(text), _parse(text)
    if origin is None or parsed is None or parsed.path != "/" or "?" in text:
        raise DomainError(Code.NOTIFY_ORIGIN_UNREADABLE, text=text[:80])
    return origin


def is_allowed(uri: str, origins: Collection[str]) -> bool:
    """Say whether a URI has one of these origins."""
    origin, parsed = origin_of(uri), _parse(uri)
    if origin is None or parsed is None:
        return False
    return origin in origins or (ANY_LOOPBACK in origins and _is_loopback(parsed.host))


def _parse(uri: str) -> httpx.URL | None:
    if len(uri) > _URI_LENGTH_MAX or not _URI.fullmatch(uri) or "#" in uri or "\\" in uri:
        return None
    try:
        parsed = httpx.URL(uri)
    except (httpx.InvalidURL, ValueError):
        return None
    is_whole = parsed.host and (parsed.port is None or 1 <= parsed.port <= 65535)
    return parsed if is_whole else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
