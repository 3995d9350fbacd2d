"""A Redis beside the daemon that dies, freezes, is wiped, refuses to write: muting goes on for the sections that run.

No exposure in it may be longer than without it: the feed's lag, the API's latency and 0.2 s, of which at most 50 ms
are spent waiting for Redis. `/readyz` must say why, and afterwards Redis must come to hold what is so.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from orchestrator.crm.link import RETRY_MOST_S
from orchestrator.redis_clients import ANSWER_S
from orchestrator.simulator.crm import Sections
from tests.stories.stage import until
from tests.torture.judge import Report
from tests.torture.load import Size
from tests.torture.world import BACK_S, PROMPT_S, World, world
from tests.valkey import there

WAITS_S = 0.05
"""The most that a request waits for Redis."""
WAITS_TOLERANCE_S = 0.05
"""Two processes, a simulator and their Valkey share the machine: a timer of 50 ms may ring late."""
DELAY_S = 0.2
SLOWED_S = PROMPT_S + 4 * DELAY_S
"""Before a message is heard, its reader acknowledges what came before, asks for the time and reads."""
HEARD_AGAIN_S = ANSWER_S + RETRY_MOST_S + PROMPT_S
"""For what the CRM says as soon as Redis is back: the reader's attempt that is under way fails in its own time, and
the pause after it may be the longest there is."""
TOLD_WITHIN_S = 5.0
SECTIONS = Sections(every_s=(0.1, 0.5), last_s=(8.0, 40.0), share_never_ended=0.0)
"""Long ones: they must be running when Redis is away, as the CRM cannot start any then."""

Broken = Callable[[World], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _killed(on: World) -> AsyncIterator[None]:
    await on.valkey.kill()
    yield
    await _start(on)


@asynccontextmanager
async def _frozen(on: World) -> AsyncIterator[None]:
    on.valkey.freeze()
    yield
    on.valkey.thaw()


@asynccontextmanager
async def _half_open(on: World) -> AsyncIterator[None]:
    on.redis.hold()
    yield
    on.redis.let_go()


@asynccontextmanager
async def _cut_off(on: World) -> AsyncIterator[None]:
    await on.redis.refuse()
    await on.redis.cut()
    yield
    await on.redis.accept()


@asynccontextmanager
async def _slow(on: World) -> AsyncIterator[None]:
    on.redis.down.delay_s = DELAY_S
    yield
    on.redis.down.delay_s = 0.0


@asynccontextmanager
async def _flushed(on: World) -> AsyncIterator[None]:
    """What the CRM said and nobody has read would be lost with it: it was never said."""
    await on.outbox.keep_silent()
    await on.client.flushall()
    on.outbox.speak()
    yield


@asynccontextmanager
async def _back_empty(on: World) -> AsyncIterator[None]:
    await on.outbox.keep_silent()
    await on.valkey.kill()
    yield
    shutil.rmtree(on.valkey.directory / "appendonlydir")
    await _start(on)
    on.outbox.speak()


@asynccontextmanager
async def _replica(on: World) -> AsyncIterator[None]:
    """Of a primary that is dead: it can be read, and not written."""
    await on.client.replicaof("127.0.0.1", "1")
    yield
    await on.client.replicaof("NO", "ONE")


@asynccontextmanager
async def _lonely(on: World) -> AsyncIterator[None]:
    await on.client.config_set("min-replicas-to-write", 1)
    yield
    await on.client.config_set("min-replicas-to-write", 0)


@asynccontextmanager
async def _full(on: World) -> AsyncIterator[None]:
    await on.client.config_set("maxmemory-policy", "noeviction")
    await on.client.config_set("maxmemory", "1mb")
    yield
    await on.client.config_set("maxmemory", 0)


async def _start(on: World) -> None:
    await on.valkey.start()
    await until(lambda: there(on.client))  # its connection was to the one before


AWAY: dict[str, Broken] = {
    "killed, back with its data": _killed,
    "frozen": _frozen,
    "half-open": _half_open,
    "cut off and refused": _cut_off,
    "killed, back empty": _back_empty,
    "a replica of a dead primary": _replica,
    "too few replicas to write": _lonely,
    "out of memory": _full,
}
"""The daemon is not ready while these last, and says that it is Redis."""
NOTICED = {"answers 0.2 s late": _slow, "wiped": _flushed}
"""These it bears: it may be ready all the while."""


async def play(folder: Path, seed: int, outage_s: float, only: frozenset[str] | None = None) -> list[Report]:
    async with world(folder, seed, size=Size(sections=SECTIONS)) as on:
        await asyncio.sleep(2.0)
        for name, broken in {**AWAY, **NOTICED}.items():
            if only is not None and name not in only:
                continue
            async with broken(on):
                with on.fault(f"Redis {name}", SLOWED_S if broken is _slow else PROMPT_S, tail_s=0.0):
                    if name in AWAY:
                        await _told(on, name)
                    await asyncio.sleep(outage_s)
            with on.fault("Redis back", HEARD_AGAIN_S):
                await _back(on, name)
            await on.compared()
            await asyncio.sleep(BACK_S)
        await on.quiet()
        await asyncio.sleep(1.0)
        report = on.report("redis")
        waits = [float(line["waited_s"]) for line in on.daemon.lines("store.slow")]
        longest_s = max(waits, default=0.0)
        report.notes.append(
            f"requests sent before Redis had them {len(waits)}, waited at most {longest_s * 1000:.0f} ms"
            f" (bound {WAITS_S * 1000:.0f} ms, and {WAITS_TOLERANCE_S * 1000:.0f} ms for a timer that rings late)"
        )
        if longest_s > WAITS_S + WAITS_TOLERANCE_S:
            report.problems.append(f"a mute waited {longest_s * 1000:.0f} ms for Redis")
        return [report]


async def _told(on: World, name: str) -> None:
    async def says_so() -> bool:
        problems = await on.readiness()
        return "Redis" in problems.get("main", "")

    try:
        await until(says_so, TOLD_WITHIN_S)
    except AssertionError:
        on.problems.append(f"{name}: /readyz does not say that it is Redis: {await on.readiness()}")


async def _back(on: World, name: str) -> None:
    async def ready() -> bool:
        return not await on.readiness()

    try:
        await until(ready, 15.0)
    except AssertionError:
        on.problems.append(f"{name}: not ready again within 15 s: {await on.readiness()}")
