"""Reads the configuration again when asked to, and takes over what may change while the daemon runs.

Guarantees: a configuration that is wrong changes nothing, and each of its mistakes is logged; what is asked for while
the daemon starts is done when it has started; the loop does not wait for the file.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from orchestrator.config import Config, ConfigError
from orchestrator.config.renewal import renewed
from orchestrator.engine.notices import ConfigRejected, ConfigReloaded
from orchestrator.engine.ports import Observer
from orchestrator.service import Service
from orchestrator.telemetry.logs import Log


class Reloader:
    def __init__(self, running: Config, read: Callable[[], Config], log: Log, service: Service) -> None:
        """`read` raises `ConfigError`."""
        self._running = running
        self._read = read
        self._log = log
        self._service = service
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """The configuration is to be read again, soon."""
        self._asked.set()

    async def run(self, govern: Callable[[Config], None], observer: Observer) -> NoReturn:
        """Read when asked to, until cancelled; `govern` takes over the policy, `observer` hears what came of it."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._service.reloading()
            await self._reload(govern, observer)
            await self._service.ready()

    async def _reload(self, govern: Callable[[Config], None], observer: Observer) -> None:
        try:
            read = await asyncio.to_thread(self._read)
        except ConfigError as error:
            for mistake in error.mistakes:
                observer.notice(ConfigRejected(mistake))
            return
        renewal = renewed(self._running, read)
        self._running = renewal.config
        self._log.set_level(renewal.config.log.level)
        govern(renewal.config)
        observer.notice(ConfigReloaded(renewal.changed, renewal.needs_restart, self._running.policy.told))
