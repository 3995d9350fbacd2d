"""One owner for an account: a lease in Redis, and a fence before every write.

Guarantees: an owner is passed over only when it gave up its lease, when its process is seen to be gone on this very
machine, or when it let a whole lease pass without a renewal while we watched and Redis answered. No clock of one
machine is compared with another's. Each owner has a higher token than those before it; what a former owner still
writes is refused by Redis as a whole. An owner that stood still for longer than its lease asks Redis before it acts.

Redis away: the owner works on from memory, because a recording must not run on for that. So this cannot exclude two
at work while only the waiting one reaches Redis; the former one ends as soon as it reaches Redis again. For the same
reason a process that starts while Redis can be read and takes no writes (full, or a replica) does not wait for it, if
the owner before gave up or is seen to be gone; nor if Redis, being empty, has no owner to tell of.
"""

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from orchestrator.clock import STEP_S, Clock
from orchestrator.engine.notices import OwnerLost, OwnerRefused, OwnerTaken, StoreBack, StoreLost
from orchestrator.engine.ports import Observer
from orchestrator.redis_clients import ANSWER_S
from orchestrator.redis_errors import REDIS_FAILURES, in_brief, why
from orchestrator.store.instance import Instance, gone
from orchestrator.store.keys import Keys
from orchestrator.store.scripts import script

LASTS_S = 3.0
"""Outlasts a renewal that failed and the one after it; short enough for a takeover within 5 s of a death."""
RENEW_EVERY_S = 1.0
LOOK_EVERY_S = 0.5
LOOKS = math.ceil(LASTS_S / LOOK_EVERY_S)
"""So often in a row must an owner be seen unchanged. Counted, not timed: a process that stood still saw nothing."""
_FENCED = "FENCED "


class LeaseLost(Exception):
    """Another process owns the account now: this one must send nothing more."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The owner as Redis has it."""

    name: str
    token: int
    until_ms: int
    """By Redis' clock, for readers; here it only shows whether there was a renewal. 0: given up."""
    since_ms: int

    @property
    def in_words(self) -> str:
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC)
        return f"{_in_words(self.name)} works for it since {since:%Y-%m-%d %H:%M:%S} UTC"


