"""What every platform knows, whatever packages are installed."""

from __future__ import annotations

from domain.scheduling.job_type import JobType, JobTypes, check_nothing
from domain.scheduling.job_types.command import COMMAND
from domain.scheduling.job_types.http import HTTP
from domain.scheduling.job_types.sql import SQL

PYTHON = JobType(name="PYTHON", needs_handler=True, check=check_nothing)
"""A handler of the SDK; it checks its parameters itself, by its annotations."""

BUILT_IN = JobTypes(COMMAND, HTTP, PYTHON, SQL)
