"""The daemon: the only place where the parts are wired together.

Guarantees: every account has an engine, a feed, a store and connections of its own, so that a fault of one
touches no other; when asked to stop it takes no more messages, finishes the requests in flight (up to
`DRAIN_S`), leaves active sections in Redis to the next process, and opens nothing; nothing is restored, read or sent
before all accounts are this process's; a bug in any part, or the loss of an account, ends the whole process.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from redis.asyncio import Redis

from orchestrator import __version__
from orchestrator.clock import SystemClock, WallClock
from orchestrator.config import Account as AccountSettings
from orchestrator.config import Config
from orchestrator.config.schema import FEED
from orchestrator.core.facts import BacklogBegan, BacklogDone
from orchestrator.core.model import Policy, State
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.durable import DurableReader, Source
from orchestrator.crm.intake import Receipt
from orchestrator.crm.lists import List
from orchestrator.crm.message import CrmMessage, MessageRefused
from orchestrator.crm.pubsub import PubSubReader
from orchestrator.crm.stream import Stream
from orchestrator.crm.ways_in import WaysIn
from orchestrator.crm.wire import Wire
from orchestrator.engine.loop import Engine
from orchestrator.engine.ports import Observer, StoreUnavailable
from orchestrator.lifetimes import lasting, together, unless
from orchestrator.store.connection import reader, subscriber, writer
from orchestrator.store.embedded import embedded
from orchestrator.store.instance import Instance, instance_of
from orchestrator.store.keys import Keys
from orchestrator.store.lease import Lease
from orchestrator.store.redis_store import RedisStore
from orchestrator.telemetry import events
from orchestrator.telemetry.audit import AuditObserver
from orchestrator.telemetry.clockwatch import watch
from orchestrator.telemetry.counting import MetricsObserver
from orchestrator.telemetry.logs import Log
from orchestrator.telemetry.metrics import Metrics
from orchestrator.telemetry.now import now_of
from orchestrator.telemetry.observer import LogObserver, deferred
from orchestrator.voicenter.active_calls import ActiveCallsClient
from orchestrator.voicenter.connection import connect
from orchestrator.voicenter.feed import Connect, Feed
from orchestrator.voicenter.login import Credentials
from orchestrator.voicenter.mute_api import MuteClient, http_session
from orchestrator.voicenter.settings import FeedSettings
from orchestrator.web.health import health_app, serve

DRAIN_S = 5.0
"""How long the requests in flight are waited for when stopping."""
FLUSH_S = 2.0
"""How long Redis is waited for, after that, to take the last answers."""
LOAD_AGAIN_S = 1.0
"""Pause between attempts to read what an earlier process left, while Redis is away."""


POLL_WITHIN_S = 5.0
"""How long an answer of Active Calls is waited for: that for a whole account may have megabytes."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The world outside the process, as far as the loop's sockets do not reach it: another one can be put here."""

    clock: WallClock = field(default_factory=SystemClock)
    rng: random.Random = field(default_factory=random.SystemRandom)
    me: Instance = field(default_factory=lambda: instance_of(os.getpid()))
    session: Callable[[int], AbstractAsyncContextManager[aiohttp.ClientSession]] = http_session
    connect: Connect = connect


async def run(config: Config, log: Log, stop: asyncio.Event) -> None:
    """Work until `stop` is set."""
    async with AsyncExitStack() as stack:
        daemon = await assemble(config, log, stack, Outside())
        health = health_app(daemon.problems, daemon.metrics.page)
        address = await stack.enter_async_context(serve(health, config.http.host, config.http.port))
        redis = "embedded" if config.redis.embedded else "given"
        log.write(
            events.DAEMON_STARTED, version=__version__, accounts=tuple(config.accounts), redis=redis, http=address
        )
        await daemon.work(stop)


async def assemble(config: Config, log: Log, stack: AsyncExitStack, outside: Outside) -> "Daemon":
    """Everything that is held open, each to be closed by `stack`."""
    metrics = Metrics(__version__)
    url = await stack.enter_async_context(_redis_url(config))
    redis = await stack.enter_async_context(_closing(writer(url)))
    accounts = {}
    for name in config.accounts:
        http = await stack.enter_async_context(outside.session(config.api.max_concurrency))
        own = await stack.enter_async_context(_closing(writer(url)))
        lease_client = await stack.enter_async_context(_closing(writer(url)))
        accounts[name] = Account(name, config, own, lease_client, http, outside, metrics, log, stack)

    def client(make: Callable[[str], Redis]) -> Redis:
        made = make(url)
        stack.push_async_callback(made.aclose)
        return made

    return Daemon(
        config,
        accounts,
        redis,
        client,
        outside,
        metrics,
        stack.enter_context(deferred(_logging(log, None, stack), MetricsObserver(metrics, None))),
    )


