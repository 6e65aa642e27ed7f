"""What the OpenAPI description says of every operation alike: problems and how one signs in."""

from http import HTTPStatus

from litestar.openapi.datastructures import ResponseSpec

from yuzuri.api.app.problems import PROBLEM_JSON, Problem

_EVERYWHERE = (500, 503)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Describe the problem documents that an operation can answer with."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            media_type=PROBLEM_JSON,
            description=HTTPStatus(status).phrase,
            generate_examples=False,
        )
        for status in sorted({*statuses, *_EVERYWHERE})
    }
