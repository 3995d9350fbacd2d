"""The whole, for real: the daemon as a process of its own with its embedded Valkey, a simulated Voicenter with real
sockets in the test's process, and a CRM that publishes on Redis. The simulator's truth judges.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from orchestrator.simulator.process import DaemonProcess, account_environ, running
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.verdict import Verdict

SOON_S = 10.0
"""For anything that should take milliseconds, on a machine that is busy with other tests."""
BOUND_S = 1.5
"""No call may be wrong for longer: the request itself and the machine's other work."""
MUTED = ("confirmed", "verified")
"""Both are a mute that was answered for: whether it was also seen already is a matter of when the next poll comes."""


async def until(what: Callable[[], bool | Awaitable[bool]], within_s: float = SOON_S, why: str = "") -> None:
    """Wait for a condition; fail when it does not come true in time."""
    give_up = time.monotonic() + within_s
    while True:
        met = what()
        if met if isinstance(met, bool) else await met:
            return
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {within_s} s: {why or what}")
        await asyncio.sleep(0.005)


class Stage:
    """One centre, one CRM, one daemon."""

    def __init__(self, sim: Simulation, daemon: DaemonProcess, crm: Redis) -> None:
        self.sim = sim
        self.daemon = daemon
        self.crm = crm

    async def publish(self, message: Mapping[str, object], channel: str = "crm.sensitive") -> None:
        assert await self.crm.publish(channel, json.dumps(message)) == 1, "the daemon does not listen"

    async def form_opens(self, section_id: str, *, max_seconds: float = 900.0, **target: str) -> None:
        """The CRM says that a section started, and the truth hears of it at that moment."""
        self.sim.truth.section_started(section_id, max_s=max_seconds, **target)
        await self.publish(
            {"type": "sensitive_section.started", "section_id": section_id, "max_seconds": max_seconds, **target}
        )

    async def form_closes(self, section_id: str) -> None:
        self.sim.truth.section_ended(section_id)
        await self.publish({"type": "sensitive_section.ended", "section_id": section_id})

    async def start_again(self) -> None:
        """The next process. Its Valkey is another one: the CRM's connections to the old one are dead."""
        await self.daemon.start()
        await self.crm.connection_pool.disconnect()

    async def muted(self, *ivrids: str) -> None:
        """Wait until exactly these are muted, of all calls that are up."""

        def exactly() -> bool:
            up = {leg.ivrid for line in self.sim.board.lines.values() for leg in line.legs} | set(ivrids)
            return {ivrid for ivrid in up if self.sim.truth.muted(ivrid)} == set(ivrids)

        await until(exactly, why=f"exactly {ivrids} muted")

    async def live(self, sip: str) -> set[str]:
        """The live ivrids of the extension, as others read them in Redis."""
        return {str(name) for name in await self.crm.hkeys(f"mute:{{main}}:extension:{sip}")}

    async def daemon_knows(self, sip: str, *ivrids: str) -> bool:
        """Whether the daemon has heard of exactly these calls on the extension."""
        return await self.live(sip) == set(ivrids)

    async def written(self, ivrid: str) -> bool:
        """Whether Redis has the intention to mute this call."""
        return bool(await self.crm.hexists("mute:{main}:mutes", ivrid))

    async def confirmed(self, ivrid: str) -> None:
        """Wait until this call is muted, and Redis has that: a process killed now has nothing to ask again."""

        async def written() -> bool:
            mute: Any = await self.crm.hget("mute:{main}:mutes", ivrid)
            return mute is not None and json.loads(mute)["stage"] in MUTED

        await until(written, why=f"{ivrid} confirmed")

    def verdict(self) -> Verdict:
        verdict = self.sim.truth.verdict()
        assert verdict.left_muted == ()
        assert verdict.left_open == ()
        assert verdict.ok(BOUND_S), verdict
        return verdict


@asynccontextmanager
async def stage(folder: Path, sim: Simulation | None = None, **environ: str) -> AsyncIterator[Stage]:
    async with sim or Simulation(agents=4) as centre:
        given = {"ORCHESTRATOR_LOG__LEVEL": "debug"} | account_environ(centre, polling=True) | environ
        async with running(folder, given) as daemon, client(daemon) as crm:
            yield Stage(centre, daemon, crm)


@asynccontextmanager
async def client(daemon: DaemonProcess) -> AsyncIterator[Redis]:
    """The CRM's client of the daemon's Redis."""
    crm = Redis.from_url(daemon.redis_url, decode_responses=True)
    try:
        yield crm
    finally:
        await crm.aclose()


async def dead_letters(redis: Redis, count: int) -> bool:
    """Whether Redis has so many; they are written a moment after the log has told of them."""
    return await redis.xlen("mute:dead-letters") == count
