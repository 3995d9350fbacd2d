"""The logins that the simulated vendor has granted: which tokens are good, and until when."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.clock import Clock


@dataclass(frozen=True, slots=True)
class Grant:
    token: str
    refresh_token: str | None
    expires_at: float | None

    @property
    def expires(self) -> str | None:
        """As the vendor writes it."""
        if self.expires_at is None:
            return None
        return datetime.fromtimestamp(self.expires_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Tokens:
    def __init__(self, clock: Clock, chance: random.Random, life_s: float | None) -> None:
        self._clock = clock
        self._chance = chance
        self._life_s = life_s
        self._grants: dict[str, Grant] = {}

    def grant(self) -> Grant:
        token = self._word()
        grant = Grant(token, None, None)
        if self._life_s is not None:
            grant = Grant(token, self._word(), self._clock.now() + self._life_s)
        self._grants[token] = grant
        return grant

    def refresh(self, refresh_token: str) -> Grant | None:
        """A new grant; the old refresh token is used up. None for a token that is not known."""
        for token, grant in self._grants.items():
            if grant.refresh_token == refresh_token:
                self._grants[token] = Grant(token, None, grant.expires_at)
                return self.grant()
        return None

    def good(self, token: str) -> bool:
        grant = self._grants.get(token)
        return grant is not None and (grant.expires_at is None or self._clock.now() < grant.expires_at)

    def revoke_all(self) -> None:
        self._grants.clear()

    def _word(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"
