"""The whole application for a server process, by a clock that starts where a test wants it to."""

import os
from datetime import UTC, datetime

from litestar import Litestar

from yuzuri.main import create_app as create_whole_app


def create_app() -> Litestar:
    """Make the application; `YUZURI_TEST_NOW` is the time at which its clock starts to run."""
    offset = datetime.fromisoformat(os.environ["YUZURI_TEST_NOW"]) - datetime.now(UTC)
    return create_whole_app(clock=lambda: datetime.now(UTC) + offset)
