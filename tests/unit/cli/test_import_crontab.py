"""`jobs import`: a report on every line, and jobs that a second import leaves as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interfaces.cli.exits import Failure
from interfaces.cli.local_zone import local_zone
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_scheduler import FakeScheduler, problem


def test_a_crontab_is_imported_and_the_second_time_nothing_changes(
    run: Run, crontabs: Path, fake: FakeScheduler
) -> None:
    first = run("jobs", "import", "--crontab", str(crontabs / "etc-crontab"))
    assert first.exit_code == 0
    assert "system format (by its header comment), schedules in Europe/Berlin (from TZ)" in first.stdout
    assert "4 created; 19 other lines" in first.stdout
    assert "label user=root" in first.stdout
    assert len(fake.jobs) == 4
    again = run("jobs", "import", "--crontab", str(crontabs / "etc-crontab"))
    assert (again.exit_code, len(fake.jobs)) == (0, 4)
    assert "4 unchanged; 19 other lines" in again.stdout


def test_each_line_is_reported_with_what_became_of_it_and_why(run: Run, crontabs: Path, fake: FakeScheduler) -> None:
    result = run("jobs", "import", "--crontab", str(crontabs / "user-crontab"))
    assert result.exit_code == 1
    assert len(fake.jobs) == 6
    lines = result.stdout.splitlines()
    row = next(line for line in lines if "61 * * * *" in line)
    assert row.split()[:2] == ["21", "refused"]
    assert "column 1: field 1 (minute): '61' is not in 0-59" in lines[lines.index(row) + 1]
    assert any(line.split()[:2] == ["3", "environment"] for line in lines)
    assert "MAILTO: no mail is sent" in result.stdout
    assert "6 created, 7 refused; 11 other lines" in result.stdout


def test_a_line_that_the_server_refuses_is_reported_beside_those_that_the_reader_refuses(
    run: Run, fake: FakeScheduler
) -> None:
    name = run("jobs", "import", "--crontab", "-", "--dry-run", "-o", "name", input="0 0 31 2 * never").stdout.strip()
    field = {"pointer": "/trigger/expression", "detail": "it never fires", "offset": 4}
    fake.refuse[name] = problem(422, "Invalid", "One field is wrong.", "INVALID", errors=[field])
    result = run("jobs", "import", "--crontab", "-", input="0 0 31 2 * never\n@daily fine")
    assert result.exit_code == 1
    assert "One field is wrong." in result.stdout
    assert "/trigger/expression, offset 4: it never fires" in result.stdout
    assert "1 failed, 1 created" in result.stdout


def test_the_report_can_be_had_as_json(run: Run) -> None:
    result = run("jobs", "import", "--crontab", "-", "-o", "json", input="A=1\n0 2 * * * x\n@reboot y")
    report = json.loads(result.stdout)
    assert [line["result"] for line in report["lines"]] == ["ENVIRONMENT", "CREATED", "REFUSED"]
    assert (report["format"], report["timeZone"], report["leftOver"]) == ("user", "Europe/Berlin", [])


def test_options_shape_the_jobs(run: Run, fake: FakeScheduler) -> None:
    run("jobs", "import", "--crontab", "-", "--format", "system", "--prefix", "db1.", "--time-zone", "Asia/Tokyo",
        "--inactive", "--any-user", input="@daily alice x")  # fmt: skip
    (job,) = fake.jobs.values()
    assert job["name"].startswith("db1.x-")
    assert (job["active"], job["trigger"]["timeZone"]) == (False, "Asia/Tokyo")
    assert job["tags"] == ["crontab:stdin", "crontab-user:alice"]
    assert "placement" not in job


def test_the_crontab_of_a_named_user_is_in_the_user_s_format(run: Run, fake: FakeScheduler) -> None:
    assert run("jobs", "import", "--crontab", "-", "--user", "alice", input="@daily root x").exit_code == 0
    (job,) = fake.jobs.values()
    assert job["parameters"]["command"] == ["/bin/sh", "-c", "root x"]
    assert job["placement"] == {"requires": {"user": "alice"}}


def test_jobs_of_an_earlier_import_that_left_the_file_are_pointed_out(run: Run, fake: FakeScheduler) -> None:
    run("jobs", "import", "--crontab", "-", input="0 1 * * * old")
    (old,) = fake.jobs
    result = run("jobs", "import", "--crontab", "-", input="0 2 * * * new")
    assert f"imported before and not in the file now, they still fire: {old}" in result.stdout


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("binary", "is not a crontab: it is not text (a zero byte at offset 7)"),
        ("not-a-crontab", "no line was taken as a job"),
        ("nowhere", "cannot read"),
        (".", "cannot read"),
    ],
)
def test_what_is_no_crontab_ends_in_a_clear_message_and_asks_no_server(
    run: Run, crontabs: Path, fake: FakeScheduler, file: str, message: str
) -> None:
    result = run("jobs", "import", "--crontab", str(crontabs / file))
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert fake.requests == []


def test_much_garbage_is_not_all_printed(run: Run) -> None:
    result = run("jobs", "import", "--crontab", "-", input="some words\n" * 5000)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) < 40
    assert "5000 refused" in result.stdout
    too_long = run("jobs", "import", "--crontab", "-", input=b"x" * 2_000_000)
    assert "longer than 1024 KiB" in too_long.stderr


@pytest.mark.parametrize(
    "option", [["--prefix", "Größe"], ["--user", "a b"], ["--format", "fancy"], ["--user", "a", "--format", "system"]]
)
def test_wrong_options_are_wrong_usage(run: Run, option: list[str]) -> None:
    assert run("jobs", "import", "--crontab", "-", *option, input="@daily x").exit_code == 2


def test_the_zone_of_this_machine_is_found_where_cron_finds_it(tmp_path: Path) -> None:
    assert local_zone({"TZ": ":Asia/Tokyo"}, tmp_path) == ("Asia/Tokyo", "from TZ")
    assert local_zone({}, tmp_path) == ("UTC", "this machine names no zone")
    (tmp_path / "timezone").write_text("Europe/Paris\n")
    assert local_zone({}, tmp_path)[0] == "Europe/Paris"
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/America/New_York")
    assert local_zone({}, tmp_path)[0] == "America/New_York"
    with pytest.raises(Failure, match="say which with --time-zone"):
        local_zone({"TZ": "CET-1CEST"}, tmp_path)
