"""What every platform knows, whatever packages are installed."""

from __future__ import annotations

from domain.scheduling.job_type import JobType, JobTypes, check_nothing
from domain.scheduling.job_types.command import COMMAND
from domain.scheduling.job_types.http import HTTP
from domain.scheduling.job_types.sql import SQL

PYTHON = JobType(name="PYTHON", needs_handler=True, check=check_nothing)
"""A handler of the SDK; it checks its parameters itself, by its annotations."""

WORKFLOW = JobType(name="WORKFLOW", needs_handler=False, check=check_nothing)
"""No work of its own: it completes by itself, and a run of those that depend on it begins."""

BUILT_IN = JobTypes(COMMAND, HTTP, PYTHON, SQL, WORKFLOW)
