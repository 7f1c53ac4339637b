"""The locks hold what pyproject.toml asks for, by version and hash, and say nothing of where it is fetched from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT, name

OURS = {"platform-scheduler", "platform-scheduler-sdk"}
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[.*?\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SDK = tomllib.loads((ROOT / "sdk/python/pyproject.toml").read_text())
RUN = [*PYPROJECT["project"]["dependencies"], *SDK["project"]["dependencies"]]
DEV = [*RUN, *PYPROJECT["dependency-groups"]["dev"]]
SETUP = (ROOT / "requirements/setup.in").read_text().splitlines()[1:]


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=name)
def test_no_requirement_names_a_place_to_fetch_from(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host| @ ", path.read_text())


@pytest.mark.parametrize(("lock", "asked"), [("run", RUN), ("dev", DEV), ("setup", SETUP)])
def test_a_lock_holds_what_is_asked_for(lock: str, asked: list[str]) -> None:
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    locked = {canonicalize_name(found["name"]): found["version"] for found in PINNED.finditer(text)}
    missing = [
        each
        for each in map(Requirement, asked)
        if each.name not in OURS and not each.specifier.contains(locked.get(canonicalize_name(each.name), "0.dev0"))
    ]
    assert not missing, "run `make lock`"


@pytest.mark.parametrize("lock", ["run", "dev", "setup"])
def test_every_locked_version_has_hashes(lock: str) -> None:
    entries = (ROOT / f"requirements/{lock}.txt").read_text().replace("\\\n", " ").splitlines()
    assert entries
    assert not [entry for entry in entries if not entry.startswith("#") and "--hash=sha256:" not in entry]


def test_the_import_contracts_name_every_third_party_package_of_the_product() -> None:
    """A new dependency is closed to the domain and the use cases until somebody decides otherwise."""
    contracts = {contract["name"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    domain, application = (
        {*contracts[name]["forbidden_modules"]}
        for name in ("The domain is plain Python", "Use cases know no technology")
    )
    imported_as = {"pyyaml": "yaml", "swagger-ui-py": "swagger_ui"}
    dependencies = {Requirement(each).name for each in RUN} - OURS
    modules = {imported_as.get(each, each.replace("-", "_")) for each in dependencies}
    assert modules <= domain
    assert domain - application == {"msgspec"}
