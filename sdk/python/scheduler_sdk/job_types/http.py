"""The job type HTTP: one request, judged by the status of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

import aiohttp
import msgspec
from msgspec import Meta, Struct
from yarl import URL

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import NonRetryable, TaskFailed
from scheduler_sdk.handlers.signature import INVALID_PARAMETERS
from scheduler_sdk.job_types.addresses import PublicResolver, check_host

MOST_REDIRECTS = 5
LARGEST_BODY = 64 * 1024
"""Bytes of an answer that are kept."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
_TOLD_HEADERS = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Location", "Retry-After", "X-Request-Id")
_LONGEST_WAIT = 86_400.0

Status = Annotated[int, Meta(ge=100, le=599)]


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What HTTP tasks may do on a worker. `allow_private`: call loopback, private and other addresses that are not
    public. A name is looked up once, and the address that was judged is the one that is called.
    """

    allow_private: bool = False


class HttpRequest(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`body`: text is sent as it is, anything else as JSON. Without `expectedStatus` any 2xx will do.

    `event` is what made the job fire, if an event did; it is not sent.
    """

    url: str
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[str, str] = {}
    body: Any = None
    expected_status: list[Status] = []
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    redirects: Literal["NONE", "SAME_HOST", "ANY"] = "SAME_HOST"
    event: Any = None


class HttpAnswer(Struct):
    """`body` is decoded if it is JSON; None if there is none. `truncated`: there was more than 64 KiB of it."""

    status: int
    headers: dict[str, str]
    body: Any
    truncated: bool


class HttpWork:
    """Makes requests over connections that are kept; no proxy, no cookies."""

    def __init__(self, rules: HttpRules) -> None:
        self._rules = rules
        self._session: aiohttp.ClientSession | None = None

    async def run(self, context: TaskContext, request: HttpRequest) -> HttpAnswer:
        """Raises `TaskFailed`: HTTP_503 and the like for a status that was not expected, and HTTP_TIMEOUT,
        HTTP_NAME_NOT_FOUND, HTTP_CONNECTION_FAILED, HTTP_TLS_FAILED; never to be retried HTTP_ADDRESS_FORBIDDEN and
        HTTP_REDIRECT_FORBIDDEN.
        """
        url = _url(request.url)
        try:
            return await self._follow(context, request, url)
        except TimeoutError:
            told = f"no answer from {url.host} within {request.timeout_seconds:g} s"
            raise TaskFailed("HTTP_TIMEOUT", told) from None
        except aiohttp.ClientConnectorDNSError as error:
            raise TaskFailed("HTTP_NAME_NOT_FOUND", f"{error.host} has no address: {error.strerror}") from None
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
            raise TaskFailed("HTTP_TLS_FAILED", str(error)) from None
        except (aiohttp.InvalidURL, ValueError) as error:
            raise _invalid(str(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise TaskFailed("HTTP_CONNECTION_FAILED", str(error) or type(error).__name__) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _follow(self, context: TaskContext, request: HttpRequest, url: URL) -> HttpAnswer:
        method, headers, body = request.method, dict(request.headers), _body(request)
        if body is not None and "content-type" not in map(str.lower, headers):
            headers["Content-Type"] = (
                "text/plain; charset=utf-8" if isinstance(request.body, str) else "application/json"
            )
        if any(control in text for text in (*headers, *headers.values()) for control in "\r\n\0"):
            raise _invalid("a header has the end of a line in it")
        limits = aiohttp.ClientTimeout(total=request.timeout_seconds)
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            session = self._connected()
            async with session.request(
                method, url, headers=headers, data=body, timeout=limits, allow_redirects=False
            ) as answer:
                follows = answer.status in _REDIRECTS and "Location" in answer.headers and request.redirects != "NONE"
                if not follows or answer.status in request.expected_status:
                    return await _judged(request, answer)
                target = url.join(URL(answer.headers["Location"]))
                context.log.info(f"redirected by {answer.status}", to=target.with_query(None).with_user(None))
                if target.origin() != url.origin():
                    if request.redirects == "SAME_HOST":
                        told = f"{url.host} redirects to {target.host}, which the job does not allow"
                        raise NonRetryable(told, code="HTTP_REDIRECT_FORBIDDEN")
                    headers = {name: value for name, value in headers.items() if name.lower() not in _SECRET}
                if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                    method, body = "GET", None
                url = target
        raise TaskFailed("HTTP_TOO_MANY_REDIRECTS", f"{url.host} redirects more than {MOST_REDIRECTS} times")

    def _check(self, url: URL) -> None:
        if url.scheme not in ("http", "https") or url.host is None:
            raise _invalid(f"{url} is no address of the web")
        if not self._rules.allow_private:
            check_host(url.host)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._rules.allow_private else PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=resolver, use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "platform-scheduler"},
            )
        return self._session


async def _judged(request: HttpRequest, answer: aiohttp.ClientResponse) -> HttpAnswer:
    body, truncated = await _read(answer)
    expected = request.expected_status
    if answer.status in expected if expected else 200 <= answer.status < 300:
        told = {name.lower(): answer.headers[name] for name in _TOLD_HEADERS if name in answer.headers}
        return HttpAnswer(answer.status, told, _decoded(answer, body), truncated)
    known = answer.status in HTTPStatus._value2member_map_
    phrase = f" ({HTTPStatus(answer.status).phrase})" if known else ""
    wanted = ", ".join(map(str, expected)) or "2xx"
    begin = body[:200].decode(errors="replace").strip()
    told_body = f": {begin}" if begin else ""
    after = answer.headers.get("Retry-After", "")
    wait = min(float(after), _LONGEST_WAIT) if after.isdecimal() else None
    text = f"{request.method} was answered {answer.status}{phrase}, expected {wanted}{told_body}"
    raise TaskFailed(f"HTTP_{answer.status}", text, retry_after=wait)


async def _read(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(16 * 1024):
        body += chunk
        if len(body) > LARGEST_BODY:
            answer.close()
            return bytes(body[:LARGEST_BODY]), True
    return bytes(body), False


def _decoded(answer: aiohttp.ClientResponse, body: bytes) -> Any:
    if not body:
        return None
    if answer.content_type == "application/json" or answer.content_type.endswith("+json"):
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError:
            pass  # cut short, or not what it says: then as text
    try:
        return body.decode(answer.charset or "utf-8", errors="replace")
    except LookupError:
        return body.decode(errors="replace")


def _url(text: str) -> URL:
    try:
        return URL(text)
    except ValueError as error:
        raise _invalid(f"{text!r} is no address of the web: {error}") from None


def _body(request: HttpRequest) -> bytes | None:
    if request.body is None:
        return None
    return request.body.encode() if isinstance(request.body, str) else msgspec.json.encode(request.body)


def _invalid(detail: str) -> TaskFailed:
    return NonRetryable(f"the parameters of the HTTP task are not valid: {detail}", code=INVALID_PARAMETERS)
