"""How log lines look: for people on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import logging.config
import sys


def configure_logs(level: str = "INFO") -> None:
    """One line an event on standard error, with its instant in UTC. JSON unless standard error is a terminal."""
    import structlog

    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    people = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=people) if people else structlog.processors.JSONRenderer()
    ending = [renderer] if people else [structlog.processors.format_exc_info, renderer]
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
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {name: {"level": "WARNING"} for name in ("uvicorn", "alembic", "asyncio", "aiosqlite", "httpx")},
        }
    )
