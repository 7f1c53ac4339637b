"""MANUAL as JSON."""

from __future__ import annotations

from application.scheduling.documents import Document
from domain.timing.triggers.manual import ManualTrigger


class ManualDocument(Document, frozen=True, kw_only=True, tag_field="type", tag="MANUAL"):
    """Runs only when somebody asks."""

    def trigger(self) -> ManualTrigger:
        """The domain's."""
        return ManualTrigger()

    @classmethod
    def of(cls, _trigger: ManualTrigger) -> ManualDocument:
        """The trigger as JSON."""
        return cls()
