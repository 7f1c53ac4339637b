"""Levels in the names of actuators and in Python's numbers."""

from __future__ import annotations

import logging

import pytest

from application.shared.log_level import LogLevel


@pytest.mark.parametrize("level", LogLevel)
def test_a_level_is_known_again_by_its_number(level: LogLevel) -> None:
    assert LogLevel.of(level.number) is level


@pytest.mark.parametrize(
    ("number", "level"),
    [(1, LogLevel.DEBUG), (15, LogLevel.INFO), (logging.CRITICAL, LogLevel.OFF), (1000, LogLevel.OFF)],
)
def test_a_number_in_between_is_the_level_that_lets_no_more_through(number: int, level: LogLevel) -> None:
    assert LogLevel.of(number) is level
