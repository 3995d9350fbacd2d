"""Times from and to, and what is left of some without others."""

SAME_S = 0.02
"""A time is rounded to 1 ms, a request is written down before it is sent (some ms), a line is logged 2 ms late."""
GRAIN_S = 0.005

Span = tuple[float, float]


def length(span: Span) -> float:
    return span[1] - span[0]


def minus(spans: list[Span], known: list[Span]) -> list[Span]:
    """What of the spans is in none of the others, give or take `SAME_S`."""
    left = spans
    for since, until in known:
        left = [
            rest
            for begin, end in left
            for rest in ((begin, min(end, since - SAME_S)), (max(begin, until + SAME_S), end))
            if length(rest) > 0
        ]
    return [span for span in left if length(span) > GRAIN_S]


def both(some: list[Span], others: list[Span]) -> list[Span]:
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return [span for span in pairs if length(span) > 0]
