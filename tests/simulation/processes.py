"""The daemon's processes: started, killed, frozen, asked to stop, one beside another; and what each of them knows.

Guarantees: somebody always starts the daemon anew when it has ended; what a process must know (`Told`) is what it was
told since it owns the account, and what Redis had of its predecessor's knowledge.
"""

import asyncio
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestrator.simulator.crm import Message
from tests.simulation.daemon import ACCOUNT, Daemon, Tell
from tests.simulation.faults import LATE_S
from tests.simulation.feed import FeedHub
from tests.simulation.judge import Judge
from tests.simulation.loop import Process, SimulatedLoop, WorldClock
from tests.simulation.memory import RECOVERED_S, Memory
from tests.simulation.redis_server import RedisServer, RedisTransport
from tests.simulation.sending import Written
from tests.simulation.told import Told

STOPS_S = 10.0
"""SIGTERM: 5 s for the requests in flight, 2 s for Redis, and room for Redis away."""
BURIED_S = 30.0
"""A process that is cancelled rather than asked to stop is gone within this."""
STARTED_S = 16.0
"""A process that starts has read Redis, and the backlog in it, within this, once Redis is well."""
UP_S = 1.0
"""From then until it has asked for all that is due."""


class Processes:
    def __init__(
        self,
        loop: SimulatedLoop,
        clock: WorldClock,
        new: Callable[[int, Tell], Daemon],
        redis: RedisServer,
        hub: FeedHub,
        memory: Memory,
        judge: Judge,
        tolds: dict[Process, Told],
        knows: Told,
        tell: Callable[..., None],
    ) -> None:
        """`new` starts the one of a number, which logs to a function; `knows` is what the first one finds."""
        self.all: list[Daemon] = []
        self.up_since = 0.0
        self.vacant = judge.excuse("nobody at work")
        self._loop = loop
        self._clock = clock
        self._new = new
        self._redis = redis
        self._hub = hub
        self._memory = memory
        self._judge = judge
        self._tolds = tolds
        self._tell = tell
        self._dead: list[Process] = []
        self._deposed: set[Process] = set()
        self._deaf_then: set[Process] = set()
        """Those that could not hear of it when another took the account: they stood still, or had yet to find their
        way back to Redis."""
        self._began_at: dict[Process, float] = {}
        self._started = 0
        self._stopping: dict[Daemon, float] = {}
        self._legacy = (knows, float("inf"))
        self._left_at = clock.now()
        self._kept_when_frozen: dict[Process, float] = {}
        self._unread: dict[Process, list[tuple[RedisTransport, Message]]] = defaultdict(list)

    def start(self) -> None:
        self._started += 1
        self._tell("daemon-%s starts", self._started)
        daemon = self._new(self._started, lambda event, fields: self._line(daemon, event, fields))
        self.all.append(daemon)
        self._began_at[daemon.process] = self.up_since = self._clock.now()

    def began_at(self, process: Process) -> float:
        return self._began_at.get(process, 0.0)

    @property
    def running(self) -> list[Daemon]:
        return [daemon for daemon in self.all if daemon.process.runs]

    async def bury(self) -> Iterable[str]:
        """All of them, the dead ones too. Returns what would not end, by name."""
        stuck = await self._loop.funeral([*self._dead, *(daemon.process for daemon in self.all)], BURIED_S)
        return [task.get_name() for task in stuck]

    def _line(self, daemon: Daemon, event: str, fields: Mapping[str, Any]) -> None:
        if not daemon.process.killed and daemon.process not in self._dead:
            self._judge.line(daemon.process, event, fields)

    # What they know

    def told_of(self, process: Process) -> Told | None:
        """What the process knows, once the account is its own."""
        told = self._tolds.get(process)
        if told is None and process not in self._deposed:
            for daemon in self.all:
                if daemon.process is process and daemon.owns:
                    return self._take_over(daemon)
        return told

    @property
    def working(self) -> Iterable[Told]:
        """Of the owner, if there is one."""
        return self._tolds.values()

    @property
    def known(self) -> Iterable[Told]:
        """Of the owner, and of the one before it."""
        return [*self._tolds.values(), self._legacy[0]]

    @property
    def covers(self) -> list[tuple[str, float, float, bool]]:
        """What the daemon was told to be covered: see `Told.covers`. At the end of the story."""
        return next(iter(self.known)).covers

    def forget(self) -> None:
        """Redis was emptied: the next one finds nothing."""
        self._memory.was_emptied()
        self._legacy = (self._legacy[0], float("-inf"))

    def hand(self, process: Process, transport: RedisTransport, message: Message) -> None:
        """A message of the CRM is in a process' hands."""
        told = self.told_of(process)
        if process.stopped:
            self._unread[process].append((transport, message))
        elif told is not None and any(daemon.process is process for daemon in self._stopping):
            told.perhaps(message, self._clock.now())
        elif told is not None:
            told.message(message, self._clock.now())

    def unaware(self, process: Process) -> bool:
        """Whether it could not hear of it when another took the account, and no Redis has told it since."""
        return process in self._deaf_then and self._memory.well_for_s < RECOVERED_S

    def written(self, process: Process) -> Written | None:
        """The claims in Redis; None: it was not well a moment ago, or the process has just begun or gone on."""
        if process in self._judge.store_away:
            return None
        if min(self._memory.well_for_s, self._clock.now() - self.up_since) < RECOVERED_S:
            return None
        content, key = self._redis.data.content(), f"mute:{{{ACCOUNT}}}:".encode()
        return Written(content.get(key + b"mutes", {}), content.get(key + b"blind", {}))

    def _take_over(self, daemon: Daemon) -> Told:
        if not self._redis.data.takes_no_writes:  # else the one before may not hear of it, and works on beside
            for process in list(self._tolds):
                if process.stopped or self._memory.well_for_s < RECOVERED_S:
                    self._deaf_then.add(process)
                self._leave(process)
        told, upto = self._legacy
        doubtful = {ivrid for ivrid, at in self._judge.last_request.items() if at > upto}
        self._tell("%s owns the account", daemon.process.name)
        if upto < self._left_at - 1.0:
            self._tell("what happened after %.3f is in no Redis", upto - WorldClock.START)
        heir = self._tolds[daemon.process] = told.successor(upto, doubtful)
        return heir

    def _leave(self, process: Process) -> None:
        """The process is the owner no more: what it knew, as far as Redis has it, is the next one's."""
        told = self._tolds.pop(process, None)
        self._deposed.add(process)
        self._judge.left_in_flight(process, LATE_S + UP_S + STARTED_S)
        if told is not None:
            upto = self._kept_when_frozen.pop(process, self._memory.upto)
            self._legacy = (told, upto)
            self._left_at = self._clock.now()
            if self.vacant.until != float("inf"):
                self.vacant = self._judge.excuse("nobody at work")

    # What is done to them

    def kill(self, dice: float) -> Callable[[], None] | None:
        """SIGKILL. Returns what starts the next one; None: there was none to kill."""
        daemon = self._pick(dice)
        if daemon is None:
            return None
        self._tell("%s is killed", daemon.process.name)
        self._loop.kill_process(daemon.process)
        daemon.die()
        self.all.remove(daemon)
        self._dead.append(daemon.process)
        self._redis.sever(daemon.process)
        self._hub.sever(daemon.process)
        self._leave(daemon.process)
        return self.start

    def restart(self, dice: float) -> Callable[[], None] | None:
        daemon = self._pick(dice)
        if daemon is None:
            return None
        self._ask_to_stop(daemon)
        return self.start

    async def stop(self) -> None:
        """All of them, also those that stand still. They have time for it."""
        for daemon in self.all:
            self._loop.continue_process(daemon.process)
            self._ask_to_stop(daemon)
        if self.all:
            await asyncio.wait([daemon.task for daemon in self.all], timeout=STOPS_S + 1.0)

    def second(self, dice: float) -> Callable[[], None]:
        """Somebody starts a second one; later somebody stops one of the two."""
        self.start()

        def end() -> None:
            daemon = self._pick(dice)
            if daemon is not None and len(self.all) > 1:
                self._ask_to_stop(daemon)

        return end

    def freeze(self, dice: float) -> Callable[[], None] | None:
        """SIGSTOP. Returns what continues it."""
        daemon = self._pick(dice)
        if daemon is None:
            return None
        process = daemon.process
        self._tell("%s is frozen", process.name)
        self._loop.stop_process(process)
        self._kept_when_frozen[process] = self._memory.upto
        return lambda: self._thaw(process)

    def _thaw(self, process: Process) -> None:
        if process.killed:
            return
        self._tell("%s goes on", process.name)
        self._kept_when_frozen.pop(process, None)
        told = self._tolds.get(process)
        for transport, message in self._unread.pop(process, []):
            if told is not None and not transport.is_closing():
                told.burst(message, self._clock.now())
        self._loop.continue_process(process)
        self.up_since = self._clock.now()

    def _pick(self, dice: float) -> Daemon | None:
        running = [daemon for daemon in self.running if not daemon.task.done()]
        return running[int(dice * 1000) % len(running)] if running else None

    def _ask_to_stop(self, daemon: Daemon) -> None:
        self._tell("%s is asked to stop", daemon.process.name)
        self._stopping[daemon] = self._clock.now()
        self._judge.leaving.add(daemon.process)
        daemon.stop()

    # How they fare

    def watch(self) -> None:
        self.watch_ends()
        self._watch_owner()

    def watch_ends(self) -> None:
        for daemon in list(self.all):
            self._watch_end(daemon)

    def _watch_end(self, daemon: Daemon) -> None:
        """A process that ended: as asked, or because another took over; then somebody starts it anew."""
        if not daemon.task.done():
            if self._clock.now() - self._stopping.get(daemon, self._clock.now()) > STOPS_S and daemon.process.runs:
                self._judge.violated(
                    "stops when asked", f"{daemon.process.name} still runs {STOPS_S} s after SIGTERM"
                )
            return
        if (error := daemon.failure) is not None:
            self._judge.violated("no exception", f"{daemon.process.name} ended by {error!r}")
            self._tell("%s", "".join(traceback.format_exception(error)))
        self.all.remove(daemon)
        self._leave(daemon.process)
        if daemon not in self._stopping:
            self._tell("%s has ended", daemon.process.name)
            self.start()

    def _watch_owner(self) -> None:
        """Until somebody owns the account, and has read what was left, nothing can be asked of anybody."""
        now = self._clock.now()
        owner = next((daemon for daemon in self.running if self._may_own(daemon)), None)
        if owner is not None:
            self.told_of(owner.process)
        if self.vacant.until != float("inf"):
            return
        if owner is not None and owner.is_up:
            self.vacant.until = now + UP_S
            return
        staying = [daemon for daemon in self.running if daemon not in self._stopping]
        since = max(self.up_since, self._left_at, self._memory.good_since)
        if staying and len(self.running) == len(self.all) and not self._memory.bad and now - since > STARTED_S:
            self._judge.violated("comes up", f"nobody works after {now - since:.1f} s")

    def _may_own(self, daemon: Daemon) -> bool:
        return daemon.owns and daemon.process not in self._deposed
