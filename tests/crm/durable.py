"""A durable reader on stage: what it delivers, and a store that saves at once or when it is told to."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from redis.asyncio import Redis

from orchestrator.clock import SystemClock, WallClock
from orchestrator.core.facts import SectionStarted
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.durable import DurableReader, Source
from orchestrator.crm.intake import Receipt
from orchestrator.crm.lists import List
from orchestrator.crm.message import CrmMessage
from orchestrator.crm.stream import Stream
from orchestrator.crm.wire import Wire
from orchestrator.redis_clients import reader
from tests.valkey import Heard, running

STREAM, GROUP, LIST = "crm:sensitive", "mute-orchestrator", "crm:list"
LETTERS = "mute:dead-letters"


def started(section_id: str, **more: object) -> str:
    return json.dumps({"type": "sensitive_section.started", "section_id": section_id, "extension": "S1", **more})


async def blocked(redis: Redis, clients: int) -> bool:
    """Whether so many wait for messages, as Redis sees it."""
    return bool((await redis.info("clients"))["blocked_clients"] == clients)


def ended(section_id: str) -> str:
    return json.dumps({"type": "sensitive_section.ended", "section_id": section_id})


@dataclass
class Taken:
    """What came out at the other end."""

    messages: list[CrmMessage] = field(default_factory=list)
    saving: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.saving.set()

    def deliver(self, message: CrmMessage) -> Receipt:
        self.messages.append(message)
        return self.kept

    async def kept(self) -> None:
        await self.saving.wait()

    @property
    def sections(self) -> list[str]:
        return [message.fact.section_id for message in self.messages]

    @property
    def starts(self) -> list[SectionStarted]:
        return [message.fact for message in self.messages if isinstance(message.fact, SectionStarted)]


def stream(wire: Wire, clock: WallClock) -> Source:
    return Stream(wire, STREAM, GROUP, clock)


def a_list(wire: Wire, _clock: WallClock) -> Source:
    return List(wire, LIST)


def make(
    client: Redis, source: Callable[[Wire, WallClock], Source], taken: Taken, heard: Heard, clock: WallClock
) -> DurableReader:
    wire, letters = Wire(client), DeadLetters(client, "mute", clock)
    return DurableReader(source(wire, clock), wire, taken.deliver, heard, letters, clock, random.Random(1))


@asynccontextmanager
async def reading(
    url: str,
    heard: Heard,
    source: Callable[[Wire, WallClock], Source] = stream,
    taken: Taken | None = None,
    clock: WallClock | None = None,
    run: bool = True,
) -> AsyncIterator[tuple[DurableReader, Taken]]:
    client, taken = reader(url), taken or Taken()
    try:
        durable = make(client, source, taken, heard, clock or SystemClock())
        async with running(durable.run()) if run else nullcontext():
            yield durable, taken
    finally:
        await client.aclose()
