"""Settings one by one: their names, in files and in the environment, and how a value of each is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from importlib.util import find_spec
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from bootstrap.settings_section import Section
from bootstrap.settings_tree import SECRETS, STANDARD_VARIABLES, Scheduler

ROOT: Final = "platform.scheduler"
LEVELS: Final = f"{ROOT}.logging.level"
LEVEL_VARIABLES: Final = "PLATFORM_SCHEDULER_LOGGING_LEVEL_"
OWN_LOGGERS: Final = ("root", "scheduler")
"""Names of loggers that are no package."""

_PACKAGES: Final = ("application", "bootstrap", "domain", "infrastructure", "interfaces", "scheduler_sdk", *OWN_LOGGERS)


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `name` is complete: `platform.scheduler.retry.max-attempts`."""

    name: str
    type: Any
    default: object
    about: str
    extra: Mapping[str, str]

    @property
    def short(self) -> str:
        """Its name without what is common to all."""
        return self.name.removeprefix(f"{ROOT}.")

    @property
    def is_secret(self) -> bool:
        return self.short in SECRETS

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the first one first."""
        own = re.sub(r"[.-]", "_", self.name).upper()
        return (own, STANDARD_VARIABLES[self.short]) if self.short in STANDARD_VARIABLES else (own,)

    @property
    def allowed(self) -> str:
        """What its value may be, to follow "is"."""
        return self.extra.get("allowed") or _words(_plain(inspect.type_info(self.type)))

    def read(self, value: object) -> object:
        """A value of a file, checked. Raises `ValueError`."""
        try:
            found = msgspec.convert(_known_word(value, self.type), self.type)
        except msgspec.ValidationError:
            raise ValueError(self.allowed) from None
        pattern = self.extra.get("pattern")
        if pattern and not re.fullmatch(pattern, str(found)):
            raise ValueError(self.allowed)
        return cast(object, found)

    def read_text(self, text: str) -> object:
        """The same from text, as the environment and flags have it. Raises `ValueError`."""
        kind = _plain(inspect.type_info(self.type))
        if isinstance(kind, inspect.ListType):
            return self.read([part.strip() for part in text.split(",") if part.strip()])
        if isinstance(kind, inspect.BoolType | inspect.IntType | inspect.FloatType):
            plain: dict[type, Any] = {inspect.BoolType: bool, inspect.IntType: int, inspect.FloatType: float}
            try:
                return self.read(msgspec.convert(text.strip(), plain[type(kind)], strict=False))
            except msgspec.ValidationError:
                raise ValueError(self.allowed) from None
        return self.read(text)


def key_of(name: str) -> Key | None:
    """The setting of this complete name. Every logger has one of its own below `logging.level`."""
    logger = name.removeprefix(f"{LEVELS}.")
    if logger != name and _is_logger(logger):
        level = KEYS[f"{LEVELS}.root"]
        return Key(name, level.type, None, f"How much {logger} says.", {})
    return KEYS.get(name)


def logger_of_variable(variable: str) -> str:
    """The logger that an environment variable means: two underscores stand for a dot."""
    return variable.removeprefix(LEVEL_VARIABLES).lower().replace("__", ".")


def nearest(name: str) -> str | None:
    """The setting that somebody may have meant by a name that is none."""
    short = name.removeprefix(f"{ROOT}.")
    if name.startswith(f"{LEVELS}."):
        first, dot, rest = name.removeprefix(f"{LEVELS}.").partition(".")
        return next((f"{LEVELS}.{found}{dot}{rest}" for found in get_close_matches(first, _PACKAGES, 1)), None)
    for known in ({key.short: key.name for key in KEYS.values()}, {key: key for key in KEYS}):
        if found := get_close_matches(short.lower().replace("_", "-"), known, 1, cutoff=0.7):
            return known[found[0]]
    return None


def sections() -> frozenset[str]:
    """The names of branches."""
    parts = [name.split(".") for name in KEYS]
    return frozenset(".".join(each[:n]) for each in parts for n in range(1, len(each)))


def _is_logger(name: str) -> bool:
    first = name.partition(".")[0]
    try:
        return first in OWN_LOGGERS or find_spec(first) is not None
    except ValueError:  # what has no name
        return False


def _walk(section: type[Section], prefix: str) -> Iterator[Key]:
    for field in msgspec.structs.fields(section):
        name = f"{prefix}.{field.encode_name}"
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from _walk(field.type, name)
            continue
        info = inspect.type_info(field.type)
        assert isinstance(info, inspect.Metadata), f"{name} has no description"
        about = (info.extra_json_schema or {})["description"]
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        yield Key(name, field.type, default, about, info.extra or {})


def _plain(info: inspect.Type) -> inspect.Type:
    """Without what is said about it, and without None."""
    if isinstance(info, inspect.Metadata):
        return _plain(info.type)
    if isinstance(info, inspect.UnionType):
        return next(each for each in info.types if not isinstance(each, inspect.NoneType))
    return info


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, gt=above, le=high):
            return f"a number from {low:g} to {high:.9g}" if above is None else f"a number above 0, at most {high:.9g}"
        case inspect.EnumType(cls=choices):
            return f"one of {', '.join(str(each.value) for each in choices)}"
        case inspect.ListType():
            return "a list of texts; in the environment separated by commas"
        case _:
            return "a text that is not empty"


def _known_word(value: object, kind: Any) -> object:
    """A choice may be written in any case."""
    info = _plain(inspect.type_info(kind))
    if isinstance(info, inspect.EnumType) and isinstance(value, str) and not isinstance(value, Enum):
        return next((each.value for each in info.cls if str(each.value).lower() == value.strip().lower()), value)
    return value


KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _walk(Scheduler, ROOT)}
"""All settings by name, in the order of the tree; of the loggers only `root`."""
