"""Documents of jobs, written as their authors would."""

from __future__ import annotations

import json
from typing import Any

from application.scheduling.job_document import JobDocument, decode_document


def text(name: str = "backup", **fields: Any) -> bytes:
    """A COMMAND job as JSON; `fields` in camel case."""
    return json.dumps({"name": name, "type": "COMMAND", "parameters": {"command": ["true"]}, **fields}).encode()


def command(name: str = "backup", **fields: Any) -> JobDocument:
    return decode_document(text(name, **fields))


def hourly(name: str = "backup", **fields: Any) -> JobDocument:
    """Active, each full hour."""
    return command(name, **{"active": True, "trigger": {"type": "CRON", "expression": "@hourly"}, **fields})
