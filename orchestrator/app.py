"""The daemon: here, in `account` and in `watchers` the parts are wired together, and nowhere else.

Guarantees: every account has an engine, a feed, a store and connections of its own, so that a fault of one
touches no other; when asked to stop it takes no more messages, finishes the requests in flight (up to
`DRAIN_S`), leaves active sections in Redis to the next process, and opens nothing; nothing is restored, read or sent
before all accounts are this process's; a bug in any part, or the loss of an account, ends the whole process.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from redis.asyncio import Redis

from orchestrator import __version__
from orchestrator.account import Account
from orchestrator.audit.journal import Journal
from orchestrator.audit.recorder import Recorder
from orchestrator.audit.records import Draft, Value
from orchestrator.audit.schema import READY
from orchestrator.board.board import Board
from orchestrator.board.hand import Hand
from orchestrator.board.keeping import Keeper
from orchestrator.clock import Clock
from orchestrator.config import Config, Http
from orchestrator.core.facts import BacklogBegan, BacklogDone
from orchestrator.crm.deadletter import DeadLetters
from orchestrator.crm.durable import DurableReader, Source
from orchestrator.crm.lists import List
from orchestrator.crm.pubsub import PubSubReader
from orchestrator.crm.stream import Stream
from orchestrator.crm.ways_in import WaysIn
from orchestrator.crm.wire import Wire
from orchestrator.desk import Desk
from orchestrator.engine.loop import Engine
from orchestrator.lifetimes import lasting, together, unless
from orchestrator.outside import Outside
from orchestrator.redis_clients import reader, writer
from orchestrator.reloading import Reloader
from orchestrator.service import Service
from orchestrator.store.embedded import embedded
from orchestrator.telemetry import events
from orchestrator.telemetry.clockwatch import watch
from orchestrator.telemetry.logs import Log
from orchestrator.watchers import Watchers
from orchestrator.web.api import api_app
from orchestrator.web.board import board_app
from orchestrator.web.counting import counting
from orchestrator.web.files import FOLDER, PageFiles
from orchestrator.web.gate import Gate, Token
from orchestrator.web.health import health_app, serve, tls_context
from orchestrator.web.problems import problems
from orchestrator.web.webhooks import Webhooks

if TYPE_CHECKING:
    from orchestrator.telemetry.tracing import Tracing

OTHERS_S = 2.0
"""How long the accounts that were read wait for the others. What an earlier process left may be unreadable for one of
them; it works on, and takes that up when it can be read."""
DRAIN_S = 5.0
"""How long the requests in flight are waited for when stopping."""


async def run(config: Config, log: Log, stop: asyncio.Event, reloader: Reloader, service: Service) -> None:
    """Work until `stop` is set; `service` hears how it goes."""
    async with AsyncExitStack() as stack:
        daemon = await assemble(config, log, stack, Outside())
        address = await stack.enter_async_context(serve(_site(config.http, daemon), *_listening(config.http)))
        redis = "embedded" if config.redis.embedded else "given"
        log.write(
            events.DAEMON_STARTED, version=__version__, accounts=tuple(config.accounts), redis=redis, http=address
        )
        began: dict[str, Value] = {
            "version": __version__,
            "accounts": list(config.accounts),
            "policy": list(config.policy.told),
        }
        daemon.journal.append(Draft(daemon.clock.now(), READY, None, began))
        await service.ready()
        async with lasting(
            reloader.run(daemon.govern, daemon.observer), service.attend(daemon.status), _tell_stop(stop, service)
        ):
            await daemon.work(stop)


async def _tell_stop(stop: asyncio.Event, service: Service) -> None:
    await stop.wait()
    await service.stopping()


def _site(http: Http, daemon: "Daemon") -> web.Application:
    """The pages for machines, the API, and the page for people."""
    gate = Gate([Token(of.name, of.sha256, frozenset(of.scopes)) for of in http.tokens], http.host, daemon.observer)
    webhooks = Webhooks([secret.get_secret_value() for secret in http.webhook_secrets], daemon.clock)
    site = health_app(daemon.problems, daemon.metrics.page, counting(daemon.observer), problems)
    site.add_routes(PageFiles(FOLDER).routes())
    site.add_subapp("/v1/page", board_app(daemon.board, daemon.hand, gate))
    site.add_subapp("/v1", api_app(daemon.desk, gate, webhooks, daemon.observer))
    return site


def _listening(http: Http) -> tuple[str, int, ssl.SSLContext | None]:
    tls = tls_context(http.tls_cert, http.tls_key) if http.tls_cert and http.tls_key else None
    return http.host, http.port, tls


async def assemble(config: Config, log: Log, stack: AsyncExitStack, outside: Outside) -> "Daemon":
    """Everything that is held open, each to be closed by `stack`."""
    tracing = await stack.enter_async_context(_tracing(config.traces.otlp_url, outside.clock))
    watchers = Watchers(log, outside.clock, tracing, stack)
    journal = await stack.enter_async_context(
        outside.audit(config.data_dir / "audit", config.audit.keep_days, outside.clock, watchers.of(None).observer)
    )
    url = await stack.enter_async_context(_redis_url(config))
    redis = await stack.enter_async_context(_closing(writer(url)))
    accounts = {}
    for name in config.accounts:
        http = await stack.enter_async_context(outside.session())
        own = await stack.enter_async_context(_closing(writer(url)))
        lease_client = await stack.enter_async_context(_closing(writer(url)))
        accounts[name] = Account(name, config, own, lease_client, http, outside, watchers, journal)

    def new_reader() -> Redis:
        made = reader(url)
        stack.push_async_callback(made.aclose)
        return made

    return Daemon(config, accounts, redis, new_reader, outside, watchers, journal)


class Daemon:
    """All accounts, and what they share: the CRM's messages, Redis, the metrics."""

    def __init__(
        self,
        config: Config,
        accounts: Mapping[str, Account],
        redis: Redis,
        new_reader: Callable[[], Redis],
        outside: Outside,
        watchers: Watchers,
        journal: Journal,
    ) -> None:
        self.metrics = watchers.metrics
        self.journal = journal
        self.clock = clock = outside.clock
        self.observer = observer = watchers.of(None, later=(Recorder(journal, None, watchers.then),)).observer
        self._accounts = accounts
        self._dead_letters = DeadLetters(redis, config.redis.namespace, clock)
        self.desk = Desk(accounts, clock, observer)
        self.hand = Hand(self.desk, accounts, clock, outside.rng)
        keeper = Keeper(accounts, clock, self.problems, watchers.history, watchers.recent)
        self.board = Board(accounts, keeper, self.desk, clock, watchers.history)
        crm, deliver, letters, rng = config.crm, self.desk.deliver, self._dead_letters, outside.rng

        def durable(source: Callable[[Wire], Source]) -> DurableReader:
            wire = Wire(new_reader())
            return DurableReader(source(wire), wire, deliver, observer, letters, clock, rng)

        def fleeting() -> PubSubReader:
            return PubSubReader(new_reader(), crm.channels, deliver, observer, letters, clock, rng)

        streams = [
            durable(partial(Stream, key=key, group=crm.group, clock=clock)) for key in dict.fromkeys(crm.streams)
        ]
        lists = [durable(partial(List, key=key)) for key in dict.fromkeys(crm.lists)]
        self._messages = WaysIn([*streams, *lists], [fleeting()] if crm.channels else [])

    def problems(self) -> dict[str, str]:
        """What is not ready, and why."""
        found = {name: why for name, account in self._accounts.items() if (why := account.problem)}
        if unheard := self._messages.unheard:
            found["crm"] = f"messages are not heard from {', '.join(unheard)}"
        if why := self.journal.problem:
            found["audit"] = why
        return found

    def status(self) -> str:
        """In one line."""
        problems = self.problems()
        return "not ready: " + "; ".join(f"{name}: {why}" for name, why in problems.items()) if problems else "ready"

    def govern(self, config: Config) -> None:
        """Decide by this configuration's policy from now on."""
        for account in self._accounts.values():
            account.govern(config)

    async def work(self, stop: asyncio.Event) -> None:
        """Wait until all accounts are ours, work until `stop` is set, and give them up."""
        leases = [account.lease for account in self._accounts.values()]
        async with lasting(watch(self.clock, self.observer), *(lease.run() for lease in leases)):
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
        restoring = [account.restore() for account in accounts]
        async with lasting(self._dead_letters.run(), *restoring, *(account.store.run() for account in accounts)):
            await unless(stop, self._restored())
            if self._messages.durable:
                for account in accounts:
                    account.engine.learn(BacklogBegan())
            async with (
                _draining(*(account.engine for account in accounts)),
                lasting(
                    self._messages.run(), self._work_off_backlog(), *(account.feed.run() for account in accounts)
                ),
            ):
                with self.desk.open():
                    await stop.wait()
            await together(account.finish() for account in accounts)

    async def _restored(self) -> None:
        """Wait until what earlier processes left is taken up."""
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(account.restored.wait()) for account in self._accounts.values()]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            _, late = await asyncio.wait(waiting, timeout=OTHERS_S)
            for task in late:
                task.cancel()

    async def _work_off_backlog(self) -> None:
        await self._messages.worked_off()
        for account in self._accounts.values():
            account.engine.learn(BacklogDone())


@asynccontextmanager
async def _tracing(url: str | None, clock: Clock) -> AsyncIterator["Tracing | None"]:
    """Imported only where traces are wanted: it is an extra, and large."""
    if url is None:
        yield None
        return
    from orchestrator.telemetry.tracing import open_tracing

    async with open_tracing(url, __version__, clock, asyncio.get_running_loop().call_later) as tracing:
        yield tracing


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
