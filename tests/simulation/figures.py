"""What the log says in milliseconds, and what it must not keep silent about, held against what was so.

A figure counts from the moment in which the process could know of it: a cover, and its end, from when it was told.
Guarantees: no figure is longer than the call was covered (or not) as told; where its recording was wrong for all of
that time, and was not said to be right meanwhile, it is as long as that, to `SAME_S`; a covered call that is open for
longer than `TOLD_WITHIN_S` is in the log, whatever keeps it open.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.clock import STEP_S
from orchestrator.core.policy import Policy
from orchestrator.engine.loop import SWEEP_EVERY_S
from orchestrator.simulator.truth import Truth
from tests.simulation.loop import Process
from tests.simulation.told import Told

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

SAME_S = 0.02
"""A log line comes a moment after what it tells of, and a figure is rounded to 1 ms."""
TOLD_WITHIN_S = Policy().exposure_alert_s + SWEEP_EVERY_S + 0.1


class Figures:
    def __init__(self, judge: "Judge", truth: Truth) -> None:
        self._judge = judge
        self._truth = truth
        self._turns: dict[str, list[float]] = defaultdict(list)
        """ivrid -> when it began, was muted, opened, muted …: how its recording was at any time."""
        self._said: dict[str, tuple[bool, float]] = {}
        """Whether the log last said that it was muted, or that it was open, and when."""
        self._alarmed: dict[str, float] = {}
        self._known_since: dict[str, float] = {}
        """When a call that the API did not know was seen to be up."""
        self._foreign: set[str] = set()

    def began(self, ivrid: str) -> None:
        self._turns[ivrid] = [self._judge.now()]

    def turned(self, ivrid: str) -> None:
        self._turns[ivrid].append(self._judge.now())

    def came_back(self, ivrid: str) -> None:
        self._known_since[ivrid] = self._judge.now()

    def call_over(self, ivrid: str) -> None:
        for table in (self._turns, self._said, self._alarmed, self._known_since):
            table.pop(ivrid, None)
        self._foreign.discard(ivrid)

    def line(self, process: Process, event: str, fields: Mapping[str, Any]) -> None:
        ivrid, told = fields.get("ivrid"), self._judge.told_of(process)
        if ivrid is None or told is None:
            return
        now = self._judge.now()
        told.settle(now)
        match event:
            case "call.muted":
                self._exposed(told, event, ivrid, fields["exposure_ms"])
                self._said[ivrid] = (True, now)
            case "call.exposed":
                self._exposed(told, event, ivrid, fields["exposure_ms"], over=True)
            case "section.exposed":
                self._exposed(told, event, ivrid, fields["open_ms"])
                self._alarmed[ivrid] = now
            case "mute.failed" if fields["muted"]:
                self._exposed(told, event, ivrid, fields["open_ms"])
            case "mute.failed":
                self._over_muted(told, event, ivrid, fields["open_ms"])
            case "call.unmuted":
                self._over_muted(told, event, ivrid, fields["overmute_ms"])
                self._said[ivrid] = (False, now)
            case "mute.foreign":
                self._foreign.add(ivrid)

    def _exposed(self, told: Told, event: str, ivrid: str, said_ms: int | None, *, over: bool = False) -> None:
        cover = told.last_cover.get(ivrid) if over else told.cover(ivrid)
        now = self._judge.now()
        # What began a moment ago began after what the line tells of: it comes a moment after that.
        if cover is not None and now - cover.since > SAME_S:
            until = told.uncovered_at[ivrid] if over else now
            lasts = over or told.surely(ivrid)  # else its time may be up for the process already
            believed_muted = ivrid in told.held_before and ivrid in self._said and self._said[ivrid][0]
            sure_since = cover.sure_since if lasts and not believed_muted else None
            must = self._wrong_since(ivrid, sure_since, muted=False) if sure_since else None
            # What ends while a process stands still, or none is there, ends when one goes on.
            most_s = math.inf if told.in_a_burst(ivrid) else max(until, self._judge.awake_since) - cover.since
            self._compare(told, event, ivrid, said_ms, most_s, None if must is None else until - must)

    def _over_muted(self, told: Told, event: str, ivrid: str, said_ms: int | None) -> None:
        since, now = told.uncovered_at.get(ivrid), self._judge.now()
        # Likewise what ended a moment ago.
        if since is not None and now - since > SAME_S and not told.maybe(ivrid):
            must = self._wrong_since(ivrid, since, muted=True)
            least_s = None if must is None else now - max(must, self._judge.awake_since)
            # By wrong clocks the section may have run out before, and begun anew without this call.
            most_s = math.inf if told.tolerance_s else now - told.perhaps_uncovered_at.get(ivrid, -math.inf)
            self._compare(told, event, ivrid, said_ms, most_s, least_s)

    def _compare(
        self, told: Told, event: str, ivrid: str, said_ms: int | None, most_s: float, least_s: float | None
    ) -> None:
        if said_ms is None or ivrid in told.doubtful or self._truth.foreign(ivrid) or ivrid in self._foreign:
            return
        said_s, slack_s = said_ms / 1000, SAME_S + told.tolerance_s
        if self._judge.now() - most_s < self._judge.awake_since:
            slack_s += STEP_S  # it counts from what an earlier process wrote, by its clock
        if said_s > most_s + slack_s or (least_s is not None and said_s < least_s - slack_s):
            least = "" if least_s is None else f"at least {least_s:.3f} and "
            self._judge.violated(
                "the log's figures are true", f"{event} of {ivrid}: {said_s:.3f} s, was {least}at most {most_s:.3f} s"
            )

    def _wrong_since(self, ivrid: str, since: float, *, muted: bool) -> float | None:
        """Where its recording was so at that time, was not said to be otherwise since, and was turned at most once:
        from when on the process knew. None: it is not known to have been wrong for all of the time."""
        turns = self._turns.get(ivrid, [])
        before = sum(at <= since for at in turns)
        was_muted = before % 2 == 0
        said_muted, said_at = self._said.get(ivrid, (muted, since))
        said_right = said_muted is not muted and said_at >= since
        if before == 0 or was_muted is not muted or len(turns) > before + 1 or said_right:
            return None
        return max(since, self._known_since.get(ivrid, float("-inf")))

    def is_foreign(self, ivrid: str) -> bool:
        """Whether the log said so."""
        return ivrid in self._foreign

    def open_since(self, ivrid: str, since: float) -> bool:
        """Whether it was up and recorded for all of that time."""
        return self._wrong_since(ivrid, since, muted=False) == since and not self._truth.muted(ivrid)

    def look(self, told: Told, ivrid: str) -> None:
        """A covered call that is recorded at this moment."""
        cover, now = told.cover(ivrid), self._judge.now()
        if cover is None or cover.sure_since is None:
            return
        since = self._wrong_since(ivrid, cover.sure_since, muted=False)
        if since is None or self._truth.muted(ivrid) or ivrid in self._foreign:
            return
        said_muted, said_at = self._said.get(ivrid, (False, since))
        since = max(since, said_at, self._judge.awake_since)
        if said_muted:
            return
        alarmed = self._alarmed.get(ivrid, float("-inf"))
        again_s = alarmed - cover.since + TOLD_WITHIN_S  # each time that it has been open for twice as long
        if now - since > TOLD_WITHIN_S + told.tolerance_s and alarmed < since and now - alarmed > again_s:
            self._judge.violated("an open call is told of", f"{ivrid}, open for {now - since:.2f} s")