class Daemon:
    """All accounts, and what they share: the CRM's messages, Redis, the metrics."""

    def __init__(
        self,
        config: Config,
        accounts: Mapping[str, "Account"],
        redis: Redis,
        client: Callable[[Callable[[str], Redis]], Redis],
        outside: Outside,
        metrics: Metrics,
        observer: Observer,
    ) -> None:
        self.metrics = metrics
        self._clock = clock = outside.clock
        self._observer = observer
        self._accounts = accounts
        self._dead_letters = DeadLetters(redis, config.redis.namespace, clock)
        to = (self._deliver, observer, self._dead_letters, clock, outside.rng)

        def durable(source: Callable[[Wire], Source]) -> DurableReader:
            wire = Wire(client(reader))
            return DurableReader(source(wire), wire, *to)

        crm = config.crm
        streams = [
            durable(partial(Stream, key=key, group=crm.group, clock=clock)) for key in dict.fromkeys(crm.streams)
        ]
        lists = [durable(partial(List, key=key)) for key in dict.fromkeys(crm.lists)]
        channels = [PubSubReader(client(subscriber), crm.channels, *to)] if crm.channels else []
        self._messages = WaysIn([*streams, *lists], channels)

    def problems(self) -> dict[str, str]:
        """What is not ready, and why."""
        found = {name: why for name, account in self._accounts.items() if (why := account.problem)}
        if unheard := self._messages.unheard:
            found["crm"] = f"messages are not heard from {', '.join(unheard)}"
        return found

    async def work(self, stop: asyncio.Event) -> None:
        """Wait until all accounts are ours, work until `stop` is set, and give them up."""
        leases = [account.lease for account in self._accounts.values()]
        async with lasting(watch(self._clock, self._observer), *(lease.run() for lease in leases)):
            if await unless(stop, self._take_accounts()):
                await self._work_as_owner(stop)
        await together(lease.release() for lease in leases)

    async def _take_accounts(self) -> None:
        """One after the other, by name: of two processes that want the same ones, each gets all or waits for all."""
        for name in sorted(self._accounts):
            await self._accounts[name].lease.take()

    async def _work_as_owner(self, stop: asyncio.Event) -> None:
        """Restore, then work until `stop` is set, then drain. What writes outlives what works, which outlives
        what takes in: so the last answers are kept, and nothing new begins."""
        accounts = self._accounts.values()
        async with lasting(self._dead_letters.run(), *(account.store.run() for account in accounts)):
            await unless(stop, together(account.restore() for account in accounts))
            if self._messages.durable:
                for account in accounts:
                    account.engine.learn(BacklogBegan())
            async with (
                _draining(*(account.engine for account in accounts)),
                lasting(
                    self._messages.run(), self._work_off_backlog(), *(account.feed.run() for account in accounts)
                ),
            ):
                await stop.wait()
            await together(account.finish() for account in accounts)

    async def _work_off_backlog(self) -> None:
        await self._messages.worked_off()
        for account in self._accounts.values():
            account.engine.learn(BacklogDone())

    def _deliver(self, message: CrmMessage) -> Receipt:
        """Hand a message to the account it is for. Raises `MessageRefused` where there is none."""
        names = ", ".join(sorted(self._accounts))
        if message.account is not None:
            account = self._accounts.get(message.account)
            if account is None:
                raise MessageRefused(f"account: not one of {names}")
        elif len(self._accounts) == 1:
            (account,) = self._accounts.values()
        else:
            raise MessageRefused(f"account: needed where there are several; one of {names}")
        account.engine.learn(message.fact_by(self._clock))
        return account.store.kept


