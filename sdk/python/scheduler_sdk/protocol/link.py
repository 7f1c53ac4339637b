"""The HTTP connection to the server: one call, or a call repeated until the server has answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Self, TypeVar

import aiohttp
import msgspec
from yarl import URL

from scheduler_sdk.errors import Refused, SessionEnded, Superseded, Unavailable
from scheduler_sdk.protocol import backoff
from scheduler_sdk.server_address import USER_AGENT, resolve_server
from scheduler_sdk.wire import Problem

T = TypeVar("T")

logger = logging.getLogger("scheduler_sdk")

KEEP_ALIVE = 4.0  # seconds; below the 5 s after which common servers close an idle connection just as it is used again
CONNECT_WITHIN = 10.0
LASTING = 10  # failures in a row, about half a minute of them, after which a call is named that fails alone
MALFORMED = frozenset({400, 413, 422})
"""Refusals of what a call says. Any other may pass: a login that is renewed, a gateway that is being deployed."""

_TRANSIENT = frozenset({408, 425, 429})
_problem = msgspec.json.Decoder(Problem)


class Link:
    """Calls one server with keep-alive, and says once when contact is lost and once when it is back."""

    def __init__(self, server: str) -> None:
        self.server = resolve_server(server)
        self._last_answer = -1.0
        self._lost_at: float | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "User-Agent": USER_AGENT},
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.close()

    def url(self, path: str) -> URL:
        """The address of `path`, whose segments are quoted already, below the executors' API."""
        return URL(f"{self.server}/api/v1/cluster/executors{path}", encoded=True)

    async def post(self, url: URL, body: bytes, decode: Callable[[bytes], T], timeout: float) -> T:
        """Make one call.

        Raises `Unavailable`, `SessionEnded`, `Superseded`, or `Refused` for any other answer of 3xx and 4xx.
        """
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_WITHIN)
        try:
            async with self._http.post(url, data=body, timeout=limits, allow_redirects=False) as answer:
                content = await answer.read()
        except TimeoutError as error:
            raise Unavailable(str(error) or f"no answer within {timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(str(error) or type(error).__name__) from error
        if answer.status >= 300:
            raise _refusal(answer.status, content, answer.headers.get("Retry-After", ""))
        try:
            return decode(content)
        except msgspec.DecodeError as error:
            raise Unavailable(f"the answer is not a scheduler's: {error}") from error

    async def persist(
        self,
        url: URL,
        body: Callable[[], bytes],
        decode: Callable[[bytes], T],
        timeout: float,
        final: frozenset[int] = MALFORMED,
    ) -> T:
        """Call until the server has answered, with back-off. Raises `Refused` only for a status in `final`."""
        failures, began = 0, 0.0
        while True:
            try:
                answer = await self.post(url, body(), decode, timeout)
            except (Unavailable, Refused) as error:
                if isinstance(error, Refused) and error.status in final:
                    raise
                failures += 1
                began = began or _now()
                self._failed(url, error, failures, began)
                asked = error.retry_after if isinstance(error, Unavailable) else 0.0
                await asyncio.sleep(backoff.pause(failures, asked))
            else:
                self._answered()
                return answer

    def _failed(self, url: URL, error: Exception, failures: int, began: float) -> None:
        # A first failure may be a connection that was closed as we took it: not worth a line in the log.
        if failures > 1 and self._lost_at is None and self._last_answer < began:
            self._lost_at = began
            what = "no contact with" if isinstance(error, Unavailable) else "turned away by"
            logger.warning("%s the server %s: %s; trying again and again", what, self.server, error)
        elif failures == LASTING and self._lost_at is None:
            logger.warning("the server answers, but not to %s: %s; trying again", url.path, error)

    def _answered(self) -> None:
        self._last_answer = _now()
        if self._lost_at is not None:
            logger.info("the server %s answers again after %.1f s", self.server, self._last_answer - self._lost_at)
            self._lost_at = None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _refusal(status: int, content: bytes, retry_after: str) -> Exception:
    try:
        problem = _problem.decode(content)
    except msgspec.DecodeError:
        problem = Problem()
    if status == 409 and problem.code == "SUPERSEDED":
        return Superseded(str(problem))
    if status == 409 and problem.code == "SESSION_ENDED":
        return SessionEnded(str(problem))
    if status >= 500 or status in _TRANSIENT:
        return Unavailable(f"HTTP {status}, {problem}", float(retry_after) if retry_after.isdecimal() else 0.0)
    return Refused(status, problem.code or "", str(problem))
