"""What the daemon tells the service manager that started it: the protocol of sd_notify(3), a datagram for each word.

Guarantees: started by hand, nothing is told and nothing costs; telling never blocks the loop; the watchdog is fed
from the loop, so that a process whose loop hangs is found out and started again; a manager that is not there any
more disturbs nothing.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

LOOK_EVERY_S = 1.0
"""How often the status is looked at."""
BEATS = 3
"""So many beats of the watchdog are meant to come in the time that it waits for one."""


@dataclass(frozen=True, slots=True)
class Service:
    address: str = ""
    """Of the manager's socket; empty: there is none."""
    watchdog_s: float | None = None
    """The manager gives the process up when it was not heard for so long; None: never."""

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> "Service":
        """As the manager said in the environment of the process `pid`."""
        address, period_us = environ.get("NOTIFY_SOCKET", ""), environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        watched = meant and period_us.isdecimal() and int(period_us) > 0
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, int(period_us) / 1e6 if watched else None)

    async def ready(self) -> None:
        """It has started, or has its configuration read again."""
        await self._tell("READY=1")

    async def reloading(self) -> None:
        await self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    async def stopping(self) -> None:
        await self._tell("STOPPING=1", "STATUS=stopping")

    async def attend(self, status: Callable[[], str]) -> None:
        """Feed the watchdog, and tell the status whenever it is another, until cancelled."""
        told = ""
        every_s = min(LOOK_EVERY_S, self.watchdog_s / BEATS) if self.watchdog_s else LOOK_EVERY_S
        while self.address:
            beat = ["WATCHDOG=1"] if self.watchdog_s else []
            if (now := status()) != told:
                beat.append(f"STATUS={now}")
                told = now
            if beat:
                await self._tell(*beat)
            await asyncio.sleep(every_s)

    async def _tell(self, *words: str) -> None:
        """Nobody can be told that the manager does not hear: it acts on that by itself, by its timeouts."""
        if not self.address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.setblocking(False)
            sender.connect(self._path)
            await asyncio.get_running_loop().sock_sendall(sender, "\n".join(words).encode())

    @property
    def _path(self) -> str:
        """The address as the system takes it: @ stands for the NUL of an abstract one."""
        return "\0" + self.address[1:] if self.address.startswith("@") else self.address