class Lease:
    """Of one account, for this process. `run` must be running once it is taken, or it lapses."""

    def __init__(self, client: Redis, keys: Keys, me: Instance, clock: Clock, observer: Observer) -> None:
        """`client` is the lease's alone."""
        self.key = keys.owner
        self.words: tuple[str, int, int] = (str(me), 0, round(LASTS_S * 1000))
        """What each script behind the fence is given first."""
        self.shift_s = 0.0
        """To be added to the times that the owner before us wrote, by its clock, to have them by ours."""
        self.problem: str | None = "not owned yet"
        """Why the account is not ours; None when it is."""
        self._acquire, self._renew, self._release = (
            client.register_script(script(name)) for name in ("acquire", "renew", "release")
        )
        self._client = client
        self._account = keys.account
        self._me = me
        self._clock = clock
        self._observer = observer
        self._taken = asyncio.Event()
        self._asking = asyncio.Lock()
        self._sure_until = 0.0  # by our clock: so long it holds that nobody passed us over, or that Redis is away
        self._away_since: float | None = None  # while taking it
        self._settled = False  # whether all times in Redis are by our clock
        self._lost_to: str | None = None

    async def take(self) -> None:
        """Wait until the account is ours."""
        began = self._clock.now()
        seen, looks = Holder("", 0, 0, 0), 0
        while True:
            its_gone = looks >= LOOKS or self._gone(seen)
            try:
                found = await self._ask(seen, its_gone)
            except REDIS_FAILURES as error:
                looks = 0  # the owner could not renew either
                self._miss(error)
                if isinstance(error, ResponseError) and await self._take_unwritten(seen):
                    break
            else:
                self._reach()
                if found is None:
                    break
                looks = looks + 1 if found == seen else 0
                seen = found
                if self._gone(found):
                    continue
                self._refuse(found)
            await asyncio.sleep(LOOK_EVERY_S)
        self.problem = None
        self._taken.set()
        self._observer.notice(OwnerTaken(self.words[1], self._clock.now() - began, self.shift_s))

    async def run(self) -> NoReturn:
        """Renew it, once it is taken, until cancelled. Raises `LeaseLost`."""
        await self._taken.wait()
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            async with self._asking:
                await self._renew_once()

    async def assured(self) -> None:
        """Pass at once, as a rule. After a standstill longer than the lease, or a loss: hold whoever is about to act
        until Redis has said whose the account is, or is known to be away. Raises `LeaseLost`."""
        if self._doubtful:
            async with self._asking:
                if self._doubtful:
                    await self._renew_once()
        if self._lost_to is not None:
            raise self._loss(self._lost_to)

    def heed(self, error: BaseException) -> None:
        """Raise `LeaseLost` if this failure is the fence's refusal."""
        text = str(error)
        if not isinstance(error, ResponseError) or not text.startswith(_FENCED):
            return
        if self._lost_to is None:
            self._lost_to = _in_words(text.removeprefix(_FENCED))
            self.problem = f"lost to {self._lost_to}"
            self._observer.notice(OwnerLost(f"{self._lost_to} has taken over"))
        raise self._loss(self._lost_to) from None

    def settle(self) -> None:
        """All times in Redis are by our clock now: from here on the next owner is told of ours."""
        self._settled = True

    async def release(self) -> None:
        """Give it up, so that the next owner need not wait. Without Redis it lapses."""
        if not self._taken.is_set():
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._release(keys=[self.key], args=[*self.words])
        except REDIS_FAILURES:
            return

    async def _ask(self, seen: Holder, its_gone: bool) -> Holder | None:
        """Take it, or learn who has it."""
        name, _, lasts_ms = self.words
        args: list[str | int] = [name, seen.token, lasts_ms, seen.name, seen.until_ms, seen.since_ms, int(its_gone)]
        sent_at = self._clock.now()
        async with asyncio.timeout(ANSWER_S):
            answer = await self._acquire(keys=[self.key], args=args)
        if not answer[0]:
            return Holder(answer[1].decode(errors="replace"), *answer[2:])
        _, token, redis_ms, its_now_ms, its_redis_ms = answer
        self._own(token, sent_at, redis_ms, its_now_ms, its_redis_ms)
        return None

    async def _take_unwritten(self, seen: Holder) -> bool:
        """Redis refuses to write. If it can be read, and nobody has the account, it is ours from memory: the first
        renewal that is written says so."""
        sent_at = self._clock.now()
        pipe = self._client.pipeline(transaction=False)
        pipe.hmget(self.key, "instance", "token", "until_ms", "now_ms", "redis_ms")
        pipe.time()
        try:
            async with asyncio.timeout(ANSWER_S):
                (instance, *numbers), (seconds, microseconds) = await pipe.execute()
            token, until_ms, its_now_ms, its_redis_ms = (int(number or 0) for number in numbers)
        except (*REDIS_FAILURES, ValueError):
            return False
        name = (instance or b"").decode(errors="replace")
        holder = Holder(name, token, until_ms, 0) if name else seen
        redis_ms = seconds * 1000 + microseconds // 1000
        if holder.until_ms > redis_ms or (holder.until_ms > 0 and not self._gone(holder)):
            return False  # until its lease is over the fence would keep us out
        self._own(max(token, seen.token) + 1, sent_at, redis_ms, its_now_ms, its_redis_ms)
        return True

    def _own(self, token: int, asked_at: float, redis_ms: int, its_now_ms: int, its_redis_ms: int) -> None:
        """The account is ours. Redis' time, that of the owner before us, and Redis' time then, tell how far its clock
        was from ours."""
        name, _, lasts_ms = self.words
        self.words = (name, token, lasts_ms)
        self._sure_until = asked_at + LASTS_S
        if its_redis_ms:
            shift_s = asked_at - (redis_ms + its_now_ms - its_redis_ms) / 1000
            self.shift_s = shift_s if abs(shift_s) > STEP_S else 0.0

    async def _renew_once(self) -> None:
        """Or know that Redis is away. If we stood still, before or meanwhile, one failure does not say so: the
        silence was ours, or the connection was lost then."""
        doubted = self._doubtful
        while True:
            sent_at = self._clock.now()
            our_ms: int | str = round(sent_at * 1000) if self._settled else ""
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._renew(keys=[self.key], args=[*self.words, our_ms])
            except REDIS_FAILURES as error:
                self.heed(error)
                failed_at = self._clock.now()
                if failed_at - sent_at < LASTS_S and not doubted:
                    self._sure_until = failed_at + LASTS_S
                    return
                doubted = False
            else:
                self._sure_until = sent_at + LASTS_S
                return

    @property
    def _doubtful(self) -> bool:
        """Whether somebody may have passed us over without our knowing: we stood still."""
        return self._lost_to is None and self._clock.now() >= self._sure_until

    def _gone(self, holder: Holder) -> bool:
        instance = Instance.parse(holder.name)
        return instance is not None and gone(instance, self._me)

    def _refuse(self, holder: Holder) -> None:
        if self.problem != holder.in_words:
            self.problem = holder.in_words
            self._observer.notice(OwnerRefused(holder.in_words))

    def _miss(self, error: BaseException) -> None:
        """Told here, while nothing else talks to Redis yet."""
        self.problem = in_brief(error)
        if self._away_since is None:
            self._away_since = self._clock.now()
            self._observer.notice(StoreLost(why(error)))

    def _reach(self) -> None:
        if self._away_since is not None:
            self._observer.notice(StoreBack(self._clock.now() - self._away_since))
            self._away_since = None

    def _loss(self, who: str) -> LeaseLost:
        return LeaseLost(
            f"account {self._account!r}: {who} has taken over, because this process stood still or did not reach"
            " Redis for too long; it ends, and may be started again to wait its turn"
        )


def _in_words(name: str) -> str:
    """Never text from Redis that is no instance's name."""
    instance = Instance.parse(name)
    return "another process" if instance is None else instance.in_words
