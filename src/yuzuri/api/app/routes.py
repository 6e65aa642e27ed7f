"""Every route of the API under one router."""

from litestar import Router

api_router = Router(path="/", route_handlers=[])
