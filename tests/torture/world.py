"""One world to break: the daemon as a process under a supervisor, a real Valkey, the simulated Voicenter, a load; a
proxy on each way between them.

Guarantees: everything listens on loopback; only processes that were started here are killed, by their id; whatever
happens, all of it has ended when the world is left.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import aiohttp
from redis.asyncio import Redis

from orchestrator.lifetimes import lasting
from orchestrator.simulator.process import DaemonProcess, account_environ
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.simulation import Simulation
from tests.stories.stage import until
from tests.torture.crm import STREAM, Outbox
from tests.torture.judge import FOREVER, Excuse, Fault, Report, judge
from tests.torture.load import Load, Size, simulation
from tests.torture.proxy import Proxy, proxy
from tests.valkey import Valkey, alive, client_of, valkey_in

LAG_S = 0.3
"""Of the feed, at most."""
LATENCY_S = (0.01, 0.1)
"""Of the APIs."""
PROMPT_S = LAG_S + LATENCY_S[1] + 0.2
"""A covered call is muted within the feed's lag, the API's latency, and 0.2 s for message, Redis and daemon: the
bound where nothing that is broken explains more."""
BACK_S = 2.5
"""From the moment at which the daemon says that it is ready (or the fault is over): snapshot and backlog are folded,
the feed's lag, one request, and a backoff that was under way."""
READY_WITHIN_S = 60.0
QUIET_WITHIN_S = 15.0
LOOK_EVERY_S = 0.02
STALL_S = 0.05


