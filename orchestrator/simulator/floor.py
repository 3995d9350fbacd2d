"""The floor of the contact centre: who works where and is free, how long things take, how calls are named.

One seeded source of chance decides everything that is left to chance; the time is the one of the step that runs.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.simulator import account
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import Party

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tempo:
    """How long things take, in seconds (least, most), and how often what happens."""

    talk_s: Range = (4.0, 12.0)
    """Between two things that happen in a call."""
    ring_s: Range = (1.0, 5.0)
    hold_s: Range = (2.0, 6.0)
    between_rings_s: Range = (0.0, 3.0)
    """After nobody answered, until the queue rings again; 0 is within the same second."""
    idle_s: Range = (2.0, 12.0)
    """Between two things that an agent begins."""
    arrival_s: float = 10.0
    """Mean time between two callers, for one agent's worth of load."""
    desk_changes: float = 0.15
    """How likely an agent goes to another desk between two things."""
    scale: float = 1.0
    """Stretches (or, below 1, squeezes) all times of the above."""


class Floor:
    def __init__(self, board: Switchboard, chance: random.Random, tempo: Tempo) -> None:
        self.board = board
        self.chance = chance
        self.tempo = tempo
        self.now = 0.0
        self._taken: set[str] = set()

    def free(self) -> list[str]:
        """Extensions where somebody is signed in and on no call."""
        return [sip for sip, line in self.board.lines.items() if line.online_user_id and self._idle(sip)]

    def spare(self) -> list[str]:
        """Extensions where nobody is signed in."""
        return [sip for sip, line in self.board.lines.items() if not line.online_user_id and self._idle(sip)]

    def is_free(self, sip: str) -> bool:
        return self.board.lines[sip].online_user_id is not None and self._idle(sip)

    def _idle(self, sip: str) -> bool:
        return sip not in self._taken and not any(leg.counts for leg in self.board.lines[sip].legs)

    def take(self, sip: str) -> None:
        """The agent there is busy with a call, from here until `let_go`."""
        self._taken.add(sip)

    def let_go(self, sip: str) -> None:
        self._taken.discard(sip)

    def somebody_free(self) -> str | None:
        free = self.free()
        return self.chance.choice(free) if free else None

    def name_call(self) -> str:
        """As the vendor names calls: when it came, and 18 hexadecimal digits."""
        return f"{datetime.fromtimestamp(self.now, UTC):%Y%m%d%H%M%S}{self.chance.getrandbits(72):018x}"

    def caller(self) -> Party:
        return account.caller(self.chance.randrange(1, 1000))

    def lasts(self, span_s: Range) -> float:
        return self.chance.uniform(*span_s) * self.tempo.scale

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def some(self, sips: Sequence[str], most: int) -> Iterable[str]:
        """One or more of them, at most `most`."""
        return self.chance.sample(sips, min(len(sips), self.chance.randint(1, most)))
