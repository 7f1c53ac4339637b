"""The kinds of work a job can be: a registry of names, what each needs, and how its parameters are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.scheduling.errors import UnknownJobType
from domain.shared.errors import FieldProblem
from domain.shared.json_value import JsonObject

Check = Callable[[JsonObject], Sequence[FieldProblem]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """`needs_handler`: the job must name the function that does the work.

    `check` returns what is wrong with parameters. `texts` are those parameters within which every value is text, so
    that a number that fills a place (`${event.…}`) becomes one, too. `code` has the pointers of texts that are carried
    out as they stand, into which nothing from elsewhere may come, each with what to do instead.
    """

    name: str
    needs_handler: bool
    check: Check
    texts: frozenset[str] = frozenset()
    code: Mapping[str, str] = field(default_factory=dict)


class JobTypes:
    """The known job types; packages add theirs."""

    def __init__(self, *types: JobType) -> None:
        self._types: Mapping[str, JobType] = MappingProxyType({t.name: t for t in types})

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def also(self, *types: JobType) -> JobTypes:
        """These and more."""
        return JobTypes(*self._types.values(), *types)

    def named(self, name: str) -> JobType:
        """Raises `UnknownJobType`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name, sorted(self._types)) from None


def check_nothing(_parameters: JsonObject) -> Sequence[FieldProblem]:
    """Any object will do."""
    return ()
