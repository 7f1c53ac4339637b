"""Which executors could run the tasks of a lane, and at which of its demands the others fall away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.scheduling.executor import ExecutorStatus
from domain.scheduling.placement import Capability, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A funnel: `registered` that are not OFFLINE, or only the one that the lane names.

    Of these in the `pool`, with the `type`, with the `handler`.
    Those with the labels, too, are `able`; of them `online` and not draining, with so many `slots` and `free_slots`.
    """

    registered: int
    in_pool: int
    with_type: int
    with_handler: int
    able: tuple[str, ...]
    online: tuple[str, ...]
    slots: int
    free_slots: int

    @classmethod
    def of(cls, lane: Lane, executors: Iterable[tuple[str, ExecutorStatus, Capability, int]]) -> Supply:
        """Of executors with their ids, status, offer, and the number of tasks that they hold."""
        here = [each for each in executors if each[1] is not ExecutorStatus.OFFLINE]
        known = here if lane.executor is None else [each for each in here if each[0] == lane.executor]
        in_pool = [each for each in known if each[2].pool == lane.pool]
        with_type = [each for each in in_pool if lane.type in each[2].types]
        with_handler = [each for each in with_type if each[2].runs(lane)]
        able = [each for each in with_handler if each[2].serves(lane.tenant, lane)]
        online = [each for each in able if each[1] is ExecutorStatus.ONLINE]
        return cls(
            registered=len(known),
            in_pool=len(in_pool),
            with_type=len(with_type),
            with_handler=len(with_handler),
            able=tuple(id_ for id_, *_ in able),
            online=tuple(id_ for id_, *_ in online),
            slots=sum(capability.slots for _, _, capability, _ in online),
            free_slots=sum(max(capability.slots - held, 0) for _, _, capability, held in online),
        )

    @property
    def facts(self) -> dict[str, int]:
        """The numbers."""
        return {
            "executors": self.registered,
            "inPool": self.in_pool,
            "withType": self.with_type,
            "withHandler": self.with_handler,
            "able": len(self.able),
            "online": len(self.online),
            "slots": self.slots,
            "freeSlots": self.free_slots,
        }

    def shortage(self, lane: Lane) -> str:
        """Why nobody is able."""
        if not self.registered:
            return "No executor is registered."
        steps = [f"of {self.registered} executors {self.in_pool} are in pool {lane.pool!r}"]
        if self.in_pool:
            steps.append(f"{self.with_type} of these run {lane.type}")
        if self.with_type and lane.handler is not None:
            steps.append(f"{self.with_handler} of these have the handler {lane.handler!r}")
        if self.with_handler:
            labels = ", ".join(f"{name}={value}" for name, value in lane.requires)
            steps.append(f"0 of these carry the labels {labels}")
        return f"No executor can run it: {', '.join(steps)}."

    def remedy(self, lane: Lane) -> str:
        """What would make one able."""
        wants = [f"pool {lane.pool!r}", f"type {lane.type}"]
        if lane.handler is not None:
            wants.append(f"handler {lane.handler!r}")
        wants += [f"label {name}={value}" for name, value in lane.requires]
        return f"Start a worker with {', '.join(wants)}."
