"""What a seed says about its story, before it is played."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.simulation.faults import EVERY, Fault, plan


@dataclass(frozen=True, slots=True)
class Script:
    seed: int
    agents: int
    tempo: float
    shift_s: float
    faults: tuple[Fault, ...]
    desk_changes: float = 0.15
    max_s: int = 30
    """When the CRM lets its sections run out, unless it ends them."""
    holds: bool = False
    """What a section covers when it runs out stays muted."""
    idle_s: float = 0.0
    """So long without a call ends a section; 0: never."""
    polls: bool = True
    """The account has the code that Active Calls asks for."""

    @classmethod
    def of(cls, seed: int) -> "Script":
        """With all that may be otherwise."""
        chance = random.Random(f"ways {seed}")
        return replace(
            cls.plain(seed),
            desk_changes=chance.choice((0.15, 0.6)),
            max_s=chance.choice((5, 30, 30)),
            holds=chance.random() < 0.2,
            idle_s=chance.choice((0.0, 0.0, 0.0, 3.0)),
            polls=chance.random() < 0.9,
        )

    @classmethod
    def plain(cls, seed: int, kinds: Sequence[str] = EVERY) -> "Script":
        """An account as it mostly is; with faults of these kinds."""
        chance = random.Random(f"script {seed}")
        shift_s = round(chance.uniform(30.0, 90.0), 3)
        tempo = round(chance.uniform(0.8, 3.0), 2)
        return cls(seed, chance.randint(3, 7), tempo, shift_s, tuple(plan(chance, shift_s, kinds)))
