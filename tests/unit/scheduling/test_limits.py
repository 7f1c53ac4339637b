"""Limits, the keys that tasks share, and who may go."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.scheduling.admission import Candidate, KeyKind, LimitKey, Standing, admit
from domain.scheduling.ids import LaneId, TaskId
from domain.scheduling.key_template import LONGEST_KEY, KeyTemplate
from domain.scheduling.limits import ConcurrencyLimit, Fairness, Limits, RateAlgorithm, RateLimit
from domain.scheduling.rate import RateTerms, RateUse
from domain.scheduling.task_status import Gate
from domain.shared.errors import Invalid
from tests.builders import MINUTE, NOON, SECOND

KEY = KeyTemplate("k")
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("template", "parameters", "key"),
    [
        ("db-main", {}, "db-main"),
        ("of-${param.customer}", {"customer": "acme"}, "of-acme"),
        ("${param.a}/${param.b.c}", {"a": 1, "b": {"c": True}}, "1/true"),
        ("${param.a}", {"a": "x" * 1000}, "x" * LONGEST_KEY),
        ("${param.a}", {"a": ["no", "single", "value"]}, ""),
        ("${param.a}", {}, ""),
        ("${param.a}", {"a": "overlap:of another job"}, "_overlap:of another job"),
        ("$5 {a}", {}, "$5 {a}"),
    ],
)
def test_a_key_is_filled_from_parameters(template: str, parameters: dict[str, object], key: str) -> None:
    assert KeyTemplate(template).filled(parameters) == key


@pytest.mark.parametrize(
    ("template", "offset"),
    [("${customer}", 0), ("a${}", 1), ("a-${param.}", 2), ("ab${param.a", 2), ("${param.a}-${x}", 11)],
)
def test_a_place_that_names_nothing_is_refused_where_it_stands(template: str, offset: int) -> None:
    with pytest.raises(Invalid) as refused:
        KeyTemplate(template)
    assert refused.value.problems[0].offset == offset


@pytest.mark.parametrize("template", ["", "x" * 201, "a\nb"])
def test_a_key_is_short_and_printable(template: str) -> None:
    with pytest.raises(Invalid):
        KeyTemplate(template)


def test_what_a_key_misses_is_named() -> None:
    limits = Limits(concurrency=ConcurrencyLimit(limit=1, key=KeyTemplate("${param.a.b}")))
    (problem,) = limits.missing({"a": {"c": 1}})
    assert (problem.pointer, "'a.b'" in problem.detail or "a.b" in problem.detail) == ("/concurrency/key", True)
    assert list(limits.missing({"a": {"b": 0}})) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConcurrencyLimit(limit=0, key=KEY),
        lambda: ConcurrencyLimit(limit=-1, key=KEY),
        lambda: ConcurrencyLimit(limit=10**6, key=KEY),
        lambda: RateLimit(limit=0, per=MINUTE, key=KEY),
        lambda: RateLimit(limit=1, per=timedelta(0), key=KEY),
        lambda: RateLimit(limit=1, per=timedelta(days=400), key=KEY),
        lambda: RateLimit(limit=5, per=MINUTE, key=KEY, weight=6),
        lambda: RateLimit(limit=5, per=MINUTE, key=KEY, burst=0),
        lambda: RateLimit(limit=2000, per=MINUTE, key=KEY, algorithm=RateAlgorithm.SLIDING_WINDOW),
        lambda: RateLimit(limit=5, per=MINUTE, key=KEY, burst=5, algorithm=RateAlgorithm.SLIDING_WINDOW),
        lambda: Fairness(key=KEY, weight=0),
    ],
)
def test_numbers_that_no_limit_can_have_are_refused(make: object) -> None:
    with pytest.raises(Invalid):
        make()  # type: ignore[operator]


def terms(
    algorithm: RateAlgorithm = RateAlgorithm.TOKEN_BUCKET,
    limit: int = 5,
    per: timedelta = MINUTE,
    capacity: int | None = None,
    weight: int = 1,
) -> RateTerms:
    return RateTerms(algorithm=algorithm, limit=limit, per=per, capacity=capacity or limit, weight=weight)


def go(terms: RateTerms, count: int, since: datetime = NOON) -> list[datetime]:
    """When so many go that come all at once."""
    use, now, gone = RateUse(), since, []
    for _ in range(count):
        now = use.free_at(terms, now)
        use = use.taken(terms, now)
        gone.append(now)
    return gone


def test_a_bucket_lets_its_burst_go_and_then_one_after_the_other() -> None:
    assert [at - NOON for at in go(terms(limit=60, capacity=3), 6)] == [0 * SECOND] * 3 + [
        SECOND,
        2 * SECOND,
        3 * SECOND,
    ]


def test_a_window_lets_its_limit_go_and_the_next_ones_when_the_first_is_out_of_it() -> None:
    gone = go(terms(RateAlgorithm.SLIDING_WINDOW, limit=2), 5)
    assert [at - NOON for at in gone] == [0 * SECOND] * 2 + [MINUTE] * 2 + [2 * MINUTE]


@given(
    st.integers(1, 20),
    st.integers(1, 7),
    st.integers(1, 100),
    st.integers(0, 60),
    st.lists(st.integers(0, 30_000_000), min_size=1, max_size=60),
)
def test_no_window_ever_sees_more_than_the_limit(
    limit: int, weight: int, per: int, burst: int, gaps: list[int]
) -> None:
    for algorithm in RateAlgorithm:
        capacity = limit if algorithm is RateAlgorithm.SLIDING_WINDOW or not burst else burst
        rate = terms(algorithm, limit, per * SECOND, capacity, min(weight, capacity, limit))
        use, now = RateUse(), NOON
        gone: list[datetime] = []
        for gap in gaps:
            now += gap * TICK
            if use.free_at(rate, now) <= now:
                use = use.taken(rate, now)
                gone.append(now)
            else:
                free_at = use.free_at(rate, now)
                assert use.free_at(rate, free_at) <= free_at, "at the time it names it lets one go"
                assert use.free_at(rate, free_at - TICK) == free_at, "and not before"
        for first in gone:
            inside = sum(first <= at < first + rate.per for at in gone) * rate.weight
            assert inside <= limit + (capacity if algorithm is RateAlgorithm.TOKEN_BUCKET else 0)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    made = []
    for n in range(draw(st.integers(0, 30))):
        rate = draw(st.sampled_from([None, *(LimitKey(KeyKind.RATE, k) for k in "ab")]))
        made.append(
            Candidate(
                task_id=TaskId(UUID(int=n)),
                lane=LaneId(1),
                priority=5,
                slot=draw(st.sampled_from([None, *(LimitKey(KeyKind.SLOT, k) for k in "ab")])),
                most=3,
                turn=draw(st.sampled_from([None, *(LimitKey(KeyKind.TURN, k) for k in "ab")])),
                window=4,
                rate=rate,
                terms=None if rate is None else terms(limit=5, weight=draw(st.integers(1, 3))),
            )
        )
    return made


@given(candidates(), st.dictionaries(st.sampled_from([LimitKey(KeyKind.SLOT, k) for k in "ab"]), st.integers(0, 5)))
def test_limits_hold_and_nobody_is_held_for_nothing(waiting: list[Candidate], taken: dict[LimitKey, int]) -> None:
    decided = admit(waiting, Standing(taken=dict(taken)), NOON)
    assert [d.candidate for d in decided] == waiting
    gone = [d.candidate for d in decided if d.gate is None]
    slots = Counter(c.slot for c in gone if c.slot)
    turns = Counter(c.turn for c in gone if c.turn)
    assert all(count + taken.get(key, 0) <= 3 for key, count in slots.items())
    assert all(count <= 4 for count in turns.values())
    for key in [LimitKey(KeyKind.RATE, k) for k in "ab"]:
        assert sum(c.terms.weight for c in gone if c.rate == key and c.terms) <= 5
    for d in decided:
        c = d.candidate
        if d.gate is Gate.LIMIT:
            assert c.slot is not None
            assert slots[c.slot] + taken.get(c.slot, 0) >= 3
        if d.gate is Gate.FAIRNESS:
            assert c.turn is not None
            assert turns[c.turn] == 4
        assert (d.free_at is not None) == (d.gate is Gate.RATE)


def test_a_heavy_one_is_not_overtaken_by_light_ones_of_its_rate() -> None:
    key = LimitKey(KeyKind.RATE, "k")
    use = RateUse()
    for _ in range(4):
        use = use.taken(terms(), NOON)
    waiting = [
        Candidate(task_id=TaskId(UUID(int=n)), lane=LaneId(1), priority=5, rate=key, terms=terms(weight=weight))
        for n, weight in enumerate([2, 1, 1])
    ]
    decided = admit(waiting, Standing(used={key: use}), NOON)
    assert [d.gate for d in decided] == [Gate.RATE] * 3
    assert len({d.free_at for d in decided}) == 1
    assert decided[0].free_at == NOON + 12 * SECOND
