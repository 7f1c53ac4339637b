"""The calls that change a job: at once, or at an instant to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from scheduler_sdk.client_calls import Call
from scheduler_sdk.shapes import Job


def update_job(job: str, changes: Mapping[str, Any], version: int | None, effective_from: datetime | None) -> Call[Job]:
    terms = {} if version is None else {"If-Match": f'"{version}"'}
    query = {} if effective_from is None else {"effectiveFrom": effective_from.isoformat()}
    return Call("PUT", _path(job), query=query, body=changes, headers=terms)


def withdraw_change(job: str) -> Call[Job]:
    return Call("DELETE", f"{_path(job)}/coming-change")


def _path(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"
