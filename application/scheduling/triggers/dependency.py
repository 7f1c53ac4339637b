"""DEPENDENCY as JSON."""

from __future__ import annotations

from application.scheduling.documents import Document
from domain.timing.triggers.dependency import DependencyTrigger


class DependencyTriggerDocument(Document, frozen=True, kw_only=True, tag_field="type", tag="DEPENDENCY"):
    """Runs once for each run in which the job's dependencies are satisfied."""

    def trigger(self) -> DependencyTrigger:
        """The domain's."""
        return DependencyTrigger()

    @classmethod
    def of(cls, _trigger: DependencyTrigger) -> DependencyTriggerDocument:
        """The trigger as JSON."""
        return cls()
