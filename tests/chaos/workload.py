"""The jobs that run during the faults, and what each of them puts to the test."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.chaos.witness import HANDLER
from tests.invariants.history import Job

SECOND = timedelta(seconds=1)


def _document(name: str, trigger: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    document = {"name": name, "type": "PYTHON", "handler": HANDLER, "active": True, "overlap": "ALLOW"}
    parameters = {"low": 0.05, "high": 0.3} | more.pop("parameters", {})
    return document | {"parameters": parameters} | ({"trigger": trigger} if trigger else {}) | more


def _cron(period: int) -> dict[str, Any]:
    return {"type": "CRON", "expression": f"*/{period} * * * * *"}


FAILING: dict[str, Any] = {"parameters": {"failing": 0.5}, "retry": {"maxAttempts": 3, "delay": "PT1S"}}
SLOW = {"low": 0.2, "high": 4.0}
ENDLESS = {"low": 60.0, "high": 60.0}
SAME_TIME: dict[str, Any] = {"job": "latest", "match": {"type": "SAME"}}

DOCUMENTS = (
    _document("all", _cron(1), misfire={"policy": "FIRE_ALL", "grace": "PT1S"}),
    _document("latest", _cron(2), misfire={"policy": "FIRE_ONCE", "grace": "PT1S"}),
    _document("one-at-a-time", {"type": "FIXED_RATE", "every": "PT2S"}, overlap="SKIP", parameters=SLOW),
    _document("rate", {"type": "FIXED_RATE", "every": "PT3S"}, **FAILING),
    _document("chain", {"type": "FIXED_DELAY", "delay": "PT1S"}, overlap="SKIP"),
    _document("paused-at-times", _cron(1), misfire={"policy": "SKIP", "grace": "PT1S"}),
    _document("after-rate", {"type": "DEPENDENCY"}, dependencies=[{"job": "rate"}], **FAILING),
    _document("after-that", {"type": "DEPENDENCY"}, dependencies=[{"job": "after-rate"}]),
    _document("after-latest", _cron(2), dependencies=[SAME_TIME], dependencyPolicy={"waitTimeout": "PT5M"}),
    _document("limited", _cron(1), concurrency={"limit": 2}, parameters={"low": 0.5, "high": 2.5}),
    _document("times-out", parameters=SLOW, timeouts={"execution": "PT1S"}, retry={"maxAttempts": 2, "delay": "PT1S"}),
    _document("endless", parameters=ENDLESS, timeouts={"execution": "PT1S"}, retry={"maxAttempts": 1}),
    _document("never-twice", retry={"maxAttempts": 1, "maxLost": 0}),
    _document("asked-for", **FAILING),
    _document("long", parameters={"low": 1.0, "high": 5.0}),
)

SCHEDULED = tuple(d["name"] for d in DOCUMENTS if d.get("trigger", {"type": "DEPENDENCY"})["type"] != "DEPENDENCY")
PAUSED_AT_TIMES = "paused-at-times"


def one_time(name: str, instant: datetime) -> dict[str, Any]:
    """A job for one instant."""
    return _document(name, {"type": "ONE_TIME", "at": instant.isoformat()})


def promised(id_: str, spec: dict[str, Any]) -> Job:
    """What hangs on a definition, as it stands in the store."""
    trigger, retry = spec.get("trigger") or {}, spec.get("retry") or {}
    kind = trigger.get("type", "MANUAL")
    return Job(
        id=id_,
        name=spec["name"],
        trigger=kind,
        period=_period(kind, trigger),
        delay=SECOND if kind == "FIXED_DELAY" else None,
        instant=datetime.fromisoformat(trigger["at"]) if kind == "ONE_TIME" else None,
        follows=next((edge["job"] for edge in spec.get("dependencies", [])), None),
        catches_up=spec.get("misfire", {}).get("policy") == "FIRE_ALL",
        overlaps=spec.get("overlap") == "ALLOW",
        max_attempts=retry.get("maxAttempts", 3),
        max_lost=retry.get("maxLost", 3),
        backoff=SECOND if retry.get("delay") == "PT1S" else timedelta(minutes=1),
        timeout=SECOND if spec.get("timeouts") else None,
        limit=spec.get("concurrency", {}).get("limit"),
    )


def _period(kind: str, trigger: dict[str, Any]) -> timedelta | None:
    if kind == "CRON":
        return int(trigger["expression"].split()[0].removeprefix("*/")) * SECOND
    if kind == "FIXED_RATE":
        return int(trigger["every"].strip("PTS")) * SECOND
    return None
