"""All ways in for the CRM's messages, side by side.

Guarantee: each has its own connection, its own losses and its own backoff: one that cannot be read leaves the others
as they are.
"""

import asyncio
from collections.abc import Sequence

from orchestrator.crm.durable import DurableReader
from orchestrator.crm.pubsub import PubSubReader


class WaysIn:
    def __init__(self, durable: Sequence[DurableReader], fleeting: Sequence[PubSubReader]) -> None:
        self._durable = durable
        self._readers: tuple[DurableReader | PubSubReader, ...] = (*durable, *fleeting)

    @property
    def durable(self) -> bool:
        """Whether any of them may hold what was said while nobody listened."""
        return bool(self._durable)

    @property
    def unheard(self) -> tuple[str, ...]:
        """Sources that cannot be read now."""
        return tuple(reader.source for reader in self._readers if not reader.connected)

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reader in self._readers:
                group.create_task(reader.run())

    async def worked_off(self) -> None:
        """Wait until what was said while nobody listened is delivered and saved, as far as it can be read."""
        async with asyncio.TaskGroup() as group:
            for reader in self._durable:
                group.create_task(reader.backlog.worked_off())
