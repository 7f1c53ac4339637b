"""How much a part of the platform says in the log."""

from __future__ import annotations

import logging
from enum import StrEnum


class LogLevel(StrEnum):
    """From silence to everything, in the names that actuators use."""

    OFF = "OFF"
    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"

    @property
    def number(self) -> int:
        """The same for Python's logging."""
        return _NUMBERS[self]

    @classmethod
    def of(cls, number: int) -> LogLevel:
        """The level that lets through what Python's `number` lets through."""
        return next((level for level in reversed(cls) if number <= level.number), cls.OFF)


_NUMBERS = {
    LogLevel.OFF: logging.CRITICAL + 10,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
}
