"""The jobs of a world: drawn anew for each, as documents, and as what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.invariants.history import Job

SECOND = timedelta(seconds=1)
HANDLER = "tests.simulation:work"
SLOW = {"low": 0.2, "high": 4.0}


@dataclass(frozen=True, slots=True)
class Kind:
    """`promise` lacks its id."""

    document: Mapping[str, Any]
    promise: Job


def _kind(name: str, trigger: dict[str, Any] | None = None, promise: dict[str, Any] | None = None, **more: Any) -> Kind:
    document = {"name": name, "type": "PYTHON", "handler": HANDLER, "active": True, "overlap": "ALLOW"}
    parameters = {"low": 0.05, "high": 0.4} | more.pop("parameters", {})
    document |= {"parameters": parameters} | ({"trigger": trigger} if trigger else {}) | more
    given = {"trigger": (trigger or {}).get("type", "MANUAL"), "overlaps": document["overlap"] == "ALLOW"}
    return Kind(document, Job(id="", name=name, **given | {"backoff": 60 * SECOND} | (promise or {})))


def _cron(name: str, period: int, promise: dict[str, Any] | None = None, **more: Any) -> Kind:
    trigger = {"type": "CRON", "expression": f"*/{period} * * * * *"}
    return _kind(name, trigger, {"period": period * SECOND} | (promise or {}), **more)


def _retried(attempts: int) -> dict[str, Any]:
    return {"retry": {"maxAttempts": attempts, "delay": "PT1S"}, "parameters": {"failing": 0.4}}


def drawn(random: Random) -> list[Kind]:
    """Some of each sort."""
    every, step = random.choice((1, 2, 3)), random.choice((2, 3, 5))
    backoff = {"backoff": SECOND}
    scheduled = [
        _cron("all", every, {"catches_up": True}, misfire={"policy": "FIRE_ALL", "grace": "PT1S"}),
        _cron("latest", step, misfire={"policy": "FIRE_ONCE", "grace": "PT1S"}),
        _cron("paused-at-times", every, misfire={"policy": "SKIP", "grace": "PT1S"}),
        _cron("limited", every, {"limit": 2}, concurrency={"limit": 2}, parameters={"low": 0.5, "high": 2.5}),
        _kind(
            "one-at-a-time",
            {"type": "FIXED_RATE", "every": f"PT{step}S"},
            {"period": step * SECOND},
            overlap="SKIP",
            parameters=SLOW,
        ),
        _kind("rate", {"type": "FIXED_RATE", "every": "PT3S"}, {"period": 3 * SECOND} | backoff, **_retried(3)),
        _kind("chain", {"type": "FIXED_DELAY", "delay": "PT1S"}, {"delay": SECOND}, overlap="SKIP"),
    ]
    asked = [
        _kind("asked-for", None, backoff, **_retried(3)),
        _kind(
            "times-out",
            None,
            {"timeout": SECOND, "max_attempts": 2} | backoff,
            timeouts={"execution": "PT1S"},
            retry={"maxAttempts": 2, "delay": "PT1S"},
            parameters=SLOW,
        ),
        _kind("never-twice", None, {"max_attempts": 1, "max_lost": 0}, retry={"maxAttempts": 1, "maxLost": 0}),
        _kind("long", None, None, parameters={"low": 1.0, "high": 5.0}),
    ]
    few = random.sample(scheduled, random.randint(3, len(scheduled)))
    return [*few, *asked]


def one_time(name: str, instant: datetime) -> Kind:
    """A job for one instant."""
    kind = _kind(name, {"type": "ONE_TIME", "at": instant.isoformat()})
    return Kind(kind.document, replace(kind.promise, instant=instant))
