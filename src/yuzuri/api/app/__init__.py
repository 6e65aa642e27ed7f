"""Our own HTTP API: `/v1` for programs, `/health` for those who watch over the server."""

from yuzuri.api.app.problems import problem_handlers
from yuzuri.api.app.routes import api_router

__all__ = ["api_router", "problem_handlers"]
