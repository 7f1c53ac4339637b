"""The jobs that `scheduler dev --example` starts with."""

from __future__ import annotations

import msgspec

_JOBS: list[dict[str, object]] = [
    {
        "name": "hello",
        "description": "Says hello every five seconds.",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": 'echo "Hello, it is $(date -u +%H:%M:%S) UTC."'},
        "trigger": {"type": "CRON", "expression": "*/5 * * * * *"},
        "tags": ["sample"],
    },
    {
        "name": "disk-usage",
        "description": "Looks at the file systems every ten seconds; see it with: scheduler tasks logs TASK",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": ["df", "-h"]},
        "trigger": {"type": "CRON", "expression": "*/10 * * * * *"},
        "tags": ["sample"],
    },
    {
        "name": "flaky",
        "description": "Fails now and then, and is tried again after a second or two.",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": '[ $(( $(date +%s) % 3 )) -ne 0 ] || { echo "no luck this time" >&2; exit 1; }'},
        "trigger": {"type": "CRON", "expression": "*/15 * * * * *"},
        "retry": {"maxAttempts": 5, "delay": "PT1S", "strategy": "EXPONENTIAL_BACKOFF"},
        "tags": ["sample"],
    },
    {
        "name": "nightly-report",
        "description": "At two in the morning in Berlin, once a night, also when the clocks change.",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": "echo report written"},
        "trigger": {"type": "CRON", "expression": "0 2 * * *", "timeZone": "Europe/Berlin"},
        "tags": ["sample"],
    },
]


def sample_jobs() -> list[bytes]:
    """Their documents."""
    return [msgspec.json.encode(job) for job in _JOBS]
