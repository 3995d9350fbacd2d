"""The CRM's messages on their way to the daemon, lost, late or waiting in Redis; and the daemon's word in return."""

import json
import random
from collections.abc import Callable
from datetime import datetime

from orchestrator.simulator.crm import Crm, Message
from orchestrator.simulator.truth import Truth
from tests.simulation.daemon import CHANNEL, LIST, STREAM
from tests.simulation.judge import Judge
from tests.simulation.loop import Process, SimulatedLoop, WorldClock
from tests.simulation.memory import Memory
from tests.simulation.processes import Processes
from tests.simulation.redis_data import Refused
from tests.simulation.redis_server import RedisServer, RedisTransport

TAKEN_S = 15.0
"""A message that Redis has is taken within this: after an answer that never comes, a reader waits for 8 s."""
FRESH_S = 0.05
"""A word about a section that is older was held up by Redis."""
AGAIN_S, TRIES = 0.5, 20
"""A CRM that cannot reach Redis tries again for a while."""
MUTED = ("confirmed", "verified")


class Post:
    def __init__(
        self,
        seed: int,
        crm: Crm,
        loop: SimulatedLoop,
        clock: WorldClock,
        truth: Truth,
        redis: RedisServer,
        memory: Memory,
        processes: Processes,
        judge: Judge,
        chance: random.Random,
        tell: Callable[..., None],
    ) -> None:
        self.crm = crm
        self.loses = 0.0
        """This share of the messages never reaches Redis."""
        self.late_s = 0.0
        """The others reach it up to so much later."""
        self._loop = loop
        self._clock = clock
        self._truth = truth
        self._redis = redis
        self._memory = memory
        self._processes = processes
        self._judge = judge
        self._chance = chance
        self._tell = tell
        self._way = ("stream", "list", "channel")[seed % 3]
        self._messages: dict[bytes, Message] = {}
        self._waiting: dict[bytes, float] = {}
        """In Redis, since when."""

    # There

    def step(self, now: float) -> None:
        self._say(self.crm.step(now))

    def close(self) -> None:
        """No section begins any more; all that run end."""
        self._say(self.crm.close(self._clock.now(), self._truth.active_sections))

    def lose_what_waits(self) -> None:
        self._waiting.clear()

    def _say(self, messages: list[Message]) -> None:
        for message in messages:
            message.tell(self._truth)
            about = f"{message.section_id} on {message.target[1]}" if message.target else message.section_id
            self._tell("CRM: %s %s", message.kind.partition(".")[2], about)
            if self.loses and self._chance.random() < self.loses:
                self._tell("  (lost)")
                continue
            late_s = self._chance.uniform(0.0, self.late_s) if self.late_s else 0.0
            self._loop.in_world(late_s, self._publish, message, 0)

    def _publish(self, message: Message, tries: int) -> None:
        raw = message.plain() if message.number % 2 else message.cloud_event()
        self._messages[raw] = message
        self._redis.messages.add(raw)
        if not self._hand_over(raw) and tries < TRIES:
            self._loop.in_world(AGAIN_S, self._publish, message, tries + 1)

    def _hand_over(self, raw: bytes) -> bool:
        redis = self._redis
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
        self._waiting[raw] = self._clock.now()
        redis.unblock()
        return True

    def delivered(self, transport: RedisTransport, process: Process | None, raw: bytes) -> None:
        """A message has left Redis, for a process of the daemon or for nobody."""
        self._waiting.pop(raw, None)
        if process is not None:
            self._processes.hand(process, transport, self._messages[raw])

    # What waits

    def backlog(self, process: Process) -> str | None:
        """A message that waited before the process began, and still waits."""
        if self._memory.well_for_s < TAKEN_S:
            return None
        began_at = self._processes.began_at(process)
        return next((self._messages[raw].message_id for raw, at in self._waiting.items() if at < began_at), None)

    def watch(self) -> None:
        """What a stream or a list holds is taken, sooner or later."""
        now = self._clock.now()
        if self._memory.well_for_s < TAKEN_S or self._processes.vacant.until > now - TAKEN_S:
            return
        for raw, since in self._waiting.items():
            if self._processes.running and now - max(since, self._processes.up_since) > TAKEN_S:
                self._judge.violated("no message is lost", f"{self._messages[raw].message_id} waits in Redis")
                return

    # And back

    def answered(self, _channel: bytes, raw: bytes) -> int:
        """What the daemon says of a section. After Redis was away it speaks of the past."""
        event = json.loads(raw)
        said_at = datetime.fromisoformat(event["time"]).timestamp()
        word = event["type"].rpartition(".")[2]
        self._tell("status: %s %s", event["subject"], word)
        if word == "protected" and abs(self._clock.now() - said_at) < FRESH_S:
            self._judge.protected([call["ivrid"] for call in event["data"]["calls"] if call["state"] in MUTED])
        return 1
