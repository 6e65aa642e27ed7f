"""Where each page is found."""

from pathlib import Path

from litestar import MediaType, Router, get
from litestar.static_files import create_static_files_router

STATIC = Path(__file__).parent / "static"


@get("/", media_type=MediaType.HTML, include_in_schema=False)
async def show_lines() -> str:
    """Show a person's lines."""
    return '<!doctype html><html lang="en"><title>Yuzuri</title><h1>Yuzuri</h1></html>'


web_router = Router(path="/", route_handlers=[show_lines])
static_router = create_static_files_router(
    path="/static", directories=[STATIC], include_in_schema=False, name="static"
)
