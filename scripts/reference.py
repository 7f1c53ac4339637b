"""Write the pages of the reference that the code knows best: its API, commands, errors, metrics, settings, states.

python -m scripts.reference            write them to docs/reference
python -m scripts.reference --check    write nothing; end with 1 if one is not what the code says
python -m scripts.reference --break    write them, even an API whose clients must be changed

/api/v1 only grows: what would break a client is refused, and said.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from inspect import cleandoc
from pathlib import Path

import click
from dependency_injector import providers

from bootstrap.container import Container
from bootstrap.settings import Settings
from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.job import ALLOWED_ACTIONS, JobStatus
from domain.scheduling.task_status import FINAL, TaskStatus
from interfaces.cli import exits
from interfaces.cli.app import scheduler
from interfaces.cli.failures import CODE_OF_STATUS
from interfaces.rest.app import create_app
from interfaces.rest.errors import RETRYABLE
from interfaces.rest.openapi.document import document
from interfaces.rest.openapi.problem_codes import problem_codes
from scripts.breaking_changes import breaking_changes
from scripts.clock_changes_page import clock_changes_page
from scripts.metrics_page import metrics
from scripts.settings_page import settings
from scripts.standstill_page import standstill_page
from scripts.state_machines import diagram, ways_of_executors, ways_of_jobs, ways_of_tasks

PLACE = Path(__file__).parents[1] / "docs" / "reference"

OPENAPI = "openapi.json"

CLI = """\
# The command line

<!-- Made from the code by `make docs`. -->

Every command that calls a server takes these options too, before its name or after it:

{shared}

The JSON of `-o json` is that of the API and only grows; tables are for people and may change.

| exit code | meaning |
| --- | --- |
{exits}

| variable | meaning |
| --- | --- |
| `SCHEDULER_URL` | the server, when `--server` names none |
| `NO_COLOR` | if set: no colours |
| `SCHEDULER_DEBUG` | if set: an unexpected error shows where it happened |
"""

ERRORS = """\
# Errors

<!-- Made from the code by `make docs`. -->

Every refusal of the API is `application/problem+json` (RFC 9457). `code` is stable. `detail` says what is wrong with
which value, and how to mend it. `errors` name the fields: `pointer` leads into the body, `offset` into the text there,
`parameter` names one of the query. `requestId` finds the request in the server's log. `retryable` is true where the
same request may succeed later.

| status | code | meaning |
| --- | --- | --- |
{codes}

The command line ends with 1 after a refusal, but for these:

| status | exit code |
| --- | --- |
{exits}
"""

STATES = """\
# States

<!-- Made from the code by `make docs`. -->

## Jobs

{jobs}

| status | what may be done |
| --- | --- |
{actions}

Anything else is answered 409 `ILLEGAL_STATE` with `currentStatus` and `allowedActions`. A verb that is satisfied
already changes nothing and is no error.

## Tasks

{tasks}

{meaning}

## Executors

{executors}

A session is one life of an executor's process. A deactivated executor stays OFFLINE and may not register until it is
activated.
"""


def cli() -> str:
    """Every command, what it takes, what it does."""
    root = click.Context(scheduler, info_name="scheduler", terminal_width=100)
    shared = [option for option in scheduler.params if option.name in ("server", "output", "zone")]
    head = CLI.format(
        shared=_options(shared, root), exits=_rows((code, meaning) for code, meaning in exits.MEANINGS.items())
    )
    return "\n".join([head, *(_command(context, {option.name for option in shared}) for context in _commands(root))])


def errors() -> str:
    """Every code that a refusal may have."""
    codes = (
        (status, f"`{code}`", meaning + (" Retryable." if code in RETRYABLE else ""))
        for code, status, meaning in problem_codes()
    )
    ends = ((f"{status} {HTTPStatus(status).phrase}", code) for status, code in sorted(CODE_OF_STATUS.items()))
    return ERRORS.format(codes=_rows(codes), exits=_rows(ends))


def states() -> str:
    """The states of jobs, tasks and executors, and the ways between them."""
    nothing = "nothing; its history stays readable"
    actions = ((status, ", ".join(may) or nothing) for status, may in ALLOWED_ACTIONS.items())
    return STATES.format(
        jobs=diagram([JobStatus.CREATED], ways_of_jobs(), [JobStatus.DELETED]),
        actions=_rows(actions),
        tasks=diagram([TaskStatus.BLOCKED, TaskStatus.PENDING], ways_of_tasks(), FINAL),
        meaning=cleandoc(TaskStatus.__doc__ or "").split("\n\n")[1],
        executors=diagram([ExecutorStatus.ONLINE], ways_of_executors(), []),
    )


def _rows(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def _commands(group: click.Context) -> Iterator[click.Context]:
    assert isinstance(group.command, click.Group)
    for name, command in sorted(group.command.commands.items()):
        context = click.Context(command, group, info_name=name)
        if isinstance(command, click.Group):
            yield from _commands(context)
        else:
            yield context


def _command(context: click.Context, shared: set[str | None]) -> str:
    usage = context.command.get_usage(context).removeprefix("Usage: ")
    paragraphs = cleandoc(context.command.help or "").split("\n\n")
    told = [f"```text{text[1:]}\n```" if text.startswith("\b") else " ".join(text.split()) for text in paragraphs]
    own = [each for each in context.command.params if isinstance(each, click.Option) and each.name not in shared]
    lines = " ".join(usage.split())
    parts = [f"## {context.command_path}", f"```text\n{lines}\n```", *told, *([_options(own, context)] if own else [])]
    return "\n\n".join(parts) + "\n"


def _options(options: Iterable[click.Parameter], context: click.Context) -> str:
    records = (option.get_help_record(context) for option in options)
    return "\n".join(f"* `{record[0]}`: {' '.join(record[1].split())}" for record in records if record)


def openapi() -> str:
    """The description of the API."""
    container = Container(settings=providers.Object(Settings(database_url="sqlite:///never-opened.sqlite")))
    described = document(create_app(container.services()))
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    OPENAPI: openapi,
    "cli.md": cli,
    "errors.md": errors,
    "metrics.md": metrics,
    "settings.md": settings,
    "clock-changes.md": clock_changes_page,
    "standstill.md": standstill_page,
    "states.md": states,
}


def main(arguments: list[str]) -> int:
    """Writes or checks all pages; the exit code."""
    checks, breaks = arguments == ["--check"], arguments == ["--break"]
    for name, page in PAGES.items():
        path, text = PLACE / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        broken = _broken(path, text) if name == OPENAPI and path.exists() and not breaks else []
        if broken:
            print(f"docs/reference/{name}: clients of this API would break:", *broken, sep="\n  ")
            return 1
        if checks:
            print(f"docs/reference/{name} is not what the code says: run make docs")
            return 1
        path.write_text(text, encoding="utf-8")
        print(f"docs/reference/{name} is written")
    return 0


def _broken(path: Path, text: str) -> list[str]:
    return breaking_changes(json.loads(path.read_text(encoding="utf-8")), json.loads(text))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
