"""Refusals and other answers in the description of the API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import MediaType
from litestar.openapi.datastructures import ResponseSpec

from interfaces.rest.problem import MEDIA_TYPE, Problem

_ALWAYS = (400, 403, 421, 500, 503)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """For a handler's `responses`: these, and those that any request may meet."""
    return {
        status: ResponseSpec(
            Problem, description=HTTPStatus(status).phrase, media_type=MEDIA_TYPE, generate_examples=False
        )
        for status in sorted({*statuses, *_ALWAYS})
    }


def also(shape: type[Any]) -> dict[int, ResponseSpec]:
    """For a handler's `responses`: it may have nothing to create, and then answers 200 with this."""
    return {200: ResponseSpec(shape, description="OK", media_type=MediaType.JSON, generate_examples=False)}
