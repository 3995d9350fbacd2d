"""Waits between attempts: they double from the first to the longest, with jitter, so that a crowd spreads out."""

import random

_MOST_DOUBLINGS = 30


def backoff_s(attempt: int, first_s: float, most_s: float, rng: random.Random) -> float:
    """How long to wait before the repetition with this number (from 0): half of it is certain, half is chance."""
    full_s = min(most_s, first_s * 2.0 ** min(attempt, _MOST_DOUBLINGS))
    return full_s * (0.5 + 0.5 * rng.random())
