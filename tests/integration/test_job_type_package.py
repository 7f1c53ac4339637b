"""A package adds a job type, to the server and to a worker, by being installed."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.job_types import known_job_types
from domain.scheduling.errors import UnknownJobType
from domain.scheduling.job_types.built_in import BUILT_IN
from scheduler_sdk.worker import Worker
from tests.sdk.fake_server import FakeServer

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "job-type-checksum"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    subprocess.run(command, cwd=EXAMPLE, check=True, capture_output=True)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example in a directory of packages of this process."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Installs a package with an entry point for the server."""

    def install(name: str, value: str) -> None:
        information = tmp_path / "packages" / f"odd_{name.lower()}-1.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: odd-{name.lower()}\nVersion: 1\n")
        (information / "entry_points.txt").write_text(f"[scheduler.job_types]\n{name} = {value}\n")
        monkeypatch.syspath_prepend(tmp_path / "packages")

    return install


@pytest.mark.usefixtures("installed")
def test_the_server_knows_the_type_and_checks_its_parameters() -> None:
    checksum = known_job_types().named("CHECKSUM")
    assert checksum.check({"path": "/srv/dump.sql"}) == []
    problems = checksum.check({"algorithm": "md5", "file": "x"})
    assert [problem.pointer for problem in problems] == [
        "/parameters/file",
        "/parameters/path",
        "/parameters/algorithm",
    ]


@pytest.mark.usefixtures("installed")
async def test_a_worker_runs_the_type(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_bytes(b"select 1;\n" * 1000)
    server = FakeServer()
    await server.start()
    worker = Worker(server.url, job_types=["CHECKSUM"])
    running = asyncio.create_task(worker.run())
    done = await server.add("CHECKSUM", parameters={"path": str(dump)})
    missing = await server.add("CHECKSUM", parameters={"path": "/no/such/file"})
    await server.ended(done, missing)
    worker.stop()
    await running
    await server.stop()
    assert server.bodies("register")[0]["types"] == ["CHECKSUM"]
    assert done.result == {"digest": hashlib.sha256(dump.read_bytes()).hexdigest(), "bytes": 10_000}
    assert (missing.error["code"], missing.retryable) == ("FILE_NOT_FOUND", False)


def test_without_the_package_nobody_knows_the_type() -> None:
    with pytest.raises(UnknownJobType):
        known_job_types().named("CHECKSUM")
    with pytest.raises(ValueError, match="no job type 'CHECKSUM' can be taken from a package; installed are: "):
        Worker("http://127.0.0.1:1", job_types=["CHECKSUM"])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ODD", "no_such_module:ODD", "the job type ODD cannot be loaded from no_such_module:ODD"),
        ("ODD", "json:loads", "json:loads is not the job type ODD"),
        ("ODD", "domain.scheduling.job_types.sql:SQL", "domain.scheduling.job_types.sql:SQL is not the job type ODD"),
        ("SQL", "domain.scheduling.job_types.sql:SQL", "there is a job type SQL already"),
    ],
)
def test_a_type_that_cannot_be_is_left_out_and_told(
    broken: Callable[[str, str], None], caplog: pytest.LogCaptureFixture, name: str, value: str, told: str
) -> None:
    broken(name, value)
    known = known_job_types()
    assert ("ODD" in known, known.named("SQL")) == (False, BUILT_IN.named("SQL"))
    assert told in caplog.text
