"""Waits between attempts."""

import random

import pytest

from orchestrator.voicenter.backoff import backoff_s


@pytest.mark.parametrize(("attempt", "longest_s"), [(0, 1), (1, 2), (2, 4), (4, 16), (5, 30), (6, 30), (10**9, 30)])
def test_waits_double_up_to_the_longest_and_are_half_chance(attempt: int, longest_s: float) -> None:
    rng = random.Random(7)
    waits_s = [backoff_s(attempt, 1.0, 30.0, rng) for _ in range(500)]
    assert longest_s / 2 <= min(waits_s) < longest_s * 0.55
    assert longest_s * 0.95 < max(waits_s) <= longest_s
