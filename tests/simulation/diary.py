"""What executors write into files of their own: a witness that no store and no node can lie to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tests.invariants.history import Run


@dataclass
class Page:
    executor: str
    task: str
    token: int
    began_at: datetime
    ended_at: datetime | None = None
    how: str | None = None


class Diary:
    """Of all executors; it outlives their processes."""

    def __init__(self) -> None:
        self._pages: list[Page] = []
        self._by_task: dict[str, list[Page]] = {}

    def began(self, executor: str, task: str, token: int, at: datetime) -> Page:
        page = Page(executor, task, token, at)
        self._pages.append(page)
        self._by_task.setdefault(task, []).append(page)
        return page

    def ended(self, page: Page, how: str, at: datetime) -> None:
        page.how, page.ended_at = how, at

    def runs(self) -> list[Run]:
        """All of them, in the order in which they began."""
        return [_run(page) for page in self._pages]

    def runs_of(self, task: str) -> list[Run]:
        return [_run(page) for page in self._by_task.get(task, ())]


def _run(page: Page) -> Run:
    return Run(
        executor=page.executor,
        task=page.task,
        token=page.token,
        began_at=page.began_at,
        ended_at=page.ended_at,
        how=page.how,
    )
