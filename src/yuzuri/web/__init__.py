"""Pages for people: their lines and what is left, giving, what came in, history."""

from yuzuri.web.routes import static_router, web_router

__all__ = ["static_router", "web_router"]
