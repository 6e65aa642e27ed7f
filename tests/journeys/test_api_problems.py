"""Whatever fails is said in one form, by one table of codes."""

import logging
from collections.abc import Iterator

import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from litestar.testing import TestClient, create_test_client
from psycopg import OperationalError

from yuzuri.api.app import api_router, problem_handlers
from yuzuri.api.app.problems import STATUS
from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.kernel.errors import Code, DomainError

Client = TestClient[Litestar]

FAILURES: dict[str, Exception] = {
    "defect": ZeroDivisionError("the secret of the machine"),
    "no-connection": OperationalError("the secret of the machine"),
    "no-database": DatabaseUnavailable(Reason.UNREACHABLE, "the secret of the machine"),
    "in-flight": DomainError(Code.REQUEST_IN_FLIGHT),
    "busy": DomainError(Code.REQUEST_BUSY),
}


@get("/v1/fail/{how:str}")
async def fail(how: FromPath[str]) -> None:
    raise FAILURES[how]


@pytest.fixture
def client() -> Iterator[Client]:
    with create_test_client([api_router, fail], exception_handlers=problem_handlers) as client:
        yield client


def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(Code)
    assert all(400 <= status < 600 for status in STATUS.values())


@pytest.mark.parametrize(
    ("how", "status", "code", "retries"),
    [
        ("defect", 500, "internal", False),
        ("no-connection", 503, "database.unavailable", True),
        ("no-database", 503, "database.unavailable", True),
        ("in-flight", 409, "request.in_flight", True),
        ("busy", 503, "request.busy", True),
    ],
)
def test_a_failure_tells_what_to_do_and_no_secret(
    client: Client, how: str, status: int, code: str, retries: bool
) -> None:
    answer = client.get(f"/v1/fail/{how}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert ("Retry-After" in answer.headers) is retries
    assert answer.json()["detail"]
    assert answer.json()["next_step"]


def test_what_is_unexpected_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        client.get("/v1/fail/defect")
    assert "ZeroDivisionError" in caplog.text
    assert "GET /v1/fail/defect" in caplog.text


def test_programs_get_a_document_and_readers_a_page(client: Client) -> None:
    document = client.get("/elsewhere", headers={"Accept": "application/json"})
    page = client.get("/elsewhere", headers={"Accept": "text/html", "Accept-Language": "ja"})
    assert (document.status_code, page.status_code) == (404, 404)
    assert document.json()["code"] == "path.unknown"
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="ja">' in page.text


def test_the_path_of_a_request_never_becomes_a_part_of_the_page(client: Client) -> None:
    page = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<script>" not in page.text
