"""What is told and what was done stand in streams that do not grow for ever."""

import pytest
from redis.asyncio import Redis

from orchestrator.clock import SystemClock
from orchestrator.core.state import State
from orchestrator.store import redis_store
from orchestrator.store.lease import Lease
from orchestrator.store.redis_store import RedisStore
from tests.valkey import SOON_S, Heard, Valkey, client_of, entries, running

KEPT, TOLD = 1000, 3000


async def test_the_streams_of_status_and_audit_keep_the_newest_entries(
    valkey: Valkey, redis: Redis, lease: Lease, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "STATUS_KEEPS", KEPT)
    monkeypatch.setattr(redis_store, "AUDIT_KEEPS", KEPT)
    async with client_of(valkey.url) as own:
        store = RedisStore(own, "mute", "main", State(), SystemClock(), heard, lease)
        async with running(store.run()):
            for number in range(TOLD):
                store.announce(str(number).encode())
                store.record({"data": number})
            assert await store.flushed(SOON_S)
    for stream in ("mute:{main}:status", "mute:{main}:audit"):
        kept = [int(entry[b"data"]) for entry in await entries(redis, stream)]
        assert kept == list(range(TOLD - len(kept), TOLD))
        assert KEPT <= len(kept) < KEPT + 200  # "roughly" costs Redis less than exactly
