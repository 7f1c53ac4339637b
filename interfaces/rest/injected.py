"""What handlers are given by the application instead of by the request."""

from __future__ import annotations

from typing import TypeVar

from litestar.di import NamedDependency
from litestar.params import SkipValidation

T = TypeVar("T")

Injected = NamedDependency[SkipValidation[T]]
"""By its name, one of `create_app`'s dependencies; Litestar shall not try to validate a service."""