class World:
    def __init__(
        self,
        sim: Simulation,
        daemon: DaemonProcess,
        valkey: Valkey | None,
        load: Load,
        outbox: Outbox,
        ways: dict[str, Proxy],
        http: aiohttp.ClientSession,
        redis: Redis,
    ) -> None:
        """`redis` knows a way to Redis on which nothing is ever broken."""
        self.client = redis
        self.sim = sim
        self.daemon = daemon
        self.load = load
        self.outbox = outbox
        self.faults: list[Fault] = []
        self.excuses: list[Excuse] = []
        self.problems: list[str] = []
        self.starts = 0
        self.downtimes_s: list[float] = []
        self.stalls_s: list[float] = []
        self.feed, self.api, self.redis = ways["feed"], ways["api"], ways["redis"]
        self._valkey = valkey
        self._http = http
        self._down_since: float | None = None

    @property
    def now(self) -> float:
        return self.sim.clock.now()

    @property
    def valkey(self) -> Valkey:
        assert self._valkey is not None, "the daemon runs its own"
        return self._valkey

    # The daemon, and who looks after it

    async def supervise(self) -> None:
        """Start it, and start it again whenever it ends, as a service manager would."""
        while True:
            await self.daemon.launch()
            self.starts += 1
            await self.daemon.process.wait()

    async def watch(self) -> None:
        """Note when it is ready again."""
        while True:
            if self._down_since is not None and await self._is_ready():
                self.excuse(self._down_since, self.now)
                self.downtimes_s.append(self.now - self._down_since)
                self._down_since = None
            await asyncio.sleep(LOOK_EVERY_S)

    async def feel(self) -> None:
        """Note when this machine stood still: the simulator answers nothing then, so nothing can be right."""
        while True:
            due = self.now + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            if (late_s := self.now - due) > STALL_S:
                self.stalls_s.append(late_s)
                self.excuses.append(Excuse((due, self.now)))

    @property
    def down(self) -> bool:
        return self._down_since is not None

    def goes_down(self) -> None:
        """From now until it is ready again, nothing can be done about any call."""
        if self._down_since is None:
            self._down_since = self.now

    def kill(self) -> None:
        """By SIGKILL, at this very moment."""
        self.goes_down()
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self.goes_down()
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def embedded_pid(self) -> int | None:
        """The Valkey that the daemon runs; None where it does not (yet)."""
        pid = self.daemon.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def kill_embedded(self) -> None:
        pid = self.embedded_pid()
        if pid is not None and alive(pid):
            os.kill(pid, signal.SIGKILL)

    async def started_after(self, starts: int) -> None:
        """Wait until the supervisor has started it again."""
        await until(lambda: self.starts > starts)

    async def ready(self) -> None:
        await until(lambda: not self.down, within_s=READY_WITHIN_S, why="the daemon is ready again")

    async def readiness(self) -> dict[str, str]:
        """What is not ready, and why. Empty: all is."""
        async with self._http.get(f"{self.daemon.http_url}/readyz") as response:
            body = await response.json()
        problems: dict[str, str] = body["problems"]
        return problems

    async def metrics(self) -> dict[str, float]:
        async with self._http.get(f"{self.daemon.http_url}/metrics") as response:
            text = await response.text()
        samples = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    # Faults

    @contextmanager
    def fault(self, name: str, bound_s: float, *, tail_s: float = BACK_S) -> Iterator[Fault]:
        """Something is broken while the block lasts, and shows for a while after."""
        fault = Fault(name, bound_s, self.now)
        self.faults.append(fault)
        try:
            yield fault
        finally:
            fault.ended_at = self.now + tail_s

    @contextmanager
    def excused(self, ivrid: str | None = None) -> Iterator[None]:
        """Nothing can be done while the block lasts: about any call, or about this one."""
        since = self.now
        try:
            yield
        finally:
            self.excuse(since, self.now, ivrid)

    def excuse(self, since: float, until_s: float, ivrid: str | None = None) -> None:
        self.excuses.append(Excuse((since, until_s), ivrid))
        if ivrid is None:
            for lost in self.sim.truth.open_calls():
                if not self.sim.truth.evident(lost):  # it came under a section meanwhile, and went elsewhere
                    self.excuses.append(Excuse((since, FOREVER), lost))

    # The end

    async def compared(self, within_s: float = QUIET_WITHIN_S) -> None:
        """Stand still for a moment: what Redis holds must come to be what is so."""
        self.load.pause()
        try:
            await self.outbox.said()
            await until(self._agrees, within_s=within_s)
        except AssertionError:
            self.problems.append(f"Redis is not as it should be: {await self._difference()}")
        finally:
            self.load.go_on()

    async def quiet(self) -> None:
        """All sections end, the calls go on; and after a while nothing is wrong."""
        self.load.close()
        await self.load.end_sections()
        truth = self.sim.truth
        try:
            await until(lambda: not truth.holds and not truth.open_calls(), QUIET_WITHIN_S, "nothing is wrong")
        except AssertionError as late:
            self.problems.append(str(late))

    def report(self, scenario: str, usual_bound_s: float = PROMPT_S) -> Report:
        for fault in self.faults:
            fault.ended_at = min(fault.ended_at, self.now)
        report = judge(
            scenario, self.faults, self.excuses, self.outbox.sections_at, self.sim.truth.verdict(), usual_bound_s
        )
        report.problems += self.problems
        if touched := self.load.touched():
            report.problems.append(f"foreign mutes gone: {len(touched)}")
        for event in ("daemon.crashed", "task.failed"):
            if lines := self.daemon.lines(event):
                report.problems.append(f"{event}: {len(lines)}, the first: {lines[0]}")
        requests, unknown = report.verdict.requests, sum(excuse.span[1] == FOREVER for excuse in self.excuses)
        report.notes.append(
            f"{requests.total} requests, of which superfluous {requests.superfluous}, for ended calls"
            f" {requests.unknown}; calls that could not be known of: {unknown}"
        )
        report.notes.append(
            f"the simulator's loop was late by more than {STALL_S * 1000:.0f} ms {len(self.stalls_s)} times,"
            f" {sum(self.stalls_s):.1f} s in all, at worst {max(self.stalls_s, default=0.0):.2f} s (excused)"
        )
        return report

    def _signal(self, number: signal.Signals) -> None:
        if self.daemon.alive:
            self.daemon.process.send_signal(number)

    async def _is_ready(self) -> bool:
        try:
            async with self._http.get(f"{self.daemon.http_url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _agrees(self) -> bool:
        return not await self._difference()

    async def _names(self, key: str) -> set[str]:
        """Of the fields of a hash."""
        return {cast("bytes", name).decode() for name in await self.client.hkeys(key)}

    async def _known_legs(self, sip: str) -> set[str]:
        """What the daemon says of the extension."""
        async with self._http.get(f"{self.daemon.http_url}/v1/extensions/{sip}") as response:
            return {leg["ivrid"] for leg in (await response.json()).get("calls", ())}

    async def _difference(self) -> str:
        """How Redis differs from the truth: the first thing that does."""
        sections = await self._names("mute:{main}:sections")
        if sections != (active := set(self.sim.truth.active_sections)):
            return f"{len(sections - active)} sections too many, {len(active - sections)} missing"
        for sip, line in self.sim.lines.items():
            legs = await self._names(f"mute:{{main}}:extension:{sip}")
            if legs != (seen := {leg.ivrid for leg in line.legs}):
                known, many, missing = await self._known_legs(sip), legs - seen, seen - legs
                return (
                    f"an extension has {len(many)} legs too many, {len(missing)} missing;"
                    f" of these the daemon itself knows {len(known & many)}, of those {len(known & missing)}"
                )
        muted = await self._names("mute:{main}:mutes")
        truth = self.sim.truth
        covered = {ivrid for ivrid in truth.live_calls if truth.covered(ivrid) and truth.evident(ivrid)}
        return f"{len(covered - muted)} claims missing" if covered - muted else ""


@asynccontextmanager
async def world(
    folder: Path,
    seed: int,
    *,
    size: Size | None = None,
    embedded: bool = False,
    polling: bool = True,
    lag_s: float = LAG_S,
    latency_s: tuple[float, float] = LATENCY_S,
    loaded: bool = True,
    proxied: bool = True,
    **environ: str,
) -> AsyncIterator[World]:
    """Running and ready when entered; all sections should have ended when it is left. Not `loaded`, there is no load;
    not `proxied`, nothing stands in between."""
    size = size or Size()
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240  # before anything runs
    async with AsyncExitStack() as stack:
        ways = {name: await stack.enter_async_context(proxy()) for name in ("feed", "api", "redis")}
        servers = (f"http://{ways['feed'].address}",) if proxied else ()
        settings = VoicenterSettings(api_latency_s=latency_s, feed_lag_s=lag_s, servers=servers)
        sim = await stack.enter_async_context(simulation(size, settings, seed))
        ways["feed"].target = ways["api"].target = sim.voicenter.port
        own = account_environ(sim, polling=polling)
        behind = {
            key: value.replace(sim.http_url, f"http://{ways['api'].address}")
            for key, value in own.items()
            if proxied and key.endswith(("MUTE_URL", "ACTIVE_CALLS_URL"))
        }
        valkey = None
        if not embedded:
            valkey = await stack.enter_async_context(valkey_in(folder, "--appendonly", "yes"))
            ways["redis"].target = valkey.port
            behind["ORCHESTRATOR_REDIS__URL"] = f"redis://{ways['redis'].address}/0" if proxied else valkey.url
        daemon = DaemonProcess(folder, own | behind | {"ORCHESTRATOR_CRM__STREAMS": STREAM} | environ)
        outbox = Outbox(sim, daemon.redis_url)
        stack.push_async_callback(outbox.client.aclose)
        client = await stack.enter_async_context(client_of(valkey.url if valkey else daemon.redis_url))
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2.0)))
        load = Load(sim, outbox, size, seed)
        on = World(sim, daemon, valkey, load, outbox, ways, http, client)
        await load.begin()
        stack.push_async_callback(_ended, daemon)
        on.goes_down()
        async with lasting(on.supervise(), on.watch(), on.feel(), outbox.run()):
            await on.ready()
            async with lasting(*((load.run(),) if loaded else ())):
                yield on


async def _ended(daemon: DaemonProcess) -> None:
    if daemon.alive:
        daemon.process.send_signal(signal.SIGCONT)
        assert await daemon.stop() == 0, "the daemon did not stop as asked"
