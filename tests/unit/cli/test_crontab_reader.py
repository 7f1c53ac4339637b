"""Whole crontabs: real ones, and lines that a reader must survive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.scheduling.job_document import JobDocument
from interfaces.cli.crontab.layout import tell_layout
from interfaces.cli.crontab.lines import Ignored, Layout, Line, Reading, Refused, Taken
from interfaces.cli.crontab.reader import read_crontab

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")


def read(text: str, layout: Layout = Layout.USER, **more: Any) -> list[Line]:
    return read_crontab(text, Reading("mine", layout, "Europe/Berlin", **more))


def only_job(text: str, layout: Layout = Layout.USER, **more: Any) -> Mapping[str, Any]:
    (line,) = (line for line in read(text, layout, **more) if isinstance(line, Taken))
    return line.job


def jobs_of(path: Path) -> list[Mapping[str, Any]]:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return [line.job for line in read(text, tell_layout(text, path.name)[0]) if isinstance(line, Taken)]


def test_a_line_becomes_a_job_that_behaves_as_under_cron() -> None:
    job = only_job("30 2 * * 1-5 pg_dump shop > /srv/shop.sql")
    assert NAME.fullmatch(job["name"])
    assert job["name"].startswith("pg_dump-")
    assert {key: value for key, value in job.items() if key != "name"} == {
        "description": "Imported from the crontab mine",
        "type": "COMMAND",
        "active": True,
        "parameters": {"command": ["/bin/sh", "-c", "pg_dump shop > /srv/shop.sql"]},
        "trigger": {"type": "CRON", "expression": "30 2 * * 1-5", "timeZone": "Europe/Berlin"},
        "misfire": {"policy": "SKIP"},
        "overlap": "ALLOW",
        "retry": {"maxAttempts": 1},
        "tags": ["crontab:mine"],
    }


def test_the_system_s_crontab_of_debian_is_taken_whole(crontabs: Path) -> None:
    jobs = jobs_of(crontabs / "etc-crontab")
    assert [job["trigger"]["expression"] for job in jobs] == ["17 * * * *", "25 6 * * *", "47 6 * * 7", "52 6 1 * *"]
    assert all(job["name"].startswith("run-parts-") for job in jobs)
    assert all(job["placement"] == {"requires": {"user": "root"}} for job in jobs)
    assert all(job["tags"] == ["crontab:mine", "crontab-user:root"] for job in jobs)
    assert jobs[0]["parameters"] == {
        "command": ["/bin/sh", "-c", "cd / && run-parts --report /etc/cron.hourly"],
        "env": {"SHELL": "/bin/sh"},
    }


@pytest.mark.parametrize(("file", "names"), [("cron.d-certbot", ["certbot"]), ("cron.d-sysstat", ["debian-sa1"] * 2)])
def test_files_of_packages_are_taken_whole(crontabs: Path, file: str, names: list[str]) -> None:
    assert [job["name"].rpartition("-")[0] for job in jobs_of(crontabs / file)] == names


def test_a_user_s_crontab_is_taken_but_for_the_lines_that_are_no_schedule(crontabs: Path) -> None:
    lines = read((crontabs / "user-crontab").read_text())
    taken = {line.number: line.job for line in lines if isinstance(line, Taken)}
    refused = {line.number for line in lines if isinstance(line, Refused)}
    assert set(taken) == {8, 9, 10, 11, 14, 15}
    assert refused == {18, 19, 20, 21, 22, 23, 24}
    mail: Any = taken[10]["parameters"]
    assert mail["stdin"] == "Hello all,\n\n50% done.\n-- Alice\n"
    assert mail["cwd"] == mail["env"]["HOME"] == "/home/alice"
    market: Any = taken[14]["trigger"]
    assert market["timeZone"] == "America/New_York"
    assert taken[14]["name"] != taken[15]["name"]


def test_each_line_sees_only_the_environment_above_it() -> None:
    lines = read("A=1\n@daily a\nA=2\nSHELL=/bin/bash\n@daily b\n")
    first, second = (line.job["parameters"] for line in lines if isinstance(line, Taken))
    assert first == {"command": ["/bin/sh", "-c", "a"], "env": {"A": "1"}}
    assert second == {"command": ["/bin/bash", "-c", "b"], "env": {"A": "2", "SHELL": "/bin/bash"}}


def test_lines_from_windows_or_without_a_last_line_break_are_read_and_foreign_bytes_refused(crontabs: Path) -> None:
    text = (crontabs / "latin1-dos").read_bytes().decode("utf-8", "surrogateescape")
    lines = read("\ufeff" + text)
    assert [type(line) for line in lines] == [Ignored, Taken, Ignored, Refused, Taken]
    assert lines[3] == Refused(4, "5 2 * * *\techo caf\udce9", lines[3].reason, 19)  # type: ignore[union-attr]
    assert "0xE9 is not UTF-8" in lines[3].reason


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("0 2 * * *", 10, "no command"),
        ("0 2 * * * %only input", 11, "no command"),
        ("0 15 2 * * * backup", 12, "six time fields"),
        ("0 2 * * * echo \x1b[31m", 16, "control character 0x1B"),
    ],
)
def test_a_line_without_a_usable_command_is_refused(text: str, column: int, words: str) -> None:
    (line,) = read(text)
    assert isinstance(line, Refused)
    assert (line.column, words in line.reason) == (column, True)


def test_the_system_s_format_refuses_a_line_without_a_user() -> None:
    (line,) = read("0 2 * * * /usr/bin/backup", Layout.SYSTEM)
    assert isinstance(line, Refused)
    assert "'/usr/bin/backup' is not a user's name" in line.reason
    (bare,) = read("0 2 * * *", Layout.SYSTEM)
    assert isinstance(bare, Refused)
    assert "the user and the command are missing" in bare.reason


def test_a_leading_dash_is_dropped_with_a_note_and_moves_no_column() -> None:
    (line,) = read("-*/5 * * * * root true", Layout.SYSTEM)
    assert isinstance(line, Taken)
    assert "out of its log" in line.notes[0]
    (refused,) = read("-61 * * * * root true", Layout.SYSTEM)
    assert isinstance(refused, Refused)
    assert refused.column == 2


def test_the_options_of_a_reading_show_in_the_jobs() -> None:
    job = only_job("@daily x", prefix="db1.", active=False, user="alice")
    assert job["name"].startswith("db1.x-")
    assert job["active"] is False
    assert job["placement"] == {"requires": {"user": "alice"}}
    assert "placement" not in only_job("@daily root x", Layout.SYSTEM, bind_user=False)


def test_the_names_do_not_depend_on_the_lines_around() -> None:
    before = only_job("0 2 * * * backup")["name"]
    lines = read("A=1\n# new\n0 1 * * * other\n0 2\t* * *   backup")
    assert [line.job["name"] for line in lines if isinstance(line, Taken)][1] == before


fields = st.sampled_from(["*", "0", "5", "*/5", "1-5", "1,2", "mon", "jan", "61", "x", "~", "H", "L", "-1"])
schedules = st.one_of(
    st.tuples(fields, fields, fields, fields, fields).map(" ".join), st.sampled_from(["@daily", "@reboot", "@"])
)
commands = st.text(alphabet="abc /%\\'\"|&;=~$-\u00e4\udce9\x07", max_size=20)
job_lines = st.tuples(schedules, st.sampled_from(["", " root", " -x"]), commands).map(lambda t: f"{t[0]}{t[1]} {t[2]}")
setting_lines = st.tuples(st.sampled_from(["SHELL", "HOME", "TZ", "CRON_TZ", "MAILTO", "RANDOM_DELAY", "'A B'", ""]),
                          st.text(max_size=8)).map("=".join)  # fmt: skip
crontab_texts = st.lists(st.one_of(job_lines, setting_lines, st.text(max_size=30)), max_size=8).map("\n".join)


@given(crontab_texts, st.sampled_from(Layout))
@example("0 0 * * * x" + "%" * 300, Layout.USER)
@example("*/" + "9" * 5000 + " * * * * x", Layout.USER)
@example("9" * 5000 + " * * * * x", Layout.USER)
def test_any_text_comes_out_line_by_line_and_what_is_taken_is_a_valid_document(text: str, layout: Layout) -> None:
    lines = read(text, layout)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    names = [str(line.job["name"]) for line in lines if isinstance(line, Taken)]
    assert all(NAME.fullmatch(name) for name in names)
    assert len(set(names)) == len(names)
    for line in lines:
        if isinstance(line, Taken):
            document = msgspec.json.decode(msgspec.json.encode(line.job), type=JobDocument)
            assert document.name == line.job["name"]
            assert document.parameters["command"]
        if isinstance(line, Refused) and line.column is not None:
            assert 1 <= line.column <= len(line.text) + 1


@given(crontab_texts, st.sampled_from(Layout))
def test_reading_twice_gives_the_same_jobs(text: str, layout: Layout) -> None:
    assert read(text, layout) == read(text, layout)


@given(st.text())
def test_the_format_of_any_text_can_be_told(text: str) -> None:
    assert tell_layout(text, "mine")[0] in Layout
