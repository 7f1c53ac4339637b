"""Pages to read the API in a browser; everything they load comes from here."""

from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import File, Redirect

from interfaces.rest.openapi.document import document
from interfaces.rest.openapi.problem_codes import problem_codes

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Platform Scheduler API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null, docExpansion: "list"});
</script>
</body>
</html>
"""

_CODES = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Problems of the Platform Scheduler API</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
td {{ padding: .3rem 1rem .3rem 0; vertical-align: top }} :target td {{ background: #fff3bf }}</style>
</head>
<body>
<h1>Problems</h1>
<p>Every refusal names one of these as its <code>code</code>; its <code>detail</code> says what to do about it.</p>
<table>
{rows}
</table>
</body>
</html>
"""


@get("/", include_in_schema=False)
async def home() -> Redirect:
    """There is nothing else to see yet."""
    return Redirect("/docs")


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Made when it is first asked for, and kept."""
    state = request.app.state
    if "openapi" not in state:
        state.openapi = msgspec.json.encode(document(request.app))
    return Response(state.openapi, media_type="application/json")


@get("/docs", include_in_schema=False, media_type=MediaType.HTML)
async def docs() -> str:
    """Swagger UI."""
    return _PAGE


@get("/docs/problems", include_in_schema=False, media_type=MediaType.HTML)
async def problems() -> str:
    """What each code means; the `type` of a problem leads here."""
    rows = "\n".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{escape(meaning)}</td></tr>'
        for code, status, meaning in problem_codes()
    )
    return _CODES.format(rows=rows)


@get("/docs/assets/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str]) -> File:
    """A file of Swagger UI, from the package that brings it."""
    if name not in _ASSETS:
        raise NotFoundException
    return File(
        _swagger_ui() / name,
        media_type=_ASSETS[name],
        content_disposition_type="inline",
        headers={"Cache-Control": "max-age=86400"},
    )


def _swagger_ui() -> Path:
    found = find_spec("swagger_ui")  # found, not imported: only its files are of use
    if found is None or found.origin is None:
        raise NotFoundException
    return Path(found.origin).parent / "static"


PAGES = (home, openapi_json, docs, problems, asset)
