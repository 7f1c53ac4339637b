"""HTTP: one request, judged by the status of its answer."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.parameters import not_between, not_texts_by_name, unknown, wrong
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

_KNOWN = ("url", "method", "headers", "body", "expectedStatus", "timeoutSeconds", "redirects")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REDIRECTS = ("NONE", "SAME_HOST", "ANY")


def check_http(parameters: JsonObject) -> Sequence[FieldProblem]:
    """Only `url` is needed; `body` may be anything."""
    problems = list(unknown("HTTP", _KNOWN, parameters))
    url = parameters.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        problems.append(wrong("url", "url must be an address that begins with http:// or https://."))
    for name, allowed in (("method", _METHODS), ("redirects", _REDIRECTS)):
        if parameters.get(name, allowed[0]) not in allowed:
            problems.append(wrong(name, f"{name} must be one of {', '.join(allowed)}."))
    expected = parameters.get("expectedStatus", ())
    if not isinstance(expected, Sequence) or isinstance(expected, str) or not all(map(_is_status, expected)):
        problems.append(wrong("expectedStatus", "expectedStatus must be a list of numbers from 100 to 599."))
    return [
        *problems,
        *not_texts_by_name(parameters, "headers"),
        *not_between(parameters, "timeoutSeconds", 0.001, 3600),
    ]


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599


HTTP = JobType(name="HTTP", needs_handler=False, check=check_http, texts=frozenset({"url", "method", "headers"}))
