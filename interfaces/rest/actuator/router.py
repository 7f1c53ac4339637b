"""The actuator as a whole, and what it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interfaces.rest.access import Observe
from interfaces.rest.actuator.health import Check, HealthController
from interfaces.rest.actuator.info import About, info
from interfaces.rest.actuator.loggers import LoggerController
from interfaces.rest.actuator.prometheus import Exposition, prometheus


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuator:
    """This node as it is seen from outside. `checks` are its parts by name; `db` is one of them."""

    about: About
    checks: Mapping[str, Check]
    exposition: Exposition
    observe: Observe


ACTUATOR = (HealthController, LoggerController, info, prometheus)
