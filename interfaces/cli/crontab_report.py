"""What became of a crontab, line by line: as a table for people, as one document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from interfaces.cli.apply import counted, problem_of
from interfaces.cli.crontab.lines import Ignored, Line, Refused, Taken
from interfaces.cli.failures import field_lines
from interfaces.cli.output import Columns, clean, member, print_document, table, time_of
from interfaces.cli.session import Session

if TYPE_CHECKING:
    from scheduler_sdk.shapes import Applied

_LONGEST_TEXT = 76
_MOST_REFUSED_LINES = 10  # of a file that holds no job at all


class CrontabReport:
    """Collects what the reader and the server said; `left_over` are jobs of an earlier import."""

    def __init__(
        self, file: str, layout: str, why: str, zone: str, origin: str, lines: Sequence[Line], dry_run: bool
    ) -> None:
        self._heading = f"{file}: {layout} format ({why}), schedules in {zone} ({origin})"
        self._facts = {"file": file, "format": layout, "timeZone": zone, "dryRun": dry_run}
        self._lines = lines
        self._dry_run = dry_run
        self._applied: dict[int, Applied] = {}
        self.left_over: list[str] = []

    def applied(self, items: Sequence[Applied]) -> None:
        """The server's answer: an item for each line taken, in order."""
        taken = [line.number for line in self._lines if isinstance(line, Taken)]
        self._applied = dict(zip(taken, items, strict=True))

    @property
    def has_failures(self) -> bool:
        return any(row["result"] in ("REFUSED", "FAILED") for row in self._rows())

    def print(self, session: Session) -> None:
        rows = self._rows()
        if session.output == "name":
            for row in rows:
                if row.get("job"):
                    click.echo(row["job"])
        elif session.output == "table":
            self._print_table(session, rows)
        else:
            print_document(session, {**self._facts, "lines": rows, "leftOver": self.left_over})

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(line) for line in self._lines]

    def _row(self, line: Line) -> dict[str, Any]:
        row: dict[str, Any] = {"line": line.number, "text": line.text.encode("utf-8", "replace").decode()}
        match line:
            case Ignored():
                return row | {"result": line.what.upper(), "notes": list(line.notes)}
            case Refused():
                place = "" if line.column is None else f"column {line.column}: "
                return row | {"result": "REFUSED", "notes": [place + line.reason]}
            case Taken():
                item = self._applied.get(line.number, {})
                row |= {"result": item.get("action", "TAKEN"), "job": line.job["name"], "notes": list(line.notes)}
                problem = problem_of(item)
                if problem:
                    return row | {"notes": [problem.detail or problem.title, *field_lines(problem), *line.notes]}
                return row | {"nextFireAt": item.get("nextFireAt")}

    def _print_table(self, session: Session, rows: list[dict[str, Any]]) -> None:
        click.echo(self._heading + "\n")
        shown = [row for row in rows if row["result"] not in ("BLANK", "COMMENT")]
        refused = [row for row in shown if row["result"] == "REFUSED"]
        if len(refused) == len(shown) and len(refused) > _MOST_REFUSED_LINES:
            shown = refused[:_MOST_REFUSED_LINES]
        columns: Columns = (
            ("LINE", member("line")),
            ("RESULT", lambda row: clean(row["result"]).lower()),
            ("JOB", member("job")),
            ("NEXT FIRE", time_of(session, "nextFireAt")),
            ("TEXT", _text_and_notes),
        )
        if shown:
            click.echo(table(shown, columns) + "\n")
        jobs = [row["result"] for row in rows if row["result"] not in ("BLANK", "COMMENT", "ENVIRONMENT")]
        prefix = "dry run, nothing was changed: " if self._dry_run else ""
        click.echo(f"{prefix}{counted(jobs) or 'no job lines'}; {len(rows) - len(jobs)} other lines")
        for hint in self._hints():
            click.echo(f"note: {hint}")

    def _hints(self) -> list[str]:
        jobs = [line.job for line in self._lines if isinstance(line, Taken)]
        users = {job["placement"]["requires"]["user"] for job in jobs if "placement" in job}  # type: ignore[index]
        hints = []
        if users:
            hints.append(f"these jobs run only on workers of their user (label user={'|'.join(sorted(users))}); "
                         "--any-user lifts that")  # fmt: skip
        if any("cwd" not in job["parameters"] for job in jobs):  # type: ignore[operator]
            hints.append("cron starts commands in the user's home; here it is the worker's directory, or HOME=… above")
        if self.left_over:
            hints.append(f"imported before and not in the file now, they still fire: {', '.join(self.left_over)} "
                         "(scheduler jobs disable, or delete)")  # fmt: skip
        return hints


def _text_and_notes(row: dict[str, Any]) -> str:
    text = clean(row["text"].replace("\t", " ").strip())
    text = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
    return "\n".join((text, *(f"  {clean(note)}" for note in row["notes"])))
