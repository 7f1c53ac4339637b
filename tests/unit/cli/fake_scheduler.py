"""A server on a real socket that answers as the scheduler's API does, from memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
Route = Callable[["Request"], Answer]


class Request:
    """What came in: `path` without `/api/v1`, query parameters, the decoded body."""

    def __init__(self, method: str, url: str, body: bytes, if_match: str | None = None) -> None:
        parts = urlsplit(url)
        self.method = method
        self.path = unquote(parts.path.removeprefix("/api/v1"))
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.body: Any = json.loads(body) if body else None
        self.if_match = if_match

    @property
    def name(self) -> str:
        return self.path.split("/")[2]


class Cut(Exception):
    """Raised by a stream to drop the connection in the middle."""


class FakeScheduler:
    """Jobs by name, tasks by id; `routes` overrides the answer to `METHOD /path`."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.routes: dict[str, Route] = {}
        self.streams: list[Callable[[], Any]] = []
        self.requests: list[Request] = []
        self.refuse: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        override = self.routes.get(f"{request.method} {request.path}")
        if override:
            return override(request)
        match request.method, request.path.split("/")[1:]:
            case "POST", ["apply"]:
                return 200, {"items": [self._apply(job, request.body["dryRun"]) for job in request.body["jobs"]]}
            case "GET", ["jobs"]:
                tag = request.query.get("tag")
                return 200, self._page(request, [job for job in self.jobs.values() if not tag or tag in job["tags"]])
            case "GET", ["tasks"]:
                return 200, self._page(request, list(self.tasks.values()))
            case "GET", ["tasks", task] if task in self.tasks:
                return 200, self.tasks[task]
            case method, ["jobs", name, *verb] if name in self.jobs:
                return self._job(method, self.jobs[name], verb, request)
        return 404, problem(404, "Not found", f"There is nothing at {request.path}.", "NOT_FOUND")

    def _apply(self, job: dict[str, Any], dry_run: bool) -> dict[str, Any]:
        name = job["name"]
        if name in self.refuse:
            return {"name": name, "action": "FAILED", "problem": self.refuse[name]}
        known = self.jobs.get(name)
        written = {key: value for key, value in (known or {}).items() if key in job}
        action = "CREATED" if known is None else "UNCHANGED" if written == job else "UPDATED"
        if not dry_run:
            self.jobs[name] = job | {"id": f"id-of-{name}", "status": "ACTIVE", "nextFireAt": "2026-11-22T11:17:00Z"}
        return {"name": name, "action": action, "jobId": f"id-of-{name}", "nextFireAt": "2026-11-22T11:17:00Z"}

    def _page(self, request: Request, found: list[dict[str, Any]]) -> dict[str, Any]:
        begin = int(request.query.get("cursor", 0))
        end = begin + int(request.query["limit"])
        return {"items": found[begin:end], "nextCursor": str(end) if end < len(found) else None}

    def _job(self, method: str, job: dict[str, Any], verb: list[str], request: Request) -> Answer:
        match method, verb:
            case "GET", []:
                return 200, job
            case "GET", ["next"]:
                fire = {"nominalAt": "2027-03-28T01:00:00Z", "plannedAt": "2027-03-28T01:00:07Z", "skipped": None}
                return 200, {"fires": [fire] * int(request.query["count"]), "clockChanges": []}
            case "DELETE", []:
                return 200, self.jobs.pop(job["name"]) | {"status": "DELETED"}
            case "POST", ["trigger"]:
                return 201, {"id": "task-1", "jobId": job["id"], "status": "PENDING"}
            case "POST", [word]:
                now = {"pause": "PAUSED", "resume": "ACTIVE", "activate": "ACTIVE", "disable": "DISABLED"}[word]
                job |= {"status": now, "statusReason": (request.body or {}).get("reason")}
                return 200, job
        return 405, problem(405, "Method not allowed", "", "METHOD_NOT_ALLOWED")


def problem(status: int, title: str, detail: str, code: str, **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "status": status, "title": title, "detail": detail, "code": code, **more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scheduler: ClassVar[FakeScheduler]

    def do_GET(self) -> None:
        request = Request("GET", self.path, b"")
        if request.query.get("follow") and self.scheduler.streams:
            self.scheduler.requests.append(request)
            self._stream(self.scheduler.streams.pop(0)())
            return
        self._send(*self.scheduler.answer(request))

    def do_DELETE(self) -> None:
        self._send(*self.scheduler.answer(Request("DELETE", self.path, b"")))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send(*self.scheduler.answer(Request(self.command, self.path, body, self.headers.get("If-Match"))))

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_PUT(self) -> None:
        self.do_POST()

    def _send(self, status: int, document: Any) -> None:
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 300 else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, lines: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for line in lines:
                self._chunk(json.dumps(line).encode() + b"\n" if line else b"\n")
            self._chunk(b"")
        except Cut:
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """A test's output is its own."""


class Listening:
    """Serves a `FakeScheduler` on a free loopback port while the block lasts."""

    def __init__(self, scheduler: FakeScheduler) -> None:
        handler = type("Handler", (_Handler,), {"scheduler": scheduler})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> str:
        self._thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
