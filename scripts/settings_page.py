"""The page of the reference about settings."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from bootstrap.settings_keys import KEYS, ROOT, Key
from bootstrap.settings_tree import PROFILES

PAGE = """\
# Settings

<!-- Made from the code by `make docs`. -->

Every setting may come from four places; the first that names it counts:

1. a flag: `--port 9000`, or for any setting `--set retry.max-attempts=5`
2. the environment: `PLATFORM_SCHEDULER_RETRY_MAX_ATTEMPTS=5`; the name is that of the setting in capitals, with `_` for
   every other character. `DATABASE_URL`, `REDIS_URL` and `PORT` are understood too. An empty variable counts as not set
3. a file in TOML: `--config FILE`, else the one that `SCHEDULER_CONFIG` names, else `scheduler.toml` in the working
   directory
4. the profile, then the default

```toml
[platform.scheduler]
profile = "prod"

[platform.scheduler.retry]
max-attempts = 5
delay-seconds = 30

[platform.scheduler.logging.level]
root = "INFO"
application.scheduling = "DEBUG"
```

`scheduler config view --show-origin` shows every setting with its value and where that came from, passwords left out;
`scheduler config validate` checks them and starts nothing. A name that is no setting is an error wherever it stands,
and the error names the setting that was meant. All that is wrong is told at once, each with its place.

A password need not stand in the environment: `DATABASE_URL_FILE` and `REDIS_URL_FILE` (or the longer names with
`_FILE`) name a file that holds the address.

All names begin with `{root}.`, which is left out here.

| setting | default | allowed | meaning |
| --- | --- | --- | --- |
{settings}

## Loggers

`logging.level.PACKAGE` sets how much one package or module says: `application.scheduling`, `uvicorn`, or
`scheduler.access` for the requests. In the environment two underscores stand for a dot:
`PLATFORM_SCHEDULER_LOGGING_LEVEL_APPLICATION__SCHEDULING=DEBUG`. While a node runs,
`POST /actuator/loggers/PACKAGE` with `{{"configuredLevel": "DEBUG"}}` does the same until it stops; `null` takes it
back.

## Profiles

A profile changes these defaults and nothing else; `dev` changes none:

| profile | setting | default |
| --- | --- | --- |
{profiles}

## Kubernetes

A service that is called `platform-scheduler` makes Kubernetes set variables like `PLATFORM_SCHEDULER_PORT` in every
container next to it. They are known for what they are and are no settings.
"""


def settings() -> str:
    """Every setting there is."""
    return PAGE.format(
        root=ROOT,
        settings=_rows((f"`{key.short}`", _value(key.default), key.allowed, _about(key)) for key in KEYS.values()),
        profiles=_rows(
            (f"`{profile}`", f"`{short}`", _value(value))
            for profile, values in PROFILES.items()
            for short, value in values.items()
        ),
    )


def _about(key: Key) -> str:
    standard = f" Also `{key.variables[1]}`." if len(key.variables) > 1 else ""
    return f"{key.about}{standard}"


def _value(value: object) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
