"""The ways a time, a duration or a schedule can be written wrongly."""

from __future__ import annotations

from domain.shared.errors import Invalid


class InvalidDuration(Invalid):
    """The text is not a duration; the problem's pointer is empty, its offset counts in the text."""

    code = "INVALID_DURATION"


class InvalidCron(Invalid):
    """The expression breaks the grammar or can never fire; one problem per field, each with its offset."""

    code = "INVALID_CRON"


class UnknownTimeZone(Invalid):
    """No time zone of that name in the zone data in use."""

    code = "UNKNOWN_TIME_ZONE"


class InvalidTrigger(Invalid):
    """What a trigger says is out of bounds, contradicts itself, or lies in the past."""

    code = "INVALID_TRIGGER"
