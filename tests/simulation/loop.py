"""The loop of the simulation: virtual time, no sockets, and several processes that can be stopped and killed.

Guarantees: time passes only when nothing is ready, and then jumps to the next timer; the same callbacks run in the
same order every time. What runs in the context of a `Process` (its tasks, and all that they start) is held back
while that process is stopped, as under SIGSTOP, while the rest of the world goes on; a killed one never runs
again until its `funeral`, which takes its tasks down after everything was judged.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, Protocol

from orchestrator.clock import STEP_S


class Deadlock(Exception):
    """Nothing is ready and no timer is set: whoever is awaited will never come."""


class Livelock(Exception):
    """Callbacks run and run, and no time passes."""


MOST_ROUNDS = 100_000
"""Rounds of the loop at one moment."""


class Process:
    """What belongs together: a context that its tasks carry, and whether it runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = False
        self.killed = False
        self.held: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.context = copy_context()
        self.context.run(_process.set, self)

    @property
    def runs(self) -> bool:
        return not (self.stopped or self.killed)


_process: ContextVar[Process | None] = ContextVar("process", default=None)


def this_process() -> Process | None:
    """The process that runs this code; None: the world itself does."""
    return _process.get()


class Network(Protocol):
    async def connect(
        self, loop: "SimulatedLoop", factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Raises `OSError` where nobody answers."""


class _NoSelector:
    def select(self, timeout: float | None = None) -> list[Any]:
        raise NotImplementedError

    def close(self) -> None:
        pass


class SimulatedLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoSelector()
        self._now_s = 0.0
        self._held_back = 0
        self._rounds = 0
        self.world = copy_context()
        self.network: Network | None = None
        self.faults: list[dict[str, Any]] = []
        """What reached the exception handler."""
        self.set_exception_handler(lambda _loop, context: self.faults.append(context))
        self._ready: Any
        self._scheduled: list[asyncio.TimerHandle]

    def time(self) -> float:
        return self._now_s

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        assert self.network is not None
        return await self.network.connect(self, protocol_factory, host, port)

    # Processes

    def start(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self.create_task(work, name=process.name, context=process.context)
        process.tasks.append(task)
        return task

    def in_world(self, delay_s: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Call back outside of every process, whoever asks for it."""
        return self.call_later(delay_s, callback, *args, context=self.world)

    def stop_process(self, process: Process) -> None:
        process.stopped = True
        self._held_back += 1

    def continue_process(self, process: Process) -> None:
        if process.stopped and not process.killed:
            process.stopped = False
            self._held_back -= 1
            self._ready.extend(process.held)
            process.held.clear()

    def kill_process(self, process: Process) -> None:
        if not process.stopped:
            self._held_back += 1
        process.stopped = process.killed = True

    async def funeral(self, processes: list[Process], within_s: float) -> list[asyncio.Task[Any]]:
        """Take down what killed processes left in memory. Nothing of this happens in the world that is told of.
        Returns the tasks that do not end when cancelled."""
        tasks = [task for process in processes for task in process.tasks if not task.done()]
        for process in processes:
            if process.stopped:
                process.stopped = process.killed = False
                self._held_back -= 1
                self._ready.extend(process.held)
                process.held.clear()
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        done, left = await asyncio.wait(tasks, timeout=within_s)
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at: nobody cares how it ended
        return list(left)

    # The loop itself

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        if not ready:
            before_s = self._now_s
            self._jump(scheduled)
            if self._now_s > before_s:
                self._rounds = 0
        self._rounds += 1
        if self._rounds > MOST_ROUNDS:
            raise Livelock
        now = self._now_s
        while scheduled and scheduled[0]._when <= now:  # type: ignore[attr-defined]
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if self._held_back:
                process = handle._context.get(_process)
                if process is not None and process.stopped:
                    process.held.append(handle)
                    continue
            handle._run()

    def _jump(self, scheduled: list[asyncio.TimerHandle]) -> None:
        if self._stopping:  # type: ignore[attr-defined]
            return
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False  # type: ignore[attr-defined]
        if not scheduled:
            raise Deadlock
        self._now_s = max(self._now_s, scheduled[0]._when)  # type: ignore[attr-defined]

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """They go when their time comes."""

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def close(self) -> None:
        if not self.is_closed():
            super().close()
            self._selector.close()


class WorldClock:
    """The loop's time, as epoch seconds of a made-up day."""

    START = 1_700_000_000.0

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self.START + self._loop._now_s


class ProcessClock:
    """As `orchestrator.clock.SystemClock`, on a machine whose wall clock is `wrong_s()` ahead of the world's."""

    def __init__(self, world: WorldClock, wrong_s: Callable[[], float]) -> None:
        self._world = world
        self._wrong_s = wrong_s
        self._anchor_s = wrong_s()
        self._ahead_s = 0.0

    def now(self) -> float:
        return self._world.now() + self._anchor_s

    def at_wall(self, epoch_s: float) -> float:
        return epoch_s - self.ahead_s

    @property
    def ahead_s(self) -> float:
        ahead_s = self._wrong_s() - self._anchor_s
        if abs(ahead_s - self._ahead_s) > STEP_S:
            self._ahead_s = ahead_s
        return self._ahead_s
