"""What becomes of fires while earlier tasks of their job are alive."""

from __future__ import annotations

from dataclasses import dataclass

from domain.scheduling.occurrence import Decision
from domain.scheduling.policies import OverlapPolicy


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and why; None where nothing needs to be said."""

    decision: Decision
    reason: str | None = None


RUNS = Verdict(Decision.FIRED)


def judge_overlap(policy: OverlapPolicy, live: int, waiting: int, *, is_last: bool) -> Verdict:
    """About a fire that would run while `live` tasks are alive, `waiting` of them for their turn. Those of fires before
    it in the same decision are among them. `is_last`: none of those that are due with it comes after it.
    """
    others = f"{live} earlier task(s) still unfinished"
    if policy.ends_others and not is_last:
        return Verdict(Decision.SUPERSEDED, "a later fire was due as well and takes its place")
    if not live or policy in (OverlapPolicy.ALLOW, OverlapPolicy.TERMINATE_OTHER):
        return RUNS
    if policy is OverlapPolicy.SKIP:
        return Verdict(Decision.SKIPPED_OVERLAP, others)
    if policy is OverlapPolicy.CANCEL_OTHER:
        return Verdict(Decision.BUFFERED, f"{others}, which are cancelled")
    if waiting >= policy.most_waiting:
        return Verdict(Decision.BUFFER_DROPPED, f"{others}; {waiting} wait, and at most {policy.most_waiting} may")
    return Verdict(Decision.BUFFERED, others)
