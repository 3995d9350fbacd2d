"""The parts of one account, wired together: engine, feed, store, lease and the clients of Voicenter's APIs.

Guarantee: an account shares nothing with another but the process and its clock.
"""

import asyncio
from collections.abc import Callable

import aiohttp
from redis.asyncio import Redis

from orchestrator.audit.journal import Journal
from orchestrator.audit.recorder import Recorder, left_in, look_in
from orchestrator.config import Account as AccountSettings
from orchestrator.config import Config
from orchestrator.config.schema import FEED
from orchestrator.core.policy import Policy
from orchestrator.core.standing import Told
from orchestrator.core.state import State
from orchestrator.documents import status_event
from orchestrator.encoding import encoded
from orchestrator.engine.loop import Engine
from orchestrator.engine.notices import OwnerReleased
from orchestrator.engine.ports import Observer, StoreUnavailable
from orchestrator.outside import Outside
from orchestrator.store.keys import Keys
from orchestrator.store.lease import Lease
from orchestrator.store.redis_store import RedisStore
from orchestrator.telemetry.audit import AuditObserver
from orchestrator.telemetry.now import now_of
from orchestrator.telemetry.timelines import Timelines
from orchestrator.telemetry.turned import Turned
from orchestrator.voicenter.active_calls import ActiveCallsClient
from orchestrator.voicenter.feed import Feed
from orchestrator.voicenter.login import Credentials
from orchestrator.voicenter.mute_api import MuteClient
from orchestrator.voicenter.settings import FeedSettings
from orchestrator.watchers import Watchers

FLUSH_S = 2.0
"""How long Redis is waited for, when stopping, to take the last answers."""
LOAD_AGAIN_S = 1.0
"""Pause between attempts to read what an earlier process left, while Redis is away."""
POLL_WITHIN_S = 5.0
"""How long an answer of Active Calls is waited for: that for a whole account may have megabytes."""


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
        watchers: Watchers,
        journal: Journal,
    ) -> None:
        settings, state, clock, rng = config.accounts[name], State(), outside.clock, outside.rng
        audit = AuditObserver(lambda entry: self.store.record(entry), watchers.then)  # noqa: PLW0108 - the store comes next
        kept = Recorder(journal, name, watchers.then, look_in(state), left_in(state))
        self.timelines, self.turned = Timelines(state, clock), Turned(clock)
        watch = watchers.of(name, prompt=(self.timelines,), later=(audit, kept, self.turned))
        self.observer, self._tell = watch.observer, watch.tell
        observer = self.observer
        keys = Keys(config.redis.namespace, name)
        self.lease = Lease(lease_client, keys, outside.me, clock, observer)
        self.store = RedisStore(store_client, config.redis.namespace, name, state, clock, observer, self.lease)
        api = MuteClient(http, self._mute_url(settings), config.api.timeout_seconds)
        calls = _active_calls(settings, http, observer)
        self.engine = Engine(
            state,
            _policy(config),
            clock,
            rng,
            self.store,
            api,
            calls,
            observer,
            config.api.max_concurrency,
            self._announce,
        )
        self.engine.heeding.append(self.timelines.heed)
        self.feed = Feed(_feed_settings(settings), http, clock, rng, self.engine.learn, observer, outside.connect)
        self.name, self._rng = name, rng
        self.restored = asyncio.Event()
        """Set when what an earlier process left is taken up."""
        watchers.metrics.follow(name, lambda: now_of(state, self.store.healthy, clock.now()))

    @property
    def policy(self) -> Policy:
        """The one that holds now."""
        return self.engine.policy

    def govern(self, config: Config) -> None:
        """Decide by this configuration's policy from now on."""
        self.engine.govern(_policy(config))

    @property
    def problem(self) -> str | None:
        """Why this account is not ready; None when it is."""
        if self.lease.problem is not None:
            return self.lease.problem
        if self.store.problem is not None:
            return self.store.problem
        if not self.restored.is_set():
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
            self.restored.set()
            return

    async def finish(self) -> None:
        """Have the last answers told, and what was told of them written."""
        self.engine.standings.tell()
        self.observer.notice(OwnerReleased())
        self._tell()
        await self.store.flushed(FLUSH_S)

    def _announce(self, told: Told) -> None:
        event_id = f"{self._rng.getrandbits(96):024x}"
        self.store.announce(encoded(status_event(self.name, event_id, told)))

    def _mute_url(self, settings: AccountSettings) -> str | Callable[[], str | None]:
        if settings.mute_url != FEED:
            return settings.mute_url

        def of_the_feed() -> str | None:
            server = self.feed.server_to_ask
            return None if server is None else f"{server}/api/MuteUnmuteCalls"

        return of_the_feed


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
    settings: AccountSettings, http: aiohttp.ClientSession, observer: Observer
) -> ActiveCallsClient | None:
    """None: there is no code to ask with."""
    if settings.api_code is None:
        return None
    code = settings.api_code.get_secret_value()
    return ActiveCallsClient(http, settings.active_calls_url, code, POLL_WITHIN_S, observer)


def _feed_settings(settings: AccountSettings) -> FeedSettings:
    return FeedSettings(
        settings.login_type,
        Credentials(settings.credentials),
        settings.login_url,
        settings.refresh_url,
        settings.allow_http == "yes",
        settings.engineio,
    )
