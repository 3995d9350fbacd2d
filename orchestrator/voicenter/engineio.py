"""python-socketio's client for Engine.IO 3 and 4, with three things changed.

It speaks Engine.IO 3, as Voicenter's servers do (there the client pings, and the server joins the default
namespace unasked). Each message is handed over before the next one is read, so order is kept and the exception
of a handler surfaces. It starts no task of its own: whoever awaits `pump` drives the connection.
"""

import asyncio
import json
from typing import Literal

import aiohttp
import engineio  # type: ignore[import-untyped]
import socketio  # type: ignore[import-untyped]
from engineio.packet import CLOSE, MESSAGE, NOOP, OPEN, PING, PONG, Packet  # type: ignore[import-untyped]
from socketio.packet import (  # type: ignore[import-untyped]
    ACK,
    BINARY_ACK,
    BINARY_EVENT,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
)
from socketio.packet import Packet as SocketPacket

from orchestrator.encoding import decoded
from orchestrator.voicenter.faults import fault

Generation = Literal[3, 4]

PACKETS_A_TURN = 8
"""After so many packets everybody else on the loop gets a turn: about a millisecond's work, with call events."""
_CLOSE_WITHIN_S = 1.0
_GARBLED = (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError)


class ConnectionLost(Exception):
    """The connection could not be made, or ended. The text says why, in words of our own."""


class ClosedByServer(ConnectionLost):
    """The server closed the connection in good order."""


class ConnectionRefused(Exception):
    """The server turned this session away."""


class _Json:
    """The library's own variant calls back into Python for each number: a snapshot has a million."""

    loads = staticmethod(decoded)
    dumps = staticmethod(json.dumps)


class FeedPacket(SocketPacket):  # type: ignore[misc]
    """Reads a Socket.IO packet, and tells nonsense from a bug of ours."""

    json = _Json

    def decode(self, encoded_packet: str) -> int:
        try:
            attachments: int = super().decode(encoded_packet)
        except _GARBLED:
            raise ConnectionLost("packet is no Socket.IO") from None
        if not self._makes_sense():
            raise ConnectionLost("packet is no Socket.IO")
        return attachments

    def _makes_sense(self) -> bool:
        kind, data = self.packet_type, self.data
        if kind in (EVENT, BINARY_EVENT):
            return isinstance(data, list) and bool(data) and isinstance(data[0], str)
        if kind in (ACK, BINARY_ACK):
            return isinstance(data, list)
        if kind == CONNECT:
            return data is None or isinstance(data, dict)
        return kind in (DISCONNECT, CONNECT_ERROR)

    def add_attachment(self, attachment: bytes) -> bool:
        try:
            return bool(super().add_attachment(attachment))
        except _GARBLED:
            raise ConnectionLost("binary attachment does not fit") from None


class Transport(engineio.AsyncClient):  # type: ignore[misc]
    """Engine.IO over one WebSocket, driven by whoever awaits `pump`."""

    generation: Generation = 4

    def _get_engineio_url(self, url: str, engineio_path: str, transport: str) -> str:
        address: str = super()._get_engineio_url(url, engineio_path, transport)
        return f"{address.removesuffix('EIO=4')}EIO={self.generation}"

    async def _connect_websocket(self, url: str, headers: dict[str, str], engineio_path: str) -> bool:
        address = self._get_engineio_url(url, engineio_path, "websocket")
        ws = await self.http_factory().ws_connect(
            address,
            headers=headers,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WITHIN_S),
            **self.websocket_extra_options,
        )
        self.ws = ws
        try:
            self._open(await self._next_packet(None))
        except BaseException:
            await ws.close()
            raise
        self.current_transport = "websocket"
        self.state = "connected"
        await self.handlers["connect"]()
        return True

    def _open(self, packet: Packet | None) -> None:
        try:
            if packet is None or packet.packet_type != OPEN:
                raise ValueError
            self.sid = str(packet.data["sid"])
            self.ping_interval = int(packet.data["pingInterval"]) / 1000
            self.ping_timeout = int(packet.data["pingTimeout"]) / 1000
            if self.ping_interval <= 0 or self.ping_timeout < 0:
                raise ValueError
        except _GARBLED:
            raise ConnectionLost("server does not open an Engine.IO session") from None

    async def pump(self) -> None:
        """Take in packets until the connection ends, which raises `ConnectionLost`.

        While aiohttp has messages in its buffer (some thousands, if they are short), receiving them does not give
        the loop a turn; so that is done here.
        """
        patience_s = self.ping_interval + self.ping_timeout
        taken = 0
        while self.state == "connected":
            packet = await self._next_packet(patience_s)
            if packet is None:
                break
            await self._receive_packet(packet)
            taken += 1
            if taken % PACKETS_A_TURN == 0:
                await asyncio.sleep(0)
        raise ClosedByServer("closed by the server")

    async def ping(self) -> None:
        """Engine.IO 3: the client asks, every `pingInterval`, and the server answers."""
        while True:
            await asyncio.sleep(self.ping_interval)
            await self._send_packet(Packet(PING))

    async def _next_packet(self, patience_s: float | None) -> Packet | None:
        """The next packet; None when the server closed the connection."""
        try:
            message = await self.ws.receive(patience_s)
        except TimeoutError:
            raise ConnectionLost("server fell silent") from None
        match message.type:
            case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                try:
                    return Packet(encoded_packet=message.data)
                except _GARBLED:
                    raise ConnectionLost("packet is no Engine.IO") from None
            case aiohttp.WSMsgType.ERROR:
                raise ConnectionLost(_broken(message.data))
            case _:
                if self.ws.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
                    raise ConnectionLost(_broken(self.ws.exception()))
                return None

    async def _receive_packet(self, pkt: Packet) -> None:
        if pkt.packet_type == MESSAGE and pkt.data:
            await self.handlers["message"](pkt.data)
        elif pkt.packet_type == PING:
            await self._send_packet(Packet(PONG, pkt.data))
        elif pkt.packet_type == CLOSE:
            await self.disconnect()
        elif pkt.packet_type not in (PONG, NOOP):
            raise ConnectionLost("packet is no Engine.IO")

    async def _send_packet(self, pkt: Packet) -> None:
        if self.state != "connected":
            return
        encoded = pkt.encode()
        try:
            if isinstance(encoded, bytes):
                await self.ws.send_bytes(encoded)
            else:
                await self.ws.send_str(encoded)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(fault(error)) from None

    async def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Close the WebSocket, giving the server a second to agree."""
        if self.state == "connected":
            self.state = "disconnected"
            await self.handlers["disconnect"](reason or self.reason.SERVER_DISCONNECT)
            await self.ws.close()


def _broken(error: object) -> str:
    match error:
        case aiohttp.WebSocketError(code=aiohttp.WSCloseCode.MESSAGE_TOO_BIG):
            return "message is longer than allowed"
        case aiohttp.ServerTimeoutError():
            return "server does not answer pings"
        case _:
            return "connection broken"


class Transport3(Transport):
    """The same on Engine.IO 3."""

    generation: Generation = 3


class Client(socketio.AsyncClient):  # type: ignore[misc]
    """Socket.IO over `Transport`, for servers from 3.0 on."""

    def _engineio_client_class(self) -> type[Transport]:
        return Transport


class Client3(socketio.AsyncClient):  # type: ignore[misc]
    """Socket.IO over `Transport3`, for servers 1.x and 2.x."""

    def _engineio_client_class(self) -> type[Transport]:
        return Transport3

    async def _handle_eio_connect(self) -> None:
        self.sid = self.eio.sid  # the server sends the CONNECT; one of ours would join a second time
