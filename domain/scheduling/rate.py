"""What a rate limit has let go so far, and when it lets the next one go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.scheduling.limits import RateAlgorithm

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTerms:
    """What a task says of its rate limit: `limit` per `per`, `capacity` at once, of which it takes `weight`."""

    algorithm: RateAlgorithm
    limit: int
    per: timedelta
    capacity: int
    weight: int

    @property
    def interval(self) -> timedelta:
        """Between two of weight 1, evenly spread; rounded up, so that the limit is never exceeded."""
        return max(-(-self.per // self.limit // _TICK) * _TICK, _TICK)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUse:
    """How much of a key was used: `full_at` for a token bucket (GCRA's theoretical arrival time: when the bucket will
    be full again), `starts` for a sliding window (when, and how much weight, oldest first).
    """

    full_at: datetime | None = None
    starts: tuple[tuple[datetime, int], ...] = ()

    def free_at(self, terms: RateTerms, now: datetime) -> datetime:
        """From when on a task with these terms may go; not before `now`."""
        if terms.algorithm is RateAlgorithm.TOKEN_BUCKET:
            full = max(self.full_at or now, now) + terms.weight * terms.interval
            return max(full - terms.capacity * terms.interval, now)
        counted = [(at, weight) for at, weight in self.starts if at > now - terms.per]
        over = sum(weight for _, weight in counted) + terms.weight - terms.limit
        free_at = now
        for at, weight in counted:
            if over <= 0:
                break
            over, free_at = over - weight, at + terms.per
        return free_at

    def taken(self, terms: RateTerms, now: datetime) -> RateUse:
        """After a task with these terms has gone at `now`."""
        if terms.algorithm is RateAlgorithm.TOKEN_BUCKET:
            return replace(self, full_at=max(self.full_at or now, now) + terms.weight * terms.interval)
        kept = [(at, weight) for at, weight in self.starts if at > now - terms.per]
        if kept and kept[-1][0] == now:
            kept[-1] = (now, kept[-1][1] + terms.weight)
        else:
            kept.append((now, terms.weight))
        return replace(self, starts=tuple(kept))
