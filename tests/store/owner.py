"""Leases for the tests of the store: that of a process that owns the account, and those of others."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from redis.asyncio import Redis

from orchestrator.clock import Clock, SystemClock
from orchestrator.engine.ports import Observer
from orchestrator.store.instance import Instance, instance_of
from orchestrator.store.keys import Keys
from orchestrator.store.lease import Lease
from tests.valkey import Heard, client_of, running

OWNER = "mute:{main}:owner"
HERE = instance_of(os.getpid())
THERE = replace(HERE, host="elsewhere", boot="another")
"""A process of another machine: whether it lives cannot be seen from here."""


def lease_of(client: Redis, me: Instance, clock: Clock | None = None, observer: Observer | None = None) -> Lease:
    return Lease(client, Keys("mute", "main"), me, clock or SystemClock(), observer or Heard())


@asynccontextmanager
async def owning(url: str, me: Instance = HERE) -> AsyncIterator[Lease]:
    """The account is ours and kept; given up when left."""
    async with client_of(url) as client:
        lease = lease_of(client, me)
        await lease.take()
        async with running(lease.run()):
            yield lease
        await lease.release()
