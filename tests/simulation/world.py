"""One story: a contact centre, its CRM, Voicenter, Redis and the daemon, all in one loop and from one seed.

Guarantees: a seed gives the same story, line by line; whatever happens, faults included, is told in `lines`; the
story ends with everybody gone home, and the judge's verdict on the way there.
"""

import asyncio
import json
import random
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.simulator import account
from orchestrator.simulator.centre import Centre
from orchestrator.simulator.crm import Crm, Message, Sections
from orchestrator.simulator.floor import Tempo
from orchestrator.simulator.recordings import Recordings
from orchestrator.simulator.switchboard import Switchboard
from orchestrator.simulator.telephony import CallBegan, CallOver, Change, Line, LineChanged, QueueChanged
from orchestrator.simulator.truth import Truth
from tests.simulation import scripts as scripts  # registers them
from tests.simulation.daemon import ACCOUNT, CHANNEL, LIST, STREAM, Daemon, config
from tests.simulation.evidence import Archive
from tests.simulation.faults import KINDS, LATE_S, Explains, Fault
from tests.simulation.feed import FeedHub
from tests.simulation.judge import TICK_S, Judge, Violated
from tests.simulation.loop import Process, ProcessClock, SimulatedLoop, WorldClock
from tests.simulation.redis_data import Refused
from tests.simulation.redis_server import RedisServer, RedisTransport
from tests.simulation.sending import Written
from tests.simulation.story import Script
from tests.simulation.told import Told
from tests.simulation.vendor import Fate, Request, Vendor

