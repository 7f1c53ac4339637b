"""What the server knows of the type: which parameters a job may have."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scheduling.job_type import JobType
from domain.scheduling.job_types.parameters import unknown, wrong
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

ALGORITHMS = ("sha256", "sha512", "blake2b")


def check(parameters: JsonObject) -> Sequence[FieldProblem]:
    """`path` is needed."""
    problems = list(unknown("CHECKSUM", ("path", "algorithm"), parameters))
    path = parameters.get("path")
    if not isinstance(path, str) or not path:
        problems.append(wrong("path", "path must be a string; not empty."))
    if parameters.get("algorithm", "sha256") not in ALGORITHMS:
        problems.append(wrong("algorithm", f"algorithm must be one of {', '.join(ALGORITHMS)}."))
    return problems


CHECKSUM = JobType(name="CHECKSUM", needs_handler=False, check=check)
