"""A fake scheduler that listens, and the command line pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interfaces.cli.app import scheduler as command
from tests.unit.cli.fake_scheduler import FakeScheduler, Listening

Run = Callable[..., Result]


@pytest.fixture
def fake() -> FakeScheduler:
    return FakeScheduler()


@pytest.fixture
def server(fake: FakeScheduler) -> Iterator[str]:
    with Listening(fake) as url:
        yield url


@pytest.fixture
def run(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `scheduler` with these arguments against the fake, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEDULER_URL", server)
    monkeypatch.setenv("TZ", "Europe/Berlin")

    def run(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(command, list(arguments), input=input, prog_name="scheduler")

    return run


@pytest.fixture
def crontabs() -> Path:
    return Path(__file__).parents[2] / "fixtures" / "crontabs"
