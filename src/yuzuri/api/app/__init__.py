"""Our own HTTP API: `/v1` for programs, `/health` for those who watch over the server."""

from yuzuri.api.app.openapi import openapi_config
from yuzuri.api.app.problems import problem_handlers
from yuzuri.api.app.routes import api_router

__all__ = ["api_router", "openapi_config", "problem_handlers"]
