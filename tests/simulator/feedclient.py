"""A raw Engine.IO client: only aiohttp's WebSocket and the packets, written out: nothing is taken on trust."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from orchestrator.simulator.stage import Stage


async def login(sim: Stage) -> dict[str, Any]:
    body = {"token": "simulated-token"}
    async with ClientSession() as http, http.post(f"{sim.login_url}/Token", json=body) as answer:
        assert answer.status == 200
        socket: dict[str, Any] = (await answer.json())["Data"]["Socket"]
        return socket


class FeedClient:
    """Logs in, connects; `packets` and `events` are in order of arrival."""

    def __init__(self, sim: Stage, eio: int, token: str | None = None) -> None:
        self._sim = sim
        self._eio = eio
        self._token = token
        self._http = ClientSession()
        self._socket: ClientWebSocketResponse | None = None

    async def __aenter__(self) -> Self:
        token = self._token or (await login(self._sim))["Token"]
        query = {"token": token, "EIO": str(self._eio), "transport": "websocket"}
        url = f"{self._sim.http_url}/socket.io/"
        self.token = token
        self._socket = await self._http.ws_connect(url, params=query, max_msg_size=0)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._socket is not None
        await self._socket.close()
        await self._http.close()

    async def send(self, packet: str) -> None:
        assert self._socket is not None
        await self._socket.send_str(packet)

    async def emit(self, name: str, argument: Any) -> None:
        await self.send("42" + json.dumps([name, argument]))

    async def packet(self, within_s: float = 5.0) -> str | None:
        """The next packet; None when the server has closed."""
        assert self._socket is not None
        async with asyncio.timeout(within_s):
            message = await self._socket.receive()
        return message.data if message.type is WSMsgType.TEXT else None

    async def event(self, within_s: float = 5.0) -> tuple[str, Any]:
        """The next event; other packets are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                packet = await self.packet(within_s)
                assert packet is not None, "the server closed the feed"
                if packet.startswith("42"):
                    name, payload = json.loads(packet[2:])
                    return name, payload

    async def snapshot(self) -> dict[str, Any]:
        """Pass over all events up to the next snapshot of the extensions."""
        while True:
            name, payload = await self.event()
            if name == "AllExtensionsStatus":
                await self.event()  # AllDialersStatus
                assert isinstance(payload, dict)
                return payload