class Account:
    """The parts of one account."""

    def __init__(
        self,
        name: str,
        config: Config,
        store_client: Redis,
        lease_client: Redis,
        http: aiohttp.ClientSession,
        outside: Outside,
        metrics: Metrics,
        log: Log,
        stack: AsyncExitStack,
    ) -> None:
        settings, state, clock, rng = config.accounts[name], State(), outside.clock, outside.rng
        audit = AuditObserver(lambda entry: self.store.record(entry), clock)  # noqa: PLW0108 - the store comes next
        observer = stack.enter_context(deferred(_logging(log, name, stack), MetricsObserver(metrics, name), audit))
        self._tell = observer.tell
        keys = Keys(config.redis.namespace, name)
        self.lease = Lease(lease_client, keys, outside.me, clock, observer)
        self.store = RedisStore(store_client, config.redis.namespace, name, state, clock, observer, self.lease)
        api = MuteClient(http, self._mute_url(settings), config.api.timeout_seconds)
        calls = _active_calls(config, settings, http, observer)
        self.engine = Engine(
            state, _policy(config), clock, rng, self.store, api, calls, observer, config.api.max_concurrency
        )
        self.feed = Feed(_feed_settings(settings), http, clock, rng, self.engine.learn, observer, outside.connect)
        self._restored = False
        metrics.follow(name, lambda: now_of(state, self.store.healthy))

    @property
    def problem(self) -> str | None:
        """Why this account is not ready; None when it is."""
        if self.lease.problem is not None:
            return self.lease.problem
        if not self.store.healthy:
            return "Redis does not answer"
        if not self._restored:
            return "what an earlier process left was not read yet"
        problem = self.feed.problem
        return None if problem is None else f"feed: {problem}"

    async def restore(self) -> None:
        """Take up what an earlier process left, as soon as Redis gives it."""
        while True:
            try:
                restored = await self.store.load()
            except StoreUnavailable:
                await asyncio.sleep(LOAD_AGAIN_S)
                continue
            self.engine.learn(restored)
            self._restored = True
            return

    async def finish(self) -> None:
        """Have the last answers told, and what was told of them written."""
        self._tell()
        await self.store.flushed(FLUSH_S)

    def _mute_url(self, settings: AccountSettings) -> str | Callable[[], str | None]:
        if settings.mute_url != FEED:
            return settings.mute_url

        def of_the_feed() -> str | None:
            return f"{self.feed.server}/api/MuteUnmuteCalls" if self.feed.server else None

        return of_the_feed


def _logging(log: Log, account: str | None, stack: AsyncExitStack) -> LogObserver:
    return stack.enter_context(LogObserver(log, account, asyncio.get_running_loop().call_later))


def _policy(config: Config) -> Policy:
    return Policy(
        default_section_s=config.policy.default_section_seconds,
        max_section_s=config.policy.max_section_seconds,
        hold_on_expiry=config.policy.on_expiry == "hold",
        end_after_idle_s=config.policy.end_after_idle_seconds,
        verify_s=config.policy.verify_seconds,
        blind_every_s=config.policy.verify_seconds,
        exposure_alert_s=config.policy.exposure_alert_ms / 1000,
        late_s=max(5.0, config.api.timeout_seconds),
    )


def _active_calls(
    config: Config, settings: AccountSettings, http: aiohttp.ClientSession, observer: Observer
) -> ActiveCallsClient | None:
    """None: there is no code to ask with."""
    if settings.api_code is None:
        return None
    code = settings.api_code.get_secret_value()
    return ActiveCallsClient(http, settings.active_calls_url, code, POLL_WITHIN_S, observer)


def _feed_settings(settings: AccountSettings) -> FeedSettings:
    return FeedSettings(
        settings.login_type,
        _credentials(settings),
        settings.login_url,
        settings.refresh_url,
        settings.engineio,
    )


def _credentials(settings: AccountSettings) -> Credentials:
    given = {name: getattr(settings, name) for name in ("token", "username", "email", "password")}
    return Credentials({name: secret.get_secret_value() for name, secret in given.items() if secret is not None})


@asynccontextmanager
async def _redis_url(config: Config) -> AsyncIterator[str]:
    if config.redis.embedded:
        async with embedded(config.data_dir, config.redis.embedded_port) as url:
            yield url
    else:
        yield config.redis.url.get_secret_value()


@asynccontextmanager
async def _closing(client: Redis) -> AsyncIterator[Redis]:
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def _draining(*engines: Engine) -> AsyncIterator[None]:
    """These run until the block is left; then they finish what is in flight, for `DRAIN_S` at most."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.run()) for engine in engines]
        yield
        for engine in engines:
            engine.stop()
        _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in late:
            task.cancel()
