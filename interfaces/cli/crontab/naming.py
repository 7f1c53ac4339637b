"""Names of imported jobs: readable, and the same each time the same line is imported."""

from __future__ import annotations

import hashlib
import re

from interfaces.cli.crontab.command import split_command

_SEPARATORS = re.compile(r"&&|\|\||[;|&\n]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_UNSAFE = re.compile(r"[^a-z0-9._-]+")
_OPENERS = {"{", "(", "!", "if", "then", "else", "do", "while", "exec", "nohup", "sudo", "time", "nice", "ionice"}
_GUARDS = {"cd", "test", "[", "[[", "command", "which", "type", "export", ".", "source", "set", "umask", "true", "echo",
           "mkdir", "}", "fi", "done"}  # fmt: skip
_OPTIONS_WITH_A_VALUE = {"-u", "-g", "-n", "-c"}  # of sudo, nice and ionice
_INTERPRETERS = {"sh", "bash", "dash", "zsh", "ksh", "php", "python", "python3", "perl", "ruby", "node"}
_LONGEST_SLUG = 40


def job_name(prefix: str, schedule: str, user: str | None, command: str, ordinal: int) -> str:
    """`[prefix]program-digest` of a command as the line has it; equal lines are told apart by `ordinal`, from 0."""
    identity = "\0".join((schedule, user or "", command, str(ordinal)))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
    return f"{prefix}{program(split_command(command)[0])}-{digest}"


def program(command: str) -> str:
    """The program that a command is about, as part of a name: guards (`test -x …`, `cd …`, waits) are passed over."""
    steps = [words for step in _SEPARATORS.split(command) if (words := _without_openers(step.split()))]
    chosen = next((words for words in steps if not _is_guard(words)), steps[0] if steps else [])
    return _slug(_subject(chosen)) or "job"


def _without_openers(words: list[str]) -> list[str]:
    while words and (words[0] in _OPENERS or _ASSIGNMENT.match(words[0])):
        end = 1
        while end < len(words) and words[end].startswith("-"):
            end += 2 if words[end] in _OPTIONS_WITH_A_VALUE else 1
        words = words[end:]
    return words


def _is_guard(words: list[str]) -> bool:
    return words[0] in _GUARDS or any(word.strip("'\"(") == "sleep" for word in words)


def _subject(words: list[str]) -> str:
    if not words:
        return ""
    base = _base(words[0])
    if base in _INTERPRETERS:
        script = next((word for word in words[1:] if not word.startswith("-")), "")
        if re.fullmatch(r"[\w./~-]+", script):
            return _base(script)
    return base


def _base(path: str) -> str:
    return path.strip("'\"(){}").rstrip("/").rpartition("/")[2]


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text.lower()).strip("._-")[:_LONGEST_SLUG].rstrip("._-")
