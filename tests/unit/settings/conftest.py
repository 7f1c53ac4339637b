"""Settings loaded from what a test gives, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bootstrap.settings_loading import Loaded, SettingsRefused, load_settings
from interfaces.cli.launchers import Flag, GivenSettings

Load = Callable[..., Loaded]
Refusal = Callable[..., str]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads `file`, the text of a scheduler.toml, with these flags and variables."""

    def load(file: str | None = None, flags: Mapping[str, str] | None = None, **environment: str) -> Loaded:
        if file is not None:
            (tmp_path / "scheduler.toml").write_text(file)
        given = GivenSettings(flags=tuple(Flag("--set", key, text) for key, text in (flags or {}).items()))
        return load_settings(given, environment, tmp_path)

    return load


@pytest.fixture
def refusal(load: Load, tmp_path: Path) -> Refusal:
    """The same for settings that must be refused; what is said, with the file's directory left out."""

    def refusal(*arguments: object, **environment: str) -> str:
        with pytest.raises(SettingsRefused) as refused:
            load(*arguments, **environment)
        return str(refused.value).replace(f"{tmp_path}/", "")

    return refusal
