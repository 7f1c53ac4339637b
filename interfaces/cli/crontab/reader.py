"""Reads a crontab line by line; every line comes out as taken, refused or ignored, and none raises."""

from __future__ import annotations

from collections import Counter

from interfaces.cli.crontab.command import split_command
from interfaces.cli.crontab.documents import job_document
from interfaces.cli.crontab.environment import Environment, read_environment_line
from interfaces.cli.crontab.layout import USER_NAME
from interfaces.cli.crontab.lines import Ignored, Layout, Line, Reading, Refused, Taken
from interfaces.cli.crontab.naming import job_name
from interfaces.cli.crontab.schedule import ScheduleRefused, read_schedule

_BLANKS = " \t"


def read_crontab(text: str, reading: Reading) -> list[Line]:
    """The lines of a crontab in their order. Bytes that are not UTF-8 are expected as lone surrogates."""
    reader = _Reader(reading)
    lines = text.removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    return [reader.read(number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1)]


class _Reader:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._environment = Environment()
        self._seen: Counter[tuple[str, str | None, str]] = Counter()

    def read(self, number: int, text: str) -> Line:
        content = text.strip(_BLANKS)
        if not content:
            return Ignored(number, text, "blank")
        if content.startswith("#"):
            return Ignored(number, text, "comment")
        if (unreadable := _unreadable(text)) is not None:
            return Refused(number, text, *unreadable)
        setting = read_environment_line(text)
        if setting:
            self._environment, notes = self._environment.with_line(*setting)
            return Ignored(number, text, "environment", notes)
        return self._job_line(number, text)

    def _job_line(self, number: int, text: str) -> Taken | Refused:
        line, notes = text, []
        if line.lstrip(_BLANKS).startswith("-"):
            line = line.replace("-", " ", 1)  # keeps the columns
            notes.append("the leading '-' asks cron to keep it out of its log, and is dropped")
        try:
            schedule = read_schedule(line)
        except ScheduleRefused as refused:
            return Refused(number, text, refused.reason, refused.column)
        rest = line[schedule.end :].lstrip(_BLANKS)
        column = len(line) - len(rest) + 1
        user = self._reading.user
        if self._reading.layout is Layout.SYSTEM:
            user, rest = _user_and_command(rest)
            if not USER_NAME.fullmatch(user):
                return Refused(number, text, _no_user(user), column)
        raw = rest.rstrip(_BLANKS)
        if not raw or raw.startswith("%"):
            return Refused(number, text, "there is no command after the time fields", column)
        if raw.split()[0].startswith("*"):
            reason = "there are six time fields: a crontab has five, its times are whole minutes"
            return Refused(number, text, reason, column)
        return self._job(number, text, schedule.expression, user, raw, tuple(notes))

    def _job(
        self, number: int, text: str, expression: str, user: str | None, raw: str, notes: tuple[str, ...]
    ) -> Taken:
        identity = (expression, user, raw)
        name = job_name(self._reading.prefix, *identity, ordinal=self._seen[identity])
        self._seen[identity] += 1
        command, stdin = split_command(raw)
        document = job_document(name, expression, command, stdin, user, self._environment, self._reading)
        return Taken(number, text, document, notes)


def _user_and_command(rest: str) -> tuple[str, str]:
    words = rest.split(None, 1)
    return (words[0] if words else ""), (words[1] if len(words) == 2 else "")


def _no_user(word: str) -> str:
    if not word:
        return "the user and the command are missing after the time fields"
    return f"'{word}' is not a user's name: in the system's format a user stands before the command (--format user?)"


def _unreadable(text: str) -> tuple[str, int] | None:
    """Why a line cannot be read as text, and where; None when it can."""
    for column, character in enumerate(text, start=1):
        code = ord(character)
        if 0xD800 <= code <= 0xDFFF:
            return f"byte 0x{code & 0xFF:02X} is not UTF-8: convert the file, for instance with iconv", column
        if (code < 0x20 and character != "\t") or code == 0x7F:
            return f"the control character 0x{code:02X} does not belong in a crontab", column
    return None
