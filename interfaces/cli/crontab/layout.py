"""Tells a user's crontab from the system's, which names a user before each command."""

from __future__ import annotations

import re
from pathlib import PurePath

from interfaces.cli.crontab.environment import read_environment_line
from interfaces.cli.crontab.lines import Layout
from interfaces.cli.crontab.schedule import ScheduleRefused, read_schedule

_SPOOL = re.compile(r"spool/cron(/crontabs|/tabs)?$")  # Debian and BSD, SUSE, Red Hat
USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")

_HEADER = re.compile(r"#.*(?:\bdow|\*(?:\s+\*){4})\s+(?P<next>user(?:-?name)?|command)\b", re.IGNORECASE)
_ACCOUNTS_ONLY = {"root", "www-data", "nobody", "_apt", "nagios", "zabbix", "munin", "amavis", "smmsp", "logcheck",
                  "ubuntu", "debian", "admin", "centos", "ec2-user"}  # fmt: skip
_ACCOUNTS_AND_PROGRAMS = {"apache", "backup", "daemon", "git", "list", "mail", "man", "mysql", "news", "nginx",
                          "postgres", "redis", "sync", "uucp"}  # fmt: skip


def tell_layout(text: str, path: str) -> tuple[Layout, str]:
    """The layout of a crontab, and what tells it: its place, its header comment, or the names before its commands."""
    place = _by_place(PurePath(path))
    if place:
        return place, "by its place"
    header = _HEADER.search(text)
    if header:
        layout = Layout.SYSTEM if header["next"].lower().startswith("user") else Layout.USER
        return layout, "by its header comment"
    for line in text.split("\n"):
        name = _user_at_the_command(line)
        if name:
            return Layout.SYSTEM, f"by the user '{name}' before a command"
    return Layout.USER, "no line has a user before its command"


def _by_place(path: PurePath) -> Layout | None:
    if path.parent.name == "cron.d" or str(path) == "/etc/crontab":
        return Layout.SYSTEM
    if _SPOOL.search(path.parent.as_posix()):
        return Layout.USER
    return None


def _user_at_the_command(line: str) -> str | None:
    if line.lstrip(" \t").startswith("#") or read_environment_line(line):
        return None
    try:
        schedule = read_schedule(line)
    except ScheduleRefused:
        return None
    words = line[schedule.end :].split(maxsplit=2)
    if len(words) < 2:
        return None
    account, command = words[0], words[1]
    sure = account in _ACCOUNTS_ONLY or account.startswith("Debian-")
    likely = account in _ACCOUNTS_AND_PROGRAMS and command[0] in "/[("
    return account if sure or likely else None
