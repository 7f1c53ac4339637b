"""Which server a client calls, and under which name."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from scheduler_sdk.client_errors import InvalidServer

DEFAULT_SERVER = "http://127.0.0.1:8080"
SERVER_VARIABLE = "SCHEDULER_URL"


def _user_agent() -> str:
    try:
        release = version("platform-scheduler-sdk")
    except PackageNotFoundError:  # run from a source tree that is not installed
        release = "0"
    return f"platform-scheduler-sdk/{release} (python {platform.python_version()})"


USER_AGENT = _user_agent()


def resolve_server(argument: str | None = None) -> str:
    """The server's URL without a closing slash: the argument, else `SCHEDULER_URL`, else this machine's port 8080.

    `host:port` is taken as http. Raises `InvalidServer`.
    """
    given = (argument or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER).strip()
    url = (given if "://" in given else f"http://{given}").rstrip("/")
    if not _is_address(url):
        raise InvalidServer(f"'{given}' is not a server's address: write it like {DEFAULT_SERVER}")
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or any(character.isspace() for character in url):
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
