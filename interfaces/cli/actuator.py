"""Asks a server how it is; with the standard library alone, for a container's health check runs every few seconds."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from scheduler_sdk.client_errors import ApiError, NoAnswer, Unreachable
from scheduler_sdk.server_address import USER_AGENT, is_loopback


@dataclass(frozen=True, slots=True)
class Answer:
    """What `/actuator/…` said: a document, also where the status is 503.

    `server_time` is to the second; `asked_at` (seconds of this machine's clock) is the middle of the call.
    """

    status: int
    document: dict[str, Any]
    server_time: datetime | None
    asked_at: float
    milliseconds: float


def ask(server: str, path: str, timeout: float = 10.0) -> Answer:
    """`GET /actuator/{path}`. Raises `Unreachable`, `NoAnswer`, and `ApiError` when it is no scheduler that answers."""
    opener = build_opener(ProxyHandler({}) if is_loopback(server) else ProxyHandler())
    request = Request(f"{server}/actuator/{path}", headers={"User-Agent": USER_AGENT, "Accept": "application/json"})
    begin = time.time()
    try:
        try:
            with opener.open(request, timeout=timeout) as answer:
                return _read(answer, answer.status, begin)
        except HTTPError as refused:
            with refused:
                return _read(refused, refused.code, begin)
    except TimeoutError:
        raise NoAnswer(server, timeout) from None
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise NoAnswer(server, timeout) from None
        raise Unreachable(server, _cause(error.reason)) from None
    except (OSError, HTTPException) as error:
        raise Unreachable(server, _cause(error)) from None


def _read(answer: Any, status: int, begin: float) -> Answer:
    document = _document(answer)
    end = time.time()
    if status not in (200, 503) or document is None:
        problem = document or {}
        if "title" in problem:
            raise ApiError.from_problem(problem, status)
        raise ApiError(status, f"The server answered {status} and not as a scheduler does", code="NOT_A_SCHEDULER")
    date = answer.headers.get("Date")
    return Answer(
        status, document, parsedate_to_datetime(date) if date else None, (begin + end) / 2, (end - begin) * 1000
    )


def _document(answer: IO[bytes]) -> dict[str, Any] | None:
    try:
        document = json.loads(answer.read(1024 * 1024))
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _cause(reason: object) -> str:
    words = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return words.lower().rstrip(".") or type(reason).__name__
