"""What operations and shared locks refuse, each with its facts and a stable code."""

from __future__ import annotations

from domain.shared.errors import Conflict, NotFound


class NoActiveLock(Conflict):
    """Work that needs a lock runs without one."""

    code = "NO_ACTIVE_LOCK"

    def __init__(self, name: str | None = None) -> None:
        super().__init__(f"The lock {name!r} is not held here." if name else "No lock is held here.")


class LockCannotBeExtended(Conflict):
    """The lock has expired, or somebody else has it by now; what runs under it may be running twice."""

    code = "LOCK_CANNOT_BE_EXTENDED"

    def __init__(self, name: str) -> None:
        super().__init__(f"The lock {name!r} is not held any more, so it cannot be extended. Stop the work under it.")


class LockNotFound(NotFound):
    """Nobody holds a lock of that name."""

    code = "LOCK_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"Nobody holds a lock {name!r}. It comes into being when it is acquired.")


class LockHeld(Conflict):
    """Others hold the lock, all its permits; ask again, or let the request wait."""

    code = "LOCK_HELD"

    def __init__(self, name: str, permits: int, owners: tuple[str, ...]) -> None:
        who = ", ".join(repr(owner) for owner in owners[:5]) + (" and others" if len(owners) > 5 else "")
        held = f"is held by {who}" if permits == 1 else f"has {permits} permits, all held, by {who}"
        super().__init__(f"The lock {name!r} {held}. Try again later, or let the request wait with `wait`.")


class LockPermitsDiffer(Conflict):
    """The lock is held with another number of permits; all who share one must name the same number."""

    code = "LOCK_PERMITS_DIFFER"

    def __init__(self, name: str, present: int, wanted: int) -> None:
        super().__init__(
            f"The lock {name!r} is held with {present} permits, not {wanted}. Name the same number, or wait until"
            " nobody holds it."
        )


class LockLost(Conflict):
    """The hold with that token has expired or was released; whoever had it must stop."""

    code = "LOCK_LOST"

    def __init__(self, name: str, token: int) -> None:
        super().__init__(
            f"The lock {name!r} is not held with token {token} any more. Stop what runs under it; acquire it anew."
        )


class StaleToken(Conflict):
    """The resource has seen a higher token: whoever brings this one has been replaced and must not touch it."""

    code = "STALE_TOKEN"

    def __init__(self, resource: str, token: int, newest: int) -> None:
        super().__init__(
            f"The resource {resource!r} has seen token {newest}; {token} is older. Its holder has been replaced: stop."
        )
        self.newest = newest


class OperationNotFound(NotFound):
    """There is no operation of that name."""

    code = "OPERATION_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no operation {name!r}. `GET /operations` lists all of them.")


class ExecutionNotFound(NotFound):
    """There is no execution with that id, or it was too old to be kept."""

    code = "EXECUTION_NOT_FOUND"

    def __init__(self, id_: object) -> None:
        super().__init__(f"There is no execution {id_} of an operation; old ones are not kept.")
