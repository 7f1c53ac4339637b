"""Where settings come from: flags, environment, file, profile. Each says what it knows and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from bootstrap.settings_file import SettingsFile
from bootstrap.settings_keys import KEYS, LEVEL_VARIABLES, LEVELS, ROOT, Key, key_of, logger_of_variable, nearest
from bootstrap.settings_tree import PROFILES, Profile
from interfaces.cli.launchers import Flag

OWN_VARIABLES: Final = "PLATFORM_SCHEDULER_"
_VARIABLES: Final = {variable: key for key in KEYS.values() for variable in key.variables}
_SECRET_FILES: Final = {f"{variable}_FILE": variable for variable, key in _VARIABLES.items() if key.is_secret}
_KUBERNETES: Final = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_KUBERNETES_LINK: Final = re.compile(r"(tcp|udp|sctp)://.*")


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting is, and who says so: a flag, a variable, a line of a file, a profile, `default`."""

    value: object
    origin: str


@dataclass(slots=True)
class Findings:
    """Values by complete name, and a sentence for everything that is wrong."""

    values: dict[str, Value] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, name: str, value: object, origin: str, *, text: bool) -> None:
        """One value as it was found; the first one of a setting counts."""
        key = key_of(name)
        if key is None:
            self.problems.append(_unknown(name, origin))
        elif name not in self.values:
            try:
                read = key.read_text(str(value)) if text else key.read(value)
            except ValueError as allowed:
                self.problems.append(_refusal(key, value, origin, str(allowed)))
            else:
                self.values[name] = Value(read, origin)


def from_flags(flags: Sequence[Flag], found: Findings) -> None:
    """The last flag of a setting wins. A name may go without `platform.scheduler`."""
    for flag in reversed(flags):
        name = flag.key if flag.key.startswith(f"{ROOT}.") else f"{ROOT}.{flag.key}"
        found.take(name, flag.text, flag.name, text=True)


def from_environment(environment: Mapping[str, str], found: Findings) -> None:
    """A setting's own variable comes before a standard one. An empty variable counts as not set."""
    given = {name: value for name, value in environment.items() if value and not _is_link(name, value)}
    for variable, key in _VARIABLES.items():
        for name, text in _said_by(variable, key, given, found.problems):
            found.take(key.name, text, name, text=True)
    for name in sorted(given):
        if name.startswith(LEVEL_VARIABLES) and name not in _VARIABLES:
            found.take(f"{LEVELS}.{logger_of_variable(name)}", given[name], name, text=True)
        elif name.startswith(OWN_VARIABLES) and name not in _VARIABLES and name not in _SECRET_FILES:
            known = get_close_matches(name, [*_VARIABLES, *_SECRET_FILES], 1, cutoff=0.85)
            found.problems.append(f"{name} is no setting{_hint(known[0] if known else None)}")


def from_file(file: SettingsFile, found: Findings) -> None:
    """Every value of the file has to be a setting."""
    for name, value in file.values.items():
        found.take(name, value, file.place_of(name), text=False)


def from_profile(profile: Profile, found: Findings) -> None:
    """What the profile says, then the defaults of all."""
    for short, value in PROFILES[profile].items():
        found.values.setdefault(f"{ROOT}.{short}", Value(value, f"profile {profile}"))
    for name, key in KEYS.items():
        found.values.setdefault(name, Value(key.default, "default"))


def _said_by(variable: str, key: Key, given: Mapping[str, str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """A variable and its text; that of a secret may lie in a file that `…_FILE` names, as orchestrators do it."""
    in_file = given.get(f"{variable}_FILE") if key.is_secret else None
    if variable in given:
        if in_file:
            problems.append(f"{variable} and {variable}_FILE are both set. Set one of them.")
        yield variable, given[variable]
    elif in_file:
        try:
            yield f"{variable}_FILE", Path(in_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            problems.append(f"{in_file}, which {variable}_FILE names, cannot be read: {why}.")


def _is_link(name: str, value: str) -> bool:
    """Kubernetes tells every container of its services by variables; one of a service named like us is no setting."""
    if not name.startswith(OWN_VARIABLES) or not _KUBERNETES.fullmatch(name):
        return False
    return name not in _VARIABLES or _KUBERNETES_LINK.fullmatch(value) is not None


def _refusal(key: Key, value: object, origin: str, allowed: str) -> str:
    shown = "" if key.is_secret else f" = {_shown(value)}"
    return f"{key.name}{shown} ({origin}) is not allowed. It must be {allowed}."


def _unknown(name: str, origin: str) -> str:
    children = sorted({key.removeprefix(f"{name}.").partition(".")[0] for key in KEYS if key.startswith(f"{name}.")})
    if children:
        return f"{name} ({origin}) is a section, not a setting. It has {', '.join(children)}."
    if name.startswith(f"{LEVELS}."):
        logger = name.removeprefix(f"{LEVELS}.")
        return f"{name} ({origin}): there is no package {logger.partition('.')[0]!r} here{_hint(nearest(name))}"
    return f"{name} ({origin}) is no setting{_hint(nearest(name))}"


def _hint(near: str | None) -> str:
    return f". Do you mean {near}?" if near else ". `scheduler config view` shows all there are."


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"


def all_of(problems: Iterable[str]) -> str:
    """Several sentences as one message."""
    told = list(dict.fromkeys(problems))
    return told[0] if len(told) == 1 else "\n".join([f"{len(told)} settings are wrong:", *(f"  {p}" for p in told)])
