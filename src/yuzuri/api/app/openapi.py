"""The OpenAPI 3.1 description at `/schema/openapi.json`, and a page at `/schema` to read it.

The page is made here, whole: it asks no other host for anything.
"""

from collections.abc import Iterator, Mapping
from html import escape
from importlib.metadata import version
from typing import Any

from litestar import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

SESSION_SCHEME = "session"


class ReferencePage(OpenAPIRenderPlugin):
    """Every operation and every shape on one plain page."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page; the description itself is one link away."""
        operations = "".join(
            _operation(method, path, operation)
            for path, methods in openapi_schema["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict)
        )
        shapes = "".join(
            f'<h3 id="{escape(name)}">{escape(name)}</h3>{_shape(shape)}'
            for name, shape in openapi_schema["components"]["schemas"].items()
        )
        title = escape(openapi_schema["info"]["title"])
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
            f"<body><h1>{title}</h1><p>{escape(openapi_schema['info']['description'])}</p>"
            f'<p><a href="{escape(self.get_openapi_json_route(request))}">openapi.json</a></p>'
            f"{operations}<h2>Shapes</h2>{shapes}</body></html>"
        ).encode()


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}code{font-size:.95em}h2{margin-top:2.5rem;font-size:1.1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}"
    "b{display:inline-block;min-width:4.5rem}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#9cf}}"
)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    signed = " · signed in" if operation.get("security") else ""
    body = operation.get("requestBody", {}).get("content", {})
    rows = [
        (parameter["name"], f"{parameter['in']}: {_say_type(parameter['schema'])}",
         parameter.get("description") or "")
        for parameter in operation.get("parameters", ())
    ] + [("body", _say_type(content["schema"]), "") for content in body.values()]  # fmt: skip
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{_say_contents(response)}</td>"
        f"<td>{escape(response['description'])}</td></tr>"
        for status, response in operation["responses"].items()
    )
    return (
        f"<h2><b>{escape(method.upper())}</b><code>{escape(path)}</code></h2>"
        f"<p>{escape(operation.get('summary') or '')}{signed}</p>"
        f"<p>{escape(operation.get('description') or '')}</p>"
        f"<table>{''.join(map(_row, rows))}{answers}</table>"
    )


def _row(cells: tuple[str, str, str]) -> str:
    name, kind, text = cells
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{escape(text)}</td></tr>"


def _shape(shape: Mapping[str, Any]) -> str:
    if "enum" in shape:
        return (
            f"<p>{', '.join(f'<code>{escape(str(value))}</code>' for value in shape['enum'])}</p>"
        )
    rows = (
        (name, _say_type(part), "" if name in shape.get("required", ()) else "may be left out")
        for name, part in shape.get("properties", {}).items()
    )
    return f"<table>{''.join(map(_row, rows))}</table>"


def _say_contents(response: Mapping[str, Any]) -> str:
    contents = response.get("content") or {}
    return " or ".join(_say_type(content["schema"]) for content in contents.values())


def _say_type(schema: Mapping[str, Any]) -> str:
    return " or ".join(_types(schema)) or "any"


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        yield f'<a href="#{name}">{name}</a>'
    for part in schema.get("oneOf", ()):
        yield from _types(part)
    if schema.get("type") == "array":
        yield f"list of {_say_type(schema.get('items', {}))}"
    elif "type" in schema:
        yield escape(str(schema.get("format") or schema["type"]))


openapi_config = OpenAPIConfig(
    title="Yuzuri",
    version=version("yuzuri"),
    description="Give what is left on an eSIM (data, voice, messages) to someone who can use it."
    " Amounts are whole bytes, seconds and messages. What does not succeed is answered with a"
    " problem document (RFC 9457) whose code is stable; sentences follow Accept-Language.",
    path="/schema",
    render_plugins=[ReferencePage(), JsonRenderPlugin()],
    use_handler_docstrings=True,
    components=Components(
        security_schemes={
            SESSION_SCHEME: SecurityScheme(
                type="http",
                scheme="bearer",
                description="The token that POST /v1/sessions has answered with.",
            )
        }
    ),
)
