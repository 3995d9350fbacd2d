"""The other end of sd_notify(3): a manager's socket, and what was said to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Manager:
    address: str
    said: list[tuple[float, str]] = field(default_factory=list)
    """When, by the loop's time, and a line of what."""

    @property
    def words(self) -> list[str]:
        """All but the beats of the watchdog."""
        return [word for _, word in self.said if word != "WATCHDOG=1"]

    @property
    def beats(self) -> list[float]:
        return [at for at, word in self.said if word == "WATCHDOG=1"]

    def read(self, listening: socket.socket) -> None:
        at = asyncio.get_running_loop().time()
        self.said += [(at, word) for word in listening.recv(4096).decode().splitlines()]


@asynccontextmanager
async def managing(address: str) -> AsyncIterator[Manager]:
    """`address` is a path, or begins with @: an abstract one."""
    manager, loop = Manager(address), asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.setblocking(False)
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        loop.add_reader(listening, manager.read, listening)
        try:
            yield manager
        finally:
            loop.remove_reader(listening)
