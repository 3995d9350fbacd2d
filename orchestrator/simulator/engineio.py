"""One client of the simulated feed: Engine.IO 3 or 4 with Socket.IO packets, over an aiohttp WebSocket.

Guarantees: what is emitted arrives in order; a client that falls silent for `pingInterval + pingTimeout`, or
falls behind by more than `BACKLOG` packets, is cut off. A server of generation 3 behaves as the old ones do to a
client of generation 4: the client's CONNECT joins it a second time, and every event then arrives twice.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from orchestrator.simulator.settings import Generation, VoicenterSettings

BACKLOG = 20_000

OPEN, CLOSE, PING, PONG = "0", "1", "2", "3"
CONNECT, DISCONNECT, EVENT = "40", "41", "42"


def event_packet(name: str, payload: Any) -> str:
    return EVENT + json.dumps([name, payload], separators=(",", ":"), ensure_ascii=False)


class Session:
    def __init__(
        self,
        socket: web.WebSocketResponse,
        sid: str,
        generation: Generation,
        settings: VoicenterSettings,
        joined: Callable[["Session"], None],
        received: Callable[["Session", str, Any], None],
    ) -> None:
        self.monitored: frozenset[str] | None = None
        """SIP ids that the client asked to be told of; None: all."""
        self.token = ""
        self._socket = socket
        self._sid = sid
        self._generation = generation
        self._settings = settings
        self._joined = joined
        self._received = received
        self._joins = 0
        self._packets: asyncio.Queue[str] = asyncio.Queue(BACKLOG)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def emit(self, packet: str) -> None:
        """Send an event's packet, soon; as many times as the client has joined."""
        for _ in range(self._joins):
            self._send(packet)

    def stop(self) -> None:
        """Cut the connection, without a word."""
        for task in self._tasks:
            task.cancel()

    def disconnect(self) -> None:
        """Tell the client that it is disconnected, then close: as the vendor does to a bad login."""
        self._send(DISCONNECT)
        self._send(CLOSE)

    async def serve(self) -> None:
        """Until either side closes, or `stop`."""
        self._send(OPEN + json.dumps(self._handshake()))
        if self._generation == 3:  # the old servers connect the default namespace unasked
            self._join()
        async with asyncio.TaskGroup() as group:
            duties = [self._read(), self._write()] + ([self._ping()] if self._generation == 4 else [])
            self._tasks = tuple(group.create_task(duty) for duty in duties)
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            self.stop()

    def _handshake(self) -> dict[str, Any]:
        return {
            "sid": self._sid,
            "upgrades": [],
            "pingInterval": int(self._settings.ping_interval_s * 1000),
            "pingTimeout": int(self._settings.ping_timeout_s * 1000),
            "maxPayload": 1_000_000,
        }

    def _join(self) -> None:
        self._joins += 1
        self._send(CONNECT if self._generation == 3 else CONNECT + json.dumps({"sid": self._sid}))
        self._joined(self)

    def _send(self, packet: str) -> None:
        try:
            self._packets.put_nowait(packet)
        except asyncio.QueueFull:
            self.stop()

    async def _write(self) -> None:
        try:
            while True:
                packet = await self._packets.get()
                await self._socket.send_str(packet)
                if packet == CLOSE:
                    return
        except ConnectionError:
            return

    async def _ping(self) -> None:
        """Engine.IO 4: the server pings. That the pong comes is `_read`'s to watch."""
        while True:
            await asyncio.sleep(self._settings.ping_interval_s)
            self._send(PING)

    async def _read(self) -> None:
        patience_s = self._settings.ping_interval_s + self._settings.ping_timeout_s
        while True:
            try:
                message = await self._socket.receive(timeout=patience_s)
            except TimeoutError:
                return
            if message.type is not WSMsgType.TEXT or message.data == CLOSE:
                return
            try:
                self._take(message.data)
            except ValueError:  # no packet of the protocol: the real servers close, too
                return

    def _take(self, packet: str) -> None:
        if packet.startswith(PING):
            self._send(PONG + packet[1:])
        elif packet.startswith(CONNECT):
            self._join()
        elif packet.startswith(DISCONNECT):
            self._send(CLOSE)
        elif packet.startswith(EVENT):
            name, *arguments = json.loads(packet[packet.index("[") :])
            self._received(self, name, arguments[0] if arguments else None)
