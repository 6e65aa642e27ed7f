"""Problem documents (RFC 9457) for whatever does not succeed."""

from litestar.types import ExceptionHandlersMap

problem_handlers: ExceptionHandlersMap = {}
