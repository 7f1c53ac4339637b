"""How log lines look: for people on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import logging.config
import sys

from application.shared.log_level import LogLevel
from bootstrap.settings import LogSettings
from bootstrap.settings_tree import LogFormat

TALKATIVE = ("uvicorn", "alembic", "asyncio", "aiosqlite", "httpx")
"""Packages that tell of their daily work at INFO; they warn only, unless the settings say otherwise."""


def configure_logs(settings: LogSettings | None = None) -> None:
    """One line an event on standard error, with its instant in UTC."""
    import structlog

    settings = settings or LogSettings()
    on_terminal = sys.stderr.isatty()
    people = settings.format is LogFormat.TEXT or (settings.format is LogFormat.AUTO and on_terminal)
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=on_terminal) if people else structlog.processors.JSONRenderer()
    ending = [renderer] if people else [structlog.processors.format_exc_info, renderer]
    levels = dict.fromkeys(TALKATIVE, LogLevel.WARN) | dict(settings.levels)
    root = levels.pop("root", LogLevel.INFO)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": root.number},
            "loggers": {name: {"level": level.number} for name, level in levels.items()},
        }
    )
