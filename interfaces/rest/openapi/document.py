"""The OpenAPI document of an application."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from litestar import Litestar
from litestar._openapi.plugin import OpenAPIPlugin
from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server
from litestar.routes import HTTPRoute

from interfaces.rest.bodies import PLAIN_TEXT, takes_text
from interfaces.rest.idempotency import ABOUT as ABOUT_KEY
from interfaces.rest.idempotency import NAME, ONCE, PATTERN
from interfaces.rest.openapi.examples import add_examples
from interfaces.rest.openapi.schemas import MsgspecSchemas

STREAM = "stream"
"""In a handler's `opt`: the media type of an answer that comes piece by piece, and the shape of a piece."""

BODIES = "bodies"
"""In a handler's `opt`: the media types of a body that it reads by itself, and the shape of each."""

ABOUT = (
    "Jobs, their tasks, the executors that run them. Errors are `application/problem+json`. Lists are pages with an"
    " opaque `nextCursor`. Instants are RFC 3339 in UTC, durations ISO 8601 or like `5m`. What is not listed here, a"
    " parameter or a member of a body, is refused."
)


_KEY = {
    "name": NAME,
    "in": "header",
    "description": ABOUT_KEY,
    "required": False,
    "schema": {"type": "string", "pattern": PATTERN},
}


def document(app: Litestar) -> dict[str, Any]:
    """OpenAPI 3.1. Litestar describes paths and parameters, msgspec the shapes; what neither can know is added here."""
    generator = OpenAPIPlugin(app)
    config = OpenAPIConfig(
        title="Platform Scheduler",
        version=version("platform-scheduler"),
        description=ABOUT,
        license=License(name="MIT", identifier="MIT"),
        servers=[Server(url="/")],
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin()],
    )
    generator.on_app_init(AppConfig(openapi_config=config))  # its routes go nowhere: this document has its own
    for route in app.routes:
        generator.receive_route(route)
    schemas = app.plugins.get(MsgspecSchemas)
    streams = {h.handler_id: schemas.reference(h.opt[STREAM][1]) for _, _, h in _handlers(app) if STREAM in h.opt}
    bodies = {
        handler.handler_id: {media_type: schemas.reference(shape) for media_type, shape in handler.opt[BODIES].items()}
        for _, _, handler in _handlers(app)
        if BODIES in handler.opt
    }
    described = generator.provide_openapi_schema()
    for path, method, handler in _handlers(app):
        operation = described["paths"][path][method]
        _tidy(operation)
        data = handler.parsed_fn_signature.parameters.get("data")
        if data is not None and data.has_default:
            operation["requestBody"]["required"] = False
        if data is not None and takes_text(data.annotation):
            operation["requestBody"]["content"][PLAIN_TEXT] = {"schema": {"type": "string"}}
        if handler.handler_id in bodies:
            content = {media_type: {"schema": s.to_schema()} for media_type, s in bodies[handler.handler_id].items()}
            operation["requestBody"] = {"required": True, "content": content}
        if handler.handler_id in streams:
            media_type, schema = handler.opt[STREAM][0], streams[handler.handler_id].to_schema()
            operation["responses"]["200"]["content"][media_type] = {"schema": schema}
        if handler.opt.get(ONCE):
            operation.setdefault("parameters", []).append(_KEY)
        add_examples(operation)
    described["components"]["schemas"].update(schemas.described[1])
    return described


def _tidy(operation: dict[str, Any]) -> None:
    """In the words of this project, and without what a query cannot say: a parameter is absent, never null."""
    first, _, _ = operation["description"].partition(". ")
    operation["summary"] = first.rstrip(".")
    for parameter in operation.get("parameters", ()):
        kinds = parameter["schema"].pop("oneOf", ())
        parameter["schema"] |= next((kind for kind in kinds if kind != {"type": "null"}), {})
    for status, response in operation["responses"].items():
        response["description"] = HTTPStatus(int(status)).phrase


def _handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """The described path, method and handler of every operation."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield route.path_format or "/", method.lower(), handler