SETTLE_S = 30.0
"""After the last fault all must be well within this."""
LOGIN_REFUSED_S = 60.0
"""A login that was refused is tried again only after this: what it holds up settles so much later."""
REDIS_RECOVERED_S = 2.5
"""From the end of a fault of Redis until the daemon has written down what it has."""
CLOCKS_S = 3.5
"""What wrong clocks may change about the time at which a section runs out: 2 s, and a step of 1 s goes unnoticed."""
BURIED_S = 30.0
"""A process that is cancelled rather than asked to stop is gone within this."""
STOPS_S = 10.0
"""SIGTERM: 5 s for the requests in flight, 2 s for Redis, and room for Redis away."""
STARTED_S = 16.0
"""A process that starts has read Redis, and the backlog in it, within this, once Redis is well."""
UP_S = 1.0
"""From then until it has asked for all that is due."""
TAKEN_S = 15.0
"""A message that Redis has is taken within this: after an answer that never comes, a reader waits for 8 s."""
FRESH_S = 0.05
"""A word about a section that is older was held up by Redis."""
MUTED = ("confirmed", "verified")
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
        self.tolds: dict[Process, Told] = {}
        self.judge = Judge(self.clock.now, self.truth, lambda: self.board, self.tolds, self.tell)
        self.judge.told_of = self.told_of
        self.judge.backlog = self._backlog
        self.judge.sending.written = self._written
        self.judge.synced = lambda process: any(link.process is process and link.synced for link in self.hub.links)
        self.redis = RedisServer(loop, self.clock.now, random.Random(f"redis {seed}"))
        self.redis.delivered = self._delivered
        self.redis.data.publish = self._told
        loop.network = self.redis
        desks = account.lines(script.agents, self.clock.now(), spare=1)
        self.board = Switchboard(desks, account.queues(1), self._changed)
        self.vendor = Vendor(
            loop, self.clock.now, random.Random(f"vendor {seed}"), self.board, self.truth, self.judge
        )
        self.vendor.behaviour = self._behaviour
        self.hub = FeedHub(loop, self.clock.now, random.Random(f"feed {seed}"), self.truth.muted, self._taken)
        self.hub.seed(desks)
        self.hub.shown = self._shown
        for line in desks:
            self.truth.line_seen(line)
        self.legs_began: dict[str, set[float]] = defaultdict(set)
        """By call: when its legs began, as the feed tells it of each."""
        self.misbehaviours: list[Callable[[Request], Fate | None]] = []
        self.wrong_s = 0.0
        """How far the wall clocks of the machines are ahead."""
        self.crm_loses = 0.0
        self.crm_late_s = 0.0
        self._up_since = 0.0
        self.daemons: list[Daemon] = []
        self.archive = Archive()
        self._script = script
        self._chance = random.Random(f"world {seed}")
        tempo = Tempo(scale=script.tempo, desk_changes=script.desk_changes)
        self._centre = Centre(self.board, random.Random(f"centre {seed}"), tempo)
        self._crm = Crm(self.board.lines.values, random.Random(f"crm {seed}"), Sections(max_seconds=script.max_s))
        self._messages: dict[bytes, Message] = {}
        self._undelivered: dict[Process, list[tuple[RedisTransport, Message]]] = {}
        self._dead: list[Process] = []
        self._deposed: set[Process] = set()
        self._began_at: dict[Process, float] = {}
        self._started = 0
        self._stopping: dict[Daemon, float] = {}
        self._settings = config(holds=script.holds, idle_s=script.idle_s, polls=script.polls)
        self._legacy = (Told(holds=script.holds, idle_s=script.idle_s), float("inf"))
        self._left_at = self.clock.now()
        self._vacant = self.judge.excuse("nobody at work")
        self._kept_when_frozen: dict[Process, float] = {}
        self._redis_bad = 0
        self._redis_good_since = float("-inf")
        self._kept_upto = float("-inf")
        self._way = ("stream", "list", "channel")[seed % 3]
        self._sent: dict[bytes, float] = {}

    def tell(self, text: str, *args: Any) -> None:
        self.lines.append((self.loop.time(), text, args))

    # The story

    async def play(self) -> None:
        script, loop = self._script, self.loop
        self.tell("%s", script)
        self._start_daemon()
        self._centre.open(self.clock.now())
        self._crm.open(self.clock.now())
        self._go_on(self._centre.step, lambda: self._centre.next_at)
        self._go_on(self._announce, lambda: self._crm.next_at)
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
        for message in self._crm.close(self.clock.now(), self.truth.active_sections):
            self._say(message)
        give_up = self.loop.time() + 400.0
        while (self.truth.live_calls or any(t.coverage.sections for t in self.tolds.values())) and (
            self.judge.first is None and self.loop.time() < give_up
        ):
            await self._until(self.loop.time() + 1.0)
        await self._until(self.loop.time() + 45.0)  # a release is watched for 30 s

    async def _close(self) -> None:
        if self.judge.first is None:
            self._nothing_left()
        for daemon in self.daemons:
            self.loop.continue_process(daemon.process)
            self._ask_to_stop(daemon)
        tasks = [daemon.task for daemon in self.daemons]
        if tasks:
            await asyncio.wait(tasks, timeout=STOPS_S + 1.0)
        for daemon in list(self.daemons):
            self._watch(daemon)
        verdict, self.judge.first = self.judge.first, Violated("", "")  # what the dead do is no matter
        stuck = await self.loop.funeral([*self._dead, *(daemon.process for daemon in self.daemons)], BURIED_S)
        self.judge.first = verdict
        if stuck:
            self.judge.violated("ends when cancelled", ", ".join(task.get_name() for task in stuck))
            return
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            self.judge.violated("no task left", ", ".join(sorted(repr(task.get_coro()) for task in left)))

    # The daemon

    def _start_daemon(self) -> None:
        self._started += 1
        name = f"daemon-{self._started}"
        self.tell("%s starts", name)
        daemon = Daemon(
            self.loop,
            name,
            self._settings,
            self.vendor,
            self.hub,
            ProcessClock(self.clock, lambda: self.wrong_s),
            random.Random(f"daemon {self.seed} {self._started}"),
            lambda event, fields: self._line(daemon, event, fields),
            self.archive,
        )
        self.daemons.append(daemon)
        self._began_at[daemon.process] = self._up_since = self.clock.now()

    def _line(self, daemon: Daemon, event: str, fields: Mapping[str, Any]) -> None:
        if not daemon.process.killed and daemon.process not in self._dead:
            self.judge.line(daemon.process, event, fields)

    def told_of(self, process: Process) -> Told | None:
        """What the process knows, once the account is its own."""
        told = self.tolds.get(process)
        if told is None and process not in self._deposed:
            for daemon in self.daemons:
                if daemon.process is process and daemon.owns:
                    return self._take_over(daemon)
        return told

    def _take_over(self, daemon: Daemon) -> Told:
        for process in list(self.tolds):
            self._leave(process)
        told, upto = self._legacy
        doubtful = {ivrid for ivrid, at in self.judge.last_request.items() if at > upto}
        self.tell("%s owns the account", daemon.process.name)
        if upto < self._left_at - 1.0:
            self.tell("what happened after %.3f is in no Redis", upto - WorldClock.START)
        heir = self.tolds[daemon.process] = told.successor(upto, doubtful)
        return heir

    def _leave(self, process: Process) -> None:
        """The process is the owner no more: what it knew, as far as Redis has it, is the next one's."""
        told = self.tolds.pop(process, None)
        self._deposed.add(process)
        self.judge.left_in_flight(process, LATE_S + UP_S + STARTED_S)
        if told is not None:
            upto = self._kept_when_frozen.pop(process, self.kept_upto())
            self._legacy = (told, upto)
            self._left_at = self.clock.now()
            if self._vacant.until != float("inf"):
                self._vacant = self.judge.excuse("nobody at work")

    @property
    def covers(self) -> list[tuple[str, float, float, bool]]:
        """What the daemon was told to be covered: see `Told.covers`. At the end of the story."""
        return next(iter(self.tolds.values()), self._legacy[0]).covers

    def _pick(self, dice: float) -> Daemon | None:
        running = [daemon for daemon in self.daemons if daemon.process.runs and not daemon.task.done()]
        return running[int(dice * 1000) % len(running)] if running else None

    def kill(self, dice: float) -> Callable[[], None] | None:
        daemon = self._pick(dice)
        if daemon is None:
            return None
        self.tell("%s is killed", daemon.process.name)
        self.loop.kill_process(daemon.process)
        daemon.die()
        self.daemons.remove(daemon)
        self._dead.append(daemon.process)
        self.redis.sever(daemon.process)
        self.hub.sever(daemon.process)
        self._leave(daemon.process)
        return self._start_daemon

    def restart(self, dice: float) -> Callable[[], None] | None:
        daemon = self._pick(dice)
        if daemon is None:
            return None
        self._ask_to_stop(daemon)
        return self._start_daemon

    def _ask_to_stop(self, daemon: Daemon) -> None:
        self.tell("%s is asked to stop", daemon.process.name)
        self._stopping[daemon] = self.clock.now()
        self.judge.leaving.add(daemon.process)
        daemon.stop()

    def second(self, dice: float) -> Callable[[], None]:
        """Somebody starts a second one; later somebody stops one of the two."""
        self._start_daemon()

        def end() -> None:
            daemon = self._pick(dice)
            if daemon is not None and len(self.daemons) > 1:
                self._ask_to_stop(daemon)

        return end

    def freeze(self, dice: float) -> Callable[[], None] | None:
        daemon = self._pick(dice)
        if daemon is None:
            return None
        process = daemon.process
        self.tell("%s is frozen", process.name)
        self.loop.stop_process(process)
        self._kept_when_frozen[process] = self.kept_upto()

        def thaw() -> None:
            if process.killed:
                return
            self.tell("%s goes on", process.name)
            self._kept_when_frozen.pop(process, None)
            told = self.tolds.get(process)
            for transport, message in self._undelivered.pop(process, []):
                if told is not None and not transport.is_closing():
                    told.burst(message, self.clock.now())
            self.loop.continue_process(process)
            self._up_since = self.clock.now()

        return thaw

    def _watch_over(self) -> None:
        for daemon in list(self.daemons):
            self._watch(daemon)
        self._watch_owner()
        self._watch_sight()
        self._watch_messages()
        if self.loop.faults:
            context = self.loop.faults[0]
            self.judge.violated("no exception", f"{context.get('message')}: {context.get('exception')!r}")

    def _watch(self, daemon: Daemon) -> None:
        """A process that ended: as asked, or because another took over; then somebody starts it anew."""
        task = daemon.task
        if not task.done():
            if self.clock.now() - self._stopping.get(daemon, self.clock.now()) > STOPS_S and daemon.process.runs:
                self.judge.violated("stops when asked", f"{daemon.process.name} still runs {STOPS_S} s after SIGTERM")
            return
        if (error := daemon.failure) is not None:
            self.judge.violated("no exception", f"{daemon.process.name} ended by {error!r}")
            self.tell("%s", "".join(traceback.format_exception(error)))
        self.daemons.remove(daemon)
        self._leave(daemon.process)
        if daemon not in self._stopping:
            self.tell("%s has ended", daemon.process.name)
            self._start_daemon()

    def _watch_owner(self) -> None:
        """Until somebody owns the account, and has read what was left, nothing can be asked of anybody."""
        now = self.clock.now()
        owner = next((daemon for daemon in self.daemons if self._may_own(daemon)), None)
        if owner is not None:
            self.told_of(owner.process)
        if self._vacant.until != float("inf"):
            return
        if owner is not None and owner.is_up:
            self._vacant.until = now + UP_S
            return
        running = [daemon for daemon in self.daemons if daemon.process.runs and daemon not in self._stopping]
        frozen = [daemon for daemon in self.daemons if not daemon.process.runs]
        since = max(self._up_since, self._left_at, self._redis_good_since)
        if running and not frozen and not self._redis_bad and now - since > STARTED_S:
            self.judge.violated("comes up", f"nobody works after {now - since:.1f} s")

    def _backlog(self, process: Process) -> str | None:
        """A message that waited before the process began, and still waits."""
        if self._redis_bad or self.clock.now() - self._redis_good_since < TAKEN_S:
            return None
        began_at = self._began_at.get(process, 0.0)
        return next((self._messages[raw].message_id for raw, at in self._sent.items() if at < began_at), None)

    def _may_own(self, daemon: Daemon) -> bool:
        return daemon.process.runs and daemon.owns and daemon.process not in self._deposed

    def _watch_sight(self) -> None:
        """Where neither polls nor the feed show what is so, and the feed does not say that it is broken."""
        hub = self.hub
        blinded = hub.silent or hub.loses or any(link.half_open for link in hub.links)
        recovered_at = self.clock.now() + POLLS_RECOVERED_S
        if self.vendor.poll_fates or not self._script.polls:
            self.judge.no_polls_until = recovered_at
            if blinded:
                self.judge.poll_excuse = recovered_at

    def _watch_messages(self) -> None:
        """What a stream or a list holds is taken, sooner or later."""
        now = self.clock.now()
        if self._redis_bad or now - self._redis_good_since < TAKEN_S or self._vacant.until > now - TAKEN_S:
            return
        running = [daemon for daemon in self.daemons if daemon.process.runs]
        for raw, sent_at in self._sent.items():
            if running and now - max(sent_at, self._up_since) > TAKEN_S:
                self.judge.violated("no message is lost", f"{self._messages[raw].message_id} waits in Redis")
                return

    # What Redis kept

    def redis_turns_bad(self) -> None:
        if not self._redis_bad:
            self._kept_upto = self.kept_upto()
        self._redis_bad += 1

    def redis_turns_good(self) -> None:
        self._redis_bad -= 1
        if not self._redis_bad:
            self._redis_good_since = self.clock.now()

    def redis_was_emptied(self) -> None:
        self._kept_upto = float("-inf")
        self._legacy = (self._legacy[0], float("-inf"))
        self._sent.clear()

    def kept_upto(self) -> float:
        """Up to when Redis has what the daemon knew: what a new process will find."""
        now = self.clock.now()
        if not self._redis_bad and now - self._redis_good_since >= REDIS_RECOVERED_S:
            return now - 0.1
        return self._kept_upto

    def _written(self, process: Process) -> Written | None:
        """The claims in Redis; None: it was not well a moment ago, or the process has just begun or gone on."""
        if process in self.judge.store_away:
            return None
        if self._redis_bad or self.clock.now() - max(self._redis_good_since, self._up_since) < REDIS_RECOVERED_S:
            return None
        content, key = self.redis.data.content(), f"mute:{{{ACCOUNT}}}:".encode()
        return Written(content.get(key + b"mutes", {}), content.get(key + b"blind", {}))

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
        told = self.told_of(process)
        if told is not None:
            told.see(line, calls, self.clock.now())
            if calls:
                self.judge.seen(line)

    def _shown(self, process: Process, ivrid: str) -> None:
        """That it is muted. Who is not the owner (any more) cannot leave that to anybody."""
        if self.told_of(process) is not None:
            self.judge.shown_muted(ivrid)

    # The CRM

    def _announce(self, now: float) -> None:
        for message in self._crm.step(now):
            self._say(message)

    def _told(self, _channel: bytes, raw: bytes) -> int:
        """What the daemon says of a section. After Redis was away it speaks of the past."""
        event = json.loads(raw)
        said_at = datetime.fromisoformat(event["time"]).timestamp()
        word = event["type"].rpartition(".")[2]
        self.tell("status: %s %s", event["subject"], word)
        if word == "protected" and abs(self.clock.now() - said_at) < FRESH_S:
            self.judge.protected([call["ivrid"] for call in event["data"]["calls"] if call["state"] in MUTED])
        return 1

    def _say(self, message: Message) -> None:
        message.tell(self.truth)
        about = f"{message.section_id} on {message.target[1]}" if message.target else message.section_id
        self.tell("CRM: %s %s", message.kind.partition(".")[2], about)
        if self.crm_loses and self._chance.random() < self.crm_loses:
            self.tell("  (lost)")
            return
        late_s = self._chance.uniform(0.0, self.crm_late_s) if self.crm_late_s else 0.0
        self.loop.in_world(late_s, self._publish, message, 0)

    def _publish(self, message: Message, tries: int) -> None:
        """A CRM that cannot reach Redis tries again for a while."""
        raw = message.plain() if message.number % 2 else message.cloud_event()
        self._messages[raw] = message
        self.redis.messages.add(raw)
        if not self._hand_over(raw) and tries < 20:
            self.loop.in_world(0.5, self._publish, message, tries + 1)

    def _hand_over(self, raw: bytes) -> bool:
        redis = self.redis
        if redis.away or redis.silent:
            return False
        match self._way:
            case "channel":
                redis.publish(CHANNEL.encode(), raw)
                return True
            case "stream":
                words = [b"XADD", STREAM.encode(), b"*", b"data", raw]
            case _:
                words = [b"LPUSH", LIST.encode(), raw]
        try:
            redis.data.run(words)
        except Refused:
            return False
        self._sent[raw] = self.clock.now()
        redis.unblock()
        return True

    def _delivered(self, transport: RedisTransport, process: Process | None, raw: bytes) -> None:
        """A message of the CRM is in a process' hands."""
        message = self._messages[raw]
        self._sent.pop(raw, None)
        if process is None:
            return
        told = self.told_of(process)
        if process.stopped:
            self._undelivered.setdefault(process, []).append((transport, message))
        elif told is not None and any(daemon.process is process for daemon in self._stopping):
            told.perhaps(message, self.clock.now())
        elif told is not None:
            told.message(message, self.clock.now())

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
        for told in [*self.tolds.values(), self._legacy[0]]:
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
        for daemon in self.daemons:
            if daemon.owns and (problems := daemon.problems):
                self.judge.violated("settles after the faults", f"{daemon.process.name} is not ready: {problems}")

    def _nothing_left(self) -> None:
        for daemon in self.daemons:
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
