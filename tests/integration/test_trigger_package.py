"""A package adds a type of triggers to the server by being installed; without it its jobs wait, and say why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from application.scheduling.trigger_types import installed_trigger_types

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "trigger-last-workday"
TRIGGER = {"type": "LAST_WORKDAY", "at": "17:00:00", "timeZone": "Europe/Berlin"}
JOB = {"name": "close-books", "type": "PYTHON", "handler": "close", "trigger": TRIGGER, "active": True}
JOBS = "/api/v1/jobs"
START = "2031-01-01T00:00:00+00:00"
LATER = "2041-01-15T00:00:00+00:00"
"""So late that the times which were known ahead are used up."""
ODD_TYPES = """
from application.scheduling.trigger_types import TriggerType
from application.scheduling.triggers.bounded import BoundedDocument
from domain.timing.triggers.cron import CronTrigger
from domain.timing.triggers.manual import ManualTrigger

class Odd(ManualTrigger):
    kind = "ODD"

class OtherTag(BoundedDocument, frozen=True, tag_field="type", tag="EVEN"):
    of = classmethod(lambda cls, trigger: cls())

class NoJson(BoundedDocument, frozen=True, tag_field="type", tag="ODD"):
    one: dict[str, int] | OtherTag = {}
    of = classmethod(lambda cls, trigger: cls())

OTHER_KIND = TriggerType(CronTrigger, OtherTag)
OTHER_TAG = TriggerType(Odd, OtherTag)
NO_DOCUMENT = TriggerType(Odd, int)
NO_JSON = TriggerType(Odd, NoJson)
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of packages with the example, built."""
    room = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(room / "dist")]
    subprocess.run(command, cwd=EXAMPLE, check=True, capture_output=True)
    (built,) = (room / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(room / "site")
    return room / "site"


def live(url: str, start: str, *steps: tuple[Any, ...], packages: Path | None = None) -> list[Any]:
    """A process that has the packages: which types there are is settled when it starts."""
    path = os.pathsep.join(str(each) for each in (ROOT, ROOT / "sdk" / "python", packages) if each is not None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.trigger_package_program", url, start],
        input=json.dumps([(*step, None, None)[:3] for step in steps]),
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_an_installed_type_is_known_wherever_triggers_are(sqlite_url: str, packages: Path) -> None:
    both = {"type": "ANY_OF", "triggers": [TRIGGER, {"type": "ONE_TIME", "at": "2031-01-10T00:00:00Z"}]}
    answers = live(
        sqlite_url,
        START,
        ("POST", f"{JOBS}/preview", {"trigger": TRIGGER, "count": 3}),
        ("POST", f"{JOBS}/preview", {"trigger": both, "count": 2}),
        ("POST", f"{JOBS}/validate", {**JOB, "trigger": {**TRIGGER, "daysBefore": 16}}),
        ("POST", f"{JOBS}/preview", {"trigger": {**TRIGGER, "att": 1}}),
        ("POST", JOBS, JOB),
        ("PATCH", f"{JOBS}/close-books?dryRun=true", {"trigger": {**TRIGGER, "daysBefore": 1}}),
        ("PATCH", f"{JOBS}/close-books", {"trigger": {**TRIGGER, "daysBefore": 1}}),
        ("GET", f"{JOBS}/close-books/versions"),
        ("GET", f"{JOBS}/close-books/next"),
        ("ADVANCE", 31 * 24),
        ("GET", f"{JOBS}/close-books/occurrences"),
        ("GET", "/openapi.json"),
        packages=packages,
    )
    preview, union, invalid, typo, created, rehearsed, patched, versions, coming, ledger, described = answers
    assert [fire["nominalAt"][:16] for fire in preview[1]["fires"]] == [
        "2031-01-31T16:00",
        "2031-02-28T16:00",
        "2031-03-31T15:00",  # clocks have been put forward
    ]
    assert [fire["nominalAt"][:10] for fire in union[1]["fires"]] == ["2031-01-10", "2031-01-31"]
    assert "/trigger/daysBefore" in json.dumps(invalid[1])
    assert [problem["pointer"] for problem in typo[1]["errors"]] == ["/trigger/att"]
    assert (created[0], rehearsed[0], patched[0]) == (201, 200, 200)
    assert [v["definition"]["trigger"]["daysBefore"] for v in versions[1]["items"]] == [1, 0]
    assert coming[1]["fires"][0]["nominalAt"].startswith("2031-01-30T16:00")
    assert [(e["decision"], e["nominalAt"][:10]) for e in ledger[1]["items"]] == [("FIRED", "2031-01-30")]
    assert "LAST_WORKDAY" in json.dumps(described[1])


def test_without_the_package_a_job_says_so_and_it_fires_when_it_is_back(sqlite_url: str, packages: Path) -> None:
    live(sqlite_url, START, ("POST", JOBS, JOB), ("ADVANCE", 1), packages=packages)
    refused, shown, explained, health = live(
        sqlite_url,
        LATER,
        ("ADVANCE", 0),
        ("SCAN",),
        ("POST", f"{JOBS}/preview", {"trigger": TRIGGER}),
        ("GET", f"{JOBS}/close-books"),
        ("GET", f"{JOBS}/close-books/explain"),
        ("GET", f"{JOBS}/close-books/health"),
    )
    assert [problem["pointer"] for problem in refused[1]["errors"]] == ["/trigger/type"]
    assert "LAST_WORKDAY" in shown[1]["healthError"]
    (reason,) = explained[1]["reasons"]
    assert (reason["code"], "LAST_WORKDAY" in reason["detail"]) == ("SET_ASIDE", True)
    assert health[1]["status"] == "ERROR"
    shown, ledger = live(
        sqlite_url,
        LATER,
        ("ADVANCE", 24 * 18),
        ("GET", f"{JOBS}/close-books"),
        ("GET", f"{JOBS}/close-books/occurrences"),
        packages=packages,
    )
    assert shown[1].get("healthError") is None
    fired = [entry["nominalAt"][:10] for entry in ledger[1]["items"] if entry["decision"] == "FIRED"]
    assert fired[0] == "2041-01-31"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ODD", "no_such_module:ODD", "the trigger type ODD cannot be loaded from no_such_module:ODD"),
        ("ODD", "json:loads", "json:loads is not the trigger type ODD: it is no TriggerType"),
        ("ODD", "odd_types:OTHER_KIND", "its trigger is no Trigger of the kind ODD"),
        ("ODD", "odd_types:OTHER_TAG", "its document has not the tag ODD in the field type"),
        ("ODD", "odd_types:NO_DOCUMENT", "its document is no BoundedDocument with `of`"),
        ("ODD", "odd_types:NO_JSON", "its document cannot be read: "),
        ("CRON", "odd_types:OTHER_KIND", "there is a trigger type CRON already"),
    ],
)
def test_a_type_that_cannot_be_is_left_out_and_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    told: str,
) -> None:
    information = tmp_path / "odd-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[scheduler.triggers]\n{name} = {value}\n")
    (tmp_path / "odd_types.py").write_text(ODD_TYPES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd_types", raising=False)
    assert installed_trigger_types(["CRON"]) == []
    assert told in caplog.text
