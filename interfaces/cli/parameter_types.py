"""Kinds of values that several commands take."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import click

_DURATION = re.compile(r"(?:PT)?(\d+(?:\.\d+)?)(ms|s|m|h)?", re.IGNORECASE)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float, str]):
    """Seconds, written `30`, `30s`, `5m` or `PT30S`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(value)
        if not match:
            self.fail(f"'{value}' is not a duration; write it like 30s, 5m or PT30S.", param, ctx)
        return float(match[1]) * _UNIT_SECONDS[(match[2] or "s").lower()]


class Instant(click.ParamType[datetime, str]):
    """A time with its offset from UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is not a time; write it like 2027-01-31T08:00:00+01:00.", param, ctx)
        if moment.utcoffset() is None:
            self.fail(f"'{value}' may be any hour of the world; add its offset, like {value}Z for UTC.", param, ctx)
        return moment


class JsonObject(click.ParamType[dict[str, Any], str]):
    """A JSON object."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        import json

        if isinstance(value, dict):
            return value
        try:
            decoded = json.loads(value)
        except ValueError as error:
            self.fail(f"it is not JSON: {error}", param, ctx)
        if not isinstance(decoded, dict):
            self.fail("it is not a JSON object", param, ctx)
        return decoded
