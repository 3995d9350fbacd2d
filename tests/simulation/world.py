"""One story: a contact centre, its CRM, Voicenter, Redis and the daemon, all in one loop and from one seed.

Guarantees: a seed gives the same story, line by line; whatever happens, faults included, is told in `lines`; the
story ends with everybody gone home, and the judge's verdict on the way there.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.simulator import account
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.crm import Crm, Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.recordings import Recordings
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import CallBegan, CallOver, Change, Line, LineChanged, QueueChanged
from orchestrator.simulator.truth import Truth
from tests.simulation import scripts as scripts  # registers them
from tests.simulation.daemon import Daemon, Tell, config
from tests.simulation.evidence import Archive
from tests.simulation.faults import KINDS, Explains, Fault
from tests.simulation.feed import FeedHub
from tests.simulation.judge import TICK_S, Judge, Violated
from tests.simulation.loop import Process, ProcessClock, SimulatedLoop, WorldClock
from tests.simulation.memory import Memory
from tests.simulation.post import Post
from tests.simulation.processes import Processes
from tests.simulation.redis_server import RedisServer
from tests.simulation.story import Script
from tests.simulation.told import Told
from tests.simulation.vendor import Fate, Request, Vendor

SETTLE_S = 30.0
"""After the last fault all must be well within this."""
LOGIN_REFUSED_S = 60.0
"""A login that was refused is tried again only after this: what it holds up settles so much later."""
CLOCKS_S = 3.5
"""What wrong clocks may change about the time at which a section runs out: 2 s, and a step of 1 s goes unnoticed."""
POLLS_RECOVERED_S = 6.0
"""From the end of a fault of the polls until the next poll, of which one may be under way."""


@dataclass(slots=True)
class Result:
    seed: int
    violated: Violated | None
    virtual_s: float
    faults: list[str] = field(default_factory=list)
    requests: int = 0
    messages: int = 0
    worst_s: dict[str, float] = field(default_factory=dict)
    lines: list[tuple[float, str, tuple[Any, ...]]] = field(default_factory=list)

    def story(self) -> str:
        return "\n".join(f"{at:9.3f}  {text % args}" for at, text, args in self.lines)


class World:
    def __init__(self, loop: SimulatedLoop, script: Script, recordings: Recordings) -> None:
        seed = self.seed = script.seed
        self.lines: list[tuple[float, str, tuple[Any, ...]]] = []
        self.loop = loop
        self.clock = WorldClock(loop)
        self.truth = Truth(self.clock, recordings=recordings)
        tolds: dict[Process, Told] = {}
        self.judge = Judge(self.clock.now, self.truth, lambda: self.board, tolds, self.tell)
        self.redis = RedisServer(loop, self.clock.now, random.Random(f"redis {seed}"))
        loop.network = self.redis
        self.memory = Memory(self.clock.now)
        desks = account.lines(script.agents, self.clock.now(), spare=1)
        self.board = Switchboard(desks, account.queues(1), self._changed)
        self.vendor = Vendor(
            loop, self.clock.now, random.Random(f"vendor {seed}"), self.board, self.truth, self.judge
        )
        self.vendor.behaviour = self._behaviour
        self.hub = FeedHub(loop, self.clock.now, random.Random(f"feed {seed}"), self.truth.last_muted, self._taken)
        self.hub.seed(desks)
        self.hub.shown = self._shown
        for line in desks:
            self.truth.line_seen(line)
        self.legs_began: dict[str, set[float]] = defaultdict(set)
        """By call: when its legs began, as the feed tells it of each."""
        self.misbehaviours: list[Callable[[Request], Fate | None]] = []
        self.wrong_s = 0.0
        """How far the wall clocks of the machines are ahead."""
        self.archive = Archive()
        self._script = script
        tempo = Tempo(scale=script.tempo, desk_changes=script.desk_changes)
        self._centre = Centre(self.board, random.Random(f"centre {seed}"), tempo)
        self._settings = config(holds=script.holds, idle_s=script.idle_s, polls=script.polls)
        nothing = Told(holds=script.holds, idle_s=script.idle_s)
        self.processes = Processes(
            loop,
            self.clock,
            self._new_daemon,
            self.redis,
            self.hub,
            self.memory,
            self.judge,
            tolds,
            nothing,
            self.tell,
        )
        crm = Crm(self.board.lines.values, random.Random(f"crm {seed}"), Sections(max_seconds=script.max_s))
        chance = random.Random(f"world {seed}")
        self.post = Post(
            seed,
            crm,
            loop,
            self.clock,
            self.truth,
            self.redis,
            self.memory,
            self.processes,
            self.judge,
            chance,
            self.tell,
        )
        self.redis.delivered = self.post.delivered
        self.redis.data.publish = self.post.answered
        self.judge.told_of = self.processes.told_of
        self.judge.unaware = self.processes.unaware
        self.judge.backlog = self.post.backlog
        self.judge.sending.written = self.processes.written
        self.judge.synced = lambda process: any(link.process is process and link.synced for link in self.hub.links)

    def _new_daemon(self, number: int, tell: Tell) -> Daemon:
        clock, rng = ProcessClock(self.clock, lambda: self.wrong_s), random.Random(f"daemon {self.seed} {number}")
        name, settings = f"daemon-{number}", self._settings
        return Daemon(self.loop, name, settings, self.vendor, self.hub, clock, rng, tell, self.archive)

    def tell(self, text: str, *args: Any) -> None:
        self.lines.append((self.loop.time(), text, args))

    # The story

    async def play(self) -> None:
        script, loop = self._script, self.loop
        self.tell("%s", script)
        self.processes.start()
        self._centre.open(self.clock.now())
        self.post.crm.open(self.clock.now())
        self._go_on(self._centre.step, lambda: self._centre.next_at)
        self._go_on(self.post.step, lambda: self.post.crm.next_at)
        for fault in script.faults:
            loop.in_world(fault.at, self._set_off, fault)
        await self._until(script.shift_s)
        settle_s = SETTLE_S + (LOGIN_REFUSED_S if any(f.kind == "login_refused" for f in script.faults) else 0.0)
        await self._until(max(script.shift_s, *(f.at + f.lasts_s for f in script.faults), 0.0) + settle_s)
        self._all_well()
        await self._go_home()
        await self._close()

    async def _until(self, at_s: float) -> None:
        while self.loop.time() < at_s and self.judge.first is None:
            await asyncio.sleep(min(TICK_S, at_s - self.loop.time() + 1e-9))
            self.judge.look()
            self._watch_over()

    async def _go_home(self) -> None:
        """No section and no call begins any more; all that run end."""
        self.tell("the shift is over")
        self._centre.close()
        self.post.close()
        give_up = self.loop.time() + 400.0
        while (self.truth.live_calls or any(told.coverage.sections for told in self.processes.working)) and (
            self.judge.first is None and self.loop.time() < give_up
        ):
            await self._until(self.loop.time() + 1.0)
        await self._until(self.loop.time() + 45.0)  # a release is watched for 30 s

    async def _close(self) -> None:
        if self.judge.first is None:
            self._nothing_left()
        await self.processes.stop()
        self.processes.watch_ends()
        verdict, self.judge.first = self.judge.first, Violated("", "")  # what the dead do is no matter
        stuck = await self.processes.bury()
        self.judge.first = verdict
        if stuck:
            self.judge.violated("ends when cancelled", ", ".join(stuck))
            return
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            self.judge.violated("no task left", ", ".join(sorted(repr(task.get_coro()) for task in left)))

    def _watch_over(self) -> None:
        self.processes.watch()
        self._watch_sight()
        self.post.watch()
        if self.loop.faults:
            context = self.loop.faults[0]
            self.judge.violated("no exception", f"{context.get('message')}: {context.get('exception')!r}")

    def _watch_sight(self) -> None:
        """Where neither polls nor the feed show what is so, and the feed does not say that it is broken."""
        hub = self.hub
        blinded = hub.silent or hub.loses or any(link.half_open for link in hub.links)
        recovered_at = self.clock.now() + POLLS_RECOVERED_S
        if self.vendor.poll_fates or not self._script.polls:
            self.judge.no_polls_until = recovered_at
            if blinded:
                self.judge.poll_excuse = recovered_at

    # Telephony and the feed

    def _go_on(self, step: Callable[[float], object], next_at: Callable[[], float | None]) -> None:
        at = next_at()
        if at is not None:
            self.loop.in_world(max(0.0, at - self.clock.now()), self._step, step, next_at)

    def _step(self, step: Callable[[float], object], next_at: Callable[[], float | None]) -> None:
        step(self.clock.now())
        self._go_on(step, next_at)

    def _changed(self, change: Change) -> None:
        before = set(self.truth.live_calls)
        self.truth.take(change)
        for ivrid in self.truth.live_calls:
            if ivrid not in before:
                self.judge.figures.began(ivrid)
        match change:
            case LineChanged(line=line, reason=reason, leg=leg):
                for each in line.legs:
                    self.legs_began[each.ivrid].add(each.started_at)
                self.hub.tell(change)
                about = f"{leg.ivrid} {leg.status}" if leg else f"user {line.online_user_id}"
                self.tell("%s %s %s", line.sip, reason, about)
            case CallOver(ivrid=ivrid):
                self.tell("call %s is over", ivrid)
                self.judge.call_over(ivrid)
            case CallBegan(ivrid=ivrid):
                self.tell("call %s begins unseen", ivrid)
            case QueueChanged():
                pass

    def _taken(self, process: Process, line: Line, calls: bool) -> None:
        told = self.processes.told_of(process)
        if told is not None:
            told.see(line, calls, self.clock.now())
            if calls:
                self.judge.seen(line)

    def _shown(self, process: Process, ivrid: str) -> None:
        """That it is muted. Who is not the owner (any more) cannot leave that to anybody."""
        if self.processes.told_of(process) is not None:
            self.judge.shown_muted(ivrid)

    # Fate

    def _behaviour(self, request: Request) -> Fate | None:
        for misbehave in self.misbehaviours:
            fate = misbehave(request)
            if fate is not None:
                return fate
        return None

    def _set_off(self, fault: Fault) -> None:
        kind = KINDS[fault.kind]
        self.tell("FAULT %s", fault)
        end = kind.begin(self, fault)
        excuse = None
        if kind.explains in (Explains.API, Explains.PROCESS) and end is not None:
            excuse = self.judge.excuse(fault.kind)

        def over() -> None:
            if end is not None:
                end()
                self.tell("FAULT %s is over", fault.kind)
            if excuse is not None:
                excuse.until = self.clock.now() + kind.after_s

        self.loop.in_world(fault.lasts_s, over)

    def step_clocks(self, by_s: float) -> None:
        """The wall clocks jump. From here on a section may run out too early or too late by what they are wrong."""
        self.tell("the wall clocks are %s s ahead", by_s)
        self.wrong_s = by_s
        for told in self.processes.known:
            told.tolerance_s = CLOCKS_S

    def mute_a_foreign_call(self, dice: float) -> None:
        """A call that we never asked about, and that no section covers."""
        free = [
            ivrid
            for ivrid in self.truth.live_calls
            if ivrid not in self.judge.last_request and not self.truth.covered(ivrid) and not self.truth.muted(ivrid)
        ]
        if free:
            ivrid = free[int(dice * len(free))]
            self.tell("somebody else mutes %s", ivrid)
            self.truth.foreign_mute(ivrid)

    # The end

    def _all_well(self) -> None:
        for daemon in self.processes.all:
            if daemon.owns and (problems := daemon.problems):
                self.judge.violated("settles after the faults", f"{daemon.process.name} is not ready: {problems}")

    def _nothing_left(self) -> None:
        for daemon in self.processes.all:
            if not daemon.owns:
                continue
            state = daemon.state
            # Kept for a while, in case they come back.
            gone = {ivrid for ivrid, mute in state.mutes.items() if mute.gone or mute.held}
            tables: dict[str, object] = {
                "sections": state.sections,
                "covering": state.covering,
                "watching": state.watching,
                "mutes": state.mutes.keys() - gone,
                "blind": state.blind,
                "calls": state.calls.keys() - gone,
                "legs": {sip: ext.legs for sip, ext in state.extensions.items() if ext.legs},
            }
            for name, table in tables.items():
                if table:
                    self.judge.violated("memory empties out", f"{name} of {daemon.process.name}: {table}")
        content = self.redis.data.content()
        for key in content:
            text, left = key.decode(), content[key]
            if text.endswith(":mutes") and isinstance(left, dict):
                claims = map(json.loads, left.values())
                left = [claim for claim in claims if not claim["gone"] and not claim["held_for"]]
            if (text.endswith((":sections", ":mutes", ":extensions")) or ":extension:" in text) and left:
                self.judge.violated("Redis empties out", f"{text}: {left}")


def played(script: Script, recordings: Recordings) -> World:
    """The world as it is when the story is over; its truth is kept in `recordings`."""
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    try:
        world = World(loop, script, recordings)
        loop.run_until_complete(world.play())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return world


def run(script: Script) -> Result:
    """Play the story to its end."""
    world = played(script, Recordings())
    judge = world.judge
    return Result(
        script.seed,
        judge.first,
        world.loop.time(),
        [fault.kind for fault in script.faults],
        judge.requests,
        sum(1 for _, text, _ in world.lines if text.startswith("CRM: ")),
        dict(judge.worst_s),
        world.lines,
    )
