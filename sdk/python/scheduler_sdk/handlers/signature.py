"""How a handler wants to be called: read once from its signature."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Union, get_type_hints

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec import inspect as types

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import TaskFailed

INVALID_PARAMETERS = "INVALID_PARAMETERS"

_CONTEXT = "context"
_EVENT = "event"
"""What made the job fire, if an event did: the platform adds it to the parameters."""

_HOLD_OBJECTS = (types.AnyType, types.RawType, types.DictType, types.StructType, types.DataclassType)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")

Arguments = tuple[list[Any], Mapping[str, Any]]


class Signature:
    """Makes a handler's arguments from the context and the parameters of a task.

    The context goes to the argument annotated with `TaskContext`, or to one without annotation named `context`. If one
    other is left and it can hold a JSON object - a msgspec Struct, a dataclass, a TypedDict, a dict, or whatever has no
    annotation - it gets the parameters as a whole, unless it is named `event`. Otherwise each gets the parameter of its
    own name; an event that made the job fire need not be wanted.

    Raises `TypeError` for a function that cannot be called so.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._context: str | None = None
        given: dict[str, inspect.Parameter] = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise self._wrong(f"the parameters of a task are named: there is no use for {parameter}")
            given[parameter.name] = parameter
        hints = self._hints(function, given)
        for parameter in given.values():
            hint = hints[parameter.name]
            if (isinstance(hint, type) and issubclass(hint, TaskContext)) or (
                parameter.name == _CONTEXT and parameter.annotation is parameter.empty
            ):
                self._context = parameter.name
        wanted = {name: hint for name, hint in hints.items() if name != self._context}
        self._wanted = frozenset(wanted)
        holders = [name for name, hint in wanted.items() if self._holds_objects(name, hint)]
        self._whole = holders[0] if len(wanted) == len(holders) == 1 and holders != [_EVENT] else None
        self._positional = [p.name for p in given.values() if p.kind is p.POSITIONAL_ONLY]
        try:
            self._decode = self._decoder(wanted, given)
        except TypeError as error:
            raise self._wrong(str(error)) from None

    @property
    def takes_context(self) -> bool:
        return self._context is not None

    def arguments(self, parameters: Raw, context: TaskContext | None) -> Arguments:
        """Positional and named ones. Raises `TaskFailed` with INVALID_PARAMETERS, which no retry would mend."""
        try:
            decoded = self._decode(parameters)
        except msgspec.DecodeError as error:
            raise TaskFailed(INVALID_PARAMETERS, self._told(error), retryable=False) from None
        if self._whole is not None:
            named = {self._whole: decoded}
        else:
            values = ((name, getattr(decoded, name)) for name in decoded.__struct_fields__ if name in self._wanted)
            named = {name: value for name, value in values if value is not UNSET}
        if self._context is not None:
            named[self._context] = context
        return [named.pop(name) for name in self._positional if name in named], named

    def _hints(self, function: Callable[..., Any], given: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
        annotated = inspect.unwrap(function) if inspect.isroutine(function) else type(function).__call__
        try:
            hints = get_type_hints(annotated, include_extras=True)
        except NameError as error:
            raise self._wrong(f"its annotations mean nothing at the top of its module: {error}") from None
        return {name: Any if (hint := hints.get(name, Any)) is object else hint for name in given}

    def _holds_objects(self, name: str, hint: Any) -> bool:
        try:
            kind = types.type_info(hint)
        except TypeError as error:
            raise self._wrong(str(error)) from None
        kinds = kind.types if isinstance(kind, types.UnionType) else (kind,)
        if any(isinstance(each, types.CustomType) for each in kinds):
            raise self._wrong(f"JSON cannot become the {hint!r} that {name} is to be")
        return any(isinstance(each, (*_HOLD_OBJECTS, types.TypedDictType)) for each in kinds)

    def _decoder(self, wanted: Mapping[str, Any], given: Mapping[str, inspect.Parameter]) -> Callable[[Raw], Any]:
        if self._whole is not None:
            return msgspec.json.Decoder(wanted[self._whole]).decode
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for name, hint in wanted.items():
            has_default = given[name].default is not inspect.Parameter.empty
            fields.append((name, Union[hint, UnsetType], UNSET) if has_default else (name, hint))  # noqa: UP007
        if _EVENT not in wanted and fields:
            fields.append((_EVENT, Union[Raw, UnsetType], UNSET))  # noqa: UP007
        # Nothing but the context wanted is no refusal of parameters; one argument too many is a mistake.
        struct = msgspec.defstruct("Parameters", fields, kw_only=True, forbid_unknown_fields=bool(fields))
        return msgspec.json.Decoder(struct).decode

    def _told(self, error: msgspec.DecodeError) -> str:
        told, _, path = str(error).partition(" - at `")
        pointer = "/parameters" + "".join(f"/{name or place}" for name, place in _STEP.findall(path.rstrip("`")))
        return f"the parameters do not fit {self._name!r}: {told} at {pointer.replace('...', '*')}"

    def _wrong(self, detail: str) -> TypeError:
        return TypeError(f"{self._name!r} cannot be a handler: {detail}")
