"""Plots of a report as SVG that stands in the page itself: it needs no script and prints as it shows.

Guarantee: each is a picture of `WIDTH` by its own height, with its figures as text, so it can be read without colour.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from orchestrator.audit.figures import BREACH_MS, Exposure
from orchestrator.audit.gaps import Gap

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BASE = 46, 12, 14, 24
_WIDEST = 70
_BOUNDS_MS = (50, 100, 200, 500, 1000, BREACH_MS, 3000, 10_000)
_MOST_LABELS = 10
_ROW, _THICK = 20, 14
_DAY_S = 86_400.0

Bar = tuple[str, float, bool]
"""Its label, its value, whether it is marked."""


def bars(values: Sequence[Bar], unit: str, height: int = 170) -> str:
    """Upright bars."""
    if not values:
        return _nothing()
    most = max(value for _, value, _ in values) or 1.0
    top, floor = 2 * _TOP, height - _BASE
    step = (WIDTH - _LEFT - _RIGHT) / len(values)
    every = math.ceil(len(values) / _MOST_LABELS)
    drawn = [_scale(most, unit, top, floor)]
    for number, (label, value, marked) in enumerate(values):
        tall, wide = (floor - top) * value / most, min(_WIDEST, step * 0.72)
        left = _LEFT + number * step + (step - wide) / 2
        drawn.append(_box("mark" if marked else "bar", left, floor - tall, wide, tall))
        if number % every == 0:
            drawn.append(_text(left + wide / 2, height - 8, label, "middle"))
        if value and len(values) <= 2 * _MOST_LABELS:
            drawn.append(_text(left + wide / 2, floor - tall - 3, _short(value), "middle", "value"))
    return _svg(height, drawn)


def lying(values: Sequence[Bar], unit: str) -> str:
    """Lying bars, one a line, for what has long names."""
    if not values:
        return _nothing()
    most = max(value for _, value, _ in values) or 1.0
    left, right = 150, 110
    drawn = []
    for number, (label, value, marked) in enumerate(values):
        at, wide = _TOP + number * _ROW, (WIDTH - left - right) * value / most
        shown = f"{_short(value)} {unit}{' (unusual)' if marked else ''}"
        drawn.append(_text(left - 6, at + 11, label[:24], "end"))
        drawn.append(_box("mark" if marked else "bar", left, at, wide, _THICK))
        drawn.append(_text(left + wide + 5, at + 11, shown, "start", "value"))
    return _svg(_TOP + _ROW * len(values) + 6, drawn)


def spread(exposures: Sequence[Exposure]) -> str:
    """How many exposures were how long."""
    counts = [0] * (len(_BOUNDS_MS) + 1)
    for exposure in exposures:
        counts[sum(exposure.seconds * 1000 >= bound for bound in _BOUNDS_MS)] += 1
    labels = [*(f"< {_named(bound)}" for bound in _BOUNDS_MS), f"{_named(_BOUNDS_MS[-1])} +"]
    return bars([(labels[at], count, at > _BOUNDS_MS.index(BREACH_MS)) for at, count in enumerate(counts)], "calls")


def timeline(gaps: Sequence[Gap], since: float, until: float) -> str:
    """When evidence was missing: a line for each kind."""
    if not gaps:
        return _nothing("no gap in this time")
    left = 190
    scale = (WIDTH - left - _RIGHT) / max(until - since, 1.0)
    kinds = list(dict.fromkeys(gap.kind for gap in gaps))
    drawn = []
    for number, kind in enumerate(kinds):
        at = _TOP + number * _ROW
        drawn.append(_text(left - 6, at + 11, kind[:30], "end"))
        drawn.append(_box("ground", left, at, WIDTH - left - _RIGHT, _THICK))
        for gap in gaps:
            if gap.kind == kind:
                ends = until if gap.until is None else min(gap.until, until)
                drawn.append(
                    _box("mark", left + scale * (gap.since - since), at, max(2.0, scale * (ends - gap.since)), _THICK)
                )
    floor, form = _TOP + _ROW * len(kinds), "%m-%d %H:%M" if until - since > _DAY_S else "%H:%M:%S"
    for part, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        moment = since + (until - since) * part / 4
        shown = datetime.fromtimestamp(moment, UTC).strftime(form)
        drawn.append(_text(left + scale * (moment - since), floor + 12, shown, anchor))
    return _svg(floor + 20, drawn)


def _box(kind: str, left: float, top: float, wide: float, tall: float) -> str:
    return f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'


def _text(at: float, base: float, what: str, anchor: str = "start", kind: str = "label") -> str:
    return f'<text class="{kind}" x="{at:.1f}" y="{base:.1f}" text-anchor="{anchor}">{escape(what)}</text>'


def _scale(most: float, unit: str, top: int, floor: int) -> str:
    drawn = []
    for part in (0.0, 0.5, 1.0):
        at = floor - (floor - top) * part
        drawn.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        drawn.append(_text(_LEFT - 5, at + 4, _short(most * part), "end"))
    drawn.append(_text(2, 10, unit))
    return "".join(drawn)


def _svg(height: int, drawn: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(drawn)}</svg>'


def _nothing(why: str = "nothing in this time") -> str:
    return f'<p class="none">{escape(why)}</p>'


def _named(bound_ms: int) -> str:
    return f"{bound_ms / 1000:g} s" if bound_ms >= 1000 else f"{bound_ms} ms"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
