"""The job types of this node: those that are always there, and those of installed packages."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

from domain.scheduling.job_type import JobType, JobTypes
from domain.scheduling.job_types.built_in import BUILT_IN

GROUP = "scheduler.job_types"
"""The entry points of this group name a `JobType` each."""

log = logging.getLogger(__name__)


def known_job_types() -> JobTypes:
    """One that cannot be loaded is left out, and told: the jobs of other types go on."""
    known = BUILT_IN
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            job_type = point.load()
        except Exception:
            log.exception("the job type %s cannot be loaded from %s", point.name, point.value)
            continue
        if not isinstance(job_type, JobType) or job_type.name != point.name:
            log.error("%s is not the job type %s", point.value, point.name)
        elif point.name in known:
            log.error("there is a job type %s already, that of %s is left out", point.name, point.value)
        else:
            known = known.also(job_type)
    return known
