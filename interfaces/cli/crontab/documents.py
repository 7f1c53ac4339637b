"""The job document that stands for one line: what cron does with a line, said in the platform's terms.

cron starts a command whether or not the last one still runs, never late and never again after a failure; so overlap is
ALLOW, misfires are SKIPped and there is one attempt. (One that is lost with its machine does run again, as with every
job.) The platform's defaults for day of month and day of week, and for clock changes, are Debian cron's already.
"""

from __future__ import annotations

import re

from interfaces.cli.crontab.environment import Environment
from interfaces.cli.crontab.lines import JobDocument, Reading

_UNSAFE_IN_A_TAG = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_TAG = 100


def job_document(
    name: str,
    expression: str,
    command: str,
    stdin: str | None,
    user: str | None,
    environment: Environment,
    reading: Reading,
) -> JobDocument:
    """A COMMAND job on a CRON trigger. The user, where known, is a tag and, if `bind_user`, a required worker label."""
    document: dict[str, object] = {
        "name": name,
        "description": f"Imported from the crontab {reading.source}",
        "type": "COMMAND",
        "active": reading.active,
        "parameters": _parameters(command, stdin, environment),
        "trigger": _trigger(expression, environment, reading),
        "misfire": {"policy": "SKIP"},
        "overlap": "ALLOW",
        "retry": {"maxAttempts": 1},
        "tags": [source_tag(reading.source)],
    }
    if user:
        document["tags"] = [source_tag(reading.source), f"crontab-user:{_UNSAFE_IN_A_TAG.sub('-', user)}"]
        if reading.bind_user:
            document["placement"] = {"requires": {"user": user}}
    return document


def source_tag(source: str) -> str:
    """The tag that all jobs of one crontab carry."""
    return f"crontab:{_UNSAFE_IN_A_TAG.sub('-', source).strip('-')[:_LONGEST_TAG] or 'unnamed'}"


def _parameters(command: str, stdin: str | None, environment: Environment) -> dict[str, object]:
    parameters: dict[str, object] = {"command": [environment.shell, "-c", command]}
    if environment.variables:
        parameters["env"] = dict(environment.variables)
    if environment.home:
        parameters["cwd"] = environment.home
    if stdin is not None:
        parameters["stdin"] = stdin
    return parameters


def _trigger(expression: str, environment: Environment, reading: Reading) -> dict[str, object]:
    trigger: dict[str, object] = {
        "type": "CRON",
        "expression": expression,
        "timeZone": environment.zone(reading.time_zone),
    }
    if environment.random_delay_minutes:
        trigger["jitter"] = f"PT{environment.random_delay_minutes}M"
    return trigger
