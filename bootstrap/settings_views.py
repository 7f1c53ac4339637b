"""Settings as people may see them: by name, with their origin, without passwords."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bootstrap.settings_keys import KEYS
from bootstrap.settings_loading import Loaded
from interfaces.cli.launchers import SettingView

HIDDEN = "***"
_BEFORE_HOST = re.compile(r"^([^:]+://[^:/@?]*):.*@")  # a password may hold whatever an address is made of
_IN_QUERY = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def views_of(loaded: Loaded) -> Sequence[SettingView]:
    """In the order of the tree, further loggers at the end."""
    return [SettingView(name, _shown(name, found.value), found.origin) for name, found in loaded.values.items()]


def without_password(address: str) -> str:
    """An address with its password hidden, wherever in it that stands. In doubt too much is hidden."""
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _BEFORE_HOST.sub(rf"\1:{HIDDEN}@", address))


def _shown(name: str, value: object) -> object:
    key = KEYS.get(name)
    if key is not None and key.is_secret and isinstance(value, str):
        return without_password(value)
    return value
