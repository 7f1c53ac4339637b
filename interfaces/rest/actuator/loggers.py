"""How much each part of this node logs, seen and changed while it runs; in Spring Boot's shape."""

import logging
from collections.abc import Mapping, Sequence

import msgspec
from litestar import Controller, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from application.shared.log_level import LogLevel
from domain.shared.errors import FieldProblem, Invalid
from interfaces.rest.access import QUIET
from interfaces.rest.bodies import Body
from interfaces.rest.documented import problems

ROOT = "ROOT"


class LoggerView(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """`configuredLevel` is the logger's own; without one it takes that of the logger above it."""

    effective_level: LogLevel
    configured_level: LogLevel | UnsetType = UNSET


class LoggersView(msgspec.Struct, frozen=True, kw_only=True):
    """Every logger there is, by name."""

    levels: Sequence[LogLevel]
    loggers: Mapping[str, LoggerView]


class LevelChange(Body, frozen=True, kw_only=True):
    """null: as the logger above it."""

    configured_level: LogLevel | None = None


class LoggerController(Controller):
    """A change is this node's alone, and lasts until it stops."""

    path = "/actuator/loggers"
    tags = ("Actuator",)
    opt = {QUIET: True}

    @get("/", operation_id="listLoggers", responses=problems())
    async def loggers(self) -> LoggersView:
        """All loggers and their levels."""
        found = {name: _view(logger) for name, logger in _known().items()}
        return LoggersView(levels=list(LogLevel), loggers=found)

    @get("/{logger:str}", operation_id="getLogger", responses=problems(404))
    async def logger(self, logger: FromPath[str]) -> LoggerView:
        """One logger; `ROOT` is above all."""
        return _view(_get(logger))

    @post("/{logger:str}", operation_id="changeLogger", status_code=200, responses=problems(404, 413, 415, 422))
    async def change(self, logger: FromPath[str], data: JSONBody[LevelChange]) -> LoggerView:
        """Change its level."""
        found = _get(logger)
        if found is logging.root and data.configured_level is None:
            raise Invalid(FieldProblem("/configuredLevel", "LEVEL_NEEDED", "No logger is above ROOT: name its level."))
        found.setLevel(logging.NOTSET if data.configured_level is None else data.configured_level.number)
        return _view(found)


def _known() -> dict[str, logging.Logger]:
    """By name. A package is one if a module of it is, though nobody logs under its own name."""
    names = sorted(logging.root.manager.loggerDict)
    return {ROOT: logging.root} | {name: logging.getLogger(name) for name in names}


def _get(name: str) -> logging.Logger:
    if name.upper() == ROOT:
        return logging.root
    if name not in logging.root.manager.loggerDict:
        raise NotFoundException
    return logging.getLogger(name)


def _view(logger: logging.Logger) -> LoggerView:
    effective = LogLevel.of(logger.getEffectiveLevel())
    return LoggerView(
        effective_level=effective,
        configured_level=UNSET if logger.level == logging.NOTSET else LogLevel.of(logger.level),
    )
