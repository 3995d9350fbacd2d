"""The extensions' calls on their way to Redis, in batches.

Guarantees: an extension's hash is replaced as a whole; an event overtakes a snapshot; no extension of an earlier
process stays behind once the feed is synced.
"""

import asyncio
from collections.abc import Iterable

from redis.asyncio import Redis

from orchestrator.core import mutes
from orchestrator.core.model import FeedState, Leg
from orchestrator.core.state import State
from orchestrator.redis_clients import ANSWER_S
from orchestrator.store import codec
from orchestrator.store.commands import OwnScript
from orchestrator.store.keys import Keys
from orchestrator.store.lease import Lease
from orchestrator.store.mirror import Mirror

AT_ONCE = 250
"""A few milliseconds of work for both sides: what a section waits for at most during a snapshot."""
COMPARED_AT_ONCE = 2_500

Legs = tuple[tuple[Leg, bool], ...]
"""Each with whether its call was muted by somebody else."""


class Extensions:
    def __init__(self, client: Redis, keys: Keys, state: State, lease: Lease) -> None:
        self._keys = keys
        self._state = state
        self._lease = lease
        self._replace = OwnScript(client, "extensions")
        self._held: Mirror[Legs] = Mirror()
        self._due: dict[str, None] = {}  # taken newest first
        self._swept = False  # whether those of an earlier process were looked for

    @property
    def due(self) -> bool:
        """Whether any is marked."""
        return bool(self._due)

    def __len__(self) -> int:
        """How many Redis has."""
        return len(self._held)

    def mark(self, sips: Iterable[str]) -> None:
        for sip in sips:
            self._due.pop(sip, None)
            self._due[sip] = None

    def learn(self, sips: Iterable[str]) -> None:
        """These, and no others, are in Redis."""
        self._held.learn(sips)
        self._swept = False

    async def write(self) -> int | None:
        """One batch. The number of the write; None where nothing differs."""
        if not self._swept and self._state.feed is FeedState.SYNCED:
            self._due |= dict.fromkeys(self._held.names() - self._state.extensions.keys())
            self._swept = True
        batch = self._next()
        if not batch:
            return None
        keys, args = [self._lease.key, self._keys.extensions], list[str | bytes | int](self._lease.words)
        for sip, legs in batch.items():
            keys.append(self._keys.extension(sip))
            args += [sip, len(legs or ())]
            for leg, foreign in legs or ():
                args += [leg.ivrid, codec.leg_to_json(leg, foreign)]
        try:
            async with asyncio.timeout(ANSWER_S):
                writes = await self._replace.run(keys, args)
        except BaseException:
            self._due |= dict.fromkeys(batch)
            raise
        self._held.settle(batch)
        return writes

    def _next(self) -> dict[str, Legs | None]:
        batch: dict[str, Legs | None] = {}
        for _ in range(min(len(self._due), COMPARED_AT_ONCE)):
            sip, _none = self._due.popitem()
            extension = self._state.extensions.get(sip)
            known = extension.legs.values() if extension else ()
            legs = tuple((leg, mutes.foreign(self._state, leg.ivrid)) for leg in known) or None
            if self._held.due(sip, legs):
                batch[sip] = legs
                if len(batch) == AT_ONCE:
                    break
        return batch
