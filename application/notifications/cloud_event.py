"""Events as CloudEvents 1.0, in the JSON format."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from domain.notifications.message import Message

MEDIA_TYPE: Final = "application/cloudevents+json"

_SUBJECTS: Final = (("taskId", "tasks"), ("jobId", "jobs"), ("executorId", "executors"))
"""What an event is about, the narrowest first."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`source` and `id` tell an event from all others, however often it arrives.

    `sequence` only rises in the order in which things happened; `tenant` is whose event it is.
    """

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    datacontenttype: str
    tenant: str
    sequence: str
    subject: str | None = None
    data: Mapping[str, object]


def cloud_event(message: Message) -> CloudEvent:
    """The event as others get it."""
    return CloudEvent(
        specversion="1.0",
        id=str(message.position),
        source=f"/scheduler/{message.context}",
        type=message.type,
        time=message.occurred_at,
        datacontenttype="application/json",
        tenant=message.tenant,
        sequence=f"{message.position.seq:019d}.{message.position.index:06d}",
        subject=next((f"{kind}/{message.data[name]}" for name, kind in _SUBJECTS if message.data.get(name)), None),
        data=message.data,
    )


def encoded(message: Message) -> bytes:
    """Its JSON."""
    return msgspec.json.encode(cloud_event(message))
