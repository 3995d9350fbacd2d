"""A Redis server without sockets: what stands between redis-py's StreamReader and the data, and what can go wrong.

Guarantees: a command is executed once, in the order of its connection, at some moment of its latency; what was
executed stays executed, whether or not its answer arrives; a connection that is severed is silent for ever. The
faults are attributes that whoever plays fate sets and takes back.
"""

import asyncio
import errno
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.simulation.loop import Process, SimulatedLoop, this_process
from tests.simulation.redis_data import RedisData, Refused, Status, Value, matches

CRLF = b"\r\n"
QUICK_S = (0.0002, 0.0008)


class RedisServer:
    """Fulfils `loop.Network`: every address leads here."""

    def __init__(self, loop: SimulatedLoop, now: Callable[[], float], chance: random.Random) -> None:
        self.data = RedisData(now)
        self.away = False
        self.silent = False
        """Half-open: whatever is sent is lost, whoever connects waits."""
        self.latency_s = QUICK_S
        self.lost_replies = 0
        """So many of the next writes are executed, and then the connection breaks instead of an answer."""
        self.messages: set[bytes] = set()
        """What is to be watched on its way."""
        self.delivered: Callable[[RedisTransport, Process | None, bytes], None] = lambda *_: None
        """A message has reached a client."""
        self.connections: list[RedisTransport] = []
        self._loop = loop
        self._chance = chance

    async def connect(
        self, loop: SimulatedLoop, factory: Callable[[], asyncio.Protocol], _host: str, _port: int
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if self.silent:
            await loop.create_future()
        await asyncio.sleep(self._latency())
        if self.silent:
            await loop.create_future()
        if self.away:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        protocol = factory()
        transport = RedisTransport(self, loop, protocol, this_process())
        self.connections.append(transport)
        protocol.connection_made(transport)
        return transport, protocol

    def publish(self, channel: bytes, message: bytes) -> list["RedisTransport"]:
        """Whom it went to."""
        heard = [connection for connection in self.connections if connection.hears(channel)]
        for connection in heard:
            connection.push(channel, message)
        return heard

    def go_away(self) -> None:
        self.away = True
        self.reset_all()

    def come_back(self, *, empty: bool = False) -> None:
        self.away = False
        self.data.restart(empty=empty)

    def reset_all(self) -> None:
        for connection in list(self.connections):
            connection.reset()

    def sever(self, process: Process) -> None:
        """The process is dead: the server sees its connections close."""
        for connection in list(self.connections):
            if connection.process is process:
                connection.sever()

    def unblock(self) -> None:
        """Let those go on who wait for what was added."""
        touched = self.data.touched
        if touched:
            self.data.touched = set()
            for connection in list(self.connections):
                connection.wake(touched)

    def _latency(self) -> float:
        return self._chance.uniform(*self.latency_s)


class RedisTransport(asyncio.Transport):
    """One connection, seen from the client's side."""

    def __init__(
        self, server: RedisServer, loop: SimulatedLoop, protocol: asyncio.Protocol, process: Process | None
    ) -> None:
        super().__init__()
        self.process = process
        self.protocol = protocol
        self._server = server
        self._loop = loop
        self._input = b""
        self._multi: list[list[bytes]] | None = None
        self._channels: dict[bytes, None] = {}
        self._patterns: dict[bytes, None] = {}
        self._closed = False
        self._severed = False
        self._free_at = 0.0
        self._blocked: tuple[list[bytes], set[bytes], asyncio.TimerHandle | None] | None = None
        self._waiting: list[list[bytes]] = []
        self._carried: list[bytes] = []

    # As a transport

    def write(self, data: Any) -> None:
        server = self._server
        if self._closed or self._severed or server.silent:
            return
        if server.latency_s is QUICK_S:
            self._arrive(bytes(data))
        else:
            self._free_at = max(self._free_at, self._loop._now_s + server._latency() / 2)
            self._loop.in_world(self._free_at - self._loop._now_s, self._arrive, bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._end()
            self._loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    # As the network

    def reset(self) -> None:
        """The connection breaks: the client learns of it at once."""
        if not self._closed and not self._severed:
            self._end()
            self.protocol.connection_lost(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))

    def sever(self) -> None:
        self._severed = True
        if self in self._server.connections:
            self._server.connections.remove(self)

    def _end(self) -> None:
        self._closed = True
        if self in self._server.connections:
            self._server.connections.remove(self)

    def hears(self, channel: bytes) -> bool:
        if self._server.silent or self._severed or self._closed:
            return False
        return channel in self._channels or any(matches(pattern, channel) for pattern in self._patterns)

    def push(self, channel: bytes, message: bytes) -> None:
        if channel in self._channels:
            self._carried.append(message)
            self._answer(_reply([b"message", channel, message]))
        for pattern in self._patterns:
            if matches(pattern, channel):
                self._carried.append(message)
                self._answer(_reply([b"pmessage", pattern, channel, message]))

    def _answer(self, data: bytes) -> None:
        server = self._server
        latency_s = server._latency()
        due = max(self._free_at, self._loop._now_s + latency_s)
        self._free_at = due
        self._loop.in_world(due - self._loop._now_s, self._deliver, data, self._carried)
        self._carried = []

    def _deliver(self, data: bytes, carried: list[bytes]) -> None:
        if not self._closed and not self._severed and not self._server.silent:
            for message in carried:
                self._server.delivered(self, self.process, message)
            self.protocol.data_received(data)

    # As the server

    def _arrive(self, data: bytes) -> None:
        if self._server.away:
            return
        self._input += data
        commands, self._input = _parse(self._input)
        if self._blocked is not None:
            self._waiting += commands
            return
        self._execute(commands)

    def _execute(self, commands: list[list[bytes]]) -> None:
        replies = []
        for at, words in enumerate(commands):
            reply = self._command(words)
            if reply is None:  # it blocks: what came after it waits
                self._waiting += commands[at + 1 :]
                break
            replies.append(reply)
        server = self._server
        server.unblock()
        if not replies or self._closed:
            return
        if server.lost_replies:
            server.lost_replies -= 1
            self._carried = []
            self._loop.in_world(server._latency(), self.reset)
        else:
            self._answer(b"".join(replies))

    def _command(self, words: list[bytes]) -> bytes | None:
        name = words[0].upper()
        if self._multi is not None and name not in (b"EXEC", b"DISCARD"):
            self._multi.append(words)
            return b"+QUEUED\r\n"
        match name:
            case b"MULTI":
                self._multi = []
                return b"+OK\r\n"
            case b"EXEC":
                queued, self._multi = self._multi or [], None
                return b"*%d\r\n%s" % (len(queued), b"".join(map(self._run, queued)))
            case b"SUBSCRIBE" | b"PSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE":
                return self._subscribe(name, words[1:])
            case b"PUBLISH":
                return _reply(len(self._server.publish(words[1], words[2])))
            case b"PING" if self._channels or self._patterns:
                return _reply([b"pong", words[1] if len(words) > 1 else b""])
            case b"XREADGROUP" | b"BLMOVE":
                return self._blocking(name, words)
        return self._run(words)

    def _run(self, words: list[bytes]) -> bytes:
        try:
            value = self._server.data.run(words)
        except Refused as refused:
            return b"-%s\r\n" % str(refused).encode()
        if words[0].upper() in CARRIERS:
            self._carried += [word for word in _words(value) if word in self._server.messages]
        return _reply(value)

    def _subscribe(self, name: bytes, names: list[bytes]) -> bytes:
        table = self._patterns if name.startswith(b"P") else self._channels
        replies = []
        for each in names or list(table) or [b""]:
            if b"UN" in name:
                table.pop(each, None)
            else:
                table[each] = None
            replies.append(_reply([name.lower(), each, len(self._channels) + len(self._patterns)]))
        return b"".join(replies)

    # Waiting for what is added

    def _blocking(self, name: bytes, words: list[bytes]) -> bytes | None:
        upper = [word.upper() for word in words]
        if name == b"BLMOVE":
            once, wait_s, keys = [b"LMOVE", *words[1:5]], float(words[5]), {words[1]}
        elif b"BLOCK" in upper:
            once, wait_s = words, int(words[upper.index(b"BLOCK") + 1]) / 1000
            at = upper.index(b"STREAMS") + 1
            keys = set(words[at : at + (len(words) - at) // 2])
        else:
            return self._run(words)
        reply = self._run(once)
        if reply not in (b"*-1\r\n", b"$-1\r\n"):
            return reply
        timer = self._loop.in_world(wait_s, self._give_up, reply) if wait_s else None
        self._blocked = (once, keys, timer)
        return None

    def wake(self, touched: set[bytes]) -> None:
        if self._blocked is None or not self._blocked[1] & touched:
            return
        once, _, timer = self._blocked
        reply = self._run(once)
        if reply in (b"*-1\r\n", b"$-1\r\n"):
            return
        if timer is not None:
            timer.cancel()
        self._go_on(reply)

    def _give_up(self, reply: bytes) -> None:
        if self._blocked is not None and not self._closed:
            self._go_on(b"*-1\r\n" if reply.startswith(b"*") else reply)

    def _go_on(self, reply: bytes) -> None:
        self._blocked = None
        server = self._server
        if server.lost_replies:
            server.lost_replies -= 1
            self._carried = []
            self.reset()
            return
        self._answer(reply)
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._execute(waiting)


CARRIERS = frozenset({b"XREADGROUP", b"LMOVE", b"LRANGE"})


def _words(value: Value) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)


def _parse(data: bytes) -> tuple[list[list[bytes]], bytes]:
    """The whole commands in what was received, and the rest."""
    commands: list[list[bytes]] = []
    at = 0
    while at < len(data):
        end = data.find(CRLF, at)
        if end < 0:
            break
        words, here = [], end + 2
        for _ in range(int(data[at + 1 : end])):
            end = data.find(CRLF, here)
            if end < 0:
                return commands, data[at:]
            length = int(data[here + 1 : end])
            here = end + 2 + length + 2
            if here > len(data):
                return commands, data[at:]
            words.append(data[end + 2 : here - 2])
        commands.append(words)
        at = here
    return commands, data[at:]


def _reply(value: Value) -> bytes:
    match value:
        case int():
            return b":%d\r\n" % value
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(value), value)
        case None:
            return b"$-1\r\n"
        case Status(text):
            return b"+%s\r\n" % text
        case list():
            return b"*%d\r\n%s" % (len(value), b"".join(map(_reply, value)))
        case _:
            raise TypeError(type(value))
