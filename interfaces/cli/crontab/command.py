"""The command of a crontab line: the part after the first bare `%` is its standard input."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\.|%|[^\\%]+|\\", re.DOTALL)


def split_command(raw: str) -> tuple[str, str | None]:
    """The text for the shell and the standard input, None when the line has no bare `%`.

    The rules of crontab(5) as cron's own source has them: `\\%` is a percent sign, any other backslash stays; the
    first bare `%` ends the command, each further one is a line break; the input ends with a line break.
    """
    command: list[str] = []
    for token in _TOKEN.finditer(raw):
        if token.group() == "%":
            return "".join(command), _standard_input(raw[token.end() :])
        command.append("%" if token.group() == r"\%" else token.group())
    return "".join(command), None


def _standard_input(raw: str) -> str:
    # Unlike in the command, a backslash that is itself escaped still escapes a following percent sign.
    text = re.sub(r"(?<!\\)%", "\n", raw).replace(r"\%", "%")
    return text if not text or text.endswith("\n") else text + "\n"
