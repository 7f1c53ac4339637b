"""Environment lines, commands, names and the telling of the two formats."""

from __future__ import annotations

import pytest

from interfaces.cli.crontab.command import split_command
from interfaces.cli.crontab.environment import Environment, read_environment_line
from interfaces.cli.crontab.layout import tell_layout
from interfaces.cli.crontab.lines import Layout
from interfaces.cli.crontab.naming import job_name, program


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("SHELL=/bin/bash", ("SHELL", "/bin/bash")),
        ("  PATH = /usr/bin:/bin  ", ("PATH", "/usr/bin:/bin")),
        ('MAILTO=""', ("MAILTO", "")),
        ("MAILTO=", ("MAILTO", "")),
        ('NAME="two words"', ("NAME", "two words")),
        ("NAME='a \"b\" c' ", ("NAME", 'a "b" c')),
        ('"ODD NAME" = x', ("ODD NAME", "x")),
        ("OPTS=--a=b $HOME", ("OPTS", "--a=b $HOME")),
        ("* * * * * env A=b true", None),
        ("@daily A=b true", None),
        ('NAME="open', None),
        ('NAME="closed" and more', None),
        ("=value", None),
        ("NAME", None),
    ],
)
def test_an_environment_line_is_read_as_cron_reads_it(line: str, setting: tuple[str, str] | None) -> None:
    assert read_environment_line(line) == setting


def test_cron_tz_sets_the_zone_of_the_schedules_and_not_the_command_s_environment() -> None:
    environment, _ = Environment().with_line("CRON_TZ", "Asia/Tokyo")
    assert environment.zone("UTC") == "Asia/Tokyo"
    assert environment.variables == {}


def test_tz_goes_to_the_command_and_to_the_schedules_unless_cron_tz_says_otherwise() -> None:
    environment, notes = Environment().with_line("TZ", ":Europe/Paris")
    assert environment.zone("UTC") == "Europe/Paris"
    assert environment.variables == {"TZ": ":Europe/Paris"}
    assert "also the zone of the schedules" in notes[0]
    assert environment.with_line("CRON_TZ", "Asia/Tokyo")[0].zone("UTC") == "Asia/Tokyo"


def test_mail_settings_are_noted_as_not_supported_unless_they_turn_mail_off() -> None:
    assert "no mail is sent" in Environment().with_line("MAILTO", "ops")[1][0]
    assert Environment().with_line("MAILTO", "")[1] == ()


def test_a_random_delay_becomes_the_bound_of_a_jitter() -> None:
    assert Environment().with_line("RANDOM_DELAY", "45")[0].random_delay_minutes == 45
    assert Environment().with_line("RANDOM_DELAY", "0")[0].random_delay_minutes is None
    assert "not a number of minutes" in Environment().with_line("RANDOM_DELAY", "some")[1][0]


@pytest.mark.parametrize(
    ("raw", "command", "stdin"),
    [
        ("true", "true", None),
        (r"date +\%F", "date +%F", None),
        (r"grep 'a\.b' \\x", r"grep 'a\.b' \\x", None),
        ("mail a%Hi,%%bye", "mail a", "Hi,\n\nbye\n"),
        (r"cat%50\% of%it", "cat", "50% of\nit\n"),
        ("cat%", "cat", ""),
        ("cat%%", "cat", "\n"),
        (r"cat \\%in", r"cat \\", "in\n"),
        (r"cat%a\\%b", "cat", "a\\%b\n"),
        ("ends with \\", "ends with \\", None),
    ],
)
def test_the_first_bare_percent_sign_splits_off_the_standard_input(raw: str, command: str, stdin: str | None) -> None:
    assert split_command(raw) == (command, stdin)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --all", "backup.sh"),
        ("cd / && run-parts --report /etc/cron.hourly", "run-parts"),
        ("test -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }", "run-parts"),
        ("test -x /usr/bin/certbot && perl -e 'sleep int(rand(43200))' && certbot -q renew", "certbot"),
        ("command -v debian-sa1 > /dev/null && debian-sa1 1 1", "debian-sa1"),
        ("[ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi",
         "sessionclean"),
        ("LANG=C /usr/bin/mandb --quiet", "mandb"),
        ("sudo -u www-data nice -n 19 php -q /srv/Shop/cron.php", "cron.php"),
        ("bash -c 'echo hi'", "bash"),
        ("~/bin/Größe messen", "gr-e"),
        ("cd /srv", "cd"),
        ("$(which foo)", "which"),
        ("&&&", "job"),
        ("", "job"),
    ],
)  # fmt: skip
def test_a_job_is_named_for_the_program_that_its_command_is_about(command: str, name: str) -> None:
    assert program(command) == name


def test_a_name_is_the_same_each_time_and_tells_equal_lines_apart() -> None:
    line = ("0 2 * * *", "root", "backup")
    assert job_name("", *line, ordinal=0) == job_name("", *line, ordinal=0)
    names = {job_name("", *line, ordinal=0), job_name("", *line, ordinal=1), job_name("", "0 3 * * *", *line[1:], 0)}
    assert len(names) == 3
    assert job_name("db1.", *line, ordinal=0) == "db1." + job_name("", *line, ordinal=0)


@pytest.mark.parametrize(
    ("text", "path", "layout"),
    [
        ("0 5 * * * tar -zcf /var/backups/home.tgz /home/", "mine", Layout.USER),
        ("0 5 * * * root tar -zcf /var/backups/home.tgz /home/", "mine", Layout.SYSTEM),
        ("@daily Debian-exim /usr/sbin/exim -q", "mine", Layout.SYSTEM),
        ("0 5 * * * git pull", "mine", Layout.USER),
        ("0 5 * * * git /srv/git/gc.sh", "mine", Layout.SYSTEM),
        ("# m h dom mon dow user\tcommand\n0 5 * * * alice backup", "mine", Layout.SYSTEM),
        ("# m h  dom mon dow   command\n0 5 * * * root backup", "mine", Layout.USER),
        ("# *  *  *  *  * user-name command to be executed\n", "mine", Layout.SYSTEM),
        ("#0 5 * * * root backup\nA=* * * * * root x\n@reboot root x", "mine", Layout.USER),
        ("0 5 * * * backup now", "/etc/cron.d/backup", Layout.SYSTEM),
        ("0 5 * * * backup now", "/etc/crontab", Layout.SYSTEM),
        ("0 5 * * * root now", "/var/spool/cron/crontabs/alice", Layout.USER),
        ("", "mine", Layout.USER),
    ],
)
def test_the_format_is_told_by_place_header_or_the_names_before_the_commands(
    text: str, path: str, layout: Layout
) -> None:
    assert tell_layout(text, path)[0] is layout
