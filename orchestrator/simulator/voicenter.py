"""The Voicenter double: one aiohttp application that plays login, APIs and feed, on one or several ports."""

import random
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from orchestrator.clock import Clock
from orchestrator.simulator.api import Account, Api, Faults, address
from orchestrator.simulator.feed import Feed
from orchestrator.simulator.settings import VoicenterSettings
from orchestrator.simulator.tokens import Tokens
from orchestrator.simulator.truth import Truth

EVERYWHERE = "0.0.0.0"  # noqa: S104  # recognised, never chosen


class Voicenter:
    """Listens while its context is entered."""

    def __init__(
        self,
        settings: VoicenterSettings,
        clock: Clock,
        chance: random.Random,
        truth: Truth,
        account: Account,
    ) -> None:
        self.faults = Faults()
        self.tokens = Tokens(clock, chance, settings.token_life_s)
        self.feed = Feed(settings, clock, chance, self.tokens, truth.last_muted)
        self._settings = settings
        self._api = Api(settings, chance, self.tokens, truth, account, self.faults)
        app = web.Application()
        app.add_routes([*self._api.routes(), web.get("/socket.io/", self.feed.handle)])
        app.on_shutdown.append(self._close_feed)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """As seen from this machine."""
        host = "127.0.0.1" if self._settings.host == EVERYWHERE else self._settings.host
        return address(host, self.port)

    @property
    def port(self) -> int:
        """Of the first server."""
        return self._api.ports[0]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._runner.setup()
            stack.push_async_callback(self._runner.cleanup)
            for number in range(self._settings.monitors):
                port = self._settings.port if number == 0 else 0
                await web.TCPSite(self._runner, self._settings.host, port).start()
            self._stack = stack.pop_all()
        self._api.ports += [port for _, port, *_ in self._runner.addresses]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _close_feed(self, _app: web.Application) -> None:
        self.feed.close()
