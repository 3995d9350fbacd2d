"""Replays a captured stream, JSON Lines of {"name", "data"}, through the simulated vendor.

Guarantees: payloads go out as captured, in their order, except that every `IsMuted` tells the truth of the replay;
events are paced by their `servertime`, divided by the speed, and no pause is longer than `LONGEST_PAUSE_S` of the
capture's time (a capture may begin with minutes of silence). The truth is fed from the same stream.

A call is up from the first event that names it (as a leg or as waiting in a queue) to the last one that does: a
hangup says that a leg is gone, and only the rest of the stream tells whether the call comes back. What the last
event still shows stays up.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.clock import Clock
from orchestrator.simulator.api import Account
from orchestrator.simulator.payloads import Payload
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.stage import Stage
from orchestrator.simulator.telephony import (
    CallOver,
    Direction,
    Leg,
    Line,
    LineChanged,
    Party,
    Queue,
    QueueChanged,
    QueueReason,
    Reason,
    Status,
    Waiting,
)

LONGEST_PAUSE_S = 60.0

NOBODY = Party("", "")


class NotACapture(ValueError):
    """The file is not a captured stream that can be replayed."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the capture."""

    name: str
    data: Payload

    @property
    def servertime(self) -> float:
        return float(self.data.get("servertime") or 0)


def read_capture(path: Path) -> list[Recorded]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise NotACapture(f"{path}: {error.strerror}") from None
    records = []
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            records.append(Recorded(str(line["name"]), dict(line["data"])))
        except (ValueError, TypeError, KeyError):
            raise NotACapture(f'{path}, line {number}: not a {{"name": …, "data": {{…}}}} object') from None
    if not any(record.name == "AllExtensionsStatus" for record in records):
        raise NotACapture(f"{path}: no AllExtensionsStatus in it, so nothing says what was so before the first event")
    return records


class Replay(Stage):
    def __init__(
        self,
        records: Iterable[Recorded],
        *,
        speed: float = 1.0,
        settings: VoicenterSettings | None = None,
        seed: int = 1,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, seed, clock, Account(self._live_lines, lambda: list(self._queues.values())))
        records = list(records)
        self._speed = speed
        self._events = [record for record in records if record.name in ("ExtensionEvent", "QueueEvent")]
        self._last = _last_named(self._events)
        self._raw: dict[str, Payload] = {}
        self._queues: dict[int, Payload] = {}
        self._lines: dict[str, Line] = {}
        for record in records:
            if record.name == "AllExtensionsStatus":
                self._raw |= {raw["extenUser"]: raw for raw in record.data["extensions"]}
            elif record.name == "loginStatus":
                self._queues |= {raw["QueueID"]: raw for raw in record.data.get("queues", ())}
        self._begin()

    @property
    def lines(self) -> Mapping[str, Line]:
        return self._lines

    def busiest(self, most: int) -> frozenset[str]:
        """The extensions with the most events of calls that are theirs."""
        busy: Counter[str] = Counter()
        for record in self._events:
            if record.name == "ExtensionEvent":
                line = line_of(record.data["data"])
                busy[line.sip] += any(leg.counts for leg in line.legs)
        return frozenset(sip for sip, _ in busy.most_common(most))

    async def play(self) -> None:
        """The stream, from its first event to its last."""
        before_s = self._events[0].servertime if self._events else 0.0
        for number, record in enumerate(self._events):
            pause_s = min(max(record.servertime - before_s, 0.0), LONGEST_PAUSE_S) / self._speed
            before_s = max(before_s, record.servertime)
            if pause_s:
                await asyncio.sleep(pause_s)
            self._happen(number, record)

    def _begin(self) -> None:
        now = self.clock.now()
        for raw in self._raw.values():
            line = self._lines[str(raw["extenUser"])] = line_of(raw)
            self.truth.line_seen(line)
        for raw in self._queues.values():
            self.truth.take(QueueChanged(now, queue_of(raw), QueueReason.JOIN, ""))
        self.voicenter.feed.seed(list(self._raw.values()), list(self._queues.values()))

    def _happen(self, number: int, record: Recorded) -> None:
        now, data = self.clock.now(), record.data["data"]
        if record.name == "ExtensionEvent":
            self._line_changed(now, data, record.data)
        else:
            self._queues[data["QueueID"]] = data
            self.truth.take(QueueChanged(now, queue_of(data), QueueReason.JOIN, str(record.data.get("ivruniqueid"))))
        self.voicenter.feed.tell(record.name, record.data)
        for ivrid in self._last.get(number, ()):
            if not any(line.leg(ivrid) for line in self._lines.values()):
                self.truth.take(CallOver(now, ivrid))

    def _line_changed(self, now: float, raw: Payload, event: Payload) -> None:
        line = line_of(raw)
        if event.get("reason") == Reason.USER_STATUS and line.sip in self._lines:
            # Voicenter's documentation says that its `calls` is empty, a capture shows it full: it tells nothing
            line = replace(line, legs=self._lines[line.sip].legs)
        self._lines[line.sip] = line
        self._raw[line.sip] = {key: value for key, value in raw.items() if key != "currentCall"}
        self.truth.take(LineChanged(now, line, Reason.NEWCALL))

    def _live_lines(self, sip: str | None) -> list[Payload]:
        return [raw for known, raw in self._raw.items() if sip in (None, known)]


def _last_named(events: list[Recorded]) -> dict[int, list[str]]:
    """Number of an event -> the calls that are named there for the last time."""
    last = {ivrid: number for number, event in enumerate(events) for ivrid in named(event)}
    numbers: dict[int, list[str]] = {}
    for ivrid, number in last.items():
        numbers.setdefault(number, []).append(ivrid)
    return numbers


def named(event: Recorded) -> Iterator[str]:
    """Every call that the event speaks of."""
    data = event.data["data"]
    for leg in data.get("calls") or data.get("Calls") or ():
        yield str(leg["ivrid"])
    if data.get("currentCall"):
        yield str(data["currentCall"]["ivrid"])
    if event.data.get("ivruniqueid"):
        yield str(event.data["ivruniqueid"])


def line_of(raw: Payload) -> Line:
    return Line(
        sip=str(raw["extenUser"]),
        number=0,
        user_id=str(raw.get("userID") or ""),
        user_name="",
        online_user_id=str(raw["onlineUserID"]) if raw.get("onlineUserID") else None,
        legs=tuple(leg_of(leg) for leg in raw.get("calls") or ()),
    )


def leg_of(raw: Payload) -> Leg:
    return Leg(
        ivrid=str(raw["ivrid"]),
        direction=_direction(raw),
        status=_status(raw),
        answered=bool(raw.get("answered")),
        started_at=0.0,
        party=NOBODY,
        related=tuple(str(ivrid) for ivrid in raw.get("relatedIvrUniqueIDs") or ()),
    )


def queue_of(raw: Payload) -> Queue:
    waiting = tuple(Waiting(str(call["ivrid"]), NOBODY, 0.0) for call in raw.get("Calls") or ())
    return Queue(int(raw["QueueID"]), "", waiting)


def _direction(raw: Payload) -> Direction:
    return Direction(raw["direction"]) if raw.get("direction") in list(Direction) else Direction.INCOMING


def _status(raw: Payload) -> Status:
    return Status(raw["callstatus"]) if raw.get("callstatus") in list(Status) else Status.RINGING
