"""Plays the CRM: which sensitive sections begin, are renewed and end, and the messages that say so.

Guarantees: pure and seeded, as the centre is. Sections are on extensions, users and calls, most on agents who
are on a call, some before one; some overlap, some are never ended by a message and run out; some messages come
twice, and some `ended` come before their `started`. `Truth` is told of each message when it is published.
"""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.simulator.agenda import Agenda, Story
from orchestrator.simulator.floor import Range
from orchestrator.simulator.telephony import Line
from orchestrator.simulator.truth import Truth


@dataclass(frozen=True, slots=True)
class Sections:
    """How many, how long (seconds), how odd."""

    every_s: Range = (0.5, 2.0)
    """Between two sections that begin."""
    last_s: Range = (2.0, 8.0)
    max_seconds: int = 60
    share_on_user: float = 0.25
    share_on_call: float = 0.15
    share_before_a_call: float = 0.15
    share_doubled: float = 0.15
    """A second section on the same agent, overlapping."""
    share_renewed: float = 0.15
    share_copied: float = 0.1
    share_never_ended: float = 0.03
    """Left to run out `run_out_s` after it began."""
    run_out_s: int = 5
    share_ended_first: float = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    at: float
    section_id: str
    target: tuple[str, str] | None = None
    """(`extension` | `user_id` | `ivrid`, value) of a `started`; None says `ended`."""
    max_seconds: int = 0

    @property
    def message_id(self) -> str:
        return f"crm-{self.number}"

    @property
    def kind(self) -> str:
        return "sensitive_section.started" if self.target else "sensitive_section.ended"

    def tell(self, truth: Truth) -> None:
        if self.target is None:
            truth.section_ended(self.section_id)
            return
        key, value = self.target
        max_s = float(self.max_seconds)
        match key:
            case "extension":
                truth.section_started(self.section_id, extension=value, max_s=max_s)
            case "user_id":
                truth.section_started(self.section_id, user_id=value, max_s=max_s)
            case _:
                truth.section_started(self.section_id, ivrid=value, max_s=max_s)

    def plain(self) -> bytes:
        return json.dumps({"type": self.kind, "id": self.message_id, **self._fields()}).encode()

    def cloud_event(self) -> bytes:
        envelope = {
            "specversion": "1.0",
            "id": self.message_id,
            "source": "/simulator/crm",
            "type": f"com.example.crm.{self.kind}",
            "time": self._time(),
            "datacontenttype": "application/json",
            "data": self._fields(),
        }
        return json.dumps(envelope).encode()

    def _fields(self) -> dict[str, str | int]:
        fields: dict[str, str | int] = {"section_id": self.section_id, "occurred_at": self._time()}
        if self.target:
            key, value = self.target
            fields |= {key: value, "max_seconds": self.max_seconds, "reason": "card_entry"}
        return fields

    def _time(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Crm:
    def __init__(
        self,
        lines: Callable[[], Iterable[Line]],
        chance: random.Random,
        sections: Sections,
        among: frozenset[str] | None = None,
    ) -> None:
        """`lines` tells the extensions as they are; sections begin only on those `among` them."""
        self._lines = lines
        self._chance = chance
        self._sections = sections
        self._among = among
        self._agenda = Agenda()
        self._now = 0.0
        self._count = 0
        self._messages = 0
        self._open: set[str] = set()
        self._closed = False
        self._said: list[Message] = []

    @property
    def next_at(self) -> float | None:
        return self._agenda.next_at

    def open(self, now: float) -> None:
        self._now = now
        self._agenda.enter(self._work(), now)

    def step(self, now: float) -> list[Message]:
        """What the CRM says by now, in order."""
        self._now = now
        self._agenda.step(now)
        said, self._said = self._said, []
        return said

    def close(self, now: float, running: Iterable[str]) -> list[Message]:
        """The shift is over: no section begins any more, and every one that runs ends now."""
        self._closed = True
        self._now = now
        for section_id in running:
            self._end(section_id)
        said, self._said = self._said, []
        return said

    def reopen(self) -> None:
        """The next shift: sections begin again, with names of their own."""
        self._closed = False

    def _work(self) -> Story:
        while not self._closed:
            yield self._chance.uniform(*self._sections.every_s)
            line = self._somebody()
            if line is None or self._closed:
                continue
            for _ in range(2 if self._happens(self._sections.share_doubled) else 1):
                self._agenda.enter(self._section(self._target(line)), self._now)

    def _section(self, target: tuple[str, str]) -> Story:
        self._count += 1
        section_id = f"pay-{self._count}"
        if self._happens(self._sections.share_ended_first):
            self._end(section_id)
            self._start(section_id, target, self._sections.max_seconds)
            self._open.discard(section_id)
            return
        if self._happens(self._sections.share_never_ended):
            self._start(section_id, target, self._sections.run_out_s)
            return
        self._start(section_id, target, self._sections.max_seconds)
        yield self._chance.uniform(*self._sections.last_s)
        if self._happens(self._sections.share_renewed) and section_id in self._open:
            self._start(section_id, target, self._sections.max_seconds)
            yield self._chance.uniform(*self._sections.last_s)
        if section_id in self._open:
            self._end(section_id)

    def _somebody(self) -> Line | None:
        staffed = [line for line in self._lines() if self._among is None or line.sip in self._among]
        busy = [line for line in staffed if any(leg.counts for leg in line.legs)]
        if not busy or self._happens(self._sections.share_before_a_call):
            busy = [line for line in staffed if line.online_user_id]
        return self._chance.choice(busy) if busy else None

    def _target(self, line: Line) -> tuple[str, str]:
        dice = self._chance.random()
        counting = [leg.ivrid for leg in line.legs if leg.counts]
        if dice < self._sections.share_on_call and counting:
            return "ivrid", self._chance.choice(counting)
        if dice > 1 - self._sections.share_on_user and line.online_user_id:
            return "user_id", line.online_user_id
        return "extension", line.sip

    def _start(self, section_id: str, target: tuple[str, str], max_seconds: int) -> None:
        self._open.add(section_id)
        self._say(section_id, target, max_seconds)

    def _end(self, section_id: str) -> None:
        self._open.discard(section_id)
        self._say(section_id)

    def _say(self, section_id: str, target: tuple[str, str] | None = None, max_seconds: int = 0) -> None:
        self._messages += 1
        message = Message(self._messages, self._now, section_id, target, max_seconds)
        self._said += [message, message] if self._happens(self._sections.share_copied) else [message]

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share
